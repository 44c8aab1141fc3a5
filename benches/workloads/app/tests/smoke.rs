//! Runs the program as a user would and compares what it prints with what it always prints.
//!
//! `UPDATE=1 cargo test` rewrites the expected output.

use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs};

#[test]
fn run_prints_the_same_each_time() {
    check("run");
}

#[test]
fn identity_prints_the_same_each_time() {
    check("identity");
}

#[test]
fn backtrace_prints_the_same_each_time() {
    check("backtrace");
}

#[test]
fn backtrace_names_functions_and_lines_of_dependencies() {
    let output = workload_app("backtrace");
    let backtraces = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        backtraces.matches(" panicked at ").count(),
        3,
        "in:\n{backtraces}"
    );
    // A function of each crate on the way to the panic, those of SQLite in C, and the source file.
    for frame in [
        "<workload_local::reading::CelsiusVisitor as",
        "local/src/reading.rs:",
        "serde_json::de::from_str",
        "/src/de.rs:",
        "regex::regex::string::Regex::replace",
        "/src/regex/string.rs:",
        "rayon_core::registry::WorkerThread",
        "/src/registry.rs:",
        "sqlite3_step",
        "/sqlite3.c:",
        "workload_app::main",
        "src/main.rs:",
    ] {
        assert!(backtraces.contains(frame), "no `{frame}` in:\n{backtraces}");
    }
}

/// Compares the output of `subcommand` with the file `tests/<subcommand>.stdout`.
fn check(subcommand: &str) {
    let output = workload_app(subcommand);
    let printed = String::from_utf8(output.stdout).expect("output is UTF-8");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/{subcommand}.stdout"));
    if env::var_os("UPDATE").is_some() {
        fs::write(&file, &printed).expect("expected output is writable");
    }
    let expected = fs::read_to_string(&file).expect("expected output is readable");
    assert_eq!(printed, expected, "update with `UPDATE=1 cargo test`");
}

fn workload_app(subcommand: &str) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_workload-app"))
        .arg(subcommand)
        .env("RUST_BACKTRACE", "1")
        .output()
        .expect("program starts");
    assert!(output.status.success(), "`{subcommand}` failed: {output:?}");
    output
}
