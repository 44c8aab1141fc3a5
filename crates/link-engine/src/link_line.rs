//! rustc's link line, and how it changes when groups take the place of rlibs.
//!
//! The line is edited, never composed anew: whatever rustc, the user or a build
//! script put on it stays where it is. Only what is understood is touched, and
//! an unknown argument is passed on as it came.
//!
//! Each [`Family`] of linkers has words of its own for what has to be said:
//!
//! | | ELF | Darwin | Mingw | MSVC |
//! |---|---|---|---|---|
//! | a shared object | `-shared` | `-dynamiclib` (linker: `-dylib`) | `-shared` | `/DLL` |
//! | under its own name | `-soname` | `-install_name @rpath/…` | module definition ([`pe`](crate::pe)) | likewise |
//! | from all of an rlib | `--whole-archive` | `-force_load` | `--whole-archive` | `/WHOLEARCHIVE:` |
//! | that takes symbols of the executable | as it is | `-undefined dynamic_lookup` | impossible | impossible |
//! | to be linked against | itself, or a stub | itself | import library | import library |
//! | and loaded even if the executable does not refer to it | `--no-as-needed` | `-needed_library` | by a reference only | likewise |
//! | an executable that shows its symbols | to those on the line | `-export_dynamic` | | |
//! | and finds it | `-rpath` | `-rpath` | `PATH` | `PATH` |
//!
//! What is impossible, and that MSVC code reaches data of a DLL by another instruction than its
//! own, is why executables for Windows are linked statically.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::manifest::LinkTemplate;
use crate::syntax::{Family, Reader, Syntax, joined};
use crate::{Error, Result};

/// What one argument means to us.
#[derive(Debug, PartialEq, Eq)]
enum Meaning<'a> {
    /// `-Bstatic` and `-Bdynamic`: which kind a `-l` that follows looks for.
    PreferShared(bool),
    /// `--as-needed` and `--no-as-needed`: whether a shared object that follows is
    /// dropped when no object file needs it.
    AsNeeded(bool),
    /// `-lfoo`, or `foo.lib`.
    NativeLibrary(&'a str),
    /// An rlib, by path.
    Rlib(&'a Path),
    /// An object file, by path.
    Object(&'a Path),
    /// Anything else.
    Other,
}

fn meaning(family: Family, arg: &OsStr) -> Meaning<'_> {
    match family {
        Family::Elf | Family::Darwin | Family::Mingw => unix_meaning(arg),
        Family::Msvc => msvc_meaning(arg),
    }
}

fn unix_meaning(arg: &OsStr) -> Meaning<'_> {
    let bytes = arg.as_bytes();
    let option = bytes.strip_prefix(b"-Wl,").unwrap_or(bytes);
    match option {
        b"-Bstatic" | b"-dn" | b"-non_shared" => return Meaning::PreferShared(false),
        b"-Bdynamic" | b"-dy" | b"-call_shared" => return Meaning::PreferShared(true),
        b"--as-needed" => return Meaning::AsNeeded(true),
        b"--no-as-needed" => return Meaning::AsNeeded(false),
        _ => {}
    }
    if let Some(name) = bytes.strip_prefix(b"-l") {
        return std::str::from_utf8(name).map_or(Meaning::Other, Meaning::NativeLibrary);
    }
    if bytes.starts_with(b"-") {
        return Meaning::Other;
    }
    let path = Path::new(arg);
    match path.extension().map(OsStr::as_bytes) {
        Some(b"rlib") => Meaning::Rlib(path),
        Some(b"o") => Meaning::Object(path),
        _ => Meaning::Other,
    }
}

fn msvc_meaning(arg: &OsStr) -> Meaning<'_> {
    let bytes = arg.as_bytes();
    // `/OUT:app.exe` is an option, `/tmp/symbols.o` a file.
    let is_option = bytes.strip_prefix(b"/").is_some_and(|option| {
        let name = option.split(|&byte| byte == b':').next();
        name.is_some_and(|name| name.iter().all(u8::is_ascii_alphanumeric))
    });
    let path = Path::new(arg);
    match path.extension().map(OsStr::as_bytes) {
        _ if is_option => Meaning::Other,
        Some(b"rlib") => Meaning::Rlib(path),
        Some(b"o" | b"obj") => Meaning::Object(path),
        Some(b"lib") => path
            .file_stem()
            .and_then(OsStr::to_str)
            .map_or(Meaning::Other, Meaning::NativeLibrary),
        _ => Meaning::Other,
    }
}

