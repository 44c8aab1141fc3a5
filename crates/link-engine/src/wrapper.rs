//! The linker wrapper: our program in the place of the linker.
//!
//! rustc is given `-C linker=<directory>/<name>`, a symbolic link to the program
//! that contains this module, and what to do lies beside it in
//! [`PLAN_FILE`](crate::manifest::PLAN_FILE). The name is that of the real linker,
//! because rustc infers the linker flavor from it (`clang` and `ld.lld` mean
//! something; rustc 1.95, `rustc_codegen_ssa::back::link`). The plan is found by
//! the name the program was called by and not by an environment variable, which
//! test programs and nested builds would inherit.
//!
//! If linking against the groups fails, rustc's original line is run: a build
//! that works statically never fails because of the wrapper.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::thread::available_parallelism;
use std::time::Instant;

use memmap2::Mmap;
use object::elf;

use crate::elf::{DynamicInfo, global_symbols, set_visibility, with_class};
use crate::group::settled_libraries;
use crate::interface::{Names, Shown, Wanted};
use crate::link_line::{
    self, Definer, GroupInput, Mismatch, NativeArchive, Rewrite, has_foreign_archives,
    join_library_names, native_archives, object_files, rlibs, search_directories,
};
use crate::linker::{self, LibrarySearch, ObjectsBy, scratch_directory};
use crate::making::Making;
use crate::manifest::{
    DanglingReference, FALLBACK_FILE, FallbackReport, GroupManifest, LINKED_FILE, LinkPlan,
    LinkTemplate, NativeLibrary, PLAN_FILE, RECORD_FILE, SharedObject, WrapperPlan, read_json,
    write_json,
};
use crate::options::Word;
use crate::rlib::Shared;
use crate::symbol_tables::SymbolTables;
use crate::{
    Error, Result, bind, constructors, files, interface, options, parallel, response_file, rlib,
    runtime,
};

/// File name of the wrapper when the user names no linker: rustc reads nothing
/// out of it and does what it does by default.
const NEUTRAL_NAME: &str = "linker";

/// Prefix of the names of directories for files that only one link needs.
const SCRATCH_PREFIX: &str = "link-";

/// Puts the wrapper into `directory` and returns the path to give to rustc.
///
/// `program` is the program that calls [`run_if_called_as_linker`]; `linker` the
/// real one.
///
/// # Errors
/// When the directory cannot be written to.
pub fn install(directory: &Path, program: &Path, linker: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
    let name = match linker.file_name() {
        // The name of the default linker tells rustc as little as none at all,
        // and a user who names it gets the same.
        Some(name) if name != "cc" => name,
        _ => NEUTRAL_NAME.as_ref(),
    };
    let path = directory.join(name);
    files::symlink_or_copy(program, &path)?;
    Ok(path)
}

/// The codegen option that makes rustc call the wrapper.
pub fn linker_flag(path: &Path) -> OsString {
    let mut flag = OsString::from("linker=");
    flag.push(path);
    flag
}

/// Removes what earlier links left in `directory`: a report, or the files of one that was
/// killed. To be called when no link is under way there.
///
/// # Errors
/// When the directory cannot be removed or made.
pub fn clear(directory: &Path) -> Result<()> {
    scratch_directory(directory.to_owned()).map(drop)
}

/// Puts the wrapper into `directory`, and what it is to do. Links that are under way there go
/// on.
///
/// # Errors
/// When the directory cannot be written to.
pub fn prepare(directory: &Path, program: &Path, plan: LinkPlan) -> Result<PathBuf> {
    let path = install(directory, program, &plan.linker)?;
    write_json(&directory.join(PLAN_FILE), &WrapperPlan::Link(plan))?;
    Ok(path)
}

/// The report that the wrapper in `directory` left, if it fell back to the static link.
///
/// # Errors
/// When the report cannot be read.
pub fn fallback_report(directory: &Path) -> Result<Option<FallbackReport>> {
    let path = directory.join(FALLBACK_FILE);
    path.exists().then(|| read_json(&path)).transpose()
}

