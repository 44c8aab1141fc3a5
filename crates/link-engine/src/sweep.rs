//! Removing shared objects of groups that nothing needs any more.
//!
//! A job removes the older contents of its own group ([`content`](crate::content)). What is here
//! goes through the groups of other builds: pools that others have taken the place of, and parts of
//! other selections of packages whose libraries were compiled again since. What an executable in the
//! target directory loads stays, whatever it is.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::content::{self, NAME_PREFIX};
use crate::manifest::GroupManifest;
use crate::{Result, group};

/// Removes from `directory` the contents of pools that are not among the `living` stores and that no
/// executable in one of `executable_directories` needs. Returns whether executables need some.
///
/// # Errors
/// When the directory cannot be listed or a file not be removed.
pub fn pools(
    directory: &Path,
    living: &HashSet<String>,
    executable_directories: &[PathBuf],
) -> Result<bool> {
    let is_dead = |store: &str| is_pool(store) && !living.contains(store);
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

/// Removes from `directory` what is left of groups of other builds: contents of which a library was
/// compiled again, unless an executable in one of `executable_directories` needs them, and manifests
/// of contents that are gone. The manifests in `kept` are those of this build.
///
/// # Errors
/// When the directory cannot be listed or a file not be removed.
pub fn other_builds(
    directory: &Path,
    kept: &[PathBuf],
    executable_directories: &[PathBuf],
) -> Result<()> {
    let kept: HashSet<&Path> = kept.iter().map(PathBuf::as_path).collect();
    let mut stale = HashSet::new();
    let mut manifests = Vec::new();
    for name in content::file_names(directory)? {
        let manifest = directory.join(&name);
        let is_manifest = name.starts_with(NAME_PREFIX) && name.ends_with(".json");
        if !is_manifest || kept.contains(&*manifest) {
            continue;
        }
        let facts = manifest.with_extension("facts");
        if facts.exists() && group::is_stale(&facts) {
            stale.insert(name.trim_end_matches(".json").to_owned());
        }
        manifests.push(manifest);
    }
    content::remove_stores(
        directory,
        |store| stale.contains(store),
        executable_directories,
    )?;
    for path in manifests {
        let is_whole = GroupManifest::read(&path).is_ok_and(|manifest| {
            let mut objects = manifest.objects.iter();
            objects.all(|object| object.path(&path).exists())
        });
        if !is_whole {
            content::remove(&path.with_extension("facts"))?;
            content::remove(&path)?;
        }
    }
    Ok(())
}

fn is_pool(store: &str) -> bool {
    let name = store.strip_prefix(NAME_PREFIX);
    name.is_some_and(|name| name.starts_with(content::POOL_PREFIX))
}
