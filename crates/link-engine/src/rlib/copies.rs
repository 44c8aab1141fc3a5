//! Copies of rlibs, in which other outputs can refer to hidden symbols.

use std::path::Path;

use object::elf;

use super::RlibFacts;
use crate::elf::set_visibility;
use crate::{Error, Result};

impl RlibFacts {
    /// Makes hidden definitions protected and hidden references ordinary ones, in the
    /// bytes that these facts were read from.
    ///
    /// # Panics
    /// When `rlib` is shorter than what was read.
    pub fn show_hidden_symbols(&self, rlib: &mut [u8]) {
        set_visibility(rlib, &self.hidden_definitions, elf::STV_PROTECTED);
        set_visibility(rlib, &self.hidden_references, elf::STV_DEFAULT);
    }

    /// Whether we have to make symbols visible before the rlib is linked into a group.
    pub fn has_hidden_symbols(&self) -> bool {
        !self.hidden_definitions.is_empty() || !self.hidden_references.is_empty()
    }
}

/// Copies an rlib, with its hidden definitions made protected and its hidden
/// references made ordinary ones.
///
/// Other outputs can then refer to the definitions, while references from inside
/// stay bound to the definition inside: C objects may reach a hidden symbol by a
/// PC-relative relocation, which a symbol of default visibility would not allow.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_with_protected_symbols(rlib: &Path, facts: &RlibFacts, copy: &Path) -> Result<()> {
    let mut bytes = std::fs::read(rlib).map_err(Error::io("read", rlib))?;
    facts.show_hidden_symbols(&mut bytes);
    std::fs::write(copy, bytes).map_err(Error::io("write", copy))
}