/// The linker that the wrapper in `directory` ran last and its arguments, if they were
/// recorded; at most once.
///
/// # Errors
/// When the record cannot be read or removed.
pub fn take_record(directory: &Path) -> Result<Option<(PathBuf, Vec<OsString>)>> {
    let path = directory.join(RECORD_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let args = read_json(&path)?;
    fs::remove_file(&path).map_err(Error::io("remove", path))?;
    Ok(match read_json(&directory.join(PLAN_FILE))? {
        WrapperPlan::Link(plan) => Some((plan.linker, args)),
        WrapperPlan::Record => None,
    })
}

/// Does the linker's work and exits, if this process was called as the linker.
/// Otherwise returns at once, at the cost of looking at its own name.
pub fn run_if_called_as_linker() {
    let mut args = std::env::args_os();
    let Some(own_name) = args.next().map(PathBuf::from) else {
        return;
    };
    let Some(directory) = own_name.parent().filter(|parent| parent.is_absolute()) else {
        return;
    };
    let plan = directory.join(PLAN_FILE);
    if !plan.exists() {
        return;
    }
    std::process::exit(match work(directory, &plan, args.collect()) {
        Ok(status) => exit_code(status),
        Err(error) => {
            report_error(&error);
            1
        }
    })
}

fn work(directory: &Path, plan: &Path, args: Vec<OsString>) -> Result<ExitStatus> {
    match read_json(plan)? {
        WrapperPlan::Record => {
            let args = join_library_names(response_file::expand(args)?);
            write_json(&directory.join(RECORD_FILE), &args)?;
            Ok(ExitStatus::default())
        }
        WrapperPlan::Link(plan) => {
            let start = Instant::now();
            let status = link(directory, &plan, args)?;
            if status.success() && plan.executable.is_some() {
                // Reports can do without.
                let _ = write_json(&directory.join(LINKED_FILE), &Making::since(start));
            }
            Ok(status)
        }
    }
}

/// Links one executable: against the groups, or, if that fails, as rustc asked.
fn link(directory: &Path, plan: &LinkPlan, original: Vec<OsString>) -> Result<ExitStatus> {
    let report = match link_against_groups(directory, plan, &original) {
        Ok((args, output)) => {
            record(directory, plan, &args)?;
            forward(&output);
            return Ok(output.status);
        }
        Err(Unlinkable::Unfit(mismatch)) => FallbackReport::Unfit {
            libraries: mismatch.libraries(),
            reason: mismatch.to_string(),
        },
        Err(Unlinkable::Engine(error)) => FallbackReport::Engine {
            error: error.chain(),
        },
        Err(Unlinkable::Refused(report)) => report,
    };
    record(directory, plan, &original)?;
    let output = run_original(plan, &original)?;
    forward(&output);
    // A line that fails either way is the user's to mend, from the linker's words
    // on their own line.
    if output.status.success() {
        write_json(&directory.join(FALLBACK_FILE), &report)?;
    }
    Ok(output.status)
}

fn record(directory: &Path, plan: &LinkPlan, args: &[OsString]) -> Result<()> {
    if plan.record {
        write_json(&directory.join(RECORD_FILE), &args)?;
    }
    Ok(())
}

fn run_original(plan: &LinkPlan, original: &[OsString]) -> Result<Output> {
    Command::new(&plan.linker)
        .args(original)
        .output()
        .map_err(|source| Error::Spawn {
            program: plan.linker.clone(),
            source,
        })
}

enum Unlinkable {
    Unfit(Mismatch),
    Engine(Error),
    Refused(FallbackReport),
}

impl From<Error> for Unlinkable {
    fn from(error: Error) -> Self {
        Unlinkable::Engine(error)
    }
}

impl From<Mismatch> for Unlinkable {
    fn from(mismatch: Mismatch) -> Self {
        Unlinkable::Unfit(mismatch)
    }
}

fn link_against_groups(
    directory: &Path,
    plan: &LinkPlan,
    original: &[OsString],
) -> Result<(Vec<OsString>, Output), Unlinkable> {
    let args = join_library_names(response_file::expand(original.iter().cloned())?);
    let on_line: HashSet<String> = rlibs(&args)
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    let OnLine { groups, manifests } = OnLine::read(plan, &on_line)?;
    if groups.is_empty() {
        return Ok((original.to_vec(), run_original(plan, original)?));
    }
    let words = options::words(&args)?;
    options::check(&words)?;
    // Of its own, because rustdoc links many doctests with one wrapper at once.
    let scratch = tempfile::Builder::new()
        .prefix(SCRATCH_PREFIX)
        .disable_cleanup(plan.keep)
        .tempdir_in(directory)
        .map_err(Error::io("create a directory in", directory))?;
    let scratch = scratch.path();
    let mut objects = Objects::read(&args, scratch)?;
    let settled_libraries = settled_libraries(&manifests);
    objects.add_native_archives(&args, &settled_libraries)?;
    let outside = libraries_outside(&args, &groups, &manifests)?;
    check_definitions(&groups, &objects, &outside)?;
    check_shown(&words, &groups)?;
    check_open_references(&groups)?;
    let replaced = replaced_symbols(&groups, &objects, &outside)?;
    let constructors = constructor_objects(&on_line, &groups, &objects, scratch)?;
    let left_to_groups = &settled_libraries - &libraries_to_load(&groups)?;
    let mut run_paths = plan.run_paths.clone();
    if !options::have_run_path(&words) {
        run_paths.extend(linker::inherited_run_path(&plan.linker, &args));
    }
    let link = |inputs: &[GroupInput], objects_by| -> Result<(Vec<OsString>, Output), Unlinkable> {
        let rewritten = Rewrite {
            groups: inputs,
            objects: &objects.copies,
            constructors: &constructors,
            settled_libraries: &left_to_groups,
            run_paths: &run_paths,
            replaced: &replaced,
        }
        .apply(&args)?;
        let command = Command::new(&plan.linker);
        let mut output = linker::run(command, rewritten.clone(), objects_by, scratch)?;
        if output.status.success() {
            check_shared_libraries(&args, &groups)?;
        }
        if output.status.success() && !has_native_libraries(&args, &groups) {
            check_references(&args, &groups, &mut output)?;
        }
        if output.status.success() {
            let executable = link_line::output(&args)?;
            if let Some(symbol) = bind::referred_to_by_distance(executable)? {
                return Err(Mismatch::ByDistance { symbol }.into());
            }
            bind_output(executable, &groups)?;
        }
        Ok((rewritten, output))
    };
    if !has_foreign_archives(&args, &settled_libraries)
        && let Some(stubs) = stubs(
            Wanted::Named(&named_symbols(&objects, &outside)),
            &groups,
            scratch,
        )?
    {
        let linked = link(&stubs, ObjectsBy::File)?;
        if linked.1.status.success() {
            return Ok(linked);
        }
        // All that is in the groups has the last word, on a line as any driver reads it.
    }
    let whole = match stubs(Wanted::All, &groups, scratch)? {
        Some(stubs) => stubs,
        None => groups.iter().map(|group| group.input.clone()).collect(),
    };
    let (rewritten, output) = link(&whole, ObjectsBy::Name)?;
    if !output.status.success() {
        let link_line = directory.join("refused-link-line");
        files::write(&link_line, &response_file::format(&rewritten))?;
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Unlinkable::Refused(FallbackReport::Refused {
            dangling: dangling_references(&stderr, &args, &groups)?,
            link_line,
            stderr,
        }));
    }
    Ok((rewritten, output))
}

