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
    /// The directory of the rlib, from the one that has the directory of the store. None if the
    /// rlib is not below that one, such as those of the toolchain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<PathBuf>,
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

impl StoredLibrary {
    /// The path of the rlib, if it lies where a store in the directory `stores` can tell.
    pub(crate) fn rlib_path(&self, stores: &Path) -> Option<PathBuf> {
        let directory = stores.parent()?.join(self.directory.as_ref()?);
        Some(directory.join(&self.rlib))
    }
}

/// The directory of an rlib as a store in the directory `stores` records it: the layout of the
/// build directory decides whether all rlibs lie beside the store or each in a directory of its
/// own, and neither changes when somebody moves the whole.
pub(crate) fn directory_of(rlib: &Path, stores: &Path) -> Option<PathBuf> {
    let directory = rlib.parent()?.strip_prefix(stores.parent()?).ok()?;
    Some(directory.to_owned())
}

/// Whether a library of a group was made anew since its facts went into the file `facts`, or is
/// gone.
pub(crate) fn is_stale(facts: &Path) -> bool {
    let kept: Vec<StoredLibrary> = read_json(facts).unwrap_or_default();
    let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let written = time(facts).ok();
    let stores = facts.parent().unwrap_or(Path::new(""));
    kept.iter().any(|kept| {
        let compiled = kept.rlib_path(stores).and_then(|rlib| time(&rlib).ok());
        compiled.is_none() || compiled > written
    })
}
