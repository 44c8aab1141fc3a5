//! What a group job writes for those that link against the group, and for people.
//!
//! A manifest names files by their name only: they lie in the manifest's own
//! directory (group files) or are known by a name that holds a hash (rlibs), so
//! that a target directory can be moved.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::classify::StayReason;
use crate::constructors::HandedOver;
use crate::effects::Effect;
use crate::interface::OpenReference;
use crate::making::Making;
use crate::rlib::SharedState;
use crate::{Error, Result, files};

/// One group as it was linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupManifest {
    /// The group's name for people, such as `frozen`.
    pub group: String,
    /// The shared objects that hold its libraries, dependents first. None where all stay.
    pub objects: Vec<SharedObject>,
    /// The libraries that were planned to be inside and stay in the executable.
    pub stays: Vec<Stay>,
    /// Set when the group could not be linked, so that all libraries stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// How to link on this platform; only the group of the sysroot crates knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<LinkTemplate>,
}

/// One shared object of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedObject {
    /// DT_SONAME of the shared object, which is also its file name beside the manifest.
    pub soname: String,
    /// The libraries inside, dependents first.
    pub members: Vec<Member>,
    /// What loading it brings into a process, besides its members: see [`effects`](crate::effects).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub effects: BTreeSet<Effect>,
    /// Sonames of the shared objects below, whose symbols this one uses.
    pub needs: Vec<String>,
    /// How it can be [bound anew](crate::rebind) when these change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The native libraries that it was linked with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub native_libraries: Vec<NativeLibrary>,
    /// What executables have to define for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_references: Vec<OpenReference>,
    /// The link that it comes from, if the build that found it on disk knew of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub making: Option<Making>,
}

/// How a shared object was bound to those below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Key of all that it was linked from, but for what lies below.
    pub link: String,
    /// The names of the versions that tell of the layouts below, in the order of
    /// [`SharedObject::needs`].
    pub layouts: Vec<Option<String>>,
}

/// A native library that a group was linked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeLibrary {
    /// Its name, as behind the `-l` of a linker.
    pub name: String,
    /// DT_SONAME of the shared library that was found under the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soname: Option<String>,
}

/// A group that could not be linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The linker's own words, or why it was not run.
    pub stderr: String,
    /// Response file with the link line that the linker refused, for replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_line: Option<PathBuf>,
    /// Whether the same may well succeed another time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_pass: bool,
}

impl Refusal {
    /// From the error of who refused.
    ///
    /// It may pass when a program was not run, when it was killed, or when the disk was full,
    /// which linkers that map their output meet as SIGBUS (`collect2` of GCC 12 tells of
    /// both), or when a file was damaged. Else there will be the same answer until something
    /// changes of what a group is made from.
    ///
    /// # Errors
    /// The same error when files could not be read or written: nobody has refused anything.
    pub(crate) fn of(error: Error) -> Result<Refusal> {
        const WORDS: [&str; 2] = ["terminated with signal", "No space left on device"];
        let is_passing = |stderr: &str| WORDS.iter().any(|words| stderr.contains(words));
        let may_pass = match &error {
            Error::GroupLink { stderr, .. } => is_passing(stderr),
            Error::Probe { status, stderr, .. } => status.code().is_none() || is_passing(stderr),
            Error::Spawn { .. } | Error::Object { .. } => true,
            Error::LinkLine { .. } | Error::Constructors { .. } => false,
            _ => return Err(error),
        };
        let (stderr, link_line) = match error {
            Error::GroupLink { stderr, link_line } => (stderr, Some(link_line)),
            error => (error.chain(), None),
        };
        Ok(Refusal {
            stderr,
            link_line,
            may_pass,
        })
    }
}

/// A library in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name for people: package and version.
    pub name: String,
    /// File name of its rlib.
    pub rlib: String,
    /// Hash of the content of its rlib, in hexadecimal digits.
    pub hash: String,
    /// File names of the rlibs that it depends on directly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// How many hidden symbols were made protected.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub protected_symbols: usize,
    /// The symbols that it defines under a name that others could use too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unmangled_definitions: BTreeSet<String>,
    /// The variables that it defines as any number of others may.
    #[serde(default, skip_serializing_if = "SharedState::is_empty")]
    pub shared_state: SharedState,
    /// What executables that link it run before `main`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constructors: Vec<HandedOver>,
}

/// A library that stays in the executable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Its name for people: package and version.
    pub name: String,
    /// File name of its rlib.
    pub rlib: String,
    /// Hash of the content of its rlib, in hexadecimal digits. Empty where there is no rlib.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// Why.
    #[serde(flatten)]
    pub reason: StayReason,
    /// The variables that it defines as any number of others may.
    #[serde(default, skip_serializing_if = "SharedState::is_empty")]
    pub shared_state: SharedState,
}