/// Writes `-l foo` as `-lfoo`, which is the same to linkers and the one form that is read here.
pub fn join_library_names(args: Vec<OsString>) -> Vec<OsString> {
    let mut joined = Vec::with_capacity(args.len());
    let mut rest = args.into_iter();
    while let Some(mut arg) = rest.next() {
        if arg == "-l" {
            arg.push(rest.next().unwrap_or_default());
        }
        joined.push(arg);
    }
    joined
}

/// Whether an argument of a driver or linker in the manner of Unix is an object file.
pub(crate) fn is_object(arg: &OsStr) -> bool {
    matches!(unix_meaning(arg), Meaning::Object(_))
}

/// The object files on a link line.
pub fn object_files(args: &[OsString]) -> impl Iterator<Item = &Path> {
    let family = Syntax::of(args).family;
    args.iter()
        .filter_map(move |arg| match meaning(family, arg) {
            Meaning::Object(path) => Some(path),
            _ => None,
        })
}

/// Whether objects may come from an archive other than an rlib, whose symbols only
/// the linker sees: one given by path, or a library that is not among `shared`.
pub fn has_foreign_archives(args: &[OsString], shared: &HashSet<String>) -> bool {
    let family = Syntax::of(args).family;
    args.iter().any(|arg| match meaning(family, arg) {
        Meaning::NativeLibrary(name) => !shared.contains(name),
        Meaning::Other => arg.as_bytes().ends_with(b".a"),
        _ => false,
    })
}

/// A native library on a link line that may be an archive.
#[derive(Debug, PartialEq, Eq)]
pub enum NativeArchive<'a> {
    /// One that is given by path.
    File(&'a Path),
    /// One to be looked for, as `lib<name>.a`.
    Named {
        /// Its name.
        name: &'a str,
        /// Whether a shared library of that name is taken first.
        prefer_shared: bool,
    },
}

/// The native libraries on a link line that may be archives.
pub fn native_archives(args: &[OsString]) -> Vec<NativeArchive<'_>> {
    let family = Syntax::of(args).family;
    let mut prefer_shared = true;
    let mut archives = Vec::new();
    for arg in args {
        match meaning(family, arg) {
            Meaning::PreferShared(shared) => prefer_shared = shared,
            Meaning::NativeLibrary(name) => archives.push(NativeArchive::Named {
                name,
                prefer_shared,
            }),
            Meaning::Other if arg.as_bytes().ends_with(b".a") => {
                archives.push(NativeArchive::File(Path::new(arg)));
            }
            _ => {}
        }
    }
    archives
}

/// The directories of a link line in which its native libraries are looked for.
pub fn search_directories(args: &[OsString]) -> Vec<&Path> {
    let mut directories = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_bytes().strip_prefix(b"-L") {
            Some(b"") => directories.extend(rest.next().map(Path::new)),
            Some(directory) => directories.push(Path::new(OsStr::from_bytes(directory))),
            None => {}
        }
    }
    directories
}

/// The output file of a link line.
///
/// # Errors
/// When there is none.
pub fn output(args: &[OsString]) -> Result<&Path> {
    let output = match Syntax::of(args).family {
        Family::Msvc => args.iter().find_map(|arg| msvc_output(arg)),
        Family::Elf | Family::Darwin | Family::Mingw => {
            let option = args.iter().position(|arg| arg == "-o");
            option
                .and_then(|index| args.get(index + 1))
                .map(OsString::as_os_str)
        }
    };
    output.map(Path::new).ok_or(Error::LinkLine {
        missing: "output file",
    })
}

fn msvc_output(arg: &OsStr) -> Option<&OsStr> {
    let path = arg.as_bytes().strip_prefix(b"/OUT:")?;
    Some(OsStr::from_bytes(path))
}

/// A group, as the link line of an executable has to know it.
#[derive(Debug, Clone)]
pub struct GroupInput {
    /// Path of the shared object, or of what the linker reads in its place.
    pub shared_object: PathBuf,
    /// File names of the rlibs inside.
    pub members: HashSet<String>,
}

/// The rlibs on a link line.
pub fn rlibs(args: &[OsString]) -> impl Iterator<Item = &Path> {
    let family = Syntax::of(args).family;
    args.iter()
        .filter_map(move |arg| match meaning(family, arg) {
            Meaning::Rlib(path) => Some(path),
            _ => None,
        })
}

