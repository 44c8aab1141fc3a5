//! When a group, or a final unit that uses groups, has to be built again.

use std::path::PathBuf;

use filetime::FileTime;
use link_engine::executable::{CannotLoad, why_not_loadable};
use link_engine::group::FORMAT;
use link_engine::record::GroupManifest;

use super::group_unit::{group_files, is_sysroot};
use super::linker::linker;
use super::units::groups_below;
use crate::core::compiler::{BuildRunner, FileFlavor, Unit};
use crate::util::CargoResult;

/// What a group is made from, besides what the unit itself and its dependencies
/// tell: for the sysroot, the linker and the toolchain on disk. An update of a
/// toolchain may keep the version and change the files. The other groups of a link
/// setting have the same linker, and depend on the one of the sysroot.
pub(in crate::core::compiler) fn group_inputs(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> String {
    if !is_sysroot(unit) {
        return FORMAT.to_owned();
    }
    let linker = link_engine::linker_identity(&linker(build_runner, unit));
    let directory = &build_runner
        .bcx
        .target_data
        .info(unit.kind)
        .sysroot_target_libdir;
    let changed = directory
        .metadata()
        .map(|m| FileTime::from_last_modification_time(&m));
    let sysroot = directory.display();
    format!("{FORMAT}, linker {linker}, sysroot {sysroot} {changed:?}")
}

/// Whether `unit` is another one, and has to be built again, when `dependency` is.
///
/// A final unit does not follow the groups of libraries: what it reaches in them are
/// dependencies of its own, as in a static build, and the older content stays for it
/// where only others change. So it is built again exactly when it would be if it was
/// linked statically, whatever else is built and shares groups with it. It follows the
/// group of the sysroot, which stands for toolchain and linker.
pub(in crate::core::compiler) fn follows(unit: &Unit, dependency: &Unit) -> bool {
    unit.mode.is_link_group() || !dependency.mode.is_link_group() || is_sysroot(dependency)
}

/// Files besides the outputs of a unit without which it is not fresh. For a group, the
/// shared object under its soname: it is what executables load. For a final unit, one
/// that it loads, if that is missing.
pub(in crate::core::compiler) fn needed_files(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> CargoResult<Option<PathBuf>> {
    if unit.mode.is_link_group() {
        let path = group_files(build_runner, unit).manifest();
        return Ok(match GroupManifest::read(&path) {
            Ok(manifest) if manifest.refusal.as_ref().is_some_and(|r| r.may_pass) => {
                Some(path.join("refused"))
            }
            Ok(manifest) => {
                let objects = manifest.objects.iter().map(|object| object.path(&path));
                objects.into_iter().find(|object| !object.exists())
            }
            // What cannot be read is linked anew: there is no file below a file.
            Err(_) => Some(path.join("unreadable")),
        });
    }
    if groups_below(build_runner, unit).is_empty() {
        return Ok(None);
    }
    // An executable that cannot be read is stale or not by what a static build looks at.
    let outputs = build_runner.outputs(unit)?;
    Ok(outputs
        .iter()
        .filter(|output| output.flavor == FileFlavor::Normal && output.path.exists())
        .find_map(|output| why_not_loadable(&output.path).ok().flatten())
        .map(|reason| match reason {
            CannotLoad::Missing(path) => path,
            // There is a file, and no file below it.
            CannotLoad::OtherLayout { path, layout } => path.join(layout),
        }))
}
