//! The test step `cross`, and `cargo xtask cross`: the fork for other processors.
//!
//! We build the [application](crate::app) and the [awkward](crate::awkward) programs for another processor, statically
//! and dynamically, with Debian's Rust and cross compilers, and run them in QEMU. There they must do the same both
//! ways, as on this machine. The test step tries one processor; the command tries the processors that the user names,
//! or all.

use anyhow::Result;

use crate::application::Application;
use crate::{app, awkward, fork_to_try};
use patch_stack::tree::Tree;
use workshop::debian::{self, Cross, PLATFORMS, Platform};
use workshop::steps::{Chatter, Step, Steps};

/// The processor of the test step: the most common one besides x86_64.
const FIRST: &str = "aarch64-unknown-linux-gnu";

/// Packages of the awkward workspace that we leave out. One needs a library of the system, which is there only for this
/// machine's processor, and the C code of the other takes as long as everything else together.
const LEFT_OUT: [&str; 2] = ["awkward-openssl", "awkward-aws-lc"];

/// The target triples of the processors, as values of a command line argument.
pub fn names() -> impl Iterator<Item = &'static str> {
    PLATFORMS.iter().map(|platform| platform.triple)
}

/// Tries one processor.
pub fn run_first(tree: &Tree, step: &mut Step) -> Result<()> {
    try_platform(tree, step, debian::platform(FIRST)?)
}

/// Tries these processors, or all.
pub fn run(tree: &Tree, triples: &[String]) -> Result<()> {
    let mut steps = Steps::new(tree.repository().logs(), Chatter::Steps);
    for platform in &PLATFORMS {
        let is_asked_for = |triple: &String| triple == platform.triple;
        if triples.is_empty() || triples.iter().any(is_asked_for) {
            let name = format!("cross-{}", platform.triple);
            steps.run(&name, |step| try_platform(tree, step, platform))?;
        }
    }
    Ok(())
}

fn try_platform(tree: &Tree, step: &mut Step, platform: &'static Platform) -> Result<()> {
    let Some(fork) = fork_to_try(tree, step)? else {
        return Ok(());
    };
    let repository = tree.repository();
    let Some(cross) = debian::cross(repository, step, platform)? else {
        return Ok(());
    };
    let application = Application {
        cargo: fork.clone(),
        package: repository.application(),
        build_directory: repository.cross().join("app"),
        compiler: None,
        cross: Some(cross.clone()),
    };
    app::compare(&application, step)?;
    let workspace = Application {
        package: repository.awkward(),
        build_directory: repository.cross().join("awkward"),
        ..application
    };
    step.say(&format!("left out: {}", LEFT_OUT.join(", ")));
    awkward::compare(&workspace, step, &LEFT_OUT)?;
    say_what_was_run(step, &cross)
}

fn say_what_was_run(step: &mut Step, cross: &Cross) -> Result<()> {
    let rustc = step.capture(std::process::Command::new(cross.rust.rustc()).arg("-V"))?;
    step.say(&format!(
        "`{}` works, with {}",
        cross.platform.triple,
        rustc.trim_end()
    ));
    Ok(())
}
