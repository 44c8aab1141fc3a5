//! The meaning of the words of a linker for its inputs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The meaning of a word of the linker for its inputs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// Which kind of library `-l` takes from here on.
    PreferShared(bool),
    /// Keeps that for later.
    PushState,
    /// Takes back what was kept last.
    PopState,
    /// The format of the files from here on: whether they are no objects, but raw bytes that
    /// become the contents of one.
    Format { is_raw: bool },
    /// A library by its name.
    Library(&'a str),
    /// A directory in which to look for libraries.
    Directory(&'a Path),
    /// A file.
    File(&'a Path),
    /// Nothing, together with its value.
    Other,
}

impl<'a> Meaning<'a> {
    /// The meaning of a word, and of the `next` one if that is its value.
    pub(super) fn of(word: &'a OsStr, next: &mut dyn FnMut() -> Option<&'a OsStr>) -> Meaning<'a> {
        let bytes = word.as_bytes();
        let Some(short) = bytes.strip_prefix(b"-") else {
            return Meaning::File(Path::new(word));
        };
        let name = short.strip_prefix(b"-").unwrap_or(short);
        let (name, value) = match name.iter().position(|byte| *byte == b'=') {
            Some(end) => (&name[..end], Some(OsStr::from_bytes(&name[end + 1..]))),
            None => (name, None),
        };
        let library = |name: &'a OsStr| name.to_str().map_or(Meaning::Other, Meaning::Library);
        match name {
            b"Bstatic" | b"dn" | b"non_shared" | b"static" => Meaning::PreferShared(false),
            b"Bdynamic" | b"dy" | b"call_shared" => Meaning::PreferShared(true),
            b"push-state" => Meaning::PushState,
            b"pop-state" => Meaning::PopState,
            b"b" | b"format" => Meaning::Format {
                is_raw: value.or_else(next).is_some_and(|format| format == "binary"),
            },
            b"l" | b"library" => library(value.or_else(next).unwrap_or_default()),
            b"L" | b"library-path" => {
                Meaning::Directory(Path::new(value.or_else(next).unwrap_or_default()))
            }
            _ if value.is_none() && takes_word(name) => {
                next();
                Meaning::Other
            }
            _ => match short {
                [b'l', name @ ..] => library(OsStr::from_bytes(name)),
                [b'L', directory @ ..] => {
                    Meaning::Directory(Path::new(OsStr::from_bytes(directory)))
                }
                _ => Meaning::Other,
            },
        }
    }
}

/// Whether the value of an option, which is no input, is a word of its own. We need to know that of
/// options whose value might be the name of a file or of a library.
fn takes_word(option: &[u8]) -> bool {
    const OPTIONS: [&[u8]; 36] = [
        b"F",
        b"I",
        b"R",
        b"e",
        b"f",
        b"h",
        b"m",
        b"o",
        b"u",
        b"y",
        b"z",
        b"Map",
        b"auxiliary",
        b"call-graph-ordering-file",
        b"config",
        b"dependency-file",
        b"dynamic-linker",
        b"dynamic-list",
        b"entry",
        b"exclude-libs",
        b"export-dynamic-symbol",
        b"export-dynamic-symbol-list",
        b"filter",
        b"fini",
        b"init",
        b"output",
        b"reproduce",
        b"retain-symbols-file",
        b"rpath",
        b"rpath-link",
        b"soname",
        b"specs",
        b"symbol-ordering-file",
        b"sysroot",
        b"undefined",
        b"version-script",
    ];
    OPTIONS.contains(&option)
}
