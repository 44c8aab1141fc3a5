//! Builds that go on when a unit has failed (`--keep-going`), where a library needs only the metadata
//! of the one that failed. `parts` and `generations` have libraries that fail as a whole.

use crate::prelude::*;
use cargo::util::DependencyQueue;
use cargo_test_support::{Project, project};

use super::{groups_of, manifest, members_of, stdout};

/// Libraries `a` and `c`, and `b` over both; the program `n` has `b`, and `m` has `c`.
fn workspace() -> Project {
    let with = |name: &str, dependencies: &[&str]| {
        let paths = dependencies.iter();
        let paths: String = paths
            .map(|name| format!("{name} = {{ path = '../{name}' }}\n"))
            .collect();
        manifest(name, &format!("[dependencies]\n{paths}"))
    };
    project()
        .file(
            "Cargo.toml",
            "[workspace]\nmembers = ['a', 'b', 'c', 'm', 'n']\nresolver = '2'\n",
        )
        .file("a/Cargo.toml", &with("a", &[]))
        .file("a/src/lib.rs", A)
        .file("b/Cargo.toml", &with("b", &["a", "c"]))
        .file("b/src/lib.rs", "pub fn b() -> u32 { a::a() + c::c() }")
        .file("c/Cargo.toml", &with("c", &[]))
        .file("c/src/lib.rs", "pub fn c() -> u32 { 2 }")
        .file("m/Cargo.toml", &with("m", &["c"]))
        .file("m/src/main.rs", "fn main() { println!(\"m {}\", c::c()); }")
        .file("n/Cargo.toml", &with("n", &["b"]))
        .file("n/src/main.rs", "fn main() { println!(\"n {}\", b::b()); }")
        .build()
}

const A: &str = "pub fn a() -> u32 { 1 }";

#[cargo_test]
fn a_library_that_fails_after_its_metadata() {
    // Cargo knows that `a` has failed when `c` is compiled, so `b` still waits for `c` then.
    let rustc = project()
        .at("rustc")
        .executable(
            "in-order",
            r#"#!/bin/sh
                done="${0%/*}/a-is-done"
                case " $* " in
                    *" --crate-name a "*) "$@"; status=$?; touch "$done"; exit $status;;
                    *" --crate-name c "*)
                        tries=0
                        until [ -e "$done" ] || [ $tries = 300 ]; do
                            sleep 0.1
                            tries=$((tries + 1))
                        done
                        sleep 1;;
                esac
                exec "$@"
            "#,
        )
        .build();
    let p = workspace();
    let broken = format!("{A}\npub fn broken() {{ unsafe {{ std::arch::asm!(\"broken\") }} }}");
    p.change_file("a/src/lib.rs", &broken);
    // In the second build, `b` is compiled while `a` is.
    for round in 0..2 {
        p.cargo("build --dynamic-deps --keep-going -j2")
            .env("RUSTC_WRAPPER", rustc.root().join("in-order"))
            .with_status(101)
            .with_stderr_contains("[ERROR] could not compile `a` (lib) due to 1 previous error")
            .with_stderr_does_not_contain("[..]panicked[..]")
            .run();
        assert_eq!(stdout(&p.bin("m")), "m 2\n", "{round}");
        assert_eq!(groups_of(&p.bin("m")), ["local", "sysroot"], "{round}");
        // `b` was compiled, and has nothing to call.
        assert_eq!(members_of(&p.bin("m"), "local"), ["c"], "{round}");
        assert!(!p.bin("n").exists(), "{round}");
    }
    p.change_file("a/src/lib.rs", A);
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("m")), "m 2\n");
    assert_eq!(stdout(&p.bin("n")), "n 3\n");
    assert_eq!(members_of(&p.bin("n"), "local"), ["a", "b", "c"]);
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .run();
}

#[cargo_test]
fn the_queue_releases_what_goes_on() {
    let mut queue = DependencyQueue::new();
    queue.queue("failed", (), [], 1);
    queue.queue("slow", (), [], 1);
    let needs = [("failed", "metadata"), ("slow", "metadata")];
    queue.queue("compiles", (), needs, 1);
    queue.queue("never starts", (), [("failed", "all")], 1);
    queue.queue("nor does this", (), [("never starts", "metadata")], 1);
    let members = ["failed", "compiles", "never starts", "nor does this"];
    queue.queue("group", (), members.map(|name| (name, "all")), 1);
    queue.queue("above", (), [("group", "all"), ("slow", "all")], 1);
    let needs = [("failed", "all"), ("compiles", "all"), ("group", "all")];
    queue.queue("program", (), needs, 1);
    queue.queue_finished();

    let started = [queue.dequeue(), queue.dequeue()].map(|node| node.unwrap().0);
    assert_eq!(started, ["failed", "slow"]);
    queue.finish(&"failed", &"metadata");
    queue.release(&"failed", |node| ["group", "above"].contains(node));
    let mut next = |finished: &'static str| {
        queue.finish(&finished, &"metadata");
        queue.finish(&finished, &"all");
        let next = queue.dequeue().map(|(node, ..)| node);
        (next, queue.len())
    };
    assert_eq!(next("slow"), (Some("compiles"), 5));
    assert_eq!(next("compiles"), (Some("group"), 4));
    assert_eq!(next("group"), (Some("above"), 3));
    assert_eq!(next("above"), (None, 3));
}
