//! The outcomes of tests, read from the output of `cargo test`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::workspace::unit::Unit;
use workshop::libtest::{self, Outcome};

/// Tests by their programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcomes(BTreeMap<Program, BTreeMap<String, Outcome>>);

/// A program that runs tests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Program {
    Executable(Unit),
    /// Doctests of the library crate of this name.
    Doctests(String),
}

impl Program {
    fn name(&self) -> String {
        match self {
            Program::Executable(unit) => unit.to_string(),
            Program::Doctests(name) => format!("doctests of {name}"),
        }
    }
}

impl Outcomes {
    /// Reads a transcript with standard error, in which Cargo names the program that runs. Several packages may have a
    /// test of the same name, so only the path of its executable identifies a program.
    pub(super) fn parse(
        transcript: &str,
        executables: &BTreeMap<PathBuf, Unit>,
    ) -> Result<Outcomes> {
        let mut outcomes = BTreeMap::new();
        let mut lines = transcript.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(program) = program(line, executables)? else {
                continue;
            };
            let mut body = Vec::new();
            while let Some(line) = lines.next_if(|line| !is_header(line)) {
                body.push(line);
            }
            let name = program.name();
            let tests =
                tests(&body).with_context(|| format!("failed to read what {name} prints"))?;
            ensure!(
                outcomes.insert(program, tests).is_none(),
                "`cargo test` runs {name} twice"
            );
        }
        Ok(Outcomes(outcomes))
    }

    /// Numbers of tests in executables and of doctests.
    pub(super) fn counts(&self) -> (usize, usize) {
        let count = |is_counted: fn(&Program) -> bool| {
            let programs = self.0.iter().filter(|(program, _)| is_counted(program));
            programs.map(|(_, tests)| tests.len()).sum()
        };
        (
            count(|program| matches!(program, Program::Executable(_))),
            count(|program| matches!(program, Program::Doctests(_))),
        )
    }

    /// A line for each test that has another outcome in `of_dynamic`.
    pub(super) fn differences(&self, of_dynamic: &Outcomes) -> Vec<String> {
        let mut differences = Vec::new();
        let none = BTreeMap::new();
        for program in union(&self.0, &of_dynamic.0) {
            let (of_static, of_dynamic) = (self.0.get(program), of_dynamic.0.get(program));
            let name = program.name();
            if of_static.is_none() || of_dynamic.is_none() {
                let linking = of_static.map_or("dynamically", |_| "statically");
                differences.push(format!("{name}: runs only when linked {linking}"));
                continue;
            }
            let (of_static, of_dynamic) = (of_static.unwrap_or(&none), of_dynamic.unwrap_or(&none));
            for test in union(of_static, of_dynamic) {
                let outcome = |tests: &BTreeMap<String, Outcome>| {
                    let outcome = tests.get(test);
                    outcome.map_or("no test", |outcome| outcome.as_str())
                };
                let (of_static, of_dynamic) = (outcome(of_static), outcome(of_dynamic));
                if of_static != of_dynamic {
                    differences.push(format!(
                        "{name}: `{test}`: {of_static} when linked statically, {of_dynamic} when linked dynamically"
                    ));
                }
            }
        }
        differences
    }
}

fn union<'a, K: Ord, V>(a: &'a BTreeMap<K, V>, b: &'a BTreeMap<K, V>) -> BTreeSet<&'a K> {
    a.keys().chain(b.keys()).collect()
}

/// The program that runs from this line on, if it is a header.
fn program(line: &str, executables: &BTreeMap<PathBuf, Unit>) -> Result<Option<Program>> {
    if let Some(name) = doctest_header(line) {
        return Ok(Some(Program::Doctests(name.to_owned())));
    }
    let Some(path) = executable_header(line) else {
        return Ok(None);
    };
    let unit = executables.get(path).with_context(|| {
        format!(
            "`cargo test` runs `{}`, but its messages name no such executable",
            path.display()
        )
    })?;
    Ok(Some(Program::Executable(unit.clone())))
}

fn is_header(line: &str) -> bool {
    doctest_header(line).is_some() || executable_header(line).is_some()
}

