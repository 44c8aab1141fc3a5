//! The toolchain that this Cargo was installed over.
//!
//! The installer makes a rustup toolchain of this Cargo and of links to another toolchain, the
//! *base*, and records the rustc of the base. After an update of the base, the links lead to other
//! programs, with which nobody has tried this Cargo. So Cargo warns.

use std::fs;
use std::path::Path;

use crate::GlobalContext;
use crate::util::{CargoResult, Rustc};

/// The record in the directory of the toolchain: the output of `rustc -vV`.
const RECORD: &str = "base-rustc";

/// Warns if the rustc of the toolchain is another one than when `program`, this Cargo, was
/// installed.
pub(super) fn check_base(gctx: &GlobalContext, program: &Path, rustc: &Rustc) -> CargoResult<()> {
    let Some(toolchain) = program.parent().and_then(Path::parent) else {
        return Ok(());
    };
    // Most Cargos are built or unpacked, and not installed.
    let Ok(record) = fs::read_to_string(toolchain.join(RECORD)) else {
        return Ok(());
    };
    if record.trim() == rustc.verbose_version.trim() {
        return Ok(());
    }
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    gctx.shell().warn(format_args!(
        "this Cargo was installed over `{}`, and now runs `{}`\n\
         help: run `sh '{}'` to renew its toolchain",
        first_line(&record),
        first_line(&rustc.verbose_version),
        toolchain.join("install.sh").display()
    ))
}
