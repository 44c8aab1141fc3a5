//! The changes to a file that the linker has finished, in this order:
//!
//! | module | what it does |
//! |---|---|
//! | `seal` | gives the version of the layout its name, and hides [`private`] definitions behind it |
//! | `runtime` | ties program and groups to one runtime |
//! | `bind` | rewrites references to groups so that the loader need not look them up by name |
//! | `constructors` | takes a group's constructors off its list, so that it runs none |
//!
//! `rebind` binds a group again if it is unchanged and those below it have changed. `packed` tells
//! whether the loader understands the relocations that the linker has packed.

use std::collections::HashSet;
use std::path::Path;

use crate::Result;
use crate::rlib::Constructor;

pub mod bind;
pub mod constructors;
pub(crate) mod packed;
pub(crate) mod private;
pub mod rebind;
pub mod runtime;
pub mod seal;

/// A shared object of a group that the linker has just made. No other process knows the file yet.
pub(crate) struct LinkedGroup<'a> {
    /// The file.
    pub(crate) path: &'a Path,
    /// The names of C that are [`private`] in it.
    pub(crate) private: &'a HashSet<&'a str>,
    /// The shared objects that it was linked against, by soname and bytes, in the order in which
    /// the linker was given them. The group of the sysroot crates has none.
    pub(crate) below: &'a [(&'a str, &'a [u8])],
    /// The constructors of its members.
    pub(crate) constructors: &'a [&'a Constructor],
    /// Where to keep the record for binding it anew, if that may be needed.
    pub(crate) unbound: Option<&'a Path>,
}

impl LinkedGroup<'_> {
    /// Finishes it, so that executables can be linked against it.
    pub(crate) fn finish(&self) -> Result<()> {
        seal::seal(self.path, self.private)?;
        runtime::tie_group(self.path, self.below.is_empty())?;
        match self.unbound {
            Some(unbound) => rebind::Unbound::bind(self.path, self.below)?.write(unbound)?,
            None => bind::bind(self.path, self.below)?,
        }
        constructors::hand_over(self.path, self.constructors)
    }
}

/// Finishes an executable, so that the loader can start it. `groups` are those that it was linked
/// against, by soname and bytes; `sysroot` is the soname of the group of the sysroot crates among
/// them.
pub(crate) fn finish_executable(
    executable: &Path,
    groups: &[(&str, &[u8])],
    sysroot: Option<&str>,
) -> Result<()> {
    bind::bind(executable, groups)?;
    match sysroot {
        Some(sysroot) => runtime::tie_executable(executable, sysroot),
        None => Ok(()),
    }
}
