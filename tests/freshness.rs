//! What is rebuilt, and what an executable runs that was not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use crate::prelude::*;
use cargo_test_support::{Project, sleep_ms};

use super::{LAYERED_OUTPUT, contents, group_files, layered_project, run, stdout};

/// Names of the groups that a build links, sorted.
fn linked_groups(project: &Project, arguments: &str) -> Vec<String> {
    let output = project.cargo(arguments).run();
    let mut groups: Vec<String> = super::text(&output.stderr)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Linking "))
        .map(|rest| rest.trim_end_matches(" group").to_owned())
        .collect();
    groups.sort();
    groups
}

#[cargo_test]
fn nothing_to_do() {
    let p = layered_project().build();
    assert_eq!(
        linked_groups(&p, "build --dynamic-deps -v"),
        ["frozen", "local", "sysroot"]
    );
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .with_stderr_does_not_contain("[DIRTY] [..]")
        .run();
}

#[cargo_test]
fn an_edit_relinks_only_its_layer() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    p.change_file(
        "local/src/lib.rs",
        "pub fn name() -> String { \"edited\".into() }",
    );
    assert_eq!(linked_groups(&p, "build --dynamic-deps -v"), ["local"]);
    assert_eq!(stdout(&p.bin("foo")), "edited 1\n");

    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{}\", local::name()); }",
    );
    assert!(linked_groups(&p, "build --dynamic-deps -v").is_empty());
    assert_eq!(stdout(&p.bin("foo")), "edited\n");
}

#[cargo_test]
fn deleted_files_are_made_again() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    for file in group_files(&p, "frozen") {
        fs::remove_file(&file).unwrap();
        p.cargo("build --dynamic-deps").run();
        assert!(file.exists(), "{}", file.display());
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
    }
}

#[cargo_test]
fn another_linker_links_anew() {
    let p = layered_project().build();
    let script = p.root().join("my-cc");
    let write = |comment: &str| {
        fs::write(&script, format!("#!/bin/sh\n# {comment}\nexec cc \"$@\"\n")).unwrap();
        let mut permissions = fs::metadata(&script).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        fs::set_permissions(&script, permissions).unwrap();
    };
    write("one");
    let variable = format!(
        "CARGO_TARGET_{}_LINKER",
        cargo_test_support::rustc_host()
            .to_uppercase()
            .replace('-', "_")
    );
    let linked = |arguments| {
        let output = p.cargo(arguments).env(&variable, &script).run();
        super::text(&output.stderr).matches("Linking ").count()
    };
    p.cargo("build --dynamic-deps").run();
    assert_eq!(linked("build --dynamic-deps -v"), 3);
    assert_eq!(linked("build --dynamic-deps -v"), 0);
    write("another one");
    assert_eq!(linked("build --dynamic-deps -v"), 3);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_relative_linker_starts_from_the_workspace() {
    let p = layered_project()
        .executable("tools/my-cc", "#!/bin/sh\nexec cc \"$@\"\n")
        .build();
    p.cargo("build --dynamic-deps")
        .cwd("src")
        .env("RUSTFLAGS", "-C linker=tools/my-cc")
        .run();
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

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

#[cargo_test]
fn a_build_that_was_killed_leaves_nothing_half_made() {
    let p = layered_project().build();
    // From before the first group is linked until after the last executable is.
    for milliseconds in [50, 150, 250, 350, 450, 600] {
        p.build_dir().rm_rf();
        let mut cargo = p.cargo("build --dynamic-deps").build_command();
        let mut child = cargo.stderr(Stdio::null()).spawn().unwrap();
        sleep_ms(milliseconds);
        child.kill().unwrap();
        child.wait().unwrap();
        p.cargo("build --dynamic-deps").run();
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
        let deps = fs::read_dir(p.target_debug_dir().join("deps")).unwrap();
        let hidden = deps.filter(|file| {
            let name = file.as_ref().unwrap().file_name();
            name.to_str().unwrap().starts_with('.')
        });
        assert_eq!(hidden.count(), 0);
    }
}
