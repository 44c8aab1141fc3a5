//! `cargo xtask bench`: builds the harness in `benches/harness` and becomes it.
//!
//! The harness is a program of its own, so that nobody who works on the fork compiles it and its charts with xtask. It
//! calls xtask back for what it measures: `build` and `stock`.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;

use anyhow::{Context, Result};

use workshop::paths::Repository;
use workshop::steps::{Show, Step};
use workshop::toolchain;

const PACKAGE: &str = "harness";

/// Builds the harness.
pub(crate) fn build(repository: &Repository, step: &mut Step) -> Result<()> {
    let mut cargo = toolchain::cargo();
    cargo
        .current_dir(repository.root())
        .env_remove("CARGO_TARGET_DIR")
        .args(["build", "--locked", "--package", PACKAGE, "--target-dir"])
        .arg(repository.target());
    step.command(&mut cargo, Show::Progress)
}

/// Replaces this process by the harness; only returns if that fails.
pub(crate) fn exec(repository: &Repository, args: &[OsString]) -> Result<()> {
    let harness = repository.target().join("debug").join(PACKAGE);
    let xtask = env::current_exe().context("failed to find the path of this program")?;
    let error = toolchain::command(&harness)
        .arg("--xtask")
        .arg(xtask)
        .args(args)
        .exec();
    Err(error).with_context(|| format!("failed to run `{}`", harness.display()))
}