/// What is to become of the link line of an executable.
#[derive(Debug)]
pub struct Rewrite<'a> {
    /// The groups, dependents first.
    pub groups: &'a [GroupInput],
    /// Object files to be replaced: path on the link line to path of the copy.
    pub objects: &'a HashMap<PathBuf, PathBuf>,
    /// Object files that run the constructors of libraries in the groups, by the file names of
    /// the rlibs in whose places they go.
    pub constructors: &'a HashMap<String, PathBuf>,
    /// Native libraries for which somebody else answers: the platform's, and
    /// those that a group was linked with.
    pub settled_libraries: &'a HashSet<String>,
    /// Entries for the run path, in order.
    pub run_paths: &'a [OsString],
    /// Symbols of the platform that the groups use and that a library on the line defines
    /// in its place. A linker takes nothing from an archive for a reference that it does
    /// not see.
    pub replaced: &'a BTreeSet<String>,
}

/// Who defines a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definer {
    /// A group member, by its name for people.
    Member(String),
    /// A library that is linked into the executable, by its name for people.
    Outside(String),
    /// The objects of the program.
    Program,
}

impl fmt::Display for Definer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Definer::Member(name) | Definer::Outside(name) => write!(f, "`{name}`"),
            Definer::Program => f.write_str("the program"),
        }
    }
}

/// Why the groups do not fit a link line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// rustc changed an rlib before linking it.
    #[error("rustc links a changed copy of `{rlib}`")]
    ChangedRlib {
        /// File name of the rlib.
        rlib: String,
    },
    /// The line names none of the rlibs in the groups.
    #[error("the program links none of the libraries in the groups")]
    NoMember,
    /// A symbol would be there twice, each with a state of its own.
    #[error("`{symbol}` is defined by both {one} and {other}")]
    Clash {
        /// The symbol.
        symbol: String,
        /// Who defines it.
        one: Definer,
        /// Who defines it too.
        other: Definer,
    },
    /// A link arg gives a symbol another meaning in all that is linked, and what is in
    /// the groups was linked without it.
    #[error("the link arg `{link_arg}` is for all libraries, and groups are linked without it")]
    Rebound {
        /// The link arg.
        link_arg: String,
    },
    /// A link arg brings a linker script, which decides on the sections of all libraries.
    #[error("the link arg `{link_arg}` brings a linker script, which may gather what is in groups")]
    Scripted {
        /// The link arg.
        link_arg: String,
    },
    /// A link arg shows the symbols of the program to what it loads later.
    #[error(
        "the link arg `{link_arg}` shows symbols to what the program loads, and groups are \
         linked without it"
    )]
    Shown {
        /// The link arg.
        link_arg: String,
    },
    /// A library runs code before `main`, and the line does not say whether a static link
    /// takes it.
    #[error(
        "{definer} has code to be run before `main` that rustc does not mark as used (`{symbol}`)"
    )]
    Unmarked {
        /// The symbol of the entry in the list of such code.
        symbol: String,
        /// The library.
        definer: Definer,
    },
    /// The executable refers to a symbol of a shared object in a way that gives it another
    /// address, or none.
    #[error("the program refers to `{symbol}` by the distance from its code (assembler?)")]
    ByDistance {
        /// The symbol.
        symbol: String,
    },
    /// A symbol is used where the definition in a group is not seen.
    #[error("`{symbol}` is defined by {definer}, and {user} uses it without depending on it")]
    Unseen {
        /// The symbol.
        symbol: String,
        /// Who defines it.
        definer: Definer,
        /// The group or shared library that uses it, for people.
        user: String,
    },
    /// A group refers to a symbol without a version, and the loader would not take for it what a
    /// linker takes.
    #[error(
        "`{library}` has versions of `{symbol}`, and no build script asks for that library, so that \
         a group would get an older version"
    )]
    OlderVersion {
        /// The symbol.
        symbol: String,
        /// File name of the library that defines it.
        library: String,
        /// The group members that refer to it, by their names for people.
        users: Vec<String>,
    },
    /// The line has another standard library or panic runtime than the groups.
    #[error("rustc links `{rlib}`, and the groups another one")]
    OtherSysroot {
        /// File name of the rlib.
        rlib: String,
    },
    /// The line lacks the standard library, while the groups use it.
    #[error("the program does not link the standard library")]
    NoStd,
}

impl Mismatch {
    /// The libraries at fault, by their names for people.
    pub(crate) fn libraries(&self) -> Vec<String> {
        let definers = match self {
            Mismatch::Clash { one, other, .. } => vec![one, other],
            Mismatch::Unseen { definer, .. } | Mismatch::Unmarked { definer, .. } => vec![definer],
            Mismatch::OlderVersion { users, .. } => return users.clone(),
            _ => return Vec::new(),
        };
        definers
            .into_iter()
            .filter_map(|definer| match definer {
                Definer::Member(name) => Some(name.clone()),
                Definer::Outside(_) | Definer::Program => None,
            })
            .collect()
    }
}

