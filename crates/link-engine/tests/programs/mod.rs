//! Programs that a test runs, some of which a machine may lack.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether a test has to be skipped, for want of a program. Says so on standard error itself, where
/// nobody overlooks it: libtest does not show the output of a test that passes.
pub(crate) fn are_missing(test: &str, programs: &[&str]) -> bool {
    let missing = programs
        .iter()
        .find(|program| Command::new(program).arg("--version").output().is_err());
    if let Some(program) = missing {
        let _ = writeln!(
            std::io::stderr(),
            "skipped `{test}`: `{program}` is not installed"
        );
    }
    missing.is_some()
}

/// Runs a command that has to succeed, and returns what it prints.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The directory of the programs that come with rustc.
pub(crate) fn rust_programs() -> PathBuf {
    let libraries = run(Command::new("rustc").args(["--print", "target-libdir"]));
    Path::new(libraries.trim()).with_file_name("bin")
}
