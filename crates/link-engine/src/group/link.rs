//! Having the linker make the shared objects of a group.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use super::below::{BelowMember, BelowObject};
use super::inputs::Input;
use super::key::content_key;
use super::linkable::{linkable_below, linkable_rlibs};
use super::native::{NativeInput, native_inputs, platform_names};
use super::{BeforeLink, GroupJob, Lasting};
use crate::constructors::Constructor;
use crate::content::ContentKey;
use crate::effects::Effect;
use crate::elf::DynamicInfo;
use crate::interface::OpenReference;
use crate::link_line::GroupLine;
use crate::linker::{self, LibrarySearch, ObjectsBy, scratch_directory};
use crate::making::Making;
use crate::manifest::{Binding, GroupManifest, LinkTemplate, NativeLibrary, SharedObject};
use crate::rebind::Unbound;
use crate::rlib::Shared;
use crate::syntax::{Syntax, joined};
use crate::{
    Error, Result, bind, constructors, files, interface, layout, packed, private, response_file,
    runtime, threads, versions,
};

/// A job with how to link.
pub(super) struct GroupLink<'a> {
    pub(super) job: &'a GroupJob,
    pub(super) template: &'a LinkTemplate,
    search: LibrarySearch<'a>,
    pub(super) packs_relocations: bool,
    /// The shared objects that an earlier build has left, which may have to be bound anew only.
    pub(super) earlier: Vec<SharedObject>,
}

/// A shared object on disk.
pub(super) struct MadeObject {
    pub(super) soname: String,
    pub(super) effects: BTreeSet<Effect>,
    pub(super) needs: Vec<String>,
    pub(super) binding: Option<Binding>,
    pub(super) native_libraries: Vec<NativeLibrary>,
    pub(super) open_references: Vec<OpenReference>,
    pub(super) making: Option<Making>,
    /// See [`constructors::distances`].
    pub(super) constructors: HashMap<String, i64>,
}

/// What was made of all members: the shared objects, each with the rlibs in it and after those it
/// needs, and what was done for each.
pub(super) type MadeAll = (Vec<(MadeObject, Vec<String>)>, Vec<String>);

/// A shared object to be made.
pub(super) struct Object<'a> {
    pub(super) members: &'a [&'a Input],
    effects: &'a BTreeSet<Effect>,
    /// The shared objects below it, dependents first.
    pub(super) below: Vec<Rc<BelowObject>>,
    /// What any shared object below the group takes from who loads it.
    open_below: &'a HashSet<String>,
    pub(super) native: Vec<NativeInput>,
    native_search: Vec<PathBuf>,
}

impl<'a> GroupLink<'a> {
    pub(super) fn new(job: &'a GroupJob, template: &'a LinkTemplate) -> Self {
        GroupLink {
            job,
            template,
            search: LibrarySearch::new(template, &job.working_directory, &job.environment),
            packs_relocations: template.packs_relocations,
            earlier: Vec::new(),
        }
    }

    /// Sees to it that the shared objects of these members are on disk, of which each is made after
    /// those with fewer effects. Returns them with the rlibs in each, and what was done.
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

    /// What build scripts ask for: those of members, and, where one of these depends on a library
    /// below that is asked for, those of what lies below. Without effects nothing is asked for.
    fn native_requests(
        &self,
        members: &[&Input],
        effects: &BTreeSet<Effect>,
    ) -> (Vec<PathBuf>, Vec<String>) {
        let own = members.iter().map(|input| &input.library);
        let mut search: Vec<PathBuf> = own
            .clone()
            .flat_map(|library| library.native_search.iter().cloned())
            .collect();
        let mut libraries: Vec<String> = own
            .flat_map(|library| library.native_libraries.iter().cloned())
            .collect();
        if !effects.is_empty() {
            search.extend(self.job.native_search.iter().cloned());
            libraries.extend(self.job.native_libraries.iter().cloned());
        }
        (search, libraries)
    }

