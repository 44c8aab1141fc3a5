//! `cargo xtask demo`: measures on this machine what the fork gains.
//!
//! The fork itself measures (`cargo report dynamic-deps --measure`), as its users can in projects of their own. It
//! makes the static builds too, in which people wait for rustc and the linker, and not for Cargo. The demo measures an
//! application whose output it checks. It adds a library to the application, so that there is one near the top and a
//! lowest one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::verbs::build_fork;
use patch_stack::tree::Tree;
use trials::application;
use workshop::fork::{self, Profile};
use workshop::linking::{Linking, is_platform_supported};
use workshop::paths::Repository;
use workshop::steps::{Chatter, Show, Steps};
use workshop::toolchain;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure a program of this package or workspace of yours, not the application
    #[arg(long, value_name = "DIRECTORY")]
    project: Option<PathBuf>,
    /// With an optimised fork, which takes some minutes more to build
    #[arg(long)]
    release: bool,
}

/// A library between the program and the local library of the application.
const LIBRARY: &str = "workload-warmest";
const LIBRARY_MANIFEST: &str = r#"[package]
name = "workload-warmest"
version = "0.1.0"
edition = "2024"

[dependencies]
workload-local = { path = ".." }
"#;
const LIBRARY_SOURCE: &str = r#"//! A library near the top of the demonstration.

use workload_local::Reading;

/// The reading with the highest temperature.
pub fn warmest(readings: &[Reading]) -> Option<&Reading> {
    let warmer = |one: &&Reading, other: &&Reading| one.celsius.0.total_cmp(&other.celsius.0);
    readings.iter().max_by(warmer)
}
"#;

/// The target directory of the application.
const TARGET: &str = "target";

/// How often each kind of build is measured: less often than by default, since people wait for it.
const ROUNDS: &str = "3";

pub(crate) fn run(tree: &Tree, options: &Options) -> Result<()> {
    ensure!(
        is_platform_supported(),
        "the fork links everything statically on this platform, so there is nothing to show"
    );
    let repository = tree.repository();
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    let profile = match options.release {
        true => Profile::Release,
        false => Profile::Quick,
    };
    println!(
        "builds the fork; what its compiler prints is in `{}`",
        repository.display(&repository.logs())
    );
    let fork = build_fork(tree, &mut steps, profile)?;
    match &options.project {
        Some(project) => measure(&mut measurement(&fork, project))?,
        None => {
            let package = repository.demo();
            lay_down(repository, &package)?;
            println!(
                "measures the application in `{}`",
                repository.display(&package)
            );
            let mut measurement = measurement(&fork, &package);
            measurement
                .args(["--rounds", ROUNDS])
                .env("CARGO_TARGET_DIR", package.join(TARGET));
            measure(&mut measurement)?;
            steps.run("compare", |step| {
                for linking in [Linking::Static, Linking::Dynamic] {
                    let measured = package.join(TARGET).join("dynamic-deps-measure");
                    let build_directory = measured.join("target");
                    let sources = measured.join("sources");
                    let mut build = fork::command(&fork, &sources, &build_directory, "build");
                    step.command(build.arg(linking.option()), Show::Progress)?;
                    let executable = build_directory.join("debug").join(application::NAME);
                    application::require_expected(&package, &executable)?;
                }
                step.say("both executables print what they should");
                Ok(())
            })?;
        }
    }
    if profile == Profile::Quick {
        println!(
            "\nThis fork was built quickly, so its own part of each build is longer than it has to be, in both columns.\n\
             `cargo xtask demo --release` measures an optimised one."
        );
    }
    println!(
        "\nTo have it as the rustup toolchain `{toolchain}`, optimised:\n\
         \x20 cargo xtask build --release\n\
         \x20 cargo xtask install\n\
         Then in a project of your own:\n\
         \x20 cargo +{toolchain} run --dynamic-deps",
        toolchain = fork::TOOLCHAIN,
    );
    Ok(())
}

/// The command by which the fork measures a program of the package or workspace in `directory`.
fn measurement(fork: &Path, directory: &Path) -> Command {
    let mut command = toolchain::command(fork);
    command
        .args(["report", "dynamic-deps", "--measure", "--manifest-path"])
        .arg(directory.join("Cargo.toml"));
    command
}

/// Runs the measurement, which prints its progress and its outcome.
fn measure(measurement: &mut Command) -> Result<()> {
    let describe = toolchain::display(measurement);
    let status = measurement
        .status()
        .with_context(|| format!("failed to run `{describe}`"))?;
    ensure!(status.success(), "`{describe}` failed ({status})");
    Ok(())
}

/// Writes the application into `directory`, with one more library.
fn lay_down(repository: &Repository, directory: &Path) -> Result<()> {
    let mut sources = application::sources(&repository.application())?;
    let dependency = format!("\n[dependencies.{LIBRARY}]\npath = \"local/warmest\"\n");
    sources.append("Cargo.toml", &dependency);
    sources.append("src/main.rs", "\nuse workload_warmest as _;\n");
    sources.insert("local/warmest/Cargo.toml", LIBRARY_MANIFEST.to_owned());
    sources.insert("local/warmest/src/lib.rs", LIBRARY_SOURCE.to_owned());
    sources.write(directory)
}
