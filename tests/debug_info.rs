//! Debugging information, as backtraces and a debugger see it.

use std::process::Command;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{LAYERS, contents, groups_of, manifest, same_behaviour, unit_files};

/// Line of `frozen::add` in which it panics; before, it computes its only local.
const LINE: u32 = 5;

/// A program that calls `local::twice`, which calls `frozen::add`, which panics if the
/// program is run with an argument.
fn project_to_debug() -> Project {
    Package::new("frozen", "1.0.0")
        .edition("2021")
        .file(
            "src/lib.rs",
            "pub struct Point { pub x: i32, pub y: i32 }\n\
             #[inline(never)]\n\
             pub fn add(point: &Point, more: i32) -> i32 {\n\
                 let sum = point.x + point.y + more;\n\
                 if std::env::args().count() > 1 { panic!(\"{sum}\") }\n\
                 sum\n\
             }\n",
        )
        .publish();
    let dependency = "[dependencies]\nfrozen = '1.0'\n";
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!("{dependency}local = {{ path = 'local' }}\n"),
            ),
        )
        .file(
            "src/main.rs",
            "fn main() {\n    println!(\"{}\", local::twice(20));\n}\n",
        )
        .file("local/Cargo.toml", &manifest("local", dependency))
        .file(
            "local/src/lib.rs",
            "#[inline(never)]\npub fn twice(number: i32) -> i32 {\n\
             \x20   let point = frozen::Point { x: number, y: 1 };\n\
             \x20   frozen::add(&point, number)\n}\n",
        )
        .build()
}

/// Builds statically and dynamically with a profile that has `settings`, checks that
/// both print the same backtrace, and returns it.
#[track_caller]
fn same_backtrace(p: &Project, settings: &str) -> String {
    p.change_file(
        ".cargo/config.toml",
        &format!("[profile.dev]\n{settings}\n"),
    );
    let backtrace = |argument: &str| {
        p.cargo(&format!("build {argument}")).run();
        let output = Command::new(p.bin("foo"))
            .arg("panic")
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap();
        super::without_thread_ids(super::text(&output.stderr))
    };
    let of_static = backtrace("--no-dynamic-deps");
    let of_dynamic = backtrace("--dynamic-deps");
    assert_eq!(groups_of(&p.bin("foo")), LAYERS, "{settings}");
    assert_eq!(of_static, of_dynamic, "{settings}");
    of_dynamic
}

#[cargo_test]
fn amount() {
    let p = project_to_debug();
    for (debug, has_lines) in [
        ("0", false),
        ("'line-tables-only'", true),
        ("1", true),
        ("2", true),
    ] {
        let backtrace = same_backtrace(&p, &format!("debug = {debug}"));
        assert!(backtrace.contains("frozen::add"), "{backtrace}");
        let line = format!("frozen-1.0.0/src/lib.rs:{LINE}");
        // The first is in the message itself.
        let lines = if has_lines { 2 } else { 1 };
        assert_eq!(backtrace.matches(&line).count(), lines, "{backtrace}");
    }
}

#[cargo_test]
fn split_off() {
    check_split("off");
}

#[cargo_test]
fn split_unpacked() {
    check_split("unpacked");
}

#[cargo_test]
fn split_packed() {
    check_split("packed");
}

#[cargo_test(requires = "gdb")]
fn a_breakpoint_with_packed_debugging_information() {
    let p = project_to_debug();
    p.change_file(
        ".cargo/config.toml",
        "[profile.dev]\nsplit-debuginfo = 'packed'\n",
    );
    let check = |argument: &str| {
        p.cargo(&format!("build {argument}")).run();
        let mut gdb = Command::new("gdb");
        gdb.args(["--quiet", "--batch", "--nx"]);
        for command in [
            "set breakpoint pending on",
            &format!("break frozen-1.0.0/src/lib.rs:{}", LINE - 1),
            "run",
            "print more",
            "print *point",
            "up",
            "print number",
        ] {
            gdb.args(["-ex", command]);
        }
        let output = gdb.arg(p.bin("foo")).output().unwrap();
        let text = super::text(&output.stdout);
        for expected in [
            "$1 = 20",
            "$2 = frozen::Point {x: 20, y: 1}",
            "$3 = 20",
            "local/src/lib.rs:4",
        ] {
            assert!(text.contains(expected), "{argument}: {output:?}");
        }
    };
    let count = || {
        let files = unit_files(&p).into_iter();
        let names = files.filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("local-") && name.ends_with(".dwo")
        });
        names.count()
    };
    check("--no-dynamic-deps");
    assert_eq!(count(), 0);
    check("--dynamic-deps");
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    let before = count();
    assert!(before > 0);
    // Nothing of what was compiled before is left.
    let source = p.read_file("local/src/lib.rs");
    p.change_file("local/src/lib.rs", &format!("{source}// edited\n"));
    check("--dynamic-deps");
    assert_eq!(count(), before);
}

