//! The test step `awkward`: small programs, each with a crate that is hard to link dynamically.
//!
//! Each program and its tests must behave the same, linked statically and dynamically.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use measure::messages;

use crate::application::{Application, Printed, require_equal};
use crate::fork_to_try;
use patch_stack::tree::Tree;
use workshop::compilers::{self, Compiler};
use workshop::libtest;
use workshop::linking::{Linking, require_linked};
use workshop::steps::{Show, Step};

/// Begins the names of all packages of the workspace, and of their executables.
const PREFIX: &str = "awkward-";

/// Builds all programs and runs their tests, both ways.
pub fn run(tree: &Tree, step: &mut Step) -> Result<()> {
    let build_directory = tree.repository().awkward_build();
    try_with(tree, step, build_directory, None).map(drop)
}

/// The same with another compiler, for the programs for which it is new enough. Returns their number.
pub fn run_with(tree: &Tree, step: &mut Step, compiler: &Compiler) -> Result<usize> {
    let build_directory = tree.repository().compilers().join(&compiler.name);
    try_with(tree, step, build_directory, Some(compiler))
}

fn try_with(
    tree: &Tree,
    step: &mut Step,
    build_directory: PathBuf,
    compiler: Option<&Compiler>,
) -> Result<usize> {
    let Some(fork) = fork_to_try(tree, step)? else {
        return Ok(0);
    };
    let workspace = Application {
        cargo: fork,
        package: tree.repository().awkward(),
        build_directory,
        compiler: compiler.cloned(),
        cross: None,
    };
    let too_new = match compiler {
        Some(compiler) => too_new(&workspace.package, step, compiler)?,
        None => Vec::new(),
    };
    let left_out: Vec<&str> = too_new.iter().map(String::as_str).collect();
    compare(&workspace, step, &left_out)
}

/// Builds and runs the programs of the workspace and their tests both ways, but for the packages `left_out`, and
/// returns the number of programs.
pub(crate) fn compare(
    workspace: &Application,
    step: &mut Step,
    left_out: &[&str],
) -> Result<usize> {
    forget_links(workspace, step)?;

    let of_static = print_all(workspace, step, left_out, Linking::Static)?;
    let of_dynamic = print_all(workspace, step, left_out, Linking::Dynamic)?;
    check_same(&of_static, &of_dynamic)?;
    let programs = of_static.len();
    step.say(&format!(
        "{programs} programs print the same, static and dynamic"
    ));

    let of_static = test(workspace, step, left_out, Linking::Static)?;
    let of_dynamic = test(workspace, step, left_out, Linking::Dynamic)?;
    require_equal(
        "the results of the tests when linked dynamically",
        &of_dynamic,
        &of_static,
    )?;
    step.say(&format!(
        "{} tests have the same results, static and dynamic",
        of_static.lines().count()
    ));
    Ok(programs)
}

/// The packages that need a newer compiler.
fn too_new(workspace: &Path, step: &Step, compiler: &Compiler) -> Result<Vec<String>> {
    let mut too_new = Vec::new();
    for package in packages(workspace)? {
        let directory = package.strip_prefix(PREFIX).unwrap_or(&package);
        let path = workspace.join(directory).join("Cargo.toml");
        let manifest = fs::read_to_string(&path)
            .with_context(|| format!("failed to read `{}`", path.display()))?;
        if let Some(needed) = own_rust_version(&manifest)
            && compilers::version(needed)? > compiler.version()?
        {
            step.say(&format!("left out: `{package}` needs Rust {needed}"));
            too_new.push(package);
        }
    }
    Ok(too_new)
}

/// The version of Rust that a package needs, if it differs from that of the workspace.
fn own_rust_version(manifest: &str) -> Option<&str> {
    let mut lines = manifest.lines();
    let version = lines.find_map(|line| line.strip_prefix("rust-version = \""))?;
    version.strip_suffix('"')
}

/// Makes the next builds link for the first time, and keeps the compiled dependencies.
fn forget_links(workspace: &Application, step: &mut Step) -> Result<()> {
    let mut clean = workspace.cargo("clean");
    for package in packages(&workspace.package)? {
        clean.args(["--package", &package]);
    }
    step.command(&mut clean, Show::Progress)?;
    workspace.remove_groups()
}

/// Names of the packages of the workspace, each of which has a directory.
fn packages(workspace: &Path) -> Result<BTreeSet<String>> {
    let describe = || format!("failed to read `{}`", workspace.display());
    let mut packages = BTreeSet::new();
    for entry in fs::read_dir(workspace).with_context(describe)? {
        let entry = entry.with_context(describe)?;
        if entry.path().join("Cargo.toml").is_file() {
            let directory = entry.file_name();
            packages.insert(format!("{PREFIX}{}", directory.to_string_lossy()));
        }
    }
    Ok(packages)
}

