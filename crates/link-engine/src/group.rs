//! Making the shared object of a group from the rlibs of its members.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::classify::{self, Candidate, StayReason};
use crate::constructors::{Constructor, HandedOver};
use crate::content::{ContentKey, GroupFiles};
use crate::elf::{DynamicInfo, ties_to_runtime};
use crate::interface::{Names, OpenReference, Wanted};
use crate::link_line::GroupLine;
use crate::linker::{self, LibrarySearch, ObjectsBy, linker_identity, scratch_directory};
use crate::manifest::{GroupManifest, LinkTemplate, Member, NativeLibrary, Refusal, Stay};
use crate::rlib::{RlibFacts, Shared, copy_with_protected_symbols, undefined_among};
use crate::syntax::{Syntax, joined};
use crate::{
    Error, Result, bind, constructors, files, interface, layout, packed, private, response_file,
    runtime, versions,
};

/// Changes when the same inputs would give another shared object.
pub const FORMAT: &str = "dynamic-deps 9";

/// A library to be linked into a group.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its name for people: package and version.
    pub name: String,
    /// Its rlib.
    pub rlib: PathBuf,
    /// File names of the rlibs it depends on directly, in this group or below.
    pub dependencies: Vec<String>,
    /// Whether executables may load it that do not depend on it.
    pub is_bystander: bool,
}

/// A group to be made.
#[derive(Debug, Clone)]
pub struct GroupJob {
    /// Its name for people, such as `frozen`.
    pub group: String,
    /// Where it goes.
    pub files: GroupFiles,
    /// Its libraries, dependents first.
    pub libraries: Vec<Library>,
    /// Manifests of the groups below; the one of the sysroot is among them and
    /// says how to link.
    pub below: Vec<PathBuf>,
    /// Directories to look for native libraries in.
    pub native_search: Vec<PathBuf>,
    /// What build scripts ask to link, as rustc's `-l` takes it.
    pub native_libraries: Vec<String>,
    /// Entries for the run path.
    pub run_paths: Vec<OsString>,
    /// What to leave out of the output.
    pub strip: Strip,
    /// Where executables may lie that need an older content of this group.
    pub executable_directories: Vec<PathBuf>,
    /// The directory that relative paths in link args start from.
    pub working_directory: PathBuf,
    /// Variables for rustc and the linker, besides those that this process has.
    pub environment: Vec<(OsString, OsString)>,
    /// Directory for files that only this job needs; emptied first. Beside it lies
    /// the link line of a link that the linker refused.
    pub scratch: PathBuf,
}

/// What a linker leaves out of its output, as rustc's `-C strip` names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strip {
    /// Nothing.
    #[default]
    None,
    /// Debugging information.
    DebugInfo,
    /// Debugging information and the symbol table.
    Symbols,
}

impl Strip {
    fn option(self) -> Option<OsString> {
        match self {
            Strip::None => None,
            Strip::DebugInfo => Some("--strip-debug".into()),
            Strip::Symbols => Some("--strip-all".into()),
        }
    }
}

/// Gets the linker and its arguments before it runs, to show them to the user.
pub type BeforeLink<'a> = &'a mut dyn FnMut(&Path, &[OsString]);

