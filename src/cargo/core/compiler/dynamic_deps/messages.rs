//! Groups in JSON messages and other messages for programs.
//!
//! A group is a Cargo target that its package does not have and whose crate type rustc does not know.
//! Programs that read messages look for kinds that they know. cargo-nextest puts files of the kind
//! `dylib` into an archive (0.9.143, `BinaryListBuilder::process_message`). So messages call groups
//! `dylib`, and archived tests find their shared objects.

use std::path::PathBuf;

use super::group_unit::{group_files, group_name};
use crate::core::compiler::{BuildRunner, CrateType, Unit};
use crate::core::{Target, TargetKind};
use crate::util::CargoResult;
use crate::util::log_message;

/// Makes `target`, of which a message is made, a Rust `dylib` if `unit` is a group. Returns a
/// function that lists the files of the group besides the manifest: all contents on disk, since
/// executables that were not built again may need an older one. It lists none for any other unit.
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

/// The target of `unit` in the log messages from which `--timings` makes its report. A group has
/// its name for people.
pub(crate) fn logged_target(unit: &Unit) -> log_message::Target {
    let mut target = log_message::Target::from(&unit.target);
    if unit.mode.is_link_group() {
        target.name = group_name(unit);
    }
    target
}