/// Builds all programs and gives what each prints, by name.
fn print_all(
    workspace: &Application,
    step: &mut Step,
    left_out: &[&str],
    linking: Linking,
) -> Result<BTreeMap<String, Printed>> {
    let mut cargo = workspace.cargo_build();
    let messages = step.capture(all_packages(&mut cargo, left_out).arg(linking.option()))?;
    let mut artifacts = messages::artifacts(&messages)?;
    if linking == Linking::Dynamic {
        let dependency = artifacts
            .iter()
            .filter(|artifact| !artifact.fresh && !artifact.is_group())
            .find(|artifact| !is_own(&artifact.target.name));
        ensure!(
            dependency.is_none(),
            "the dynamic build after a static one should compile no dependency, but it compiles `{}`",
            dependency.map_or("", |artifact| artifact.target.name.as_str())
        );
    }
    artifacts.retain(|artifact| is_own(&artifact.target.name));
    let mut printed = BTreeMap::new();
    for artifact in artifacts {
        if let Some(executable) = artifact.executable {
            require_linked(&executable, linking)?;
            let program = workspace.program(&executable);
            let of_executable = Printed::by(program, &workspace.package)?;
            printed.insert(artifact.target.name, of_executable);
        }
    }
    Ok(printed)
}

/// Makes a command of Cargo one about the whole workspace, but for the packages `left_out`.
fn all_packages<'command>(
    cargo: &'command mut Command,
    left_out: &[&str],
) -> &'command mut Command {
    cargo.arg("--workspace");
    for package in left_out {
        cargo.args(["--exclude", package]);
    }
    cargo
}

/// Whether a Cargo target belongs to the workspace. The name of a library has underscores.
fn is_own(name: &str) -> bool {
    name.replace('_', "-").starts_with(PREFIX) || name == "build-script-build"
}

fn check_same(
    of_static: &BTreeMap<String, Printed>,
    of_dynamic: &BTreeMap<String, Printed>,
) -> Result<()> {
    ensure!(
        !of_static.is_empty() && of_static.keys().eq(of_dynamic.keys()),
        "the two builds made other programs"
    );
    for (name, of_static) in of_static {
        let of_dynamic = &of_dynamic[name];
        for (stream, of_static, of_dynamic) in [
            ("stdout", &of_static.stdout, &of_dynamic.stdout),
            ("stderr", &of_static.stderr, &of_dynamic.stderr),
        ] {
            require_equal(
                &format!("what `{name}` prints to {stream} when linked dynamically"),
                of_dynamic,
                of_static,
            )?;
        }
    }
    Ok(())
}

/// Runs the tests of the workspace, and returns the line of each, sorted.
fn test(
    workspace: &Application,
    step: &mut Step,
    left_out: &[&str],
    linking: Linking,
) -> Result<String> {
    let mut cargo = workspace.cargo("test");
    let printed = step.capture(all_packages(&mut cargo, left_out).arg(linking.option()))?;
    let results = results(&printed);
    ensure!(!results.is_empty(), "the workspace has no tests");
    Ok(results)
}

fn results(printed: &str) -> String {
    let mut lines: Vec<&str> = printed
        .lines()
        .filter(|line| libtest::parse_outcome(line).is_some())
        .collect();
    lines.sort_unstable();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_packages_are_members() {
        let directory =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/workloads/awkward");
        let manifest = fs::read_to_string(directory.join("Cargo.toml")).unwrap();
        for package in packages(&directory).unwrap() {
            let member = package.strip_prefix(PREFIX).unwrap();
            assert!(
                manifest.contains(&format!("    \"{member}\",\n")),
                "{member}"
            );
        }
    }

    #[test]
    fn packages_may_need_a_newer_compiler() {
        let own = "[package]\nname = \"x\"\nrust-version = \"1.88\"\n";
        assert_eq!(own_rust_version(own), Some("1.88"));
        assert_eq!(
            own_rust_version("[package]\nrust-version.workspace = true\n"),
            None
        );
    }

    #[test]
    fn only_results_of_tests_count() {
        let printed = "running 2 tests\ntest b ... ok\ntest a - should panic ... ok\n\n\
                       test result: ok. 2 passed; 0 failed; finished in 0.01s\n";
        assert_eq!(
            results(printed),
            "test a - should panic ... ok\ntest b ... ok\n"
        );
    }

    #[test]
    fn difference_names_the_program() {
        let printed = |stdout: &str| {
            let printed = Printed {
                stdout: stdout.to_owned(),
                stderr: String::new(),
            };
            BTreeMap::from([("awkward-zstd".to_owned(), printed)])
        };
        assert!(check_same(&printed("1\n"), &printed("1\n")).is_ok());
        let error = check_same(&printed("1\n"), &printed("2\n")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "what `awkward-zstd` prints to stdout when linked dynamically differs from line 1 on\n\
             expected: `1`\nfound: `2`"
        );
        assert!(check_same(&printed(""), &BTreeMap::new()).is_err());
    }
}