impl GroupJob {
    /// Makes the shared object and the manifest.
    ///
    /// When the content is on disk already, from an earlier build, nothing is
    /// linked. Otherwise `before_link` is called before the linker is.
    ///
    /// When the linker refuses, all libraries stay in the executables, the file of the
    /// group is an empty one, and the manifest holds the linker's words.
    ///
    /// # Errors
    /// When a file cannot be read or written. What was there before is left as it was.
    pub fn run(&self, before_link: BeforeLink<'_>) -> Result<GroupManifest> {
        let below: Vec<_> = self
            .below
            .iter()
            .map(|path| Ok((path, GroupManifest::read(path)?)))
            .collect::<Result<_>>()?;
        let sysroot = below.iter().find_map(|(_, manifest)| {
            let template = manifest.template.as_ref()?;
            (!manifest.members.is_empty()).then_some(template)
        });
        let stays = below.iter().flat_map(|(_, manifest)| &manifest.stays);
        let stays = stays.cloned().collect();
        let below: Vec<Below> = below
            .iter()
            .filter(|(_, manifest)| !manifest.members.is_empty())
            .map(|(path, manifest)| {
                let shared_object = manifest.shared_object(path);
                Ok(Below {
                    soname: manifest.soname.clone(),
                    is_sysroot: manifest.template.is_some(),
                    layout: layout::of(&shared_object)?,
                    shared_object,
                    open_references: manifest.open_references.clone(),
                })
            })
            .collect::<Result<_>>()?;
        let mut libraries = read_libraries(&self.libraries)?;
        let Some(template) = sysroot else {
            let library = "std".to_owned();
            let verdicts = vec![Some(StayReason::DependsOn { library }); libraries.len()];
            return self.finish(&below, libraries, verdicts, self.make_empty(None)?, None);
        };
        let link = GroupLink::new(self, template, &below);
        let classify_below = classify::Below {
            stays,
            platform: platform_definitions(template)?,
        };
        loop {
            let verdicts = verdicts(&libraries, &classify_below);
            let made = link.make(&libraries, &verdicts, before_link)?;
            if !note_open_references(&mut libraries, &verdicts, &made)? {
                return self.finish(&below, libraries, verdicts, made, None);
            }
        }
    }

    /// Makes the group of the sysroot crates, whose manifest tells the other groups
    /// how to link. All its libraries are members whatever they hold: rustc links
    /// them into every program.
    pub(crate) fn run_as_sysroot(
        &self,
        template: LinkTemplate,
        before_link: BeforeLink<'_>,
    ) -> Result<GroupManifest> {
        let mut libraries = read_libraries(&self.libraries)?;
        for read in &mut libraries {
            // Every program has them, so it does not matter who runs them.
            read.facts.constructors.clear();
        }
        let verdicts = vec![None; libraries.len()];
        let mut link = GroupLink::new(self, &template, &[]);
        link.packs_relocations = link.loader_knows_packed()?;
        let made = link.make(&libraries, &verdicts, before_link)?;
        let template = LinkTemplate {
            platform_libraries: link.platform_libraries(&made)?,
            // Whether the linker packs them, so that the loader takes the file.
            packs_relocations: packed::are_in(&self.files.content(&made.soname))?,
            ..template
        };
        self.finish(&[], libraries, verdicts, made, Some(template))
    }

    /// Makes a group without members, and tells why in its manifest.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Result<GroupManifest> {
        let made = self.make_empty(Some(refusal))?;
        self.finish(&[], Vec::new(), Vec::new(), made, None)
    }

    /// Sees to it that the file of a group without members is on disk. Nobody loads it, so
    /// that it takes no linker.
    fn make_empty(&self, refusal: Option<Refusal>) -> Result<MadeContent> {
        self.files.remove_leftovers()?;
        let key = ContentKey::new(blake3::Hasher::new().update(FORMAT.as_bytes()));
        let soname = self.files.soname(&key);
        files::write(&self.files.content(&soname), b"")?;
        Ok(MadeContent {
            soname,
            native_libraries: Vec::new(),
            open_references: Vec::new(),
            constructors: HashMap::new(),
            refusal,
        })
    }

    /// Gives the shared object its name and its manifest, and removes what it replaces.
    fn finish(
        &self,
        below: &[Below],
        libraries: Vec<ReadLibrary<'_>>,
        verdicts: Vec<Option<StayReason>>,
        made: MadeContent,
        own_template: Option<LinkTemplate>,
    ) -> Result<GroupManifest> {
        let mut members = Vec::new();
        let mut stays = Vec::new();
        for (read, verdict) in libraries.into_iter().zip(verdicts) {
            let refused = made.refusal.as_ref().map(|_| StayReason::Refused);
            match verdict.or(refused) {
                None => members.push(read.into_member(&made.constructors)),
                Some(reason) => stays.push(read.into_stay(reason)),
            }
        }
        let content = self.files.content(&made.soname);
        files::link_or_copy(&content, &self.files.shared_object())?;
        let manifest = GroupManifest {
            group: self.group.clone(),
            soname: made.soname,
            members,
            stays,
            needs: below.iter().map(|group| group.soname.clone()).collect(),
            native_libraries: made.native_libraries,
            open_references: made.open_references,
            refusal: made.refusal,
            template: own_template,
        };
        manifest.write(&self.files.manifest())?;
        self.files
            .remove_unneeded(&manifest.soname, &self.executable_directories)?;
        Ok(manifest)
    }
}

