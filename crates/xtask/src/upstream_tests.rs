//! `cargo xtask upstream-tests`: what upstream's test suite says about the fork.
//!
//! The suite runs on the unpatched tree, on the fork, and on the fork with `dynamic-deps` forced on. The first run is
//! the baseline: with an older rustc than upstream's, as root or without a network, some tests fail whatever we do. The
//! fork has to give the same results. Forced on, a test may fail where it looks at what a dynamic build does otherwise;
//! each such test is listed with the reason in `upstream/expected-failures.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::expected::{Expectations, Failures, is_in_module};
use crate::forced_on;
use crate::record::{Outcomes, Record};
use crate::suite::{self, Suite};
use patch_stack::stock;
use patch_stack::tree::{Tree, Unexported};
use workshop::libtest::Outcome;
use workshop::paths::Repository;
use workshop::steps::{Chatter, Step, Steps};
use workshop::toolchain;

/// The module with the tests of our own, which upstream does not have.
const OWN_MODULE: &str = "dynamic_deps";

/// What the test suite is run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
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
pub(crate) struct Selection {
    /// Parts of their names; all tests, if empty.
    pub(crate) filters: Vec<String>,
    /// Modules they lie in; all tests, if empty.
    pub(crate) modules: Vec<String>,
}

impl Selection {
    fn includes(&self, test: &str) -> bool {
        let filters = &self.filters;
        let modules = &self.modules;
        (filters.is_empty() || filters.iter().any(|filter| test.contains(filter)))
            && (modules.is_empty() || modules.iter().any(|module| is_in_module(test, module)))
    }
}

/// Runs `selection` on the baseline and on `subjects`, all if empty, and prints how the results differ. Fails if a
/// difference has no reason, or a reason no difference.
pub(crate) fn run(tree: &Tree, subjects: &[Subject], selection: &Selection) -> Result<()> {
    let repository = tree.repository();
    let expectations = Expectations::read(repository)?;
    suite::require_interruptible()?;
    let has = |subject| subjects.is_empty() || subjects.contains(&subject);
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    steps.run("tree", |_| tree.materialise(Unexported::Refuse))?;
    let mut run = |subject: Subject, is_expected: &dyn Fn(&str) -> bool| {
        steps.run(&format!("tests-{subject}"), |step| {
            complete(tree, step, subject, selection, &expectations, is_expected)
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

/// Runs the tests of `modules` with `dynamic-deps` forced on, without a baseline: in its place stands that all pass but
/// those which `upstream/expected-failures.toml` names.
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

/// Runs those tests of `selection` whose outcome is not known from an earlier call; gives the outcomes of all.
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
        // What it was is known without building it.
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
        Subject::ForcedOn => forced_on::suite(step, &suite, &directory(subject)),
        Subject::Baseline | Subject::Fork => Ok(suite),
    }
}

fn directory_of(repository: &Repository, subject: Subject) -> PathBuf {
    repository.upstream_tests().join(subject.to_string())
}

/// What is told at the end.
#[derive(Debug)]
struct Report<'a> {
    unpatched: &'a Failures,
    counts: Vec<(Subject, Counts)>,
    /// Tests that fail on the unpatched tree for a reason that is not known.
    unlisted: Vec<String>,
    comparisons: Vec<(Subject, Comparison)>,
}

impl Report<'_> {
    fn new(unpatched: &Failures) -> Report<'_> {
        Report {
            unpatched,
            counts: Vec::new(),
            unlisted: Vec::new(),
            comparisons: Vec::new(),
        }
    }

    fn add_baseline(&mut self, baseline: &Outcomes) {
        self.counts.push((Subject::Baseline, Counts::of(baseline)));
        let failed = baseline
            .iter()
            .filter(|(_, outcome)| **outcome == Outcome::Failed);
        let unlisted = failed.filter(|(test, _)| self.unpatched.reason(test).is_none());
        self.unlisted = unlisted.map(|(test, _)| test.clone()).collect();
    }

    fn add(
        &mut self,
        subject: Subject,
        baseline: &Outcomes,
        found: &Outcomes,
        failures: &Failures,
    ) {
        self.counts.push((subject, Counts::of(found)));
        let comparison = Comparison::new(baseline, found, self.unpatched, failures);
        self.comparisons.push((subject, comparison));
    }

    /// Fails unless every difference has a reason, and every reason a difference.
    fn require_reasons(&self) -> Result<()> {
        let sum = |count: fn(&Comparison) -> usize| -> usize {
            self.comparisons
                .iter()
                .map(|(_, comparison)| count(comparison))
                .sum()
        };
        let unexplained = sum(|comparison| comparison.unexplained.len());
        let stale = sum(|comparison| comparison.stale.len());
        ensure!(
            unexplained + stale == 0,
            "{unexplained} differences without a reason, {stale} reasons without a difference\n\
             help: what a failed test printed is in `target/upstream-tests/<subject>/failures/`; \
             reasons are in `upstream/expected-failures.toml`"
        );
        Ok(())
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (subject, counts) in &self.counts {
            writeln!(f, "{subject:9}  {counts}")?;
        }
        if !self.unlisted.is_empty() {
            writeln!(f, "\nbaseline: fails for a reason that is not known")?;
            for test in &self.unlisted {
                writeln!(f, "  {test}")?;
            }
        }
        for (subject, comparison) in &self.comparisons {
            if comparison.is_empty() {
                writeln!(f, "\n{subject}: no difference")?;
            }
            for (reason, tests) in &comparison.explained {
                writeln!(f, "\n{subject}: {} differ: {reason}", tests.len())?;
                for test in tests {
                    writeln!(f, "  {test}")?;
                }
            }
            if !comparison.unexplained.is_empty() {
                writeln!(f, "\n{subject}: DIFFERENT WITHOUT A REASON")?;
                for difference in &comparison.unexplained {
                    writeln!(f, "  {difference}")?;
                }
            }
            if !comparison.stale.is_empty() {
                writeln!(f, "\n{subject}: SHOULD FAIL, BUT DOES NOT")?;
                for test in &comparison.stale {
                    writeln!(f, "  {test}")?;
                }
            }
        }
        Ok(())
    }
}

