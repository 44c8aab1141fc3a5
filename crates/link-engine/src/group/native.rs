//! The native libraries that build scripts ask for.

use std::path::PathBuf;

use crate::elf::DynamicInfo;
use crate::line::search::{LibrarySearch, find_native};
use crate::line::template::LinkTemplate;
use crate::record::{NativeFile, NativeLibrary};
use crate::{Error, Result};

/// A native library that goes into the shared object, or that it needs.
pub(super) struct NativeInput {
    /// As the linker's `-l` takes it.
    pub(super) argument: String,
    pub(super) library: NativeLibrary,
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
            Ok(NativeInput {
                argument: format!("-l{}", request.name),
                library: request.library(search.directories(native_search))?,
            })
        })
        .collect()
}

/// A linker script in the place of a library is shorter, in bytes.
const MOST_OF_A_SCRIPT: usize = 1 << 16;

/// The names of libraries in a linker script, as behind the linker's `-l`, among other words.
fn names(script: &[u8]) -> impl Iterator<Item = String> {
    let text = match str::from_utf8(script) {
        Ok(text) if text.len() < MOST_OF_A_SCRIPT => text,
        _ => "",
    };
    let words = text.split(|c: char| c.is_whitespace() || "(),;\"".contains(c));
    let words = words.filter(|word| !word.is_empty());
    words.map(|word| match word.strip_prefix("-l") {
        Some(name) => name.to_owned(),
        None => format!(":{word}"),
    })
}

impl NativeRequest {
    /// Reads `[KIND[:MODIFIERS]=]NAME[:RENAME]`, the value of rustc's `-l`.
    ///
    /// `None` for a static library: rustc puts it into the rlib, or, with the
    /// modifier `-bundle`, on the link line of the executable, from where it
    /// serves the groups.
    pub(super) fn parse(text: &str) -> Option<NativeRequest> {
        let (kind, modifiers, name) = dissect(text);
        let name = match modifiers.contains(&"+verbatim") {
            true => format!(":{name}"),
            false => name.to_owned(),
        };
        (kind == "dylib").then_some(NativeRequest { name })
    }

    /// Like [`NativeRequest::parse`], for a static library with the modifier `-bundle`.
    pub(super) fn parse_unbundled(text: &str) -> Option<NativeRequest> {
        let (kind, modifiers, name) = dissect(text);
        let name = match modifiers.contains(&"+verbatim") {
            true => format!(":{name}"),
            false => format!(":lib{name}.a"),
        };
        (kind == "static" && modifiers.contains(&"-bundle")).then_some(NativeRequest { name })
    }

    /// The library that the linker finds in these directories.
    fn library(self, directories: Vec<PathBuf>) -> Result<NativeLibrary> {
        let mut library = NativeLibrary {
            name: self.name,
            soname: None,
            directories,
            files: Vec::new(),
        };
        let Some(path) = find_native(&library.directories, &library.name) else {
            return Ok(library);
        };
        let (file, bytes) = NativeFile::read(&library.name, path)?;
        let info = DynamicInfo::parse(&bytes).map_err(Error::object(&file.path))?;
        library.files.push(file);
        match info {
            Some(info) => library.soname = info.soname,
            None => {
                for name in names(&bytes) {
                    if let Some(path) = find_native(&library.directories, &name) {
                        library.files.push(NativeFile::read(&name, path)?.0);
                    }
                }
            }
        }
        Ok(library)
    }
}

/// Kind, modifiers and name in the value of rustc's `-l`.
fn dissect(text: &str) -> (&str, Vec<&str>, &str) {
    let (kind, name) = text.split_once('=').unwrap_or(("dylib", text));
    let (kind, modifiers) = kind.split_once(':').unwrap_or((kind, ""));
    let name = name.rsplit(':').next().unwrap_or(name);
    (kind, modifiers.split(',').collect(), name)
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
        #[track_caller]
        fn check_unbundled(text: &str, expected: &str) {
            assert_eq!(NativeRequest::parse(text), None);
            let name = expected.to_owned();
            let expected = Some(NativeRequest { name });
            assert_eq!(NativeRequest::parse_unbundled(text), expected);
        }
        check("z", Some("z"));
        check("dylib=ssl", Some("ssl"));
        check("dylib:+as-needed=ssl", Some("ssl"));
        check("dylib=ssl:crypto", Some("crypto"));
        check("dylib:+verbatim=libz.so.1", Some(":libz.so.1"));
        check("static=sqlite3", None);
        check("framework=Foundation", None);
        check_unbundled("static:-bundle=sqlite3", ":libsqlite3.a");
        check_unbundled("static:+whole-archive,-bundle=a:b", ":libb.a");
        check_unbundled("static:-bundle,+verbatim=own.lib", ":own.lib");
        for bundled in ["sqlite3", "static=sqlite3", "static:+bundle=sqlite3"] {
            assert_eq!(NativeRequest::parse_unbundled(bundled), None);
        }
    }
}
