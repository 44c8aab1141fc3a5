//! All warnings and errors of `dynamic-deps`, with their exact text.
//!
//! The tests list the text of each variant of the enumerations of `link_plan` and `link_engine`.
//! With a new variant, they do not compile before its text is here. If you change a text, you see
//! here how it reads beside the others. `messages_of_builds` shows the words that Cargo puts around
//! these texts.

use std::path::PathBuf;

use crate::prelude::*;
use link_engine::for_tests::{Definer, Unfit};
use link_engine::record::StayReason;
use link_plan::support::CASES;

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
        StayReason::HidesSymbols,
        StayReason::WeakDefinition {
            symbol: "hook".to_owned(),
        },
        StayReason::WeakReference {
            symbol: "trace".to_owned(),
            library: "q v1.0.0".to_owned(),
        },
        StayReason::UndeclaredReference {
            symbol: "now".to_owned(),
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
            | StayReason::HidesSymbols
            | StayReason::WeakDefinition { .. }
            | StayReason::WeakReference { .. }
            | StayReason::UndeclaredReference { .. }
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
what the program loads would see symbols that it hides
it defines `hook` unless the program does
a weak reference to `trace` joins it with `q v1.0.0`, and a static link may leave that open
it refers to `now` of `q v1.0.0`, on which it does not depend
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
        Unfit::OfTheExecutable {
            symbol: "_start".to_owned(),
            definer: Definer::Member("q v1.0.0".to_owned()),
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
            | Unfit::OfTheExecutable { .. }
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
`_start` is defined by `q v1.0.0`, and a program takes it from its executable alone
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
