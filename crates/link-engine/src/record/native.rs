//! The native libraries of a group, as its link found them.
//!
//! Cargo does not know their files, so nothing tells it when one changes. A manifest says where the
//! linker looked and what it found, and [`NativeLibrary::changed_file`] looks there again.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use crate::elf::{self, DynamicInfo};
use crate::line::search::find_native;
use crate::rlib::{Stamp, is_settled, nanoseconds};
use crate::system::files;
use crate::{Error, Result};

/// A native library that a group was linked with, or whose archive was read for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeLibrary {
    /// Its name, as behind the `-l` of a linker.
    pub name: String,
    /// DT_SONAME of the shared library that was found under the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soname: Option<String>,
    /// The directories in which the linker looks, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<PathBuf>,
    /// The file that was found under the name. If that is a linker script, the files that it names
    /// follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<NativeFile>,
}

/// The file of a native library, as it was when a group was linked with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeFile {
    /// The name under which it was found, as behind the `-l` of a linker.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// The properties by which we recognise it.
    pub stamp: Stamp,
    /// When its content or its properties last changed, in nanoseconds since 1970. No program can
    /// set that time, so it also tells apart files whose times of modification are all the same, as
    /// in the store of Nix. `None` if it was read so shortly after that it may change and keep this
    /// time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<i64>,
    /// Hash of everything in it that decides about a link, in hexadecimal digits.
    pub content: String,
}

impl NativeLibrary {
    /// The file that a link would take now, if it is another one than that of the record.
    ///
    /// If no file is found any more, nothing has changed: somebody may have moved the target
    /// directory with the library. If another file is found instead, a link takes that one. After a
    /// move, that costs one job, which finds the shared objects on disk.
    pub(super) fn changed_file(&self) -> Option<PathBuf> {
        if self.files.is_empty() {
            return find_native(&self.directories, &self.name);
        }
        self.files.iter().find_map(|file| {
            let found = find_native(&self.directories, &file.name)?;
            (found != file.path || file.has_changed()).then_some(found)
        })
    }
}

impl NativeFile {
    /// The file at `path`, which was found under `name`, as it is now; and its bytes.
    ///
    /// # Errors
    /// When it cannot be read, or is a malformed shared library.
    pub(crate) fn read(name: &str, path: PathBuf) -> Result<(NativeFile, Mmap)> {
        // The metadata are from before we read it, so that any later change shows.
        let (bytes, metadata) = files::map_with_metadata(&path)?;
        let changed = changed(&metadata);
        let file = NativeFile {
            name: name.to_owned(),
            stamp: Stamp::of(&metadata),
            changed: is_settled(changed, SystemTime::now()).then_some(changed),
            content: content(&path, &bytes)?,
            path,
        };
        Ok((file, bytes))
    }

    /// Whether there is a file with other content at its path now. We read the file only if it may
    /// be a copy, since a cache may have restored the target directory.
    fn has_changed(&self) -> bool {
        let Ok(metadata) = fs::metadata(&self.path) else {
            return false;
        };
        let stamp = Stamp::of(&metadata);
        if stamp == self.stamp && self.changed == Some(changed(&metadata)) {
            return false;
        }
        let has_same_content = || {
            let bytes = files::map(&self.path)?;
            Ok::<_, Error>(content(&self.path, &bytes)? == self.content)
        };
        !stamp.may_be_copy(&self.stamp) || !has_same_content().unwrap_or_default()
    }
}

fn changed(metadata: &Metadata) -> i64 {
    nanoseconds(metadata.ctime(), metadata.ctime_nsec())
}

/// Hash of the file. Of a shared library with a soname, only of that and its
/// [interface](crate::elf::interface_hash): the loader takes its code when the program starts.
fn content(path: &Path, bytes: &[u8]) -> Result<String> {
    let info = DynamicInfo::parse(bytes).map_err(Error::object(path))?;
    let soname = info.and_then(|info| info.soname);
    let interface = match soname {
        Some(_) => elf::interface_hash(bytes).map_err(Error::object(path))?,
        None => None,
    };
    let hash = match (soname, interface) {
        (Some(soname), Some(interface)) => {
            let mut hasher = blake3::Hasher::new();
            hasher.update(interface.as_bytes());
            hasher.update(soname.as_bytes());
            hasher.finalize()
        }
        _ => blake3::hash(bytes),
    };
    Ok(hash.to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// All files that this makes have this time.
    fn write(path: &Path, content: &str) {
        fs::write(path, content).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1))
            .unwrap();
    }

    #[test]
    fn files_of_one_time_are_told_apart_by_their_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("libone.a");
        let other = directory.path().join("other");
        let replace = |content| {
            write(&other, content);
            fs::rename(&other, &path).unwrap();
        };
        replace("one");
        let (file, bytes) = NativeFile::read("one", path.clone()).unwrap();
        assert_eq!(&bytes[..], b"one");
        // It has just been written.
        assert_eq!(file.changed, None);
        assert!(!file.has_changed());
        let metadata = fs::metadata(&path).unwrap();
        let settled = NativeFile {
            changed: Some(changed(&metadata)),
            ..file.clone()
        };
        assert!(!settled.has_changed());

        replace("two");
        assert_eq!(Stamp::of_file(&path).unwrap().modified, 1_000_000_000);
        assert!(file.has_changed() && settled.has_changed());
        replace("one");
        assert!(!file.has_changed() && !settled.has_changed());
        replace("longer");
        assert!(file.has_changed() && settled.has_changed());

        fs::remove_file(&path).unwrap();
        assert!(!file.has_changed() && !settled.has_changed());
    }

    #[test]
    fn a_file_that_was_just_written_is_told_by_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("libone.a");
        write(&path, "one");
        let (file, _) = NativeFile::read("one", path.clone()).unwrap();
        // The same inode, and maybe the same time.
        write(&path, "two");
        assert!(file.has_changed());
    }

    #[test]
    fn a_file_with_the_same_stamp_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("libone.a");
        write(&path, "one");
        let (mut file, _) = NativeFile::read("one", path.clone()).unwrap();
        file.changed = Some(changed(&fs::metadata(&path).unwrap()));
        file.content.clear();
        assert!(!file.has_changed());
    }
}
