//! What the tests look at: what a build made, and what its programs do.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::prelude::*;
use cargo_test_support::{Execs, Project};
use link_engine::DynamicInfo;
use link_engine::record::{GroupManifest, SharedObject};
use serde_json::Value;

/// Lines of `nm` about the dynamic symbols of a file, without addresses.
pub(super) fn dynamic_symbols(file: &Path, option: &str) -> Vec<String> {
    let output = Command::new("nm")
        .args(["--dynamic", option])
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
        .lines()
        .map(|line| line.split(' ').next_back().unwrap().to_owned())
        .collect()
}

/// The kinds of groups that an executable loads, in order: `frozen`, `local`, `sysroot`, each once.
/// Checks that all other libraries it needs are the platform's.
#[track_caller]
pub(super) fn groups_of(executable: &Path) -> Vec<String> {
    let info = DynamicInfo::read(executable).unwrap();
    let info = info.expect("the executable is an ELF file");
    let mut groups = Vec::new();
    for soname in &info.needed {
        match soname.strip_prefix("dynamic-deps-") {
            Some(rest) => {
                let kind = rest.split('-').next().unwrap();
                if groups.last().is_none_or(|last| last != kind) {
                    groups.push(kind.to_owned());
                }
            }
            None => assert!(is_platform_library(soname), "{soname} in {info:?}"),
        }
    }
    groups
}

/// The crates in the shared objects of one kind that an executable loads, by name, sorted.
#[track_caller]
pub(super) fn members_of(executable: &Path, group: &str) -> Vec<String> {
    let mut members: Vec<String> = objects_of(executable, group)
        .into_iter()
        .flatten()
        .collect();
    assert!(!members.is_empty(), "{}", executable.display());
    members.sort();
    members
}

/// The crates in each shared object of one kind that an executable loads, by name, sorted; the
/// shared objects in the order in which they are loaded.
#[track_caller]
pub(super) fn objects_of(executable: &Path, group: &str) -> Vec<Vec<String>> {
    let info = DynamicInfo::read(executable).unwrap().unwrap();
    let prefix = format!("dynamic-deps-{group}-");
    let deps = executable.parent().unwrap().join("deps");
    let known: Vec<SharedObject> = manifests_in(&deps, &prefix)
        .into_iter()
        .flat_map(|manifest| manifest.objects)
        .collect();
    let sonames = info.needed.iter();
    sonames
        .filter(|soname| soname.starts_with(&prefix))
        .map(|soname| {
            let object = known.iter().find(|object| object.soname == *soname);
            let object = object.unwrap_or_else(|| panic!("no manifest tells of `{soname}`"));
            let names = object.members.iter().map(|member| &member.name);
            let mut names: Vec<String> = names
                .map(|name| name.split(' ').next().unwrap().to_owned())
                .collect();
            names.sort();
            names
        })
        .collect()
}

/// The manifests in a directory whose names begin with `prefix`.
fn manifests_in(directory: &Path, prefix: &str) -> Vec<GroupManifest> {
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(prefix) && name.ends_with(".json")
        })
        .map(|path| GroupManifest::read(&path).unwrap())
        .collect()
}

fn is_platform_library(soname: &str) -> bool {
    let name = soname.split(".so").next().unwrap();
    matches!(
        name,
        "libc" | "libgcc_s" | "libm" | "libpthread" | "libdl" | "librt" | "libutil" | "libstdc++"
    ) || name.starts_with("ld-linux")
}

/// The groups of a dynamic build of [`layered_project`].
pub(super) const LAYERS: [&str; 3] = ["local", "frozen", "sysroot"];

/// No group at all.
pub(super) const STATIC: [&str; 0] = [];

/// Runs a program as a user would, without Cargo and without any variable that
/// tells the loader where to look.
#[track_caller]
pub(super) fn run(executable: &Path) -> Output {
    run_in(executable, Path::new("/"))
}

#[track_caller]
pub(super) fn run_in(executable: &Path, directory: &Path) -> Output {
    Command::new(executable)
        .current_dir(directory)
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .unwrap()
}

/// Checks that a program succeeds, and returns what it prints.
#[track_caller]
pub(super) fn stdout(executable: &Path) -> String {
    let output = run(executable);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Builds the program `foo` of a project statically and dynamically, checks that
/// each was linked as asked, and that both behave the same; returns the output.
#[track_caller]
pub(super) fn same_behaviour(project: &Project) -> Output {
    project.cargo("build --no-dynamic-deps").run();
    let executable = project.bin("foo");
    assert_eq!(groups_of(&executable), STATIC);
    let of_static = run(&executable);

    project.cargo("build --dynamic-deps").run();
    assert!(!groups_of(&executable).is_empty());
    let of_dynamic = run(&executable);

    assert_eq!(of_static.status, of_dynamic.status, "{of_dynamic:?}");
    assert_eq!(text(&of_static.stdout), text(&of_dynamic.stdout));
    assert_eq!(
        without_thread_ids(text(&of_static.stderr)),
        without_thread_ids(text(&of_dynamic.stderr))
    );
    of_dynamic
}

/// The output of a program that may fall back. It has to be the same when the program is linked
/// statically and when it is linked dynamically.
#[track_caller]
pub(super) fn same_output(project: &Project) -> String {
    let run = |argument: &str| {
        project.cargo(&format!("build {argument}")).run();
        stdout(&project.bin("foo"))
    };
    let of_static = run("--no-dynamic-deps");
    assert_eq!(run("--dynamic-deps"), of_static);
    of_static
}

/// The thread id in `thread 'main' (1234) panicked` differs from run to run.
pub(super) fn without_thread_ids(stderr: &str) -> String {
    let lines = stderr.lines().map(|line| match line.split_once("' (") {
        Some((before, after)) => format!("{before}'{}", after.split_once(')').unwrap().1),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The files of groups in `target/debug/deps` whose name begins with `prefix`, sorted. In the new
/// layout, the directory is there only with groups.
pub(super) fn group_files(project: &Project, prefix: &str) -> Vec<PathBuf> {
    let prefix = format!("dynamic-deps-{prefix}");
    let deps = project.target_debug_dir().join("deps");
    let mut files: Vec<PathBuf> = std::fs::read_dir(deps)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(&prefix)
        })
        .collect();
    files.sort();
    files
}

/// Shared objects of a group under their sonames: what executables load.
pub(super) fn contents(project: &Project, group: &str) -> Vec<PathBuf> {
    let mut files = group_files(project, group);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "so"));
    files
}

