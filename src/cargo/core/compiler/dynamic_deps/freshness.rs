//! When a group, or a final unit that uses groups, has to be built again.

use std::fmt;
use std::path::{Path, PathBuf};

use filetime::FileTime;
use itertools::Itertools;
use link_engine::executable::{CannotLoad, why_not_loadable};
use link_engine::group::FORMAT;
use link_engine::record::GroupManifest;
use serde::{Deserialize, Serialize};

use super::group_unit::{group_files, is_sysroot};
use super::kept::{kept, kept_libraries};
use super::linker::linker;
use super::units::{groups_below, library_name};
use crate::core::compiler::fingerprint::{DirtyReason, FsStatus, StaleItem};
use crate::core::compiler::{BuildRunner, FileFlavor, Unit};
use crate::util::CargoResult;

/// The inputs of a group besides the unit itself and its dependencies. For the group of the sysroot
/// crates, these are the linker and the toolchain on disk: an update of a toolchain may keep the
/// version and change the files. The other groups of a link setting have the same linker, and
/// depend on the group of the sysroot crates.
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

/// The beginning of the input of a final unit, before the libraries.
const KEPT: &str = "kept in the executable: ";

/// The input of a final unit that uses groups, besides those of a static build: the libraries that
/// are kept in the executable. Each such unit has one, so that [`changed_inputs`] can name the first
/// library that is kept, and the last.
pub(in crate::core::compiler) fn final_inputs(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> Option<String> {
    if unit.mode.is_link_group() || groups_below(build_runner, unit).is_empty() {
        return None;
    }
    let graph = &build_runner.bcx.unit_graph;
    let profiles = &build_runner.bcx.profiles;
    if !graph.keys().any(|unit| kept(profiles, unit).is_some()) {
        return Some(KEPT.to_owned());
    }
    let names = kept_libraries(graph, profiles, unit)
        .map(|(library, _)| {
            let id = library.pkg.package_id();
            // With a path, a project would be another one after somebody moved it.
            if id.source_id().is_path() {
                library_name(library)
            } else {
                id.to_string()
            }
        })
        .sorted();
    Some(format!("{KEPT}{}", names.format(", ")))
}

/// Why a final unit is built again that had the input `old` and has `new`. `None` for the inputs of
/// other units.
pub(in crate::core::compiler) fn changed_inputs(old: &str, new: &str) -> Option<DirtyReason> {
    let [old, new] = [old.strip_prefix(KEPT)?, new.strip_prefix(KEPT)?].map(str::to_owned);
    let item = StaleItem::DynamicDeps(Freshness::OtherKept { old, new });
    Some(DirtyReason::FsStatusOutdated(FsStatus::StaleItem(item)))
}

/// Whether `unit` follows `dependency`: if the dependency is another unit, or built again, so is
/// `unit`.
///
/// A final unit does not follow the groups of libraries. It depends itself on the libraries that it
/// reaches in them, as in a static build. If only other libraries of a group change, the older
/// content of the group stays for it. So Cargo builds a final unit again exactly when it would in a
/// static build, whatever else is built and shares groups with it. A final unit does follow the
/// group of the sysroot crates, which stands for toolchain and linker.
pub(in crate::core::compiler) fn follows(unit: &Unit, dependency: &Unit) -> bool {
    unit.mode.is_link_group() || !dependency.mode.is_link_group() || is_sysroot(dependency)
}

/// Whether the shared objects of a unit are as they should be. Those of a group have to be on disk
/// under their sonames, and hold the native libraries that a link would take now. A final unit has
/// to load those against which it was linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "freshness", rename_all = "kebab-case")]
pub enum Freshness {
    /// They are.
    Current,
    /// A shared object of a group is not there.
    MissingGroup {
        /// The shared object.
        path: PathBuf,
    },
    /// The loader would find a shared object that has another layout than the executable needs, and
    /// refuse it.
    OtherLayout {
        /// The shared object.
        path: PathBuf,
    },
    /// A native library in a group, or that a group needs, is another file now. In a static build,
    /// the next link of an executable takes that file.
    ChangedLibrary {
        /// The file that it is now.
        path: PathBuf,
    },
    /// Other libraries are to be kept in the executable.
    OtherKept {
        /// Those that are in it, with commas between them.
        old: String,
        /// Those that are to be in it.
        new: String,
    },
    /// The group could not be linked, for a cause that may pass.
    Refused {
        /// Its name for people.
        group: String,
    },
    /// The manifest of the group cannot be read.
    Unreadable {
        /// The manifest.
        path: PathBuf,
    },
}

impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |path: &Path| path.file_name().unwrap_or_default().display().to_string();
        match self {
            Freshness::Current => f.write_str("nothing changed"),
            Freshness::MissingGroup { path } => {
                write!(f, "the shared object `{}` is missing", name(path))
            }
            Freshness::OtherLayout { path } => write!(
                f,
                "the shared object `{}` has another layout than the executable needs",
                name(path)
            ),
            Freshness::ChangedLibrary { path } => {
                write!(f, "the library `{}` has changed", name(path))
            }
            Freshness::OtherKept { old, new } => {
                let [old, new] = [old, new].map(|names| match names.as_str() {
                    "" => "none",
                    names => names,
                });
                write!(
                    f,
                    "the libraries to keep in the executable changed ({old} => {new})"
                )
            }
            Freshness::Refused { group } => {
                write!(f, "the group {group} could not be linked the last time")
            }
            Freshness::Unreadable { path } => {
                write!(f, "the manifest `{}` cannot be read", name(path))
            }
        }
    }
}

/// Makes a unit stale whose own files are as they should be, but whose shared objects are not.
pub(in crate::core::compiler) fn check_groups(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    status: &mut FsStatus,
) -> CargoResult<()> {
    if matches!(status, FsStatus::UpToDate { .. }) {
        let freshness = freshness(build_runner, unit)?;
        if freshness != Freshness::Current {
            *status = FsStatus::StaleItem(StaleItem::DynamicDeps(freshness));
        }
    }
    Ok(())
}

fn freshness(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> CargoResult<Freshness> {
    if unit.mode.is_link_group() {
        let path = group_files(build_runner, unit).manifest();
        let Ok(manifest) = GroupManifest::read(&path) else {
            return Ok(Freshness::Unreadable { path });
        };
        if manifest.refusal.as_ref().is_some_and(|r| r.may_pass) {
            let group = manifest.group;
            return Ok(Freshness::Refused { group });
        }
        if let Some(path) = manifest.changed_native_file() {
            return Ok(Freshness::ChangedLibrary { path });
        }
        let mut objects = manifest.objects.iter().map(|object| object.path(&path));
        return Ok(match objects.find(|object| !object.exists()) {
            Some(path) => Freshness::MissingGroup { path },
            None => Freshness::Current,
        });
    }
    if groups_below(build_runner, unit).is_empty() {
        return Ok(Freshness::Current);
    }
    // For an executable that cannot be read, the checks of a static build decide.
    let outputs = build_runner.outputs(unit)?;
    let reason = outputs
        .iter()
        .filter(|output| output.flavor == FileFlavor::Normal && output.path.exists())
        .find_map(|output| why_not_loadable(&output.path).ok().flatten());
    Ok(match reason {
        None => Freshness::Current,
        Some(CannotLoad::Missing(path)) => Freshness::MissingGroup { path },
        Some(CannotLoad::OtherLayout { path, .. }) => Freshness::OtherLayout { path },
    })
}
