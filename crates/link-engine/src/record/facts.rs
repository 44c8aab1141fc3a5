//! The facts about libraries that a store keeps. So an rlib is read once, and a later build can
//! link libraries that it does not have.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::json::read_json;
use super::manifest::Effect;
use crate::rlib::KnownRlib;

/// The facts that a store keeps about a library in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLibrary {
    pub(crate) key: u64,
    pub(crate) name: String,
    pub(crate) rlib: String,
    /// The rlibs it depends on, by file name, with the hashes that they had.
    pub(crate) dependencies: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) native_search: Vec<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) native_libraries: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) effect: Option<Effect>,
    pub(crate) known: KnownRlib,
}

/// Whether a library of a group was made anew since its facts went into the file `facts`, or is
/// gone.
pub(crate) fn is_stale(facts: &Path) -> bool {
    let kept: Vec<StoredLibrary> = read_json(facts).unwrap_or_default();
    let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let written = time(facts).ok();
    kept.iter().any(|kept| {
        let compiled = time(&facts.with_file_name(&kept.rlib)).ok();
        compiled.is_none() || compiled > written
    })
}