impl Library {
    fn file_name(&self) -> String {
        let name = self.rlib.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// A library and what was seen in its rlib.
struct ReadLibrary<'a> {
    library: &'a Library,
    rlib: String,
    facts: RlibFacts,
    hash: blake3::Hash,
    open_reference: Option<String>,
}

fn read_libraries(libraries: &[Library]) -> Result<Vec<ReadLibrary<'_>>> {
    libraries
        .iter()
        .map(|library| {
            let (facts, hash) = RlibFacts::read(&library.rlib)?;
            Ok(ReadLibrary {
                library,
                rlib: library.file_name(),
                facts,
                hash,
                open_reference: None,
            })
        })
        .collect()
}

/// The symbols that the libraries of the platform define.
fn platform_definitions(template: &LinkTemplate) -> Result<HashSet<String>> {
    let mut definitions = HashSet::new();
    for library in &template.platform_libraries {
        definitions.extend(interface::definitions(library)?);
    }
    Ok(definitions)
}

fn verdicts(read: &[ReadLibrary<'_>], below: &classify::Below) -> Vec<Option<StayReason>> {
    let candidates: Vec<_> = read
        .iter()
        .map(|read| Candidate {
            rlib: &read.rlib,
            name: &read.library.name,
            dependencies: &read.library.dependencies,
            facts: &read.facts,
            is_bystander: read.library.is_bystander,
            open_reference: read.open_reference.as_deref(),
        })
        .collect();
    classify::verdicts(&candidates, below)
}

/// Notes at each bystander in the group what it needs from outside of the groups, such as
/// a library of the platform: executables that do not depend on it cannot provide that.
/// Returns whether there was something to note.
fn note_open_references(
    libraries: &mut [ReadLibrary<'_>],
    verdicts: &[Option<StayReason>],
    made: &MadeContent,
) -> Result<bool> {
    let needed = made.open_references.iter();
    let needed: BTreeSet<&str> = needed
        .filter(|reference| !reference.weak && !ties_to_runtime(reference.name.as_bytes()))
        .map(|reference| reference.name.as_str())
        .collect();
    if needed.is_empty() || made.refusal.is_some() {
        return Ok(false);
    }
    let mut noted = false;
    for (read, verdict) in libraries.iter_mut().zip(verdicts) {
        if verdict.is_none() && read.library.is_bystander {
            read.open_reference = undefined_among(&read.library.rlib, &needed)?.pop_first();
            noted |= read.open_reference.is_some();
        }
    }
    Ok(noted)
}

/// A group below, as its dependents see it.
struct Below {
    soname: String,
    is_sysroot: bool,
    /// The name of the version that tells of its layout.
    layout: Option<String>,
    shared_object: PathBuf,
    open_references: Vec<OpenReference>,
}

/// A job with all that it needs to know from others.
struct GroupLink<'a> {
    job: &'a GroupJob,
    template: &'a LinkTemplate,
    below: &'a [Below],
    search: LibrarySearch<'a>,
    packs_relocations: bool,
}

/// A shared object on disk.
struct MadeContent {
    soname: String,
    native_libraries: Vec<NativeLibrary>,
    open_references: Vec<OpenReference>,
    /// See [`constructors::distances`].
    constructors: HashMap<String, i64>,
    /// Set when there was no linking it, and the file is an empty one.
    refusal: Option<Refusal>,
}

impl<'a> GroupLink<'a> {
    fn new(job: &'a GroupJob, template: &'a LinkTemplate, below: &'a [Below]) -> Self {
        GroupLink {
            job,
            template,
            below,
            search: LibrarySearch::new(template, &job.working_directory, &job.environment),
            packs_relocations: template.packs_relocations,
        }
    }

    fn loader_knows_packed(&self) -> Result<bool> {
        let c_library = [packed::C_LIBRARY.to_owned()];
        match &self.search.find(&[], &c_library)[..] {
            [c_library] => packed::are_understood_by(c_library),
            _ => Ok(false),
        }
    }

    /// Sees to it that the shared object of those libraries that do not stay is on disk.
    fn make(
        &self,
        libraries: &[ReadLibrary<'_>],
        verdicts: &[Option<StayReason>],
        before_link: BeforeLink<'_>,
    ) -> Result<MadeContent> {
        self.job.files.remove_leftovers()?;
        let members: Vec<&ReadLibrary<'_>> = libraries
            .iter()
            .zip(verdicts)
            .filter(|(_, verdict)| verdict.is_none())
            .map(|(read, _)| read)
            .collect();
        if members.is_empty() {
            return self.job.make_empty(None);
        }
        let made = self.make_members(&members, before_link);
        made.or_else(|error| self.job.make_empty(Some(Refusal::of(error)?)))
    }

    fn make_members(
        &self,
        members: &[&ReadLibrary<'_>],
        before_link: BeforeLink<'_>,
    ) -> Result<MadeContent> {
        let native_libraries = self.native_inputs()?;
        let soname = self.make_content(members, &native_libraries, before_link)?;
        let content = self.job.files.content(&soname);
        let native_libraries = native_libraries.into_iter();
        let native_libraries = native_libraries.map(|input| input.library).collect();
        let described = self.describe(soname, &content, members, native_libraries);
        if let Err(Error::Object { .. }) = described {
            // It may have been damaged on disk, so the next build makes it anew.
            fs::remove_file(&content).map_err(Error::io("remove", &content))?;
        }
        described
    }

    /// What the manifest tells of a shared object on disk.
    fn describe(
        &self,
        soname: String,
        content: &Path,
        members: &[&ReadLibrary<'_>],
        native_libraries: Vec<NativeLibrary>,
    ) -> Result<MadeContent> {
        Ok(MadeContent {
            soname,
            native_libraries,
            open_references: self.open_references(content)?,
            constructors: constructors::distances(content, &constructors_of(members))?,
            refusal: None,
        })
    }

    /// What executables have to define for the shared object. Of what a library of the system
    /// defines that it loads by itself (zlib has symbols without a version), they need not,
    /// but if one does, that counts, as in a static link: so to them it is a weak reference.
    fn open_references(&self, shared_object: &Path) -> Result<Vec<OpenReference>> {
        let mut open = interface::open_references(shared_object, &self.shared_objects_below())?;
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

    /// The native libraries that build scripts ask for, with what the linker will find.
    fn native_inputs(&self) -> Result<Vec<NativeInput>> {
        let requests = self.job.native_libraries.iter();
        requests
            .filter_map(|text| NativeRequest::parse(text))
            .map(|request| {
                let name = request.argument.trim_start_matches("-l");
                let file = self.search.find_native(&self.job.native_search, name);
                let soname = match &file {
                    Some(file) => DynamicInfo::read(file)?.and_then(|info| info.soname),
                    None => None,
                };
                let content = match &file {
                    Some(file) if soname.is_none() => Some(blake3::hash(&files::map(file)?)),
                    _ => None,
                };
                Ok(NativeInput {
                    argument: request.argument,
                    library: NativeLibrary {
                        name: request.name,
                        soname,
                    },
                    content,
                })
            })
            .collect()
    }

    fn shared_objects_below(&self) -> Vec<PathBuf> {
        self.below
            .iter()
            .map(|group| group.shared_object.clone())
            .collect()
    }

    /// Sees to it that the shared object of these inputs is on disk; returns its soname.
    fn make_content(
        &self,
        inputs: &[&ReadLibrary<'_>],
        native_libraries: &[NativeInput],
        before_link: BeforeLink<'_>,
    ) -> Result<String> {
        let files = &self.job.files;
        let options = self.options(inputs)?;
        let soname = files.soname(&self.content_key(inputs, native_libraries, &options));
        let content = files.content(&soname);
        if content.exists() {
            // Whoever compares times must see that this build vouches for it.
            touch(&content)?;
        } else {
            self.link_content(&soname, inputs, native_libraries, options, before_link)?;
        }
        Ok(soname)
    }

    /// Hashes all that decides on the bytes of the shared object: the members, the
    /// linker and its options, what the groups below are, and of native libraries what is
    /// taken into it: the content of an archive, and the soname of a shared library.
    fn content_key(
        &self,
        inputs: &[&ReadLibrary<'_>],
        native_libraries: &[NativeInput],
        options: &[OsString],
    ) -> ContentKey {
        let mut hasher = blake3::Hasher::new();
        let mut put = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        put(FORMAT.as_bytes());
        put(linker_identity(&self.template.linker).as_bytes());
        for read in inputs {
            put(read.rlib.as_bytes());
            put(read.hash.as_bytes());
        }
        for group in self.below {
            put(group.soname.as_bytes());
            put(group.layout.as_deref().unwrap_or_default().as_bytes());
        }
        let template = self.template.args();
        for arg in template.chain(&self.job.run_paths).chain(options) {
            put(arg.as_encoded_bytes());
        }
        for input in native_libraries {
            put(input.argument.as_bytes());
            put(input
                .library
                .soname
                .as_deref()
                .unwrap_or_default()
                .as_bytes());
            put(input.content.as_ref().map_or(&[], |hash| hash.as_bytes()));
        }
        ContentKey::new(&hasher)
    }

    fn link_content(
        &self,
        soname: &str,
        inputs: &[&ReadLibrary<'_>],
        native_libraries: &[NativeInput],
        mut options: Vec<OsString>,
        before_link: BeforeLink<'_>,
    ) -> Result<()> {
        let job = self.job;
        let scratch = scratch_directory(job.scratch.clone())?;
        let content = job.files.content(soname);
        let temporary = files::temporary_beside(&content)?;
        let native_arguments: Vec<_> = native_libraries
            .iter()
            .map(|input| input.argument.clone().into())
            .collect();
        if !self.has_own_versions() {
            let script = scratch.join("versions");
            fs::write(&script, versions::SCRIPT).map_err(Error::io("write", &script))?;
            options.push(joined("--version-script=", script));
        }
        let rlibs = linkable_rlibs(inputs, &scratch)?;
        let below = self.linkable_below(inputs, &scratch)?;
        let line = |options: &[OsString]| {
            let line = GroupLine {
                template: self.template,
                soname,
                output: &temporary,
                rlibs: &rlibs,
                below: &below,
                native_search: &job.native_search,
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
        layout::seal(&temporary, &self.private(&temporary, inputs)?)?;
        let below = self.below.iter();
        let maps: Vec<_> = below
            .map(|group| Ok((&*group.soname, files::map(&group.shared_object)?)))
            .collect::<Result<_>>()?;
        let below: Vec<(&str, &[u8])> = maps
            .iter()
            .map(|(soname, map)| (*soname, &map[..]))
            .collect();
        bind::bind(&temporary, &below)?;
        runtime::tie_group(&temporary)?;
        constructors::hand_over(&temporary, &constructors_of(inputs))?;
        files::persist(temporary, &content)?;
        fs::remove_dir_all(&scratch).map_err(Error::io("remove", &scratch))
    }

    /// The options of the link that decide on the bytes of the shared object and are not part of
    /// the template.
    fn options(&self, inputs: &[&ReadLibrary<'_>]) -> Result<Vec<OsString>> {
        let mut options: Vec<OsString> = self.job.strip.option().into_iter().collect();
        let mut bytes = 0;
        for read in inputs {
            let rlib = &read.library.rlib;
            let metadata = rlib.metadata().map_err(Error::io("read", rlib))?;
            bytes += metadata.len();
        }
        if self.packs_relocations && bytes >= packed::PAYS_FROM {
            options.extend(packed::PACK.map(OsString::from));
        }
        Ok(options)
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
        let output = linker::run(command, args.to_vec(), ObjectsBy::Name, scratch)?;
        if output.status.success() {
            return Ok(());
        }
        let link_line = job.scratch.with_file_name("refused-link-line");
        files::write(&link_line, &response_file::format(args))?;
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::GroupLink { link_line, stderr })
    }

    /// What the linker reads in the place of the groups below: it refers to a private
    /// definition only in a stub.
    fn linkable_below(&self, inputs: &[&ReadLibrary<'_>], scratch: &Path) -> Result<Vec<PathBuf>> {
        // The group of the sysroot crates is small, and what is in an archive that a build
        // script asks for is known to the linker alone.
        let mut read = HashSet::new();
        let names: Names<'_>;
        let wanted = if self.below.len() > 1 && self.job.native_libraries.is_empty() {
            for input in inputs {
                read.extend(Shared::read(&input.library.rlib)?.names);
            }
            names = read.iter().map(Vec::as_slice).collect();
            Wanted::Named(&names)
        } else {
            Wanted::All
        };
        let linkable = self.below.iter().map(|group| {
            let stub = scratch.join(&group.soname);
            let original = &group.shared_object;
            let open: &[OpenReference] = match group.is_sysroot {
                true => &group.open_references,
                false => &[],
            };
            let is_written =
                interface::write_stub_for_group(original, &group.soname, wanted, open, &stub)?;
            Ok(if is_written { stub } else { original.clone() })
        });
        linkable.collect()
    }

    /// Whether the user has a say in which symbols are shown, or under which versions.
    fn has_own_versions(&self) -> bool {
        let mut args = self.template.args();
        args.any(|arg| private::shows_symbols(arg))
    }

    /// The definitions of the shared object with a name of C that are private: those that
    /// neither a group below refers to, nor a shared library names which the shared object needs.
    fn private<'b>(
        &self,
        shared_object: &Path,
        inputs: &[&'b ReadLibrary<'_>],
    ) -> Result<HashSet<&'b str>> {
        let definitions = inputs
            .iter()
            .flat_map(|read| &read.facts.unmangled_definitions);
        let mut private: HashSet<&str> = definitions.map(String::as_str).collect();
        for open in self.below.iter().flat_map(|group| &group.open_references) {
            private.remove(open.name.as_str());
        }
        if private.is_empty() || self.has_own_versions() {
            return Ok(HashSet::new());
        }
        let info = DynamicInfo::read(shared_object)?.unwrap_or_default();
        let is_group = |soname: &String| self.below.iter().any(|group| group.soname == *soname);
        let mut libraries = info.needed;
        libraries.retain(|soname| !is_group(soname));
        for library in self.search.find(&self.job.native_search, &libraries) {
            let bytes = files::map(&library)?;
            let names = interface::names(&bytes).map_err(Error::object(&library))?;
            private.retain(|name| !names.contains(name.as_bytes()));
        }
        Ok(private)
    }

    /// The shared libraries of the platform, where they are found: those that the group of
    /// the sysroot crates needs, and those that are on every line and that it does not.
    fn platform_libraries(&self, made: &MadeContent) -> Result<Vec<PathBuf>> {
        // The sonames of glibc end in 0, 1, 2 or 6 (`shlib-versions` of glibc 2.36).
        let on_line = platform_names(self.template);
        let on_line = on_line.flat_map(|name| [0, 1, 2, 6].map(|n| format!("lib{name}.so.{n}")));
        let content = self.job.files.content(&made.soname);
        let info = DynamicInfo::read(&content)?.unwrap_or_default();
        let mut sonames = info.needed;
        sonames.extend(on_line);
        sonames.sort();
        sonames.dedup();
        Ok(self.search.find(&[], &sonames))
    }
}

impl ReadLibrary<'_> {
    fn into_stay(self, reason: StayReason) -> Stay {
        Stay {
            name: self.library.name.clone(),
            rlib: self.rlib,
            reason,
            shared_state: self.facts.shared_state,
        }
    }

    /// Gets the distances of the functions of constructors from their entries.
    fn into_member(self, distances: &HashMap<String, i64>) -> Member {
        let constructors = self.facts.constructors.into_iter();
        let constructors = constructors.filter_map(|constructor| {
            Some(HandedOver {
                distance: *distances.get(&constructor.entry)?,
                section: constructor.section,
                entry: constructor.entry,
            })
        });
        Member {
            constructors: constructors.collect(),
            name: self.library.name.clone(),
            rlib: self.rlib,
            protected_symbols: self.facts.hidden_definitions.len(),
            unmangled_definitions: self.facts.unmangled_definitions,
            shared_state: self.facts.shared_state,
        }
    }
}

/// The rlibs to give to the linker: those of the members, or copies of them in
/// `scratch` where hidden symbols have to be seen from outside.
fn linkable_rlibs(inputs: &[&ReadLibrary<'_>], scratch: &Path) -> Result<Vec<PathBuf>> {
    inputs
        .iter()
        .map(|read| {
            let rlib = &read.library.rlib;
            if !read.facts.has_hidden_symbols() {
                return Ok(rlib.clone());
            }
            let copy = scratch.join(&read.rlib);
            copy_with_protected_symbols(rlib, &read.facts, &copy)?;
            Ok(copy)
        })
        .collect()
}

fn constructors_of<'a>(inputs: &[&'a ReadLibrary<'_>]) -> Vec<&'a Constructor> {
    let constructors = inputs.iter().flat_map(|read| &read.facts.constructors);
    constructors.collect()
}

fn touch(path: &Path) -> Result<()> {
    fs::File::open(path)
        .and_then(|file| file.set_modified(SystemTime::now()))
        .map_err(Error::io("update the time of", path))
}

/// A native library that goes into the shared object, or that it needs.
struct NativeInput {
    /// As the linker's `-l` takes it.
    argument: String,
    library: NativeLibrary,
    /// Hash of the file, unless that is a shared library with a soname.
    content: Option<blake3::Hash>,
}

/// A native library that a build script asks for, unless it is surely a static one.
#[derive(Debug, PartialEq, Eq)]
struct NativeRequest {
    /// As the linker's `-l` takes it.
    argument: String,
    /// Its name.
    name: String,
}

impl NativeRequest {
    /// Reads `[KIND[:MODIFIERS]=]NAME[:RENAME]`, the value of rustc's `-l`.
    ///
    /// `None` for a static library: rustc puts it into the rlib, or, with the
    /// modifier `-bundle`, on the link line of the executable, from where it
    /// serves the groups.
    fn parse(text: &str) -> Option<NativeRequest> {
        let (kind, name) = text.split_once('=').unwrap_or(("dylib", text));
        let (kind, modifiers) = kind.split_once(':').unwrap_or((kind, ""));
        if kind != "dylib" {
            return None;
        }
        let verbatim = modifiers.split(',').any(|modifier| modifier == "+verbatim");
        let name = name.rsplit(':').next().unwrap_or(name);
        Some(NativeRequest {
            argument: if verbatim {
                format!("-l:{name}")
            } else {
                format!("-l{name}")
            },
            name: name.to_owned(),
        })
    }
}

/// The names of the libraries of the platform on each line.
fn platform_names(template: &LinkTemplate) -> impl Iterator<Item = &str> {
    let args = template.after.iter();
    args.filter_map(|arg| arg.to_str()?.strip_prefix("-l"))
}

/// The names that the executables of these groups need not look after.
pub(crate) fn settled_libraries<'a>(
    manifests: impl IntoIterator<Item = &'a GroupManifest>,
) -> HashSet<String> {
    let mut settled = HashSet::new();
    for manifest in manifests {
        let native = manifest.native_libraries.iter();
        settled.extend(native.map(|library| library.name.clone()));
        let platform = manifest.template.iter().flat_map(platform_names);
        settled.extend(platform.map(str::to_owned));
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_libraries_are_read_as_rustc_does() {
        #[track_caller]
        fn check(text: &str, expected: Option<(&str, &str)>) {
            let expected = expected.map(|(argument, name)| NativeRequest {
                argument: argument.into(),
                name: name.into(),
            });
            assert_eq!(NativeRequest::parse(text), expected);
        }
        check("z", Some(("-lz", "z")));
        check("dylib=ssl", Some(("-lssl", "ssl")));
        check("dylib:+as-needed=ssl", Some(("-lssl", "ssl")));
        check("dylib=ssl:crypto", Some(("-lcrypto", "crypto")));
        check(
            "dylib:+verbatim=libz.so.1",
            Some(("-l:libz.so.1", "libz.so.1")),
        );
        check("static=sqlite3", None);
        check("static:-bundle=sqlite3", None);
        check("framework=Foundation", None);
    }
}