/// A shared object of a group that a line uses.
struct Group {
    /// The name of its group for people.
    name: String,
    object: SharedObject,
    /// How to link, if it holds the sysroot crates.
    template: Option<LinkTemplate>,
    /// What only members define that are not on the line: to the program it is not there.
    unseen: HashSet<String>,
    input: GroupInput,
    /// The bytes of the shared object, mapped once: every further map would have the kernel look
    /// up its pages again.
    bytes: Mmap,
}

impl Group {
    /// Takes the names of members that are not on the line out of what the program sees.
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
    fn read<T>(&self, read: impl FnOnce(&[u8]) -> object::read::Result<T>) -> Result<T> {
        read(&self.bytes).map_err(Error::object(&self.input.shared_object))
    }
}

/// A library on the line that is in no group.
struct Outside {
    /// Its name for people.
    name: String,
    shared: Shared,
}

/// Reads the libraries on a line that are in no group: those that stay, and those that
/// the user keeps in the executable.
fn libraries_outside(
    args: &[OsString],
    groups: &[Group],
    manifests: &[GroupManifest],
) -> Result<Vec<Outside>> {
    let stays = manifests.iter().flat_map(|group| &group.stays);
    let names: HashMap<&str, &str> = stays
        .map(|stay| (stay.rlib.as_str(), stay.name.as_str()))
        .collect();
    let mut outside = Vec::new();
    for rlib in rlibs(args) {
        let file_name = rlib.file_name().unwrap_or_default().to_string_lossy();
        let is_member = groups
            .iter()
            .any(|group| group.input.members.contains(&*file_name));
        if !is_member && !file_name.starts_with("libcompiler_builtins-") {
            outside.push(Outside {
                name: names.get(&*file_name).unwrap_or(&&*file_name).to_string(),
                shared: Shared::read(rlib)?,
            });
        }
    }
    Ok(outside)
}

