//! The work of each phase, for one workload and one peer.

mod links;
mod objects;
mod rebuild;
mod selections;
mod sizes;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use measure::messages::Artifacts;
use measure::timings::Timings;

use self::sizes::{loaded_parts, size_of_directory, sizes};
use crate::link_line::LinkLine;
use crate::peers::{Peer, Way};
use crate::results::{Measured, Phase, Quantity};
use crate::runner::{Blocked, Ran, Runner};
use crate::sources::WorkingCopy;
use crate::tools::Tools;
use crate::workloads::Workload;

/// A workload as one peer builds it.
pub(crate) struct Site<'a> {
    pub(crate) workload: &'static Workload,
    pub(crate) peer: &'static Peer,
    pub(crate) tools: &'a Tools,
    pub(crate) copy: &'a WorkingCopy,
    /// Options of the workload that depend on the machine.
    pub(crate) machine_options: &'a [String],
    /// See [`Peer::configuration`].
    pub(crate) configuration: Vec<String>,
    /// The directory with the target directory and the records of links.
    pub(crate) directory: PathBuf,
}

/// The state from which a phase starts.
pub(crate) struct Prepared {
    artifacts: Artifacts,
    link_lines: Vec<LinkLine>,
}

/// A build: its time, and what it made.
struct Build {
    ran: Ran,
    artifacts: Artifacts,
}

