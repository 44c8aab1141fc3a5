//! The differences of a project when it is linked dynamically, and the number of compared results.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use link_engine::record::GroupManifest;
use serde::{Deserialize, Serialize};

use crate::corpus::project::Project;
use crate::corpus::results::Results;
use crate::corpus::trial::{Executable, Outcome, Tested};
use workshop::libtest;

/// The result for one project, kept between runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Comparison {
    pub(crate) project: String,
    pub(crate) version: String,
    /// The build of the fork, and the Cargo with which it was compared.
    pub(crate) fork: String,
    pub(crate) static_by: String,
    /// Tests, command lines, and exit statuses of test programs without a harness.
    pub(crate) compared: usize,
    /// The number of those that failed both ways.
    pub(crate) failing_alike: usize,
    /// Results that a harness counted, but that we did not find in its output.
    pub(crate) unread: usize,
    pub(crate) differences: Vec<String>,
    pub(crate) executables: Vec<LinkedExecutable>,
    /// Why something was linked statically after all.
    pub(crate) fallbacks: Vec<String>,
    /// Bytes of all groups together.
    pub(crate) group_bytes: u64,
    /// Libraries in groups.
    pub(crate) members: usize,
    /// The number of those with symbols that were made protected.
    pub(crate) protected: usize,
    /// Libraries that stay in the executables.
    pub(crate) stays: BTreeSet<Stay>,
    /// Time for both ways, in seconds.
    pub(crate) seconds: u64,
}

/// An executable, as it was linked both ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkedExecutable {
    pub(crate) label: String,
    /// How many groups it needs; none when it was linked statically.
    pub(crate) groups: usize,
    pub(crate) bytes_static: u64,
    pub(crate) bytes_dynamic: u64,
}

/// A library that stays in the executables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stay {
    /// The kind of reason, as manifests name it.
    pub(crate) reason: String,
    pub(crate) library: String,
    /// The reason in words.
    pub(crate) text: String,
}

impl Comparison {
    /// Compares the outcomes of both ways. The caller fills in `fork`, `static_by` and `seconds`.
    pub(crate) fn of(
        project: &Project,
        of_static: &Outcome,
        of_dynamic: &Outcome,
    ) -> Result<Comparison> {
        let mut comparison = Comparison {
            project: project.name.clone(),
            version: project.version.clone(),
            fork: String::new(),
            static_by: String::new(),
            compared: 0,
            failing_alike: 0,
            unread: 0,
            differences: Vec::new(),
            executables: linked(&of_static.executables, &of_dynamic.executables),
            fallbacks: of_dynamic.fallbacks.clone(),
            group_bytes: of_dynamic.groups.iter().map(|(_, bytes)| bytes).sum(),
            members: 0,
            protected: 0,
            stays: BTreeSet::new(),
            seconds: 0,
        };
        comparison.see_tests(project, &of_static.tested, &of_dynamic.tested);
        comparison.see_commands(&of_static.commands, &of_dynamic.commands);
        comparison.see_groups(&of_dynamic.groups)?;
        Ok(comparison)
    }

    /// For a project that cannot be built dynamically, with the reason in `error`.
    pub(crate) fn of_failed_build(
        project: &Project,
        of_static: &Outcome,
        error: &str,
    ) -> Result<Comparison> {
        let mut comparison = Comparison::of(project, of_static, of_static)?;
        comparison.executables.clear();
        comparison.compared = 0;
        comparison.failing_alike = 0;
        comparison.unread = 0;
        comparison.differences = vec![format!("it cannot be built dynamically: {error}")];
        Ok(comparison)
    }

    fn see_tests(
        &mut self,
        project: &Project,
        of_static: &BTreeMap<String, Tested>,
        of_dynamic: &BTreeMap<String, Tested>,
    ) {
        let labels: BTreeSet<_> = of_static.keys().chain(of_dynamic.keys()).collect();
        for label in labels {
            let (Some(one), Some(other)) = (of_static.get(label), of_dynamic.get(label)) else {
                self.differences
                    .push(format!("`{label}` was run one way only"));
                continue;
            };
            let of_static = only_compared(project, &one.results);
            let of_dynamic = only_compared(project, &other.results);
            self.see_results(label, &of_static, &of_dynamic);
            // Skipped tests count in it.
            let says_more = of_static.len() == one.results.outcomes.len();
            if says_more && !project.is_skipped(label) {
                self.unread += one.results.unread().max(other.results.unread());
                self.see_end(label, one, other);
            }
        }
    }

