//! The inventory of a target directory: executables, the shared objects of groups, and the records
//! about their links.
//!
//! Taking an inventory builds, locks and changes nothing. Another process may build at the same
//! time, so a file may go after we have listed its directory and before we read it. The inventory
//! lists a file that cannot be read as [damaged](Inventory::damaged), and is otherwise without it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Serialize;

use super::content::{self, NAME_PREFIX};
use super::wrapper::{FALLBACK_FILE, LINKED_FILE, LinkTask, TASK_FILE, WrapperTask};
use super::{Fallback, GroupManifest, Making, read_json, sweep};
use crate::Error;

/// The directories in which an inventory is taken.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Those of groups.
    pub groups: Vec<PathBuf>,
    /// Those of executables. The order decides which name of a file comes first.
    pub executables: Vec<PathBuf>,
    /// Those of linker wrappers.
    pub wrappers: Vec<WrapperPlace>,
}

/// Where a linker wrapper is, and where it links: executables of one name may be in several
/// directories, where each unit has its own.
#[derive(Debug, Clone)]
pub struct WrapperPlace {
    /// The directory of the wrapper.
    pub directory: PathBuf,
    /// The directories of which one has the executable.
    pub outputs: Vec<PathBuf>,
}

/// The inventory.
#[derive(Debug, Default)]
pub struct Inventory {
    /// By name.
    pub executables: Vec<Executable>,
    /// The shared objects of groups: parts, pools, and that of the sysroot crates, each by name.
    pub objects: Vec<Object>,
    /// The groups that an executable was linked against, each as it is now.
    pub groups: Vec<Group>,
    /// The errors of files that could not be read.
    pub damaged: Vec<Error>,
}

/// An executable with at least one shared library, such as the C library.
#[derive(Debug)]
pub struct Executable {
    /// Its names, of which reports use the first.
    pub paths: Vec<PathBuf>,
    /// Its size.
    pub bytes: u64,
    /// The shared libraries for which it asks the loader, in order.
    pub needs: Vec<String>,
    /// The facts about its link. None for an executable that was never meant to be linked
    /// dynamically.
    pub link: Option<Link>,
}

/// The facts about the link of an executable.
#[derive(Debug)]
pub struct Link {
    /// The task of the linker wrapper.
    pub task: LinkTask,
    /// How long it took.
    pub making: Option<Making>,
    /// Why it is static after all.
    pub fallback: Option<Fallback>,
}

/// A shared object of a group.
#[derive(Debug)]
pub struct Object {
    /// Its soname.
    pub soname: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size, with that of the file beside it for binding it anew.
    pub bytes: u64,
    /// The kind of its libraries.
    pub kind: Kind,
    /// The name of its group for people. None for an older content, which no manifest names.
    pub group: Option<String>,
    /// The libraries in it, by name.
    pub libraries: BTreeSet<String>,
    /// The link that it comes from.
    pub making: Option<Making>,
    /// When it was made or last found on disk by a build, in seconds since 1970 (UTC).
    pub modified: u64,
    /// The executables that load it, by their index.
    pub users: Vec<usize>,
    /// Whether a group of an executable has it now, so that a build would make it again.
    pub is_current: bool,
}

/// The kind of the libraries in a shared object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Local libraries.
    Part,
    /// Frozen libraries.
    Pool,
    /// The sysroot crates.
    Sysroot,
}

/// A group, and where its manifest is.
#[derive(Debug)]
pub struct Group {
    /// The manifest's path.
    pub path: PathBuf,
    /// Its content.
    pub manifest: GroupManifest,
}

impl Executable {
    /// The shared objects of groups that it loads.
    pub fn groups(&self) -> impl Iterator<Item = &String> {
        let needs = self.needs.iter();
        needs.filter(|soname| soname.starts_with(NAME_PREFIX))
    }

    /// The path for reports.
    ///
    /// # Panics
    /// Never: each executable has a path.
    pub fn path(&self) -> &Path {
        &self.paths[0]
    }

    /// Its name for people, if a build has recorded it.
    pub fn name(&self) -> Option<&str> {
        let executable = self.link.as_ref()?.task.executable.as_ref()?;
        Some(&executable.name)
    }

    /// The link that it comes from, if that is known.
    pub fn making(&self) -> Option<&Making> {
        self.link.as_ref()?.making.as_ref()
    }

    /// Whether it loads shared objects of groups.
    pub fn is_dynamic(&self) -> bool {
        self.groups().next().is_some()
    }
}

impl Object {
    /// Whether nothing needs it: no executable loads it, and no build looks for it.
    pub fn is_unneeded(&self) -> bool {
        self.users.is_empty() && !self.is_current
    }

    /// When it was made, or else last found on disk.
    pub fn made_at(&self) -> u64 {
        let making = self.making.as_ref();
        making.map_or(self.modified, |making| making.at)
    }
}

impl Inventory {
    /// Takes the inventory. A directory that is not there counts as empty.
    pub fn take(places: &Places) -> Inventory {
        let mut inventory = Inventory::default();
        inventory.read_executables(&places.executables);
        inventory.read_links(&places.wrappers);
        for directory in &places.groups {
            inventory.read_groups(directory);
        }
        let order = |object: &Object| (object.kind, object.group.is_none());
        inventory
            .objects
            .sort_by(|a, b| (order(a), &a.group, &a.soname).cmp(&(order(b), &b.group, &b.soname)));
        inventory
    }