    /// Sees to it that a shared object is on disk.
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
        // A file system that lost power may have kept the name of a file and not what is in it.
        let is_whole = fs::metadata(&content).is_ok_and(|metadata| metadata.len() > 0);
        let start = Instant::now();
        let (step, making) = if is_whole {
            touch(&content)?;
            ("is on disk".to_owned(), self.known_making(&soname))
        } else {
            match self.bind_anew(&soname, &link_key, &object)? {
                Ok(earlier) => {
                    let bound_anew = true;
                    let making = Making {
                        bound_anew,
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
        let described = self.describe(&soname, &link_key, &content, object);
        if let Err(Error::Object { .. }) = described {
            // It may have been damaged on disk, so the next build makes it anew.
            fs::remove_file(&content).map_err(Error::io("remove", &content))?;
        }
        let described = MadeObject {
            making,
            ..described?
        };
        Ok((described, format!("`{soname}` {step}")))
    }

    /// What the manifest that is about to be replaced tells of the link of a shared object.
    fn known_making(&self, soname: &str) -> Option<Making> {
        let manifest = GroupManifest::read(&self.job.files.manifest()).ok()?;
        let mut objects = manifest.objects.into_iter();
        objects.find(|object| object.soname == soname)?.making
    }

    /// What the manifest tells of a shared object on disk.
    fn describe(
        &self,
        soname: &str,
        link_key: &ContentKey,
        content: &Path,
        object: Object<'_>,
    ) -> Result<MadeObject> {
        let layouts = object.below.iter().map(|below| below.layout.clone());
        let constructors = constructors::distances(content, &constructors_of(object.members))?;
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
                .collect(),
            making: None,
            constructors,
        })
    }

    /// What executables have to define for the shared object. Of what a library of the system
    /// defines that it loads by itself (zlib has symbols without a version), they need not,
    /// but if one does, that counts, as in a static link: so to them it is a weak reference.
    fn open_references(
        &self,
        shared_object: &Path,
        below: &[Rc<BelowObject>],
    ) -> Result<Vec<OpenReference>> {
        let below: Vec<PathBuf> = below.iter().map(|object| object.path.clone()).collect();
        let mut open = interface::open_references(shared_object, &below)?;
        if open.iter().all(|reference| reference.weak) {
            return Ok(open);
        }
        let info = DynamicInfo::read(shared_object)?.unwrap_or_default();
        for library in self.search.find_in_system(&info.needed) {
            let definitions = interface::definitions(&library)?;
            for reference in &mut open {
                reference.weak |= definitions.contains(&reference.name);
            }
        }
        Ok(open)
    }

    fn link(
        &self,
        soname: &str,
        object: &Object<'_>,
        mut options: Vec<OsString>,
        before_link: BeforeLink<'_>,
    ) -> Result<()> {
        let job = self.job;
        let scratch = scratch_directory(job.scratch.clone())?;
        let content = job.files.content(soname);
        let temporary = files::temporary_beside(&content)?;
        let native_arguments: Vec<_> = object
            .native
            .iter()
            .map(|input| input.argument.clone().into())
            .collect();
        if !self.has_own_versions() {
            let script = scratch.join("versions");
            fs::write(&script, versions::SCRIPT).map_err(Error::io("write", &script))?;
            options.push(joined("--version-script=", script));
        }
        let rlibs = linkable_rlibs(object.members, &scratch)?;
        let linkable_below = linkable_below(object, &scratch)?;
        let line = |options: &[OsString]| {
            let line = GroupLine {
                template: self.template,
                soname,
                output: &temporary,
                rlibs: &rlibs,
                below: &linkable_below,
                native_search: &object.native_search,
                native_libraries: &native_arguments,
                run_paths: &job.run_paths,
                options,
            };
            line.args()
        };
        let mut args = line(&options);
        let linked = self.run_linker(&args, &scratch, before_link);
        let is_packing = options.iter().position(|option| option == packed::PACK[0]);
        match (linked, is_packing) {
            // gold does not know the option.
            (Err(Error::GroupLink { link_line, .. }), Some(first)) => {
                options.drain(first..first + packed::PACK.len());
                args = line(&options);
                self.run_linker(&args, &scratch, before_link)?;
                fs::remove_file(&link_line).map_err(Error::io("remove", &link_line))?;
            }
            (linked, _) => linked?,
        }
        if !packed::is_loadable(&temporary)? {
            Syntax::of(&args).push(&mut args, &packed::UNPACK);
            self.run_linker(&args, &scratch, before_link)?;
        }
        layout::seal(&temporary, &self.private(&temporary, object)?)?;
        let is_sysroot = object.below.is_empty();
        runtime::tie_group(&temporary, is_sysroot)?;
        let maps: Vec<_> = object
            .below
            .iter()
            .map(|below| Ok((&*below.soname, files::map(&below.path)?)))
            .collect::<Result<_>>()?;
        let below: Vec<(&str, &[u8])> = maps
            .iter()
            .map(|(soname, map)| (*soname, &map[..]))
            .collect();
        if job.lasting == Lasting::Build {
            Unbound::bind(&temporary, &below)?.write(&job.files.unbound(soname))?;
        } else {
            bind::bind(&temporary, &below)?;
        }
        constructors::hand_over(&temporary, &constructors_of(object.members))?;
        files::persist(temporary, &content)?;
        fs::remove_dir_all(&scratch).map_err(Error::io("remove", &scratch))
    }

    /// The options of the link that decide on the bytes of the shared object and are not part of
    /// the template.
    fn options(&self, object: &Object<'_>) -> Vec<OsString> {
        let mut options: Vec<OsString> = self.job.strip.option().into_iter().collect();
        let sizes = object.members.iter().map(|input| input.bytes);
        if self.packs_relocations && sizes.sum::<u64>() >= packed::PAYS_FROM {
            options.extend(packed::PACK.map(OsString::from));
        }
        let is_lld = threads::is_lld(self.template);
        if is_lld {
            // Inline functions of C++ have one address in a process. GNU ld and mold cannot tell
            // them from others, and bind them to the group.
            options.push("-Bsymbolic-non-weak-functions".into());
        }
        if self.job.lasting == Lasting::Build && is_lld {
            // It is linked after each edit; strings that are not merged take 3 % more space, and to
            // merge them takes a third of the time (lld 22).
            options.push("-O0".into());
        }
        options
    }

    fn run_linker(
        &self,
        args: &[OsString],
        scratch: &Path,
        before_link: BeforeLink<'_>,
    ) -> Result<()> {
        let job = self.job;
        let linker = &self.template.linker;
        before_link(linker, args);
        let mut command = Command::new(linker);
        command
            .current_dir(&job.working_directory)
            .envs(job.environment.iter().cloned());
        let mut args_with_threads = args.to_vec();
        let threads = job.threads.take(MOST_THREADS);
        if let Some(option) = threads.linker_option(self.template) {
            Syntax::of(args).push(&mut args_with_threads, &[option]);
        }
        let output = linker::run(command, args_with_threads, ObjectsBy::Name, scratch)?;
        if output.status.success() {
            return Ok(());
        }
        let link_line = job.scratch.with_file_name("refused-link-line");
        files::write(&link_line, &response_file::format(args))?;
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::GroupLink { link_line, stderr })
    }

