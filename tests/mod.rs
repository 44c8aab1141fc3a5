//! Tests for `dynamic-deps`.
//!
//! The strongest tests compare: the program that was linked dynamically with the one that was
//! linked statically, and the fork's command lines with those of a build that does not opt in.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod allocator;
mod archives;
mod bystanders;
mod codegen;
mod commands;
mod constructors_of_c;
mod cpp;
mod crate_kinds;
mod cuts;
mod debug_info;
mod documents;
mod fallback;
mod freshness;
mod gathered;
mod identity;
mod installed;
mod integrity;
mod linkers;
mod measurement;
mod messages;
mod native;
mod nightly;
mod option;
mod outputs;
mod panics;
mod parts;
mod placement;
mod pool_files;
mod pools;
mod profiles;
mod project_report;
mod report;
mod search_paths;
mod shared_libraries;
mod sharing;
mod symbols;
mod tests;
mod thread_locals;
mod untouched;
mod weak_references;
mod workspaces;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Execs, Project, ProjectBuilder, project};
use link_engine::DynamicInfo;
use link_engine::record::{GroupManifest, SharedObject};
use serde_json::Value;

/// A program `foo` with a dependency in each layer: `frozen` from the registry and
/// `local` by path. It prints one line.
fn layered_project() -> ProjectBuilder {
    Package::new("frozen", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                pub static COUNT: std::sync::atomic::AtomicUsize =
                    std::sync::atomic::AtomicUsize::new(0);

                pub fn count() -> usize {
                    COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1
                }
            "#,
        )
        .publish();
    project()
        .file("Cargo.toml", &layered_manifest(""))
        .file(
            "src/main.rs",
            r#"
                fn main() {
                    println!("{} {}", local::name(), frozen::count());
                }
            "#,
        )
        .file(
            "local/Cargo.toml",
            &manifest("local", "[dependencies]\nfrozen = '1.0'\n"),
        )
        .file(
            "local/src/lib.rs",
            r#"
                pub fn name() -> String {
                    format!("hello from local, call {}", frozen::count())
                }
            "#,
        )
}

/// The manifest of [`layered_project`], with more at its end.
fn layered_manifest(rest: &str) -> String {
    let dependencies = "[dependencies]\nfrozen = '1.0'\nlocal = { path = 'local' }\n";
    manifest("foo", &format!("{dependencies}{rest}"))
}

/// A program whose dependencies are the packages in the registry with these names.
fn program(dependencies: &[&str], main: &str) -> Project {
    let dependencies: String = dependencies
        .iter()
        .map(|name| format!("{name} = '1.0'\n"))
        .collect();
    project()
        .file(
            "Cargo.toml",
            &manifest("foo", &format!("[dependencies]\n{dependencies}")),
        )
        .file("src/main.rs", main)
        .build()
}

/// A manifest of edition 2021, with more at its end.
fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n{rest}")
}

/// A package in the registry with a C library of its own.
fn publish_native(name: &str, c: &str, lib: &str) {
    Package::new(name, "1.0.0")
        .file("Cargo.toml", &manifest(name, ""))
        .file("build.rs", &build_script_for_c(""))
        .file("src/native.c", c)
        .file("src/lib.rs", lib)
        .publish();
}

/// A program over the local `dead`, which refers to a function that is missing. Nothing that the program
/// calls refers to it: a static link drops it, a shared object has it.
fn program_with_a_dead_reference() -> Project {
    project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\ndead = { path = 'dead' }\n"),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", dead::alive()); }",
        )
        .file("dead/Cargo.toml", &manifest("dead", ""))
        .file(
            "dead/src/lib.rs",
            r#"
                extern "C" { fn missing_function() -> i32; }
                pub fn dead() -> i32 { unsafe { missing_function() } }
                #[inline]
                pub fn alive() -> i32 { 5 }
            "#,
        )
        .build()
}

/// A build script that makes a static library of `src/native.c`, compiled with `flags`.
fn build_script_for_c(flags: &str) -> String {
    build_script_for("cc", "src/native.c", flags)
}

/// A build script that makes a static library of `source`, compiled with `flags`.
fn build_script_for(compiler: &str, source: &str, flags: &str) -> String {
    r#"
        use std::process::Command;
        fn main() {
            let out = std::env::var("OUT_DIR").unwrap();
            let name = std::env::var("CARGO_PKG_NAME").unwrap();
            let (object, library) = (format!("{out}/native.o"), format!("{out}/lib{name}_c.a"));
            let mut compiler = Command::new("COMPILER");
            compiler.args(["-c", "-fPIC", "SOURCE", "-o", &object]);
            compiler.args("FLAGS".split_whitespace());
            assert!(compiler.status().unwrap().success());
            let _ = std::fs::remove_file(&library);
            let ar = ["crs", &library, &object];
            assert!(Command::new("ar").args(ar).status().unwrap().success());
            println!("cargo::rustc-link-search=native={out}");
            println!("cargo::rustc-link-lib=static={name}_c");
            if "COMPILER" == "c++" {
                println!("cargo::rustc-link-lib=stdc++");
            }
        }
    "#
    .replace("COMPILER", compiler)
    .replace("SOURCE", source)
    .replace("FLAGS", flags)
}

