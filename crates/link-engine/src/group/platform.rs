//! The libraries and symbols that the platform brings to every program.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::make::GroupLink;
use crate::Result;
use crate::elf::DynamicInfo;
use crate::finish::packed;
use crate::line::template::LinkTemplate;
use crate::rlib::Shared;

impl GroupLink<'_> {
    /// Whether the C library says that the loader understands packed relocations.
    pub(super) fn loader_knows_packed(&self) -> Result<bool> {
        let c_library = [packed::C_LIBRARY.to_owned()];
        match &self.search.find(&[], &c_library)[..] {
            [c_library] => packed::are_understood_by(c_library),
            _ => Ok(false),
        }
    }

    /// The shared libraries of the platform that are found: those that the group of the sysroot
    /// crates needs, and the others that are on every line.
    pub(super) fn platform_libraries(&self, content: &Path) -> Result<Vec<PathBuf>> {
        // The sonames of glibc end in 0, 1, 2 or 6 (`shlib-versions` of glibc 2.36).
        let on_line = self.template.platform_names();
        let on_line = on_line.flat_map(|name| [0, 1, 2, 6].map(|n| format!("lib{name}.so.{n}")));
        let info = DynamicInfo::read(content)?.unwrap_or_default();
        let mut sonames = info.needed;
        sonames.extend(on_line);
        sonames.sort();
        sonames.dedup();
        Ok(self.search.find(&[], &sonames))
    }
}

/// The C names that the compiler builtins define and the platform does not.
pub(super) fn builtin_definitions(
    template: &LinkTemplate,
    platform: &HashSet<String>,
) -> Result<BTreeSet<String>> {
    let mut definitions = BTreeSet::new();
    for rlib in &template.builtins {
        let names = Shared::read(rlib)?.names.into_iter();
        let names = names.filter_map(|name| String::from_utf8(name).ok());
        definitions.extend(names.filter(|name| is_plain(name) && !platform.contains(name)));
    }
    Ok(definitions)
}

/// Whether rustc has not mangled a name.
fn is_plain(name: &str) -> bool {
    !crate::elf::is_mangled_by_rustc(name.as_bytes())
}
