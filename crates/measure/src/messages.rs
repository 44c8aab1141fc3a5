//! The messages of `cargo --message-format=json`, about the units that a build made or took from an
//! earlier one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::executable::is_group;

/// The artifacts in the messages of one build.
#[derive(Clone, Debug, Default)]
pub struct Artifacts(Vec<Artifact>);

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact(Artifact),
    #[serde(other)]
    Other,
}

/// A unit that this build or an earlier one has made.
#[derive(Clone, Debug, Deserialize)]
pub struct Artifact {
    /// Its package, as Cargo names it.
    pub package_id: String,
    /// The Cargo target of the package.
    pub target: CargoTarget,
    /// How it is compiled.
    pub profile: Profile,
    /// Whether it is from an earlier build.
    pub fresh: bool,
    /// The files that it consists of.
    pub filenames: Vec<PathBuf>,
    /// The one of them that can be run.
    pub executable: Option<PathBuf>,
}

/// A Cargo target.
#[derive(Clone, Debug, Deserialize)]
pub struct CargoTarget {
    /// Its name.
    pub name: String,
    /// `lib`, `bin`, `test` and the like.
    pub kind: Vec<String>,
    /// Whether its documentation holds tests.
    pub doctest: bool,
}

/// How a Cargo target is compiled.
#[derive(Clone, Debug, Deserialize)]
pub struct Profile {
    /// Whether it is made of tests.
    pub test: bool,
}

impl Artifact {
    /// Whether it is a group.
    pub fn is_group(&self) -> bool {
        is_group(&self.target.name)
    }
}

/// The artifacts of a build, given its messages, one a line.
///
/// # Errors
/// When a line is no message.
pub fn artifacts(messages: &str) -> Result<Vec<Artifact>> {
    let mut artifacts = Vec::new();
    for line in messages.lines() {
        let message = serde_json::from_str(line)
            .with_context(|| format!("failed to read the message `{line}` of Cargo"))?;
        if let Message::CompilerArtifact(artifact) = message {
            artifacts.push(artifact);
        }
    }
    Ok(artifacts)
}

impl Artifacts {
    /// Reads the messages, one a line.
    ///
    /// # Errors
    /// When a line is no message.
    pub fn parse(messages: &str) -> Result<Artifacts> {
        artifacts(messages).map(Artifacts)
    }

    /// The executable of the Cargo target `name`.
    ///
    /// # Errors
    /// When the messages name none.
    pub fn executable(&self, name: &str) -> Result<PathBuf> {
        self.0
            .iter()
            .filter(|artifact| artifact.target.name == name)
            .find_map(|artifact| artifact.executable.clone())
            .with_context(|| format!("Cargo does not say where the executable of `{name}` is"))
    }

    /// All executables that Cargo runs or places for the user, those of tests too.
    pub fn executables(&self) -> Vec<&Path> {
        self.0
            .iter()
            .filter_map(|artifact| artifact.executable.as_deref())
            .collect()
    }

    /// Those that this build has linked.
    pub fn linked(&self) -> Vec<&Path> {
        self.0
            .iter()
            .filter(|artifact| !artifact.fresh)
            .filter_map(|artifact| artifact.executable.as_deref())
            .collect()
    }

    /// Names of the Cargo targets that this build compiled or linked, sorted.
    pub fn made(&self) -> BTreeSet<&str> {
        let dirty = self.0.iter().filter(|artifact| !artifact.fresh);
        dirty
            .map(|artifact| artifact.target.name.as_str())
            .collect()
    }

    /// The same without groups.
    pub fn compiled(&self) -> BTreeSet<&str> {
        let mut made = self.made();
        made.retain(|name| !is_group(name));
        made
    }

    /// The number of compiled Cargo targets that are no executables: dependencies, and their build
    /// scripts.
    pub fn compiled_dependencies(&self) -> usize {
        self.0
            .iter()
            .filter(|artifact| !artifact.fresh && artifact.executable.is_none())
            .filter(|artifact| !artifact.is_group())
            .count()
    }

    /// The rlibs that this build has compiled.
    pub fn compiled_libraries(&self) -> Vec<&Path> {
        self.0
            .iter()
            .filter(|artifact| !artifact.fresh)
            .flat_map(|artifact| &artifact.filenames)
            .map(PathBuf::as_path)
            .filter(|file| file.extension() == Some(OsStr::new("rlib")))
            .collect()
    }

    /// The number of groups that this build has made.
    pub fn groups_made(&self) -> usize {
        let groups = self.0.iter().filter(|artifact| artifact.is_group());
        groups.filter(|artifact| !artifact.fresh).count()
    }

    /// Number of packages that were compiled, now or earlier: one that is compiled in two ways, or has a build script,
    /// counts once.
    pub fn package_count(&self) -> usize {
        self.0
            .iter()
            .filter(|artifact| !artifact.is_group())
            .map(|artifact| &artifact.package_id)
            .collect::<BTreeSet<_>>()
            .len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = concat!(
        r#"{"reason":"compiler-artifact","package_id":"regex","target":{"name":"build-script-build","kind":["custom-build"],"doctest":false},"profile":{"test":false},"fresh":true,"filenames":["/d/build"],"executable":null}"#,
        "\n",
        r#"{"reason":"compiler-artifact","package_id":"regex","target":{"name":"regex","kind":["lib"],"doctest":true},"profile":{"test":false},"fresh":false,"filenames":["/d/libregex.rlib"],"executable":null}"#,
        "\n",
        r#"{"reason":"build-script-executed","linked_libs":[]}"#,
        "\n",
        r#"{"reason":"compiler-artifact","package_id":"dynamic-deps-frozen","target":{"name":"dynamic-deps-frozen","kind":["lib"],"doctest":true},"profile":{"test":false},"fresh":false,"filenames":["/d/g.json"],"executable":null}"#,
        "\n",
        r#"{"reason":"compiler-artifact","package_id":"app","target":{"name":"app","kind":["bin"],"doctest":false},"profile":{"test":false},"fresh":false,"filenames":["/d/app"],"executable":"/d/app"}"#,
        "\n",
        r#"{"reason":"build-finished","success":true}"#,
        "\n",
    );

    #[test]
    fn messages_tell_what_was_built() {
        let artifacts = Artifacts::parse(MESSAGES).unwrap();
        assert_eq!(artifacts.executable("app").unwrap(), Path::new("/d/app"));
        assert_eq!(artifacts.executables(), [Path::new("/d/app")]);
        assert_eq!(artifacts.linked(), [Path::new("/d/app")]);
        let fresh = MESSAGES.replace("\"fresh\":false", "\"fresh\":true");
        assert!(Artifacts::parse(&fresh).unwrap().linked().is_empty());
        assert_eq!(
            artifacts.made(),
            ["app", "dynamic-deps-frozen", "regex"].into()
        );
        assert_eq!(artifacts.compiled(), ["app", "regex"].into());
        assert_eq!(artifacts.compiled_dependencies(), 1);
        assert_eq!(artifacts.groups_made(), 1);
        assert_eq!(
            artifacts.compiled_libraries(),
            [Path::new("/d/libregex.rlib")]
        );
        assert_eq!(artifacts.package_count(), 2);
        let error = Artifacts::parse("").unwrap().executable("app").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Cargo does not say where the executable of `app` is"
        );
        assert!(Artifacts::parse("warning: x").is_err());
    }
}
