//! Reads the output of a test program of Rust.
//!
//! The output is that for people, the only stable format of libtest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Begins the last line of a test program.
const CONCLUSION: &str = "test result: ";

/// The outcome of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// `ok`
    Passed,
    /// `FAILED`
    Failed,
    /// `ignored`, with or without a reason.
    Ignored,
}

impl Outcome {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Ignored => "ignored",
        }
    }

    fn parse(text: &str) -> Option<Outcome> {
        match text {
            "ok" => Some(Outcome::Passed),
            "FAILED" => Some(Outcome::Failed),
            // A reason may follow.
            _ if text.starts_with("ignored") => Some(Outcome::Ignored),
            _ => None,
        }
    }
}

/// One run of a test program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The number of tests that it began with.
    pub announced: usize,
    /// The outcomes of those that ended, by name.
    pub outcomes: BTreeMap<String, Outcome>,
    /// The output of the failed tests, by name. libtest prints it at the very end, so an
    /// interrupted session has none.
    pub outputs: BTreeMap<String, String>,
    /// Whether the program came to its end.
    pub ended: bool,
}

impl Session {
    /// Reads the standard output of the program.
    pub fn parse(text: &str) -> Session {
        let lines: Vec<&str> = text.lines().collect();
        let mut session = Session::default();
        let mut rest = 0;
        for (index, line) in lines.iter().enumerate() {
            rest = index + 1;
            if let Some(announced) = parse_announcement(line) {
                session.announced = announced;
            } else if let Some((name, outcome)) = parse_outcome(line) {
                let name = name.strip_suffix(" - should panic").unwrap_or(name);
                session.outcomes.insert(name.to_owned(), outcome);
            } else if is_conclusion(line) {
                session.ended = true;
            } else if *line == "failures:" {
                break;
            }
        }
        session.read_failures(&lines[rest..]);
        session
    }

    /// Reads what follows the first `failures:`: the output of each failed test, and then, below another `failures:`,
    /// their names. The outputs may hold anything, even the output of other test programs.
    fn read_failures(&mut self, lines: &[&str]) {
        let Some(names) = lines.iter().rposition(|line| *line == "failures:") else {
            return;
        };
        let failed: BTreeSet<&str> = self
            .outcomes
            .iter()
            .filter(|(_, outcome)| **outcome == Outcome::Failed)
            .map(|(name, _)| name.as_str())
            .collect();
        let listed = lines[names..].iter();
        let listed = listed.filter_map(|line| line.strip_prefix("    "));
        let concluded = lines[names..].iter().any(|line| is_conclusion(line));
        if !concluded || listed.collect::<BTreeSet<_>>() != failed {
            return;
        }
        let mut outputs = BTreeMap::new();
        let mut current = None;
        for line in &lines[..names] {
            let name = line
                .strip_prefix("---- ")
                .and_then(|line| line.strip_suffix(" stdout ----"))
                .filter(|name| failed.contains(name));
            if let Some(name) = name {
                current = Some(outputs.entry(name.to_owned()).or_insert_with(String::new));
            } else if let Some(output) = &mut current {
                output.push_str(line);
                output.push('\n');
            }
        }
        self.ended = true;
        self.outputs = outputs;
    }
}

/// The names of all tests, from the output of `--list --format=terse`.
pub fn parse_list(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_suffix(": test"))
}

fn parse_announcement(line: &str) -> Option<usize> {
    let count = line.strip_prefix("running ")?;
    let count = count
        .strip_suffix(" tests")
        .or_else(|| count.strip_suffix(" test"))?;
    count.parse().ok()
}

/// Name and outcome in `test some::name ... ok`. Additions of the harness stay part of the name: `
/// - should panic`, or ` - compile` for doctests.
pub fn parse_outcome(line: &str) -> Option<(&str, Outcome)> {
    let (name, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    Some((name, Outcome::parse(outcome.trim_end())?))
}

/// How many tests passed, failed and were ignored, according to `test result: ok. 1 passed; 0
/// failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
pub fn parse_counts(line: &str) -> Option<[usize; 3]> {
    let (_, counts) = line.strip_prefix(CONCLUSION)?.split_once(". ")?;
    let mut parts = counts.split("; ");
    let mut count = |what: &str| {
        let (number, unit) = parts.next()?.split_once(' ')?;
        (unit == what).then(|| number.parse().ok())?
    };
    Some([count("passed")?, count("failed")?, count("ignored")?])
}

fn is_conclusion(line: &str) -> bool {
    line.starts_with(CONCLUSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDED: &str = "
running 5 tests
test build::a ... ok
test build::slow has been running for over 60 seconds
test build::b ... ignored, requires nightly, -Zfoo is unstable
test run::c ... FAILED
test run::d - should panic ... ok
test run::e ... FAILED

failures:

---- run::c stdout ----
running `cargo test`
--- stdout
test result: FAILED. 0 passed; 1 failed

failures:
    inner

---- inner stdout ----
test inner ... FAILED

---- run::e stdout ----
thread panicked


failures:
    run::c
    run::e

test result: FAILED. 2 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.00s

";

    #[test]
    fn every_test_has_an_outcome() {
        use Outcome::{Failed, Ignored, Passed};
        let session = Session::parse(ENDED);
        let outcomes: Vec<(&str, Outcome)> = session
            .outcomes
            .iter()
            .map(|(name, outcome)| (name.as_str(), *outcome))
            .collect();
        assert_eq!(
            outcomes,
            [
                ("build::a", Passed),
                ("build::b", Ignored),
                ("run::c", Failed),
                ("run::d", Passed),
                ("run::e", Failed),
            ]
        );
        assert_eq!((session.announced, session.ended), (5, true));
    }

    #[test]
    fn output_of_a_failed_test_may_look_like_that_of_a_test_program() {
        let outputs = Session::parse(ENDED).outputs;
        let names: Vec<&str> = outputs.keys().map(String::as_str).collect();
        assert_eq!(names, ["run::c", "run::e"]);
        assert!(outputs["run::c"].starts_with("running `cargo test`\n"));
        assert!(outputs["run::c"].contains("---- inner stdout ----"));
        assert_eq!(outputs["run::e"], "thread panicked\n\n\n");
    }

    #[test]
    fn interrupted_session_keeps_what_ended() {
        let (interrupted, _) = ENDED.split_once("test run::e").unwrap();
        let session = Session::parse(interrupted);
        assert_eq!((session.outcomes.len(), session.ended), (4, false));
        // The last line of the inner program is not that of the outer one.
        let (in_the_outputs, _) = ENDED.split_once("---- run::e").unwrap();
        let session = Session::parse(in_the_outputs);
        assert_eq!((session.outcomes.len(), session.ended), (5, false));
        assert!(session.outputs.is_empty());
    }

    #[test]
    fn session_without_failures_ends() {
        let text = "\nrunning 1 test\ntest a::b ... ok\n\ntest result: ok. 1 passed; 0 failed\n\n";
        let session = Session::parse(text);
        assert_eq!((session.announced, session.ended), (1, true));
        assert_eq!(session.outcomes["a::b"], Outcome::Passed);
        assert!(session.outputs.is_empty());
    }

    #[test]
    fn list_has_the_names_of_tests() {
        let text = "a::b: test\nc::d::case: test\ne::f: benchmark\n";
        assert_eq!(Vec::from_iter(parse_list(text)), ["a::b", "c::d::case"]);
    }
}
