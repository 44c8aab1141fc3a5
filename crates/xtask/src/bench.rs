//! `cargo xtask bench`: builds the harness in `benches/harness` and becomes it.
//!
//! The harness is a program of its own, so people who work on the fork need not compile its charts with xtask. It calls
//! xtask back for Cargos and generated workloads: `build`, `stock` and `generate`.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use workshop::paths::Repository;
use workshop::steps::{Chatter, Show, Step, Steps};
use workshop::toolchain;

const PACKAGE: &str = "harness";

/// Builds the harness.
fn build(repository: &Repository, step: &mut Step) -> Result<()> {
    let mut cargo = toolchain::cargo();
    cargo
        .current_dir(repository.root())
        .env_remove("CARGO_TARGET_DIR")
        .args(["build", "--locked", "--package", PACKAGE, "--target-dir"])
        .arg(repository.target());
    step.command(&mut cargo, Show::Progress)
}

/// Builds the harness and replaces this process by it; only returns if that fails.
pub(crate) fn exec(repository: &Repository, args: &[OsString]) -> Result<()> {
    let mut steps = Steps::new(repository.logs(), Chatter::None);
    steps.run("harness", |step| build(repository, step))?;
    let mut harness = command(repository)?;
    let error = harness.args(args).exec();
    Err(error).with_context(|| format!("failed to run `{}`", toolchain::display(&harness)))
}

fn command(repository: &Repository) -> Result<Command> {
    let xtask = env::current_exe().context("failed to find the path of this program")?;
    let mut harness = toolchain::command(repository.target().join("debug").join(PACKAGE));
    harness.arg("--xtask").arg(xtask);
    Ok(harness)
}
