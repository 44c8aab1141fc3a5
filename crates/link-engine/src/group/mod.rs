//! Making the shared objects of a group from the rlibs of its members.
//!
//! [`GroupJob::run`] goes through the modules in this order:
//!
//! | module | what it does |
//! |---|---|
//! | `sysroot` | asks rustc how it links, and makes the group of the sysroot crates |
//! | `below` | reads the groups below |
//! | `inputs` | reads the libraries of this build, and those that earlier builds put into the group |
//! | `run` | runs the job: decides, has the shared objects made, and writes the manifest |
//! | `classify` | decides which libraries stay in the executable |
//! | `effects` | decides which members share a shared object |
//! | `platform` | knows the libraries that the platform brings to every program |
//! | `make` | makes each shared object that is not on disk |
//! | `native`, `archives` | read the native libraries that build scripts ask for |
//! | `key` | names a shared object by its inputs |
//! | `anew` | binds one anew if only the groups below it have changed |
//! | `linkable`, `line`, `link` | have the linker make one |
//! | `split_debug` | puts debugging information where debuggers look for it |

mod anew;
mod archives;
mod below;
mod classify;
mod effects;
mod inputs;
mod key;
pub(crate) mod line;
mod link;
mod linkable;
mod make;
mod native;
mod platform;
mod refused;
mod run;
mod split_debug;
pub mod sysroot;

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use self::effects::Users;
use crate::record::{GroupFiles, GroupManifest};
use crate::system::threads::Threads;

/// The format of shared objects. It changes when the same inputs would give another one.
pub const FORMAT: &str = "dynamic-deps 17";

/// A library to be linked into a group.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its name for people: package and version.
    pub name: String,
    /// Names it in the same way in every build.
    pub key: u64,
    /// Its rlib.
    pub rlib: PathBuf,
    /// File names of the rlibs it depends on directly, in this group or below.
    pub dependencies: Vec<String>,
    /// The executables of this build that depend on it.
    pub users: Users,
    /// Directories in which its build script says to look for native libraries.
    pub native_search: Vec<PathBuf>,
    /// The libraries that its build script asks to link, as rustc's `-l` takes them.
    pub native_libraries: Vec<String>,
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
    /// Libraries that could not be compiled, and those that depend on them, by name.
    pub missing: Vec<String>,
    /// The builds that it serves.
    pub lasting: Lasting,
    /// Manifests of the groups below, dependents first. That of the sysroot crates is among them
    /// and has the template of links.
    pub below: Vec<PathBuf>,
    /// Directories to look for the native libraries of libraries below in.
    pub native_search: Vec<PathBuf>,
    /// The libraries that build scripts of libraries below ask to link.
    pub native_libraries: Vec<String>,
    /// Entries for the run path.
    pub run_paths: Vec<OsString>,
    /// What the linker leaves out of the output.
    pub strip: Strip,
    /// Directories of executables that may need an older content of this group.
    pub executable_directories: Vec<PathBuf>,
    /// The directory that relative paths in link args start from.
    pub working_directory: PathBuf,
    /// Variables for rustc and the linker, besides those that this process has.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it takes threads from.
    pub threads: Threads,
    /// Directory for files that only this job needs; emptied first. Beside it lies
    /// the link line of a link that the linker refused.
    pub scratch: PathBuf,
}

/// For which builds a group is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Lasting {
    /// For the executables of this build, until a library in it changes.
    #[default]
    Build,
    /// For all builds that have some of its libraries: a pool.
    Pool {
        /// The libraries that this build does not have, by their keys.
        carried: HashSet<u64>,
        /// The records of those ([`GroupFiles::facts`]), dependents first.
        facts: Vec<PathBuf>,
    },
    /// For all builds with one toolchain: the sysroot crates.
    Toolchain,
}

/// The outcome of a job.
#[derive(Debug)]
pub struct Outcome {
    /// The manifest that was written.
    pub manifest: GroupManifest,
    /// All libraries of the group.
    pub libraries: Vec<OutcomeLibrary>,
    /// The steps of the job, one line for each shared object, for those who trace a build.
    pub steps: Vec<String>,
}

/// A library of a group that was made.
#[derive(Debug)]
pub struct OutcomeLibrary {
    /// See [`Library::key`].
    pub key: u64,
    /// File name of its rlib.
    pub rlib: String,
    /// Size of its rlib.
    pub bytes: u64,
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

impl Library {
    fn file_name(&self) -> String {
        let name = self.rlib.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}
