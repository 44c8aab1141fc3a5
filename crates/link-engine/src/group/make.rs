//! The shared objects of a group, one after the other: on disk already, bound anew, or linked.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use super::archives::{Archive, is_archive};
use super::below::{BelowMember, BelowObject};
use super::inputs::Input;
use super::key::content_key;
use super::native::{NativeInput, native_inputs};
use super::{BeforeLink, GroupJob, Lasting};
use crate::elf::{self, DynamicInfo, OpenReference};
use crate::finish::constructors;
use crate::line::search::LibrarySearch;
use crate::line::template::LinkTemplate;
use crate::record::{
    Binding, ContentKey, Effect, GroupManifest, Making, NativeLibrary, SharedObject,
};
use crate::rlib::Constructor;
use crate::{Error, Result};

/// A job with the template of links.
pub(super) struct GroupLink<'a> {
    pub(super) job: &'a GroupJob,
    pub(super) template: &'a LinkTemplate,
    pub(super) search: LibrarySearch<'a>,
    pub(super) packs_relocations: bool,
    /// The shared objects in the manifest of an earlier build, which we may only have to bind anew.
    pub(super) earlier: Vec<SharedObject>,
}

/// A shared object on disk.
pub(super) struct MadeObject {
    pub(super) soname: String,
    pub(super) effects: BTreeSet<Effect>,
    pub(super) needs: Vec<String>,
    pub(super) binding: Option<Binding>,
    pub(super) native_libraries: Vec<NativeLibrary>,
    pub(super) unbundled: Vec<NativeLibrary>,
    pub(super) open_references: Vec<OpenReference>,
    pub(super) making: Option<Making>,
    /// See [`constructors::distances`].
    pub(super) constructors: HashMap<String, i64>,
}

/// The shared objects of all members, each with its rlibs and after those that it needs; and the
/// steps that made them.
pub(super) type MadeAll = (Vec<(MadeObject, Vec<String>)>, Vec<String>);

/// A shared object to be made.
pub(super) struct Object<'a> {
    pub(super) members: &'a [&'a Input],
    effects: &'a BTreeSet<Effect>,
    /// The shared objects below it, dependents first.
    pub(super) below: Vec<Rc<BelowObject>>,
    /// The symbols that shared objects below the group take from executables.
    pub(super) open_below: &'a HashSet<String>,
    pub(super) native: Vec<NativeInput>,
    pub(super) native_search: Vec<PathBuf>,
}

impl<'a> GroupLink<'a> {
    pub(super) fn new(job: &'a GroupJob, template: &'a LinkTemplate) -> Self {
        GroupLink {
            job,
            template,
            search: LibrarySearch::new(template, &job.working_directory, &job.environment),
            packs_relocations: template.packs_relocations,
            // A manifest that cannot be read is ignored.
            earlier: GroupManifest::read(&job.files.manifest())
                .map_or_else(|_| Vec::new(), |manifest| manifest.objects),
        }
    }

    /// Makes the shared objects of these members that are not on disk, those with fewer effects
    /// first. Returns all of them with their rlibs, and the steps that made them.
    pub(super) fn make_all(
        &self,
        objects: &[(BTreeSet<Effect>, Vec<&Input>)],
        below: &[Rc<BelowObject>],
        before_link: BeforeLink<'_>,
    ) -> Result<MadeAll> {
        self.job.files.remove_leftovers()?;
        let open = below.iter().flat_map(|object| &object.open_references);
        let open_below = open.map(|reference| reference.name.clone()).collect();
        let mut below = below.to_vec();
        let mut made = Vec::new();
        let mut steps = Vec::new();
        for (effects, members) in objects {
            if members.is_empty() {
                continue;
            }
            let (native_search, native_libraries) = self.native_requests(members, effects);
            let object = Object {
                members,
                effects,
                below: below
                    .iter()
                    .filter(|object| object.effects.is_subset(effects))
                    .cloned()
                    .collect(),
                native: native_inputs(&native_libraries, &native_search, &self.search)?,
                native_search,
                open_below: &open_below,
            };
            let (one, step) = self.make(object, before_link)?;
            steps.push(step);
            let content = self.job.files.content(&one.soname);
            let as_below = members.iter().map(|input| BelowMember {
                rlib: input.rlib.clone(),
                dependencies: input.library.dependencies.clone(),
                unmangled_definitions: input.facts.unmangled_definitions.clone(),
            });
            below.insert(
                0,
                BelowObject::new(
                    one.soname.clone(),
                    content,
                    as_below.collect(),
                    effects.clone(),
                    one.open_references.clone(),
                    false,
                )?,
            );
            let rlibs = members.iter().map(|input| input.rlib.clone());
            made.push((one, rlibs.collect()));
        }
        Ok((made, steps))
    }

