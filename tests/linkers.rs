//! The user's linker links, and the program is the same with each linker.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, ProjectBuilder, project, rustc_host};

use super::{
    LAYERS, build_script_for_c, compiler_is_before, contents, groups_of, manifest, same_behaviour,
    without_thread_ids,
};

/// The names that linkers write into the section `.comment`, by which we recognise them. GNU ld
/// writes nothing.
const MARKS: [&str; 3] = ["LLD", "mold", "Wild"];

/// A program with what linkers do differently: hidden and protected symbols, data of a
/// shared object, thread locals, unwinding, libraries that only a group needs, sections
/// that are gathered, an allocator of its own.
pub(super) fn demanding_project() -> ProjectBuilder {
    Package::new("native", "1.0.0")
        .file("Cargo.toml", &manifest("native", ""))
        .file("build.rs", &build_script_for_c("-fvisibility=hidden"))
        .file(
            "src/native.c",
            r#"
                #include <math.h>
                static int calls;
                int native_state = 40;
                __attribute__((visibility("default"))) int native_shown = 3;
                int native_next(void) { return ++calls + native_state; }
                double native_fraction(double x) { return significand(x); }
            "#,
        )
        .file(
            "src/lib.rs",
            r#"
                #[link(name = "m")]
                extern "C" {
                    fn native_next() -> i32;
                    fn native_fraction(x: f64) -> f64;
                    static mut native_state: i32;
                    static native_shown: i32;
                }
                #[inline(always)] pub fn next() -> i32 { unsafe { native_next() } }
                #[inline(always)] pub fn set(state: i32) { unsafe { native_state = state } }
                #[inline(always)] pub fn shown() -> i32 { unsafe { native_shown } }
                pub fn fraction(x: f64) -> f64 { unsafe { native_fraction(x) } }
                pub fn is_shown(address: usize) -> bool { &raw const native_shown as usize == address }
                #[inline(always)] pub fn address() -> usize { &raw const native_shown as usize }
            "#,
        )
        .publish();
    Package::new("slice", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                extern "C" {
                    #[link_name = "__start_gathered"] static START: u32;
                    #[link_name = "__stop_gathered"] static STOP: u32;
                }
                #[used] #[link_section = "gathered"] static OWN: u32 = 1;
                pub fn length() -> isize { unsafe { (&raw const STOP).offset_from(&raw const START) } }
            "#,
        )
        .publish();
    Package::new("thrower", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                thread_local! {
                    pub static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(7) };
                }
                pub static TABLE: [fn(&str) -> u8; 1] = [throw];
                #[inline(never)]
                pub fn throw(message: &str) -> u8 { COUNT.set(COUNT.get() + 1); panic!("{message}") }
            "#,
        )
        .publish();
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [dependencies]
                native = "1.0"
                slice = "1.0"
                thrower = "1.0"
                local = { path = "local" }
                "#,
            ),
        )
        .file("src/parts.rs", &parts())
        .file(
            "src/main.rs",
            r#"
                mod parts;

                use std::alloc::{GlobalAlloc, Layout, System};
                use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

                struct Counting;
                static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
                unsafe impl GlobalAlloc for Counting {
                    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
                        ALLOCATED.fetch_add(1, SeqCst);
                        unsafe { System.alloc(layout) }
                    }
                    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
                        unsafe { System.dealloc(pointer, layout) }
                    }
                }
                #[global_allocator]
                static GLOBAL: Counting = Counting;

                #[used] #[link_section = "gathered"] static OWN: u32 = 2;

                fn main() {
                    println!("{}", parts::sum());
                    println!("{} {}", native::next(), native::shown());
                    native::set(0);
                    println!("{} {}", native::next(), native::is_shown(native::address()));
                    println!("{} {}", native::fraction(24.0), slice::length());
                    let before = ALLOCATED.load(SeqCst);
                    println!("{}", local::texts(100).len());
                    println!("{}", ALLOCATED.load(SeqCst) - before > 100);
                    println!("{:?}", std::panic::catch_unwind(|| local::fail("caught")).is_err());
                    println!("{} {}", thrower::COUNT.get(), thrower::TABLE[0] as usize == local::function());
                    local::fail("uncaught");
                }
            "#,
        )
        .file(
            "local/Cargo.toml",
            &manifest("local", "[dependencies]\nthrower = '1.0'\n"),
        )
        .file(
            "local/src/lib.rs",
            r#"
                pub fn texts(count: usize) -> Vec<String> { (0..count).map(|n| n.to_string()).collect() }
                pub fn function() -> usize { thrower::throw as fn(&str) -> u8 as usize }
                #[inline(never)]
                pub fn fail(message: &str) -> u8 { thrower::throw(message) }
            "#,
        )
}

