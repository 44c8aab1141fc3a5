//! What is done to a file when the linker has finished it, in this order:
//!
//! | module | what it does |
//! |---|---|
//! | `seal` | gives the version of the layout its name, and hides behind it what is [`private`] |
//! | `runtime` | ties program and groups to one runtime |
//! | `bind` | makes references to groups need no look-up by name |
//! | `constructors` | has groups run none of their own |
//!
//! `rebind` does it again for a group that stays as it is while those below change, and `packed`
//! tells whether the loader takes the relocations that the linker has packed.

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

/// A shared object of a group that the linker has made and that nobody else knows yet.
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
    /// Where to keep what binding it anew takes, if that may come to pass.
    pub(crate) unbound: Option<&'a Path>,
}

impl LinkedGroup<'_> {
    /// Makes it what executables can be linked against.
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

/// Makes an executable what the loader can start, given the groups that it was linked against, by
/// soname and bytes, and the soname of the group of the sysroot crates among them.
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
