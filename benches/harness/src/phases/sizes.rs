//! What builds leave: bytes on disk, and how many groups an executable loads.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use measure::messages::Artifacts;

use crate::results::{Measured, Quantity};

/// Bytes of all executables and groups.
pub(super) fn sizes(artifacts: &Artifacts) -> Result<Vec<Measured>> {
    let executables = size_of_files(artifacts.executables())?;
    let groups = size_of_files(artifacts.groups())?;
    Ok(vec![
        Measured::fact(Quantity::ExecutableBytes, executables as f64),
        Measured::fact(Quantity::GroupBytes, groups as f64),
    ])
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

/// How many groups of local crates the system's loader maps for an executable, those that others need included.
pub(super) fn loaded_parts(executable: &Path) -> Result<usize> {
    // See `man 8 ld.so`: what would be loaded is listed, and nothing is run.
    let listed = Command::new(executable)
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .with_context(|| format!("failed to run `{}`", executable.display()))?;
    ensure!(
        listed.status.success(),
        "the loader does not say what `{}` loads",
        executable.display()
    );
    Ok(local_groups(&String::from_utf8_lossy(&listed.stdout)))
}

/// A line of the list is `name => path (address)`.
fn local_groups(listed: &str) -> usize {
    let names = listed.lines().map(str::trim_start);
    names
        .filter(|name| name.starts_with("dynamic-deps-local"))
        .count()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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

    #[test]
    fn groups_of_local_crates_are_counted() {
        let listed = "\tlinux-vdso.so.1 (0x7ff)\n\tdynamic-deps-local-1-2.so => /d/dynamic-deps-local-1-2.so (0x7f)\n\
                      \tdynamic-deps-local-3-4.so => /d/dynamic-deps-local-3-4.so (0x7f)\n\
                      \tdynamic-deps-frozen-5-6.so => /d/dynamic-deps-local/x.so (0x7f)\n";
        assert_eq!(local_groups(listed), 2);
        let program = std::env::current_exe().unwrap();
        assert_eq!(loaded_parts(&program).unwrap(), 0);
    }
}