/// Modules enough that their objects are named in a file and read by several threads.
fn parts() -> String {
    let modules = (0..40).map(|number| {
        let value = format!("#[inline(never)] pub fn value() -> u32 {{ {number} }}");
        format!("mod part_{number} {{ {value} }}\n")
    });
    let values = (0..40).map(|number| format!("part_{number}::value()"));
    let sum = values.collect::<Vec<_>>().join(" + ");
    format!(
        "{}pub fn sum() -> u32 {{ {sum} }}\n",
        modules.collect::<String>()
    )
}

/// The output of the program of [`demanding_project`].
pub(super) const OUTPUT: &str = "780\n41 3\n2 true\n1.5 2\n100\ntrue\ntrue\n8 true\n";

/// Checks the program, linked statically and dynamically by the linker with `mark`, which
/// `config` and `flags` choose.
#[track_caller]
fn check(mark: Option<&str>, config: &str, flags: &[&str]) {
    let p = demanding_project().build();
    p.change_file(
        ".cargo/config.toml",
        &format!("{config}\n[build]\nrustflags = {flags:?}\n"),
    );
    let output = same_behaviour(&p);
    assert_eq!(super::text(&output.stdout), OUTPUT);
    check_used(&p, mark);
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);

    let backtrace = || {
        let output = Command::new(p.bin("foo"))
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap();
        without_thread_ids(super::text(&output.stderr))
    };
    let of_dynamic = backtrace();
    assert!(
        of_dynamic.contains("thrower-1.0.0/src/lib.rs:7:"),
        "{of_dynamic}"
    );
    p.cargo("build --no-dynamic-deps").run();
    assert_eq!(backtrace(), of_dynamic);
    // Each module is an object then, and drivers get the names of many in a file.
    p.cargo("build --dynamic-deps")
        .env("CARGO_INCREMENTAL", "1")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    let output = super::run(&p.bin("foo"));
    assert_eq!(super::text(&output.stdout), OUTPUT);
    check_refusal(&p);
}

/// Checks that the program and its groups were made by the linker with this mark.
#[track_caller]
fn check_used(p: &Project, mark: Option<&str>) {
    let mut files: Vec<PathBuf> = ["sysroot", "frozen", "local"]
        .iter()
        .flat_map(|group| contents(p, group))
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
    files.push(p.bin("foo"));
    for file in files {
        assert_eq!(mark_of(&file), mark, "{}", file.display());
    }
}

fn mark_of(file: &Path) -> Option<&'static str> {
    let mut readelf = Command::new("readelf");
    let output = readelf.args(["-p", ".comment"]).arg(file).output().unwrap();
    let comment = super::text(&output.stdout);
    MARKS.into_iter().find(|mark| comment.contains(mark))
}

/// Checks that a link which the linker refuses is replaced, and that its words are
/// understood.
#[track_caller]
fn check_refusal(p: &Project) {
    p.change_file(
        "local/src/lib.rs",
        r#"
            extern "C" { fn missing_function() -> i32; }
            pub fn dead() -> i32 { unsafe { missing_function() } }
            #[inline] pub fn texts(_: usize) -> Vec<String> { Vec::new() }
            #[inline] pub fn function() -> usize { 0 }
            #[inline] pub fn fail(message: &str) -> u8 { thrower::throw(message) }
        "#,
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[NOTE] `local v1.0.0` refers to `missing_function`, which nothing defines",
        )
        .run();
    assert!(groups_of(&p.bin("foo")).is_empty());
}

/// A table of the configuration for the platform of the tests.
pub(super) fn for_host(settings: &str) -> String {
    format!("[target.{}]\n{settings}\n", rustc_host())
}

#[cargo_test]
fn of_the_toolchain() {
    let p = demanding_project().build();
    let output = same_behaviour(&p);
    assert_eq!(super::text(&output.stdout), OUTPUT);
    // rust-lld on x86-64, the linker of the platform elsewhere.
    check_used(&p, mark_of(&p.bin("foo")));
    check_refusal(&p);
}

#[cargo_test(requires = "ld.bfd")]
fn gnu_ld() {
    check(None, "", &["-Clink-arg=-fuse-ld=bfd"]);
}

