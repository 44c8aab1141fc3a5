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
    /// Hash of everything in its files that decides about the link.
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
                    files: Vec::new(),
                },
            };
            if let Some(path) = request.find(native_search, search) {
                input.add(path, native_search, search)?;
            }
            Ok(input)
        })
        .collect()
}

impl NativeInput {
    /// Adds the file that the linker finds, and the files that it names if it is a linker script.
    fn add(
        &mut self,
        path: PathBuf,
        native_search: &[PathBuf],
        search: &LibrarySearch<'_>,
    ) -> Result<()> {
        let found = FoundFile::read(path)?;
        self.library.soname = found.soname;
        let mut hasher = blake3::Hasher::new();
        hasher.update(found.content.as_bytes());
        self.library.files.push(found.file);
        for path in found.names.iter().filter_map(|name| {
            let library = name.strip_prefix("-l").unwrap_or(name);
            let name = match library == name {
                true => format!(":{name}"),
                false => library.to_owned(),
            };
            search.find_native(native_search, &name)
        }) {
            let named = FoundFile::read(path)?;
            hasher.update(named.content.as_bytes());
            self.library.files.push(named.file);
        }
        self.content = Some(hasher.finalize());
        Ok(())
    }
}

/// A file that a linker finds for a native library.
struct FoundFile {
    file: NativeFile,
    soname: Option<String>,
    /// Hash of the file. Of a shared library with a soname, only of its
    /// [interface](crate::elf::interface_hash): the loader takes its code when the program starts.
    content: blake3::Hash,
    /// The words of a linker script, some of which are names of files.
    names: Vec<String>,
}

/// A linker script in the place of a library is shorter, in bytes.
const MOST_OF_A_SCRIPT: usize = 1 << 16;

impl FoundFile {
    fn read(path: PathBuf) -> Result<FoundFile> {
        // Before we read it, so that any later change shows.
        let file = NativeFile::read(path)?;
        let path = &file.path;
        let bytes = files::map(path)?;
        let info = DynamicInfo::parse(&bytes).map_err(Error::object(path))?;
        let text = match str::from_utf8(&bytes) {
            Ok(text) if info.is_none() && text.len() < MOST_OF_A_SCRIPT => text,
            _ => "",
        };
        let words = text.split(|c: char| c.is_whitespace() || "(),;\"".contains(c));
        let names = words.filter(|word| !word.is_empty()).map(str::to_owned);
        let names = names.collect();
        let soname = info.and_then(|info| info.soname);
        let interface = match soname {
            Some(_) => elf::interface_hash(&bytes).map_err(Error::object(path))?,
            None => None,
        };
        Ok(FoundFile {
            content: interface.unwrap_or_else(|| blake3::hash(&bytes)),
            file,
            soname,
            names,
        })
    }
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
