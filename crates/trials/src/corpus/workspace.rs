//! Published packages as the members of one workspace.
//!
//! Nobody publishes a workspace, only its packages one by one. We unpack them side by side, below a manifest that makes
//! them members again. It also patches crates.io, so that a member depends on the other members and not on what was
//! published. A lock file in this repository pins everything else.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::corpus::project::{Package, Project};
use workshop::files;
use workshop::paths::Repository;

/// The files of a workspace that belong to no member.
pub(super) struct Root {
    pub(super) manifest: String,
    /// The lock file in this repository, and its content if there is one.
    pub(super) lock: (PathBuf, Option<String>),
}

impl Root {
    /// The root of the project, if it is a workspace.
    pub(super) fn of(project: &Project, repository: &Repository) -> Result<Option<Root>> {
        if !project.is_workspace() {
            return Ok(None);
        }
        let path = repository.corpus_lock(&project.name);
        let lock = files::read(&path)?
            .map(String::from_utf8)
            .transpose()
            .with_context(|| format!("failed to read `{}`", path.display()))?;
        Ok(Some(Root {
            manifest: manifest(&project.members),
            lock: (path, lock),
        }))
    }

    /// Writes the files to the directory of the workspace.
    pub(super) fn write(&self, directory: &Path) -> Result<()> {
        files::write(&directory.join("Cargo.toml"), &self.manifest)?;
        let (path, lock) = &self.lock;
        let lock = lock.as_ref().with_context(|| {
            format!(
                "there is no `{}` to pin what the workspace depends on\n\
                 help: run `cargo generate-lockfile` in `{}`, and copy the file",
                path.display(),
                directory.display()
            )
        })?;
        files::write(&directory.join("Cargo.lock"), lock)
    }
}

/// The manifest of a workspace whose members lie in directories with their ids as names.
fn manifest(members: &[Package]) -> String {
    let mut text = "[workspace]\nresolver = \"3\"\nmembers = [\n".to_owned();
    for member in members {
        text.push_str(&format!("    \"{}\",\n", member.id()));
    }
    text.push_str("]\n\n[patch.crates-io]\n");
    for member in members {
        text.push_str(&format!(
            "{} = {{ path = \"{}\" }}\n",
            member.name,
            member.id()
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::corpus::project;

    fn members() -> Vec<Package> {
        let member = |name: &str, version: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            checksum: String::new(),
        };
        vec![member("a", "1.0.0"), member("a-macros", "0.2.0")]
    }

    #[test]
    fn members_depend_on_each_other() {
        let expected = r#"[workspace]
resolver = "3"
members = [
    "a-1.0.0",
    "a-macros-0.2.0",
]

[patch.crates-io]
a = { path = "a-1.0.0" }
a-macros = { path = "a-macros-0.2.0" }
"#;
        assert_eq!(manifest(&members()), expected);
    }

    #[test]
    fn lock_files_of_the_corpus_have_the_members_and_only_them_without_a_source() {
        let repository = Repository::of_this_build();
        for project in project::list(&repository).unwrap() {
            let Some(root) = Root::of(&project, &repository).unwrap() else {
                continue;
            };
            let lock: toml::Table = root.lock.1.unwrap().parse().unwrap();
            let packages = lock["package"].as_array().unwrap().iter();
            let local = packages.filter(|package| package.get("source").is_none());
            let text = |package: &toml::Value, key: &str| package[key].as_str().unwrap().to_owned();
            let mut locked: Vec<_> = local
                .map(|package| (text(package, "name"), text(package, "version")))
                .collect();
            let mut members: Vec<_> = project
                .packages()
                .into_iter()
                .map(|member| (member.name, member.version))
                .collect();
            locked.sort();
            members.sort();
            assert_eq!(locked, members, "in `{}`", project.name);
        }
    }

    #[test]
    fn lock_file_is_asked_for_beside_the_manifest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let root = |lock: Option<&str>| Root {
            manifest: manifest(&members()),
            lock: (PathBuf::from("all.lock"), lock.map(str::to_owned)),
        };
        let error = root(None).write(path).unwrap_err().to_string();
        assert!(error.contains("no `all.lock`"), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(path.join("Cargo.toml").is_file());
        root(Some("locked")).write(path).unwrap();
        let lock = fs::read_to_string(path.join("Cargo.lock")).unwrap();
        assert_eq!(lock, "locked");
    }
}
