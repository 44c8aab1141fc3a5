//! One project, built and tested in one of the two ways.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use link_engine::record::GroupManifest;
use measure::executable::{groups_needed, is_group};
use measure::messages::{self, Artifact};

use crate::corpus::linked::{fallback_reports, fallback_warnings, groups, remove_linked, size};
use crate::corpus::package::{cargo_home, rustup_home};
use crate::corpus::project::{Package, Project};
use crate::corpus::record::Record;
use crate::corpus::results::Results;
use workshop::linking::Linking;
use workshop::steps::Step;
use workshop::toolchain;

/// Prefixes of environment variables that change what is built.
const BUILD_VARIABLES: [&str; 4] = [
    "CARGO_BUILD_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "CARGO_ENCODED_",
];

/// Somebody ended Cargo from outside. The project is not to blame.
#[derive(Debug)]
pub(crate) struct Interrupted {
    signal: i32,
}

impl Interrupted {
    /// An error if a signal ended the process that people or the system send.
    fn check(status: ExitStatus) -> Result<()> {
        // SIGHUP, SIGINT, SIGKILL and SIGTERM, by their numbers in POSIX.
        match status.signal() {
            Some(signal @ (1 | 2 | 9 | 15)) => Err(Interrupted { signal }.into()),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cargo was ended by signal {}", self.signal)
    }
}

impl std::error::Error for Interrupted {}

/// Where a trial takes place.
pub(crate) struct Trial<'a> {
    pub(crate) project: &'a Project,
    pub(crate) linking: Linking,
    /// The Cargo to build with; `None` for that of the toolchain.
    pub(crate) fork: Option<&'a Path>,
    /// The project, as it was published.
    pub(crate) sources: &'a Path,
    /// Cargo's target directory, shared with the other projects.
    pub(crate) build_directory: &'a Path,
    /// An empty directory for what test programs print.
    pub(crate) records: &'a Path,
    /// An empty directory, the home of all programs.
    pub(crate) home: &'a Path,
}

/// The outcome of a trial.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// By label of the test program; `doc` for the tests in the documentation.
    pub(crate) tested: BTreeMap<String, Tested>,
    /// The outcome of each command line, as text to compare.
    pub(crate) commands: BTreeMap<String, String>,
    /// By label.
    pub(crate) executables: BTreeMap<String, Executable>,
    /// Manifest of each group, and the bytes of its shared objects.
    pub(crate) groups: Vec<(GroupManifest, u64)>,
    /// Why something was linked statically after all.
    pub(crate) fallbacks: Vec<String>,
}

/// The outcome of a test program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tested {
    /// Exit status or signal, in words.
    pub(crate) end: String,
    pub(crate) results: Results,
}

/// The facts about the link of an executable of the project.
#[derive(Clone, Debug)]
pub(crate) struct Executable {
    pub(crate) path: PathBuf,
    pub(crate) is_test: bool,
    /// How many groups it needs.
    pub(crate) groups: usize,
    /// Size of the file in bytes.
    pub(crate) bytes: u64,
}

