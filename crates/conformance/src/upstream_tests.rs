//! `cargo xtask upstream-tests`: runs upstream's test suite and judges the fork by it.
//!
//! The suite runs on the unpatched tree, on the fork, and on the fork with `dynamic-deps` forced on. The first run is
//! the baseline: with an older rustc than upstream's, as root or without a network, some tests fail whatever we do.
//! The fork has to give the same results.
//!
//! Forced on, a test may fail if it looks at something that a dynamic build does differently.
//! `upstream/expected-failures.toml` lists each such test with the reason.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::expected::{Expectations, Failures, is_in_module};
use crate::forced_on::{self, Forced};
use crate::record::{Outcomes, Record};
use crate::report::Report;
use crate::suite::{self, Suite};
use patch_stack::stock;
use patch_stack::tree::{Tree, Unexported};
use workshop::libtest::Outcome;
use workshop::paths::Repository;
use workshop::steps::{Chatter, Step, Steps};
use workshop::toolchain;

/// The module with our own tests, which upstream does not have.
const OWN_MODULE: &str = "dynamic_deps";

/// The Cargo on which to run the test suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// The unpatched tree
    Baseline,
    /// The fork
    Fork,
    /// The fork with `dynamic-deps` forced on
    ForcedOn,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Subject::Baseline => "baseline",
            Subject::Fork => "fork",
            Subject::ForcedOn => "forced-on",
        })
    }
}

/// Which tests are run.
#[derive(Clone, Debug, Default)]
struct Selection {
    /// Parts of their names; all tests, if empty.
    filters: Vec<String>,
    /// Modules they lie in; all tests, if empty.
    modules: Vec<String>,
}

impl Selection {
    fn includes(&self, test: &str) -> bool {
        let filters = &self.filters;
        let modules = &self.modules;
        (filters.is_empty() || filters.iter().any(|filter| test.contains(filter)))
            && (modules.is_empty() || modules.iter().any(|module| is_in_module(test, module)))
    }
}

/// Runs the tests with one of `filters` in their name, on the baseline and on `subjects`, and prints how the results
/// differ. An empty list means all.
///
/// # Errors
/// When a difference has no reason, or a reason no difference.
pub fn run(tree: &Tree, subjects: &[Subject], filters: Vec<String>) -> Result<()> {
    let selection = Selection {
        filters,
        modules: Vec::new(),
    };
    let repository = tree.repository();
    let expectations = Expectations::read(repository)?;
    suite::require_interruptible()?;
    let has = |subject| subjects.is_empty() || subjects.contains(&subject);
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    steps.run("tree", |_| tree.materialise(Unexported::Refuse))?;
    let mut run = |subject: Subject, is_expected: &dyn Fn(&str) -> bool| {
        steps.run(&format!("tests-{subject}"), |step| {
            complete(tree, step, subject, &selection, &expectations, is_expected)
        })
    };

    let baseline = run(Subject::Baseline, &|test| {
        expectations.unpatched.reason(test).is_some()
    })?;
    let fails_anyway = |test: &str| baseline.get(test) == Some(&Outcome::Failed);
    let mut report = Report::new(&expectations.unpatched);
    report.add_baseline(&baseline);
    if has(Subject::Fork) {
        let fork = run(Subject::Fork, &fails_anyway)?;
        report.add(Subject::Fork, &baseline, &fork, &Failures::default());
    }
    if has(Subject::ForcedOn) {
        let failures = &expectations.forced_on;
        let forced_on = run(Subject::ForcedOn, &|test| {
            fails_anyway(test) || failures.reason(test).is_some()
        })?;
        report.add(Subject::ForcedOn, &baseline, &forced_on, failures);
    }
    println!("\n{report}");
    report.require_reasons()
}

