//! The form of the files on disk: JSON.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::system::files;
use crate::{Error, Result};

/// Reads a JSON file that this crate wrote.
///
/// # Errors
/// When it cannot be read or parsed.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
}

/// Writes a JSON file in one step.
///
/// # Errors
/// When it cannot be written, or holds a path that is not UTF-8.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })?;
    files::write(path, &bytes)
}
