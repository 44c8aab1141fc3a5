//! `cargo xtask test`: everything that CI checks, as a list of named steps.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::docs_commands;
use crate::toolchains;
use patch_stack::export;
use patch_stack::next;
use patch_stack::overlay;
use patch_stack::pin::Pin;
use patch_stack::stock;
use patch_stack::tree::{Tree, Unexported};
use trials::{app, awkward, corpus, cross, tools, workspace};
use workshop::files;
use workshop::fork::{self, Profile};
use workshop::paths::Repository;
use workshop::steps::{Chatter, Show, Step, Steps, is_ci};
use workshop::toolchain;

/// A named part of the checks.
struct TestStep {
    name: &'static str,
    about: &'static str,
    run: fn(&Tree, &mut Step) -> Result<()>,
}

/// In the order in which they run: quick steps first, and each step after those that it needs.
const STEPS: &[TestStep] = &[
    TestStep {
        name: "fmt",
        about: "Formatting of our crates and of the overlay",
        run: fmt,
    },
    TestStep {
        name: "clippy",
        about: "Lints of our crates",
        run: clippy,
    },
    TestStep {
        name: "unit",
        about: "Unit tests of our crates",
        run: unit,
    },
    TestStep {
        name: "tree",
        about: "Patches and overlay make a tree, and export gives them back; so does the port to the next release",
        run: trees_and_back,
    },
    TestStep {
        name: "fork",
        about: "The fork is built",
        run: fork_build,
    },
    TestStep {
        name: "app",
        about: "What the fork promises, on an application",
        run: app::run,
    },
    TestStep {
        name: "workspace",
        about: "Tests of a workspace give the same results, with less on disk and no more rebuilt",
        run: workspace::run,
    },
    TestStep {
        name: "awkward",
        about: "Programs with awkward crates behave the same, static and dynamic",
        run: awkward::run,
    },
    TestStep {
        name: "cross",
        about: "The same application and programs, for aarch64, in an emulator",
        run: cross::run_first,
    },
    TestStep {
        name: "corpus",
        about: "Three real projects do the same when linked dynamically",
        run: corpus::run_smallest,
    },
    TestStep {
        name: "docs",
        about: "The commands in the documentation",
        run: docs_commands::run,
    },
    TestStep {
        name: "tools",
        about: "Tools that are used beside Cargo, those that take seconds",
        run: tools::run_cheap,
    },
    TestStep {
        name: "stock",
        about: "Upstream's Cargo is built, to compare the fork with",
        run: stock_build,
    },
    TestStep {
        name: "testsuite",
        about: "Our end-to-end tests, and upstream's that our hooks pass through",
        run: conformance::steps::testsuite,
    },
    TestStep {
        name: "toolchains",
        about: "Tests that depend on the compiler, and `awkward`, with the other compilers of this machine",
        run: toolchains::step,
    },
    TestStep {
        name: "forced",
        about: "Upstream's tests with `dynamic-deps` forced on, a part of them",
        run: conformance::steps::forced,
    },
];

/// Directories in `target` in which only one step builds, more than 10 GB altogether. CI removes them, since it runs each step
/// once and its disk may be small.
const BUILDS_OF_ONE_STEP: &[(&str, &str)] = &[
    ("app", "app"),
    ("workspace", "workspace/build"),
    ("awkward", "awkward"),
    ("cross", "cross"),
    ("corpus", "corpus/build"),
    ("docs", "demo"),
    ("docs", "fork-build/quick"),
    ("toolchains", "compilers"),
];

/// The names of the steps, as values of a command line argument.
pub(crate) fn step_names() -> PossibleValuesParser {
    let values = STEPS
        .iter()
        .map(|step| PossibleValue::new(step.name).help(step.about));
    PossibleValuesParser::new(values)
}