    fn see_results(
        &mut self,
        label: &str,
        of_static: &BTreeMap<&str, libtest::Outcome>,
        of_dynamic: &BTreeMap<&str, libtest::Outcome>,
    ) {
        let names: BTreeSet<_> = of_static.keys().chain(of_dynamic.keys()).collect();
        for name in names {
            self.compared += 1;
            let both = (of_static.get(name), of_dynamic.get(name));
            if both.0 != both.1 {
                let text = |outcome: Option<&libtest::Outcome>| match outcome {
                    Some(outcome) => outcome.as_str(),
                    None => "not run",
                };
                self.differences.push(format!(
                    "`{label}`: `{name}`: {} statically, {} dynamically",
                    text(both.0),
                    text(both.1)
                ));
            } else if both.0 == Some(&libtest::Outcome::Failed) {
                self.failing_alike += 1;
            }
        }
    }

    /// Compares how the program ended, and the counts of its harness, which include results that could not be read.
    fn see_end(&mut self, label: &str, of_static: &Tested, of_dynamic: &Tested) {
        let has_harness = of_static.results.stated != [0; 3];
        if !has_harness {
            self.compared += 1;
        }
        if of_static.end != of_dynamic.end {
            self.differences.push(format!(
                "`{label}`: {} statically, {} dynamically",
                of_static.end, of_dynamic.end
            ));
        } else if of_static.results.stated != of_dynamic.results.stated {
            self.differences.push(format!(
                "`{label}`: passed, failed, ignored: {:?} statically, {:?} dynamically",
                of_static.results.stated, of_dynamic.results.stated
            ));
        } else if !has_harness && of_static.end != SUCCESS {
            self.failing_alike += 1;
        }
    }

    fn see_commands(
        &mut self,
        of_static: &BTreeMap<String, String>,
        of_dynamic: &BTreeMap<String, String>,
    ) {
        for (line, text) in of_static {
            self.compared += 1;
            let other = of_dynamic.get(line).map_or("", String::as_str);
            if text == other {
                continue;
            }
            let differing = text
                .lines()
                .zip(other.lines())
                .find(|(one, other)| one != other);
            let (one, other) = differing.unwrap_or(("", "another number of lines"));
            self.differences.push(format!(
                "`{line}` prints `{one}` statically, `{other}` dynamically"
            ));
        }
    }

    /// Counts each library once, even if groups of several executables have it.
    fn see_groups(&mut self, groups: &[(GroupManifest, u64)]) -> Result<()> {
        let mut members = BTreeMap::new();
        for (manifest, _) in groups {
            for member in manifest.members() {
                members.insert(&member.rlib, member.protected_symbols > 0);
            }
            for stay in &manifest.stays {
                let reason = serde_json::to_value(&stay.reason)?;
                let reason = reason["reason"].as_str().with_context(|| {
                    format!("the reason for which `{}` stays has no name", stay.name)
                })?;
                self.stays.insert(Stay {
                    reason: reason.to_owned(),
                    library: stay.name.clone(),
                    text: stay.reason.to_string(),
                });
            }
        }
        self.members = members.len();
        self.protected = members.values().filter(|protected| **protected).count();
        Ok(())
    }
}

const SUCCESS: &str = "exit status: 0";

fn only_compared<'a>(
    project: &Project,
    results: &'a Results,
) -> BTreeMap<&'a str, libtest::Outcome> {
    results
        .outcomes
        .iter()
        .filter(|(name, _)| !project.is_skipped(name))
        .map(|(name, outcome)| (name.as_str(), *outcome))
        .collect()
}