/// What rustc's own link line of a program says about linking in general.
///
/// Taken from a real one and not composed, so that what rustc adds for a target,
/// a linker or a flag is there without our knowing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTemplate {
    /// The real linker.
    pub linker: PathBuf,
    /// Arguments before the libraries.
    pub before: Vec<OsString>,
    /// Arguments after the libraries: platform libraries, search paths, flags.
    pub after: Vec<OsString>,
    /// Rlibs that go into every output, hidden: the compiler builtins.
    pub builtins: Vec<PathBuf>,
    /// What these define under names of C.
    #[serde(default)]
    pub builtin_definitions: BTreeSet<String>,
    /// The shared libraries that every output needs, such as the C library.
    #[serde(default)]
    pub platform_libraries: Vec<PathBuf>,
    /// Whether linker and loader know [packed relocations](crate::packed).
    #[serde(default)]
    pub packs_relocations: bool,
}

impl LinkTemplate {
    /// The arguments that are on every line.
    pub fn args(&self) -> impl Iterator<Item = &OsString> {
        self.before.iter().chain(&self.after)
    }
}

/// What the linker wrapper is to do, in [`PLAN_FILE`] beside the name it is called by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum WrapperPlan {
    /// Write the link line to [`RECORD_FILE`] in the same directory and link nothing.
    Record,
    /// Link an executable against groups.
    Link(LinkPlan),
}

/// How to link one executable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPlan {
    /// What reports tell of the executable. None for a doctest, which rustdoc removes after its run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<PlannedExecutable>,
    /// The real linker.
    pub linker: PathBuf,
    /// Manifests of all groups the executable uses, dependents first.
    pub manifests: Vec<PathBuf>,
    /// Entries for the run path, in order.
    pub run_paths: Vec<OsString>,
    /// Whether to leave the arguments of the linker in [`RECORD_FILE`].
    pub record: bool,
    /// Whether the files that the link line names stay, so that it can be run again.
    pub keep: bool,
}

/// What the plan of a link says of the executable, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedExecutable {
    /// Its name for people.
    pub name: String,
    /// Its file name, as rustc is told.
    pub file: String,
    /// The libraries that stay in it whatever they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptLibrary>,
}

/// A library that stays in an executable because the user says so, or because it is known to need
/// that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptLibrary {
    /// Its name for people: package and version.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Whether a profile says so.
    pub by_profile: bool,
}

/// Why an executable was linked statically after all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum FallbackReport {
    /// The groups are not for this program.
    Unfit {
        /// Why, as a phrase.
        reason: String,
        /// The group members at fault, by their names for people.
        libraries: Vec<String>,
    },
    /// The wrapper itself failed.
    Engine {
        /// The error with its causes, one a line.
        error: String,
    },
    /// The linker refused to link against the groups, and did not refuse the
    /// static link.
    Refused {
        /// The linker's own words.
        stderr: String,
        /// Response file with the link line that failed, for replay.
        link_line: PathBuf,
        /// Group members that refer to a symbol which nobody defines.
        dangling: Vec<DanglingReference>,
    },
}

/// A reference to a symbol that nobody defines, in code that a static link leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DanglingReference {
    /// The symbol.
    pub symbol: String,
    /// The group member with the reference, by its name for people.
    pub library: String,
}

/// File name of the [`WrapperPlan`] in the directory of the linker wrapper.
pub const PLAN_FILE: &str = "link-plan.json";
/// File name of the arguments of the linker that the wrapper leaves if it is asked to.
pub const RECORD_FILE: &str = "link-line.json";
/// File name of the [`Making`] of the executable that the wrapper has linked last.
pub const LINKED_FILE: &str = "linked.json";
/// File name of the [`FallbackReport`] that a failed dynamic link leaves.
pub const FALLBACK_FILE: &str = "fallback.json";

impl GroupManifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it cannot be read or is no manifest.
    pub fn read(path: &Path) -> Result<GroupManifest> {
        read_json(path)
    }

    /// Writes the manifest in one step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }

    /// The libraries in all of its shared objects.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.objects.iter().flat_map(|object| &object.members)
    }
}

impl SharedObject {
    /// Where it lies, given the path of the manifest of its group.
    pub fn path(&self, manifest: &Path) -> PathBuf {
        manifest.with_file_name(&self.soname)
    }
}

/// Reads a JSON file that this crate wrote.
///
/// # Errors
/// When it cannot be read or parsed.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
}

/// Writes a JSON file in one step.
///
/// # Errors
/// When it cannot be written, or holds a path that is not UTF-8.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })?;
    files::write(path, &bytes)
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
