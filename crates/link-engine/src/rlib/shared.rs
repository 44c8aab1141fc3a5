//! The symbols that a file shares with others on a link line, and what a process has only one of.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use object::read::archive::ArchiveFile;
use serde::{Deserialize, Serialize};

use super::RUST_OBJECT;
use crate::elf::{GlobalSymbol, Role, global_symbols, with_class};
use crate::system::files;
use crate::{Error, Result};

/// The variables, constants and functions that any number of files may define, such as those in
/// header files of C++. A linker keeps one of each for its output, and code may count on its address.
/// The loader keeps one of each for the process, but only of those that it sees.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedState {
    /// The hidden ones.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hidden: BTreeSet<String>,
    /// All others but functions: the loader keeps one address of each.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub visible: BTreeSet<String>,
}

impl SharedState {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty() && self.visible.is_empty()
    }

    /// A symbol of which there would be two if the two files went into different outputs.
    pub fn divided<'a>(&'a self, other: &SharedState) -> Option<&'a String> {
        let mut hidden = self.hidden.iter();
        let mut visible = self.visible.iter();
        hidden
            .find(|symbol| other.hidden.contains(*symbol) || other.visible.contains(*symbol))
            .or_else(|| visible.find(|symbol| other.hidden.contains(*symbol)))
    }

    /// Adds those of `other`.
    pub(super) fn add(&mut self, mut other: SharedState) {
        self.hidden.append(&mut other.hidden);
        self.visible.append(&mut other.visible);
    }

    pub(super) fn see(&mut self, symbol: &GlobalSymbol<'_>) {
        if !is_shared_definition(symbol) {
            return;
        }
        if symbol.is_hidden {
            self.hidden.insert(symbol.name());
        } else if !symbol.is_function {
            self.visible.insert(symbol.name());
        }
    }
}

/// The symbols and variables that a file on the link line of an executable shares with others.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The names of all its symbols that other files see.
    pub(crate) names: HashSet<Vec<u8>>,
    /// The symbols that it defines under a name that another library could use too.
    pub(crate) unmangled_definitions: BTreeSet<String>,
    /// Those that it defines unless another file does.
    pub(crate) weak_definitions: BTreeSet<String>,
    /// Those to which it refers weakly.
    pub(crate) weak_references: BTreeSet<String>,
    /// What it defines as any number of others may.
    pub(crate) state: SharedState,
}

impl Shared {
    /// Reads an archive.
    ///
    /// # Errors
    /// When the file cannot be read or is malformed.
    pub(crate) fn read(path: &Path) -> Result<Shared> {
        let mut shared = Shared::default();
        for_each_global_symbol(path, |symbol, is_rust| {
            shared.names.insert(symbol.name.to_vec());
            shared.see_use(symbol, is_rust);
        })?;
        Ok(shared)
    }

    /// Adds a symbol of an object.
    pub(crate) fn see(&mut self, symbol: &GlobalSymbol<'_>, is_rust: bool) {
        let is_shared = symbol.role == Role::Reference || !symbol.is_hidden;
        if is_shared && !self.names.contains(symbol.name) {
            self.names.insert(symbol.name.to_vec());
        }
        self.see_use(symbol, is_rust);
    }

    /// Notes how an object defines a symbol, or refers to it.
    fn see_use(&mut self, symbol: &GlobalSymbol<'_>, is_rust: bool) {
        if is_own_to_each_output(symbol.name) {
            return;
        }
        let is_weak = symbol.role == Role::Reference && symbol.is_weak;
        if is_weak && symbol.is_unmangled() && leaves_open(symbol.name) {
            self.weak_references.insert(symbol.name());
        }
        self.state.see(symbol);
        if is_unmangled_definition(symbol, is_rust) {
            self.unmangled_definitions.insert(symbol.name());
        } else if symbol.role == Role::WeakDefinition && symbol.is_unmangled() {
            self.weak_definitions.insert(symbol.name());
        }
    }

    /// Adds all of `other`.
    pub(crate) fn add(&mut self, mut other: Shared) {
        self.names.extend(mem::take(&mut other.names));
        self.add_without_names(other);
    }

    /// Adds all of `other` but its names.
    pub(crate) fn add_without_names(&mut self, other: Shared) {
        self.weak_references.extend(other.weak_references);
        self.unmangled_definitions
            .extend(other.unmangled_definitions);
        self.weak_definitions.extend(other.weak_definitions);
        self.state.add(other.state);
    }
}

/// Whether a file defines a symbol, as the only one that may, under a name that another library
/// could use too. No library names a symbol that rustc hides.
pub(super) fn is_unmangled_definition(symbol: &GlobalSymbol<'_>, is_rust: bool) -> bool {
    symbol.role == Role::Definition && symbol.is_unmangled() && !(is_rust && symbol.is_hidden)
}

