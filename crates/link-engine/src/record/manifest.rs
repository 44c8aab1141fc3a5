//! The manifest that a group job writes, for links against the group and for people.
//!
//! A manifest has no paths in a target directory, so that this can be moved. It names group files,
//! which are in the manifest's own directory, and rlibs, whose names hold a hash. Only native
//! libraries have paths, since most are elsewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::json::{read_json, write_json};
use super::making::Making;
use super::native::NativeLibrary;
use super::stay::Stay;
use crate::elf::OpenReference;
use crate::finish::constructors::HandedOver;
use crate::line::template::LinkTemplate;
use crate::rlib::SharedState;
use crate::{Error, Result};

/// One group as it was linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupManifest {
    /// The group's name for people, such as `frozen`.
    pub group: String,
    /// The shared objects that hold its libraries, dependents first. None if all stay.
    pub objects: Vec<SharedObject>,
    /// The libraries that the plan put into the group and that stay in the executable.
    pub stays: Vec<Stay>,
    /// Set when the group could not be linked, so that all libraries stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The template of links on this platform, only for the group of the sysroot crates.
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
    /// Its effects on a process that loads it: see `group::effects`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub effects: BTreeSet<Effect>,
    /// Sonames of the shared objects below, whose symbols this one uses.
    pub needs: Vec<String>,
    /// The facts for [binding it anew](crate::finish::rebind) when these change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The native libraries that it was linked with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub native_libraries: Vec<NativeLibrary>,
    /// The archives that executables link for its members: libraries with the modifier `-bundle`.
    /// What is in them [decides](crate::group) whether a library can be a member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unbundled: Vec<NativeLibrary>,
    /// The symbols that executables have to define for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_references: Vec<OpenReference>,
    /// The link that it comes from, if the build that found it on disk knew of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub making: Option<Making>,
}

/// The name of an effect (`group::effects`), or of several that the same executables have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Effect(pub(crate) String);

impl Effect {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a shared object was bound to those below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Key of everything that it was linked from, except the shared objects below.
    pub link: String,
    /// The names of the versions of the layouts below, in the order of [`SharedObject::needs`].
    pub layouts: Vec<Option<String>>,
}

/// A group that could not be linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The linker's message, or why it was not run.
    pub stderr: String,
    /// Response file with the link line that the linker refused, for replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_line: Option<PathBuf>,
    /// The libraries that the linker named, by their names for people: too many to do without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
    /// Whether the same link may succeed another time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_pass: bool,
}

impl Refusal {
    /// The refusal that follows from an error.
    ///
    /// The cause may pass if a program was not run or was killed, if a file was damaged, or if the
    /// disk was full. (Linkers that map their output meet a full disk as SIGBUS; `collect2` of GCC
    /// 12 reports both.) Otherwise the answer stays the same until an input of the group changes.
    ///
    /// # Errors
    /// The same error, if files could not be read or written: then nothing has refused the group.
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
            libraries: Vec::new(),
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
    /// The number of hidden symbols that were made protected.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub protected_symbols: usize,
    /// The symbols that it defines under a name that others could use too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unmangled_definitions: BTreeSet<String>,
    /// What it defines as any number of others may.
    #[serde(default, skip_serializing_if = "SharedState::is_empty")]
    pub shared_state: SharedState,
    /// The constructors that executables which link it run before `main`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constructors: Vec<HandedOver>,
}

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

    /// The file of a native library that is another one now than when the group was linked. An
    /// executable that is linked now would get that file in a static link.
    pub fn changed_native_file(&self) -> Option<PathBuf> {
        let mut libraries = self
            .objects
            .iter()
            .flat_map(|object| object.native_libraries.iter().chain(&object.unbundled));
        libraries.find_map(NativeLibrary::changed_file)
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

fn is_zero(count: &usize) -> bool {
    *count == 0
}