/// How many tests have each outcome.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Counts {
    fn of(outcomes: &Outcomes) -> Counts {
        let mut counts = Counts::default();
        for outcome in outcomes.values() {
            match outcome {
                Outcome::Passed => counts.passed += 1,
                Outcome::Failed => counts.failed += 1,
                Outcome::Ignored => counts.ignored += 1,
            }
        }
        counts
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            passed,
            failed,
            ignored,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {ignored} ignored")
    }
}

/// How outcomes differ from the baseline.
#[derive(Debug, Default, PartialEq, Eq)]
struct Comparison {
    /// By reason: tests that pass on the baseline and, as expected, fail.
    explained: BTreeMap<String, Vec<String>>,
    unexplained: Vec<Difference>,
    /// Tests that are expected to fail where they pass on the baseline, and do not.
    stale: Vec<String>,
}

/// The outcomes of a test; they may be the same.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    test: String,
    baseline: Option<Outcome>,
    found: Option<Outcome>,
}

impl Comparison {
    /// Tests of `unpatched` may pass here all the same; those of `failures` have to fail.
    fn new(
        baseline: &Outcomes,
        found: &Outcomes,
        unpatched: &Failures,
        failures: &Failures,
    ) -> Comparison {
        let mut comparison = Comparison::default();
        let tests: BTreeSet<&String> = baseline.keys().chain(found.keys()).collect();
        for test in tests {
            let difference = Difference {
                test: test.clone(),
                baseline: baseline.get(test).copied(),
                found: found.get(test).copied(),
            };
            match failures.reason(test) {
                Some(reason) if difference.is_new_failure() => {
                    let explained = &mut comparison.explained;
                    let tests = explained.entry(reason.to_owned()).or_default();
                    tests.push(difference.test);
                }
                Some(_) if failures.depends_on_timing(test) && difference.is_none() => {}
                Some(_) => comparison.stale.push(difference.test),
                None if difference.is_none() => {}
                None if difference.is_lost_failure() && unpatched.reason(test).is_some() => {}
                None => comparison.unexplained.push(difference),
            }
        }
        comparison
    }

    fn is_empty(&self) -> bool {
        *self == Comparison::default()
    }
}

impl Difference {
    fn is_none(&self) -> bool {
        self.baseline == self.found
    }

    fn is_new_failure(&self) -> bool {
        self.baseline == Some(Outcome::Passed) && self.found == Some(Outcome::Failed)
    }

