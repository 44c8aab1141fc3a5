//! Running the real linker.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::{Error, Result, response_file};

/// How the linker takes its options.
///
/// rustc knows the flavor of the linker and writes options accordingly, so a
/// link line of its own tells which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Through a driver such as `cc` or `clang`.
    Driver,
    /// By the linker itself, such as `ld.lld`.
    Direct,
}

impl Syntax {
    /// The syntax of a link line that rustc wrote: it passes `--as-needed` and
    /// `--eh-frame-hdr` on every ELF line, behind `-Wl,` if to a driver.
    pub(crate) fn of(link_line: &[OsString]) -> Syntax {
        if link_line
            .iter()
            .any(|arg| arg.as_bytes().starts_with(b"-Wl,"))
        {
            Syntax::Driver
        } else {
            Syntax::Direct
        }
    }

    /// Appends one option of the linker, of one or two words.
    pub(crate) fn push(self, args: &mut Vec<OsString>, words: &[impl AsRef<std::ffi::OsStr>]) {
        for word in words {
            // `-Xlinker` and not `-Wl,`: a path may hold a comma.
            if self == Syntax::Driver {
                args.push("-Xlinker".into());
            }
            args.push(word.into());
        }
    }
}

/// Runs the linker and returns its output. Link lines that are too long go
/// through a response file in `scratch`.
pub(crate) fn run(linker: &Path, args: Vec<OsString>, scratch: &Path) -> Result<Output> {
    let args = response_file::shorten(args, &scratch.join("linker-arguments"))?;
    Command::new(linker)
        .args(args)
        .output()
        .map_err(|source| Error::Spawn {
            program: linker.to_owned(),
            source,
        })
}

/// Empties and makes the directory `path`, for files that only one link needs.
pub(crate) fn scratch_directory(path: PathBuf) -> Result<PathBuf> {
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("remove", &path)(error));
        }
        _ => {}
    }
    fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
    Ok(path)
}
