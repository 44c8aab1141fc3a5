//! The identity of a run: the machine, the programs, and the load by other processes.

use serde::{Deserialize, Serialize};

/// The facts that must be the same for all samples of a run.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Identity {
    pub(crate) mode: Mode,
    pub(crate) machine: Machine,
    pub(crate) versions: Versions,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// As often as medians need.
    Full,
    /// Once or a few times: shows that the harness works, and nothing else.
    Quick,
}

/// The machine, as Linux describes it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) kernel: String,
    pub(crate) system: String,
}

impl Machine {
    /// For the name of a directory.
    pub(crate) fn slug(&self) -> String {
        let words: Vec<String> = self
            .processor
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        format!("{}-{}c", words.join("-"), self.cores)
    }
}

/// The programs that take part.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Versions {
    pub(crate) rustc: String,
    pub(crate) linker_driver: String,
    pub(crate) fork: Program,
    pub(crate) stock: Program,
    /// The fork as it was, if it takes part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) earlier: Option<Program>,
}

/// An executable: the version that it prints, and the BLAKE3 hash of its bytes.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Program {
    pub(crate) version: String,
    pub(crate) hash: String,
}

/// One start of the harness for this run.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Session {
    /// UTC, to the minute.
    pub(crate) started: String,
    pub(crate) command: String,
    pub(crate) load: Load,
}

/// How busy the machine was before anything was measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Load {
    /// Mean number of processes that wanted to run in the last minute.
    pub(crate) average: f64,
    /// Share of the processors that other processes used just then, from 0 to 1.
    pub(crate) busy: f64,
}
