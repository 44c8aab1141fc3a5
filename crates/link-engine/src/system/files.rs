//! File operations that never leave a half-written file under its final name.
//!
//! A running program may have mapped a shared object, and a build may be killed at any moment. So
//! we write every file under a temporary name in the same directory, and then rename it. The old
//! inode lives on for programs that have mapped it, and a file with its final name is complete.

use std::fs::{self, File, Metadata, Permissions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use tempfile::{NamedTempFile, TempPath};

use crate::{Error, Result};

/// Maps `path` for reading. An empty file gives an empty map.
pub(crate) fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    map_file(&file).map_err(Error::io("map", path))
}

/// Like [`map`], with the file's metadata from before.
pub(crate) fn map_with_metadata(path: &Path) -> Result<(Mmap, Metadata)> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let metadata = file.metadata().map_err(Error::io("read", path))?;
    let map = map_file(&file).map_err(Error::io("map", path))?;
    Ok((map, metadata))
}

#[allow(unsafe_code)]
fn map_file(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is unsound if another process truncates the file while it
    // is mapped. All files that are mapped here are outputs of rustc and of
    // linkers in a target directory, or part of the sysroot. rustc and this
    // crate replace them by renaming, and Cargo's build lock keeps a second
    // build out of the directory in the meantime.
    unsafe { Mmap::map(file) }
}

/// A temporary name beside `path`, on the same file system.
pub(crate) fn temporary_beside(path: &Path) -> Result<TempPath> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        // Other users may read what Cargo builds, if the umask lets them.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory)
        .map(NamedTempFile::into_temp_path)
        .map_err(Error::io("create a temporary file beside", path))
}

/// Gives a finished temporary file its final name.
pub(crate) fn persist(temporary: TempPath, path: &Path) -> Result<()> {
    temporary
        .persist(path)
        .map_err(|error| Error::io("rename a temporary file to", path)(error.error))
}

/// Writes `contents` to `path` in one step.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<()> {
    let temporary = temporary_beside(path)?;
    fs::write(&temporary, contents).map_err(Error::io("write", path))?;
    persist(temporary, path)
}

/// Bytes that replace others in an otherwise finished file, which no other process knows yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Their offset, in bytes from the start of the file.
    pub offset: u64,
    /// The bytes to write.
    pub bytes: Vec<u8>,
}

/// Writes these bytes into a file.
pub(crate) fn patch(path: &Path, patches: &[Patch]) -> Result<()> {
    if patches.is_empty() {
        return Ok(());
    }
    let describe = Error::io("write", path);
    let write = |file: File| {
        let mut patches = patches.iter();
        patches.try_for_each(|patch| file.write_all_at(&patch.bytes, patch.offset))
    };
    File::options()
        .write(true)
        .open(path)
        .and_then(write)
        .map_err(describe)
}

/// Makes `link` another name of `original`, and replaces a file of that name. If the file system
/// has no hard links, makes a copy.
pub(crate) fn link_or_copy(original: &Path, link: &Path) -> Result<()> {
    // rename(2) does nothing when both names are of one file, and so would leave
    // the temporary one.
    if is_same_file(original, link) {
        return Ok(());
    }
    replace(link, |temporary| {
        fs::hard_link(original, temporary).or_else(|_| fs::copy(original, temporary).map(drop))
    })
}

/// Makes `link` another name of the program `original`, and replaces a file of that name, in one
/// step. If the file system has no symbolic links, makes a hard link.
///
/// # Errors
/// When it has neither.
pub(crate) fn link(original: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|target| target == original) {
        return Ok(());
    }
    replace(link, |temporary| {
        std::os::unix::fs::symlink(original, temporary)
            .or_else(|_| fs::hard_link(original, temporary))
    })
}

/// Gives the name `link` in one step to the file that `make` puts under a temporary name.
fn replace(link: &Path, make: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
    let temporary = temporary_beside(link)?;
    fs::remove_file(&temporary).map_err(Error::io("remove", &*temporary))?;
    make(&temporary).map_err(Error::io("link", link))?;
    persist(temporary, link)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

/// Empties and makes the directory `path`, for files that only one link needs.
pub(crate) fn scratch_directory(path: PathBuf) -> Result<PathBuf> {
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("remove", &path)(error));
        }
        _ => {}
    }
    fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_maps_to_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("empty");
        fs::write(&path, b"").unwrap();
        assert_eq!(map(&path).unwrap().len(), 0);
    }

    #[test]
    fn a_mapped_file_survives_its_replacement() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("object");
        write(&path, b"old").unwrap();
        let mapped = map(&path).unwrap();
        write(&path, b"brand new").unwrap();
        assert_eq!(&mapped[..], b"old");
        assert_eq!(fs::read(&path).unwrap(), b"brand new");
    }

    #[test]
    fn a_symbolic_link_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let [one, other, name] = ["one", "other", "link"].map(|name| directory.path().join(name));
        for original in [&one, &one, &other] {
            fs::write(original, b"").unwrap();
            link(original, &name).unwrap();
            assert_eq!(&fs::read_link(&name).unwrap(), original);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn no_temporary_file_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let original = directory.path().join("original");
        write(&original, b"content").unwrap();
        for _ in 0..2 {
            link_or_copy(&original, &directory.path().join("link")).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["link", "original"]);
    }
}
