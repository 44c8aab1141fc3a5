//! The test step `workspace`: the promises of the fork, checked on a workspace of 50 crates with tests of all kinds.
//!
//! Static and dynamic builds share one target directory. The step measures everything before it judges anything, so the
//! report is complete even if a promise is broken.

mod findings;
mod groups;
mod outcomes;
mod rebuild;
mod table;
mod unit;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use measure::messages::{self, Artifact};

use crate::fork_to_try;
use crate::workload;
use crate::workspace::findings::Findings;
use crate::workspace::groups::{bytes, check_groups};
use crate::workspace::outcomes::Outcomes;
use crate::workspace::rebuild::{compare_rebuilds, rebuilds};
use crate::workspace::unit::Unit;
use patch_stack::tree::Tree;
use workshop::fork;
use workshop::linking::Linking;
use workshop::paths::Repository;
use workshop::sources::Sources;
use workshop::steps::Step;

/// Libraries to edit, those with more dependents first; see [`rebuilds`].
const EDITS: [(&str, &str); 3] = [
    ("base", "crates/base-shape/src/lib.rs"),
    ("middle", "crates/service-chestnut/src/lib.rs"),
    ("leaf", "crates/app-oak/src/lib.rs"),
];

/// Tests and edits the workspace, both ways, and judges.
pub fn run(tree: &Tree, step: &mut Step) -> Result<()> {
    let Some(fork) = fork_to_try(tree, step)? else {
        return Ok(());
    };
    let repository = tree.repository();
    let mut workspace = Workspace::lay_down(repository, fork)?;
    let mut findings = Findings::default();

    // This comes before the dynamic build, which replaces the executables without a hash in their names.
    let of_static = Tested::run(&workspace, step, Linking::Static)?;
    let static_bytes = bytes(of_static.executables.keys())?;
    let of_dynamic = Tested::run(&workspace, step, Linking::Dynamic)?;
    compare_tests(&mut findings, &of_static, &of_dynamic);
    check_switch(&mut findings, &of_dynamic);
    check_groups(&mut findings, static_bytes, &of_dynamic)?;
    check_no_op(&mut findings, &workspace, step)?;
    let of_static = rebuilds(&mut workspace, step, Linking::Static)?;
    let of_dynamic = rebuilds(&mut workspace, step, Linking::Dynamic)?;
    for ((name, _), (of_static, of_dynamic)) in EDITS.iter().zip(of_static.iter().zip(&of_dynamic))
    {
        compare_rebuilds(&mut findings, name, of_static, of_dynamic);
    }
    findings.report(step, &repository.workspace_builds().join("report.md"))
}

/// A copy of the workspace, and where the fork builds it.
struct Workspace {
    /// Executable of the fork.
    cargo: PathBuf,
    directory: PathBuf,
    build_directory: PathBuf,
    sources: Sources,
    edits: usize,
}

impl Workspace {
    fn lay_down(repository: &Repository, cargo: PathBuf) -> Result<Workspace> {
        let builds = repository.workspace_builds();
        let workspace = Workspace {
            cargo,
            directory: builds.join("source"),
            build_directory: builds.join("build"),
            sources: workload::workspace::sources(workload::workspace::SEED),
            edits: 0,
        };
        workspace.sources.write(&workspace.directory)?;
        Ok(workspace)
    }

    fn cargo_test(&self, linking: Linking) -> Command {
        let mut cargo = fork::command(&self.cargo, &self.directory, &self.build_directory, "test");
        cargo
            .args(["--workspace", linking.option()])
            // CI often sets it. Users do not, and libraries of an incremental build are larger.
            .env_remove("CARGO_INCREMENTAL")
            .env("CARGO_TERM_COLOR", "never");
        cargo
    }

    fn build(&self, step: &mut Step, linking: Linking) -> Result<Vec<Artifact>> {
        let mut cargo = self.cargo_test(linking);
        cargo.args(["--no-run", "--message-format=json-render-diagnostics"]);
        messages::artifacts(&step.capture(&mut cargo)?)
    }

    /// Adds a variable to a file that the compiler has to put into the object.
    fn edit(&mut self, path: &str) -> Result<()> {
        self.edits += 1;
        let edit = self.edits;
        let text = format!("\n#[used]\nstatic EDIT_{edit}: usize = {edit};\n");
        self.sources.append(path, &text);
        self.sources.write(&self.directory)
    }
}

