//! Copies of rlibs and stubs of the groups below, which the linker reads in their place.

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

/// The stubs of the groups below, for the linker: only a stub shows it the private definitions.
pub(super) fn linkable_below(object: &Object<'_>, scratch: &Path) -> Result<Vec<PathBuf>> {
    // The group of the sysroot crates is small. A native library may be a linker script, which only
    // the linker can read.
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

/// The rlibs of the members to give to the linker, and the archives beside them. If other outputs
/// have to see hidden symbols of one, it is a copy in `scratch`.
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