/// Runs the tests of `modules` with `dynamic-deps` forced on. In the place of a baseline, all tests have to pass except
/// those in `upstream/expected-failures.toml`.
pub(crate) fn run_forced_on(tree: &Tree, step: &mut Step, modules: &[&str]) -> Result<()> {
    let expectations = Expectations::read(tree.repository())?;
    let selection = Selection {
        modules: modules.iter().map(|&module| module.to_owned()).collect(),
        ..Selection::default()
    };
    let Expectations {
        unpatched,
        forced_on,
    } = &expectations;
    let is_expected = |test: &str| unpatched.reason(test).or(forced_on.reason(test)).is_some();
    let subject = Subject::ForcedOn;
    let mut found = complete(tree, step, subject, &selection, &expectations, &is_expected)?;
    found.retain(|test, _| unpatched.reason(test).is_none());
    let mut baseline = found.clone();
    for outcome in baseline.values_mut() {
        if *outcome == Outcome::Failed {
            *outcome = Outcome::Passed;
        }
    }
    let mut report = Report::new(unpatched);
    report.add(subject, &baseline, &found, forced_on);
    println!("\n{report}");
    report.require_reasons()
}

/// Runs the tests of `selection` that no earlier call has run, and returns the outcomes of all.
fn complete(
    tree: &Tree,
    step: &mut Step,
    subject: Subject,
    selection: &Selection,
    expectations: &Expectations,
    is_expected: &dyn Fn(&str) -> bool,
) -> Result<Outcomes> {
    let repository = tree.repository();
    let directory = directory_of(repository, subject);
    let rustc = toolchain::rustc_details()?;
    let (mut suite, key) = match subject {
        // Its key is known without a build.
        Subject::Baseline => (None, format!("{}\n{rustc}", tree.base_commit_id()?)),
        Subject::Fork | Subject::ForcedOn => {
            let suite = build(tree, step, subject)?;
            let key = format!("{}{rustc}", suite.identity()?);
            (Some(suite), key)
        }
    };
    let mut built = |step: &mut Step| -> Result<Suite> {
        match &suite {
            Some(suite) => Ok(suite.clone()),
            None => Ok(suite.insert(build(tree, step, subject)?).clone()),
        }
    };
    let mut record = match Record::open(&directory, &key)? {
        Some(record) => record,
        None => Record::create(&directory, &key, built(step)?.list(step)?)?,
    };
    let listed = record.tests.clone();
    match subject {
        Subject::Baseline => expectations.unpatched.require_existence(&listed)?,
        Subject::ForcedOn => expectations.forced_on.require_existence(&listed)?,
        Subject::Fork => {}
    }
    let wanted: BTreeSet<&str> = listed
        .iter()
        .map(String::as_str)
        .filter(|test| selection.includes(test))
        .filter(|test| !is_in_module(test, OWN_MODULE))
        .collect();
    ensure!(!wanted.is_empty(), "no test has such a name");
    if record.is_complete(&wanted, is_expected) {
        step.say(&format!(
            "all outcomes are known from an earlier run, `{}` has them",
            repository.display(&directory)
        ));
    } else {
        let suite = built(step)?;
        record.complete(step, &suite, &wanted, is_expected)?;
    }
    Ok(record.outcomes(&wanted))
}

/// Builds the test suite for `subject`.
fn build(tree: &Tree, step: &mut Step, subject: Subject) -> Result<Suite> {
    let repository = tree.repository();
    let directory = |subject| directory_of(repository, subject);
    if subject == Subject::Baseline {
        stock::lay_down(tree)?;
        let sources = repository.stock_tree();
        return Suite::build(repository, step, &sources, &directory(Subject::Baseline));
    }
    let sources = repository.tree();
    let suite = Suite::build(repository, step, &sources, &directory(Subject::Fork))?;
    match subject {
        Subject::ForcedOn => {
            forced_on::suite(step, &suite, &directory(subject), Forced::DynamicDeps)
        }
        Subject::Baseline | Subject::Fork => Ok(suite),
    }
}

fn directory_of(repository: &Repository, subject: Subject) -> PathBuf {
    repository.upstream_tests().join(subject.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_is_by_part_or_by_module() {
        #[track_caller]
        fn check(filters: &[&str], modules: &[&str], expected: bool) {
            let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
            let selection = Selection {
                filters: owned(filters),
                modules: owned(modules),
            };
            assert_eq!(selection.includes("build::cargo_compile_simple"), expected);
        }
        check(&[], &[], true);
        check(&["run::", "compile"], &[], true);
        check(&["run::"], &[], false);
        check(&[], &["build"], true);
        check(&[], &["run", "buil"], false);
    }
}