/// Whether an ELF file of any kind loads a group.
pub(super) fn uses_groups(file: &Path) -> bool {
    let info = DynamicInfo::read(file).unwrap().unwrap();
    info.needed
        .iter()
        .any(|soname| soname.starts_with("dynamic-deps-"))
}

/// The run path of an executable, without the entry that only the new layout of the build directory
/// needs, where an executable lies in a directory of its unit.
pub(super) fn run_path(executable: &Path) -> Vec<String> {
    let mut run_path = DynamicInfo::read(executable).unwrap().unwrap().run_path;
    run_path.retain(|entry| entry != "$ORIGIN/../../../../deps");
    run_path
}

/// The entries of a directory; none if it is not there.
pub(super) fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The directories of units in the new layout of the build directory.
fn units(project: &Project) -> impl Iterator<Item = PathBuf> {
    let packages = entries(&project.target_debug_dir().join("build"));
    packages.into_iter().flat_map(|package| entries(&package))
}

/// The files that rustc has made, in either layout of the build directory.
pub(super) fn unit_files(project: &Project) -> Vec<PathBuf> {
    let of_all = entries(&project.target_debug_dir().join("deps"));
    let of_units = units(project).flat_map(|unit| entries(&unit.join("out")));
    of_all.into_iter().chain(of_units).collect()
}

/// Whether a file is one that nobody is meant to see: a temporary one.
pub(super) fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.starts_with('.')
}

/// The directories of linker wrappers, in either layout of the build directory.
pub(super) fn wrappers(project: &Project) -> Vec<PathBuf> {
    let fingerprints = entries(&project.target_debug_dir().join(".fingerprint"));
    let fingerprints = fingerprints
        .into_iter()
        .chain(units(project).map(|unit| unit.join("fingerprint")));
    let wrappers = fingerprints.map(|fingerprint| fingerprint.join("linker"));
    wrappers.filter(|path| path.is_dir()).collect()
}

/// Names of the groups that a build links, sorted.
#[track_caller]
pub(super) fn linked_groups(project: &Project, arguments: &str) -> Vec<String> {
    let output = project.cargo(arguments).run();
    let mut groups: Vec<String> = text(&output.stderr)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Linking "))
        .map(str::to_owned)
        .collect();
    groups.sort();
    groups
}

/// A unit that a build made or found fresh, as `--message-format json` tells it.
#[derive(Debug)]
pub(super) struct Artifact {
    /// The package id, the kind and the name of the Cargo target, and whether it is a test.
    pub(super) unit: String,
    pub(super) is_group: bool,
    pub(super) is_fresh: bool,
    pub(super) files: Vec<PathBuf>,
    pub(super) executable: Option<PathBuf>,
}

/// Runs a build and returns its units, in the order in which they were finished.
#[track_caller]
pub(super) fn artifacts(cargo: &mut Execs) -> Vec<Artifact> {
    let output = cargo.arg("--message-format=json").run();
    let messages = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    messages
        .filter(|message| message["reason"] == "compiler-artifact")
        .map(|message| {
            let target = &message["target"];
            let files = message["filenames"].as_array().unwrap();
            Artifact {
                unit: format!(
                    "{} {} {}{}",
                    message["package_id"].as_str().unwrap(),
                    target["kind"][0].as_str().unwrap(),
                    target["name"].as_str().unwrap(),
                    if message["profile"]["test"] == true {
                        " (test)"
                    } else {
                        ""
                    },
                ),
                is_group: message["package_id"]
                    .as_str()
                    .is_some_and(|id| id.contains("dynamic-deps.invalid")),
                is_fresh: message["fresh"] == true,
                files: files
                    .iter()
                    .map(|file| file.as_str().unwrap().into())
                    .collect(),
                executable: message["executable"].as_str().map(PathBuf::from),
            }
        })
        .collect()
}

/// The units that a build did not find fresh, without groups, sorted.
#[track_caller]
pub(super) fn rebuilt(cargo: &mut Execs) -> Vec<String> {
    let artifacts = artifacts(cargo).into_iter();
    let mut rebuilt: Vec<String> = artifacts
        .filter(|artifact| !artifact.is_group && !artifact.is_fresh)
        .map(|artifact| artifact.unit)
        .collect();
    rebuilt.sort();
    rebuilt
}
