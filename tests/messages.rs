//! All warnings and errors of `dynamic-deps`, with their exact text.
//!
//! The tests list the text of each variant of the enumerations of `link_plan` and `link_engine`.
//! With a new variant, they do not compile before its text is here. Builds show the words that
//! Cargo puts around these texts. If you change a text, you see here how it reads beside the
//! others.

use std::path::PathBuf;

use crate::prelude::*;
use cargo_test_support::{Project, project, str};
use link_engine::for_tests::{Definer, Unfit};
use link_engine::record::StayReason;
use link_plan::support::CASES;

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

/// The reasons and what helps, in the order in which they are looked for.
#[cargo_test]
fn reasons_against_a_dynamic_build() {
    let mut all = String::new();
    for case in &CASES {
        let reason = case.reason().expect("each case has a reason");
        all.push_str(&format!("{reason}\nhelp: {}\n\n", reason.help()));
    }
    assert_eq!(all.trim(), r#"
this program cannot take the place of the linker
help: build with the `cargo` command, or set `dynamic-deps = false` in the profile

`wasm32-unknown-unknown` is WebAssembly, where a program is one module without shared objects
help: pass `--no-dynamic-deps` when building for this platform; Linux with glibc is supported

`thumbv7em-none-eabi` is bare metal, where nothing loads shared objects
help: pass `--no-dynamic-deps` when building for this platform; Linux with glibc is supported

executables for `aarch64-apple-darwin` are Mach-O files, and only ELF files are supported
help: pass `--no-dynamic-deps` when building for this platform; Linux with glibc is supported

executables for `x86_64-pc-windows-msvc` are PE files, and only ELF files are supported
help: pass `--no-dynamic-deps` when building for this platform; Linux with glibc is supported

the operating system `freebsd` of `x86_64-unknown-freebsd` is not supported
help: pass `--no-dynamic-deps` when building for this platform; Linux with glibc is supported

executables for `x86_64-unknown-linux-musl` link the C library statically (`crt-static`)
help: build for a `linux-gnu` target triple without `-C target-feature=+crt-static`, or pass `--no-dynamic-deps`

executables for `x86_64-unknown-linux-gnu` link the C library statically (`crt-static`)
help: build for a `linux-gnu` target triple without `-C target-feature=+crt-static`, or pass `--no-dynamic-deps`

`aarch64-unknown-linux-ohos` uses the C library `ohos`, and only glibc is supported
help: build for a `linux-gnu` target triple without `-C target-feature=+crt-static`, or pass `--no-dynamic-deps`

the loader of `mips64el-unknown-linux-gnuabi64` does not read the hash tables of groups (`.gnu.hash`)
help: pass `--no-dynamic-deps` when building for this platform; Linux with glibc is supported

no Rust program with groups was ever run on the processor of `loongarch64-unknown-linux-gnu` (`loongarch64`, 64 bits, little endian)
help: pass `--no-dynamic-deps` when building for this platform; x86_64, aarch64, i686, armv7, powerpc64le, riscv64 and s390x are supported

no group was ever linked with rustc `1.84`
help: use Rust 1.85 or later, or pass `--no-dynamic-deps`

the code is instrumented by a sanitizer (`address`)
help: pass `--no-dynamic-deps` to sanitizer runs

the program runs in Miri, which makes no object code
help: pass `--no-dynamic-deps` to Miri runs

the standard library is built from source (`-Z build-std`)
help: leave out `-Z build-std`, or pass `--no-dynamic-deps`

the crate `bevy_dylib` is linked as a Rust `dylib`
help: turn off the feature that links it so (`dynamic_linking` of bevy), or pass `--no-dynamic-deps`

the profile turns on link-time optimization (`lto`)
help: remove `lto` from the profile, or set `dynamic-deps = false` in it

the flag `-C lto` turns on link-time optimization
help: remove `-C lto` from the flags, or pass `--no-dynamic-deps`

the flag `-C linker-plugin-lto` leaves bitcode in place of objects
help: remove `-C linker-plugin-lto` from the flags, or pass `--no-dynamic-deps`

the flag `-C prefer-dynamic` links `std` as a Rust `dylib`
help: remove `-C prefer-dynamic` from the flags: `dynamic-deps` takes its place

the code is instrumented for coverage (`-C instrument-coverage`)
help: pass `--no-dynamic-deps` to coverage runs

the code is instrumented for profiling (`-C profile-generate`)
help: pass `--no-dynamic-deps` to profiling runs

the code is instrumented by a sanitizer (`address`)
help: pass `--no-dynamic-deps` to sanitizer runs

the code is compiled with `-C relocation-model=static`
help: remove `-C relocation-model` from the flags, or pass `--no-dynamic-deps`

the link arg `-no-pie` decides how the executable is linked
help: remove the link arg from the flags, or pass `--no-dynamic-deps`
"#.trim());
}

/// The texts of `-v` and of a group's manifest about a library that is not in the group.
#[cargo_test]
fn reasons_for_a_library_to_stay() {
    let reasons = [
        StayReason::RunsByItself,
        StayReason::LargeThreadLocals,
        StayReason::GatheredSection {
            section: "linkme_PARTS".to_owned(),
        },
        StayReason::LinkerDefined {
            symbol: "__ehdr_start".to_owned(),
        },
        StayReason::ForeignMember {
            member: "notes.txt".to_owned(),
        },
        StayReason::ProvidesAllocator,
        StayReason::WeakDefinition {
            symbol: "hook".to_owned(),
        },
        StayReason::WeakReference {
            symbol: "trace".to_owned(),
            library: "q v1.0.0".to_owned(),
        },
        StayReason::Clash {
            symbol: "counter".to_owned(),
            library: "q v1.0.0".to_owned(),
        },
        StayReason::Replaces {
            symbol: "malloc_usable_size".to_owned(),
        },
        StayReason::LinkerRefuses {
            words: "ld: recompile with -fPIC".to_owned(),
        },
        StayReason::Refused,
        StayReason::NotCompiled,
        StayReason::DependsOn {
            library: "q v1.0.0".to_owned(),
        },
    ];
    for reason in &reasons {
        // All variants are above.
        match reason {
            StayReason::RunsByItself
            | StayReason::LargeThreadLocals
            | StayReason::GatheredSection { .. }
            | StayReason::LinkerDefined { .. }
            | StayReason::ForeignMember { .. }
            | StayReason::ProvidesAllocator
            | StayReason::WeakDefinition { .. }
            | StayReason::WeakReference { .. }
            | StayReason::Clash { .. }
            | StayReason::Replaces { .. }
            | StayReason::LinkerRefuses { .. }
            | StayReason::Refused
            | StayReason::NotCompiled
            | StayReason::DependsOn { .. } => {}
        }
    }
    assert_eq!(
        lines(&reasons).trim(),
        r#"
it has code that runs before or after `main`
its thread locals take much of the stack of each thread
it adds to the section `linkme_PARTS`, which the linker gathers
it asks for `__ehdr_start`, which the linker defines for each output
its archive member `notes.txt` is no ELF object
it provides the global allocator
it defines `hook` unless the program does
a weak reference to `trace` joins it with `q v1.0.0`, and a static link may leave that open
it defines `counter`, as `q v1.0.0` does
it defines `malloc_usable_size`, as the platform does
the linker makes no shared object with it
no shared object could be made of its group
it could not be compiled
it depends on `q v1.0.0`, which stays
"#
        .trim()
    );
}

/// Why the groups are not for a program, which only its link line shows.
#[cargo_test]
fn reasons_against_groups_for_a_program() {
    let reasons = [
        Unfit::ChangedRlib {
            rlib: "libq-1.rlib".to_owned(),
        },
        Unfit::NoMember,
        Unfit::Clash {
            symbol: "counter".to_owned(),
            one: Definer::Program,
            other: Definer::Member("q v1.0.0".to_owned()),
        },
        Unfit::Rebound {
            link_arg: "--wrap=malloc".to_owned(),
        },
        Unfit::Scripted {
            link_arg: "-Tgather.ld".to_owned(),
        },
        Unfit::Shown {
            link_arg: "-rdynamic".to_owned(),
        },
        Unfit::Unmarked {
            symbol: "START".to_owned(),
            definer: Definer::Member("q v1.0.0".to_owned()),
        },
        Unfit::ByDistance {
            symbol: "_RNvCs1_1q3run".to_owned(),
        },
        Unfit::Unseen {
            symbol: "counter".to_owned(),
            definer: Definer::Member("q v1.0.0".to_owned()),
            user: "`libfoo.so.1`".to_owned(),
        },
        Unfit::Called {
            symbol: "begin".to_owned(),
            definer: Definer::Member("q v1.0.0".to_owned()),
            link_arg: "-Wl,-init=begin".to_owned(),
        },
        Unfit::WeakReference {
            symbol: "trace".to_owned(),
            definer: Definer::Member("q v1.0.0".to_owned()),
            user: Definer::Program,
        },
        Unfit::OlderVersion {
            symbol: "crypt".to_owned(),
            library: "libcrypt.so.1".to_owned(),
            users: vec!["q v1.0.0".to_owned()],
        },
        Unfit::OpensLibraries {
            users: vec!["p v1.0.0".to_owned(), "q v1.0.0".to_owned()],
        },
        Unfit::OtherSysroot {
            rlib: "libstd-1.rlib".to_owned(),
        },
        Unfit::NoStd,
    ];
    for reason in &reasons {
        match reason {
            Unfit::ChangedRlib { .. }
            | Unfit::NoMember
            | Unfit::Clash { .. }
            | Unfit::Rebound { .. }
            | Unfit::Scripted { .. }
            | Unfit::Shown { .. }
            | Unfit::Unmarked { .. }
            | Unfit::ByDistance { .. }
            | Unfit::Unseen { .. }
            | Unfit::Called { .. }
            | Unfit::WeakReference { .. }
            | Unfit::OlderVersion { .. }
            | Unfit::OpensLibraries { .. }
            | Unfit::OtherSysroot { .. }
            | Unfit::NoStd => {}
        }
    }
    assert_eq!(
        lines(&reasons).trim(),
        r#"
rustc links a changed copy of `libq-1.rlib`
the program links none of the libraries in the groups
`counter` is defined by both the program and `q v1.0.0`
the link arg `--wrap=malloc` is for all libraries, and groups are linked without it
the link arg `-Tgather.ld` brings a linker script, which may gather what is in groups
the link arg `-rdynamic` shows symbols to what the program loads, and groups are linked without it
`q v1.0.0` has code to be run before `main` that rustc does not mark as used (`START`)
the program refers to `_RNvCs1_1q3run` by the distance from its code (assembler?)
`counter` is defined by `q v1.0.0`, and `libfoo.so.1` uses it without depending on it
`begin` is defined by `q v1.0.0`, and the link arg `-Wl,-init=begin` has the loader call it
`trace` is defined by `q v1.0.0`, and the program refers to it weakly, which a static link may leave open
`libcrypt.so.1` has versions of `crypt`, and no build script asks for that library, so that a group would get an older version
the executable has a run path, by which `p v1.0.0` and `q v1.0.0` would not find libraries to open
rustc links `libstd-1.rlib`, and the groups another one
the program does not link the standard library
"#
        .trim()
    );
}

/// Errors other than a refusal of the linker.
#[cargo_test]
fn errors_of_the_engine() {
    let file = || PathBuf::from("a/file");
    let errors = [
        link_engine::Error::Io {
            action: "rename",
            path: file(),
            source: std::io::Error::other("no"),
        },
        link_engine::Error::Json {
            path: file(),
            source: serde_json::from_str::<u8>("").unwrap_err(),
        },
        link_engine::Error::Spawn {
            program: file(),
            source: std::io::Error::other("no"),
        },
        link_engine::Error::GroupLink {
            link_line: file(),
            stderr: "ld: no".to_owned(),
        },
        link_engine::Error::Probe {
            rustc: file(),
            status: std::process::ExitStatus::default(),
            stderr: "rustc: no".to_owned(),
        },
        link_engine::Error::LinkLine { missing: "output" },
        link_engine::Error::Constructors { path: file() },
        link_engine::Error::ResponseFile {
            path: file(),
            reason: "a quote is not closed",
        },
    ];
    assert_eq!(
        lines(&errors).trim(),
        r#"
failed to rename `a/file`
failed to parse `a/file`
failed to run `a/file`
the linker refused to link a group
the refused link line is in `a/file`
ld: no
failed to ask `a/file` how it links a program (exit status: 0)
rustc: no
the link line of rustc has no output
the constructors in `a/file` cannot be told from each other
response file `a/file`: a quote is not closed
"#
        .trim()
    );
}

fn lines(messages: &[impl std::fmt::Display]) -> String {
    let lines: Vec<String> = messages.iter().map(|m| format!("{m}\n")).collect();
    lines.concat()
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
caused by: [..]recompile with -fPIC[..]
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