    /// The requests of build scripts: those of members, and those of libraries below if a member
    /// depends on such a library. A shared object without effects has no requests. An archive is in
    /// the shared object of the library whose build script asks for it.
    fn native_requests(
        &self,
        members: &[&Input],
        effects: &BTreeSet<Effect>,
    ) -> (Vec<PathBuf>, Vec<String>) {
        let own = members.iter();
        let mut search: Vec<PathBuf> = own
            .clone()
            .flat_map(|input| input.library.native_search.iter().cloned())
            .collect();
        let mut libraries: Vec<String> = own
            .flat_map(|input| input.library_requests().cloned())
            .collect();
        if !effects.is_empty() {
            search.extend(self.job.native_search.iter().cloned());
            let of_below = self.job.native_libraries.iter().filter(|request| {
                let native_search = &self.job.native_search;
                !is_archive(request, native_search, &self.search)
            });
            libraries.extend(of_below.cloned());
        }
        (search, libraries)
    }

    /// Makes a shared object if it is not on disk.
    fn make(
        &self,
        object: Object<'_>,
        before_link: BeforeLink<'_>,
    ) -> Result<(MadeObject, String)> {
        let files = &self.job.files;
        let options = self.options(&object);
        let link_key = self.link_key(&object, &options);
        let soname = files.soname(&content_key(&link_key, &object.below));
        let content = files.content(&soname);
        // After a power failure, a file system may have kept the name of a file without its
        // content.
        let is_whole = fs::metadata(&content).is_ok_and(|metadata| metadata.len() > 0);
        let start = Instant::now();
        let (step, making) = if is_whole {
            touch(&content)?;
            ("is on disk".to_owned(), self.known_making(&soname))
        } else {
            match self.bind_anew(&soname, &link_key, &object)? {
                Ok(earlier) => {
                    let making = Making {
                        bound_anew: true,
                        ..Making::since(start)
                    };
                    (format!("was bound anew from `{earlier}`"), Some(making))
                }
                Err(why) => {
                    self.link(&soname, &object, options, before_link)?;
                    (format!("was linked: {why}"), Some(Making::since(start)))
                }
            }
        };
        let described = self.describe(&soname, &link_key, &content, object, making);
        if let Err(Error::Object { .. }) = described {
            // The file on disk may be damaged, so the next build makes it anew.
            fs::remove_file(&content).map_err(Error::io("remove", &content))?;
        }
        Ok((described?, format!("`{soname}` {step}")))
    }

    /// The record of an earlier build about the link of a shared object.
    fn known_making(&self, soname: &str) -> Option<Making> {
        let mut earlier = self.earlier.iter();
        let object = earlier.find(|object| object.soname == soname)?;
        object.making.clone()
    }

    /// The entry of the manifest for a shared object on disk.
    fn describe(
        &self,
        soname: &str,
        link_key: &ContentKey,
        content: &Path,
        object: Object<'_>,
        making: Option<Making>,
    ) -> Result<MadeObject> {
        let layouts = object.below.iter().map(|below| below.layout.clone());
        let constructors = constructors::distances(content, &constructors_of(object.members))?;
        let unbundled = object.members.iter().flat_map(|input| &input.unbundled);
        Ok(MadeObject {
            soname: soname.to_owned(),
            effects: object.effects.clone(),
            binding: (self.job.lasting == Lasting::Build).then(|| Binding {
                link: link_key.as_str().to_owned(),
                layouts: layouts.collect(),
            }),
            needs: object
                .below
                .iter()
                .map(|below| below.soname.clone())
                .collect(),
            open_references: self.open_references(content, &object.below)?,
            native_libraries: object
                .native
                .into_iter()
                .map(|input| input.library)
                .chain(archives(object.members).map(|archive| archive.library.clone()))
                .collect(),
            unbundled: unbundled.map(|archive| archive.library.clone()).collect(),
            making,
            constructors,
        })
    }

    /// The symbols that executables have to define for the shared object. If a system library that
    /// the shared object loads by itself defines one too (zlib has symbols without a version), an
    /// executable need not define it, but may, as in a static link. Such a reference is recorded as
    /// weak.
    fn open_references(
        &self,
        shared_object: &Path,
        below: &[Rc<BelowObject>],
    ) -> Result<Vec<OpenReference>> {
        let below: Vec<PathBuf> = below.iter().map(|object| object.path.clone()).collect();
        let mut open = elf::open_references(shared_object, &below)?;
        if open.iter().all(|reference| reference.weak) {
            return Ok(open);
        }
        let info = DynamicInfo::read(shared_object)?.unwrap_or_default();
        for library in self.search.find_in_system(&info.needed) {
            let definitions = elf::definitions(&library)?;
            for reference in &mut open {
                reference.weak |= definitions.contains(&reference.name);
            }
        }
        Ok(open)
    }
}

/// The archives that are linked beside these libraries.
fn archives<'a>(members: &[&'a Input]) -> impl Iterator<Item = &'a Archive> {
    members.iter().flat_map(|input| &input.archives)
}

pub(super) fn constructors_of<'a>(members: &[&'a Input]) -> Vec<&'a Constructor> {
    let constructors = members.iter().flat_map(|input| &input.facts.constructors);
    constructors.collect()
}

/// Sets the time of a file to now, so that comparisons of times show that this build needs it. A
/// file of another user keeps its time, and serves as well.
fn touch(path: &Path) -> Result<()> {
    let touched = fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    match touched {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        touched => touched.map_err(Error::io("update the time of", path)),
    }
}