impl Rewrite<'_> {
    /// The link line with the groups in it.
    ///
    /// The shared objects come in where the first of their rlibs stood, and are
    /// needed whether or not the executable's own objects refer to them: what
    /// one group takes from another must be loaded.
    ///
    /// # Errors
    /// When the groups do not fit what rustc links.
    pub fn apply(&self, args: &[OsString]) -> Result<Vec<OsString>, Mismatch> {
        let syntax = Syntax::of(args);
        let members: HashSet<&str> = self
            .groups
            .iter()
            .flat_map(|group| &group.members)
            .map(String::as_str)
            .collect();
        let mut rewritten = Vec::with_capacity(args.len());
        let mut prefer_shared = true;
        let mut as_needed = false;
        let mut placed = false;
        for arg in args {
            match meaning(syntax.family, arg) {
                Meaning::PreferShared(shared) => prefer_shared = shared,
                Meaning::AsNeeded(needed) => as_needed = needed,
                Meaning::Rlib(path) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    if members.contains(&*name) {
                        if is_temporary_copy(path) {
                            return Err(Mismatch::ChangedRlib {
                                rlib: name.into_owned(),
                            });
                        }
                        if !placed {
                            placed = true;
                            self.place_groups(syntax, prefer_shared, as_needed, &mut rewritten);
                        }
                        rewritten.extend(self.constructors.get(&*name).map(Into::into));
                        continue;
                    }
                }
                Meaning::NativeLibrary(name) if as_needed && !self.settles(name) => {
                    // Its users moved into the groups, where the linker does not
                    // look when it decides on what is needed.
                    syntax.push(&mut rewritten, &["--no-as-needed"]);
                    rewritten.push(arg.clone());
                    syntax.push(&mut rewritten, &["--as-needed"]);
                    continue;
                }
                Meaning::Object(path) => {
                    if let Some(copy) = self.objects.get(path) {
                        rewritten.push(copy.into());
                        continue;
                    }
                }
                Meaning::NativeLibrary(_) | Meaning::Other => {}
            }
            rewritten.push(arg.clone());
        }
        if !placed {
            return Err(Mismatch::NoMember);
        }
        for run_path in self.run_paths {
            syntax.push(&mut rewritten, &[OsStr::new("-rpath"), run_path]);
        }
        Ok(rewritten)
    }

    fn settles(&self, library: &str) -> bool {
        self.settled_libraries.contains(library)
    }

    fn place_groups(
        &self,
        syntax: Syntax,
        prefer_shared: bool,
        as_needed: bool,
        rewritten: &mut Vec<OsString>,
    ) {
        let groups = self.groups.iter().map(|group| &group.shared_object);
        match syntax.family {
            Family::Elf => {
                syntax.push(rewritten, &["--enable-new-dtags"]);
                // A copy relocation would give a variable a second address.
                syntax.push(rewritten, &["-z", "nocopyreloc"]);
                // GNU ld and lld check by default what other linkers leave to the loader.
                syntax.push(rewritten, &["--no-allow-shlib-undefined"]);
                for symbol in self.replaced {
                    syntax.push(rewritten, &["-u", symbol]);
                }
                syntax.push(rewritten, &["-Bdynamic"]);
                syntax.push(rewritten, &["--no-as-needed"]);
                rewritten.extend(groups.map(Into::into));
                if as_needed {
                    syntax.push(rewritten, &["--as-needed"]);
                }
                if !prefer_shared {
                    syntax.push(rewritten, &["-Bstatic"]);
                }
            }
            Family::Darwin => {
                // rustc passes `-dead_strip`, which knows nothing of what a group takes from
                // the executable.
                syntax.push(rewritten, &["-export_dynamic"]);
                for group in groups {
                    syntax.push(
                        rewritten,
                        &[OsStr::new("-needed_library"), group.as_os_str()],
                    );
                }
            }
            Family::Mingw | Family::Msvc => rewritten.extend(groups.map(Into::into)),
        }
    }
}

/// rustc links an rlib from where it lies, unless it had to take something out:
/// then it links a copy in its temporary directory `rustcXXXXXX`.
fn is_temporary_copy(rlib: &Path) -> bool {
    rlib.parent()
        .and_then(Path::file_name)
        .is_some_and(|name| name.as_bytes().starts_with(b"rustc") && name.len() == 11)
}

