//! The files of a group. Each *content*, a shared object of the group, has a name with a hash of
//! everything that it was made from.
//!
//! An executable asks the loader for the soname that it was linked against. If that name stayed the
//! same while the group changed, an executable that was not rebuilt would run its old code against
//! new code, with other types behind the same symbol names. So the soname holds a key of the
//! content, and the older content stays on disk as long as an executable needs it.
//!
//! ```text
//! deps/
//!   dynamic-deps-local-<unit>.json                manifest: the group as it is now
//!   dynamic-deps-local-part.<part>.facts          facts about its libraries
//!   dynamic-deps-local-part.<part>_<key>.so       a shared object, under its soname
//!   dynamic-deps-local-part.<part>_<key>.unbound  bytes that binding has overwritten in it
//!   dynamic-deps-local-part.<part>_<old key>.so   needed by an executable that was not rebuilt
//! ```
//!
//! Several manifests can name the same contents, since the same libraries make a part or a pool in
//! builds of several selections. A *store* is the beginning of the names of these contents. No name
//! ends in a `-` and the 16 digits of a unit hash: tools that remove leftovers of Cargo
//! (cargo-sweep 0.8) would take such a file for that of a unit, and do not know when an executable
//! needs it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::elf::DynamicInfo;
use crate::{Error, Result};

/// The beginning of the names of all files of groups. No crate has a name like it, so rustc does
/// not take the files for libraries.
pub const NAME_PREFIX: &str = "dynamic-deps-";

/// The next part of the names of the stores of pools.
pub(crate) const POOL_PREFIX: &str = "frozen-pool.";

/// The next part of the names of the stores of parts.
pub(crate) const PART_PREFIX: &str = "local-part.";

/// The extension of the file with the bytes that binding has overwritten in a content.
const UNBOUND: &str = "unbound";

/// Hexadecimal digits of a [`ContentKey`] in a file name.
const KEY_DIGITS: usize = 16;

/// Hash of everything that a shared object is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentKey(String);

impl ContentKey {
    /// The key of the bytes in `hasher`.
    pub fn new(hasher: &blake3::Hasher) -> ContentKey {
        ContentKey(hasher.finalize().to_hex()[..KEY_DIGITS].to_owned())
    }

    /// Its digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The files of one group. The stems must not be the name of a library file, or
/// rustc would look into it for crates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFiles {
    directory: PathBuf,
    stem: String,
    store: String,
}

impl GroupFiles {
    /// The files in `directory` whose names begin with `stem`.
    pub fn new(directory: impl Into<PathBuf>, stem: impl Into<String>) -> GroupFiles {
        let stem = stem.into();
        GroupFiles {
            directory: directory.into(),
            store: stem.clone(),
            stem,
        }
    }

    /// The same, with contents whose names begin with `store`.
    pub fn with_store(self, store: impl Into<String>) -> GroupFiles {
        GroupFiles {
            store: store.into(),
            ..self
        }
    }

    /// The same, with the contents of the pool of that name.
    pub fn of_pool(self, pool: impl std::fmt::Display) -> GroupFiles {
        self.with_store(format!("{NAME_PREFIX}{POOL_PREFIX}{pool}"))
    }

    /// The same, with the contents of the part of that name.
    pub fn of_part(self, part: impl std::fmt::Display) -> GroupFiles {
        self.with_store(format!("{NAME_PREFIX}{PART_PREFIX}{part}"))
    }

    /// The beginning of the names of the contents.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// The beginning of the name of the manifest.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// The directory of all of them.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.directory.join(format!("{}.json", self.stem))
    }

    /// The facts about the libraries in the store.
    pub fn facts(&self) -> PathBuf {
        self.directory.join(format!("{}.facts", self.store))
    }

    /// The soname of the content `key`.
    pub fn soname(&self, key: &ContentKey) -> String {
        format!("{}_{}.so", self.store, key.0)
    }

    /// The shared object with the content `soname`.
    pub fn content(&self, soname: &str) -> PathBuf {
        self.directory.join(soname)
    }

    /// All contents of the store, including those that only executables need which were not built
    /// again.
    ///
    /// # Errors
    /// When the group's directory cannot be listed.
    pub fn contents(&self) -> Result<Vec<PathBuf>> {
        let mut names = self.names()?.into_iter().collect::<Vec<_>>();
        names.retain(|name| self.is_content(name));
        names.sort();
        Ok(names.iter().map(|name| self.content(name)).collect())
    }

    /// The file with the bytes that binding has overwritten in the content `soname`.
    pub(crate) fn unbound(&self, soname: &str) -> PathBuf {
        unbound_of(&self.content(soname))
    }

    /// Removes the contents of the store that no executable needs and that are not `current`.
    ///
    /// An executable is any file in `executable_directories` that the loader
    /// would take. A file that cannot be read counts as no executable.
    ///
    /// # Errors
    /// When the group's directory cannot be listed or a file not be removed.
    pub fn remove_unneeded(
        &self,
        current: &HashSet<&str>,
        executable_directories: &[PathBuf],
    ) -> Result<()> {
        let is_older = |name: &str| !current.contains(name) && self.is_content(name);
        remove_contents(&self.directory, is_older, executable_directories)
    }

    /// Removes the temporary files of jobs that were killed. Only the job that writes to these
    /// files may call it.
    ///
    /// # Errors
    /// When the group's directory cannot be listed or a file not be removed.
    pub fn remove_leftovers(&self) -> Result<()> {
        let temporary = format!(".{}_", self.store);
        let mut names = self.names()?;
        names.retain(|name| name.starts_with(&temporary));
        names.iter().try_for_each(|name| self.remove(name))
    }

    fn names(&self) -> Result<HashSet<String>> {
        file_names(&self.directory)
    }

    fn remove(&self, name: &str) -> Result<()> {
        remove(&self.directory.join(name))
    }

    fn is_content(&self, name: &str) -> bool {
        store_of(name).is_some_and(|store| store == self.store)
    }
}

