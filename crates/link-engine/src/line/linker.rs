//! Recognises the linker, and the options that it takes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use super::syntax::Reader;

/// Whether a program is a driver that hands `-Wl,@<file>` to the linker as it is. Its name tells,
/// which may include a platform and a version. zig's driver does not, under any name: it knows all
/// options of its linker, and before 0.11 it left out those that it did not know (ziglang/zig#11906).
pub(super) fn passes_files_on(linker: &Path) -> bool {
    let name = linker.file_name().and_then(OsStr::to_str);
    let mut words = name.unwrap_or_default().split('-');
    let is_zig = words.clone().any(|word| word.starts_with("zig"));
    !is_zig && words.any(|word| ["cc", "gcc", "clang", "c++", "g++", "clang++"].contains(&word))
}

/// Whether a program is a linker or a driver by its name, and not something in its place that may
/// keep the link line for later, as tools for hot patching do.
pub fn is_known_linker(program: &Path) -> bool {
    const LINKERS: [&str; 9] = [
        "ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold", "lld", "mold", "rust-lld", "wild",
    ];
    let name = program
        .file_name()
        .and_then(OsStr::to_str)
        .unwrap_or_default();
    let is_linker = LINKERS.iter().any(|linker| {
        // For another platform: `aarch64-linux-gnu-ld`.
        let platform = name.strip_suffix(linker);
        platform.is_some_and(|platform| platform.is_empty() || platform.ends_with('-'))
    });
    is_linker || passes_files_on(program)
}

/// The run path that the linker takes from the variable `LD_RUN_PATH`. GNU ld and gold do so on a
/// line that gives no run path; `args` is such a line.
pub(crate) fn inherited_run_path(linker: &Path, args: &[OsString]) -> Option<OsString> {
    let run_path = std::env::var_os("LD_RUN_PATH").filter(|path| !path.is_empty())?;
    says_that_it_is(linker, args, "GNU ").then_some(run_path)
}

/// Whether a linker counts, for `--as-needed`, only what refers to a library before it on the line.
/// Only GNU ld does so (ld, `--as-needed`); lld, mold, wild and gold count all references.
pub(crate) fn counts_in_order(linker: &Path, args: &[OsString]) -> bool {
    says_that_it_is(linker, args, "GNU ld")
}

/// Whether a linker says that it is one with a name that begins so.
fn says_that_it_is(linker: &Path, args: &[OsString], name: &str) -> bool {
    /// The options of a driver that choose the linker.
    const CHOICES: [&[u8]; 5] = [b"-fuse-ld=", b"--ld-path=", b"-B", b"--target=", b"-m"];
    let mut command = Command::new(linker);
    match Reader::of(args) {
        Reader::Driver => {
            let is_choice = |arg: &&OsString| CHOICES.iter().any(|c| arg.as_bytes().starts_with(c));
            command
                .args(args.iter().filter(is_choice))
                .arg("-Wl,--version")
        }
        Reader::Linker => command.arg("--version"),
    };
    let output = command.output();
    output.is_ok_and(|output| output.stdout.starts_with(name.as_bytes()))
}

/// A text that differs between linkers, even if an update put a new one under the same name: the
/// file, its size and time, and the name by which it is called, by which a driver may choose what it
/// does. The directory in `PATH` by which the system finds it does not matter.
///
/// For a linker that cannot be found, the text is made of its name. Whoever runs it will report
/// that.
pub fn linker_identity(linker: &Path) -> String {
    let path = resolve(linker).map(|path| path.canonicalize().unwrap_or(path));
    let state = path.as_deref().and_then(|path| {
        let metadata = fs::metadata(path).ok()?;
        let modified = metadata.modified().ok()?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(format!("{} {}", metadata.len(), since.as_nanos()))
    });
    let name = linker.file_name().unwrap_or_default().display();
    let path = path.as_deref().unwrap_or(linker).display();
    format!("{name} {path} {}", state.as_deref().unwrap_or("unknown"))
}

/// Whether the system finds a program and may run it.
pub fn is_executable(program: &Path) -> bool {
    let metadata = resolve(program).and_then(|path| fs::metadata(path).ok());
    metadata
        .is_some_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The file of a program as the system finds it: it looks up a name without a slash in `PATH`.
fn resolve(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.to_owned());
    }
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_that_pass_files_on_are_told_by_their_names() {
        for linker in [
            "cc",
            "/usr/bin/x86_64-linux-gnu-gcc-12",
            "clang",
            "clang++-15",
            "musl-gcc",
        ] {
            assert!(passes_files_on(Path::new(linker)), "{linker}");
        }
        for linker in [
            "zig",
            "zig-cc",
            "ld.lld",
            "linker.sh",
            "/cc/tool",
            "gccx",
            "..",
        ] {
            assert!(!passes_files_on(Path::new(linker)), "{linker}");
        }
    }

    #[test]
    fn what_stands_in_the_place_of_a_linker_is_told_by_its_name() {
        for linker in [
            "cc",
            "/usr/bin/clang-15",
            "ld",
            "/opt/aarch64-linux-gnu-ld.bfd",
            "rust-lld",
        ] {
            assert!(is_known_linker(Path::new(linker)), "{linker}");
        }
        for linker in ["noting.sh", "dx", "build", "/ld/tool", ""] {
            assert!(!is_known_linker(Path::new(linker)), "{linker}");
        }
    }

    #[test]
    fn linkers_say_what_they_are() {
        for (linker, expected) in [
            ("bfd", [true, true]),
            ("gold", [true, false]),
            ("lld", [false, false]),
            ("mold", [false, false]),
        ] {
            let program = format!("ld.{linker}");
            if !is_executable(Path::new(&program)) {
                eprintln!("skipped: {program}");
                continue;
            }
            let line = [
                "-Wl,--as-needed".into(),
                format!("-fuse-ld={linker}").into(),
            ];
            let says = |program: &str, line: &[OsString]| {
                ["GNU ", "GNU ld"].map(|name| says_that_it_is(Path::new(program), line, name))
            };
            assert_eq!(says("cc", &line), expected, "{linker}");
            assert_eq!(
                says(&program, &["--as-needed".into()]),
                expected,
                "{linker}"
            );
        }
    }

    #[test]
    fn a_new_file_under_the_same_name_is_another_linker() {
        let directory = tempfile::tempdir().unwrap();
        let linker = directory.path().join("ld");
        fs::write(&linker, "one").unwrap();
        let one = linker_identity(&linker);
        assert_eq!(linker_identity(&linker), one);
        fs::write(&linker, "another").unwrap();
        assert_ne!(linker_identity(&linker), one);
        assert!(!is_executable(&linker));
    }

    #[test]
    fn a_name_is_looked_up_and_may_be_unknown() {
        assert!(linker_identity(Path::new("cc")).starts_with("cc /"));
        assert!(is_executable(Path::new("cc")));
        assert!(!is_executable(Path::new("no-such-ld")));
        assert_eq!(
            linker_identity(Path::new("no-such-ld")),
            "no-such-ld no-such-ld unknown"
        );
    }
}
