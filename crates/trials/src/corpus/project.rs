//! The list of projects, `crates/trials/corpus.toml`.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use workshop::paths::Repository;

/// A published package, and the tests and command lines to compare.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Project {
    /// Name of the package.
    pub(crate) name: String,
    pub(crate) version: String,
    /// SHA-256 of the archive, hexadecimal. The `Cargo.lock` inside pins all dependencies.
    pub(crate) checksum: String,
    /// Whether it is small enough to be compared in CI.
    #[serde(default)]
    pub(crate) ci: bool,
    /// Features besides the default ones.
    #[serde(default)]
    pub(crate) features: Vec<String>,
    /// Further arguments of Cargo.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// Set if only some of its tests can be compiled from the published files.
    pub(crate) only: Option<Only>,
    /// Why its documentation is not tested, if it is not.
    pub(crate) without_doctests: Option<String>,
    /// Tests whose results do not count.
    #[serde(default)]
    pub(crate) skip: Vec<Skip>,
    /// Command lines to compare: the name of an executable of the package and its arguments.
    #[serde(default)]
    pub(crate) commands: Vec<Vec<String>>,
}

/// The Cargo targets to test, if not all of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Only {
    /// Options of `cargo test` that choose them.
    pub(crate) targets: Vec<String>,
    pub(crate) reason: String,
}

/// A test that is run but not compared.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Skip {
    /// Full name of the test; for the exit status of a whole executable, its label, such as `test cli`.
    pub(crate) test: String,
    pub(crate) reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    project: Vec<Project>,
}

impl Project {
    /// Name and version, as its archive and the directory in it are named.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Options of `cargo test` that choose the tests, apart from doctests.
    pub(crate) fn targets(&self) -> Vec<String> {
        match &self.only {
            Some(only) => only.targets.clone(),
            None => vec!["--tests".to_owned()],
        }
    }

    pub(crate) fn is_skipped(&self, test: &str) -> bool {
        self.skip.iter().any(|skip| skip.test == test)
    }
}

/// All projects, in the order of the list.
pub(crate) fn list(repository: &Repository) -> Result<Vec<Project>> {
    let path = repository.corpus_list();
    let text = fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    parse(&text).with_context(|| format!("in `{}`", path.display()))
}

fn parse(text: &str) -> Result<Vec<Project>> {
    let list: List = toml::from_str(text)?;
    let mut names = BTreeSet::new();
    for project in &list.project {
        ensure!(
            names.insert(&project.name),
            "project `{}` is listed twice",
            project.name
        );
    }
    Ok(list.project)
}

/// The projects whose name contains one of `filters`; all, if there is no filter.
pub(crate) fn choose(projects: Vec<Project>, filters: &[String]) -> Result<Vec<Project>> {
    if let Some(filter) = filters.iter().find(|filter| {
        !projects
            .iter()
            .any(|project| project.name.contains(*filter))
    }) {
        bail!("no project has `{filter}` in its name");
    }
    let is_chosen = |project: &Project| {
        filters.is_empty() || filters.iter().any(|filter| project.name.contains(filter))
    };
    Ok(projects.into_iter().filter(is_chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
[[project]]
name = "regex"
version = "1.0.0"
checksum = "ab"
[[project]]
name = "regex-lite"
version = "0.1.0"
checksum = "cd"
ci = true
only = { targets = ["--lib"], reason = "the tests need files that were not published" }
skip = [{ test = "speed", reason = "measures time" }]
commands = [["regex-lite", "--help"]]
"#;

    #[test]
    fn list_is_read() {
        let projects = parse(LIST).unwrap();
        assert_eq!(projects[0].targets(), ["--tests"]);
        assert_eq!(projects[1].targets(), ["--lib"]);
        assert_eq!(projects[1].id(), "regex-lite-0.1.0");
        assert!(projects[1].is_skipped("speed") && !projects[0].is_skipped("speed"));
        let twice = format!("{LIST}{LIST}");
        let error = parse(&twice).unwrap_err().to_string();
        assert_eq!(error, "project `regex` is listed twice");
        let unknown = LIST.replace("ci = true", "speed = 1");
        assert!(parse(&unknown).is_err());
    }

    #[test]
    fn filter_is_part_of_the_name() {
        let check = |filters: &[&str]| {
            let filters: Vec<String> = filters.iter().map(|filter| filter.to_string()).collect();
            choose(parse(LIST).unwrap(), &filters)
                .map(|chosen| chosen.into_iter().map(|project| project.name).collect())
                .map_err(|error| error.to_string())
        };
        let both = vec!["regex".to_owned(), "regex-lite".to_owned()];
        assert_eq!(check(&[]), Ok(both.clone()));
        assert_eq!(check(&["reg"]), Ok(both));
        assert_eq!(check(&["lite"]), Ok(vec!["regex-lite".to_owned()]));
        assert_eq!(
            check(&["lite", "syn"]),
            Err("no project has `syn` in its name".to_owned())
        );
    }
}