/// `   Doc-tests base_shape`
fn doctest_header(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("Doc-tests ")
}

/// `     Running tests/threads.rs (/build/debug/deps/threads-dc047f70670d9c99)`
fn executable_header(line: &str) -> Option<&Path> {
    let rest = line.trim_start().strip_prefix("Running ")?;
    let (_, path) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    Some(Path::new(path))
}

/// The tests of one program. libtest must name as many as it counts.
fn tests(body: &[&str]) -> Result<BTreeMap<String, Outcome>> {
    let mut tests = BTreeMap::new();
    let mut counted = None;
    for line in body {
        if let Some(counts) = libtest::parse_counts(line) {
            *counted.get_or_insert(0) += counts.iter().sum::<usize>();
        } else if let Some((name, outcome)) = libtest::parse_outcome(line) {
            let before = tests.insert(name.to_owned(), outcome);
            ensure!(before.is_none(), "the test `{name}` runs twice");
        }
    }
    // A program without libtest's harness counts nothing.
    if let Some(counted) = counted {
        ensure!(
            counted == tests.len(),
            "{counted} tests are counted, but {} are named",
            tests.len()
        );
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::unit::tests::unit;

    const TRANSCRIPT: &str = "\
    Finished `test` profile [unoptimized + debuginfo] target(s) in 2.40s
     Running unittests src/lib.rs (/d/elm-1)

running 2 tests
test tests::a_panic_comes_through - should panic ... ok
test tests::score ... FAILED

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.27s

     Running tests/plain.rs (/d/plain-2)
test plain ... ok
   Doc-tests elm

running 1 test
test src/lib.rs - score (line 19) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s

running 1 test
test src/lib.rs - part (line 9) - compile fail ... ignored

test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s

";

    fn executables() -> BTreeMap<PathBuf, Unit> {
        BTreeMap::from([
            ("/d/elm-1".into(), unit("elm", "lib", "elm")),
            ("/d/plain-2".into(), unit("elm", "test", "plain")),
        ])
    }

    fn parse(transcript: &str) -> Outcomes {
        Outcomes::parse(transcript, &executables()).unwrap()
    }

    #[track_caller]
    fn check_error(transcript: &str, expected: &str) {
        let error = Outcomes::parse(transcript, &executables()).unwrap_err();
        assert_eq!(format!("{error:#}"), expected);
    }

    #[test]
    fn tests_belong_to_programs() {
        let outcomes = parse(TRANSCRIPT);
        assert_eq!(outcomes.counts(), (3, 2));
        assert_eq!(outcomes.differences(&outcomes), [""; 0]);
    }

    #[test]
    fn each_difference_is_told() {
        let of_static = parse(TRANSCRIPT);
        let of_dynamic = TRANSCRIPT
            .replace("score ... FAILED", "scores ... ok")
            .replace(
                "     Running tests/plain.rs (/d/plain-2)\ntest plain ... ok\n",
                "",
            )
            .replace("(line 19) ... ok", "(line 19) ... FAILED");
        let differences = of_static.differences(&parse(&of_dynamic));
        assert_eq!(
            differences,
            [
                "elm lib elm (tests): `tests::score`: failed when linked statically, no test when linked dynamically",
                "elm lib elm (tests): `tests::scores`: no test when linked statically, passed when linked dynamically",
                "elm test plain: runs only when linked statically",
                "doctests of elm: `src/lib.rs - score (line 19)`: passed when linked statically, failed when linked dynamically",
            ]
        );
    }

    #[test]
    fn nothing_is_overlooked() {
        check_error(
            "Running tests/other.rs (/d/other-3)\n",
            "`cargo test` runs `/d/other-3`, but its messages name no such executable",
        );
        check_error(
            &TRANSCRIPT.replace("test tests::score ... FAILED", "test tests::score ..."),
            "failed to read what elm lib elm (tests) prints: 2 tests are counted, but 1 are named",
        );
        check_error(
            &format!("{TRANSCRIPT}   Doc-tests elm\n"),
            "`cargo test` runs doctests of elm twice",
        );
    }
}
