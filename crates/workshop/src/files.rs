//! Files and directories, changed with errors that name them.

use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

/// The content of a file; `None` if there is no such file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        content => content
            .map(Some)
            .with_context(|| format!("failed to read `{}`", path.display())),
    }
}

/// The entries of a directory; none if there is no such directory.
pub fn entries(directory: &Path) -> Result<Vec<DirEntry>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect),
    };
    entries.with_context(|| format!("failed to read `{}`", directory.display()))
}

/// Writes a file, into a directory that need not exist yet.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    fs::create_dir_all(directory_of(path))
        .and_then(|()| fs::write(path, content))
        .with_context(|| format!("failed to write `{}`", path.display()))
}

/// Copies a file, into a directory that need not exist yet.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(directory_of(to))
        .and_then(|()| fs::copy(from, to))
        .map(drop)
        .with_context(|| format!("failed to copy `{}` to `{}`", from.display(), to.display()))
}

/// Moves a file or a directory, into a directory that need not exist yet.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(directory_of(to))
        .and_then(|()| fs::rename(from, to))
        .with_context(|| format!("failed to move `{}` to `{}`", from.display(), to.display()))
}

/// Removes a file, or a directory with its content, if it is there.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.with_context(|| format!("failed to remove `{}`", path.display())),
    }
}

/// Removes a directory with its content, if it is there, and makes it again.
pub fn make_empty(directory: &Path) -> Result<()> {
    remove(directory)?;
    fs::create_dir_all(directory)
        .with_context(|| format!("failed to create `{}`", directory.display()))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_need_not_be_read_or_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("a/b");
        let file = directory.join("file");
        assert_eq!(read(&file).unwrap(), None);
        assert!(entries(&directory).unwrap().is_empty());
        remove(&file).unwrap();
        write(&file, "text").unwrap();
        assert_eq!(entries(&directory).unwrap()[0].path(), file);
        let other = directory.join("c/copy");
        copy(&file, &other).unwrap();
        assert_eq!(read(&other).unwrap().unwrap(), b"text");
        rename(&file, &scratch.path().join("d/moved")).unwrap();
        assert_eq!(read(&file).unwrap(), None);
        remove(&scratch.path().join("d/moved")).unwrap();
        make_empty(&directory).unwrap();
        assert!(directory.is_dir() && !other.exists());
        remove(&directory).unwrap();
        make_empty(&directory).unwrap();
        assert!(directory.is_dir());
    }
}
