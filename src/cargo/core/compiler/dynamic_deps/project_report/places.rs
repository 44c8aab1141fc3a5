//! Finds the directories of each profile and target triple, by their contents.
//!
//! `Layout` makes these directories, in one of two forms. The manifest may no longer have a profile
//! with which something was built, so only the names of directories show it.

use std::io;
use std::path::{Path, PathBuf};

use itertools::Itertools;
use link_engine::record::inventory::{Places, WrapperPlace};

use crate::core::compiler::dynamic_deps::directories::{GROUPS, entries, unit_directories};
use crate::core::compiler::dynamic_deps::units::file_name;

/// The directory of all builds with one profile for one target triple.
pub(super) struct ProfileDirectory {
    /// The name of the directory of the profile, such as `debug`.
    pub(super) profile: String,
    /// The target triple, or the name of a target specification, if one was asked for.
    pub(super) target: Option<String>,
    pub(super) path: PathBuf,
    pub(super) places: Places,
}

impl ProfileDirectory {
    /// The name of the profile in manifests. Profiles that inherit from `dev` and have no directory
    /// of their own share that of `dev`.
    pub(super) fn profile_name(&self) -> &str {
        match self.profile.as_str() {
            "debug" => "dev",
            name => name,
        }
    }
}

/// The directories of profiles in a build directory, by name. Executables may also be in a target
/// directory.
pub(super) fn profile_directories(
    build: &Path,
    target: &Path,
) -> io::Result<Vec<ProfileDirectory>> {
    let mut found = Vec::new();
    for path in directories(build)? {
        let name = file_name(&path);
        if is_of_profile(&path) {
            found.push(profile_directory(name, None, path, target));
            continue;
        }
        for below in directories(&path)? {
            if is_of_profile(&below) {
                let profile = file_name(&below);
                found.push(profile_directory(
                    profile,
                    Some(name.clone()),
                    below,
                    target,
                ));
            }
        }
    }
    Ok(found)
}

fn profile_directory(
    profile: String,
    triple: Option<String>,
    path: PathBuf,
    target: &Path,
) -> ProfileDirectory {
    let mut artifacts = target.to_owned();
    artifacts.extend(&triple);
    artifacts.push(&profile);
    let mut executables = vec![artifacts.clone(), artifacts.join("examples")];
    // Builds may have used both layouts of the build directory.
    let build = path.join("build");
    let units = entries(&build).flat_map(|name| entries(&name));
    let of_units = units.map(|unit| WrapperPlace {
        directory: unit.join("fingerprint/linker"),
        outputs: vec![unit.join("out")],
    });
    let fingerprints = entries(&path.join(".fingerprint"));
    let wrappers = fingerprints
        .map(|unit| WrapperPlace {
            directory: unit.join("linker"),
            outputs: vec![path.join(GROUPS), path.join("examples")],
        })
        .chain(of_units)
        .filter(|place| place.directory.is_dir())
        .collect();
    let units = unit_directories(&build).filter(|unit| unit.is_dir());
    let groups: Vec<PathBuf> = [path.join(GROUPS)].into_iter().chain(units).collect();
    executables.extend(groups.iter().cloned());
    executables.push(path.join("examples"));
    let executables = executables.into_iter().unique().collect();
    ProfileDirectory {
        profile,
        target: triple,
        path,
        places: Places {
            groups,
            executables,
            wrappers,
        },
    }
}

fn is_of_profile(directory: &Path) -> bool {
    directory.join(GROUPS).is_dir() || directory.join("build").is_dir()
}

fn directories(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