/// Removes from `directory` the contents of those stores that no executable in one of
/// `executable_directories` needs.
///
/// # Errors
/// When the directory cannot be listed or a file not be removed.
pub(crate) fn remove_stores(
    directory: &Path,
    is_removed: impl Fn(&str) -> bool,
    executable_directories: &[PathBuf],
) -> Result<()> {
    let is_older = |name: &str| store_of(name).is_some_and(&is_removed);
    remove_contents(directory, is_older, executable_directories)
}

fn remove_contents(
    directory: &Path,
    is_older: impl Fn(&str) -> bool,
    executable_directories: &[PathBuf],
) -> Result<()> {
    let mut older = file_names(directory)?;
    older.retain(|name| is_older(name));
    let mut seen = HashSet::new();
    for directory in executable_directories {
        if !older.is_empty() && seen.insert(directory) {
            keep_needed(directory, &mut older);
        }
    }
    older
        .iter()
        .try_for_each(|soname| remove_content(directory, soname))
}

/// Removes a content and the file beside it.
fn remove_content(directory: &Path, soname: &str) -> Result<()> {
    let path = directory.join(soname);
    remove(&path)?;
    remove(&unbound_of(&path))
}

/// The file beside a content, with the bytes that binding has overwritten.
pub(crate) fn unbound_of(content: &Path) -> PathBuf {
    content.with_extension(UNBOUND)
}

/// Removes from `directory` the contents of groups that no executable in it needs and that
/// are not `current`.
///
/// # Errors
/// When the directory cannot be listed or a file not be removed.
pub(crate) fn remove_unneeded_in(directory: &Path, current: &HashSet<String>) -> Result<()> {
    let mut older = file_names(directory)?;
    older.retain(|name| store_of(name).is_some() && !current.contains(name));
    keep_needed(directory, &mut older);
    older
        .iter()
        .try_for_each(|name| remove(&directory.join(name)))
}

/// The store of a content, by its file name.
pub(crate) fn store_of(name: &str) -> Option<&str> {
    let (store, key) = name.strip_suffix(".so")?.rsplit_once('_')?;
    (store.starts_with(NAME_PREFIX) && is_key(key)).then_some(store)
}

fn is_key(text: &str) -> bool {
    text.len() == KEY_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(crate) fn file_names(directory: &Path) -> Result<HashSet<String>> {
    let entries = fs::read_dir(directory).map_err(Error::io("list", directory))?;
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect())
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Takes out of `sonames` those that the executables in `directory` need.
fn keep_needed(directory: &Path, sonames: &mut HashSet<String>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        if sonames.is_empty() {
            return;
        }
        for soname in needs_of(&entry).unwrap_or_default() {
            sonames.remove(&soname);
        }
    }
}

/// The sonames that a file of a directory needs, if the loader would take it for an executable.
pub(crate) fn needs_of(entry: &fs::DirEntry) -> Option<Vec<String>> {
    if !may_be_executable(&entry.file_name()) || !entry.file_type().ok()?.is_file() {
        return None;
    }
    Some(DynamicInfo::read(&entry.path()).ok()??.needed)
}

/// Most files beside the executables are libraries and their metadata; telling
/// them by name saves opening them.
fn may_be_executable(name: &OsStr) -> bool {
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    !matches!(
        extension,
        Some(
            "rlib"
                | "rmeta"
                | "d"
                | "so"
                | "json"
                | "facts"
                | "unbound"
                | "o"
                | "a"
                | "dwp"
                | "dwo"
        )
    )
}

#[cfg(test)]
mod tests;
