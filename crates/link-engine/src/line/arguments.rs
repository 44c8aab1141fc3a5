//! The meaning of the arguments on a link line.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::{Error, Result};

/// The meaning of one argument.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// `-Bstatic` and `-Bdynamic`: which kind a `-l` that follows looks for.
    PreferShared(bool),
    /// `--as-needed` and `--no-as-needed`: whether a shared object that follows is
    /// dropped when no object file needs it.
    AsNeeded(bool),
    /// `-lfoo`.
    NativeLibrary(&'a str),
    /// An rlib, by path.
    Rlib(&'a Path),
    /// An object file, by path.
    Object(&'a Path),
    /// Anything else.
    Other,
}

pub(crate) fn meaning(arg: &OsStr) -> Meaning<'_> {
    let bytes = arg.as_bytes();
    let option = bytes.strip_prefix(b"-Wl,").unwrap_or(bytes);
    match option {
        b"-Bstatic" | b"-dn" | b"-non_shared" => return Meaning::PreferShared(false),
        b"-Bdynamic" | b"-dy" | b"-call_shared" => return Meaning::PreferShared(true),
        b"--as-needed" => return Meaning::AsNeeded(true),
        b"--no-as-needed" => return Meaning::AsNeeded(false),
        _ => {}
    }
    if let Some(name) = bytes.strip_prefix(b"-l") {
        return std::str::from_utf8(name).map_or(Meaning::Other, Meaning::NativeLibrary);
    }
    if bytes.starts_with(b"-") {
        return Meaning::Other;
    }
    let path = Path::new(arg);
    match path.extension().map(OsStr::as_bytes) {
        Some(b"rlib") => Meaning::Rlib(path),
        Some(b"o") => Meaning::Object(path),
        _ => Meaning::Other,
    }
}

/// Writes `-l foo` as `-lfoo`, which means the same to linkers and is the only form that we read.
pub fn join_library_names(args: Vec<OsString>) -> Vec<OsString> {
    let mut joined = Vec::with_capacity(args.len());
    let mut rest = args.into_iter();
    while let Some(mut arg) = rest.next() {
        if arg == "-l" {
            arg.push(rest.next().unwrap_or_default());
        }
        joined.push(arg);
    }
    joined
}

/// Whether an argument of a driver or linker is an object file.
pub(crate) fn is_object(arg: &OsStr) -> bool {
    matches!(meaning(arg), Meaning::Object(_))
}

/// The object files on a link line.
pub fn object_files(args: &[OsString]) -> impl Iterator<Item = &Path> {
    args.iter().filter_map(|arg| match meaning(arg) {
        Meaning::Object(path) => Some(path),
        _ => None,
    })
}

/// Whether objects may come from an archive that is no rlib, so that only the linker sees their
/// symbols: an archive given by path, or a library that is not among `shared`.
pub fn has_foreign_archives(args: &[OsString], shared: &HashSet<String>) -> bool {
    args.iter().any(|arg| match meaning(arg) {
        Meaning::NativeLibrary(name) => !shared.contains(name),
        Meaning::Other => arg.as_bytes().ends_with(b".a"),
        _ => false,
    })
}

/// A native library on a link line that may be an archive.
#[derive(Debug, PartialEq, Eq)]
pub enum NativeArchive<'a> {
    /// One that is given by path.
    File(&'a Path),
    /// One that the linker searches as `lib<name>.a`.
    Named {
        /// Its name.
        name: &'a str,
        /// Whether a shared library of that name is taken first.
        prefer_shared: bool,
    },
}

/// The native libraries on a link line that may be archives.
pub fn native_archives(args: &[OsString]) -> Vec<NativeArchive<'_>> {
    let mut prefer_shared = true;
    let mut archives = Vec::new();
    for arg in args {
        match meaning(arg) {
            Meaning::PreferShared(shared) => prefer_shared = shared,
            Meaning::NativeLibrary(name) => archives.push(NativeArchive::Named {
                name,
                prefer_shared,
            }),
            Meaning::Other if arg.as_bytes().ends_with(b".a") => {
                archives.push(NativeArchive::File(Path::new(arg)));
            }
            _ => {}
        }
    }
    archives
}

/// The directories on a link line in which the linker looks for its native libraries.
pub fn search_directories(args: &[OsString]) -> Vec<&Path> {
    let mut directories = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_bytes().strip_prefix(b"-L") {
            Some(b"") => directories.extend(rest.next().map(Path::new)),
            Some(directory) => directories.push(Path::new(OsStr::from_bytes(directory))),
            None => {}
        }
    }
    directories
}

/// The output file of a link line.
///
/// # Errors
/// When there is none.
pub fn output(args: &[OsString]) -> Result<&Path> {
    let option = args.iter().position(|arg| arg == "-o");
    let output = option.and_then(|index| args.get(index + 1));
    output.map(Path::new).ok_or(Error::LinkLine {
        missing: "output file",
    })
}

/// The rlibs on a link line.
pub fn rlibs(args: &[OsString]) -> impl Iterator<Item = &Path> {
    args.iter().filter_map(|arg| match meaning(arg) {
        Meaning::Rlib(path) => Some(path),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::for_tests::{LINE, words};

    #[test]
    fn names_of_libraries_in_words_of_their_own_are_joined() {
        let args = ["-l", "foo", "-lbar", "-o", "out", "-l"].map(OsString::from);
        let joined = join_library_names(args.to_vec());
        assert_eq!(joined, ["-lfoo", "-lbar", "-o", "out", "-l"]);
    }

    #[test]
    fn foreign_archives_are_seen() {
        let shared = ["gcc_s".to_owned(), "c".to_owned()].into();
        assert!(!has_foreign_archives(&words(LINE), &shared));
        assert!(has_foreign_archives(
            &words(&format!("{LINE} /x/libfoo.a")),
            &shared
        ));
        assert!(has_foreign_archives(
            &words(&LINE.replace("-lc", "-lz -lc")),
            &shared
        ));
    }

    #[test]
    fn native_archives_are_seen_with_where_to_look_for_them() {
        let line = words("-L /a -L/b -Wl,-Bstatic -lown -Wl,-Bdynamic -lm /x/libz.a -o out");
        assert_eq!(
            search_directories(&line),
            [Path::new("/a"), Path::new("/b")]
        );
        let named = |name, prefer_shared| NativeArchive::Named {
            name,
            prefer_shared,
        };
        assert_eq!(
            native_archives(&line),
            [
                named("own", false),
                named("m", true),
                NativeArchive::File(Path::new("/x/libz.a"))
            ]
        );
    }

    #[test]
    fn the_output_is_found() {
        assert_eq!(output(&words(LINE)).unwrap(), Path::new("/t/deps/app-4"));
        assert!(output(&words("-lc")).is_err());
    }
}