fn check_split(choice: &str) {
    let p = project_to_debug();
    let backtrace = same_backtrace(&p, &format!("split-debuginfo = '{choice}'"));
    assert!(backtrace.contains("frozen::add"), "{backtrace}");
    assert_eq!(super::text(&same_behaviour(&p).stdout), "41\n");
}

#[cargo_test]
fn stripped() {
    for strip in ["none", "debuginfo", "symbols"] {
        let p = project_to_debug();
        let settings = format!("strip = '{strip}'");
        if strip == "symbols" {
            // Backtraces then differ in one way: names that a group exports are what
            // the loader goes by, and stay.
            p.change_file(
                ".cargo/config.toml",
                &format!("[profile.dev]\n{settings}\n"),
            );
            assert_eq!(super::text(&same_behaviour(&p).stdout), "41\n");
        } else {
            let backtrace = same_backtrace(&p, &settings);
            assert!(backtrace.contains("local::twice"), "{backtrace}");
        }
        let mut files = contents(&p, "frozen");
        files.extend(contents(&p, "local"));
        files.push(p.bin("foo"));
        assert_eq!(files.len(), 3);
        for file in files {
            let mut readelf = Command::new("readelf");
            let output = readelf.args(["--wide", "--sections"]).arg(&file).output();
            let output = output.unwrap();
            let sections = super::text(&output.stdout);
            assert_eq!(
                sections.contains(".debug_info"),
                strip == "none",
                "{sections}"
            );
            assert_eq!(
                sections.contains(".symtab"),
                strip != "symbols",
                "{sections}"
            );
        }
        p.root().rm_rf();
    }
}

/// The output of gdb when it runs the program with these commands.
#[track_caller]
fn gdb(p: &Project, commands: &[&str]) -> String {
    let mut gdb = Command::new("gdb");
    gdb.args(["--batch", "--nx"]);
    for command in [
        // Those of a distribution ask a server on the network.
        "set debuginfod enabled off",
        "set startup-with-shell off",
        // A user is asked; nobody is there to answer.
        "set breakpoint pending on",
    ]
    .iter()
    .chain(commands)
    {
        gdb.args(["-ex", command]);
    }
    let output = gdb.arg(p.bin("foo")).output().unwrap();
    let stdout = super::text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    stdout.to_owned()
}

/// What gdb says from the first breakpoint to the end of the program, without where
/// things lie in memory.
fn stops(stdout: &str) -> Vec<String> {
    let begin = stdout.find("Breakpoint 1, ").unwrap();
    let lines = stdout[begin..].lines();
    lines
        .take_while(|line| !line.contains("(process "))
        .map(|line| match line.split_once("0x") {
            Some((before, after)) => {
                let after = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
                format!("{before}0x{after}")
            }
            None => line.to_owned(),
        })
        .collect()
}

#[cargo_test(requires = "gdb")]
fn gdb_stops_in_a_dependency_and_shows_its_locals() {
    let p = project_to_debug();
    let line = format!("break frozen-1.0.0/src/lib.rs:{}", LINE - 1);
    for breakpoint in ["break frozen::add", &line] {
        let commands = [
            breakpoint,
            "run",
            "next",
            "info locals",
            "print *point",
            "print more",
            "up",
            "info locals",
            "continue",
        ];
        p.cargo("build --no-dynamic-deps").run();
        let of_static = gdb(&p, &commands);
        p.cargo("build --dynamic-deps").run();
        let of_dynamic = gdb(&p, &commands);
        assert!(of_dynamic.contains("sum = 41"), "{of_dynamic}");
        assert!(
            of_dynamic.contains("frozen::Point {x: 20, y: 1}"),
            "{of_dynamic}"
        );
        assert!(of_dynamic.contains("$2 = 20"), "{of_dynamic}");
        assert_eq!(stops(&of_static), stops(&of_dynamic));
    }
}

#[cargo_test(requires = "gdb")]
fn gdb_steps_from_the_program_into_its_dependencies() {
    let p = project_to_debug();
    let commands = [
        "break foo::main",
        "run",
        "step",
        "step",
        "step",
        "backtrace",
        "finish",
    ];
    p.cargo("build --no-dynamic-deps").run();
    let of_static = gdb(&p, &commands);
    p.cargo("build --dynamic-deps").run();
    let of_dynamic = gdb(&p, &commands);
    assert!(of_dynamic.contains("frozen::add (point="), "{of_dynamic}");
    assert_eq!(stops(&of_static), stops(&of_dynamic));
}
