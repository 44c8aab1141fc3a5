//! Upstream's test suite: the program `testsuite`, and the Cargo that its tests run.
//!
//! The compiler puts the path of that Cargo into the program: `debug/cargo` in the target directory. Every build of the
//! tree or of upstream writes to that path. So [`Suite::build`] takes a copy. While tests run, we put the copy at that
//! path and hold Cargo's lock of the directory, so a build that somebody starts meanwhile waits.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, ensure};
use measure::messages::Artifacts;

use workshop::fork::{self, Profile};
use workshop::libtest;
use workshop::paths::Repository;
use workshop::steps::{Show, Step};
use workshop::toolchain;

/// The Cargo target that the test suite is.
pub(crate) const TARGET: &str = "testsuite";

/// The built test suite of one copy of Cargo's sources.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    program: PathBuf,
    /// Directory of the package, in which Cargo would run the program too.
    sources: PathBuf,
    /// The path at which the tests find Cargo, in the directory that `lock` locks.
    tested: PathBuf,
    /// The Cargo to put there: a copy of the one that was built.
    cargo: PathBuf,
    /// The program to put there instead.
    stand_in: Option<StandIn>,
    lock: PathBuf,
}

/// A program that becomes another one, which variables name.
#[derive(Clone, Debug)]
pub(crate) struct StandIn {
    pub(crate) program: PathBuf,
    pub(crate) variables: Vec<(&'static str, OsString)>,
}

impl Suite {
    /// Builds the test suite of `sources`; the copy of its Cargo becomes `<directory>/bin/cargo`.
    pub(crate) fn build(
        repository: &Repository,
        step: &mut Step,
        sources: &Path,
        directory: &Path,
    ) -> Result<Suite> {
        let mut cargo = fork::cargo_in(sources, repository, step, "test");
        cargo.args([
            "--test",
            TARGET,
            "--no-run",
            "--message-format=json-render-diagnostics",
        ]);
        let messages = step.capture(with_environment(&mut cargo))?;
        let program = Artifacts::parse(&messages)?.executable(TARGET)?;
        let build_directory = repository.fork_build().join(Profile::Dev.directory());
        let tested = build_directory.join("cargo");
        let cargo = directory.join("bin/cargo");
        fork::place(&tested, &cargo)?;
        Ok(Suite {
            program,
            sources: sources.to_path_buf(),
            tested,
            cargo,
            stand_in: None,
            lock: build_directory.join(".cargo-lock"),
        })
    }

    /// The same tests, which find `stand_in` in the place of Cargo.
    pub(crate) fn with_stand_in(&self, stand_in: StandIn) -> Suite {
        Suite {
            stand_in: Some(stand_in),
            ..self.clone()
        }
    }

    /// The Cargo that was built.
    pub(crate) fn cargo(&self) -> &Path {
        &self.cargo
    }

    /// A text that differs between builds.
    pub(crate) fn identity(&self) -> Result<String> {
        Ok(format!(
            "{}\n{}\n",
            identity_of(&self.program)?,
            identity_of(&self.cargo)?
        ))
    }

    /// Names of all tests.
    pub(crate) fn list(&self, step: &mut Step) -> Result<BTreeSet<String>> {
        let list = step.capture(self.command().args(["--list", "--format=terse"]))?;
        Ok(libtest::parse_list(&list).map(str::to_owned).collect())
    }

    /// Runs `tests`, some of which may fail; what the program prints to standard output goes to the file `stdout`.
    pub(crate) fn run<'a>(
        &self,
        step: &mut Step,
        tests: impl IntoIterator<Item = &'a str>,
        stdout: &Path,
    ) -> Result<ExitStatus> {
        // All names together are about 200 kB; Linux and macOS take five times as much.
        let mut command = self.command();
        command.arg("--exact").args(tests);
        self.while_tested(|_| step.attempt(&mut command, stdout))
    }

    /// Runs `tests`, all of which have to pass, after `prepare` has changed the command.
    pub(crate) fn run_all<'a>(
        &self,
        step: &mut Step,
        tests: impl IntoIterator<Item = &'a str>,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<()> {
        let mut command = self.command();
        command.arg("--exact").args(tests);
        prepare(&mut command);
        self.while_tested(|_| step.command(&mut command, Show::Everything))
    }

    /// Calls `action` with the path at which the tests find Cargo, while it is the one of this suite.
    pub(crate) fn while_tested<T>(&self, action: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        let describe = || format!("failed to lock `{}`", self.lock.display());
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&self.lock)
            .with_context(describe)?;
        lock.lock().with_context(describe)?;
        let cargo = match &self.stand_in {
            Some(stand_in) => &stand_in.program,
            None => &self.cargo,
        };
        fork::place(cargo, &self.tested)?;
        action(&self.tested)
    }

    /// Sets the variables that the tests and the Cargo that they find need.
    pub(crate) fn set_environment(&self, command: &mut Command) {
        with_environment(command);
        if let Some(stand_in) = &self.stand_in {
            for (name, value) in &stand_in.variables {
                command.env(name, value);
            }
        }
    }

    fn command(&self) -> Command {
        let mut command = toolchain::command(&self.program);
        command.current_dir(&self.sources);
        self.set_environment(&mut command);
        command
    }
}

/// Fails if this process ignores the interrupt signal. A shell makes commands in the background do so, and programs
/// that these start inherit it. A test of upstream's that interrupts Cargo would then wait for ever.
pub(crate) fn require_interruptible() -> Result<()> {
    match fs::read_to_string("/proc/self/status") {
        Ok(status) => ensure!(
            !ignores_interrupt(&status),
            "interrupt signals are ignored here, and tests wait for them\n\
             help: start the command in the foreground, or by `env --default-signal=INT`"
        ),
        // Only Linux has this file.
        Err(error) => ensure!(
            error.kind() == ErrorKind::NotFound,
            "failed to read `/proc/self/status`: {error}"
        ),
    }
    Ok(())
}

/// Reads the mask of ignored signals, proc_pid_status(5). `SIGINT` is the second signal.
fn ignores_interrupt(status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 0b10 != 0)
}

/// Sets the variables by which the tests know what they can do here.
pub(crate) fn with_environment(command: &mut Command) -> &mut Command {
    // Tests of the 32-bit platform need its standard library and C compiler. We run the same tests whether or not a
    // machine has these.
    if std::env::var_os("CFG_DISABLE_CROSS_TESTS").is_none() {
        command.env("CFG_DISABLE_CROSS_TESTS", "1");
    }
    command
}

/// Cargo writes an executable only if something has changed, so its time identifies its content.
fn identity_of(executable: &Path) -> Result<String> {
    let describe = || format!("failed to read `{}`", executable.display());
    let metadata = fs::metadata(executable).with_context(describe)?;
    let modified = metadata.modified().with_context(describe)?;
    let since = modified.duration_since(UNIX_EPOCH).with_context(describe)?;
    Ok(format!(
        "{} {} {}",
        executable.display(),
        metadata.len(),
        since.as_nanos()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_interrupts_are_seen() {
        let status =
            |mask: &str| format!("Name:\txtask\nSigBlk:\t0000000000000002\nSigIgn:\t{mask}\n");
        assert!(ignores_interrupt(&status("0000000000001006")));
        assert!(!ignores_interrupt(&status("0000000000001001")));
        assert!(!ignores_interrupt("Name:\txtask\n"));
    }
}
