//! What messages for programs say of groups.
//!
//! A group is a Cargo target that its package does not have and whose crate type rustc does not know.
//! Programs that read messages look for kinds they know: cargo-nextest takes into an archive what is a
//! `dylib` (0.9.143, `BinaryListBuilder::process_message`), and with it the tests find their shared
//! objects elsewhere.

use std::path::PathBuf;

use super::group_unit::{group_files, group_name};
use crate::core::compiler::{BuildRunner, CrateType, Unit};
use crate::core::{Target, TargetKind};
use crate::util::CargoResult;
use crate::util::log_message;

/// Has `target`, of which a message is made, be a Rust `dylib` if `unit` is a group, and returns what
/// lists its files, besides the manifest: those of its contents that are on disk, of which executables
/// that were not built again may need an older one. None for any other unit.
pub(in crate::core::compiler) fn group_contents(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    target: &mut Target,
) -> impl Fn() -> CargoResult<Vec<PathBuf>> + use<> {
    let files = unit.mode.is_link_group().then(|| {
        target.set_kind(TargetKind::Lib(vec![CrateType::Dylib]));
        group_files(build_runner, unit)
    });
    move || {
        let contents = files.as_ref().map(|files| files.contents());
        Ok(contents.transpose()?.unwrap_or_default())
    }
}

/// The target of `unit`, as log messages tell of it, of which `--timings` is made. A group has its
/// name for people.
pub(crate) fn logged_target(unit: &Unit) -> log_message::Target {
    let mut target = log_message::Target::from(&unit.target);
    if unit.mode.is_link_group() {
        target.name = group_name(unit);
    }
    target
}