/// What the objects and rlibs on the line name. An archive that is read by the linker alone
/// is not among them.
fn named_symbols<'a>(objects: &'a Objects, outside: &'a [Outside]) -> Names<'a> {
    let names = outside.iter().map(|outside| &outside.shared.names);
    let names = names.chain([&objects.shared.names]).flatten();
    names.map(Vec::as_slice).collect()
}

/// Object files that have the executable run the constructors of the group members on the
/// line, by the file names of their rlibs.
fn constructor_objects(
    on_line: &HashSet<String>,
    groups: &[Group],
    objects: &Objects,
    scratch: &Path,
) -> Result<HashMap<String, PathBuf>, Unlinkable> {
    let mut written = HashMap::new();
    for group in groups {
        let members = group.object.members.iter();
        let members = members.filter(|member| on_line.contains(&member.rlib));
        for member in members.filter(|member| !member.constructors.is_empty()) {
            // A static link takes what an object of the program names. Whether it takes more,
            // only that link can tell.
            let names = &objects.shared.names;
            let mut constructors = member.constructors.iter();
            if let Some(one) = constructors.find(|one| !names.contains(one.entry.as_bytes())) {
                return Err(Unlinkable::Unfit(Mismatch::Unmarked {
                    symbol: one.entry.clone(),
                    definer: Definer::Member(member.name.clone()),
                }));
            }
            let object = scratch.join(format!("constructors-{}.o", written.len()));
            let shared_object = &group.input.shared_object;
            let constructors = &member.constructors;
            constructors::write_object(shared_object, &group.bytes, constructors, &object)?;
            written.insert(member.rlib.clone(), object);
        }
    }
    Ok(written)
}