impl Trial<'_> {
    /// Builds the project, runs its tests and the command lines of the list. An error when it cannot be built.
    pub(crate) fn run(&self, step: &mut Step) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        // An interrupted trial may have left some, and Cargo would not link them again.
        remove_linked(self.build_directory)?;
        let artifacts = self.build(step, &mut outcome)?;
        self.examine(&artifacts, &mut outcome)?;
        if outcome.executables.values().any(|one| one.is_test) {
            self.run_tests(step, &mut outcome)?;
        }
        let is_own = |artifact: &&Artifact| self.is_own(artifact);
        let has_doctests = artifacts
            .iter()
            .filter(is_own)
            .any(|artifact| artifact.target.doctest);
        if has_doctests && self.project.without_doctests.is_none() {
            self.run_doctests(step, &mut outcome)?;
        }
        self.run_commands(&mut outcome)?;
        remove_linked(self.build_directory)?;
        Ok(outcome)
    }

    fn build(&self, step: &mut Step, outcome: &mut Outcome) -> Result<Vec<Artifact>> {
        let mut commands = vec![self.cargo_test()?];
        commands[0].arg("--no-run").args(self.project.targets());
        if !self.project.commands.is_empty() {
            let mut cargo = self.cargo("build")?;
            cargo.arg("--bins");
            commands.push(cargo);
        }
        let mut artifacts = Vec::new();
        for cargo in &mut commands {
            let built = step.observe(cargo.arg("--message-format=json-render-diagnostics"))?;
            Interrupted::check(built.status)?;
            if !built.status.success() {
                bail!(
                    "`{}` failed ({})\n{}",
                    toolchain::display(cargo),
                    built.status,
                    errors(&built.stderr)
                );
            }
            artifacts.extend(messages::artifacts(&built.stdout)?);
            outcome.fallbacks.extend(fallback_warnings(&built.stderr));
        }
        Ok(artifacts)
    }

    /// Reads how the executables were linked.
    fn examine(&self, artifacts: &[Artifact], outcome: &mut Outcome) -> Result<()> {
        let mut seen = BTreeSet::new();
        for artifact in artifacts {
            if is_group(&artifact.target.name) {
                for (manifest, bytes) in groups(artifact)? {
                    let sonames = manifest.objects.iter().map(|object| object.soname.clone());
                    if seen.insert(sonames.collect::<Vec<_>>()) {
                        outcome.groups.push((manifest, bytes));
                    }
                }
            }
            let Some(path) = &artifact.executable else {
                continue;
            };
            if !self.is_own(artifact) {
                continue;
            }
            let executable = Executable {
                path: path.clone(),
                is_test: artifact.profile.test,
                groups: groups_needed(path)?.len(),
                bytes: size(path)?,
            };
            outcome.executables.insert(self.label(artifact), executable);
        }
        Ok(())
    }

    fn run_tests(&self, step: &mut Step, outcome: &mut Outcome) -> Result<()> {
        let this = std::env::current_exe().context("failed to find the path of this program")?;
        // As TOML, which reads the strings of JSON.
        let runner = serde_json::to_string(&[
            this.as_os_str().to_string_lossy(),
            "corpus-record".into(),
            self.records.as_os_str().to_string_lossy(),
        ])?;
        let mut cargo = self.cargo_test()?;
        cargo.args(self.project.targets()).args([
            "--no-fail-fast",
            "--config",
            &format!("target.{}.runner={runner}", toolchain::host()?),
        ]);
        let run = step.observe(&mut cargo)?;
        Interrupted::check(run.status)?;
        for (label, executable) in &outcome.executables {
            if !executable.is_test {
                continue;
            }
            let record = Record::read(self.records, &executable.path)?.with_context(|| {
                format!(
                    "Cargo did not run `{}`\n{}",
                    executable.path.display(),
                    errors(&run.stderr)
                )
            })?;
            let tested = Tested {
                end: record.end,
                results: Results::parse(&record.stdout),
            };
            outcome.tested.insert(label.clone(), tested);
        }
        Ok(())
    }

    fn run_doctests(&self, step: &mut Step, outcome: &mut Outcome) -> Result<()> {
        let started = SystemTime::now();
        let mut cargo = self.cargo_test()?;
        let run = step.observe(cargo.args(["--doc", "--no-fail-fast"]))?;
        Interrupted::check(run.status)?;
        step.note(&run.stdout)?;
        let tested = Tested {
            end: run.status.to_string(),
            // Doctests of generated code are named by its path.
            results: Results::parse(&self.without_build_directory(&run.stdout)),
        };
        outcome.tested.insert("doc".to_owned(), tested);
        let reports = fallback_reports(&self.build_directory.join("debug"), started)?;
        outcome.fallbacks.extend(
            reports
                .into_iter()
                .map(|report| format!("documentation: {report}")),
        );
        Ok(())
    }

    fn run_commands(&self, outcome: &mut Outcome) -> Result<()> {
        for line in &self.project.commands {
            let Some((name, args)) = line.split_first() else {
                bail!("project `{}` has an empty command", self.project.name);
            };
            let label = format!("program {name}");
            let executable = outcome.executables.get(&label).with_context(|| {
                format!("project `{}` has no executable `{name}`", self.project.name)
            })?;
            let mut command = toolchain::command(&executable.path);
            self.set_environment(&mut command)?;
            let output = command
                .args(args)
                .current_dir(self.sources)
                .stdin(Stdio::null())
                .output()
                .with_context(|| format!("failed to run `{}`", executable.path.display()))?;
            let text = format!(
                "{}\nstdout:\n{}\nstderr:\n{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            let text = self.without_build_directory(&text);
            outcome.commands.insert(line.join(" "), text);
        }
        Ok(())
    }

    /// Each way to link has a build directory of its own, whose path must not count.
    fn without_build_directory(&self, text: &str) -> String {
        text.replace(&self.build_directory.display().to_string(), "[BUILD]")
    }

    fn cargo_test(&self) -> Result<Command> {
        self.cargo("test")
    }

    fn cargo(&self, verb: &str) -> Result<Command> {
        let mut cargo = match self.fork {
            None => toolchain::cargo(),
            Some(fork) => toolchain::command(fork),
        };
        cargo.arg(verb);
        if self.fork.is_some() {
            cargo.arg(self.linking.option());
        }
        self.set_environment(&mut cargo)?;
        cargo
            .current_dir(self.sources)
            .args(["--locked", "--offline", "--target-dir"])
            .arg(self.build_directory);
        if !self.project.features.is_empty() {
            cargo.args(["--features", &self.project.features.join(",")]);
        }
        cargo.args(&self.project.args);
        Ok(cargo)
    }

    /// Removes all settings of the user that could change the build or the behaviour of tests.
    fn set_environment(&self, command: &mut Command) -> Result<()> {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let decides = BUILD_VARIABLES
                .iter()
                .any(|prefix| text.starts_with(prefix));
            if decides || text.starts_with("RUSTFLAGS") || text == "RUST_BACKTRACE" {
                command.env_remove(&name);
            }
        }
        let sources_of_all = self.sources.parent().unwrap_or(self.sources);
        command
            .env("CARGO_HOME", cargo_home()?)
            .env("RUSTUP_HOME", rustup_home()?)
            .env("HOME", self.home)
            .env("CARGO_INCREMENTAL", "0")
            // A build that puts a git revision into its version would take that of our repository, around the sources.
            .env("GIT_CEILING_DIRECTORIES", sources_of_all)
            // Tests compare snapshots and never write them.
            .env("INSTA_UPDATE", "no")
            .envs(&self.project.env);
        Ok(())
    }

    fn is_own(&self, artifact: &Artifact) -> bool {
        let sources = self.sources.to_string_lossy();
        artifact.package_id.contains(&*sources)
    }

    /// The label of an executable of the project. Members of a workspace may have targets of the same name.
    fn label(&self, artifact: &Artifact) -> String {
        let is_of = |member: &&Package| artifact.package_id.contains(&format!("/{}#", member.id()));
        match self.project.members.iter().find(is_of) {
            None => label(artifact),
            Some(member) => format!("{}: {}", member.name, label(artifact)),
        }
    }
}