/// Has `cc` make the shared library `path` of this C code, with these flags.
fn shared_library(path: &Path, c: &str, flags: &str) {
    let source = path.with_extension("c");
    std::fs::write(&source, c).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC"])
        .arg(&source)
        .arg("-o")
        .arg(path)
        .args(flags.split_whitespace());
    assert!(cc.status().unwrap().success());
}

/// The output of the program of [`layered_project`].
const LAYERED_OUTPUT: &str = "hello from local, call 1 2\n";

/// The kinds of groups that an executable loads, in order: `frozen`, `local`, `sysroot`, each once.
/// Checks that all other libraries it needs are the platform's.
#[track_caller]
fn groups_of(executable: &Path) -> Vec<String> {
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
fn members_of(executable: &Path, group: &str) -> Vec<String> {
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
fn objects_of(executable: &Path, group: &str) -> Vec<Vec<String>> {
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
const LAYERS: [&str; 3] = ["local", "frozen", "sysroot"];

/// No group at all.
const STATIC: [&str; 0] = [];

/// Runs a program as a user would, without Cargo and without any variable that
/// tells the loader where to look.
#[track_caller]
fn run(executable: &Path) -> Output {
    run_in(executable, Path::new("/"))
}

#[track_caller]
fn run_in(executable: &Path, directory: &Path) -> Output {
    Command::new(executable)
        .current_dir(directory)
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .unwrap()
}

/// Checks that a program succeeds, and returns what it prints.
#[track_caller]
fn stdout(executable: &Path) -> String {
    let output = run(executable);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Builds the program `foo` of a project statically and dynamically, checks that
/// each was linked as asked, and that both behave the same; returns the output.
#[track_caller]
fn same_behaviour(project: &Project) -> Output {
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
fn same_output(project: &Project) -> String {
    let run = |argument: &str| {
        project.cargo(&format!("build {argument}")).run();
        stdout(&project.bin("foo"))
    };
    let of_static = run("--no-dynamic-deps");
    assert_eq!(run("--dynamic-deps"), of_static);
    of_static
}

/// The thread id in `thread 'main' (1234) panicked` differs from run to run.
fn without_thread_ids(stderr: &str) -> String {
    let lines = stderr.lines().map(|line| match line.split_once("' (") {
        Some((before, after)) => format!("{before}'{}", after.split_once(')').unwrap().1),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The files of groups in `target/debug/deps` whose name begins with `prefix`, sorted.
fn group_files(project: &Project, prefix: &str) -> Vec<PathBuf> {
    let prefix = format!("dynamic-deps-{prefix}");
    let deps = project.target_debug_dir().join("deps");
    let mut files: Vec<PathBuf> = std::fs::read_dir(deps)
        .unwrap()
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
fn contents(project: &Project, group: &str) -> Vec<PathBuf> {
    let mut files = group_files(project, group);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "so"));
    files
}

/// The entries of a directory; none if it is not there.
fn entries(directory: &Path) -> Vec<PathBuf> {
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
fn unit_files(project: &Project) -> Vec<PathBuf> {
    let of_all = entries(&project.target_debug_dir().join("deps"));
    let of_units = units(project).flat_map(|unit| entries(&unit.join("out")));
    of_all.into_iter().chain(of_units).collect()
}

/// Whether a file is one that nobody is meant to see: a temporary one.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.starts_with('.')
}

/// The directories of linker wrappers, in either layout of the build directory.
fn wrappers(project: &Project) -> Vec<PathBuf> {
    let fingerprints = entries(&project.target_debug_dir().join(".fingerprint"));
    let fingerprints = fingerprints
        .into_iter()
        .chain(units(project).map(|unit| unit.join("fingerprint")));
    let wrappers = fingerprints.map(|fingerprint| fingerprint.join("linker"));
    wrappers.filter(|path| path.is_dir()).collect()
}

/// Names of the groups that a build links, sorted.
#[track_caller]
fn linked_groups(project: &Project, arguments: &str) -> Vec<String> {
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
struct Artifact {
    /// The package id, the kind and the name of the Cargo target, and whether it is a test.
    unit: String,
    is_group: bool,
    is_fresh: bool,
    files: Vec<PathBuf>,
    executable: Option<PathBuf>,
}

/// Runs a build and returns its units, in the order in which they were finished.
#[track_caller]
fn artifacts(cargo: &mut Execs) -> Vec<Artifact> {
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
fn rebuilt(cargo: &mut Execs) -> Vec<String> {
    let artifacts = artifacts(cargo).into_iter();
    let mut rebuilt: Vec<String> = artifacts
        .filter(|artifact| !artifact.is_group && !artifact.is_fresh)
        .map(|artifact| artifact.unit)
        .collect();
    rebuilt.sort();
    rebuilt
}
