//! The record of one run of the test suite, in files, so that an interrupted run goes on where it was.
//!
//! ```text
//! target/upstream-tests/<run>/
//!   key                    what was tested; with another key, all files here are out of date
//!   tests                  the names of all tests
//!   sessions/0001.txt …    what the test program printed, each time it was run
//!   results                outcome and name of each test, made from the sessions
//!   failures/<test>.txt    what a failed test printed, made from the sessions
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::suite::Suite;
use workshop::files::{self, remove, write};
use workshop::libtest::{Outcome, Session};
use workshop::steps::Step;

/// Outcomes of tests, by name.
pub(crate) type Outcomes = BTreeMap<String, Outcome>;

/// The files about one run.
#[derive(Debug)]
pub(crate) struct Record {
    directory: PathBuf,
    /// The names of all tests.
    pub(crate) tests: BTreeSet<String>,
    verdicts: BTreeMap<String, Verdict>,
    sessions: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    outcome: Outcome,
    /// Whether the test ran with no other beside it, in this call of xtask.
    alone: bool,
    /// Its output, if it failed.
    output: String,
}

impl Record {
    /// Opens the record in `directory`, if it has this `key`.
    pub(crate) fn open(directory: &Path, key: &str) -> Result<Option<Record>> {
        let Some(kept) = read(&directory.join("key"))? else {
            return Ok(None);
        };
        let Some(tests) = read(&directory.join("tests"))? else {
            return Ok(None);
        };
        if kept != key {
            return Ok(None);
        }
        let mut record = Record {
            directory: directory.to_path_buf(),
            tests: tests.lines().map(str::to_owned).collect(),
            verdicts: BTreeMap::new(),
            sessions: 0,
        };
        while let Some(text) = read(&record.session_path(record.sessions + 1))? {
            record.sessions += 1;
            record.add(Session::parse(&text), false);
        }
        Ok(Some(record))
    }

    /// Begins a record, and replaces the existing one.
    pub(crate) fn create(directory: &Path, key: &str, tests: BTreeSet<String>) -> Result<Record> {
        let record = Record {
            directory: directory.to_path_buf(),
            tests,
            verdicts: BTreeMap::new(),
            sessions: 0,
        };
        remove(&directory.join("key"))?;
        remove(&directory.join("sessions"))?;
        let mut list = String::new();
        for test in &record.tests {
            list.push_str(test);
            list.push('\n');
        }
        write(&directory.join("tests"), &list)?;
        // The key comes last, since the other files count only with it.
        write(&directory.join("key"), key)?;
        Ok(record)
    }

    /// Whether the outcomes of `wanted` need no further run.
    pub(crate) fn is_complete(
        &self,
        wanted: &BTreeSet<&str>,
        is_expected: impl Fn(&str) -> bool,
    ) -> bool {
        self.missing(wanted).is_empty() && self.suspects(wanted, is_expected).is_empty()
    }

    /// The tests of `wanted` that have not been run.
    fn missing<'a>(&self, wanted: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        let mut missing = wanted.clone();
        missing.retain(|test| !self.verdicts.contains_key(*test));
        missing
    }

    /// Tests of `wanted` that failed for no known reason, and have not been run alone since.
    fn suspects<'a>(
        &self,
        wanted: &BTreeSet<&'a str>,
        is_expected: impl Fn(&str) -> bool,
    ) -> BTreeSet<&'a str> {
        let mut suspects = wanted.clone();
        suspects.retain(|test| {
            let verdict = self.verdicts.get(*test);
            verdict.is_some_and(|verdict| {
                verdict.outcome == Outcome::Failed && !verdict.alone && !is_expected(test)
            })
        });
        suspects
    }

    /// Runs the missing tests of `wanted`. If a test fails unexpectedly, or did so in an earlier call, it runs again
    /// alone, and only then counts: some tests have time limits, and the machine may be busy.
    pub(crate) fn complete(
        &mut self,
        step: &mut Step,
        suite: &Suite,
        wanted: &BTreeSet<&str>,
        is_expected: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let missing = self.missing(wanted);
        if !missing.is_empty() {
            self.run_session(step, suite, &missing)?;
        }
        for suspect in self.suspects(wanted, is_expected) {
            self.run_session(step, suite, &[suspect].into())?;
        }
        self.write_results()
    }

    /// Outcomes of the tests of `wanted` that have been run.
    pub(crate) fn outcomes(&self, wanted: &BTreeSet<&str>) -> Outcomes {
        self.verdicts
            .iter()
            .filter(|(test, _)| wanted.contains(test.as_str()))
            .map(|(test, verdict)| (test.clone(), verdict.outcome))
            .collect()
    }

    /// The file with what a failed test printed.
    fn failure_path(&self, test: &str) -> PathBuf {
        self.directory.join("failures").join(format!("{test}.txt"))
    }

    fn session_path(&self, number: usize) -> PathBuf {
        self.directory.join(format!("sessions/{number:04}.txt"))
    }

    fn run_session(
        &mut self,
        step: &mut Step,
        suite: &Suite,
        tests: &BTreeSet<&str>,
    ) -> Result<()> {
        let path = self.session_path(self.sessions + 1);
        write(&path, "")?;
        let status = suite.run(step, tests.iter().copied(), &path)?;
        let session = Session::parse(&read(&path)?.unwrap_or_default());
        let (ended, announced) = (session.ended, session.announced);
        self.sessions += 1;
        self.add(session, tests.len() == 1);
        ensure!(
            ended,
            "the test suite ended early ({status})\nhelp: `{}` has what it printed, and a further call goes on from there",
            path.display()
        );
        ensure!(
            announced == tests.len(),
            "the test suite ran {announced} tests instead of {}",
            tests.len()
        );
        Ok(())
    }

    fn add(&mut self, session: Session, alone: bool) {
        for (test, outcome) in session.outcomes {
            // A failure without output is of no use, so the test counts as not run.
            if outcome == Outcome::Failed && !session.ended {
                continue;
            }
            let verdict = Verdict {
                outcome,
                alone,
                output: session.outputs.get(&test).cloned().unwrap_or_default(),
            };
            self.verdicts.insert(test, verdict);
        }
    }

    fn write_results(&self) -> Result<()> {
        remove(&self.directory.join("failures"))?;
        let mut results = String::new();
        for (test, verdict) in &self.verdicts {
            results.push_str(&format!("{:7} {test}\n", verdict.outcome.as_str()));
            if verdict.outcome == Outcome::Failed {
                write(&self.failure_path(test), &verdict.output)?;
            }
        }
        write(&self.directory.join("results"), &results)
    }
}