fn linked(
    of_static: &BTreeMap<String, Executable>,
    of_dynamic: &BTreeMap<String, Executable>,
) -> Vec<LinkedExecutable> {
    let both = of_static
        .iter()
        .filter_map(|(label, one)| Some((label, one, of_dynamic.get(label)?)));
    both.map(|(label, one, other)| LinkedExecutable {
        label: label.clone(),
        groups: other.groups,
        bytes_static: one.bytes,
        bytes_dynamic: other.bytes,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Project {
        toml::from_str(
            r#"
            name = "p"
            version = "1.0.0"
            checksum = "ab"
            skip = [{ test = "flaky", reason = "for a test" }]
            "#,
        )
        .unwrap()
    }

    fn outcome(output: &str, end: &str) -> Outcome {
        let tested = Tested {
            end: end.to_owned(),
            results: Results::parse(output),
        };
        Outcome {
            tested: [("lib".to_owned(), tested)].into(),
            ..Outcome::default()
        }
    }

    #[track_caller]
    fn check(one: &Outcome, other: &Outcome, counts: [usize; 3], differences: &[&str]) {
        let comparison = Comparison::of(&project(), one, other).unwrap();
        assert_eq!(comparison.differences, differences);
        let found = [
            comparison.compared,
            comparison.failing_alike,
            comparison.unread,
        ];
        assert_eq!(found, counts);
    }

    const OUTPUT: &str = "test a ... ok\ntest b ... FAILED\n\
        test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";

    #[test]
    fn equal_results_are_counted() {
        let one = outcome(OUTPUT, "exit status: 101");
        check(&one, &one, [2, 1, 0], &[]);
    }

    #[test]
    fn each_difference_is_told() {
        let one = outcome(OUTPUT, "exit status: 101");
        let other = outcome(&OUTPUT.replace("ok", "FAILED"), "signal: 6 (SIGABRT)");
        check(
            &one,
            &other,
            [2, 1, 0],
            &[
                "`lib`: `a`: passed statically, failed dynamically",
                "`lib`: exit status: 101 statically, signal: 6 (SIGABRT) dynamically",
            ],
        );
        let other = outcome("test a ... ok\n", "exit status: 101");
        check(
            &one,
            &other,
            [2, 0, 0],
            &[
                "`lib`: `b`: failed statically, not run dynamically",
                "`lib`: passed, failed, ignored: [1, 1, 0] statically, [0, 0, 0] dynamically",
            ],
        );
        check(
            &one,
            &Outcome::default(),
            [0, 0, 0],
            &["`lib` was run one way only"],
        );
    }

    #[test]
    fn unread_results_are_compared_by_their_number() {
        let stated = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n";
        let one = outcome(stated, SUCCESS);
        check(&one, &one, [0, 0, 3], &[]);
        let other = outcome(&stated.replace('3', "2"), SUCCESS);
        check(
            &one,
            &other,
            [0, 0, 3],
            &["`lib`: passed, failed, ignored: [3, 0, 0] statically, [2, 0, 0] dynamically"],
        );
    }

    #[test]
    fn skipped_test_does_not_count() {
        let line = "test flaky ... ok\n";
        let one = outcome(&format!("{OUTPUT}{line}"), "exit status: 101");
        let other = outcome(
            &format!("{OUTPUT}{}", line.replace("ok", "FAILED")),
            "signal: 6 (SIGABRT)",
        );
        check(&one, &other, [2, 1, 0], &[]);
    }

    #[test]
    fn program_without_harness_counts_by_its_end() {
        let one = outcome("noise\n", SUCCESS);
        check(&one, &one, [1, 0, 0], &[]);
        let other = outcome("noise\n", "exit status: 1");
        check(
            &one,
            &other,
            [1, 0, 0],
            &["`lib`: exit status: 0 statically, exit status: 1 dynamically"],
        );
        check(&other, &other, [1, 1, 0], &[]);
    }

    #[test]
    fn output_of_commands_is_compared() {
        let commands = |text: &str| Outcome {
            commands: [("p --help".to_owned(), text.to_owned())].into(),
            ..Outcome::default()
        };
        check(&commands("a\nb"), &commands("a\nb"), [1, 0, 0], &[]);
        check(
            &commands("a\nb"),
            &commands("a\nc"),
            [1, 0, 0],
            &["`p --help` prints `b` statically, `c` dynamically"],
        );
        check(
            &commands("a\nb"),
            &commands("a"),
            [1, 0, 0],
            &["`p --help` prints `` statically, `another number of lines` dynamically"],
        );
    }
}