/// Those of `symbols` that an object of the rlib refers to without defining them.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn undefined_among(path: &Path, symbols: &BTreeSet<&str>) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for_each_global_symbol(path, |symbol, _| {
        let name = str::from_utf8(symbol.name).unwrap_or_default();
        if symbol.role == Role::Reference && symbols.contains(name) {
            found.insert(name.to_owned());
        }
    })?;
    Ok(found)
}

/// Calls `see` with each symbol, and whether it is in an object that rustc made.
fn for_each_global_symbol(path: &Path, mut see: impl FnMut(&GlobalSymbol<'_>, bool)) -> Result<()> {
    let data = files::map(path)?;
    let fail = |source| Error::Object {
        path: path.to_owned(),
        source,
    };
    for member in ArchiveFile::parse(&data[..]).map_err(fail)?.members() {
        let member = member.map_err(fail)?;
        let is_rust = member.name().ends_with(RUST_OBJECT);
        let file = match member.is_thin() {
            true => files::map(&thin_member(path, member.name())).ok(),
            false => None,
        };
        let object = match &file {
            Some(file) => &file[..],
            None => member.data(&data[..]).map_err(fail)?,
        };
        let symbols = with_class!(object, global_symbols(object));
        // A malformed member matters only if the linker takes it, and then the linker reports it.
        for symbol in symbols.iter().flatten().flatten() {
            see(symbol, is_rust);
        }
    }
    Ok(())
}

/// Whether a file is an archive: with its members in it, or with names of files in their place (ar(1),
/// "thin").
pub(crate) fn is_archive(path: &Path) -> bool {
    const MAGIC: [&[u8]; 2] = [b"!<arch>\n", b"!<thin>\n"];
    files::map(path).is_ok_and(|bytes| MAGIC.iter().any(|magic| bytes.starts_with(magic)))
}

/// The file of a member of a thin archive, which has its name relative to the archive (ar(1),
/// "thin").
fn thin_member(archive: &Path, name: &[u8]) -> PathBuf {
    let directory = archive.parent().unwrap_or(Path::new(""));
    directory.join(OsStr::from_bytes(name))
}

/// Whether every output has such a symbol for itself: `DW.ref.rust_eh_personality` and kin, cells with
/// a pointer, so that exception tables need no dynamic relocation; and the names of pretty-printers
/// for gdb, which rustc 1.95 puts into crates that are a `dylib` too.
pub(super) fn is_own_to_each_output(symbol: &[u8]) -> bool {
    symbol.starts_with(b"DW.ref.") || symbol == b"__rustc_debug_gdb_scripts_section__"
}

/// Whether no code counts on the address of a symbol, and it says the same in all files. Compilers
/// add such symbols: tables and names of C++ types and functions that lead to others (Itanium C++
/// ABI, "Special Names"), functions that load the address of the next instruction for
/// position-independent code of i686, and the one of clang for an exception that nothing catches.
fn is_helper(symbol: &[u8]) -> bool {
    symbol.starts_with(b"_ZT") || is_helper_code(symbol)
}

/// The functions among these, which each object brings along that calls them.
pub(super) fn is_helper_code(symbol: &[u8]) -> bool {
    symbol == b"__clang_call_terminate" || symbol.starts_with(b"__x86.get_pc_thunk.")
}

/// Whether a file defines a symbol as any number of others may, and code may tell one definition
/// from another.
pub(super) fn is_shared_definition(symbol: &GlobalSymbol<'_>) -> bool {
    symbol.role == Role::SharedDefinition && !is_helper(symbol.name)
}

/// Whether a static link may leave a weak reference to this symbol open, if nothing else needs the
/// definition. It never does so for the function that initialises a variable of a C++ thread: the
/// code that refers to it refers to the variable too (Itanium C++ ABI, "TLS wrapper").
pub(super) fn leaves_open(symbol: &[u8]) -> bool {
    !symbol.starts_with(b"_ZTH")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn members_of_thin_archives_are_read_from_their_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("objects")).unwrap();
        fs::write(path("a.c"), "int own_name;").unwrap();
        let object = path("objects/a-name-that-is-longer-than-sixteen-bytes.o");
        let mut cc = Command::new("cc");
        cc.args(["-c", "-o"]).args([&object, &path("a.c")]);
        assert!(cc.status().unwrap().success());
        let thin = path("libthin.a");
        let mut ar = Command::new("ar");
        ar.arg("rcsT").args([&thin, &object]);
        assert!(ar.status().unwrap().success());
        assert!(fs::read(&thin).unwrap().starts_with(b"!<thin>"));

        let definitions = || Shared::read(&thin).unwrap().unmangled_definitions;
        assert_eq!(definitions(), ["own_name".to_owned()].into());
        // The linker reports it better than we could.
        fs::remove_file(&object).unwrap();
        assert!(definitions().is_empty());
    }
}
