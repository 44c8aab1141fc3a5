//! The linker's options on a link line, in whatever form: as words of their own, behind `-Wl,` or
//! `-Xlinker`, or in a file that one of these names (`-Wl,@file`), which only the linker reads.
//!

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::response_file;
use crate::Result;

/// A word that the linker gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word itself, with its value if that is in the same word.
    pub word: OsString,
    /// The argument on the link line that brings it.
    pub(crate) arg: OsString,
}

impl Word {
    /// The argument that the user has to look for, for people.
    pub(crate) fn link_arg(&self) -> String {
        let arg = self.arg.to_string_lossy();
        match self.arg.as_bytes().contains(&b'@') && self.arg != self.word {
            true => format!("{} ({arg})", self.word.to_string_lossy()),
            false => arg.into_owned(),
        }
    }

    /// The option without its value; not for options of one letter.
    pub(crate) fn option(&self) -> &[u8] {
        let mut parts = self.word.as_bytes().split(|byte| *byte == b'=');
        parts.next().unwrap_or_default()
    }
}

/// The words of a link line as the linker sees them; options that the driver keeps to itself are
/// among them.
///
/// # Errors
/// When a response file is malformed.
pub(crate) fn words(args: &[OsString]) -> Result<Vec<Word>> {
    let mut words = Vec::with_capacity(args.len());
    for arg in args.iter().filter(|arg| *arg != "-Xlinker") {
        let of_linker = arg.as_bytes().strip_prefix(b"-Wl,");
        for word in of_linker.unwrap_or(arg.as_bytes()).split(|byte| {
            // A comma separates in options for the linker alone.
            of_linker.is_some() && *byte == b','
        }) {
            let word = OsStr::from_bytes(word).to_owned();
            let expanded = response_file::expand([word])?.into_iter();
            words.extend(expanded.map(|word| Word {
                word,
                arg: arg.clone(),
            }));
        }
    }
    Ok(words)
}

/// Whether a line gives a run path.
pub(crate) fn have_run_path(words: &[Word]) -> bool {
    let mut options = words.iter().map(Word::option);
    options.any(|option| matches!(option, b"-rpath" | b"--rpath") || option.starts_with(b"-R"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("open");
        std::fs::write(&path, "'--wrap").unwrap();
        let arg = format!("-Wl,@{}", path.display());
        assert!(words(&[arg.into()]).is_err());
    }
}
