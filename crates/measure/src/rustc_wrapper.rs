//! Programs that Cargo calls in the place of rustc (`RUSTC_WRAPPER`), to observe its calls.
//!
//! Cargo does not count the wrapper as an input of a crate, so it compiles nothing again because of
//! it.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result};

/// A wrapper: this program, called by Cargo.
#[derive(Debug)]
pub struct Wrapper {
    /// The environment variable with a path for the findings of the wrapper. If it is set, this
    /// program is the wrapper.
    pub variable: &'static str,
    /// Whether the wrapper handles a call of rustc with these arguments.
    pub concerns: fn(&[OsString]) -> bool,
    /// Runs such a call, given the path.
    pub run: fn(&Path, Command) -> Result<ExitStatus>,
}

impl Wrapper {
    /// Makes `cargo` call this program in the place of rustc.
    ///
    /// # Errors
    /// When the path of this program is unknown.
    pub fn attach(&self, cargo: &mut Command, path: &Path) -> Result<()> {
        let program = env::current_exe().context("failed to find the path of this program")?;
        cargo.env("RUSTC_WRAPPER", program).env(self.variable, path);
        Ok(())
    }

    /// Acts as the wrapper and gives the exit code, if Cargo called this program as such. Other
    /// calls become calls of rustc.
    pub fn run_if_called(&self) -> Option<ExitCode> {
        let path = PathBuf::from(env::var_os(self.variable)?);
        Some(match self.work(&path) {
            Ok(status) => {
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                code.map_or(ExitCode::FAILURE, ExitCode::from)
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        })
    }

    fn work(&self, path: &Path) -> Result<ExitStatus> {
        let mut args = env::args_os().skip(1);
        let rustc = args.next().context("no rustc was given to the wrapper")?;
        let args: Vec<OsString> = args.collect();
        let mut command = Command::new(&rustc);
        command.args(&args);
        if (self.concerns)(&args) {
            return (self.run)(path, command);
        }
        Err(command.exec()).with_context(|| format!("failed to run `{}`", rustc.display()))
    }
}
