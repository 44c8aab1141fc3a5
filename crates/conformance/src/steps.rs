//! The parts of the test suite that CI runs.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::expected::{Expectations, is_in_module};
use crate::suite;
use crate::upstream_tests;
use patch_stack::stock;
use patch_stack::tree::{Tree, Unexported};
use workshop::fork::{self, Profile};
use workshop::libtest;
use workshop::steps::{Show, Step};

/// Modules of upstream's test suite that our hooks pass through, and our own. The others need files that are not part
/// of the published package, a network, or minutes, and test nothing that we change.
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

/// Runs the chosen tests of upstream's test suite in the tree, all in one process.
pub fn testsuite(tree: &Tree, step: &mut Step) -> Result<()> {
    tree.materialise(Unexported::Refuse)?;
    let repository = tree.repository();
    let unpatched = Expectations::read(repository)?.unpatched;
    // This comes before the fork: the Cargo that is built last gets the path `debug/cargo`, which the tests run.
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

/// Runs tests of upstream's, which know nothing of the option, in dynamic builds.
pub fn forced(tree: &Tree, step: &mut Step) -> Result<()> {
    tree.materialise(Unexported::Refuse)?;
    upstream_tests::run_forced_on(tree, step, FORCED_ON_MODULES)
}

/// The tests of `modules`. Each module must have tests, so that none is left out unnoticed.
pub(crate) fn choose<'a>(
    listed: &'a BTreeSet<String>,
    modules: &[&str],
) -> Result<BTreeSet<&'a str>> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
