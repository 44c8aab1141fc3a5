//! What Cargo says about a build with `--message-format=json`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::application::is_group;

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact(Artifact),
    #[serde(other)]
    Other,
}

/// What one unit of the build has made, now or earlier.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) package_id: String,
    pub(crate) target: CargoTarget,
    pub(crate) profile: Profile,
    /// Taken from an earlier build.
    pub(crate) fresh: bool,
    pub(crate) filenames: Vec<PathBuf>,
    pub(crate) executable: Option<PathBuf>,
}

/// The Cargo target that the unit belongs to.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CargoTarget {
    /// `lib`, `bin`, `test` and the like; crate types for a library.
    pub(crate) kind: Vec<String>,
    pub(crate) name: String,
    /// Whether its documentation holds tests.
    pub(crate) doctest: bool,
}

/// How the unit was compiled.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Profile {
    /// With the test harness.
    pub(crate) test: bool,
}

impl Artifact {
    pub(crate) fn is_group(&self) -> bool {
        is_group(&self.target.name)
    }
}

/// Reads the messages of a build, one a line.
pub(crate) fn artifacts(messages: &str) -> Result<Vec<Artifact>> {
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
