//! The output of `-v` about executables and groups, and of `CARGO_LOG` about links.

use crate::prelude::*;
use cargo_test_support::{Project, str};

use super::{STATIC, groups_of, layered_manifest, layered_project, manifest, wrappers};

/// Code that runs after `main`.
const DESTRUCTOR: &str = r#"
    extern "C" fn end() {}

    #[used]
    #[link_section = ".fini_array"]
    static END: extern "C" fn() = end;

    pub fn name() -> &'static str {
        "late"
    }
"#;

#[cargo_test]
fn groups_members_and_what_stays() {
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest(
                "late = { path = 'late' }\nkept = { path = 'kept' }\n\
                 [profile.dev.package.kept]\ndynamic-deps = false\n",
            ),
        )
        .file("late/Cargo.toml", &manifest("late", ""))
        .file("late/src/lib.rs", DESTRUCTOR)
        .file(
            "kept/Cargo.toml",
            &manifest("kept", "[dependencies]\nfrozen = '1.0'\n"),
        )
        .file(
            "kept/src/lib.rs",
            "pub fn count() -> usize { frozen::count() }",
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {} {}\", local::name(), late::name(), kept::count()); }",
        )
        .build();
    // The second build finds all of it fresh.
    for _ in 0..2 {
        p.cargo("build --dynamic-deps -v")
            .with_stderr_contains("group frozen pool 1: 1 library")
            .with_stderr_contains(
                "  [..]B in `dynamic-deps-frozen-pool.[..].so`, which holds frozen v1.0.0",
            )
            .with_stderr_contains("group local part 1: 1 library")
            .with_stderr_contains("  [..]B in `dynamic-deps-local-[..].so`, which holds local v1.0.0")
            .with_stderr_contains(
                "  without late v1.0.0: it has code that runs before or after `main`",
            )
            .with_stderr_contains("group sysroot: [..] libraries")
            .with_stderr_contains(
                "  [..]B in `dynamic-deps-sysroot-[..].so`, which holds [..] std[..]",
            )
            .with_stderr_contains(
                "executable foo v1.0.0 (bin \"foo\"): [..]B, loads local part 1, frozen pool 1, sysroot",
            )
            .with_stderr_contains(
                "  holds late v1.0.0: it has code that runs before or after `main`",
            )
            .with_stderr_contains("  holds kept v1.0.0: its profile says `dynamic-deps = false`")
            .with_stderr_does_not_contain("  holds [..]local v1.0.0: [..]")
            .run();
    }
}

#[cargo_test]
fn each_test_is_described_and_groups_once() {
    let p = layered_project()
        .file(
            "tests/one.rs",
            "#[test] fn one() { assert!(local::name().starts_with(\"hello\")); }",
        )
        .file("tests/none.rs", "#[test] fn none() {}")
        .build();
    let output = p.cargo("test --dynamic-deps --no-run -v").run();
    let stderr = super::text(&output.stderr);
    let count = |start: &str| {
        let lines = stderr.lines();
        lines.filter(|line| line.starts_with(start)).count()
    };
    assert_eq!(count("group local part 1: "), 1, "{stderr}");
    assert_eq!(
        count("executable foo v1.0.0 (bin \"foo\"): "),
        1,
        "{stderr}"
    );
    assert_eq!(
        count("executable foo v1.0.0 (bin \"foo\" test): "),
        1,
        "{stderr}"
    );
    assert_eq!(
        count("executable foo v1.0.0 (test \"one\" test): "),
        1,
        "{stderr}"
    );
    assert_eq!(
        count("executable foo v1.0.0 (test \"none\" test): "),
        1,
        "{stderr}"
    );
}

#[cargo_test]
fn nothing_is_said_to_those_who_do_not_ask() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps")
        .with_stderr_data(str![[r#"
[UPDATING] `dummy-registry` index
[LOCKING] 2 packages to latest compatible versions
[DOWNLOADING] crates ...
[DOWNLOADED] frozen v1.0.0 (registry `dummy-registry`)
[COMPILING] frozen v1.0.0
[COMPILING] local v1.0.0 ([ROOT]/foo/local)
[COMPILING] foo v1.0.0 ([ROOT]/foo)
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
    p.cargo("build --no-dynamic-deps -v")
        .with_stderr_does_not_contain("group [..]")
        .with_stderr_does_not_contain("executable [..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}

#[cargo_test]
fn events_of_the_linker_wrapper_are_shown() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps")
        .env("CARGO_LOG", "link_engine=debug")
        .with_stderr_contains(
            "[..]DEBUG group{name=\"local part 1\"}: link_engine::group::link: the linker has ended[..]",
        )
        .with_stderr_contains(
            "[..]DEBUG read: link_engine::executable::link: the line uses a shared object \
             group=\"local part 1\"[..]",
        )
        .with_stderr_contains("[..]DEBUG linker: link_engine::[..]: close time.busy=[..]")
        .run();
    // A build without the variable leaves no log behind, and neither does the one before.
    let log = |p: &Project| {
        let wrappers = wrappers(p).into_iter();
        wrappers
            .filter(|wrapper| wrapper.join("log").exists())
            .count()
    };
    assert_eq!(log(&p), 0);
    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{}\", local::name()); }",
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_does_not_contain("[..]link_engine[..]")
        .run();
    assert_eq!(log(&p), 0);
}
