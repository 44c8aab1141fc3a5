//! The directories of groups, and of executables that may need their shared objects.

use std::fs;
use std::path::{Path, PathBuf};

use link_engine::record::GroupFiles;

use crate::core::Workspace;
use crate::core::compiler::{BuildRunner, CompileKind};

/// The directory of the groups of a profile, in both layouts of the build directory: pools and parts
/// serve more units than those of one build.
pub(super) const GROUPS: &str = "deps";

/// Whether each group lies in the directory of its unit, which has a lock of its own. In a common
/// directory, simultaneous builds would remove files that others need. In this case, plans use no
/// records of earlier builds.
pub(super) fn are_apart(ws: &Workspace<'_>) -> bool {
    ws.gctx().cli_unstable().fine_grain_locking
}

/// The directory of the files of a group whose unit has the output directory `output`.
pub(super) fn group_directory(ws: &Workspace<'_>, output: PathBuf) -> PathBuf {
    if !ws.gctx().cli_unstable().build_dir_new_layout || are_apart(ws) {
        return output;
    }
    // `<profile>/build/<package>/<hash>/out`
    match output.ancestors().nth(4) {
        Some(profile) => profile.join(GROUPS),
        None => output,
    }
}

/// The directories of the executables of this build directory, whichever build made them.
pub(super) fn executable_directories(
    build_runner: &BuildRunner<'_, '_>,
    kind: CompileKind,
    group: &GroupFiles,
) -> Vec<PathBuf> {
    let files = build_runner.files();
    let layout = files.layout(kind);
    let mut directories = vec![
        group.directory().to_owned(),
        layout.build_dir().examples().to_owned(),
    ];
    if let Some(artifacts) = layout.artifact_dir() {
        directories.push(artifacts.dest().to_owned());
        directories.push(artifacts.examples().to_owned());
    }
    directories.extend(files.export_dir());
    if build_runner.bcx.gctx.cli_unstable().build_dir_new_layout {
        directories.extend(unit_directories(layout.build_dir().build()));
    }
    directories.sort();
    directories.dedup();
    directories
}

/// The output directories of all units that were ever built, in a layout that has one
/// for each: `build/<package>/<hash>/out`.
pub(super) fn unit_directories(build: &Path) -> impl Iterator<Item = PathBuf> {
    let packages = entries(build);
    packages
        .flat_map(|package| entries(&package))
        .map(|unit| unit.join("out"))
}

/// The entries of a directory; none if it cannot be listed.
pub(super) fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}