#[cargo_test(requires = "ld.bfd")]
fn gnu_ld_by_feature() {
    // The stable way back from rust-lld.
    if compiler_is_before(90) {
        return;
    }
    check(None, "", &["-Clinker-features=-lld"]);
}

#[cargo_test(requires = "ld.gold")]
fn gold() {
    // It does not know how to pack relocations.
    check(None, "", &["-Clink-arg=-fuse-ld=gold"]);
}

#[cargo_test(requires = "mold")]
fn mold() {
    check(Some("mold"), "", &["-Clink-arg=-fuse-ld=mold"]);
}

#[cargo_test(requires = "ld.lld")]
fn lld_of_the_distribution() {
    // Without the feature, the directory of rust-lld comes first.
    if compiler_is_before(90) {
        return;
    }
    check(
        Some("LLD"),
        "",
        &["-Clinker-features=-lld", "-Clink-arg=-fuse-ld=lld"],
    );
}

#[cargo_test(requires = "clang")]
fn clang() {
    check(None, &for_host("linker = 'clang'"), &[]);
}

#[cargo_test(requires = "clang", requires = "mold")]
fn clang_with_mold() {
    let flags = ["-Clinker=clang", "-Clink-arg=-fuse-ld=mold"];
    check(Some("mold"), "", &flags);
}

#[cargo_test(requires = "clang", requires = "ld.lld")]
fn clang_with_lld() {
    // lld drops sections that older compilers do not mark as used, from static programs too.
    if compiler_is_before(90) {
        return;
    }
    let flags = ["-Clinker=clang", "-Clink-arg=-fuse-ld=lld"];
    check(Some("LLD"), "", &flags);
}

#[cargo_test(requires = "clang", requires = "wild")]
fn wild() {
    let flags = ["-Clinker=clang", "-Clink-arg=--ld-path=wild"];
    check(Some("Wild"), "", &flags);
}

#[cargo_test]
fn chosen_in_every_way() {
    let script = "#!/bin/sh\necho called >> \"${0%/*}/calls\"\nexec cc \"$@\"\n";
    let p = demanding_project()
        .executable("tools/script", script)
        // rustc infers from these names what arguments they take.
        .executable("tools/clang", script)
        .executable("tools/x86_64-linux-gnu-gcc-12", script)
        .build();
    let tools = p.root().join("tools");
    let path = |name: &str| tools.join(name).to_str().unwrap().to_owned();
    let calls = tools.join("calls");
    let search = std::env::var_os("PATH").unwrap();
    let mut search: Vec<PathBuf> = std::env::split_paths(&search).collect();
    search.insert(0, tools.clone());
    let search = std::env::join_paths(search).unwrap();

    let check = |config: &str, command: &str, variable: (&str, &str)| {
        p.change_file(".cargo/config.toml", config);
        for (argument, is_dynamic) in [("--no-dynamic-deps", false), ("--dynamic-deps", true)] {
            p.build_dir().rm_rf();
            let _ = std::fs::remove_file(&calls);
            let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
            p.cargo(&format!("{verb} {argument} {rest}"))
                .env(variable.0, variable.1)
                .env("PATH", &search)
                .with_stderr_does_not_contain("[WARNING] [..]")
                .run();
            let called = std::fs::read_to_string(&calls).unwrap().lines().count();
            let least = if is_dynamic { 4 } else { 1 };
            assert!(called >= least, "{called} calls for {config} {command}");
            assert_eq!(!groups_of(&p.bin("foo")).is_empty(), is_dynamic);
            let output = super::run(&p.bin("foo"));
            assert_eq!(super::text(&output.stdout), OUTPUT);
        }
    };
    let nothing = ("UNUSED", "");
    check(&for_host("linker = 'tools/script'"), "build", nothing);
    check(&for_host("linker = 'script'"), "build", nothing);
    check(
        "[target.'cfg(unix)']\nlinker = 'tools/clang'",
        "build",
        nothing,
    );
    let variable = format!(
        "CARGO_TARGET_{}_LINKER",
        rustc_host().to_uppercase().replace('-', "_")
    );
    check("", "build", (&variable, &path("x86_64-linux-gnu-gcc-12")));
    check(
        "",
        "build",
        ("RUSTFLAGS", &format!("-C linker={}", path("clang"))),
    );
    let rustc = "rustc --bin foo -- -Clinker=tools/script";
    check("", rustc, nothing);
    // The flags have the last word.
    let flags = format!("-Clinker={}", path("script"));
    check(
        &for_host("linker = 'missing'"),
        "build",
        ("RUSTFLAGS", &flags),
    );
}