    /// Whether nothing in it concerns groups.
    pub fn is_empty(&self) -> bool {
        let links = self.executables.iter().any(|one| one.link.is_some());
        !links && self.objects.is_empty() && self.damaged.is_empty()
    }

    /// The shared objects that nothing needs.
    pub fn unneeded(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(|object| object.is_unneeded())
    }

    fn read_executables(&mut self, directories: &[PathBuf]) {
        let mut files: BTreeMap<(u64, u64), Executable> = BTreeMap::new();
        for entry in directories.iter().flat_map(|directory| entries(directory)) {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            // Names of one file are hard links.
            let id = (metadata.dev(), metadata.ino());
            if let Some(known) = files.get_mut(&id) {
                known.paths.push(entry.path());
            } else if let Some(needs) = content::needs_of(&entry) {
                let executable = Executable {
                    paths: vec![entry.path()],
                    bytes: metadata.len(),
                    needs,
                    link: None,
                };
                files.insert(id, executable);
            }
        }
        self.executables = files.into_values().collect();
        self.executables.sort_by(|a, b| a.paths.cmp(&b.paths));
    }

    fn read_links(&mut self, wrappers: &[WrapperPlace]) {
        for WrapperPlace { directory, outputs } in wrappers {
            let Some(WrapperTask::Link(task)) = self.read(&directory.join(TASK_FILE)) else {
                continue;
            };
            let Some(executable) = &task.executable else {
                continue;
            };
            let is_it = |path: &PathBuf| {
                let mut outputs = outputs.iter();
                outputs.any(|output| *path == output.join(&executable.file))
            };
            let mut executables = self.executables.iter();
            let index = executables.position(|executable| executable.paths.iter().any(is_it));
            // If there is none, the executable was removed.
            if let Some(index) = index {
                let making = self.read(&directory.join(LINKED_FILE));
                let fallback = self.read(&directory.join(FALLBACK_FILE));
                self.executables[index].link = Some(Link {
                    task,
                    making,
                    fallback,
                });
            }
        }
    }

    fn read_groups(&mut self, directory: &Path) {
        let Ok(mut names) = content::file_names(directory).map(Vec::from_iter) else {
            return;
        };
        names.sort();
        let mut manifests = Vec::new();
        for name in &names {
            if name.starts_with(NAME_PREFIX) && name.ends_with(".json") {
                let path = directory.join(name);
                if let Some(manifest) = self.read(&path) {
                    manifests.push(Group { path, manifest });
                }
            }
        }
        // Manifests in use come first, so that they decide the kind of an object.
        manifests.sort_by_key(|group| !self.is_used(group));
        for name in &names {
            if let Some(kind) = content::store_of(name).and_then(kind) {
                let object = self.object(name, &directory.join(name), kind, &manifests);
                self.objects.extend(object);
            }
        }
        manifests.retain(|group| self.is_used(group));
        self.groups.extend(manifests);
    }

    /// Whether an executable that is there was linked against a group.
    fn is_used(&self, group: &Group) -> bool {
        let links = self.executables.iter().flat_map(|one| &one.link);
        let mut used = links.flat_map(|link| &link.task.manifests);
        used.any(|path| path.file_name() == group.path.file_name())
    }

    fn object(&self, soname: &str, path: &Path, kind: Kind, groups: &[Group]) -> Option<Object> {
        let metadata = fs::metadata(path).ok()?;
        let beside = fs::metadata(content::unbound_of(path));
        let modified = metadata.modified().ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let told: Vec<_> = groups
            .iter()
            .flat_map(|group| {
                let objects = group.manifest.objects.iter();
                objects.map(move |object| (group, object))
            })
            .filter(|(_, object)| object.soname == soname)
            .collect();
        let users = self.executables.iter().enumerate();
        Some(Object {
            bytes: metadata.len() + beside.map_or(0, |metadata| metadata.len()),
            group: told.first().map(|(group, _)| group.manifest.group.clone()),
            is_current: told.iter().any(|(group, _)| self.is_used(group)),
            libraries: told
                .first()
                .into_iter()
                .flat_map(|(_, object)| &object.members)
                .map(|member| member.name.clone())
                .collect(),
            making: told.iter().find_map(|(_, object)| object.making.clone()),
            modified: modified.unwrap_or_default().as_secs(),
            users: users
                .filter(|(_, executable)| executable.needs.iter().any(|need| need == soname))
                .map(|(index, _)| index)
                .collect(),
            soname: soname.to_owned(),
            path: path.to_owned(),
            kind,
        })
    }

    /// Reads a file that may be absent.
    fn read<T: serde::de::DeserializeOwned>(&mut self, path: &Path) -> Option<T> {
        if !path.exists() {
            return None;
        }
        match read_json(path) {
            Ok(value) => Some(value),
            Err(error) => {
                self.damaged.push(error);
                None
            }
        }
    }
}

fn kind(store: &str) -> Option<Kind> {
    if sweep::is_part(store) {
        Some(Kind::Part)
    } else if sweep::is_pool(store) {
        Some(Kind::Pool)
    } else {
        let name = store.strip_prefix(NAME_PREFIX)?;
        name.starts_with("sysroot-").then_some(Kind::Sysroot)
    }
}

/// The entries of a directory, by name.
fn entries(directory: &Path) -> Vec<fs::DirEntry> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_cached_key(|entry| entry.file_name());
    entries
}

#[cfg(test)]
mod tests;