/// The text of a file, if it is there; tests print what they like.
fn read(path: &Path) -> Result<Option<String>> {
    let content = files::read(path)?;
    Ok(content.map(|content| String::from_utf8_lossy(&content).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "base 1\n";

    fn session(directory: &Path, number: usize, text: &str) {
        write(&directory.join(format!("sessions/{number:04}.txt")), text).unwrap();
    }

    fn ended(tests: &[(&str, &str)]) -> String {
        let mut text = format!("\nrunning {} tests\n", tests.len());
        for (test, outcome) in tests {
            text.push_str(&format!("test {test} ... {outcome}\n"));
        }
        let failed: Vec<&str> = tests
            .iter()
            .filter(|(_, outcome)| *outcome == "FAILED")
            .map(|(test, _)| *test)
            .collect();
        if !failed.is_empty() {
            text.push_str("\nfailures:\n\n");
            for test in &failed {
                text.push_str(&format!("---- {test} stdout ----\nwhy {test}\n\n"));
            }
            text.push_str("\nfailures:\n");
            for test in &failed {
                text.push_str(&format!("    {test}\n"));
            }
        }
        text.push_str("\ntest result: as above\n");
        text
    }

    #[test]
    fn interrupted_run_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let tests: BTreeSet<String> = ["a::1", "a::2", "a::3"].map(str::to_owned).into();
        let wanted = tests.iter().map(String::as_str).collect();
        Record::create(directory.path(), KEY, tests.clone()).unwrap();
        let open = || Record::open(directory.path(), KEY).unwrap().unwrap();
        assert_eq!(open().missing(&wanted), wanted);

        session(
            directory.path(),
            1,
            "running 3 tests\ntest a::1 ... ok\ntest a::2 ... FAILED\n",
        );
        assert_eq!(open().missing(&wanted), ["a::2", "a::3"].into());

        session(
            directory.path(),
            2,
            &ended(&[("a::2", "FAILED"), ("a::3", "ignored, why")]),
        );
        let record = open();
        assert!(record.missing(&wanted).is_empty());
        assert_eq!(record.suspects(&wanted, |_| false), ["a::2"].into());
        assert!(record.suspects(&wanted, |test| test == "a::2").is_empty());

        assert!(!record.is_complete(&wanted, |_| false));

        let mut record = record;
        record.add(Session::parse(&ended(&[("a::2", "FAILED")])), true);
        assert!(record.is_complete(&wanted, |_| false));
        record.add(Session::parse(&ended(&[("a::2", "ok")])), true);
        let outcomes = record.outcomes(&wanted);
        assert_eq!(
            Vec::from_iter(outcomes.values().map(|outcome| outcome.as_str())),
            ["passed", "passed", "ignored"]
        );
    }

    #[test]
    fn record_of_something_else_is_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        let open = |key| Record::open(directory.path(), key).unwrap();
        assert!(open(KEY).is_none());
        Record::create(directory.path(), KEY, ["a::1".to_owned()].into()).unwrap();
        session(directory.path(), 1, &ended(&[("a::1", "ok")]));
        assert_eq!(open(KEY).unwrap().verdicts.len(), 1);
        assert!(open("base 2\n").is_none());
        Record::create(directory.path(), "base 2\n", BTreeSet::new()).unwrap();
        assert!(open(KEY).is_none());
        assert!(open("base 2\n").unwrap().verdicts.is_empty());
    }

    #[test]
    fn results_and_failures_are_files() {
        let directory = tempfile::tempdir().unwrap();
        Record::create(directory.path(), KEY, BTreeSet::new()).unwrap();
        session(
            directory.path(),
            1,
            &ended(&[("a::1", "ok"), ("a::2", "FAILED")]),
        );
        let mut record = Record::open(directory.path(), KEY).unwrap().unwrap();
        record.write_results().unwrap();
        assert_eq!(
            read(&directory.path().join("results")).unwrap().unwrap(),
            "passed  a::1\nfailed  a::2\n"
        );
        let failure = record.failure_path("a::2");
        assert_eq!(read(&failure).unwrap().unwrap(), "why a::2\n\n\n");
        record.add(Session::parse(&ended(&[("a::2", "ok")])), true);
        record.write_results().unwrap();
        assert!(!failure.exists());
    }
}
