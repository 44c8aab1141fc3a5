//! The application on which we try the fork: its sources, its builds, and its output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use measure::executable::is_group;
use measure::messages::Artifacts;

use workshop::compilers::Compiler;
use workshop::debian::Cross;
use workshop::files;
use workshop::fork;
use workshop::linking::{Linking, require_linked};
use workshop::sources::{Entries, Sources};
use workshop::steps::Step;
use workshop::toolchain;

/// Name of its package, and of its executable.
pub const NAME: &str = "workload-app";

/// Its subcommands. `tests/<subcommand>.stdout` has the expected output of each.
pub(crate) const SUBCOMMANDS: [&str; 3] = ["run", "identity", "backtrace"];

/// The files and directories of its package.
const ENTRIES: Entries = &["Cargo.lock", "Cargo.toml", "local", "src", "tests"];

/// A copy of the application, and where the fork builds it.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    /// Executable of the fork.
    pub(crate) cargo: PathBuf,
    pub(crate) package: PathBuf,
    pub(crate) build_directory: PathBuf,
    /// The compiler, if it is not the one that xtask runs with.
    pub(crate) compiler: Option<Compiler>,
    /// The processor that it is built for, if it is not this machine's.
    pub(crate) cross: Option<Cross>,
}

impl Application {
    /// The fork for the application, without variables and configuration that could override `verb` and its options.
    pub(crate) fn cargo(&self, verb: &str) -> Command {
        let mut cargo = fork::command(&self.cargo, &self.package, &self.build_directory, verb);
        if let Some(compiler) = &self.compiler {
            compiler.set_for(&mut cargo);
        }
        if let Some(cross) = &self.cross {
            cross.set_for(&mut cargo);
        }
        cargo
    }

    /// The command that runs an executable of the application.
    pub(crate) fn program(&self, executable: &Path) -> Command {
        match &self.cross {
            None => toolchain::command(executable),
            Some(cross) => {
                let runner = cross.runner();
                let mut command = toolchain::command(&runner[0]);
                command.args(&runner[1..]).arg(executable);
                command
            }
        }
    }

    /// `cargo build`, to be run by [`Build::run`].
    pub(crate) fn cargo_build(&self) -> Command {
        let mut cargo = self.cargo("build");
        cargo.arg("--message-format=json-render-diagnostics");
        cargo
    }

    pub(crate) fn build(&self, step: &mut Step, linking: Linking) -> Result<Build> {
        Build::run(step, self.cargo_build().arg(linking.option()))
    }

    /// Where the files of groups lie.
    fn group_directory(&self) -> PathBuf {
        let mut directory = self.build_directory.clone();
        directory.extend(self.cross.iter().map(|cross| cross.platform.triple));
        directory.join("debug/deps")
    }

    /// Removes the groups of earlier builds, so that the next dynamic build links them.
    pub(crate) fn remove_groups(&self) -> Result<()> {
        for entry in files::entries(&self.group_directory())? {
            if is_group(&entry.file_name().to_string_lossy()) {
                files::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The expected standard output of `subcommand`.
    pub(crate) fn expected(&self, subcommand: &str) -> Result<String> {
        expected(&self.package, subcommand)
    }
}

/// A build of the application.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) executable: PathBuf,
    pub(crate) artifacts: Artifacts,
}

impl Build {
    /// Runs [`Application::cargo_build`], which may have got more options.
    pub(crate) fn run(step: &mut Step, cargo: &mut Command) -> Result<Build> {
        Build::parse(&step.capture(cargo)?)
    }

    /// Reads the messages of a build.
    pub(crate) fn parse(messages: &str) -> Result<Build> {
        let artifacts = Artifacts::parse(messages)?;
        Ok(Build {
            executable: artifacts.executable(NAME)?,
            artifacts,
        })
    }

    /// Fails unless the executable is linked as asked.
    pub(crate) fn require(&self, linking: Linking) -> Result<()> {
        require_linked(&self.executable, linking)
    }
}

/// The output of a run of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) stdout: String,
    /// Without thread ids, which differ from run to run.
    pub(crate) stderr: String,
}

impl Printed {
    /// Runs `command` in `directory`, without help for the loader and with backtraces on.
    pub(crate) fn by(mut command: Command, directory: &Path) -> Result<Printed> {
        let output = command
            .current_dir(directory)
            .env_remove("LD_LIBRARY_PATH")
            .env("RUST_BACKTRACE", "1")
            // With a second worker, rayon's frames would depend on whether it stole the job.
            .env("RAYON_NUM_THREADS", "1")
            .output()
            .with_context(|| format!("failed to run `{}`", toolchain::display(&command)))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!(
                "`{}` in `{}` failed ({})\n{}",
                toolchain::display(&command),
                directory.display(),
                output.status,
                stderr.trim_end()
            );
        }
        Ok(Printed {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: without_thread_ids(&stderr),
        })
    }
}

/// Fails unless each subcommand of `executable` prints the output that the package at `package` expects.
pub fn require_expected(package: &Path, executable: &Path) -> Result<()> {
    for subcommand in SUBCOMMANDS {
        let mut command = toolchain::command(executable);
        command.arg(subcommand);
        let printed = Printed::by(command, package)?;
        let what = format!("what `{} {subcommand}` prints", executable.display());
        require_equal(&what, &printed.stdout, &expected(package, subcommand)?)?;
    }
    Ok(())
}

/// What `subcommand` has to print to standard output.
fn expected(package: &Path, subcommand: &str) -> Result<String> {
    let path = package.join(format!("tests/{subcommand}.stdout"));
    fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))
}

/// Fails unless the two texts are equal; shows where they begin to differ.
pub(crate) fn require_equal(what: &str, found: &str, expected: &str) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let common = found
        .lines()
        .zip(expected.lines())
        .take_while(|(found, expected)| found == expected)
        .count();
    let line = |text: &str| text.lines().nth(common).unwrap_or("").to_owned();
    bail!(
        "{what} differs from line {} on\nexpected: `{}`\nfound: `{}`",
        common + 1,
        line(expected),
        line(found)
    );
}

/// The sources of the package at `package`.
pub fn sources(package: &Path) -> Result<Sources> {
    Sources::read(package, ENTRIES)
}

/// `thread 'main' (1234) panicked` without the number.
fn without_thread_ids(text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let id = line
            .strip_prefix("thread '")
            .and_then(|_| line.split_once("' ("))
            .and_then(|(name, rest)| Some((name, rest.split_once(')')?.1)));
        match id {
            Some((name, rest)) => lines.push_str(&format!("{name}'{rest}")),
            None => lines.push_str(line),
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_ids_do_not_count() {
        let text = "thread 'main' (12) panicked at a.rs:1:2:\nboom (12)\nit's 'x' (3)\n";
        let expected = "thread 'main' panicked at a.rs:1:2:\nboom (12)\nit's 'x' (3)\n";
        assert_eq!(without_thread_ids(text), expected);
    }

    #[test]
    fn difference_is_shown() {
        assert!(require_equal("x", "a\nb\n", "a\nb\n").is_ok());
        let error = require_equal("stdout of `run`", "a\nb\n", "a\nc\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "stdout of `run` differs from line 2 on\nexpected: `c`\nfound: `b`"
        );
    }
}
