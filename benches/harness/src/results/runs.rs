//! Directories of runs.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::results::{Identity, Machine, Results};

/// The directory of the newest run in `parent` that may go on: one of the same mode, machine and versions.
pub(crate) fn find_run(parent: &Path, identity: &Identity) -> Result<Option<PathBuf>> {
    let describe = || format!("failed to read `{}`", parent.display());
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries.with_context(describe)?,
    };
    let mut newest: Option<(String, PathBuf)> = None;
    for entry in entries {
        let path = entry.with_context(describe)?.path();
        let Some(results) = Results::read(&path)? else {
            continue;
        };
        let candidate = (results.date, path);
        if results.identity == *identity && newest.as_ref().is_none_or(|best| *best < candidate) {
            newest = Some(candidate);
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// A directory in `parent` for a new run, which does not exist yet.
pub(crate) fn new_run(parent: &Path, date: &str, machine: &Machine) -> PathBuf {
    let name = format!("{date}-{}", machine.slug());
    let mut directory = parent.join(&name);
    let mut number = 2;
    while directory.exists() {
        directory = parent.join(format!("{name}-{number}"));
        number += 1;
    }
    directory
}
