//! Archives that a build script asks for as if they were shared libraries.
//!
//! `cargo::rustc-link-lib=foo` leaves the kind open: the linker takes `libfoo.so`, and `libfoo.a`
//! where only that is there. A static library with its kind named lies in the rlib, where its facts
//! are read. So they are here, and the archive goes where the rlib goes: were it left to the linker,
//! each output would take from it what it asks for, with variables of its own.

use std::path::{Path, PathBuf};

use super::inputs::Input;
use super::native::NativeRequest;
use crate::line::search::LibrarySearch;
use crate::record::NativeLibrary;
use crate::rlib::{self, RlibFacts, copy_with_protected_symbols};
use crate::{Error, Result};

/// An archive that a linker takes for `-l<name>`.
pub(super) struct Archive {
    /// What asks for it, as rustc's `-l` takes it.
    pub(super) request: String,
    /// To executables it is a library that they need not look after.
    pub(super) library: NativeLibrary,
    pub(super) path: PathBuf,
    pub(super) hash: blake3::Hash,
    pub(super) facts: RlibFacts,
}

impl Archive {
    /// The archive that a linker takes for what a build script asks for, if it is one. One that cannot
    /// be read is for the linker to refuse. The members of a thin one lie elsewhere, so its facts tell
    /// of a member that cannot be read.
    pub(super) fn find(
        request: &str,
        native_search: &[PathBuf],
        search: &LibrarySearch<'_>,
    ) -> Option<Archive> {
        let (library, path) = find(request, native_search, search)?;
        let (facts, hash) = RlibFacts::read(&path).ok()?;
        Some(Archive {
            request: request.to_owned(),
            library,
            path,
            hash,
            facts,
        })
    }
}

/// Whether a linker takes an archive for what a build script asks for.
pub(super) fn is_archive(
    request: &str,
    native_search: &[PathBuf],
    search: &LibrarySearch<'_>,
) -> bool {
    find(request, native_search, search).is_some()
}

fn find(
    request: &str,
    native_search: &[PathBuf],
    search: &LibrarySearch<'_>,
) -> Option<(NativeLibrary, PathBuf)> {
    let request = NativeRequest::parse(request)?;
    let path = request.find(native_search, search)?;
    let library = NativeLibrary {
        name: request.name,
        soname: None,
    };
    rlib::is_archive(&path).then_some((library, path))
}

/// What to give to the linker of the archives of these members: the archives, or copies of them in
/// `scratch` where hidden symbols have to be seen from outside.
pub(super) fn linkable_archives(input: &Input, scratch: &Path) -> Result<Vec<PathBuf>> {
    let archives = input.archives.iter().enumerate();
    archives
        .map(|(number, archive)| {
            if !archive.facts.has_hidden_symbols() {
                return Ok(archive.path.clone());
            }
            let directory = scratch.join(format!("{}-archives", input.rlib));
            std::fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
            let copy = directory.join(format!("{number}.a"));
            copy_with_protected_symbols(&archive.path, &archive.facts, &copy)?;
            Ok(copy)
        })
        .collect()
}