/// Takes a recorded link line of a program apart.
///
/// Returns the template for links of the same kind and the rlibs on the line, in
/// order, without those that go into every output.
///
/// # Errors
/// When the line is not that of a Rust program.
pub fn dissect(linker: &Path, args: &[OsString]) -> Result<(LinkTemplate, Vec<PathBuf>)> {
    let output = output(args)?;
    let family = Syntax::of(args).family;
    let mut template = LinkTemplate {
        builtin_definitions: Default::default(),
        linker: linker.to_owned(),
        before: Vec::new(),
        after: Vec::new(),
        builtins: Vec::new(),
        platform_libraries: Vec::new(),
        packs_relocations: false,
    };
    let mut rlibs = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match meaning(family, arg) {
            Meaning::Rlib(path) if is_builtins(path) => template.builtins.push(path.to_owned()),
            Meaning::Rlib(path) => rlibs.push(path.to_owned()),
            Meaning::Object(_) | Meaning::PreferShared(_) | Meaning::AsNeeded(_) => {}
            Meaning::NativeLibrary(_) | Meaning::Other => {
                let value = takes_value(arg).then(|| rest.next()).flatten();
                let is_output = match family {
                    Family::Msvc => msvc_output(arg).is_some(),
                    _ => arg == "-o" || Path::new(arg) == output,
                };
                if is_output || is_for_executables(arg) || value.is_some_and(|v| is_temporary(v)) {
                    continue;
                }
                let side = if rlibs.is_empty() {
                    &mut template.before
                } else {
                    &mut template.after
                };
                side.push(arg.clone());
                side.extend(value.cloned());
            }
        }
    }
    if rlibs.is_empty() {
        return Err(Error::LinkLine { missing: "rlib" });
    }
    Ok((template, rlibs))
}

fn takes_value(arg: &OsStr) -> bool {
    matches!(
        arg.as_bytes(),
        b"-L" | b"-o" | b"-l" | b"-B" | b"-m" | b"-z" | b"-T" | b"-Xlinker" | b"-target"
    )
}

/// Flags that make an executable of the output, or drop what nothing refers to:
/// in a shared object everything that is exported counts as referred to, so that
/// looking costs time and finds nothing.
fn is_for_executables(arg: &OsStr) -> bool {
    let bytes = arg.as_bytes();
    matches!(
        bytes.strip_prefix(b"-Wl,").unwrap_or(bytes),
        b"-pie"
            | b"--pie"
            | b"-no-pie"
            | b"--no-pie"
            | b"-static-pie"
            | b"--gc-sections"
            | b"-dead_strip"
    ) || bytes.starts_with(b"/OPT:")
}

/// Directories that rustc makes for one link and removes afterwards.
fn is_temporary(path: &OsStr) -> bool {
    Path::new(path).file_name() == Some(OsStr::new("raw-dylibs"))
}

fn is_builtins(rlib: &Path) -> bool {
    rlib.file_name()
        .is_some_and(|name| name.as_bytes().starts_with(b"libcompiler_builtins-"))
}

/// The inputs of the link of a group.
#[derive(Debug)]
pub struct GroupLine<'a> {
    /// How to link on this platform.
    pub template: &'a LinkTemplate,
    /// DT_SONAME of the output.
    pub soname: &'a str,
    /// The file to write.
    pub output: &'a Path,
    /// Rlibs of the members, or changed copies of them.
    pub rlibs: &'a [PathBuf],
    /// Shared objects of the groups below, or what the linker reads in their place.
    pub below: &'a [PathBuf],
    /// Directories to look for native libraries in.
    pub native_search: &'a [PathBuf],
    /// Native libraries, as `-l` arguments.
    pub native_libraries: &'a [OsString],
    /// Entries for the run path.
    pub run_paths: &'a [OsString],
    /// Further linker options, as for stripping, or a module definition.
    pub options: &'a [OsString],
}

