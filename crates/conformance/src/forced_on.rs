//! Runs tests with something forced on of which they know nothing: `dynamic-deps`, or the new layout of the build
//! directory.
//!
//! The test suite takes every variable `CARGO_*` out of the environment of the Cargo that it runs. So we put this
//! program in the place of that Cargo. It sets `CARGO_PROFILE_DEV_DYNAMIC_DEPS=true` again and becomes the fork.
//! Programs that the fork starts inherit the variable. The same goes for the variables of the layout.
//!
//! Everything else has to stay as without this program. A shell script would not do, since a shell drops variables with
//! names that it does not accept, and tests have such variables. And Cargo writes its own path into `CARGO`. It takes
//! the path of its executable or else the one by which it was called, whichever has the file name `cargo`. Here the
//! executable of the fork has another name. So Cargo writes the path that the tests know, and a Cargo that is called by
//! it has the option forced on too.

use std::env;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use measure::executable::{is_group, needed};

use crate::suite::{StandIn, Suite};
use workshop::files;
use workshop::fork;
use workshop::linking::is_platform_supported;
use workshop::steps::Step;
use workshop::toolchain;

/// Names the executable of the fork. If it is set, this program stands in for Cargo.
const FORK_VARIABLE: &str = "XTASK_FORCED_ON";

/// Names what is forced on.
const FORCED_VARIABLE: &str = "XTASK_FORCED";

/// What is forced on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forced {
    /// `dynamic-deps`, in the profile `dev` and all that inherit it.
    DynamicDeps,
    /// `-Z build-dir-new-layout`. The tests make Cargo think that it is a stable one, which would refuse this option.
    NewLayout,
}

impl Forced {
    const ALL: [Forced; 2] = [Forced::DynamicDeps, Forced::NewLayout];

    fn name(self) -> &'static str {
        match self {
            Forced::DynamicDeps => "dynamic-deps",
            Forced::NewLayout => "new-layout",
        }
    }

    /// The variables that force it on.
    fn variables(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Forced::DynamicDeps => &[("CARGO_PROFILE_DEV_DYNAMIC_DEPS", "true")],
            Forced::NewLayout => &[
                ("CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT", "true"),
                ("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly"),
            ],
        }
    }
}

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
    let name = env::var(FORCED_VARIABLE).unwrap_or_default();
    let Some(forced) = Forced::ALL.into_iter().find(|one| one.name() == name) else {
        eprintln!("error: `{FORCED_VARIABLE}` is `{name}`");
        return Some(ExitCode::FAILURE);
    };
    let error = becoming(&fork, forced).exec();
    eprintln!("error: failed to run `{}`: {error}", fork.display());
    Some(ExitCode::FAILURE)
}

/// The command that becomes the fork, with the arguments of this process, including its path, and with the variables.
fn becoming(fork: &OsStr, forced: Forced) -> Command {
    let mut args = env::args_os();
    let mut command = Command::new(fork);
    if let Some(path) = args.next() {
        command.arg0(path);
    }
    command.args(args).envs(forced.variables().iter().copied());
    command
}

/// The test suite of the fork, `suite`, with this program in the place of Cargo. The program is copied into
/// `directory`.
pub(crate) fn suite(
    step: &mut Step,
    suite: &Suite,
    directory: &Path,
    forced: Forced,
) -> Result<Suite> {
    ensure!(
        is_platform_supported(),
        "on this platform the fork links dependencies statically, so the option can only be without effect"
    );
    let executable = directory.join("bin/fork");
    fork::place(suite.cargo(), &executable)?;
    let forced_on = suite.with_stand_in(StandIn {
        program: env::current_exe().context("failed to find the path of this program")?,
        variables: vec![
            (FORK_VARIABLE, executable.into_os_string()),
            (FORCED_VARIABLE, forced.name().into()),
        ],
    });
    require_effect(step, &forced_on, forced)?;
    Ok(forced_on)
}

/// Fails unless a build by the Cargo that the tests find shows the effect of the variables: without an effect, every
/// test would pass and prove nothing.
fn require_effect(step: &mut Step, suite: &Suite, forced: Forced) -> Result<()> {
    let package = tempfile::tempdir().context("failed to create a temporary directory")?;
    for (path, text) in PROBE {
        files::write(&package.path().join(path), text)?;
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
    let debug = package.path().join("target/debug");
    match forced {
        Forced::DynamicDeps => {
            let needed = needed(&debug.join("probe"))?;
            ensure!(
                needed.iter().any(|soname| is_group(soname)),
                "a program that was built with `dynamic-deps` forced on is linked statically: it needs {}",
                needed.join(", ")
            );
        }
        Forced::NewLayout => ensure!(
            debug.join("build/probe").is_dir() && !debug.join("deps").exists(),
            "a program that was built with the new layout forced on is in a directory of the old one"
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_option_is_added() {
        let command = becoming(OsStr::new("/fork"), Forced::DynamicDeps);
        assert_eq!(command.get_program(), "/fork");
        let args: Vec<_> = env::args_os().skip(1).collect();
        assert_eq!(Vec::from_iter(command.get_args()), args);
        let environment = [("CARGO_PROFILE_DEV_DYNAMIC_DEPS", "true")]
            .map(|(name, value)| (OsStr::new(name), Some(OsStr::new(value))));
        assert_eq!(Vec::from_iter(command.get_envs()), environment);
    }
}
