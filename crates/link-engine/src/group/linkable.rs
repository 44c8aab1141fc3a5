//! What the linker reads in the place of rlibs and of the groups below.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::archives::linkable_archives;
use super::below::reached;
use super::inputs::Input;
use super::make::Object;
use crate::Result;
use crate::elf::{Names, OpenReference};
use crate::rlib::{Shared, copy_with_protected_symbols};
use crate::stub::{self, Shown, Wanted};

/// What the linker reads in the place of the groups below: it refers to a private
/// definition only in a stub.
pub(super) fn linkable_below(object: &Object<'_>, scratch: &Path) -> Result<Vec<PathBuf>> {
    // The group of the sysroot crates is small, and what a native library is (a linker script?)
    // the linker knows.
    let mut read = HashSet::new();
    let names: Names<'_>;
    let wanted = if object.below.len() > 1 && object.native.is_empty() {
        for input in object.members {
            read.extend(Shared::read(&input.library.rlib)?.names);
            for archive in &input.archives {
                read.extend(Shared::read(&archive.path)?.names);
            }
        }
        names = read.iter().map(Vec::as_slice).collect();
        Wanted::Named(&names)
    } else {
        Wanted::All
    };
    let members = object.members.iter();
    let dependencies = members.flat_map(|input| &input.library.dependencies);
    let reached = reached(dependencies, &object.below);
    let linkable = object.below.iter().map(|below| {
        let path = scratch.join(&below.soname);
        let shown = Shown {
            wanted,
            unseen: Some(&below.unseen_from(&reached)),
        };
        let open: &[OpenReference] = match below.is_sysroot {
            true => &below.open_references,
            false => &[],
        };
        let is_written =
            stub::write_stub_for_group(&below.path, &below.soname, shown, open, &path)?;
        Ok(if is_written { path } else { below.path.clone() })
    });
    linkable.collect()
}

/// The rlibs to give to the linker, and archives beside them: those of the members, or copies of
/// them in `scratch` where hidden symbols have to be seen from outside.
pub(super) fn linkable_rlibs(members: &[&Input], scratch: &Path) -> Result<Vec<PathBuf>> {
    let mut linkable = Vec::with_capacity(members.len());
    for input in members {
        let rlib = &input.library.rlib;
        if input.facts.has_hidden_symbols() {
            let copy = scratch.join(&input.rlib);
            copy_with_protected_symbols(rlib, &input.facts, &copy)?;
            linkable.push(copy);
        } else {
            linkable.push(rlib.clone());
        }
        linkable.extend(linkable_archives(input, scratch)?);
    }
    Ok(linkable)
}
