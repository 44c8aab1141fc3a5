//! `cargo xtask demo`: shows what the fork gains, measured here and now on an application.
//!
//! The harness of `cargo xtask bench` measures, in a quick run of few phases. The fork makes the static builds too, so
//! nobody has to wait for a second Cargo: in a static build, people wait for rustc and the linker. Afterwards both
//! executables have to print the same.

use anyhow::{Result, ensure};

use crate::bench;
use crate::verbs::build_fork;
use patch_stack::tree::Tree;
use trials::application;
use workshop::fork::{self, Profile};
use workshop::linking::is_platform_supported;
use workshop::steps::{Chatter, Steps};

/// What is built, by which peers of the harness.
const WORKLOAD: &str = "app";
const PEERS: [&str; 2] = ["static-lld", "ours-lld"];

/// What is measured: edits of the program, of a library near the top and of the lowest, those of them that the workload
/// has; then the link alone, and the start.
const PHASES: [&str; 5] = [
    "rebuild-bin",
    "rebuild-leaf",
    "rebuild-base",
    "link",
    "start",
];

pub(crate) fn run(tree: &Tree, dev: bool) -> Result<()> {
    ensure!(
        is_platform_supported(),
        "the fork links everything statically on this platform, so there is nothing to show"
    );
    let repository = tree.repository();
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    let fork = build_fork(tree, &mut steps, Profile::new(!dev))?;
    steps.run("harness", |step| bench::build(repository, step))?;
    let fork = fork.to_string_lossy();
    let mut args = vec!["--quick", "--fresh", "--workload", WORKLOAD];
    args.extend(["--fork", &fork, "--stock", &fork]);
    args.extend(PEERS.iter().flat_map(|peer| ["--peer", peer]));
    args.extend(PHASES.iter().flat_map(|phase| ["--phase", phase]));
    bench::run(repository, &args)?;
    steps.run("compare", |step| {
        for peer in PEERS {
            let builds = repository.target().join("bench/work").join(WORKLOAD);
            let executable = builds.join(peer).join("debug").join(application::NAME);
            application::require_expected(&repository.application(), &executable)?;
        }
        step.say("both executables print what they should");
        Ok(())
    })?;
    if dev {
        println!("The fork is not optimised; for real numbers leave out `--dev`.");
    }
    println!(
        "Here, once, to make the rustup toolchain `{toolchain}`:\n\
         \x20 cargo xtask install\n\
         Then in a project of your own:\n\
         \x20 cargo +{toolchain} run --dynamic-deps\n\
         Without rustup, call `{executable}` in the place of `cargo`.",
        toolchain = fork::TOOLCHAIN,
        executable = repository.fork_executable().display()
    );
    Ok(())
}
