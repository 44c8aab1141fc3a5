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
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use measure::rustc_wrapper::Wrapper;
use serde::Deserialize;

/// Leaves the time in a file.
pub(crate) const WRAPPER: Wrapper = Wrapper {
    variable: "XTASK_LINK_TIME",
    concerns: is_executable_of_application,
    run: time_linker,
};

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

    /// Makes `cargo` leave the time.
    pub(crate) fn attach(&self, cargo: &mut Command) -> Result<()> {
        // An older one would hide that nothing was linked.
        let _ = fs::remove_file(&self.result);
        cargo.env(FLAGS_VARIABLE, self.flags);
        WRAPPER.attach(cargo, &self.result)
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

/// Runs rustc with `command`, and writes the time of its linker pass to the file `result`.
fn time_linker(result: &Path, mut command: Command) -> Result<ExitStatus> {
    const FAILED: &str = "failed to run rustc";
    let flags = env::var(FLAGS_VARIABLE).unwrap_or_default();
    let mut child = command
        .args(flags.split(' '))
        .env("RUSTC_BOOTSTRAP", "1")
        .stderr(Stdio::piped())
        .spawn()
        .context(FAILED)?;
    let mut link_time = None;
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).context(FAILED)? > 0 {
            match Pass::parse(&line) {
                Some(pass) if pass.name == "run_linker" => link_time = Some(pass.seconds),
                Some(_) => {}
                None => std::io::stderr().write_all(&line).context(FAILED)?,
            }
            line.clear();
        }
    }
    let status = child.wait().context(FAILED)?;
    if let Some(seconds) = link_time {
        fs::write(result, seconds.to_string())
            .with_context(|| format!("failed to write `{}`", result.display()))?;
    }
    Ok(status)
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
