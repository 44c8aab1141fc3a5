//! `cargo xtask test`: everything CI checks, as named steps.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::app;
use crate::awkward;
use crate::corpus;
use crate::docs_commands;
use crate::expected::{Expectations, is_in_module};
use crate::suite;
use crate::tools;
use crate::upstream_tests;
use crate::workspace;
use patch_stack::export;
use patch_stack::overlay;
use patch_stack::stock;
use patch_stack::tree::{Tree, Unexported};
use workshop::fork::{self, Profile};
use workshop::libtest;
use workshop::paths::Repository;
use workshop::steps::{Chatter, Show, Step, Steps, is_ci};
use workshop::toolchain;

/// A named part of the checks.
struct TestStep {
    name: &'static str,
    about: &'static str,
    run: fn(&Tree, &mut Step) -> Result<()>,
}

/// In the order they run: the quick ones first, and what a step needs before it.
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
        about: "Patches and overlay make a tree, and export gives them back",
        run: tree_and_back,
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
        run: testsuite,
    },
    TestStep {
        name: "forced",
        about: "Upstream's tests with `dynamic-deps` forced on, a part of them",
        run: forced,
    },
];

/// Directories in `target` that only one step builds in: 10 GB altogether. CI, which runs each step once and whose disk
/// may be small, removes them.
const BUILDS_OF_ONE_STEP: &[(&str, &str)] = &[
    ("app", "app"),
    ("workspace", "workspace/build"),
    ("awkward", "awkward"),
    ("corpus", "corpus/build"),
];

/// Modules of upstream's test suite that our hooks pass through, and our own. The others need files that are not part
/// of the published package, a network, or minutes, and touch nothing we change.
const TESTSUITE_MODULES: &[&str] = &[
    "bench",
    "build",
    "build_analysis",
    "build_dir",
    "cargo::z_help",
    "cargo_bench::help",
    "cargo_build::help",
    "cargo_report_rebuilds",
    "cargo_report_timings",
    "cargo_run::help",
    "cargo_rustc::help",
    "cargo_test::help",
    "check",
    "config",
    "config_cli",
    "dynamic_deps",
    "freshness",
    "freshness_checksum",
    "install",
    "message_format",
    "profile_config",
    "profile_custom",
    "profile_overrides",
    "profiles",
    "run",
    "rustc",
    "test",
    "timings",
    "unit_graph",
];

/// Modules of upstream's test suite that are run with `dynamic-deps` forced on: those that build and run most programs
/// in the least time.
const FORCED_ON_MODULES: &[&str] = &["freshness", "run", "test"];

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
        let directory = repository.target().join(directory);
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("failed to remove `{}`", directory.display()));
            }
            _ => {}
        }
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
    // The style edition is the one setting that upstream's `rustfmt.toml` has.
    let options = ["--check", "--edition", "2024", "--style-edition", "2024"];
    step.command(
        toolchain::command("rustfmt").args(options).args(sources),
        Show::Progress,
    )
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

fn tree_and_back(tree: &Tree, _: &mut Step) -> Result<()> {
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

/// Runs the chosen tests of upstream's test suite in the tree, all in one process.
fn testsuite(tree: &Tree, step: &mut Step) -> Result<()> {
    tree.materialise(Unexported::Refuse)?;
    let repository = tree.repository();
    let unpatched = Expectations::read(repository)?.unpatched;
    // Before the fork: the one built last has the path `debug/cargo`, which the tests run.
    let stock = stock::build(tree, step, Profile::Dev)?;
    let cargo = |step: &Step| {
        let mut cargo = fork::cargo_in_tree(repository, step, "test");
        cargo
            .args(["--test", suite::TARGET])
            .env(stock::VARIABLE, &stock);
        suite::with_environment(&mut cargo);
        cargo
    };
    step.command(cargo(step).arg("--no-run"), Show::Progress)?;
    let list = step.capture(cargo(step).args(["--", "--list", "--format=terse"]))?;
    let listed: BTreeSet<String> = libtest::parse_list(&list).map(str::to_owned).collect();
    unpatched.require_existence(&listed)?;
    let mut chosen = choose(&listed, TESTSUITE_MODULES)?;
    chosen.retain(|test| match unpatched.reason(test) {
        Some(reason) => {
            step.say(&format!("left out: {test} ({reason})"));
            false
        }
        None => true,
    });
    // About 100 kB of names; Linux and macOS take ten times as much.
    step.command(
        cargo(step).args(["--", "--exact"]).args(&chosen),
        Show::Everything,
    )
}

/// Runs tests of upstream's test suite that know nothing of the option, in dynamic builds.
fn forced(tree: &Tree, step: &mut Step) -> Result<()> {
    tree.materialise(Unexported::Refuse)?;
    upstream_tests::run_forced_on(tree, step, FORCED_ON_MODULES)
}

/// The tests of `modules`. Each has to stand for something, lest tests are left out unnoticed.
fn choose<'a>(listed: &'a BTreeSet<String>, modules: &[&str]) -> Result<BTreeSet<&'a str>> {
    let mut chosen = BTreeSet::new();
    for module in modules {
        let before = chosen.len();
        let tests = listed.iter().map(String::as_str);
        chosen.extend(tests.filter(|test| is_in_module(test, module)));
        ensure!(
            chosen.len() > before,
            "the test suite has no tests in the module `{module}`"
        );
    }
    Ok(chosen)
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

    #[test]
    fn modules_are_chosen_by_their_whole_name() {
        let listed = ["bench::a", "cargo_test::help::case", "test::a", "test_x::a"];
        let listed = listed.map(str::to_owned).into();
        let check = |modules: &[&str]| {
            choose(&listed, modules)
                .map(Vec::from_iter)
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(&["test"]), Ok(vec!["test::a"]));
        assert_eq!(
            check(&["cargo_test::help", "bench"]),
            Ok(vec!["bench::a", "cargo_test::help::case"])
        );
        assert_eq!(
            check(&["te"]),
            Err("the test suite has no tests in the module `te`".to_owned())
        );
    }
}
