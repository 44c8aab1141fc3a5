//! `cargo xtask test`: everything CI checks, as named steps.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Result, bail, ensure};
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::app;
use crate::export;
use crate::fork::{self, Profile};
use crate::overlay;
use crate::paths::Repository;
use crate::steps::{Chatter, Show, Step, Steps};
use crate::stock;
use crate::toolchain;
use crate::tree::{Tree, Unexported};
use crate::workspace;

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
        name: "stock",
        about: "Upstream's Cargo is built, to compare the fork with",
        run: stock_build,
    },
    TestStep {
        name: "testsuite",
        about: "Our end-to-end tests, and upstream's that our hooks pass through",
        run: testsuite,
    },
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
    "cargo_help",
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
    "help",
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

/// A test that fails on the unpatched tree too.
struct KnownFailure {
    name: &'static str,
    reason: &'static str,
}

/// All that fail on cargo 0.98.0 as published, with rustc 1.95, run as root and without network.
const KNOWN_FAILURES: &[KnownFailure] = &[
    KnownFailure {
        name: "cargo_bench::no_keep_going::case",
        reason: "its fixture is not part of the published package",
    },
    KnownFailure {
        name: "cargo_test::no_keep_going::case",
        reason: "its fixture is not part of the published package",
    },
    KnownFailure {
        name: "cargo_update::toolchain_pkgname::case",
        reason: "its fixture is not part of the published package",
    },
    KnownFailure {
        name: "git::dep_with_scp_like_submodule_url",
        reason: "needs a network",
    },
    KnownFailure {
        name: "registry::inaccessible_registry_cache_still_works",
        reason: "root may write to every directory",
    },
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
        result = steps.run(step.name, |running| (step.run)(tree, running));
        if result.is_err() {
            break;
        }
    }
    println!("\n{}", steps.table().trim_end());
    result
}

fn fmt(tree: &Tree, step: &mut Step) -> Result<()> {
    let mut cargo = cargo_in_repository(tree.repository());
    step.command(cargo.args(["fmt", "--all", "--check"]), Show::Progress)?;
    let overlay = overlay::of_repository(tree.repository())?;
    let mut sources = Vec::new();
    for path in overlay.keys().filter(|path| path.ends_with(".rs")) {
        sources.push(overlay::path_in_repository(tree.repository(), path)?);
    }
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
    // Before the fork: the one built last has the path `debug/cargo`, which the tests run.
    let stock = stock::build(tree, step, Profile::Dev)?;
    let cargo = |step: &Step| {
        let mut cargo = fork::cargo_in_tree(repository, step, "test");
        cargo
            .args(["--test", "testsuite"])
            .env(stock::VARIABLE, &stock);
        // Tests of the 32-bit platform need its standard library and C compiler. Whether a machine has them shall not
        // decide what is tested.
        if std::env::var_os("CFG_DISABLE_CROSS_TESTS").is_none() {
            cargo.env("CFG_DISABLE_CROSS_TESTS", "1");
        }
        cargo
    };
    step.command(cargo(step).arg("--no-run"), Show::Progress)?;
    let list = step.capture(cargo(step).args(["--", "--list", "--format=terse"]))?;
    let listed: BTreeSet<&str> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .collect();
    let mut chosen = choose(&listed, TESTSUITE_MODULES, KNOWN_FAILURES)?;
    for failure in KNOWN_FAILURES {
        if chosen.remove(failure.name) {
            step.say(&format!("left out: {} ({})", failure.name, failure.reason));
        }
    }
    // About 100 kB of names; Linux and macOS take ten times as much.
    step.command(
        cargo(step).args(["--", "--exact"]).args(&chosen),
        Show::Everything,
    )
}

/// The tests of `modules`. Every name given, those of the known failures too, has to stand for something, lest a test
/// is left out unnoticed.
fn choose<'a>(
    listed: &BTreeSet<&'a str>,
    modules: &[&str],
    known_failures: &[KnownFailure],
) -> Result<BTreeSet<&'a str>> {
    if let Some(stale) = known_failures
        .iter()
        .find(|failure| !listed.contains(failure.name))
    {
        bail!(
            "the test `{}`, which is known to fail, does not exist",
            stale.name
        );
    }
    let mut chosen = BTreeSet::new();
    for module in modules {
        let before = chosen.len();
        let prefix = format!("{module}::");
        chosen.extend(
            listed
                .iter()
                .copied()
                .filter(|test| test.starts_with(&prefix)),
        );
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

    const FAILURE: KnownFailure = KnownFailure {
        name: "test::broken",
        reason: "for a test",
    };

    #[test]
    fn modules_are_chosen_by_their_whole_name() {
        let listed = [
            "bench::a",
            "cargo_test::help::case",
            "test::a",
            "test::broken",
            "test_x::a",
        ]
        .into();
        let check = |modules: &[&str]| {
            choose(&listed, modules, &[FAILURE])
                .map(Vec::from_iter)
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(&["test"]), Ok(vec!["test::a", "test::broken"]));
        assert_eq!(
            check(&["cargo_test::help", "bench"]),
            Ok(vec!["bench::a", "cargo_test::help::case"])
        );
        assert_eq!(
            check(&["te"]),
            Err("the test suite has no tests in the module `te`".to_owned())
        );
        let stale = choose(&["test::a"].into(), &["test"], &[FAILURE]).unwrap_err();
        assert_eq!(
            stale.to_string(),
            "the test `test::broken`, which is known to fail, does not exist"
        );
    }
}
