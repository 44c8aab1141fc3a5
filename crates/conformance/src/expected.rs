//! Tests of upstream that are expected to fail, by reason: `upstream/expected-failures.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use workshop::paths::Repository;

/// The content of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Expectations {
    /// Tests that fail on the unpatched tree, and so on the fork.
    pub(crate) unpatched: Failures,
    /// Tests that fail on the fork with `dynamic-deps` forced on, beyond those.
    pub(crate) forced_on: Failures,
}

/// Failures grouped by reason.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Vec<Group>")]
pub(crate) struct Failures {
    /// By the name of the test.
    tests: BTreeMap<String, Expectation>,
    /// By the name of the module.
    modules: BTreeMap<String, Expectation>,
}

#[derive(Clone, Debug)]
struct Expectation {
    reason: String,
    depends_on_timing: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Group {
    reason: String,
    /// Whether the tests sometimes pass.
    #[serde(default)]
    depends_on_timing: bool,
    #[serde(default)]
    tests: Vec<String>,
    /// Modules in which more tests fail than pass.
    #[serde(default)]
    modules: Vec<String>,
}

impl Expectations {
    pub(crate) fn read(repository: &Repository) -> Result<Expectations> {
        let path = repository.expected_failures();
        let describe = || format!("failed to read `{}`", repository.display(&path));
        let text = fs::read_to_string(&path).with_context(describe)?;
        toml::from_str(&text).with_context(describe)
    }
}

impl Failures {
    /// Why `test` is expected to fail; `None` if it is not.
    pub(crate) fn reason(&self, test: &str) -> Option<&str> {
        let expectation = self.expectation(test)?;
        Some(expectation.reason.as_str())
    }

    /// Whether `test`, which is expected to fail, may also pass.
    pub(crate) fn depends_on_timing(&self, test: &str) -> bool {
        let expectation = self.expectation(test);
        expectation.is_some_and(|expectation| expectation.depends_on_timing)
    }

    fn expectation(&self, test: &str) -> Option<&Expectation> {
        let of_module = || {
            let mut modules = self.modules.iter();
            let found = modules.find(|(module, _)| is_in_module(test, module));
            found.map(|(_, expectation)| expectation)
        };
        self.tests.get(test).or_else(of_module)
    }

    /// Fails if a name stands for no existing test: the entry would hide that somebody has renamed a test.
    pub(crate) fn require_existence(&self, listed: &BTreeSet<String>) -> Result<()> {
        if let Some(stale) = self.tests.keys().find(|test| !listed.contains(*test)) {
            bail!("the test `{stale}`, which is expected to fail, does not exist");
        }
        let has_tests = |module: &str| listed.iter().any(|test| is_in_module(test, module));
        if let Some(stale) = self.modules.keys().find(|module| !has_tests(module)) {
            bail!("the module `{stale}`, whose tests are expected to fail, has none");
        }
        Ok(())
    }
}

impl TryFrom<Vec<Group>> for Failures {
    type Error = anyhow::Error;

    fn try_from(groups: Vec<Group>) -> Result<Failures> {
        let mut failures = Failures::default();
        for group in groups {
            ensure!(!group.reason.is_empty(), "failures have no reason");
            let expectation = Expectation {
                reason: group.reason,
                depends_on_timing: group.depends_on_timing,
            };
            for (names, expectations) in [
                (group.tests, &mut failures.tests),
                (group.modules, &mut failures.modules),
            ] {
                for name in names {
                    let earlier = expectations.insert(name.clone(), expectation.clone());
                    ensure!(earlier.is_none(), "`{name}` is listed twice");
                }
            }
        }
        Ok(failures)
    }
}

/// Whether `test` lies in `module` or below it.
pub(crate) fn is_in_module(test: &str, module: &str) -> bool {
    test.strip_prefix(module)
        .is_some_and(|rest| rest.starts_with("::"))
}

#[cfg(test)]
impl Failures {
    pub(crate) fn of_tests(reason: &str, tests: &[&str], depends_on_timing: bool) -> Failures {
        let group = Group {
            reason: reason.to_owned(),
            depends_on_timing,
            tests: tests.iter().map(|&test| test.to_owned()).collect(),
            modules: Vec::new(),
        };
        Failures::try_from(vec![group]).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_of_this_repository_is_read() {
        Expectations::read(&Repository::of_this_build()).unwrap();
    }

    #[test]
    fn failures_have_reasons() {
        let expectations: Expectations = toml::from_str(
            r#"
            [[unpatched]]
            reason = "no fixtures"
            modules = ["cargo_add"]

            [[unpatched]]
            reason = "needs a network"
            tests = ["git::a"]

            [[forced-on]]
            reason = "counts files"
            tests = ["build::b", "build::c"]

            [[forced-on]]
            reason = "counts jobs"
            tests = ["build::d"]
            depends-on-timing = true
            "#,
        )
        .unwrap();
        let unpatched = &expectations.unpatched;
        assert_eq!(unpatched.reason("cargo_add::x::case"), Some("no fixtures"));
        assert_eq!(unpatched.reason("cargo_add_x::case"), None);
        assert_eq!(unpatched.reason("git::a"), Some("needs a network"));
        assert_eq!(unpatched.reason("git::b"), None);
        let forced_on = &expectations.forced_on;
        assert_eq!(forced_on.reason("build::c"), Some("counts files"));
        assert!(!forced_on.depends_on_timing("build::c"));
        assert!(forced_on.depends_on_timing("build::d"));
    }

    #[test]
    fn names_stand_for_tests() {
        #[track_caller]
        fn check(listed: &[&str], expected: Result<(), &str>) {
            let text = r#"
                unpatched = []
                forced-on = [{ reason = "why", modules = ["git"], tests = ["build::b"] }]
            "#;
            let failures = toml::from_str::<Expectations>(text).unwrap().forced_on;
            let listed = listed.iter().map(|&test| test.to_owned()).collect();
            let result = failures.require_existence(&listed);
            assert_eq!(
                result.map_err(|error| error.to_string()),
                expected.map_err(str::to_owned)
            );
        }
        check(&["build::a", "build::b", "git::a"], Ok(()));
        check(
            &["build::a", "git::a"],
            Err("the test `build::b`, which is expected to fail, does not exist"),
        );
        check(
            &["build::b"],
            Err("the module `git`, whose tests are expected to fail, has none"),
        );
    }

    #[test]
    fn file_without_reasons_is_refused() {
        #[track_caller]
        fn check(forced_on: &str, expected: &str) {
            let text = format!("unpatched = []\nforced-on = [{forced_on}]");
            let error = toml::from_str::<Expectations>(&text).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        check(
            r#"{ reason = "", tests = ["a::b"] }"#,
            "failures have no reason",
        );
        check(
            r#"{ reason = "x", tests = ["a::b"] }, { reason = "y", tests = ["a::b"] }"#,
            "`a::b` is listed twice",
        );
        check(r#"{ tests = [] }"#, "missing field `reason`");
    }
}
