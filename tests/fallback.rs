//! Builds that cannot be dynamic, as Cargo knows before it compiles anything: a profile that asks for
//! it gets a static build and a warning, and a demand is an error.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::prelude::*;
use cargo_test_support::{Project, str};

use super::{LAYERED_OUTPUT, STATIC, groups_of, layered_project, manifest, stdout};

#[cargo_test]
fn a_profile_falls_back_with_one_warning() {
    let p = layered_project()
        .file("src/bin/other.rs", "fn main() {}")
        .file(
            ".cargo/config.toml",
            "profile.dev.dynamic-deps = true\nprofile.dev.lto = true",
        )
        .build();
    let output = p.cargo("build").run();
    let stderr = super::text(&output.stderr);
    assert_eq!(
        stderr.matches("linking dependencies statically").count(),
        1,
        "{stderr}"
    );
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_demand_is_an_error() {
    let p = layered_project()
        .file(".cargo/config.toml", "profile.dev.lto = true")
        .build();
    p.cargo("build --dynamic-deps")
        .with_status(101)
        .with_stderr_data(str![[r#"
...
[ERROR] cannot link the dependencies of `foo` dynamically: [..]
[HELP] [..]

"#]])
        .run();
}

/// Checks that a profile that opts in falls back with a warning that says `reason`, to
/// a program that runs, and that a demand is an error that says it too.
#[track_caller]
fn falls_back(project: &Project, flags: &str, reason: &str) {
    falls_back_by(project, "RUSTFLAGS", flags, reason);
}

/// The same for any variable of the environment.
#[track_caller]
fn falls_back_by(project: &Project, variable: &str, value: &str, reason: &str) {
    project
        .cargo("run --config profile.dev.dynamic-deps=true")
        .env(variable, value)
        .with_stderr_contains(format!(
            "[WARNING] linking dependencies statically despite `dynamic-deps`: {reason}"
        ))
        .with_stdout_data(LAYERED_OUTPUT)
        .run();
    project
        .cargo("build --dynamic-deps")
        .env(variable, value)
        .with_status(101)
        .with_stderr_contains(format!(
            "[ERROR] cannot link the dependencies of `foo` dynamically: {reason}"
        ))
        .with_stderr_contains("[HELP] [..]")
        .run();
}

/// A rustc that calls itself older than it is.
#[cargo_test]
fn a_compiler_on_which_groups_were_never_tried() {
    let p = layered_project()
        .file(
            "old-rustc",
            r#"#!/bin/sh
case $1 in
-vV) rustc -vV | sed 's/^release: .*/release: 1.84.1/' ;;
*) exec rustc "$@" ;;
esac
"#,
        )
        .build();
    let rustc = p.root().join("old-rustc");
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
    let reason = "no group was ever linked with rustc `1.84`";
    falls_back_by(&p, "RUSTC", rustc.to_str().unwrap(), reason);
}

#[cargo_test]
fn flags_that_groups_do_not_go_with() {
    let p = layered_project().build();
    for (flags, reason) in [
        ("-C target-feature=+crt-static", "[..](`crt-static`)"),
        ("-C prefer-dynamic", "[..]`-C prefer-dynamic`[..]"),
        (
            "-C relocation-model=static",
            "[..]`-C relocation-model=static`",
        ),
        ("-C link-arg=-no-pie", "the link arg `-no-pie` [..]"),
        ("--cfg miri", "the program runs in Miri, [..]"),
    ] {
        falls_back(&p, flags, reason);
    }
}

#[cargo_test]
fn a_crate_that_is_a_rust_dylib() {
    let p = layered_project().build();
    p.change_file(
        "local/Cargo.toml",
        &manifest(
            "local",
            "[lib]\ncrate-type = ['dylib']\n[dependencies]\nfrozen = '1.0'\n",
        ),
    );
    // The program runs with the libraries of rustc beside it.
    p.cargo("run --config profile.dev.dynamic-deps=true")
        .with_stderr_contains(
            "[WARNING] linking dependencies statically despite `dynamic-deps`: \
             the crate `local` is linked as a Rust `dylib`",
        )
        .with_stdout_data(LAYERED_OUTPUT)
        .run();
}

#[cargo_test]
fn platforms_without_support() {
    // Decided before anything is compiled, so no such target need be installed.
    let p = layered_project().build();
    for (target, reason) in [
        (
            "x86_64-unknown-linux-musl",
            "[..] the C library `musl`, [..]",
        ),
        ("wasm32-unknown-unknown", "[..] is WebAssembly, [..]"),
        ("x86_64-pc-windows-msvc", "[..] are PE files, [..]"),
        ("aarch64-apple-darwin", "[..] are Mach-O files, [..]"),
        ("thumbv7em-none-eabi", "[..] is bare metal, [..]"),
    ] {
        p.cargo(&format!("build --dynamic-deps --target {target}"))
            .with_status(101)
            .with_stderr_contains(format!(
                "[ERROR] cannot link the dependencies of `foo` dynamically: {reason}"
            ))
            .with_stderr_does_not_contain("[COMPILING] [..]")
            .run();
    }
}
