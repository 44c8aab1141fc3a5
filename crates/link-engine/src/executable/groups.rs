//! The groups that a line uses.

use std::collections::HashSet;
use std::fs;
use std::mem;
use std::path::Path;

use memmap2::Mmap;
use tracing::debug_span;

use super::fit;
use super::rewrite::GroupInput;
use super::unfit::Unfit;
use crate::line::template::LinkTemplate;
use crate::record::wrapper::LinkTask;
use crate::record::{Fallback, GroupManifest, SharedObject};
use crate::stub::{self, Shown, Wanted};
use crate::system::{files, parallel};
use crate::{Error, Result};

/// A shared object of a group that a line uses.
pub(super) struct Group {
    /// The name of its group for people.
    pub(super) name: String,
    pub(super) object: SharedObject,
    /// The template of links, if it holds the sysroot crates.
    pub(super) template: Option<LinkTemplate>,
    /// The symbols that only members outside of the line define. The program does not see them.
    pub(super) unseen: HashSet<String>,
    pub(super) input: GroupInput,
    /// The bytes of the shared object, mapped once: for every further map, the kernel would look up
    /// its pages again.
    pub(super) bytes: Mmap,
}

impl Group {
    /// Hides from the program the names of members that are not on the line.
    fn leave_to(&mut self, on_line: &HashSet<String>) {
        let mut seen = HashSet::new();
        for member in &mut self.object.members {
            if on_line.contains(&member.rlib) {
                seen.extend(member.unmangled_definitions.iter().cloned());
            } else {
                self.unseen
                    .extend(mem::take(&mut member.unmangled_definitions));
            }
        }
        self.unseen.retain(|name| !seen.contains(name));
    }

    /// Reads something of the shared object, which an error names.
    pub(super) fn read<T>(&self, read: impl FnOnce(&[u8]) -> object::read::Result<T>) -> Result<T> {
        read(&self.bytes).map_err(Error::object(&self.input.shared_object))
    }
}

/// Whether one of the groups has the library of an rlib, by the name of its file.
pub(super) fn have_member(groups: &[Group], rlib: &Path) -> bool {
    let name = rlib.file_name().unwrap_or_default().to_string_lossy();
    let mut groups = groups.iter();
    groups.any(|group| group.input.members.contains(&*name))
}

/// Interface stubs in the place of the shared objects, if all of them can have one.
pub(super) fn stubs(
    wanted: Wanted<'_>,
    groups: &[Group],
    scratch: &Path,
) -> Result<Option<Vec<GroupInput>>> {
    let stub = |group: &Group| {
        let soname = &group.object.soname;
        let open_references = &group.object.open_references;
        let shown = Shown {
            wanted,
            unseen: Some(&group.unseen),
        };
        let stub = group.read(|bytes| stub::bytes(bytes, soname, shown, open_references))?;
        let Some(stub) = stub else {
            return Ok(None);
        };
        let path = scratch.join(soname);
        fs::write(&path, stub).map_err(Error::io("write", &path))?;
        Ok(Some(GroupInput {
            shared_object: path,
            members: group.input.members.clone(),
        }))
    };
    let _writing = debug_span!("stubs").entered();
    // A look-up of names mostly waits for memory.
    parallel::map(groups, stub).into_iter().collect()
}

/// The groups of a line.
pub(super) struct OnLine {
    /// The shared objects that it uses, dependents first: those with a library on the line, and
    /// those that they need. rustc leaves out a library that the program names nowhere, so a shared
    /// object may have no library on the line. None at all if every library stays.
    pub(super) groups: Vec<Group>,
    /// All groups that were planned for it.
    pub(super) manifests: Vec<GroupManifest>,
}

impl OnLine {
    pub(super) fn read(task: &LinkTask, on_line: &HashSet<String>) -> Result<OnLine, Fallback> {
        let mut needed: HashSet<String> = HashSet::new();
        let mut groups = Vec::new();
        let mut manifests = Vec::new();
        for path in &task.manifests {
            let manifest = GroupManifest::read(path)?;
            for object in &manifest.objects {
                let members: HashSet<String> = object
                    .members
                    .iter()
                    .map(|member| member.rlib.clone())
                    .collect();
                if members.is_disjoint(on_line) && !needed.contains(&object.soname) {
                    continue;
                }
                if manifest.template.is_some() {
                    fit::check_sysroot(&members, on_line)?;
                }
                needed.extend(object.needs.iter().cloned());
                let shared_object = object.path(path);
                groups.push(Group {
                    name: manifest.group.clone(),
                    bytes: files::map(&shared_object)?,
                    unseen: HashSet::new(),
                    template: manifest.template.clone(),
                    object: object.clone(),
                    input: GroupInput {
                        shared_object,
                        members,
                    },
                });
                if let Some(group) = groups.last_mut() {
                    group.leave_to(on_line);
                }
            }
            manifests.push(manifest);
        }
        if groups.is_empty() && manifests.iter().any(|group| !group.objects.is_empty()) {
            return Err(Unfit::NoMember.into());
        }
        Ok(OnLine { groups, manifests })
    }
}
