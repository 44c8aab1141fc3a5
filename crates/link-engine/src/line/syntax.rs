//! Whether a driver or a linker reads a link line, and the form of options for it.
//!
//! Only lines for ELF occur, since Cargo links statically for other formats (`link_plan::support`).
//! All linkers for ELF take the options of GNU ld.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// The program that reads a link line first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A driver such as `cc` or `clang`.
    Driver,
    /// The linker itself, such as `ld.lld`.
    Linker,
}

impl Reader {
    /// The reader of a link line that rustc wrote. rustc knows the flavor of the linker and writes
    /// options accordingly: on every line, it passes `--as-needed` and `--eh-frame-hdr`, behind
    /// `-Wl,` for a driver.
    pub(crate) fn of(link_line: &[OsString]) -> Reader {
        let mut args = link_line.iter();
        match args.any(|arg| arg.as_bytes().starts_with(b"-Wl,")) {
            true => Reader::Driver,
            false => Reader::Linker,
        }
    }

    /// Appends one option of the linker, of one or two words.
    pub(crate) fn push(self, args: &mut Vec<OsString>, words: &[impl AsRef<OsStr>]) {
        for word in words {
            // `-Xlinker` and not `-Wl,`: a path may hold a comma.
            if self == Reader::Driver {
                args.push("-Xlinker".into());
            }
            args.push(word.into());
        }
    }
}

/// Whether an argument, of the driver or the linker, names one of these options: behind one dash
/// or two, and with or without a value.
pub(crate) fn names_option(arg: &OsStr, options: &[&[u8]]) -> bool {
    let bytes = arg.as_bytes();
    let words = bytes.strip_prefix(b"-Wl,").unwrap_or(bytes);
    words.split(|byte| *byte == b',').any(|word| {
        let option = word.split(|byte| *byte == b'=').next().unwrap_or(word);
        let name = option.strip_prefix(b"--").or(option.strip_prefix(b"-"));
        name.is_some_and(|name| options.contains(&name))
    })
}

/// An option with its value in the same word.
pub(crate) fn joined(option: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut word = OsString::from(option);
    word.push(value);
    word
}