    fn is_lost_failure(&self) -> bool {
        self.baseline == Some(Outcome::Failed) && self.found == Some(Outcome::Passed)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let describe = |outcome: Option<Outcome>| outcome.map_or("absent", Outcome::as_str);
        write!(
            f,
            "{}: {} on the baseline, {} here",
            self.test,
            describe(self.baseline),
            describe(self.found)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Failed, Ignored, Passed};

    fn outcomes(outcomes: &[(&str, Outcome)]) -> Outcomes {
        outcomes
            .iter()
            .map(|(test, outcome)| ((*test).to_owned(), *outcome))
            .collect()
    }

    #[test]
    fn differences_are_those_without_a_reason() {
        let baseline = outcomes(&[
            ("a::same", Failed),
            ("a::gone", Passed),
            ("a::explained", Passed),
            ("a::broken", Passed),
            ("a::skipped", Ignored),
            ("b::without_a_network", Failed),
            ("b::unlisted", Failed),
        ]);
        let found = outcomes(&[
            ("a::same", Failed),
            ("a::explained", Failed),
            ("a::broken", Failed),
            ("a::skipped", Passed),
            ("a::new", Passed),
            ("b::without_a_network", Passed),
            ("b::unlisted", Passed),
        ]);
        let comparison = Comparison::new(
            &baseline,
            &found,
            &Failures::of_tests(
                "needs a network",
                &["a::same", "b::without_a_network"],
                false,
            ),
            &Failures::of_tests("prints more", &["a::explained"], false),
        );
        assert_eq!(
            comparison.explained,
            BTreeMap::from([("prints more".to_owned(), vec!["a::explained".to_owned()])])
        );
        assert_eq!(
            Vec::from_iter(comparison.unexplained.iter().map(Difference::to_string)),
            [
                "a::broken: passed on the baseline, failed here",
                "a::gone: passed on the baseline, absent here",
                "a::new: absent on the baseline, passed here",
                "a::skipped: ignored on the baseline, passed here",
                "b::unlisted: failed on the baseline, passed here",
            ]
        );
        assert!(comparison.stale.is_empty());
    }

    #[test]
    fn reason_without_a_difference_is_stale() {
        let baseline = outcomes(&[("a::fixed", Passed), ("a::fails_anyway", Failed)]);
        let tests = ["a::fixed", "a::fails_anyway", "b::not_run"];
        let compare = |depends_on_timing| {
            let failures = Failures::of_tests("prints more", &tests, depends_on_timing);
            Comparison::new(&baseline, &baseline, &Failures::default(), &failures)
        };
        assert_eq!(compare(false).stale, ["a::fails_anyway", "a::fixed"]);
        assert!(compare(true).is_empty());
    }

    #[test]
    fn report_lists_each_test_once() {
        let baseline = outcomes(&[
            ("a::1", Passed),
            ("a::2", Passed),
            ("a::3", Passed),
            ("a::4", Failed),
            ("a::5", Ignored),
        ]);
        let mut found = baseline.clone();
        let unpatched = Failures::default();
        let mut report = Report::new(&unpatched);
        report.add_baseline(&baseline);
        report.add(Subject::Fork, &baseline, &found, &Failures::default());
        report.require_reasons().unwrap();
        found.insert("a::1".to_owned(), Failed);
        found.insert("a::2".to_owned(), Failed);
        let failures = Failures::of_tests("prints more", &["a::1", "a::3"], false);
        report.add(Subject::ForcedOn, &baseline, &found, &failures);
        assert_eq!(
            report.to_string(),
            "\
baseline   3 passed, 1 failed, 1 ignored
fork       3 passed, 1 failed, 1 ignored
forced-on  1 passed, 3 failed, 1 ignored

baseline: fails for a reason that is not known
  a::4

fork: no difference

forced-on: 1 differ: prints more
  a::1

forced-on: DIFFERENT WITHOUT A REASON
  a::2: passed on the baseline, failed here

forced-on: SHOULD FAIL, BUT DOES NOT
  a::3
"
        );
        let error = report.require_reasons().unwrap_err().to_string();
        assert!(
            error.starts_with(
                "1 differences without a reason, 1 reasons without a difference\nhelp: "
            ),
            "{error}"
        );
    }

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