/// Runs the steps named in `only`, or all, up to the first that fails.
pub(crate) fn run(tree: &Tree, only: &[String]) -> Result<()> {
    let mut steps = Steps::new(tree.repository().logs(), Chatter::Steps);
    let chosen = STEPS
        .iter()
        .filter(|step| only.is_empty() || only.iter().any(|name| name == step.name));
    let mut result = Ok(());
    for step in chosen {
        result = steps.run(step.name, |running| {
            (step.run)(tree, running)?;
            if is_ci() {
                remove_builds(tree.repository(), step.name)?;
            }
            Ok(())
        });
        if result.is_err() {
            break;
        }
    }
    println!("\n{}", steps.table().trim_end());
    result
}

fn remove_builds(repository: &Repository, step: &str) -> Result<()> {
    let of_step = BUILDS_OF_ONE_STEP.iter().filter(|(name, _)| *name == step);
    for (_, directory) in of_step {
        files::remove(&repository.target().join(directory))?;
    }
    Ok(())
}

fn fmt(tree: &Tree, step: &mut Step) -> Result<()> {
    let mut cargo = cargo_in_repository(tree.repository());
    step.command(cargo.args(["fmt", "--all", "--check"]), Show::Progress)?;
    let mut cargo = cargo_in_repository(tree.repository());
    cargo.args(["fmt", "--check", "--manifest-path"]);
    cargo.arg(tree.repository().fuzz().join("Cargo.toml"));
    step.command(&mut cargo, Show::Progress)?;
    let sources = overlay::rust_sources(tree.repository())?;
    if sources.is_empty() {
        return Ok(());
    }
    let mut rustfmt = toolchain::command("rustfmt");
    rustfmt.arg("--check").args(overlay::RUSTFMT_OPTIONS);
    step.command(rustfmt.args(sources), Show::Progress)
}

fn clippy(tree: &Tree, step: &mut Step) -> Result<()> {
    let mut cargo = cargo_in_repository(tree.repository());
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]);
    step.command(&mut cargo, Show::Progress)
}

fn unit(tree: &Tree, step: &mut Step) -> Result<()> {
    let mut cargo = cargo_in_repository(tree.repository());
    step.command(
        cargo.args(["test", "--workspace", "--locked"]),
        Show::Everything,
    )
}

fn trees_and_back(tree: &Tree, step: &mut Step) -> Result<()> {
    tree_and_back(tree)?;
    let Some(repository) = next::lay_down(tree.repository())? else {
        return Ok(());
    };
    let pin = Pin::new(&repository);
    tree_and_back(&Tree::new(&repository, &pin)).context("in `target/next`")?;
    if next::is_behind(tree)? {
        step.say("patches have changed since the port to the next release was made");
    }
    Ok(())
}

fn tree_and_back(tree: &Tree) -> Result<()> {
    tree.materialise(Unexported::Refuse)?;
    let changes = export::round_trip(tree)?;
    let paths: Vec<String> = changes
        .paths()
        .into_iter()
        .map(|path| tree.repository().display(path).to_string())
        .collect();
    ensure!(
        paths.is_empty(),
        "making the tree and exporting it again would change files\n{}\n\
         help: `cargo xtask export` writes them in their normal form",
        paths.join("\n")
    );
    Ok(())
}

fn fork_build(tree: &Tree, step: &mut Step) -> Result<()> {
    tree.materialise(Unexported::Refuse)?;
    fork::build(tree.repository(), step, Profile::Dev).map(drop)
}

fn stock_build(tree: &Tree, step: &mut Step) -> Result<()> {
    tree.materialise(Unexported::Refuse)?;
    stock::build(tree, step, Profile::Dev).map(drop)
}

fn cargo_in_repository(repository: &Repository) -> Command {
    let mut cargo = toolchain::cargo();
    cargo.current_dir(repository.root());
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_builds_of_steps_are_removed() {
        for (name, _) in BUILDS_OF_ONE_STEP {
            assert!(STEPS.iter().any(|step| step.name == *name), "{name}");
        }
    }
}
