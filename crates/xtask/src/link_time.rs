//! How long rustc's linker pass takes, measured by rustc itself.
//!
//! This program stands in front of rustc (`RUSTC_WRAPPER`). It asks for the times of rustc's passes when the executable
//! of the application is compiled, keeps that of `run_linker`, and hands all else through. That pass ends when the
//! linker has ended, so it holds the whole work of whatever is the linker: of the fork's linker wrapper too.
//!
//! The flags that ask for the times are unstable, so rustc has to be told to accept them, and then it takes the other
//! defaults of a nightly rustc as well. The one that shows in an executable is the mangling of symbols, so
//! [`rustc_flags`] sets it back. Who measures compares the executable with one that was built without all this.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Names the file for the result. Where it is set, this program is a wrapper of rustc.
const RESULT_VARIABLE: &str = "XTASK_LINK_TIME";

/// Holds the flags for rustc, separated by spaces.
const FLAGS_VARIABLE: &str = "XTASK_LINK_TIME_FLAGS";

/// Name of the application's crate.
const CRATE_NAME: &str = "workload_app";

/// What rustc puts in front of the times of its passes.
const PREFIX: &str = "time: ";

/// A way to build that leaves the time of the linker pass in a file.
#[derive(Debug)]
pub(crate) struct LinkTimer {
    result: PathBuf,
    flags: &'static str,
}

impl LinkTimer {
    /// For the rustc of the version `rustc_version`; the time goes through the file `result`.
    pub(crate) fn new(result: PathBuf, rustc_version: &str) -> LinkTimer {
        LinkTimer {
            result,
            flags: rustc_flags(rustc_version),
        }
    }

    /// Makes `cargo` leave the time. Nothing is compiled again because of it: Cargo does not count the wrapper among what
    /// a crate is made from.
    pub(crate) fn attach(&self, cargo: &mut Command) -> Result<()> {
        let wrapper = env::current_exe().context("failed to find the path of this program")?;
        // An older one would hide that nothing was linked.
        let _ = fs::remove_file(&self.result);
        cargo
            .env("RUSTC_WRAPPER", wrapper)
            .env(RESULT_VARIABLE, &self.result)
            .env(FLAGS_VARIABLE, self.flags);
        Ok(())
    }

    /// The time that the build before has left.
    pub(crate) fn read(&self) -> Result<Duration> {
        let describe = || {
            format!(
                "rustc gave no time of its linker pass in `{}`",
                self.result.display()
            )
        };
        let text = fs::read_to_string(&self.result).with_context(describe)?;
        let seconds = text.parse().with_context(describe)?;
        Ok(Duration::from_secs_f64(seconds))
    }
}

/// Acts as the wrapper and gives the exit code, if Cargo called this program as such.
pub(crate) fn run_if_called_as_wrapper() -> Option<ExitCode> {
    let result = env::var_os(RESULT_VARIABLE)?;
    Some(match wrap(Path::new(&result)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn wrap(result: &Path) -> Result<ExitCode> {
    let mut args = env::args_os().skip(1);
    let rustc = args.next().context("no rustc was given to the wrapper")?;
    let args: Vec<OsString> = args.collect();
    let mut command = Command::new(&rustc);
    command.args(&args);
    let describe = || format!("failed to run `{}`", rustc.display());
    if !is_executable_of_application(&args) {
        return Err(command.exec()).with_context(describe);
    }

    let flags = env::var(FLAGS_VARIABLE).unwrap_or_default();
    let mut child = command
        .args(flags.split(' '))
        .env("RUSTC_BOOTSTRAP", "1")
        .stderr(Stdio::piped())
        .spawn()
        .with_context(describe)?;
    let mut link_time = None;
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).with_context(describe)? > 0 {
            match Pass::parse(&line) {
                Some(pass) if pass.name == "run_linker" => link_time = Some(pass.seconds),
                Some(_) => {}
                None => std::io::stderr().write_all(&line).with_context(describe)?,
            }
            line.clear();
        }
    }
    let status = child.wait().with_context(describe)?;
    if let Some(seconds) = link_time {
        fs::write(result, seconds.to_string())
            .with_context(|| format!("failed to write `{}`", result.display()))?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn is_executable_of_application(args: &[OsString]) -> bool {
    let has = |name: &str, value: &str| {
        args.windows(2)
            .any(|pair| pair == [OsStr::new(name), OsStr::new(value)])
    };
    has("--crate-name", CRATE_NAME) && has("--crate-type", "bin")
}

fn rustc_flags(rustc_version: &str) -> &'static str {
    if rustc_version.contains("-nightly") {
        "-Ztime-passes -Ztime-passes-format=json"
    } else {
        "-Ztime-passes -Ztime-passes-format=json -Zunstable-options -Csymbol-mangling-version=legacy"
    }
}

/// Time of one of rustc's passes.
#[derive(Deserialize)]
struct Pass {
    #[serde(rename = "pass")]
    name: String,
    #[serde(rename = "time")]
    seconds: f64,
}

impl Pass {
    /// Reads a line of rustc; `None` if it is about something else.
    fn parse(line: &[u8]) -> Option<Pass> {
        serde_json::from_slice(line.strip_prefix(PREFIX.as_bytes())?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_application_is_timed() {
        #[track_caller]
        fn check(args: &str, expected: bool) {
            let args: Vec<OsString> = args.split(' ').map(OsString::from).collect();
            assert_eq!(is_executable_of_application(&args), expected);
        }
        check(
            "--crate-name workload_app src/main.rs --crate-type bin",
            true,
        );
        check("--crate-name workload_app src/main.rs --test", false);
        check("--crate-name workload_local --crate-type lib", false);
        check("-vV", false);
    }

    #[test]
    fn passes_are_told_from_diagnostics() {
        let line = b"time: {\"pass\":\"run_linker\",\"time\":0.15,\"rss_start\":1,\"rss_end\":2}\n";
        let pass = Pass::parse(line).unwrap();
        assert_eq!((pass.name.as_str(), pass.seconds), ("run_linker", 0.15));
        assert!(Pass::parse(b"{\"$message_type\":\"diagnostic\"}\n").is_none());
        assert!(Pass::parse(b"time: passes quickly\n").is_none());
    }

    #[test]
    fn time_goes_through_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let result = directory.path().join("link-time");
        let timer = LinkTimer::new(result.clone(), "rustc 1.95.0 (59807616e 2026-04-14)");
        fs::write(&result, "0.25").unwrap();
        assert_eq!(timer.read().unwrap(), Duration::from_millis(250));
        timer.attach(&mut Command::new("cargo")).unwrap();
        let error = timer.read().unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "rustc gave no time of its linker pass in `{}`",
                result.display()
            )
        );
    }
}
