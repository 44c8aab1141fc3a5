//! The sample on which a check tries a tool, a place to build it, and the fork.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use measure::messages::{self, Artifact};

use super::sample::{self, GREETING, LOCAL, PROGRAM};
use workshop::files;
use workshop::linking::{Linking, require_linked};

use workshop::steps::{Show, Step};
use workshop::toolchain;

/// Variables of the caller that would change a build.
const FOREIGN_VARIABLES: [&str; 8] = [
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

/// The sample and the places around it.
pub struct Bench<'a, 'b> {
    /// Runs commands.
    pub step: &'a mut Step<'b>,
    /// Executable of the fork.
    pub(crate) fork: PathBuf,
    /// The directory for all files of the checks.
    directory: PathBuf,
}

impl<'a, 'b> Bench<'a, 'b> {
    /// A bench in `directory`.
    pub fn new(step: &'a mut Step<'b>, fork: PathBuf, directory: PathBuf) -> Self {
        Bench {
            step,
            fork,
            directory,
        }
    }

    /// Restores the sample, whatever the last tool did to it.
    pub fn reset(&self) -> Result<()> {
        sample::sources().write(&self.sample())
    }

    /// Directory of the sample.
    pub fn sample(&self) -> PathBuf {
        self.directory.join("sample")
    }

    /// Cargo's target directory for it.
    pub fn build_directory(&self) -> PathBuf {
        self.directory.join("build")
    }

    /// An empty directory.
    pub(crate) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let directory = self.directory.join(name);
        files::make_empty(&directory)?;
        Ok(directory)
    }

    /// The fork in the sample, for any command. The environment decides how to link, since tools do not know our
    /// options.
    pub(crate) fn cargo(&self, linking: Linking, args: &[&str]) -> Command {
        let value = match linking {
            Linking::Static => "false",
            Linking::Dynamic => "true",
        };
        let mut cargo = self.plain_cargo(args);
        cargo.env("CARGO_PROFILE_DEV_DYNAMIC_DEPS", value);
        cargo
    }

    /// The fork in the sample. `args` decide how to link.
    pub fn plain_cargo(&self, args: &[&str]) -> Command {
        let mut cargo = toolchain::command(&self.fork);
        for variable in FOREIGN_VARIABLES {
            cargo.env_remove(variable);
        }
        cargo
            .current_dir(self.sample())
            .env_remove("CARGO_PROFILE_DEV_DYNAMIC_DEPS")
            .env("CARGO_TARGET_DIR", self.build_directory())
            .env("CARGO_TERM_COLOR", "never")
            .args(args);
        cargo
    }

    /// Builds the program, and returns its path.
    pub(crate) fn build(&mut self, linking: Linking) -> Result<PathBuf> {
        let mut cargo = self.cargo(linking, &["build", "--locked"]);
        self.step.command(&mut cargo, Show::Progress)?;
        let executable = self.build_directory().join("debug").join(PROGRAM);
        require_linked(&executable, linking)?;
        Ok(executable)
    }

    /// The artifacts of a command of Cargo, which `cargo` runs.
    pub(crate) fn artifacts(&mut self, cargo: &mut Command) -> Result<Vec<Artifact>> {
        let printed = self.step.capture(cargo.arg("--message-format=json"))?;
        messages::artifacts(&printed)
    }

    /// Changes the text that the local library prints.
    pub(crate) fn edit(&self, from: &str, to: &str) -> Result<()> {
        edit(&self.sample(), from, to)
    }

    /// The text of a file.
    pub fn read(&self, path: &Path) -> Result<String> {
        read(path)
    }

    /// Runs the program; it has to print its greeting and nothing else.
    pub(crate) fn require_greeting(&mut self, command: &mut Command) -> Result<()> {
        let printed = self.step.capture(command)?;
        ensure!(
            printed == GREETING,
            "`{}` printed `{}` in the place of `{}`",
            toolchain::display(command),
            printed.trim_end(),
            GREETING.trim_end()
        );
        Ok(())
    }

    /// Calls `body` while the directory of the builds is not there.
    pub(crate) fn without_build_directory<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let from = self.build_directory();
        let to = self.directory.join("hidden");
        // An interrupted check may have left this directory.
        files::remove(&to)?;
        files::rename(&from, &to)?;
        let result = body(self);
        files::rename(&to, &from)?;
        result
    }
}

/// An unused port on the loopback interface.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("failed to find a free port")?;
    let address = listener
        .local_addr()
        .context("failed to find a free port")?;
    Ok(address.port())
}

/// Changes the text that the local library of the sample in `directory` prints.
pub(crate) fn edit(directory: &Path, from: &str, to: &str) -> Result<()> {
    let path = directory.join(LOCAL);
    let text = read(&path)?;
    ensure!(
        text.contains(from),
        "`{}` does not contain `{from}`",
        path.display()
    );
    fs::write(&path, text.replace(from, to))
        .with_context(|| format!("failed to write `{}`", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))
}
