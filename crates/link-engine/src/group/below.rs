//! The groups below a group, as its link sees them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::effects::Surroundings;
use crate::Result;
use crate::elf::OpenReference;
use crate::elf::layout;
use crate::line::template::LinkTemplate;
use crate::record::{Effect, GroupManifest, Member, SharedObject, Stay};

/// The groups below, read from their manifests.
pub(super) struct BelowGroups {
    manifests: Vec<GroupManifest>,
    /// Their shared objects, dependents first.
    pub(super) objects: Vec<Rc<BelowObject>>,
}

/// A shared object below.
pub(super) struct BelowObject {
    pub(super) soname: String,
    members: Vec<BelowMember>,
    /// The name of the version of its layout.
    pub(super) layout: Option<String>,
    pub(super) path: PathBuf,
    pub(super) effects: BTreeSet<Effect>,
    pub(super) open_references: Vec<OpenReference>,
    /// Whether it is the one of the sysroot crates.
    pub(super) is_sysroot: bool,
}

/// A library in a shared object below.
pub(super) struct BelowMember {
    pub(super) rlib: String,
    pub(super) dependencies: Vec<String>,
    pub(super) unmangled_definitions: BTreeSet<String>,
}

impl BelowObject {
    pub(super) fn new(
        soname: String,
        path: PathBuf,
        members: Vec<BelowMember>,
        effects: BTreeSet<Effect>,
        open_references: Vec<OpenReference>,
        is_sysroot: bool,
    ) -> Result<Rc<BelowObject>> {
        Ok(Rc::new(BelowObject {
            soname,
            layout: layout::of(&path)?,
            path,
            members,
            effects,
            open_references,
            is_sysroot,
        }))
    }

    fn read(object: &SharedObject, manifest: &Path, is_sysroot: bool) -> Result<Rc<BelowObject>> {
        // All crates depend on the sysroot crates without naming them.
        let members = object.members.iter().filter(|_| !is_sysroot);
        let members = members.map(|member| BelowMember {
            rlib: member.rlib.clone(),
            dependencies: member.dependencies.clone(),
            unmangled_definitions: member.unmangled_definitions.clone(),
        });
        BelowObject::new(
            object.soname.clone(),
            object.path(manifest),
            members.collect(),
            object.effects.clone(),
            object.open_references.clone(),
            is_sysroot,
        )
    }

    /// The C names that only libraries outside of the `reached` ones define.
    pub(super) fn unseen_from(&self, reached: &HashSet<&str>) -> HashSet<String> {
        let (seen, unseen): (Vec<_>, Vec<_>) = self
            .members
            .iter()
            .partition(|member| reached.contains(&*member.rlib));
        let seen: HashSet<&String> = seen
            .into_iter()
            .flat_map(|member| &member.unmangled_definitions)
            .collect();
        let names = unseen.into_iter();
        names
            .flat_map(|member| &member.unmangled_definitions)
            .filter(|name| !seen.contains(name))
            .cloned()
            .collect()
    }
}

/// The rlibs in these shared objects on which a library with these dependencies depends, directly
/// or not.
pub(super) fn reached<'a: 'b, 'b>(
    dependencies: impl Iterator<Item = &'b String>,
    below: &'a [Rc<BelowObject>],
) -> HashSet<&'a str> {
    let members = below.iter().flat_map(|object| &object.members);
    let members = members.map(|member| (&*member.rlib, &*member.dependencies));
    reached_among(dependencies, &members.collect())
}

/// Those of the rlibs in `known`, given with their direct dependencies, on which a library with
/// these dependencies depends, directly or not.
pub(super) fn reached_among<'a: 'b, 'b>(
    dependencies: impl Iterator<Item = &'b String>,
    known: &HashMap<&'a str, &'a [String]>,
) -> HashSet<&'a str> {
    let mut reached = HashSet::new();
    let mut left: Vec<&str> = dependencies.map(String::as_str).collect();
    while let Some(rlib) = left.pop() {
        if let Some((&rlib, dependencies)) = known.get_key_value(rlib)
            && reached.insert(rlib)
        {
            left.extend(dependencies.iter().map(String::as_str));
        }
    }
    reached
}

impl BelowGroups {
    pub(super) fn read(paths: &[PathBuf]) -> Result<BelowGroups> {
        let mut below = BelowGroups {
            manifests: Vec::new(),
            objects: Vec::new(),
        };
        for path in paths {
            let manifest = GroupManifest::read(path)?;
            for object in &manifest.objects {
                below.objects.push(BelowObject::read(
                    object,
                    path,
                    manifest.template.is_some(),
                )?);
            }
            below.manifests.push(manifest);
        }
        Ok(below)
    }

    /// The template of links. `None` if no shared object could be made of the sysroot crates.
    pub(super) fn template(&self) -> Option<&LinkTemplate> {
        let mut usable = self
            .manifests
            .iter()
            .filter(|group| !group.objects.is_empty());
        usable.find_map(|group| group.template.as_ref())
    }

    /// The libraries below that stay.
    pub(super) fn stays(&self) -> Vec<Stay> {
        let stays = self.manifests.iter().flat_map(|group| &group.stays);
        stays.cloned().collect()
    }

    /// The libraries in shared objects, without the sysroot crates: all others depend on these
    /// without naming them.
    pub(super) fn members(&self) -> Vec<&Member> {
        let groups = self.manifests.iter();
        let of_crates = groups.filter(|group| group.template.is_none());
        of_crates.flat_map(GroupManifest::members).collect()
    }

    /// The libraries below by the file names of their rlibs, with the hashes of these.
    pub(super) fn hashes(&self) -> impl Iterator<Item = (&str, &str)> {
        let members = self.manifests.iter().flat_map(GroupManifest::members);
        let stays = self.manifests.iter().flat_map(|group| &group.stays);
        members
            .map(|member| (&*member.rlib, &*member.hash))
            .chain(stays.map(|stay| (&*stay.rlib, &*stay.hash)))
    }

    /// The facts that decide the effects of libraries above, which depend on the `reached` rlibs.
    pub(super) fn surroundings<'a>(
        &'a self,
        reached: &HashSet<&str>,
        platform: &'a HashSet<String>,
        shows_names: bool,
    ) -> Surroundings<'a> {
        let builtins = self
            .template()
            .map(|template| &template.builtin_definitions);
        let groups = self.manifests.iter();
        let members = groups.flat_map(|group| {
            let is_sysroot = group.template.is_some();
            let members = group.members();
            members.filter(move |member| is_sysroot || reached.contains(&*member.rlib))
        });
        let of_members = members.flat_map(|member| &member.unmangled_definitions);
        let defined = platform.iter().chain(builtins.into_iter().flatten());
        let objects = self.manifests.iter().flat_map(|group| &group.objects);
        let open = objects.clone().flat_map(|object| &object.open_references);
        let effects: HashMap<&str, &BTreeSet<Effect>> = objects
            .flat_map(|object| {
                let members = object.members.iter();
                members.map(|member| (&*member.rlib, &object.effects))
            })
            .collect();
        Surroundings {
            defined: defined.chain(of_members).map(String::as_str).collect(),
            open_below: open
                .filter(|reference| !reference.weak)
                .map(|reference| &*reference.name)
                .collect(),
            below: effects,
            shows_names,
        }
    }
}