impl Site<'_> {
    /// Brings everything up to date, so that the rounds of the phase do only the work to measure.
    pub(crate) fn prepare(&self, phase: Phase, runner: &mut Runner) -> Result<Prepared> {
        let mut link_lines = Vec::new();
        let artifacts = match phase {
            Phase::Cold | Phase::Switch => Artifacts::default(),
            Phase::Size
            | Phase::NoOp
            | Phase::Start
            | Phase::RebuildBin
            | Phase::RebuildLeaf
            | Phase::RebuildMiddle
            | Phase::RebuildBase => {
                // The first build guesses how large local libraries get, and the next one may cut them anew.
                self.run(runner, &mut self.build())?;
                self.run(runner, &mut self.build())?.artifacts
            }
            Phase::Addition => {
                self.prepare_addition(runner)?;
                self.run(runner, &mut self.build())?.artifacts
            }
            Phase::Selections => {
                self.prepare_addition(runner)?;
                Artifacts::default()
            }
            Phase::Tests | Phase::TestsBelow => {
                self.run(runner, &mut self.build_tests())?.artifacts
            }
            Phase::Doctests => self.run(runner, &mut self.run_doctests())?.artifacts,
            Phase::Link => {
                self.run(runner, &mut self.build())?;
                let build = self.record(runner, phase, self.build())?;
                link_lines = self.link_lines_of(&build.artifacts)?;
                build.artifacts
            }
            Phase::TestLinks => {
                self.run(runner, &mut self.build_tests())?;
                let build = self.record(runner, phase, self.build_tests())?;
                link_lines = self.link_lines_of(&build.artifacts)?;
                build.artifacts
            }
        };
        for executable in artifacts.executables() {
            self.peer.require(executable)?;
        }
        Ok(Prepared {
            artifacts,
            link_lines,
        })
    }

    /// One round of the phase.
    pub(crate) fn round(
        &self,
        phase: Phase,
        prepared: &Prepared,
        runner: &mut Runner,
    ) -> Result<Vec<Measured>> {
        match phase {
            Phase::Cold => self.cold(runner),
            Phase::Size => self.sizes(prepared),
            Phase::NoOp => self.no_op(runner),
            Phase::Start => self.start(prepared, runner),
            Phase::Link => self.link(prepared, runner),
            Phase::RebuildBin | Phase::RebuildLeaf | Phase::RebuildMiddle | Phase::RebuildBase => {
                self.rebuild(phase, runner)
            }
            Phase::Tests | Phase::TestsBelow => self.tests(phase, runner),
            Phase::TestLinks => self.relink(&prepared.link_lines, runner),
            Phase::Doctests => {
                let build = self.run(runner, &mut self.run_doctests())?;
                Ok(vec![self.time(&build.ran)?])
            }
            Phase::Switch => self.switch(runner),
            Phase::Addition => self.add(runner),
            Phase::Selections => self.selections(runner),
        }
    }

    fn cold(&self, runner: &mut Runner) -> Result<Vec<Measured>> {
        let target = self.target();
        remove(&target)?;
        // The kernel writes what the build before has made while the next one runs, and slows that one down.
        runner.run(&mut Command::new("sync"))?;
        let mut cargo = self.build();
        let build = self.run(runner, cargo.arg("--timings"))?;
        for executable in build.artifacts.executables() {
            self.peer.require(executable)?;
        }
        let mut measured = self.times(&build.ran)?;
        let timings = self.take_timings(&target)?;
        let bytes = size_of_directory(&target)?;
        measured.push(Measured::fact(Quantity::TargetBytes, bytes as f64));
        if self.peer.way == Way::Groups {
            for (group, seconds) in timings.groups() {
                measured.push(Measured::fact(Quantity::GroupSeconds, seconds).of_part(group));
            }
            measured.push(Measured::fact(
                Quantity::GroupCriticalSeconds,
                timings.groups_on_critical_path(),
            ));
        }
        Ok(measured)
    }

    /// Reads and removes the report of `--timings`, which does not count as output of the build.
    fn take_timings(&self, target: &Path) -> Result<Timings> {
        let directory = target.join("cargo-timings");
        let report = directory.join("cargo-timing.html");
        let describe = || format!("failed to read `{}`", report.display());
        let text = fs::read_to_string(&report).with_context(describe)?;
        let timings = Timings::parse(&text).with_context(describe)?;
        remove(&directory)?;
        Ok(timings)
    }

    fn sizes(&self, prepared: &Prepared) -> Result<Vec<Measured>> {
        let mut measured = sizes(&prepared.artifacts, self.peer)?;
        if self.peer.way == Way::Groups && self.workload.program.is_some() {
            let parts = loaded_parts(&self.program_in(&prepared.artifacts)?)?;
            measured.push(Measured::fact(Quantity::LoadedParts, parts as f64));
        }
        Ok(measured)
    }

    fn no_op(&self, runner: &mut Runner) -> Result<Vec<Measured>> {
        let build = self.run(runner, &mut self.build())?;
        let made = build.artifacts.made();
        ensure!(made.is_empty(), "a build with nothing to do made {made:?}");
        Ok(vec![self.time(&build.ran)?])
    }

    fn start(&self, prepared: &Prepared, runner: &mut Runner) -> Result<Vec<Measured>> {
        let executable = self.program_in(&prepared.artifacts)?;
        let mut command = Command::new(&executable);
        command
            .args(self.workload.start)
            .env_remove("LD_LIBRARY_PATH");
        if self.peer.needs_library_path() {
            let own = executable.with_file_name("deps");
            let path = std::env::join_paths([own, self.tools.libraries()])?;
            command.env("LD_LIBRARY_PATH", path);
        }
        Ok(vec![runner.run(&mut command)?.time()?])
    }

    fn time(&self, ran: &Ran) -> Result<Measured, Blocked> {
        let mut time = ran.time()?;
        if self.peer.linker.leaves_process() {
            // We cannot tell the time of that process from that of other processes.
            time.sample.foreign = None;
        }
        Ok(time)
    }

    /// The time of a build, and its processor time if all of its processes were waited for.
    fn times(&self, ran: &Ran) -> Result<Vec<Measured>, Blocked> {
        let mut times = vec![self.time(ran)?];
        if !self.peer.linker.leaves_process() {
            let seconds = ran.processor_seconds;
            times.push(Measured::fact(Quantity::ProcessorSeconds, seconds));
        }
        Ok(times)
    }

    /// A static build from scratch, then the peer's, and once more each. Measures the time of the peer's first build,
    /// and the number of dependencies that the last three compile again.
    fn switch(&self, runner: &mut Runner) -> Result<Vec<Measured>> {
        let target = self.directory.join("switch");
        let build = |options: &[&str]| {
            let mut cargo = self.cargo("build", &target);
            cargo.args(self.workload.selection).args(options);
            cargo
        };
        let own = self.peer.build_options();
        let of_static = self
            .peer
            .static_options()
            .context("the peer shares nothing with a static build")?;
        remove(&target)?;
        self.run(runner, &mut build(of_static))?;
        let first = self.run(runner, &mut build(own))?;
        let mut compiled = first.artifacts.compiled_dependencies();
        for options in [of_static, own] {
            let build = self.run(runner, &mut build(options))?;
            compiled += build.artifacts.compiled_dependencies();
        }
        remove(&target)?;
        let compiled = Measured::fact(Quantity::CompiledDependencies, compiled as f64);
        Ok(vec![self.time(&first.ran)?, compiled])
    }

    fn edit(&self, phase: Phase) -> Result<()> {
        let file = self
            .workload
            .edit(phase)
            .with_context(|| format!("nothing is edited in the phase `{}`", phase.name()))?;
        self.copy.edit(file)
    }

    fn program_in(&self, artifacts: &Artifacts) -> Result<PathBuf> {
        let program = self
            .workload
            .program
            .context("the workload has no program")?;
        artifacts.executable(program)
    }

    fn build(&self) -> Command {
        let mut cargo = self.cargo("build", &self.target());
        cargo
            .args(self.workload.selection)
            .args(self.peer.build_options());
        cargo
    }

    fn build_tests(&self) -> Command {
        let selection = self.workload.tests.map_or(&[][..], |tests| tests.selection);
        let mut cargo = self.cargo("test", &self.target());
        cargo
            .arg("--no-run")
            .args(selection)
            .args(self.peer.build_options());
        cargo
    }

    fn run_doctests(&self) -> Command {
        let mut cargo = self.cargo("test", &self.target());
        cargo
            .args(["--doc", "--quiet"])
            .args(self.peer.build_options());
        cargo
    }

    fn cargo(&self, verb: &str, target: &Path) -> Command {
        let mut cargo = self.unlocked(verb, target);
        cargo.arg("--locked");
        cargo
    }

    /// The same where the lock file has to change.
    fn unlocked(&self, verb: &str, target: &Path) -> Command {
        let mut cargo = self.tools.cargo(self.peer, self.copy.directory());
        cargo
            .args([verb, "--offline", "--target-dir"])
            .arg(target)
            .arg("--message-format=json-render-diagnostics")
            .args(&self.configuration)
            .args(self.machine_options);
        cargo
    }

    fn run(&self, runner: &mut Runner, cargo: &mut Command) -> Result<Build> {
        let ran = runner.run(cargo)?;
        // Doctests print their results among the messages.
        let messages: String = ran
            .stdout
            .lines()
            .filter(|line| line.starts_with('{'))
            .flat_map(|line| [line, "\n"])
            .collect();
        let artifacts = Artifacts::parse(&messages)?;
        Ok(Build { ran, artifacts })
    }

    fn target(&self) -> PathBuf {
        self.directory.join("target")
    }

    /// Packages that a build compiles.
    pub(crate) fn package_count(&self, prepared: &Prepared) -> Option<usize> {
        Some(prepared.artifacts.package_count()).filter(|count| *count > 0)
    }
}

/// Removes a directory with all that is in it, if it exists.
pub(crate) fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove `{}`", directory.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_removed_if_they_are_there() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("a");
        fs::create_dir_all(inside.join("b")).unwrap();
        remove(&inside).unwrap();
        remove(&inside).unwrap();
        assert!(!inside.exists());
    }
}
