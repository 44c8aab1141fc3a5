//! The meaning of the arguments on a link line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::{Error, Result};

/// The meaning of one argument.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// How the linker takes libraries that follow, which [`LibraryState`] reads.
    LibraryState,
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
    if LibraryState::default().read_word(option) {
        return Meaning::LibraryState;
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

/// How a linker takes the libraries that follow on a line.
#[derive(Debug)]
pub(crate) struct LibraryState {
    /// `-Bstatic` and `-Bdynamic`: which kind a `-l` looks for.
    pub(crate) prefer_shared: bool,
    /// `--as-needed` and `--no-as-needed`: whether the linker drops a shared object that no object
    /// file needs.
    pub(crate) as_needed: bool,
    saved: Vec<(bool, bool)>,
}

impl Default for LibraryState {
    fn default() -> Self {
        LibraryState {
            prefer_shared: true,
            as_needed: false,
            saved: Vec::new(),
        }
    }
}

impl LibraryState {
    /// Reads an argument, which may have several words for the linker.
    pub(crate) fn read(&mut self, arg: &OsStr) {
        match arg.as_bytes().strip_prefix(b"-Wl,") {
            Some(words) => words.split(|byte| *byte == b',').for_each(|word| {
                self.read_word(word);
            }),
            None => {
                self.read_word(arg.as_bytes());
            }
        }
    }

    /// Reads a word, and returns whether it has such a meaning.
    fn read_word(&mut self, word: &[u8]) -> bool {
        match word {
            b"-Bstatic" | b"-dn" | b"-non_shared" => self.prefer_shared = false,
            b"-Bdynamic" | b"-dy" | b"-call_shared" => self.prefer_shared = true,
            b"--as-needed" => self.as_needed = true,
            b"--no-as-needed" => self.as_needed = false,
            b"--push-state" => self.saved.push((self.prefer_shared, self.as_needed)),
            b"--pop-state" => {
                if let Some(saved) = self.saved.pop() {
                    (self.prefer_shared, self.as_needed) = saved;
                }
            }
            _ => return false,
        }
        true
    }
}

/// Writes `-l foo` as `-lfoo`, which means the same to linkers and is the only form that we read.
pub fn join_library_names(args: Vec<OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::with_capacity(args.len());
    let mut rest = args.into_iter();
    while let Some(mut arg) = rest.next() {
        // The value of an option for the linker is behind another `-Xlinker`.
        let is_for_linker = joined.last().is_some_and(|last| last == "-Xlinker");
        if arg == "-l" && !is_for_linker {
            arg.push(rest.next().unwrap_or_default());
        }
        joined.push(arg);
    }
    joined
}

/// Whether an argument of a driver or linker is an object file.
pub fn is_object(arg: &OsStr) -> bool {
    matches!(meaning(arg), Meaning::Object(_))
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
        let args = ["-Xlinker", "-l", "-Xlinker", "foo"].map(OsString::from);
        assert_eq!(join_library_names(args.to_vec()), args);
    }

    #[test]
    fn the_state_is_read_in_words_of_any_form() {
        let mut state = LibraryState::default();
        let mut read = |arg: &str| {
            state.read(OsStr::new(arg));
            (state.prefer_shared, state.as_needed)
        };
        assert_eq!(read("-Wl,--as-needed"), (true, true));
        assert_eq!(read("-Bstatic"), (false, true));
        assert_eq!(read("-Wl,--push-state,--no-as-needed,-dy"), (true, false));
        assert_eq!(read("/a/-Wl,--as-needed"), (true, false));
        assert_eq!(read("--pop-state"), (false, true));
        assert_eq!(read("-Wl,--pop-state"), (false, true));
    }

    #[test]
    fn the_output_is_found() {
        assert_eq!(output(&words(LINE)).unwrap(), Path::new("/t/deps/app-4"));
        assert!(output(&words("-lc")).is_err());
    }
}
