//! Compares the outcomes of the test suite with the baseline, and checks that each difference has a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, ensure};

use crate::expected::Failures;
use crate::record::Outcomes;
use crate::upstream_tests::Subject;
use workshop::libtest::Outcome;

/// The report at the end.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    unpatched: &'a Failures,
    counts: Vec<(Subject, Counts)>,
    /// Tests that fail on the unpatched tree for an unknown reason.
    unlisted: Vec<String>,
    comparisons: Vec<(Subject, Comparison)>,
}

impl Report<'_> {
    pub(crate) fn new(unpatched: &Failures) -> Report<'_> {
        Report {
            unpatched,
            counts: Vec::new(),
            unlisted: Vec::new(),
            comparisons: Vec::new(),
        }
    }

    pub(crate) fn add_baseline(&mut self, baseline: &Outcomes) {
        self.counts.push((Subject::Baseline, Counts::of(baseline)));
        let failed = baseline
            .iter()
            .filter(|(_, outcome)| **outcome == Outcome::Failed);
        let unlisted = failed.filter(|(test, _)| self.unpatched.reason(test).is_none());
        self.unlisted = unlisted.map(|(test, _)| test.clone()).collect();
    }

    pub(crate) fn add(
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
    pub(crate) fn require_reasons(&self) -> Result<()> {
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
    /// Tests that are expected to fail, and pass here as on the baseline.
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
    /// Tests of `unpatched` may pass here; those of `failures` have to fail.
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
}
