//! Executables that a build leaves as they are: each runs its own code, with the shared objects
//! against which it was linked.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use crate::prelude::*;
use cargo_test_support::Project;

use super::{LAYERED_OUTPUT, artifacts, contents, layered_project, run, stdout};

/// Two programs `foo` and `bar` that print a value whose layout `local` decides.
fn two_programs() -> Project {
    let main = "fn main() { let v = local::value(); println!(\"{}\", v.last); }";
    let p = layered_project().file("src/bin/bar.rs", main).build();
    p.change_file("src/main.rs", main);
    p.change_file(
        "local/src/lib.rs",
        "pub struct Value { pub last: u64 }
         #[inline(never)] pub fn value() -> Value { Value { last: 1 } }",
    );
    p
}

const OTHER_LAYOUT: &str = "pub struct Value { pub first: [u64; 9], pub last: u64 }
     #[inline(never)] pub fn value() -> Value { Value { first: [8; 9], last: 2 } }";

#[cargo_test]
fn an_executable_that_was_not_rebuilt_runs_its_own_code() {
    let p = two_programs();
    p.cargo("build --dynamic-deps").run();
    p.change_file("local/src/lib.rs", OTHER_LAYOUT);
    p.cargo("build --dynamic-deps --bin foo").run();
    assert_eq!(stdout(&p.bin("foo")), "2\n");
    assert_eq!(stdout(&p.bin("bar")), "1\n");
    assert_eq!(contents(&p, "local").len(), 2);
}

#[cargo_test]
fn content_that_no_executable_needs_is_removed() {
    let p = two_programs();
    p.cargo("build --dynamic-deps").run();
    for edit in 2..6 {
        p.change_file(
            "local/src/lib.rs",
            &format!(
                "pub struct Value {{ pub last: u64 }}
                 #[inline(never)] pub fn value() -> Value {{ Value {{ last: {edit} }} }}"
            ),
        );
        p.cargo("build --dynamic-deps --bin foo").run();
        assert_eq!(stdout(&p.bin("foo")), format!("{edit}\n"));
        assert_eq!(stdout(&p.bin("bar")), "1\n");
        // The first one for `bar`, the newest one for `foo`, and the one that `foo`
        // needed until it was linked again.
        assert!(contents(&p, "local").len() <= 3);
    }
    p.cargo("build --dynamic-deps").run();
    p.change_file("local/src/lib.rs", OTHER_LAYOUT);
    p.cargo("build --dynamic-deps").run();
    assert!(contents(&p, "local").len() <= 2);
    assert_eq!(stdout(&p.bin("bar")), "2\n");
}

#[cargo_test]
fn a_test_goes_on_with_its_code_when_something_else_is_built() {
    let p = layered_project()
        .file(
            "examples/example.rs",
            "fn main() { println!(\"{}\", local::name()); }",
        )
        .file(
            "src/lib.rs",
            "//! ```\n//! assert_ne!(local::name(), \"\");\n//! ```\n",
        )
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_ne!(local::name(), \"edited\"); }",
        )
        .build();
    let built = artifacts(&mut p.cargo("test --dynamic-deps --test it --no-run"));
    let test = built.into_iter().find_map(|unit| unit.executable).unwrap();
    for arguments in ["run --example example", "build --examples", "test --doc"] {
        p.change_file(
            "local/src/lib.rs",
            &format!("pub fn name() -> &'static str {{ \"edited\" }} // {arguments}"),
        );
        p.cargo(&format!("{arguments} --dynamic-deps")).run();
        assert!(run(&test).status.success(), "{arguments}");
    }
}

#[cargo_test]
fn a_failed_build_leaves_the_old_executable_running() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    p.change_file("local/src/lib.rs", "pub fn name() -> u8 { 1 }");
    p.change_file("src/main.rs", "fn main() { local::name().missing(); }");
    p.cargo("build --dynamic-deps")
        .with_status(101)
        .with_stderr_contains(
            "[ERROR] could not compile `foo` (bin \"foo\") due to 1 previous error",
        )
        .run();
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_running_program_keeps_its_shared_objects() {
    let p = layered_project().build();
    p.change_file(
        "src/main.rs",
        r#"
            use std::io::BufRead;
            fn main() {
                println!("ready");
                std::io::stdin().lock().lines().next();
                println!("{}", local::name());
            }
        "#,
    );
    p.cargo("build --dynamic-deps").run();
    let mut program = Command::new(p.bin("foo"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");

    let before: Vec<u64> = inodes(&p);
    p.change_file(
        "local/src/lib.rs",
        "pub fn name() -> String { \"edited\".into() }",
    );
    p.cargo("build --dynamic-deps").run();
    assert_ne!(before, inodes(&p));
    drop(program.stdin.take());
    assert_eq!(lines.next().unwrap().unwrap(), "hello from local, call 1");
    assert!(program.wait().unwrap().success());
    assert_eq!(super::text(&run(&p.bin("foo")).stdout), "ready\nedited\n");
}

fn inodes(project: &Project) -> Vec<u64> {
    let files = contents(project, "local");
    files
        .iter()
        .map(|path| fs::metadata(path).unwrap().ino())
        .collect()
}
