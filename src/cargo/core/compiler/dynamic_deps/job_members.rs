//! The facts about the members of a group that its job needs after other jobs have run.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use link_engine::group::GroupJob;

use super::units::{file_name, package_name, package_text, rlib};
use crate::core::PackageId;
use crate::core::compiler::{BuildOutput, BuildRunner, Unit, UnitHash};
use crate::util::CargoResult;

/// The facts about a library of a group that the job needs after other jobs have run.
pub(super) struct Member {
    package: PackageId,
    /// See [`package_text`].
    pub(super) package_text: String,
    hash: UnitHash,
    pub(super) rlib: String,
}

impl Member {
    pub(super) fn new(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> CargoResult<Member> {
        Ok(Member {
            package: unit.pkg.package_id(),
            package_text: package_text(build_runner.bcx.ws, unit),
            hash: build_runner.files().metadata(unit).unit_id(),
            rlib: rlib(build_runner, unit)?.map_or(String::new(), |path| file_name(&path)),
        })
    }
}

/// Takes libraries out of a job that were not compiled, with `--keep-going`: their rlibs on disk
/// are from an earlier build.
pub(super) fn leave_out_failed(job: &mut GroupJob, members: &[Member], failed: &HashSet<UnitHash>) {
    let libraries = std::mem::take(&mut job.libraries);
    for (library, member) in libraries.into_iter().zip(members) {
        if failed.contains(&member.hash) {
            job.missing.push(library.name);
        } else {
            job.libraries.push(library);
        }
    }
}

/// Adds the libraries that a build script asks for to the library of its package, or else to the
/// job.
pub(super) fn add_native_libraries(
    job: &mut GroupJob,
    members: &[Member],
    package: PackageId,
    output: &BuildOutput,
) {
    let search = output.library_paths.iter();
    let search = search.map(|path| search_directory(path.as_ref()));
    let libraries = output.library_links.iter().cloned();
    let names: Vec<String> = members
        .iter()
        .filter(|member| member.package == package)
        .map(|member| package_name(member.package))
        .collect();
    let mut own = job.libraries.iter_mut();
    match own.find(|library| names.contains(&library.name)) {
        Some(library) => {
            library.native_search.extend(search);
            library.native_libraries.extend(libraries);
        }
        None => {
            job.native_search.extend(search);
            job.native_libraries.extend(libraries);
        }
    }
}

/// `-L` of a build script without its kind, as in `native=/usr/lib`.
fn search_directory(path: &Path) -> PathBuf {
    match path.to_str().and_then(|path| path.split_once('=')) {
        Some(("native" | "all" | "dependency" | "crate" | "framework", directory)) => {
            directory.into()
        }
        _ => path.to_owned(),
    }
}
