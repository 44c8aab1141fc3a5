//! The fork with `dynamic-deps` forced on, for tests that know nothing of it.
//!
//! The test suite takes every variable `CARGO_*` out of the environment of the Cargo that it runs. So in the place of
//! that Cargo stands this program, which puts `CARGO_PROFILE_DEV_DYNAMIC_DEPS=true` back and becomes the fork. What the
//! fork starts inherits the variable.
//!
//! Everything else has to be as without it. A shell would drop variables whose names it does not like, and tests have
//! such. And Cargo says where it is, in `CARGO`: it takes the path of its executable or else the one that it was called
//! by, whichever has the file name `cargo`. The executable of the fork has another name here, so it gives the path that
//! the tests know, by which it is called with the option again.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use measure::executable::{is_group, needed};

use crate::suite::{StandIn, Suite};
use workshop::fork;
use workshop::linking::is_platform_supported;
use workshop::steps::Step;
use workshop::toolchain;

/// Sets the option in the profile `dev` and all that inherit it.
const OPTION_VARIABLE: &str = "CARGO_PROFILE_DEV_DYNAMIC_DEPS";

/// Names the executable of the fork. Where it is set, this program stands in for Cargo.
const FORK_VARIABLE: &str = "XTASK_FORCED_ON";

/// A program with one dependency.
const PROBE: [(&str, &str); 4] = [
    (
        "Cargo.toml",
        "[package]\nname = \"probe\"\nedition = \"2024\"\n\n[dependencies]\nleaf = { path = \"leaf\" }\n",
    ),
    ("src/main.rs", "fn main() {\n    leaf::call();\n}\n"),
    (
        "leaf/Cargo.toml",
        "[package]\nname = \"leaf\"\nedition = \"2024\"\n",
    ),
    ("leaf/src/lib.rs", "pub fn call() {}\n"),
];

/// Becomes the fork, if a test called this program in the place of Cargo. Only returns if that fails, or if none did.
pub fn run_if_called_as_cargo() -> Option<ExitCode> {
    let fork = env::var_os(FORK_VARIABLE)?;
    let error = becoming(&fork).exec();
    eprintln!("error: failed to run `{}`: {error}", fork.display());
    Some(ExitCode::FAILURE)
}

/// The fork with the arguments of this process, its path among them, and the option.
fn becoming(fork: &OsStr) -> Command {
    let mut args = env::args_os();
    let mut command = Command::new(fork);
    if let Some(path) = args.next() {
        command.arg0(path);
    }
    command.args(args).env(OPTION_VARIABLE, "true");
    command
}

/// The test suite of the fork, `suite`, with this program in the place of Cargo. It becomes an executable in `directory`.
pub(crate) fn suite(step: &mut Step, suite: &Suite, directory: &Path) -> Result<Suite> {
    ensure!(
        is_platform_supported(),
        "on this platform the fork links dependencies statically, so the option can only be without effect"
    );
    let executable = directory.join("bin/fork");
    fork::place(suite.cargo(), &executable)?;
    let forced_on = suite.with_stand_in(StandIn {
        program: env::current_exe().context("failed to find the path of this program")?,
        variable: (FORK_VARIABLE, executable),
    });
    require_effect(step, &forced_on)?;
    Ok(forced_on)
}

/// Fails unless a build by the Cargo that the tests find is dynamic: where the option had no effect, every test would
/// pass and prove nothing.
fn require_effect(step: &mut Step, suite: &Suite) -> Result<()> {
    let package = tempfile::tempdir().context("failed to create a temporary directory")?;
    for (path, text) in PROBE {
        let path = package.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(package.path()))
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    suite.while_tested(|cargo| {
        let mut command = toolchain::command(cargo);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_") {
                command.env_remove(name);
            }
        }
        suite.set_environment(&mut command);
        command
            .args(["build", "--offline"])
            .current_dir(package.path());
        step.capture(&mut command)
    })?;
    let executable = package.path().join("target/debug/probe");
    let needed = needed(&executable)?;
    ensure!(
        needed.iter().any(|soname| is_group(soname)),
        "a program that was built with `{OPTION_VARIABLE}=true` is linked statically: it needs {}",
        needed.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_option_is_added() {
        let command = becoming(OsStr::new("/fork"));
        assert_eq!(command.get_program(), "/fork");
        let args: Vec<_> = env::args_os().skip(1).collect();
        assert_eq!(Vec::from_iter(command.get_args()), args);
        let environment = [(OsStr::new(OPTION_VARIABLE), Some(OsStr::new("true")))];
        assert_eq!(Vec::from_iter(command.get_envs()), environment);
    }
}
