//! Whether groups fit a program. If they do not, each check says why by an
//! [`Unfit`].

use std::collections::HashSet;

use super::unfit::Unfit;

pub(super) mod definitions;
pub(crate) mod options;
pub(super) mod references;
pub(super) mod run_path;
pub(crate) mod scope;
pub(super) mod visibility;

/// Checks that the runtime that rustc links is the one in the group of the sysroot crates.
pub(super) fn check_sysroot(
    members: &HashSet<String>,
    on_line: &HashSet<String>,
) -> Result<(), Unfit> {
    let is_runtime = |rlib: &&String| {
        let runtime = ["libstd-", "libpanic_unwind-", "libpanic_abort-"];
        runtime.iter().any(|prefix| rlib.starts_with(prefix))
    };
    if !on_line.iter().any(|rlib| rlib.starts_with("libstd-")) {
        return Err(Unfit::NoStd);
    }
    match on_line.difference(members).find(is_runtime) {
        Some(rlib) => Err(Unfit::OtherSysroot { rlib: rlib.clone() }),
        None => Ok(()),
    }
}