/// Interface stubs in the place of the shared objects, if all of them can have one.
fn stubs(wanted: Wanted<'_>, groups: &[Group], scratch: &Path) -> Result<Option<Vec<GroupInput>>> {
    let stub = |group: &Group| {
        let soname = &group.object.soname;
        let open_references = &group.object.open_references;
        let shown = Shown {
            wanted,
            unseen: Some(&group.unseen),
        };
        let stub = group.read(|bytes| interface::stub(bytes, soname, shown, open_references))?;
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
    // To look names up is to wait for memory most of the time.
    parallel::map(groups, stub).into_iter().collect()
}

/// What a line has to do with groups.
struct OnLine {
    /// The shared objects that it uses, dependents first: those with a library on the line, and
    /// those that they need. A library that the program names nowhere is not on the line, so a
    /// shared object may be without use here. None at all when every library stays.
    groups: Vec<Group>,
    /// All groups that were planned for it.
    manifests: Vec<GroupManifest>,
}

impl OnLine {
    fn read(plan: &LinkPlan, on_line: &HashSet<String>) -> Result<OnLine, Unlinkable> {
        let mut needed: HashSet<String> = HashSet::new();
        let mut groups = Vec::new();
        let mut manifests = Vec::new();
        for path in &plan.manifests {
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
                    check_sysroot(&members, on_line)?;
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
            return Err(Mismatch::NoMember.into());
        }
        Ok(OnLine { groups, manifests })
    }
}

/// Whether the runtime that rustc links is the one in the group of the sysroot crates.
fn check_sysroot(members: &HashSet<String>, on_line: &HashSet<String>) -> Result<(), Mismatch> {
    let is_runtime = |rlib: &&String| {
        let runtime = ["libstd-", "libpanic_unwind-", "libpanic_abort-"];
        runtime.iter().any(|prefix| rlib.starts_with(prefix))
    };
    if !on_line.iter().any(|rlib| rlib.starts_with("libstd-")) {
        return Err(Mismatch::NoStd);
    }
    match on_line.difference(members).find(is_runtime) {
        Some(rlib) => Err(Mismatch::OtherSysroot { rlib: rlib.clone() }),
        None => Ok(()),
    }
}

/// How many objects are worth a thread that reads them.
const OBJECTS_OF_A_THREAD: usize = 32;

/// What matters in the objects on the line.
#[derive(Default)]
struct Objects {
    /// Copies of those that had to be changed, by path on the line.
    copies: HashMap<PathBuf, PathBuf>,
    /// What they, and but for the names archives beside them, share with other files.
    shared: Shared,
}

impl Objects {
    /// Reads the objects on a line, and copies into `scratch` those that hide a symbol
    /// which ties the program to the runtime in the groups.
    ///
    /// rustc makes the allocator shim for one output and hides what it takes from std
    /// (`__rdl_alloc`), and hides `__rust_alloc` itself when the program has a
    /// `#[global_allocator]`. std in its group takes that symbol from the executable,
    /// so both sides must be visible, or there would be two allocators in the process.
    fn read(args: &[OsString], scratch: &Path) -> Result<Objects> {
        let paths: Vec<&Path> = object_files(args).collect();
        let threads = available_parallelism().map_or(1, usize::from);
        let of_a_thread = paths.len().div_ceil(threads).max(OBJECTS_OF_A_THREAD);
        let chunks: Vec<&[&Path]> = paths.chunks(of_a_thread).collect();
        let mut objects = Objects::default();
        for ReadObjects { shared, to_show } in
            parallel::map(&chunks, |paths| ReadObjects::read(paths))
        {
            objects.shared.add(shared);
            for (path, to_show) in to_show {
                let mut bytes = fs::read(path).map_err(Error::io("read", path))?;
                set_visibility(&mut bytes, &to_show, elf::STV_DEFAULT);
                let copy = scratch.join(format!("{}.o", objects.copies.len()));
                fs::write(&copy, bytes).map_err(Error::io("write", &copy))?;
                objects.copies.insert(path.to_owned(), copy);
            }
        }
        Ok(objects)
    }

    /// Adds what is defined in the archives on a line which no rlib holds: static
    /// libraries of the program itself, or of a crate that does not bundle them.
    fn add_native_archives(&mut self, args: &[OsString], settled: &HashSet<String>) -> Result<()> {
        let directories = search_directories(args);
        for archive in native_archives(args) {
            let path = match archive {
                NativeArchive::File(path) => Some(path.to_owned()),
                NativeArchive::Named { name, .. } if settled.contains(name) => None,
                NativeArchive::Named {
                    name,
                    prefer_shared,
                } => linker::find_archive(&directories, name, prefer_shared),
            };
            // A file that is none is for the linker to refuse.
            if let Some(path) = path.filter(|path| path.is_file()) {
                self.shared.add_definitions(Shared::read(&path)?);
            }
        }
        Ok(())
    }
}

/// What one thread has read of the objects on a line.
#[derive(Default)]
struct ReadObjects<'a> {
    shared: Shared,
    /// Those that hide a symbol which ties the program to its runtime, with the offsets of the
    /// `st_other` bytes of such symbols.
    to_show: Vec<(&'a Path, Vec<u64>)>,
}

impl<'a> ReadObjects<'a> {
    fn read(paths: &[&'a Path]) -> ReadObjects<'a> {
        let mut objects = ReadObjects::default();
        for path in paths {
            // Objects that rustc does not make may be missing, or no ELF at all:
            // that is for the linker to say.
            let Ok(tables) = SymbolTables::read(path) else {
                continue;
            };
            let Ok(Some(symbols)) = with_class!(&tables, global_symbols(&tables)) else {
                continue;
            };
            let is_rust = path.as_os_str().as_bytes().ends_with(rlib::RUST_OBJECT);
            for symbol in &symbols {
                objects.shared.see(symbol, is_rust);
            }
            let to_show: Vec<u64> = symbols
                .iter()
                .filter(|symbol| symbol.is_hidden && symbol.ties_to_runtime())
                .map(|symbol| symbol.st_other)
                .collect();
            if !to_show.is_empty() {
                objects.to_show.push((path, to_show));
            }
        }
        objects
    }
}

/// The native libraries that groups need. The executable has to need them too: its run
/// path is where the user says they are, and serves no other file.
fn libraries_to_load(groups: &[Group]) -> Result<HashSet<String>> {
    let mut libraries = HashSet::new();
    for group in groups {
        let native_libraries = &group.object.native_libraries;
        if native_libraries.is_empty() {
            continue;
        }
        let info = group.read(DynamicInfo::parse)?.unwrap_or_default();
        let is_needed = |library: &&NativeLibrary| match &library.soname {
            Some(soname) => info.needed.contains(soname),
            None => {
                let file_name = format!("lib{}.so", library.name);
                let mut needed = info.needed.iter();
                needed.any(|soname| soname.starts_with(&file_name))
            }
        };
        let needed = native_libraries.iter().filter(is_needed);
        libraries.extend(needed.map(|library| library.name.clone()));
    }
    Ok(libraries)
}

/// Whether a library that is neither a group nor the platform's may define what a group
/// refers to.
fn has_native_libraries(args: &[OsString], groups: &[Group]) -> bool {
    let templates = groups.iter().filter_map(|group| group.template.as_ref());
    let platform: HashSet<&str> = templates
        .flat_map(|template| &template.after)
        .filter_map(|arg| arg.to_str()?.strip_prefix("-l"))
        .collect();
    let objects = groups.iter().map(|group| &group.object);
    let of_groups = objects.flat_map(|object| &object.native_libraries);
    let on_line = native_archives(args)
        .into_iter()
        .filter_map(|archive| match archive {
            NativeArchive::Named { name, .. } => Some(name),
            NativeArchive::File(_) => None,
        });
    of_groups
        .map(|library| library.name.as_str())
        .chain(on_line)
        .any(|name| !platform.contains(name))
}

/// Makes a failure of a link that leaves references of groups undefined. Linkers were
/// asked to look (`--no-allow-shlib-undefined`), but mold 1.10 does not, and the loader
/// would refuse the program.
fn check_references(args: &[OsString], groups: &[Group], output: &mut Output) -> Result<()> {
    let groups: Vec<(&[u8], _)> = groups
        .iter()
        .map(|group| (&group.bytes[..], &group.object.open_references[..]))
        .collect();
    let undefined = interface::undefined_references(link_line::output(args)?, &groups)?;
    if !undefined.is_empty() {
        output.status = ExitStatus::from_raw(1 << 8);
        for symbol in undefined {
            let words = format!("error: undefined symbol: {symbol}\n");
            output.stderr.extend(words.into_bytes());
        }
    }
    Ok(())
}

/// Binds an executable to the groups that it was linked against, and ties it to the runtime in them.
fn bind_output(executable: &Path, groups: &[Group]) -> Result<()> {
    let by_soname: Vec<(&str, &[u8])> = groups
        .iter()
        .map(|group| (&*group.object.soname, &group.bytes[..]))
        .collect();
    bind::bind(executable, &by_soname)?;
    let mut groups = groups.iter();
    match groups.find(|group| group.template.is_some()) {
        Some(sysroot) => runtime::tie_executable(executable, &sysroot.object.soname),
        None => Ok(()),
    }
}

/// Whether each symbol that matters beyond its own library has one definition among the
/// groups, the libraries outside of them, and the program. A static link takes the
/// definition that it meets first; shared objects would each keep their own.
fn check_definitions(
    groups: &[Group],
    objects: &Objects,
    outside: &[Outside],
) -> Result<(), Mismatch> {
    let members = groups.iter().enumerate().flat_map(|(index, group)| {
        let members = group.object.members.iter();
        members.map(move |member| (index, member))
    });
    // Two that are outside clash as they do in a static link, so only what is in a group
    // is compared with all others.
    let mut in_groups: HashMap<&str, &str> = HashMap::new();
    let mut with_state = Vec::new();
    for (group, member) in members {
        let definer = Definer::Member(member.name.clone());
        for symbol in &member.unmangled_definitions {
            if let Some(other) = in_groups.insert(symbol, &member.name) {
                return Err(clash(symbol, definer, Definer::Member(other.to_owned())));
            }
        }
        if !member.shared_state.is_empty() {
            with_state.push((group, definer, &member.shared_state));
        }
    }
    let program = [(Definer::Program, &objects.shared)];
    let others = outside.iter().map(|outside| {
        let definer = Definer::Outside(outside.name.clone());
        (definer, &outside.shared)
    });
    for (definer, shared) in others.chain(program) {
        // What is weak, a static link takes for all or for nobody; with groups, some would get it.
        for symbol in shared.unmangled_definitions.union(&shared.weak_definitions) {
            if let Some(other) = in_groups.get(symbol.as_str()) {
                return Err(clash(symbol, definer, Definer::Member(other.to_string())));
            }
        }
        if !shared.state.is_empty() {
            with_state.push((groups.len(), definer, &shared.state));
        }
    }
    // The linker makes one variable of those in one output.
    for (index, (output, definer, state)) in with_state.iter().enumerate() {
        let others = with_state[..index].iter();
        for (_, other, other_state) in others.filter(|(other, ..)| other != output) {
            if let Some(symbol) = state.divided(other_state) {
                return Err(clash(symbol, definer.clone(), other.clone()));
            }
        }
    }
    Ok(())
}

/// Whether a link arg of this program alone shows what is private in the groups. That of the
/// sysroot crates has nothing that is meant to be seen.
fn check_shown(words: &[Word], groups: &[Group]) -> Result<(), Unlinkable> {
    let Some(link_arg) = options::showing(words) else {
        return Ok(());
    };
    for group in groups {
        let members = group.object.members.iter();
        let mut names = members.flat_map(|member| &member.unmangled_definitions);
        if group.template.is_none()
            && names.next().is_some()
            && group.read(interface::has_private)?
        {
            return Err(Mismatch::Shown { link_arg }.into());
        }
    }
    Ok(())
}

/// Whether a group refers to a private definition of one that is not below it.
fn check_open_references(groups: &[Group]) -> Result<(), Unlinkable> {
    for Group { name, object, .. } in groups {
        let open = object.open_references.iter();
        let open = open.map(|reference| reference.name.as_bytes()).collect();
        let user = format!("the {name}");
        check_seen(&open, &user, groups)?;
    }
    Ok(())
}

/// Whether a shared library that the executable needs names a private definition. In a
/// static link, the linker shows to such a library what it names.
fn check_shared_libraries(args: &[OsString], groups: &[Group]) -> Result<(), Unlinkable> {
    let template = groups.iter().find_map(|group| group.template.as_ref());
    // Nobody means what the sysroot crates define under names of C.
    let of_crates = groups.iter().filter(|group| group.template.is_none());
    let mut members = of_crates.flat_map(|group| &group.object.members);
    let has_private = members.any(|member| !member.unmangled_definitions.is_empty());
    let Some(template) = template.filter(|_| has_private) else {
        return Ok(());
    };
    let is_group = |soname: &str| groups.iter().any(|group| group.object.soname == soname);
    let is_platform = |soname: &str| {
        let mut libraries = template.platform_libraries.iter();
        libraries.any(|library| library.ends_with(soname))
    };
    let info = DynamicInfo::read(link_line::output(args)?)?.unwrap_or_default();
    let mut libraries = info.needed;
    libraries.retain(|soname| !is_group(soname) && !is_platform(soname));
    if libraries.is_empty() {
        return Ok(());
    }
    let native_search: Vec<PathBuf> = search_directories(args)
        .into_iter()
        .map(Path::to_owned)
        .collect();
    let here = Path::new("");
    for library in LibrarySearch::new(template, here, &[]).find(&native_search, &libraries) {
        let user = format!("`{}`", library.file_name().unwrap_or_default().display());
        let bytes = files::map(&library)?;
        let names = interface::names(&bytes).map_err(Error::object(&library))?;
        check_seen(&names, &user, groups)?;
    }
    Ok(())
}

/// Whether none of the symbols that `user` names is a private definition of a group.
fn check_seen(names: &HashSet<&[u8]>, user: &str, groups: &[Group]) -> Result<(), Unlinkable> {
    for group in groups {
        for member in &group.object.members {
            let definitions = member.unmangled_definitions.iter();
            let named: Vec<&str> = definitions
                .filter(|symbol| names.contains(symbol.as_bytes()))
                .map(String::as_str)
                .collect();
            if named.is_empty() {
                continue;
            }
            let private = group.read(|bytes| interface::private_among(bytes, named))?;
            if let Some(symbol) = private {
                return Err(Unlinkable::Unfit(Mismatch::Unseen {
                    symbol: symbol.to_owned(),
                    definer: Definer::Member(member.name.clone()),
                    user: user.to_owned(),
                }));
            }
        }
    }
    Ok(())
}

fn clash(symbol: &str, one: Definer, other: Definer) -> Mismatch {
    Mismatch::Clash {
        symbol: symbol.to_owned(),
        one,
        other,
    }
}

/// The symbols of the platform that groups use and that a library on the line defines in
/// its place.
fn replaced_symbols(
    groups: &[Group],
    objects: &Objects,
    outside: &[Outside],
) -> Result<BTreeSet<String>> {
    let shared = outside.iter().map(|outside| &outside.shared);
    let defined = shared.chain([&objects.shared]);
    let defined: BTreeSet<String> = defined
        .flat_map(|shared| shared.unmangled_definitions.iter().cloned())
        .collect();
    let mut replaced = BTreeSet::new();
    for group in groups {
        replaced.extend(group.read(|bytes| interface::references_among(bytes, &defined))?);
    }
    Ok(replaced)
}

/// The group members that refer to what the linker says nobody defines.
fn dangling_references(
    stderr: &str,
    args: &[OsString],
    groups: &[Group],
) -> Result<Vec<DanglingReference>> {
    let symbols = undefined_symbols(stderr);
    if symbols.is_empty() {
        return Ok(Vec::new());
    }
    let members = groups.iter().flat_map(|group| &group.object.members);
    let names: HashMap<&str, &str> = members
        .map(|member| (member.rlib.as_str(), member.name.as_str()))
        .collect();
    let mut dangling = Vec::new();
    for rlib in rlibs(args) {
        let file_name = rlib.file_name().unwrap_or_default().to_string_lossy();
        let Some(&library) = names.get(&*file_name) else {
            continue;
        };
        let referred = rlib::undefined_among(rlib, &symbols)?;
        dangling.extend(referred.into_iter().map(|symbol| DanglingReference {
            symbol,
            library: library.to_owned(),
        }));
    }
    Ok(dangling)
}

/// The symbols that a linker reports as undefined: lld and mold write `undefined
/// symbol: x` and `undefined reference: x`, GNU ld `undefined reference to `x'`, and
/// wild the same with two backticks.
fn undefined_symbols(stderr: &str) -> BTreeSet<&str> {
    const PHRASES: [&str; 3] = [
        "undefined symbol: ",
        "undefined reference: ",
        "undefined reference to ",
    ];
    let in_line = |line| {
        let find = |phrase| str::split_once(line, phrase).map(|(_, rest)| rest);
        let rest = PHRASES.into_iter().find_map(find)?;
        let quoted = rest.trim_start_matches(['`', '\'']);
        quoted.split([' ', '`', '\'']).next()
    };
    stderr.lines().filter_map(in_line).collect()
}

/// Passes the linker's words on to rustc.
fn forward(output: &Output) {
    // Nobody is left to tell when rustc does not listen.
    let _ = std::io::stdout().write_all(&output.stdout);
    let _ = std::io::stderr().write_all(&output.stderr);
}

fn report_error(error: &Error) {
    let _ = writeln!(std::io::stderr(), "error: {}", error.chain());
}

/// The exit code to end with: the linker's own, or, if a signal ended it, the
/// code by which a shell tells of that signal.
fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_symbols_are_found_in_the_words_of_each_linker() {
        #[track_caller]
        fn check(stderr: &str, expected: &[&str]) {
            let symbols: Vec<_> = undefined_symbols(stderr).into_iter().collect();
            assert_eq!(symbols, expected);
        }
        // rust-lld 22
        check(
            "rust-lld: error: undefined reference: missing\n\
             >>> referenced by /t/deps/local.so (disallowed by --no-allow-shlib-undefined)\n\
             collect2: error: ld returned 1 exit status",
            &["missing"],
        );
        check(
            "rust-lld: error: undefined symbol: missing\n>>> referenced by a.o",
            &["missing"],
        );
        // GNU ld 2.40
        check(
            "/usr/bin/ld: /t/deps/local.so: undefined reference to `missing'\n\
             /usr/bin/ld: /t/deps/local.so: undefined reference to `other'",
            &["missing", "other"],
        );
        // wild 0.10
        check(
            "wild: error: Failed to activate /t/deps/local.so (769 (3/1))\n  Caused by:\n    \
             undefined reference to `missing` from /t/deps/local.so (769 (3/1))",
            &["missing"],
        );
        check("cc: error: no such file", &[]);
    }

    #[test]
    fn links_under_way_go_on_when_the_wrapper_is_prepared_again() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("linker");
        let program = std::env::current_exe().unwrap();
        let plan = LinkPlan {
            executable: None,
            linker: "cc".into(),
            manifests: Vec::new(),
            run_paths: Vec::new(),
            record: false,
            keep: false,
        };
        let path = prepare(&directory, &program, plan.clone()).unwrap();
        let scratch = directory.join(SCRATCH_PREFIX);
        fs::create_dir(&scratch).unwrap();
        assert_eq!(prepare(&directory, &program, plan).unwrap(), path);
        assert!(scratch.exists());
        clear(&directory).unwrap();
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }

    #[test]
    fn the_name_of_the_linker_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let name = |linker: &str| {
            let path = install(directory.path(), &program, Path::new(linker)).unwrap();
            assert_eq!(fs::read_link(&path).unwrap(), program);
            path.file_name().unwrap().to_owned()
        };
        assert_eq!(name("/usr/bin/clang"), "clang");
        assert_eq!(name("ld.lld"), "ld.lld");
        assert_eq!(name("cc"), "linker");
    }
}