impl GroupLine<'_> {
    /// The arguments that make the shared object. For PE there is an import library beside the
    /// output too, with [`import_library`](GroupLine::import_library) as its name.
    pub fn args(&self) -> Vec<OsString> {
        let template = self.template;
        let all: Vec<_> = template
            .before
            .iter()
            .chain(&template.after)
            .cloned()
            .collect();
        let syntax = Syntax::of(&all);
        let mut args = template.before.clone();
        self.push_output(syntax, &mut args);
        for run_path in self.run_paths {
            syntax.push(&mut args, &[OsStr::new("-rpath"), run_path]);
        }
        for option in self.options {
            syntax.push(&mut args, &[option]);
        }
        self.push_members(syntax, &mut args);
        args.extend(template.builtins.iter().map(Into::into));
        self.push_below(syntax, &mut args);
        for directory in self.native_search {
            match syntax.family {
                Family::Elf | Family::Darwin | Family::Mingw => {
                    args.push("-L".into());
                    args.push(directory.into());
                }
                Family::Msvc => args.push(joined("/LIBPATH:", directory)),
            }
        }
        args.extend(self.native_libraries.iter().cloned());
        args.extend(template.after.iter().cloned());
        args
    }

    /// Where a linker for PE puts the import library.
    pub fn import_library(output: &Path) -> PathBuf {
        let mut path = output.as_os_str().to_owned();
        path.push(".lib");
        path.into()
    }

    fn push_output(&self, syntax: Syntax, args: &mut Vec<OsString>) {
        let push_shared = |args: &mut Vec<OsString>, option: &str| {
            args.push(option.into());
            args.push("-o".into());
            args.push(self.output.into());
        };
        let import_library = GroupLine::import_library(self.output);
        match syntax.family {
            Family::Elf => {
                push_shared(args, "-shared");
                syntax.push(args, &["-soname", self.soname]);
                // Calls from a group to itself are bound now and cost nothing at start.
                // Data stays preemptible: a C++ type that several groups define must be
                // one object in the process. That of Rust is bound afterwards (`bind`).
                syntax.push(args, &["-Bsymbolic-functions"]);
                syntax.push(args, &["--hash-style=gnu"]);
                syntax.push(args, &["--enable-new-dtags"]);
            }
            Family::Darwin => {
                push_shared(
                    args,
                    match syntax.reader {
                        Reader::Driver => "-dynamiclib",
                        Reader::Linker => "-dylib",
                    },
                );
                syntax.push(
                    args,
                    &[OsStr::new("-install_name"), &joined("@rpath/", self.soname)],
                );
                // Room for whoever packs the executable and has to write longer names.
                syntax.push(args, &["-headerpad_max_install_names"]);
                syntax.push(args, &["-undefined", "dynamic_lookup"]);
            }
            Family::Mingw => {
                push_shared(args, "-shared");
                syntax.push(
                    args,
                    &[OsStr::new("--out-implib"), import_library.as_os_str()],
                );
            }
            Family::Msvc => {
                args.push("/DLL".into());
                args.push(joined("/OUT:", self.output));
                args.push(joined("/IMPLIB:", import_library));
            }
        }
    }

    fn push_members(&self, syntax: Syntax, args: &mut Vec<OsString>) {
        match syntax.family {
            Family::Elf | Family::Mingw => {
                syntax.push(args, &["--whole-archive"]);
                args.extend(self.rlibs.iter().map(Into::into));
                syntax.push(args, &["--no-whole-archive"]);
            }
            Family::Darwin => {
                // Not `-all_load`, which is for all archives on the line.
                for rlib in self.rlibs {
                    syntax.push(args, &[OsStr::new("-force_load"), rlib.as_os_str()]);
                }
            }
            Family::Msvc => {
                args.extend(self.rlibs.iter().map(|rlib| joined("/WHOLEARCHIVE:", rlib)));
            }
        }
    }

    fn push_below(&self, syntax: Syntax, args: &mut Vec<OsString>) {
        match syntax.family {
            Family::Elf => {
                syntax.push(args, &["--no-as-needed"]);
                args.extend(self.below.iter().map(Into::into));
                syntax.push(args, &["--as-needed"]);
            }
            Family::Darwin => {
                for group in self.below {
                    syntax.push(args, &[OsStr::new("-needed_library"), group.as_os_str()]);
                }
            }
            Family::Mingw | Family::Msvc => args.extend(self.below.iter().map(Into::into)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As rustc 1.95 writes it for a program that uses one crate, less the crates
    /// behind std.
    const LINE: &str = "-m64 /tmp/rustcAbCdEf/symbols.o app.rcgu.o -Wl,--as-needed -Wl,-Bstatic \
        /t/deps/libdep-1.rlib /s/lib/libstd-2.rlib /s/lib/libcompiler_builtins-3.rlib \
        -Wl,-Bdynamic -lgcc_s -lc -L /tmp/rustcAbCdEf/raw-dylibs -B/s/gcc-ld -fuse-ld=lld \
        -Wl,--eh-frame-hdr -L /s/lib -o /t/deps/app-4 -Wl,--gc-sections -pie -nodefaultlibs";

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn text(args: &[OsString]) -> String {
        let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        words.join(" ")
    }

    fn group(file: &str, members: &[&str]) -> GroupInput {
        GroupInput {
            shared_object: file.into(),
            members: members.iter().map(|member| member.to_string()).collect(),
        }
    }

    fn rewrite(line: &str, groups: &[GroupInput]) -> Result<String, Mismatch> {
        let objects = HashMap::from([("app.rcgu.o".into(), "/copy/0.o".into())]);
        Rewrite {
            groups,
            objects: &objects,
            constructors: &HashMap::new(),
            settled_libraries: &["gcc_s".to_owned(), "c".to_owned()].into(),
            run_paths: &["$ORIGIN".into(), "/t/a,b/deps".into()],
            replaced: &["rand".to_owned()].into(),
        }
        .apply(&words(line))
        .map(|args| text(&args))
    }

    #[test]
    fn groups_take_the_place_of_their_members() {
        let groups = [
            group("/t/deps/frozen.so", &["libdep-1.rlib"]),
            group("/t/deps/sysroot.so", &["libstd-2.rlib"]),
        ];
        assert_eq!(
            rewrite(LINE, &groups).unwrap(),
            "-m64 /tmp/rustcAbCdEf/symbols.o /copy/0.o -Wl,--as-needed -Wl,-Bstatic \
             -Xlinker --enable-new-dtags -Xlinker -z -Xlinker nocopyreloc \
             -Xlinker --no-allow-shlib-undefined -Xlinker -u -Xlinker rand -Xlinker -Bdynamic -Xlinker --no-as-needed \
             /t/deps/frozen.so /t/deps/sysroot.so -Xlinker --as-needed -Xlinker -Bstatic \
             /s/lib/libcompiler_builtins-3.rlib \
             -Wl,-Bdynamic -lgcc_s -lc -L /tmp/rustcAbCdEf/raw-dylibs -B/s/gcc-ld -fuse-ld=lld \
             -Wl,--eh-frame-hdr -L /s/lib -o /t/deps/app-4 -Wl,--gc-sections -pie -nodefaultlibs \
             -Xlinker -rpath -Xlinker $ORIGIN -Xlinker -rpath -Xlinker /t/a,b/deps"
        );
    }

    #[test]
    fn a_library_that_stays_keeps_its_place() {
        let groups = [group("/t/deps/sysroot.so", &["libstd-2.rlib"])];
        let line = rewrite(LINE, &groups).unwrap();
        let stays = line.find("/t/deps/libdep-1.rlib").unwrap();
        assert!(stays < line.find("/t/deps/sysroot.so").unwrap(), "{line}");
        assert!(!line.contains("libstd-2"), "{line}");
    }

    #[test]
    fn a_linker_without_driver_gets_bare_options() {
        let line = "--as-needed -Bstatic /s/libstd-2.rlib -Bdynamic -lc --eh-frame-hdr -o app";
        assert_eq!(
            rewrite(line, &[group("/sysroot.so", &["libstd-2.rlib"])]).unwrap(),
            "--as-needed -Bstatic --enable-new-dtags -z nocopyreloc --no-allow-shlib-undefined -u rand \
             -Bdynamic --no-as-needed /sysroot.so --as-needed -Bstatic \
             -Bdynamic -lc --eh-frame-hdr -o app -rpath $ORIGIN -rpath /t/a,b/deps"
        );
    }

    #[test]
    fn a_native_library_of_a_member_is_kept() {
        let line = LINE.replace("-lgcc_s", "-lz -lgcc_s");
        let groups = [group("/sysroot.so", &["libstd-2.rlib"])];
        let line = rewrite(&line, &groups).unwrap();
        assert!(
            line.contains("-Xlinker --no-as-needed -lz -Xlinker --as-needed -lgcc_s -lc"),
            "{line}"
        );
    }

    #[test]
    fn names_of_libraries_in_words_of_their_own_are_joined() {
        let args = ["-l", "foo", "-lbar", "-o", "out", "-l"].map(OsString::from);
        let joined = join_library_names(args.to_vec());
        assert_eq!(joined, ["-lfoo", "-lbar", "-o", "out", "-l"]);
    }

    #[test]
    fn foreign_archives_are_seen() {
        let shared = ["gcc_s".to_owned(), "c".to_owned()].into();
        assert!(!has_foreign_archives(&words(LINE), &shared));
        assert!(has_foreign_archives(
            &words(&format!("{LINE} /x/libfoo.a")),
            &shared
        ));
        assert!(has_foreign_archives(
            &words(&LINE.replace("-lc", "-lz -lc")),
            &shared
        ));
    }

    #[test]
    fn native_archives_are_seen_with_where_to_look_for_them() {
        let line = words("-L /a -L/b -Wl,-Bstatic -lown -Wl,-Bdynamic -lm /x/libz.a -o out");
        assert_eq!(
            search_directories(&line),
            [Path::new("/a"), Path::new("/b")]
        );
        let named = |name, prefer_shared| NativeArchive::Named {
            name,
            prefer_shared,
        };
        assert_eq!(
            native_archives(&line),
            [
                named("own", false),
                named("m", true),
                NativeArchive::File(Path::new("/x/libz.a"))
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let line = LINE.replace("/t/deps/libdep-1", "/tmp/rustcAbCdEf/libdep-1");
        let groups = [group("/t/deps/frozen.so", &["libdep-1.rlib"])];
        assert_eq!(
            rewrite(&line, &groups),
            Err(Mismatch::ChangedRlib {
                rlib: "libdep-1.rlib".into()
            })
        );
        assert_eq!(
            rewrite(LINE, &[group("/o.so", &["libother-9.rlib"])]),
            Err(Mismatch::NoMember)
        );
    }

    #[test]
    fn a_recorded_line_becomes_a_template() {
        let (template, rlibs) = dissect(Path::new("cc"), &words(LINE)).unwrap();
        assert_eq!(text(&template.before), "-m64");
        assert_eq!(
            text(&template.after),
            "-lgcc_s -lc -B/s/gcc-ld -fuse-ld=lld -Wl,--eh-frame-hdr -L /s/lib -nodefaultlibs"
        );
        assert_eq!(
            template.builtins,
            [Path::new("/s/lib/libcompiler_builtins-3.rlib")]
        );
        assert_eq!(
            rlibs,
            [
                Path::new("/t/deps/libdep-1.rlib"),
                Path::new("/s/lib/libstd-2.rlib")
            ]
        );
        assert_eq!(output(&words(LINE)).unwrap(), Path::new("/t/deps/app-4"));
    }

    #[test]
    fn a_group_is_linked_whole() {
        let (template, _) = dissect(Path::new("cc"), &words(LINE)).unwrap();
        let line = GroupLine {
            template: &template,
            soname: "frozen-1.so",
            output: Path::new("/t/deps/.tmp"),
            rlibs: &["/t/deps/libdep-1.rlib".into()],
            below: &["/t/deps/sysroot.so".into()],
            native_search: &["/native".into()],
            native_libraries: &["-lz".into()],
            run_paths: &["$ORIGIN".into()],
            options: &[],
        };
        assert_eq!(
            text(&line.args()),
            "-m64 -shared -o /t/deps/.tmp -Xlinker -soname -Xlinker frozen-1.so \
             -Xlinker -Bsymbolic-functions -Xlinker --hash-style=gnu -Xlinker --enable-new-dtags \
             -Xlinker -rpath -Xlinker $ORIGIN \
             -Xlinker --whole-archive /t/deps/libdep-1.rlib -Xlinker --no-whole-archive \
             /s/lib/libcompiler_builtins-3.rlib -Xlinker --no-as-needed /t/deps/sysroot.so \
             -Xlinker --as-needed -L /native -lz \
             -lgcc_s -lc -B/s/gcc-ld -fuse-ld=lld -Wl,--eh-frame-hdr -L /s/lib -nodefaultlibs"
        );
    }

    #[test]
    fn a_line_without_output_or_rlib_is_an_error() {
        assert!(output(&words("-lc")).is_err());
        assert!(dissect(Path::new("cc"), &words("-o out a.o")).is_err());
    }

    proptest! {
        /// Whatever is on the line and is no member stays, in its order.
        #[test]
        fn no_other_argument_is_lost(
            words in prop::collection::vec("[-@a-zA-Z0-9,.=/]{1,12}", 0..20),
            position: prop::sample::Index,
        ) {
            let mut line: Vec<OsString> = words.iter().map(OsString::from).collect();
            let position = position.index(line.len() + 1);
            line.insert(position, "/s/libstd-2.rlib".into());
            let rewritten = Rewrite {
                groups: &[group("/sysroot.so", &["libstd-2.rlib"])],
                objects: &HashMap::new(),
                constructors: &HashMap::new(),
                settled_libraries: &HashSet::new(),
                run_paths: &[],
                replaced: &BTreeSet::new(),
            }
            .apply(&line)
            .unwrap();
            let mut rest = rewritten.iter();
            for word in &words {
                prop_assert!(rest.any(|arg| arg == word.as_str()), "{word} in {rewritten:?}");
            }
            prop_assert!(rewritten.contains(&OsString::from("/sysroot.so")));
        }

        #[test]
        fn any_line_is_dissected_or_refused(words: Vec<String>) {
            let line: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            let _ = dissect(Path::new("cc"), &line);
        }
    }
}
