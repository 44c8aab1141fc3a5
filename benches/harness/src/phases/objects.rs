//! Shared objects of frozen crates in a target directory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// How names of their files begin.
const PREFIX: &str = "dynamic-deps-frozen-";

/// One of them, which may have several names.
#[derive(Clone, Debug, Default, PartialEq)]
struct Object {
    names: Vec<String>,
    bytes: u64,
}

/// The manifest that the fork writes beside a group.
#[derive(Debug, Deserialize)]
struct Manifest {
    objects: Vec<Linked>,
}

#[derive(Debug, Deserialize)]
struct Linked {
    /// One of the names of the shared object.
    soname: String,
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    /// Name of the file, which no other unit has.
    rlib: String,
}

/// All that are in the directory `deps` now, by inode: what is linked anew has another one.
fn objects(deps: &Path) -> Result<BTreeMap<u64, Object>> {
    let mut objects: BTreeMap<u64, Object> = BTreeMap::new();
    for (name, metadata) in files(deps, ".so")? {
        let object = objects.entry(metadata.ino()).or_default();
        object.bytes = metadata.len();
        object.names.push(name);
    }
    Ok(objects)
}

/// The rlibs in each, by soname. Nothing else here knows the form of the fork's files.
fn members(deps: &Path) -> Result<HashMap<String, Vec<String>>> {
    let mut members = HashMap::new();
    for (name, _) in files(deps, ".json")? {
        let path = deps.join(name);
        let describe = || format!("failed to read `{}`", path.display());
        let text = fs::read_to_string(&path).with_context(describe)?;
        let manifest: Manifest = serde_json::from_str(&text).with_context(describe)?;
        for object in manifest.objects {
            let rlibs = object.members.into_iter().map(|member| member.rlib);
            members.insert(object.soname, rlibs.collect());
        }
    }
    Ok(members)
}

fn files(deps: &Path, ending: &str) -> Result<Vec<(String, fs::Metadata)>> {
    let describe = || format!("failed to read `{}`", deps.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(deps).with_context(describe)? {
        let entry = entry.with_context(describe)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && name.ends_with(ending) {
            files.push((name, entry.metadata().with_context(describe)?));
        }
    }
    Ok(files)
}

/// Counts the shared objects that builds in one target directory link.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Inodes and sizes of the objects that were there before. A file system may give the inode of a removed object to
    /// another one.
    seen: HashSet<(u64, u64)>,
    /// How often each rlib was linked.
    links: HashMap<String, usize>,
}

/// The objects after a build.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Look {
    /// Objects that were not there before.
    pub(super) new: usize,
    /// Bytes of all that are there.
    pub(super) bytes: u64,
    /// The largest number of times that an rlib was linked since the directory was empty.
    pub(super) most_links: usize,
}

impl Tally {
    /// Looks at the directory `deps` after a build.
    pub(super) fn look(&mut self, deps: &Path) -> Result<Look> {
        let objects = objects(deps)?;
        let members = members(deps)?;
        let mut look = Look::default();
        for (inode, object) in &objects {
            look.bytes += object.bytes;
            if !self.seen.contains(&(*inode, object.bytes)) {
                look.new += 1;
                let rlibs = object.names.iter().find_map(|name| members.get(name));
                let rlibs = rlibs.with_context(|| {
                    format!(
                        "nothing beside `{}` says what is in it",
                        object.names.join("`, `")
                    )
                })?;
                for rlib in rlibs {
                    *self.links.entry(rlib.clone()).or_default() += 1;
                }
            }
        }
        let there = objects.iter().map(|(inode, object)| (*inode, object.bytes));
        self.seen = there.collect();
        look.most_links = self.links.values().copied().max().unwrap_or(0);
        Ok(look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves a group as the fork does: the object by two names, and what is in it.
    fn link(deps: &Path, key: &str, content: &str, rlibs: &[&str]) {
        let name = |rest: &str| deps.join(format!("{PREFIX}{key}{rest}"));
        let soname = format!("{PREFIX}{key}-{}.so", content.len());
        fs::write(deps.join(&soname), content).unwrap();
        let _ = fs::remove_file(name(".so"));
        fs::hard_link(deps.join(&soname), name(".so")).unwrap();
        let members: Vec<_> = rlibs
            .iter()
            .map(|rlib| serde_json::json!({ "name": rlib, "rlib": rlib }))
            .collect();
        let object = serde_json::json!({ "soname": soname, "members": members });
        let manifest = serde_json::json!({ "group": "frozen", "objects": [object] });
        fs::write(name(".json"), manifest.to_string()).unwrap();
    }

    #[test]
    fn objects_and_what_is_in_them_are_counted_once() {
        let directory = tempfile::tempdir().unwrap();
        let deps = directory.path();
        let mut tally = Tally::default();
        fs::write(deps.join("dynamic-deps-local-1.so"), "local").unwrap();
        link(deps, "1", "12345", &["a", "b"]);
        let look = |new, bytes, most_links| Look {
            new,
            bytes,
            most_links,
        };
        assert_eq!(tally.look(deps).unwrap(), look(1, 5, 1));
        assert_eq!(tally.look(deps).unwrap(), look(0, 5, 1));
        link(deps, "2", "1234567", &["b", "c"]);
        assert_eq!(tally.look(deps).unwrap(), look(1, 12, 2));
        fs::write(deps.join(format!("{PREFIX}3.so")), "?").unwrap();
        let error = tally.look(deps).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing beside `dynamic-deps-frozen-3.so` says what is in it"
        );
    }
}