/// A build of all tests, and their outcomes.
struct Tested {
    artifacts: Vec<Artifact>,
    executables: BTreeMap<PathBuf, Unit>,
    outcomes: Outcomes,
    succeeded: bool,
}

impl Tested {
    fn run(workspace: &Workspace, step: &mut Step, linking: Linking) -> Result<Tested> {
        let artifacts = workspace.build(step, linking)?;
        let executables: BTreeMap<PathBuf, Unit> = artifacts
            .iter()
            .filter_map(|artifact| Some((artifact.executable.clone()?, Unit::of(artifact))))
            .collect();
        let mut cargo = workspace.cargo_test(linking);
        let (transcript, succeeded) = step.transcript(cargo.arg("--no-fail-fast"))?;
        Ok(Tested {
            outcomes: Outcomes::parse(&transcript, &executables)?,
            artifacts,
            executables,
            succeeded,
        })
    }
}

fn compare_tests(findings: &mut Findings, of_static: &Tested, of_dynamic: &Tested) {
    let ((tests, doctests), (dynamic_tests, dynamic_doctests)) =
        (of_static.outcomes.counts(), of_dynamic.outcomes.counts());
    let table = &mut findings.table;
    table.row("tests", tests.to_string(), dynamic_tests.to_string());
    table.row(
        "doctests",
        doctests.to_string(),
        dynamic_doctests.to_string(),
    );
    findings.require(
        tests > 0 && doctests > 0,
        "no tests or no doctests are run".to_owned(),
    );
    let differences = of_static.outcomes.differences(&of_dynamic.outcomes);
    findings.require_none("tests come to something else", &differences);
    for (tested, linking) in [(of_static, Linking::Static), (of_dynamic, Linking::Dynamic)] {
        findings.require(
            tested.succeeded,
            format!("`cargo test {}` fails", linking.option()),
        );
    }
}

/// Checks that a dynamic build after a static one compiles only the executables that it links.
fn check_switch(findings: &mut Findings, of_dynamic: &Tested) {
    let libraries: Vec<String> = of_dynamic
        .artifacts
        .iter()
        .filter(|artifact| !artifact.fresh && !artifact.is_group() && artifact.executable.is_none())
        .map(|artifact| Unit::of(artifact).to_string())
        .collect();
    let count = libraries.len().to_string();
    findings
        .table
        .row("libraries compiled by switching", String::new(), count);
    findings.require_none("switching compiles libraries", &libraries);
}

/// Checks that after a build, another one has nothing to do.
fn check_no_op(findings: &mut Findings, workspace: &Workspace, step: &mut Step) -> Result<()> {
    let mut cargo = workspace.cargo_test(Linking::Dynamic);
    let (transcript, succeeded) = step.transcript(cargo.args(["--no-run", "--verbose"]))?;
    let work = work(&transcript);
    let count = work.len().to_string();
    findings
        .table
        .row("units made by a build without edits", String::new(), count);
    findings.require(succeeded, "a build without edits fails".to_owned());
    findings.require_none("a build without edits has something to do", &work);
    Ok(())
}

/// Lines in which `cargo --verbose` reports work.
fn work(transcript: &str) -> Vec<String> {
    let lines = transcript.lines().map(str::trim_start);
    lines
        .filter(|line| {
            let verb = line.split(' ').next();
            matches!(verb, Some("Compiling" | "Linking" | "Running" | "Dirty"))
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn libraries_that_are_edited_exist() {
        let sources = workload::workspace::sources(workload::workspace::SEED);
        let paths: Vec<&Path> = sources.files().map(|(path, _)| path).collect();
        for (_, path) in EDITS {
            assert!(paths.contains(&Path::new(path)), "{path}");
        }
    }

    #[test]
    fn work_is_told_from_what_is_fresh() {
        let transcript = "       Fresh regex v1.12.3\n       Dirty a v0.1.0: the file `src/lib.rs` has changed\n   \
             Compiling a v0.1.0 (/w/a)\n     Running `rustc`\n  Executable unittests src/lib.rs (/d/Running)\n";
        let expected = [
            "Dirty a v0.1.0: the file `src/lib.rs` has changed",
            "Compiling a v0.1.0 (/w/a)",
            "Running `rustc`",
        ];
        assert_eq!(work(transcript), expected);
    }
}
