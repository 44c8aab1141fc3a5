//! The native libraries that build scripts ask for.

use std::path::PathBuf;

use crate::elf::{self, DynamicInfo};
use crate::line::search::LibrarySearch;
use crate::line::template::LinkTemplate;
use crate::record::{NativeFile, NativeLibrary};
use crate::system::files;
use crate::{Error, Result};

/// A native library that goes into the shared object, or that it needs.
pub(super) struct NativeInput {
    /// As the linker's `-l` takes it.
    pub(super) argument: String,
    pub(super) library: NativeLibrary,
    /// Hash of the file. Of a shared library with a soname, only of its
    /// [interface](crate::elf::interface_hash): the loader takes its code when the program starts.
    pub(super) content: Option<blake3::Hash>,
}

/// A native library that a build script asks for, unless the request says that it is static.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NativeRequest {
    /// Its name, as the linker's `-l` takes it.
    pub(super) name: String,
}

/// Whether a build script asks for a library that may be shared and that not every program loads
/// anyway.
pub(super) fn asks_for_shared<'a>(
    mut requests: impl Iterator<Item = &'a String>,
    template: &LinkTemplate,
) -> bool {
    requests.any(|text| {
        let request = NativeRequest::parse(text);
        request.is_some_and(|request| template.platform_names().all(|name| name != request.name))
    })
}

/// The native libraries that build scripts ask for, with the files that the linker will find.
pub(super) fn native_inputs(
    native_libraries: &[String],
    native_search: &[PathBuf],
    search: &LibrarySearch<'_>,
) -> Result<Vec<NativeInput>> {
    let requests = native_libraries.iter();
    requests
        .filter_map(|text| NativeRequest::parse(text))
        .map(|request| {
            let mut input = NativeInput {
                argument: format!("-l{}", request.name),
                content: None,
                library: NativeLibrary {
                    name: request.name.clone(),
                    soname: None,
                    file: None,
                },
            };
            if let Some(path) = request.find(native_search, search) {
                // Before we read it, so that any later change shows.
                input.library.file = Some(NativeFile::read(path.clone())?);
                let bytes = files::map(&path)?;
                let info = DynamicInfo::parse(&bytes).map_err(Error::object(&path))?;
                input.library.soname = info.and_then(|info| info.soname);
                input.content = match input.library.soname {
                    Some(_) => elf::interface_hash(&bytes).map_err(Error::object(&path))?,
                    None => Some(blake3::hash(&bytes)),
                };
            }
            Ok(input)
        })
        .collect()
}

impl NativeRequest {
    /// Reads `[KIND[:MODIFIERS]=]NAME[:RENAME]`, the value of rustc's `-l`.
    ///
    /// `None` for a static library: rustc puts it into the rlib, or, with the
    /// modifier `-bundle`, on the link line of the executable, from where it
    /// serves the groups.
    pub(super) fn parse(text: &str) -> Option<NativeRequest> {
        let (kind, name) = text.split_once('=').unwrap_or(("dylib", text));
        let (kind, modifiers) = kind.split_once(':').unwrap_or((kind, ""));
        if kind != "dylib" {
            return None;
        }
        let verbatim = modifiers.split(',').any(|modifier| modifier == "+verbatim");
        let name = name.rsplit(':').next().unwrap_or(name);
        Some(NativeRequest {
            name: match verbatim {
                true => format!(":{name}"),
                false => name.to_owned(),
            },
        })
    }

    /// The file that the linker takes.
    pub(super) fn find(
        &self,
        native_search: &[PathBuf],
        search: &LibrarySearch<'_>,
    ) -> Option<PathBuf> {
        search.find_native(native_search, &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_libraries_are_read_as_rustc_does() {
        #[track_caller]
        fn check(text: &str, expected: Option<&str>) {
            let expected = expected.map(|name| NativeRequest { name: name.into() });
            assert_eq!(NativeRequest::parse(text), expected);
        }
        check("z", Some("z"));
        check("dylib=ssl", Some("ssl"));
        check("dylib:+as-needed=ssl", Some("ssl"));
        check("dylib=ssl:crypto", Some("crypto"));
        check("dylib:+verbatim=libz.so.1", Some(":libz.so.1"));
        check("static=sqlite3", None);
        check("static:-bundle=sqlite3", None);
        check("framework=Foundation", None);
    }
}