    /// Whether the user has a say in which symbols are shown, or under which versions.
    pub(super) fn has_own_versions(&self) -> bool {
        let mut args = self.template.args();
        args.any(|arg| private::shows_symbols(arg))
    }

    /// The definitions of the shared object with a name of C that are private: those that
    /// neither a group below refers to, nor a shared library names which the shared object needs.
    fn private<'b>(&self, shared_object: &Path, object: &Object<'b>) -> Result<HashSet<&'b str>> {
        let members = object.members.iter();
        let definitions = members.flat_map(|input| &input.facts.unmangled_definitions);
        let mut private: HashSet<&str> = definitions.map(String::as_str).collect();
        private.retain(|name| !object.open_below.contains(*name));
        if private.is_empty() || self.has_own_versions() {
            return Ok(HashSet::new());
        }
        let info = DynamicInfo::read(shared_object)?.unwrap_or_default();
        let is_group = |soname: &String| object.below.iter().any(|below| below.soname == *soname);
        let mut libraries = info.needed;
        libraries.retain(|soname| !is_group(soname));
        for library in self.search.find(&object.native_search, &libraries) {
            let bytes = files::map(&library)?;
            let names = interface::names(&bytes).map_err(Error::object(&library))?;
            private.retain(|name| !names.contains(name.as_bytes()));
        }
        Ok(private)
    }

    /// Whether the loader understands packed relocations, as far as the C library tells.
    pub(super) fn loader_knows_packed(&self) -> Result<bool> {
        let c_library = [packed::C_LIBRARY.to_owned()];
        match &self.search.find(&[], &c_library)[..] {
            [c_library] => packed::are_understood_by(c_library),
            _ => Ok(false),
        }
    }

    /// The shared libraries of the platform, where they are found: those that the group of
    /// the sysroot crates needs, and those that are on every line and that it does not.
    pub(super) fn platform_libraries(&self, content: &Path) -> Result<Vec<PathBuf>> {
        // The sonames of glibc end in 0, 1, 2 or 6 (`shlib-versions` of glibc 2.36).
        let on_line = platform_names(self.template);
        let on_line = on_line.flat_map(|name| [0, 1, 2, 6].map(|n| format!("lib{name}.so.{n}")));
        let info = DynamicInfo::read(content)?.unwrap_or_default();
        let mut sonames = info.needed;
        sonames.extend(on_line);
        sonames.sort();
        sonames.dedup();
        Ok(self.search.find(&[], &sonames))
    }
}

/// More threads than these make no link of a group quicker: most of its work is to copy bytes.
const MOST_THREADS: usize = 8;

/// What the compiler builtins define under names of C and the platform does not.
pub(super) fn builtin_definitions(
    template: &LinkTemplate,
    platform: &HashSet<String>,
) -> Result<BTreeSet<String>> {
    let mut definitions = BTreeSet::new();
    for rlib in &template.builtins {
        let names = Shared::read(rlib)?.names.into_iter();
        let names = names.filter_map(|name| String::from_utf8(name).ok());
        definitions.extend(names.filter(|name| is_plain(name) && !platform.contains(name)));
    }
    Ok(definitions)
}

/// Whether rustc has not mangled a name.
fn is_plain(name: &str) -> bool {
    !crate::elf::is_mangled_by_rustc(name.as_bytes())
}

fn constructors_of<'a>(members: &[&'a Input]) -> Vec<&'a Constructor> {
    let constructors = members.iter().flat_map(|input| &input.facts.constructors);
    constructors.collect()
}

/// Whoever compares times must see that this build vouches for the file. One that belongs to another
/// user keeps its time, and is as good.
fn touch(path: &Path) -> Result<()> {
    let touched = fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    match touched {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        touched => touched.map_err(Error::io("update the time of", path)),
    }
}