/// The label of an executable in its package.
fn label(artifact: &Artifact) -> String {
    let kind = artifact.target.kind.first().map_or("", String::as_str);
    let name = &artifact.target.name;
    match kind {
        "bin" if !artifact.profile.test => format!("program {name}"),
        "bin" | "test" | "example" | "bench" => format!("{kind} {name}"),
        _ => "lib".to_owned(),
    }
}

/// The part of a build's messages that says why it failed.
fn errors(stderr: &str) -> String {
    const SHOWN: usize = 20;
    let lines: Vec<&str> = stderr.lines().collect();
    let first = lines.iter().position(|line| line.starts_with("error"));
    let from = first.unwrap_or(lines.len().saturating_sub(SHOWN));
    lines[from..]
        .iter()
        .take(SHOWN)
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signals_from_outside_are_interruptions() {
        let is_interrupted = |raw| Interrupted::check(ExitStatus::from_raw(raw)).is_err();
        assert!(is_interrupted(15) && is_interrupted(9));
        // An exit code of 101, and SIGSEGV.
        assert!(!is_interrupted(101 << 8) && !is_interrupted(11));
    }

    #[test]
    fn errors_of_a_build_are_its_first() {
        assert_eq!(
            errors("   Compiling a\nerror[E1]: no\n  | x\n"),
            "error[E1]: no\n  | x"
        );
        assert_eq!(errors("killed\n"), "killed");
    }
}
