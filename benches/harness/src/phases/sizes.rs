//! The sizes of the files that builds make, and the number of groups that executables load.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use measure::executable::loaded_groups;
use measure::messages::Artifacts;

use crate::peers::{Peer, Way};
use crate::results::{Measured, Quantity};

/// Bytes of all executables, and of the groups that they load.
pub(super) fn sizes(artifacts: &Artifacts, peer: &Peer) -> Result<Vec<Measured>> {
    let mut loaded: Vec<PathBuf> = Vec::new();
    if peer.way == Way::Groups {
        for executable in artifacts.executables() {
            loaded.extend(loaded_groups(executable)?);
        }
    }
    let executables = size_of_files(artifacts.executables())?;
    let groups = size_of_files(loaded.iter().map(PathBuf::as_path))?;
    Ok(vec![
        Measured::fact(Quantity::ExecutableBytes, executables as f64),
        Measured::fact(Quantity::GroupBytes, groups as f64),
    ])
}

/// How many groups of local crates an executable loads.
pub(super) fn loaded_parts(executable: &Path) -> Result<usize> {
    let loaded = loaded_groups(executable)?;
    let names = loaded.iter().filter_map(|file| file.file_name()?.to_str());
    Ok(names
        .filter(|name| name.starts_with("dynamic-deps-local"))
        .count())
}

/// Bytes of the files; one with several names counts once.
fn size_of_files<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<u64> {
    let (mut seen, mut sum) = (HashSet::new(), 0);
    for file in files {
        let metadata =
            fs::metadata(file).with_context(|| format!("failed to read `{}`", file.display()))?;
        if seen.insert(metadata.ino()) {
            sum += metadata.len();
        }
    }
    Ok(sum)
}

/// Bytes of all files below `directory`; one with several names counts once.
pub(super) fn size_of_directory(directory: &Path) -> Result<u64> {
    fn add(directory: &Path, seen: &mut HashSet<u64>, sum: &mut u64) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                add(&entry.path(), seen, sum)?;
            } else if seen.insert(metadata.ino()) {
                *sum += metadata.len();
            }
        }
        Ok(())
    }
    let mut sum = 0;
    add(directory, &mut HashSet::new(), &mut sum)
        .with_context(|| format!("failed to read the sizes in `{}`", directory.display()))?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_two_names_counts_once() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("deps/app-1");
        fs::create_dir_all(directory.path().join("deps")).unwrap();
        fs::write(&file, "12345").unwrap();
        fs::hard_link(&file, directory.path().join("app")).unwrap();
        fs::write(directory.path().join("app.d"), "123").unwrap();
        assert_eq!(size_of_directory(directory.path()).unwrap(), 8);
        let names = [file, directory.path().join("app")];
        let names = names.iter().map(PathBuf::as_path);
        assert_eq!(size_of_files(names).unwrap(), 5);
        let nowhere = directory.path().join("nowhere");
        assert!(size_of_directory(&nowhere).is_err());
    }
}
