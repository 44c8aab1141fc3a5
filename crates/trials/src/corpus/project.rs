//! The list of projects, `crates/trials/corpus.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use workshop::paths::Repository;
use workshop::toolchain;

/// A published package, or several of them as one workspace, and the tests and command lines to compare.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Project {
    /// Name of the package or of the workspace.
    pub(crate) name: String,
    pub(crate) version: String,
    /// Of the archive, if the project is a package. The `Cargo.lock` inside pins all dependencies.
    checksum: Option<String>,
    /// The packages of a workspace. `crates/trials/corpus/<name>.lock` pins all dependencies.
    #[serde(default)]
    pub(crate) members: Vec<Package>,
    /// Whether it is small enough to be compared in CI.
    #[serde(default)]
    pub(crate) ci: bool,
    /// Features besides the default ones.
    #[serde(default)]
    pub(crate) features: Vec<String>,
    /// Further arguments of Cargo.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// Environment variables for its builds, tests and command lines.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Set if a machine has to have something besides the toolchain.
    pub(crate) needs: Option<Needs>,
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

/// A published package, by what identifies its archive.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// SHA-256 of the archive, hexadecimal.
    pub(crate) checksum: String,
}

/// Something that a machine may lack.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Needs {
    /// In words, with the place where to get it.
    what: String,
    /// A command that succeeds where it is.
    check: Vec<String>,
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

impl Package {
    /// Name and version, as its archive and the directory in it are named.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

impl Project {
    /// Name and version, as the directory of its sources is named.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    pub(crate) fn is_workspace(&self) -> bool {
        !self.members.is_empty()
    }

    /// All packages of which it consists.
    pub(crate) fn packages(&self) -> Vec<Package> {
        match &self.checksum {
            Some(checksum) => vec![Package {
                name: self.name.clone(),
                version: self.version.clone(),
                checksum: checksum.clone(),
            }],
            None => self.members.clone(),
        }
    }

    /// What this machine lacks to build it.
    pub(crate) fn lacking(&self) -> Option<&str> {
        let needs = self.needs.as_ref()?;
        let (program, args) = needs.check.split_first()?;
        let is_there = toolchain::run(toolchain::command(program).args(args)).is_ok();
        (!is_there).then_some(&needs.what)
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
        check(project).with_context(|| format!("in project `{}`", project.name))?;
    }
    Ok(list.project)
}

/// An error if the packages of the project are not given, or given in two ways.
fn check(project: &Project) -> Result<()> {
    ensure!(
        project.checksum.is_some() != project.is_workspace(),
        "there has to be either a `checksum` or `members`"
    );
    let mut names = BTreeSet::new();
    for member in &project.members {
        ensure!(
            names.insert(&member.name),
            "member `{}` is listed twice",
            member.name
        );
    }
    Ok(())
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

    const WORKSPACE: &str = r#"
[[project]]
name = "regex-all"
version = "1.0.0"
members = [
    { name = "regex", version = "1.0.0", checksum = "ab" },
    { name = "regex-lite", version = "0.1.0", checksum = "cd" },
]
"#;

    #[test]
    fn workspace_is_a_list_of_packages() {
        let projects = parse(&format!("{LIST}{WORKSPACE}")).unwrap();
        let [regex, lite, all] = &projects[..] else {
            panic!("{projects:?}");
        };
        assert!(all.is_workspace() && !regex.is_workspace());
        assert_eq!(all.id(), "regex-all-1.0.0");
        assert_eq!(all.packages(), [regex.packages(), lite.packages()].concat());
        assert_eq!(all.packages()[1].id(), "regex-lite-0.1.0");
    }

    #[test]
    fn packages_are_given_in_one_way() {
        #[track_caller]
        fn check(from: &str, to: &str, expected: &str) {
            let error = parse(&WORKSPACE.replace(from, to)).unwrap_err();
            let expected = format!("in project `regex-all`: {expected}");
            assert_eq!(format!("{error:#}"), expected);
        }
        let neither = "there has to be either a `checksum` or `members`";
        check("members = [", "checksum = \"ef\"\nmembers = [", neither);
        check(
            &WORKSPACE[WORKSPACE.find("members").unwrap()..],
            "",
            neither,
        );
        check(
            "\"regex-lite\"",
            "\"regex\"",
            "member `regex` is listed twice",
        );
    }

    #[test]
    fn lack_is_told_in_words() {
        let needing = |program: &str| {
            let needs = format!("needs = {{ what = \"a program\", check = [\"{program}\"] }}");
            parse(&format!("{LIST}{needs}\n")).unwrap().pop().unwrap()
        };
        assert_eq!(needing("true").lacking(), None);
        assert_eq!(needing("false").lacking(), Some("a program"));
        assert_eq!(needing("/no/such/program").lacking(), Some("a program"));
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
