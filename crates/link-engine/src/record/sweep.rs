//! Removing shared objects of groups that nothing needs any more.
//!
//! A job removes the older contents of its own group ([`content`](crate::record::GroupFiles)). This
//! module goes through the groups of other builds: pools that other pools have replaced, and parts
//! of other selections of packages whose libraries were compiled again since. A content that an
//! executable in the target directory loads always stays.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::content::{self, NAME_PREFIX};
use super::facts;
use crate::Result;
use crate::record::GroupManifest;

/// Removes from `directory` the contents of pools whose stores are neither `recorded` nor `of_build`
/// and that no executable in one of `executable_directories` needs. Returns whether executables need
/// some.
///
/// The stores of this build count because another job may be making a pool at this moment. Such a
/// pool has neither a record nor an executable yet.
///
/// # Errors
/// When the directory cannot be listed or a file not be removed.
pub fn pools(
    directory: &Path,
    recorded: &HashSet<String>,
    of_build: &HashSet<String>,
    executable_directories: &[PathBuf],
) -> Result<bool> {
    let lives = |store: &str| recorded.contains(store) || of_build.contains(store);
    let is_dead = |store: &str| is_pool(store) && !lives(store);
    content::remove_stores(directory, is_dead, executable_directories)?;
    let mut is_needed = false;
    for name in content::file_names(directory)? {
        is_needed |= content::store_of(&name).is_some_and(is_dead);
        let store = name.strip_suffix(".facts");
        if store.is_some_and(is_dead) {
            content::remove(&directory.join(&name))?;
        }
    }
    Ok(is_needed)
}

/// Removes from `directory` the rest of parts of other builds. These are contents of stores that
/// are not among the `kept` ones and of which a library was compiled again, unless an executable in
/// one of `executable_directories` needs them; and manifests whose contents are gone.
///
/// # Errors
/// When the directory cannot be listed or a file not be removed.
pub fn parts(
    directory: &Path,
    kept: &HashSet<String>,
    executable_directories: &[PathBuf],
) -> Result<()> {
    let is_stale = |store: &str| {
        let facts = directory.join(format!("{store}.facts"));
        is_part(store) && !kept.contains(store) && facts::is_stale(&facts)
    };
    let names = content::file_names(directory)?;
    let stores = names.iter().filter_map(|name| content::store_of(name));
    let stores: HashSet<&str> = stores.collect();
    let stale: HashSet<&str> = stores.into_iter().filter(|store| is_stale(store)).collect();
    if stale.is_empty() {
        return Ok(());
    }
    content::remove_stores(
        directory,
        |store| stale.contains(store),
        executable_directories,
    )?;
    let left = content::file_names(directory)?;
    let left: HashSet<&str> = left
        .iter()
        .filter_map(|name| content::store_of(name))
        .collect();
    for store in stale.difference(&left) {
        content::remove(&directory.join(format!("{store}.facts")))?;
    }
    for name in names {
        if name.starts_with(NAME_PREFIX) && name.ends_with(".json") {
            let path = directory.join(name);
            let is_whole = GroupManifest::read(&path).is_ok_and(|manifest| {
                let mut objects = manifest.objects.iter();
                objects.all(|object| object.path(&path).exists())
            });
            if !is_whole {
                content::remove(&path)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn is_part(store: &str) -> bool {
    let name = store.strip_prefix(NAME_PREFIX);
    name.is_some_and(|name| name.starts_with(content::PART_PREFIX))
}

pub(crate) fn is_pool(store: &str) -> bool {
    let name = store.strip_prefix(NAME_PREFIX);
    name.is_some_and(|name| name.starts_with(content::POOL_PREFIX))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn stores(names: &[&str]) -> HashSet<String> {
        let names = names.iter();
        names
            .map(|name| format!("{NAME_PREFIX}{}{name}", content::POOL_PREFIX))
            .collect()
    }

    #[test]
    fn a_pool_stays_if_it_has_a_record_or_is_of_this_build() {
        let directory = tempfile::tempdir().unwrap();
        let add = |names: &[&str]| {
            for store in stores(names) {
                for name in [
                    format!("{store}_0123456789abcdef.so"),
                    format!("{store}.facts"),
                ] {
                    fs::write(directory.path().join(name), b"").unwrap();
                }
            }
        };
        // The job of `made` has linked the first of several shared objects.
        add(&["recorded", "made"]);
        let expected = content::file_names(directory.path()).unwrap();
        add(&["replaced"]);
        let is_needed = pools(
            directory.path(),
            &stores(&["recorded"]),
            &stores(&["made", "not yet"]),
            &[directory.path().to_owned()],
        );
        assert!(!is_needed.unwrap());
        assert_eq!(content::file_names(directory.path()).unwrap(), expected);
    }
}
