//! Several jobs of one build at the same time: none takes files away from the job of a pool.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::prelude::*;
use cargo_test_support::project;
use cargo_test_support::registry::Package;

use super::linkers::for_host;
use super::pools::{new_pools, pools, publish, recorded_pools, records, with_printer};
use super::{STATIC, groups_of, manifest, objects_of, stdout};

#[cargo_test]
fn two_link_settings() {
    publish("leaf", "1.0.0", &[]);
    publish("above", "1.0.0", &["leaf"]);
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nabove = '1.0'\n"),
        )
        .file(
            "src/lib.rs",
            r#"
                //! ```
                //! assert_eq!(foo::text(), "above 1.0.0 leaf 1.0.0 ");
                //! ```
                pub fn text() -> String { above::name() }
                #[test] fn unit() { assert_eq!(text(), "above 1.0.0 leaf 1.0.0 "); }
            "#,
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", foo::text()); }",
        )
        // Doctests do not get it, so they are linked in another way.
        .file(
            ".cargo/config.toml",
            "build.rustflags = ['-C', 'link-arg=-L.']\n",
        )
        .build();
    let test = || {
        let mut cargo = p.cargo("test --dynamic-deps -v");
        cargo
            .with_stderr_does_not_contain("[WARNING] [..]")
            .with_stdout_contains("test unit ... ok")
            .with_stdout_contains("test src/lib.rs - (line 2) ... ok");
        cargo
    };
    test().run();
    let before = pools(&p);
    let stores = before.keys().map(|name| name.split('_').next().unwrap());
    assert_eq!(stores.collect::<BTreeSet<_>>().len(), 2);
    // Each knows its pool the next time.
    let recorded = recorded_pools(&p);
    assert_eq!(recorded.len(), 2);
    assert_eq!(recorded[0], recorded[1]);
    for command in ["test", "build", "test --doc", "test"] {
        let mut cargo = match command {
            "test" => test(),
            _ => p.cargo(&format!("{command} --dynamic-deps -v")),
        };
        cargo
            .with_stderr_does_not_contain("[..]Linking frozen [..]")
            .run();
        assert_eq!(new_pools(&p, &before), STATIC, "{command}");
    }
    test()
        .with_stderr_does_not_contain("[RUNNING] `rustc [..]")
        .with_stderr_does_not_contain("[..]Linking [..]")
        .run();
    assert_eq!(stdout(&p.bin("foo")), "above 1.0.0 leaf 1.0.0 \n");
    assert_eq!(groups_of(&p.bin("foo")), ["local", "frozen", "sysroot"]);
}

/// A linker that has a link end while a pool is being made, once there is `tools/is_slow`. It links
/// `early` when the pool of `late` has its first shared object, and the second shared object of
/// that pool after `tools/early_ends` appears. It waits for a minute at most, so that a build that
/// goes otherwise fails in the end.
const SLOW_LINKER: &str = r#"#!/bin/sh
tools="${0%/*}"
wait_for() {
    for _ in $(seq 600); do
        [ -e "$tools/$1" ] && return
        sleep 0.1
    done
}
if [ -e "$tools/is_slow" ]; then
    case "$*" in
        *-soname*libasking-*) touch "$tools/second_begins"; wait_for early_ends ;;
        */early-*) wait_for second_begins ;;
    esac
fi
exec cc "$@"
"#;

#[cargo_test]
fn a_link_ends_while_a_pool_is_made() {
    publish("common", "1.0.0", &[]);
    publish("plain", "1.0.0", &[]);
    // It asks the program for something, so it has a shared object of its own.
    Package::new("asking", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn answer() -> u32; }
                pub fn ask() -> u32 { unsafe { answer() } }
            "#,
        )
        .publish();
    let builder = project()
        .file(
            "Cargo.toml",
            "[workspace]\nmembers = ['early', 'late']\nresolver = '2'\n",
        )
        .executable("tools/linker", SLOW_LINKER)
        .file(".cargo/config.toml", &for_host("linker = 'tools/linker'"))
        .file(
            "late/Cargo.toml",
            &manifest("late", "[dependencies]\nasking = '1.0'\nplain = '1.0'\n"),
        )
        .file(
            "late/src/main.rs",
            r#"
                #[no_mangle]
                pub extern "C" fn answer() -> u32 { 42 }
                fn main() { println!("{}{}", plain::name(), asking::ask()); }
            "#,
        );
    let p = with_printer(builder, "early", &["common"]).build();
    p.cargo("build --dynamic-deps -p early").run();
    assert_eq!(pools(&p).len(), 1);

    // After each link, Cargo looks for pools that executables do not need any more.
    fs::write(records(&p).join("replaced"), "").unwrap();
    p.change_file("tools/is_slow", "");
    p.change_file(
        "early/src/main.rs",
        "fn main() { println!(\"{}!\", common::name()); }",
    );
    let mut cargo = p.cargo("build --dynamic-deps -v -j4").build_command();
    let mut build = cargo.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = String::new();
    for line in BufReader::new(build.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.starts_with("executable early ") {
            p.change_file("tools/early_ends", "");
        }
        stderr.push_str(&format!("{line}\n"));
    }
    assert!(build.wait().unwrap().success(), "{stderr}");
    assert!(!stderr.contains("warning"), "{stderr}");
    assert!(p.root().join("tools/second_begins").exists(), "{stderr}");
    assert_eq!(
        objects_of(&p.bin("late"), "frozen"),
        [["asking"], ["plain"]]
    );
    assert_eq!(stdout(&p.bin("late")), "plain 1.0.0 42\n");
    assert_eq!(stdout(&p.bin("early")), "common 1.0.0 !\n");
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .run();
}
