//! How a linker takes its options, read off a link line that rustc wrote for it.
//!
//! Only lines for ELF occur in a build: for other formats everything is linked statically
//! (`link_plan::support`). What is known of those comes from lines that rustc 1.95 writes for them
//! and from lld; no group was ever loaded on such a machine.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Which options a linker has, and with them the format of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Linkers for ELF, which all take the options of GNU ld.
    Elf,
    /// Apple's `ld` and `ld64.lld`, for Mach-O.
    Darwin,
    /// GNU ld and lld for PE.
    Mingw,
    /// `link.exe` and `lld-link`.
    Msvc,
}

/// Who reads a link line first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A driver such as `cc` or `clang`.
    Driver,
    /// The linker itself, such as `ld.lld`.
    Linker,
}

/// How to say something to a linker.
///
/// rustc knows the flavor of the linker and writes options accordingly, so a link line of its own
/// tells which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) family: Family,
    pub(crate) reader: Reader,
}

impl Syntax {
    /// The syntax of a link line that rustc wrote. On every line it passes
    ///
    /// - to a linker in the manner of MSVC `/NOLOGO`,
    /// - for Mach-O `-arch`, and to the linker itself also `-platform_version`,
    /// - for PE in the manner of GNU `--nxcompat`, behind `-Wl,` if to a driver,
    /// - for ELF `--as-needed` and `--eh-frame-hdr`, likewise.
    pub(crate) fn of(link_line: &[OsString]) -> Syntax {
        let has = |word: &str| link_line.iter().any(|arg| arg == word);
        let to_driver = link_line
            .iter()
            .any(|arg| arg.as_bytes().starts_with(b"-Wl,"));
        let (family, to_driver) = if has("/NOLOGO") {
            (Family::Msvc, false)
        } else if has("-arch") {
            (Family::Darwin, !has("-platform_version"))
        } else if has("--nxcompat") || has("-Wl,--nxcompat") {
            (Family::Mingw, to_driver)
        } else {
            (Family::Elf, to_driver)
        };
        let reader = if to_driver {
            Reader::Driver
        } else {
            Reader::Linker
        };
        Syntax { family, reader }
    }

    /// Appends one option of the linker, of one or two words.
    pub(crate) fn push(self, args: &mut Vec<OsString>, words: &[impl AsRef<OsStr>]) {
        for word in words {
            // `-Xlinker` and not `-Wl,`: a path may hold a comma.
            if self.reader == Reader::Driver {
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
