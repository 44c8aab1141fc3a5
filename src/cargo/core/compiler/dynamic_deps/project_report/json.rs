//! The report as JSON.
//!
//! The manual page (`src/doc/man/cargo-report-dynamic-deps.md`) describes its fields: keep the two
//! alike. You may add fields. If a field changes its meaning, raise `version`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use link_engine::record::Making;
use link_engine::record::inventory::{Executable, Inventory, Kind, Object};
use serde::Serialize;

use super::Found;
use super::stays::{StayingLibrary, fallback, refusals, staying_libraries};
use crate::core::Workspace;

#[derive(Serialize)]
pub(super) struct Report<'a> {
    version: u32,
    target_directory: PathBuf,
    build_directory: PathBuf,
    profiles: Vec<Profile<'a>>,
}

#[derive(Serialize)]
struct Profile<'a> {
    directory: &'a Path,
    profile: &'a str,
    target: Option<&'a str>,
    executables: Vec<JsonExecutable<'a>>,
    shared_objects: Vec<JsonObject<'a>>,
    stays: BTreeSet<StayingLibrary>,
    refusals: Vec<String>,
    unneeded_bytes: u64,
}

#[derive(Serialize)]
struct JsonExecutable<'a> {
    path: &'a Path,
    name: Option<&'a str>,
    bytes: u64,
    dynamic: bool,
    /// The shared objects that the loader has to find at each start.
    loads: &'a [String],
    link: Option<&'a Making>,
    fallback: Option<String>,
}

#[derive(Serialize)]
struct JsonObject<'a> {
    soname: &'a str,
    path: &'a Path,
    kind: Kind,
    group: Option<&'a str>,
    bytes: u64,
    made_at: u64,
    link: Option<&'a Making>,
    libraries: &'a BTreeSet<String>,
    executables: Vec<&'a Path>,
    unneeded: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(ws: &Workspace<'_>, found: &'a [Found]) -> Report<'a> {
        Report {
            version: 1,
            target_directory: ws.target_dir().into_path_unlocked(),
            build_directory: ws.build_dir().into_path_unlocked(),
            profiles: found.iter().map(Profile::new).collect(),
        }
    }
}

impl<'a> Profile<'a> {
    fn new(found: &'a Found) -> Profile<'a> {
        let Found {
            directory,
            inventory,
        } = found;
        let profile = directory.profile_name();
        let executables = inventory.executables.iter();
        let objects = inventory.objects.iter();
        Profile {
            directory: &directory.path,
            profile,
            target: directory.target.as_deref(),
            executables: executables
                .map(|executable| JsonExecutable::new(executable, profile))
                .collect(),
            shared_objects: objects
                .map(|object| JsonObject::new(object, inventory))
                .collect(),
            stays: staying_libraries(inventory, profile),
            refusals: refusals(inventory, profile),
            unneeded_bytes: inventory.unneeded().map(|object| object.bytes).sum(),
        }
    }
}

impl<'a> JsonExecutable<'a> {
    fn new(executable: &'a Executable, profile: &str) -> JsonExecutable<'a> {
        JsonExecutable {
            path: executable.path(),
            name: executable.name(),
            bytes: executable.bytes,
            dynamic: executable.is_dynamic(),
            loads: &executable.needs,
            link: executable.making(),
            fallback: fallback(executable, profile),
        }
    }
}

impl<'a> JsonObject<'a> {
    fn new(object: &'a Object, inventory: &'a Inventory) -> JsonObject<'a> {
        let users = object.users.iter();
        JsonObject {
            soname: &object.soname,
            path: &object.path,
            kind: object.kind,
            group: object.group.as_deref(),
            bytes: object.bytes,
            made_at: object.made_at(),
            link: object.making.as_ref(),
            libraries: &object.libraries,
            executables: users
                .map(|index| inventory.executables[*index].path())
                .collect(),
            unneeded: object.is_unneeded(),
        }
    }
}
