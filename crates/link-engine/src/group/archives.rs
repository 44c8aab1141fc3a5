//! Archives that a build script asks for and that are not in the rlib.
//!
//! `cargo::rustc-link-lib=foo` leaves the kind open: the linker takes `libfoo.so`, or `libfoo.a` if
//! only that is there. If the build script names the kind `static`, rustc puts the library into the
//! rlib, and we read its facts there. An archive without a kind needs the same: this module reads
//! its facts, and the group that links the rlib links the whole archive. If each output took
//! members from it instead, each would have its own copy of the archive's variables.
//!
//! An archive with the modifier `-bundle` is on the link line of executables, which take members
//! from it as they do in a static link. But the shared object of the rlib refers to all that any
//! part of the crate needs, so an executable may take more members than in a static link. We read
//! the facts of such an archive only to see whether that would change a program.

use std::path::{Path, PathBuf};

use super::inputs::Input;
use super::native::NativeRequest;
use crate::line::search::{LibrarySearch, find_native};
use crate::record::{NativeFile, NativeLibrary};
use crate::rlib::{self, RlibFacts, copy_with_protected_symbols};
use crate::{Error, Result};

/// An archive that a linker takes for `-l<name>`.
pub(super) struct Archive {
    /// The request for it, as rustc's `-l` takes it.
    pub(super) request: String,
    /// The library in the manifest, so that executables need not link it.
    pub(super) library: NativeLibrary,
    pub(super) path: PathBuf,
    pub(super) facts: RlibFacts,
}

impl Archive {
    /// The archive that a linker takes for the request of a build script, if it is an archive. If
    /// it cannot be read, the linker will refuse it. The members of a thin archive are elsewhere,
    /// so its facts name a member that cannot be read.
    pub(super) fn find(
        request: &str,
        native_search: &[PathBuf],
        search: &LibrarySearch<'_>,
    ) -> Option<Archive> {
        let NativeRequest { name } = NativeRequest::parse(request)?;
        Archive::read(request, name, search.directories(native_search))
    }

    /// Like [`Archive::find`], for a request with the modifier `-bundle`.
    pub(super) fn find_unbundled(
        request: &str,
        native_search: &[PathBuf],
        search: &LibrarySearch<'_>,
    ) -> Option<Archive> {
        let NativeRequest { name } = NativeRequest::parse_unbundled(request)?;
        Archive::read(request, name, search.directories(native_search))
    }

    fn read(request: &str, name: String, directories: Vec<PathBuf>) -> Option<Archive> {
        let path = find_native(&directories, &name)?;
        if !rlib::is_archive(&path) {
            return None;
        }
        let (file, bytes) = NativeFile::read(&name, path.clone()).ok()?;
        Some(Archive {
            request: request.to_owned(),
            facts: RlibFacts::parse(&bytes).ok()?,
            library: NativeLibrary {
                name,
                soname: None,
                directories,
                files: vec![file],
            },
            path,
        })
    }
}

/// Whether a linker takes an archive for the request of a build script.
pub(super) fn is_archive(
    request: &str,
    native_search: &[PathBuf],
    search: &LibrarySearch<'_>,
) -> bool {
    let path = NativeRequest::parse(request)
        .and_then(|request| find_native(&search.directories(native_search), &request.name));
    path.is_some_and(|path| rlib::is_archive(&path))
}

/// The archives of these members to give to the linker. If other outputs have to see hidden symbols
/// of an archive, it is a copy in `scratch`.
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
