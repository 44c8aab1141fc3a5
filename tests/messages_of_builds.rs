//! Warnings and errors of `dynamic-deps` as builds print them: the texts of `messages`, with the words
//! that Cargo puts around them.

use crate::prelude::*;
use cargo_test_support::{Project, project, str};

use super::{build_script_for_c, layered_project, manifest};

/// Known while planning: in a profile a warning, on the command line an error.
#[cargo_test]
fn a_build_that_cannot_be_dynamic() {
    let p = layered_project()
        .file(".cargo/config.toml", "profile.dev.lto = true")
        .build();
    p.cargo("fetch").run();
    p.cargo("build --config profile.dev.dynamic-deps=true")
        .with_stderr_data(str![[r#"
[WARNING] linking dependencies statically despite `dynamic-deps`: the profile turns on link-time optimization (`lto`)
[HELP] remove `lto` from the profile, or set `dynamic-deps = false` in it
[COMPILING] frozen v1.0.0
[COMPILING] local v1.0.0 ([ROOT]/foo/local)
[COMPILING] foo v1.0.0 ([ROOT]/foo)
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
    p.cargo("build --dynamic-deps")
        .with_status(101)
        .with_stderr_data(str![[r#"
[ERROR] cannot link the dependencies of `foo` dynamically: the profile turns on link-time optimization (`lto`)
[HELP] remove `lto` from the profile, or set `dynamic-deps = false` in it

"#]])
        .run();
}

#[cargo_test]
fn the_linker_refuses_an_executable() {
    let p = with_dependency(
        "",
        r#"
            extern "C" { fn missing_function() -> i32; }
            pub fn dead() -> i32 { unsafe { missing_function() } }
            #[inline]
            pub fn alive() -> i32 { 5 }
        "#,
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_data(str![[r#"
[LOCKING] 1 package to latest compatible version
[COMPILING] dep v1.0.0 ([ROOT]/foo/dep)
[COMPILING] foo v1.0.0 ([ROOT]/foo)
[WARNING] linked the dependencies of `foo` statically, because the linker refused to link them dynamically
the refused link line is in `[ROOT]/foo/target/debug/[..]/linker/refused-link-line`
caused by: [..]missing_function[..]
...
[NOTE] `dep v1.0.0` refers to `missing_function`, which nothing defines
[HELP] keep it in the executable with `[profile.dev.package.dep] dynamic-deps = false`
[WARNING] `foo` (bin "foo") generated 1 warning
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
}

#[cargo_test]
fn the_linker_refuses_a_library() {
    let p = with_dependency(
        &build_script_for_c("-fno-pic -mcmodel=small"),
        "pub fn alive() -> i32 { 5 }",
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_data(str![[r#"
[LOCKING] 1 package to latest compatible version
[COMPILING] dep v1.0.0 ([ROOT]/foo/dep)
[WARNING] linking `dep v1.0.0` and what depends on it statically, because the linker makes no shared object with it
caused by: [..]
...
[HELP] to say so yourself, write `[profile.dev.package.dep] dynamic-deps = false`
[WARNING] `dynamic-deps-local` (lib) generated 1 warning
[COMPILING] foo v1.0.0 ([ROOT]/foo)
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
}

#[cargo_test]
fn the_groups_are_not_for_the_program() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[profile.dev]\npanic = 'abort'\n[profile.release]\npanic = 'abort'\n",
            ),
        )
        .file(
            "src/main.rs",
            r#"
                #![no_std]
                #![no_main]
                #[panic_handler]
                fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
                #[link(name = "c")]
                extern "C" { fn abs(number: i32) -> i32; }
                #[no_mangle]
                pub extern "C" fn main() -> i32 { unsafe { abs(0) } }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_stderr_data(str![[r#"
[COMPILING] foo v1.0.0 ([ROOT]/foo)
[WARNING] linked the dependencies of `foo` statically: the program does not link the standard library
[HELP] write `[profile.dev] dynamic-deps = false`
[WARNING] `foo` (bin "foo") generated 1 warning
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
    p.cargo("build --dynamic-deps --release")
        .with_stderr_contains("[HELP] write `[profile.release] dynamic-deps = false`")
        .run();
}

#[cargo_test]
fn the_wrapper_fails() {
    let p = with_dependency("", "pub fn alive() -> i32 { 5 }");
    // Damages the manifest of a group just before rustc links.
    let rustc = project()
        .at("rustc")
        .executable(
            "damage",
            r#"#!/bin/sh
                case " $* " in *" --crate-name foo "*)
                    for manifest in target/debug/deps/dynamic-deps-local-*.json; do
                        [ -e "$manifest" ] && : > "$manifest"
                    done;;
                esac
                exec "$@"
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps")
        .env("RUSTC_WRAPPER", rustc.root().join("damage"))
        .with_stderr_data(str![[r#"
[LOCKING] 1 package to latest compatible version
[COMPILING] dep v1.0.0 ([ROOT]/foo/dep)
[COMPILING] foo v1.0.0 ([ROOT]/foo)
[WARNING] linked the dependencies of `foo` statically, because they could not be linked dynamically
caused by: failed to parse `[ROOT]/foo/target/debug/deps/dynamic-deps-local-[HASH].json`
caused by: EOF while parsing a value at line 1 column 0
[HELP] if it happens again after `cargo clean`, write `[profile.dev] dynamic-deps = false`
[WARNING] `foo` (bin "foo") generated 1 warning
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
}

/// A program that depends on the local crate `dep`, which may have a build script for C.
fn with_dependency(build_script: &str, lib: &str) -> Project {
    let mut p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\ndep = { path = 'dep' }\n"),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", dep::alive()); }",
        )
        .file("dep/Cargo.toml", &manifest("dep", ""))
        .file(
            "dep/src/native.c",
            "extern int elsewhere; int unused(void) { return elsewhere; }",
        )
        .file("dep/src/lib.rs", lib);
    if !build_script.is_empty() {
        p = p.file("dep/build.rs", build_script);
    }
    p.build()
}
