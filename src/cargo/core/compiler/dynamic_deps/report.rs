//! The output of `-v` about an executable: the groups that it loads, the libraries in them, and the
//! libraries inside the executable, with the reasons.
//!
//! Cargo prints it for fresh units too, so a build without changes shows it. Cargo describes a
//! group once, and then only names it for each executable, since `cargo test` may build hundreds.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_util_terminal::Verbosity;
use itertools::Itertools;
use link_engine::DynamicInfo;
use link_engine::record::GroupManifest;

use super::group_unit::group_files;
use super::kept::{Kept, kept};
use super::units::{file_name, groups_below, library_name, reachable_libraries, rlib};
use crate::core::compiler::job_queue::Work;
use crate::core::compiler::{BuildRunner, FileFlavor, Unit};
use crate::util::{CargoResult, HumanBytes};

/// A library that an executable depends on.
struct Dependency {
    /// Its name for people.
    name: String,
    /// File name of its rlib, by which manifests know it.
    rlib: String,
    /// Why it stays in the executable, if the reason is not its content.
    kept: Option<Kept>,
}

/// Describes a group, with `-v`.
pub(super) fn describe_group(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Work {
    if !is_wanted(build_runner) {
        return Work::noop();
    }
    let manifest_path = group_files(build_runner, unit).manifest();
    Work::new(move |state| {
        match GroupManifest::read(&manifest_path) {
            Ok(manifest) => state.stderr(of_group(&manifest, &manifest_path)),
            // If the manifest could not be written, the job has reported that.
            Err(_) => Ok(()),
        }
    })
}

/// Describes a final unit that uses groups, with `-v`.
pub(super) fn describe_final(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> CargoResult<Work> {
    if !is_wanted(build_runner) {
        return Ok(Work::noop());
    }
    let name = executable_name(unit);
    let executable = executable(build_runner, unit)?;
    let manifests: Vec<PathBuf> = groups_below(build_runner, unit)
        .iter()
        .map(|group| group_files(build_runner, group).manifest())
        .collect();
    let dependencies = dependencies(build_runner, unit)?;
    Ok(Work::new(move |state| {
        let Some(executable) = executable else {
            return Ok(());
        };
        // If a manifest cannot be read, the linker wrapper has reported that.
        let manifests: Vec<GroupManifest> = manifests
            .iter()
            .filter_map(|path| GroupManifest::read(path).ok())
            .collect();
        let info = DynamicInfo::read(&executable).ok().flatten();
        let loaded = info.unwrap_or_default().needed;
        state.stderr(of_final(
            &name,
            size(&executable),
            &loaded,
            &manifests,
            &dependencies,
        ))
    }))
}

/// The name of a final unit for people.
pub(super) fn executable_name(unit: &Unit) -> String {
    let test = if unit.mode.is_any_test() { " test" } else { "" };
    format!(
        "{} ({}{test})",
        library_name(unit),
        unit.target.description_named()
    )
}

/// Where rustc puts the executable of a final unit. None for doctests.
pub(super) fn executable(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> CargoResult<Option<PathBuf>> {
    let outputs = build_runner.outputs(unit)?;
    let mut outputs = outputs.iter();
    let executable = outputs.find(|output| output.flavor == FileFlavor::Normal);
    Ok(executable.map(|output| output.path.clone()))
}

fn is_wanted(build_runner: &BuildRunner<'_, '_>) -> bool {
    build_runner.bcx.gctx.shell().verbosity() == Verbosity::Verbose
}

fn dependencies(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> CargoResult<Vec<Dependency>> {
    let mut dependencies = Vec::new();
    for library in reachable_libraries(&build_runner.bcx.unit_graph, unit) {
        if let Some(rlib) = rlib(build_runner, library)? {
            dependencies.push(Dependency {
                name: library_name(library),
                rlib: file_name(&rlib),
                kept: kept(&build_runner.bcx.profiles, library),
            });
        }
    }
    dependencies.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(dependencies)
}

fn of_group(manifest: &GroupManifest, path: &Path) -> String {
    let mut text = format!(
        "group {}: {}",
        manifest.group,
        count(manifest.members().count())
    );
    for object in &manifest.objects {
        let bytes = HumanBytes(size(&object.path(path)));
        text.push_str(&format!("\n  {bytes:.1} in `{}`", object.soname));
        let members = object.members.iter().map(|member| &member.name);
        text.push_str(&format!(", which holds {}", members.sorted().format(", ")));
    }
    for stay in &manifest.stays {
        text.push_str(&format!("\n  without {}: {}", stay.name, stay.reason));
    }
    text
}

fn of_final(
    name: &str,
    bytes: u64,
    loaded: &[String],
    manifests: &[GroupManifest],
    dependencies: &[Dependency],
) -> String {
    let groups: Vec<&str> = manifests
        .iter()
        .filter(|manifest| {
            let mut objects = manifest.objects.iter();
            objects.any(|object| loaded.contains(&object.soname))
        })
        .map(|manifest| manifest.group.as_str())
        .collect();
    if groups.is_empty() {
        return format!(
            "executable {name}: {:.1}, loads no group",
            HumanBytes(bytes)
        );
    }
    let mut text = format!(
        "executable {name}: {:.1}, loads {}",
        HumanBytes(bytes),
        groups.iter().format(", ")
    );
    let members: HashSet<&str> = manifests
        .iter()
        .flat_map(GroupManifest::members)
        .map(|member| member.rlib.as_str())
        .collect();
    let stays: HashMap<&str, String> = manifests
        .iter()
        .flat_map(|manifest| &manifest.stays)
        .map(|stay| (stay.rlib.as_str(), stay.reason.to_string()))
        .collect();
    let mut kept = dependencies.iter().filter_map(|dependency| dependency.kept);
    let by_profile = kept.all(|kept| kept == Kept::ByProfile);
    for dependency in dependencies {
        if members.contains(dependency.rlib.as_str()) {
            continue;
        }
        let reason = match (stays.get(dependency.rlib.as_str()), dependency.kept) {
            (Some(reason), _) => reason.clone(),
            (None, Some(kept)) => kept.to_string(),
            (None, None) if by_profile => {
                "it depends on a library whose profile says `dynamic-deps = false`".to_owned()
            }
            (None, None) => "it depends on a library that stays".to_owned(),
        };
        text.push_str(&format!("\n  holds {}: {reason}", dependency.name));
    }
    text
}

fn count(libraries: usize) -> String {
    match libraries {
        1 => "1 library".to_owned(),
        _ => format!("{libraries} libraries"),
    }
}

/// Size of a file in bytes; 0 if there is none.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
