//! The messages of `cargo --message-format=json`.

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

/// A unit that was made, or is there from an earlier build.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) package_id: String,
    pub(crate) target: CargoTarget,
    pub(crate) profile: Profile,
    pub(crate) fresh: bool,
    pub(crate) filenames: Vec<PathBuf>,
    pub(crate) executable: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CargoTarget {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Profile {
    /// Whether it is made of tests.
    pub(crate) test: bool,
}

impl Artifact {
    pub(crate) fn is_group(&self) -> bool {
        is_group(&self.target.name)
    }
}

/// The artifacts of a build, given its messages.
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
