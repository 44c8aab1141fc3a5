//! Programs that groups may not fit, as only their link shows: Cargo links them statically, or they
//! behave as if it had.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{
    STATIC, build_script_for_c, groups_of, manifest, program, publish_native, same_output, stdout,
};

#[cargo_test]
fn a_program_without_std_is_linked_statically() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [profile.dev]
                panic = "abort"
                "#,
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
                extern "C" { fn puts(text: *const core::ffi::c_char) -> core::ffi::c_int; }
                #[no_mangle]
                pub extern "C" fn main() -> i32 { unsafe { puts(c"no std".as_ptr()) }; 0 }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: the program [..]",
        )
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), "no std\n");
}

#[cargo_test]
fn a_fallback_is_told_as_long_as_it_lasts() {
    let p = two_definers("static int count; int counter(void) { return ++count; }");
    for _ in 0..2 {
        p.cargo("build --dynamic-deps")
            .with_stderr_contains(
                "[WARNING] linked the dependencies of `foo` statically: `counter` is defined by [..]",
            )
            .run();
    }
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}

#[cargo_test]
fn a_symbol_that_two_libraries_define_has_one_state() {
    let p = two_definers("static int count; int counter(void) { return ++count; }");
    assert_eq!(
        behaviour(&p, "--no-dynamic-deps"),
        behaviour(&p, "--dynamic-deps")
    );
}

#[cargo_test]
fn a_weak_function_is_overridden_by_the_program() {
    let p = two_definers("__attribute__((weak)) int counter(void) { return 1; }");
    p.change_file(
        "src/main.rs",
        r#"
            #[no_mangle] pub extern "C" fn counter() -> i32 { 42 }
            fn main() { println!("{}", p::next()); }
        "#,
    );
    assert_eq!(behaviour(&p, "--no-dynamic-deps"), "42\n");
    assert_eq!(behaviour(&p, "--dynamic-deps"), "42\n");
}

#[cargo_test]
fn a_variable_that_the_program_defines_weakly() {
    // In a static link, one of the two is for both.
    publish_native(
        "q",
        "int level = 1; int q_level(void) { return level; }",
        r#"
            extern "C" { fn q_level() -> i32; }
            pub fn level() -> i32 { unsafe { q_level() } }
        "#,
    );
    let p = program(
        &["q"],
        r#"
            extern "C" { fn own_level() -> i32; }
            fn main() { println!("{} {}", q::level(), unsafe { own_level() }); }
        "#,
    );
    p.change_file("build.rs", &build_script_for_c(""));
    p.change_file(
        "src/native.c",
        "__attribute__((weak)) int level = 42; int own_level(void) { return level; }",
    );
    same_output(&p);
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}

#[cargo_test]
fn functions_of_a_crate_that_link_args_have_the_loader_call() {
    Package::new("p", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                use std::ffi::c_int;
                extern "C" {
                    fn write(file: c_int, text: *const u8, size: usize) -> isize;
                    fn _exit(code: c_int) -> !;
                }
                fn say(text: &str) { unsafe { write(1, text.as_ptr(), text.len()) }; }
                #[no_mangle] pub extern "C" fn p_called() { say("called\n") }
                #[no_mangle] pub extern "C" fn p_start() -> ! { say("start\n"); unsafe { _exit(0) } }
                pub fn name() -> &'static str { "p" }
            "#,
        )
        .publish();
    // The program names the functions, so that a static link takes them.
    let p = program(
        &["p"],
        r#"
            fn main() {
                println!("{} {}", p::name(), p::p_called as usize == p::p_start as usize);
            }
        "#,
    );
    for (arg, expected) in [
        ("-Wl,-init=p_called", "called\np false\n"),
        ("-Wl,-fini,p_called", "p false\ncalled\n"),
        ("-Wl,--entry=p_start", "start\n"),
        ("-Wl,-u,p_called", "p false\n"),
    ] {
        p.change_file(
            "build.rs",
            &format!("fn main() {{ println!(\"cargo::rustc-link-arg={arg}\"); }}"),
        );
        assert_eq!(same_output(&p), expected, "{arg}");
    }
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    p.change_file(
        "build.rs",
        "fn main() { println!(\"cargo::rustc-link-arg=-Wl,-init=p_called\"); }",
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: `p_called` is defined by \
             `p v1.0.0`, and the link arg `-Wl,-init=p_called` has the loader call it",
        )
        .run();
}

#[cargo_test]
fn a_crate_with_the_first_function_of_the_program() {
    // As crates do that replace the start-up code of the C library.
    Package::new("start", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                extern "C" {
                    fn write(file: i32, bytes: *const u8, length: usize) -> isize;
                    fn _exit(status: i32) -> !;
                }
                pub fn name() -> &'static str { "start" }
                #[no_mangle]
                pub unsafe extern "C" fn _start() -> ! {
                    write(1, b"begins\n".as_ptr(), 7);
                    _exit(0)
                }
            "#,
        )
        .publish();
    let p = program(&["start"], "fn main() { println!(\"{}\", start::name()); }");
    p.change_file(
        "build.rs",
        "fn main() { println!(\"cargo::rustc-link-arg=-nostartfiles\"); }",
    );
    assert_eq!(same_output(&p), "begins\n");
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: `_start` is defined by \
             `start v1.0.0`, and a program takes it from its executable alone",
        )
        .run();
}

/// Builds and runs `foo`, which may fall back.
fn behaviour(project: &Project, argument: &str) -> String {
    project.cargo(&format!("build {argument}")).run();
    stdout(&project.bin("foo"))
}

/// A program that depends on a local crate `p` and a frozen one `q`, each with a C
/// library made of the same source.
fn two_definers(c: &str) -> Project {
    let build = &build_script_for_c("");
    let lib = r#"
        extern "C" { fn counter() -> i32; }
        pub fn next() -> i32 { unsafe { counter() } }
    "#;
    publish_native("q", c, lib);
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [dependencies]
                p = { path = "p" }
                q = "1.0"
                "#,
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {}\", p::next(), q::next()); }",
        )
        .file("p/Cargo.toml", &manifest("p", ""))
        .file("p/build.rs", build)
        .file("p/src/native.c", c)
        .file("p/src/lib.rs", lib)
        .build()
}

#[cfg(target_arch = "x86_64")]
#[cargo_test]
fn an_address_that_assembler_takes() {
    // By its distance from the code, which makes linkers put a function of the executable in
    // the place of that of the group.
    let p = project()
        .file("Cargo.toml", &manifest("foo", ""))
        .file(
            "src/main.rs",
            r#"
                fn main() {
                    let address: usize;
                    unsafe {
                        std::arch::asm!("lea {0}, [rip + {1}]", out(reg) address, sym std::process::id);
                    }
                    println!("{}", address == std::process::id as usize);
                }
            "#,
        )
        .build();
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {argument}")).run();
        assert_eq!(super::stdout(&p.bin("foo")), "true\n", "{argument}");
    }
}

#[cfg(target_arch = "x86_64")]
#[cargo_test]
fn a_variable_of_the_c_library_that_code_of_a_program_reads() {
    // By its distance from the code too: a static link of a program copies the variable.
    let p = project()
        .file("Cargo.toml", &manifest("foo", ""))
        .file("build.rs", &build_script_for_c("-fPIE"))
        .file(
            "src/native.c",
            "#include <stdio.h>\nint is_there(void) { return stderr != NULL; }",
        )
        .file(
            "src/main.rs",
            r#"
                extern "C" { fn is_there() -> i32; }
                fn main() { println!("{}", unsafe { is_there() }); }
            "#,
        )
        .build();
    prints_by_two_linkers(&p, "1\n");
}

#[cfg(target_arch = "x86_64")]
#[cargo_test]
fn a_variable_that_assembler_reads() {
    // By its distance from the code, which GNU ld leaves to the loader.
    Package::new("q", "1.0.0")
        .file("Cargo.toml", &manifest("q", ""))
        .file(
            "src/lib.rs",
            "#[no_mangle] pub static LEVEL: i32 = 5; pub fn level() -> i32 { LEVEL }",
        )
        .publish();
    let p = program(
        &["q"],
        r#"
            fn main() {
                let level: i32;
                unsafe { std::arch::asm!("mov {0:e}, dword ptr [rip + {1}]", out(reg) level, sym q::LEVEL) };
                println!("{} {level}", q::level());
            }
        "#,
    );
    prints_by_two_linkers(&p, "5 5\n");
}

/// Checks what `foo` prints, static and dynamic, linked by lld and by GNU ld.
#[cfg(target_arch = "x86_64")]
#[track_caller]
fn prints_by_two_linkers(project: &Project, expected: &str) {
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        for linker in ["lld", "bfd"] {
            project
                .cargo(&format!("build {argument}"))
                .env("RUSTFLAGS", format!("-Clink-arg=-fuse-ld={linker}"))
                .run();
            let printed = stdout(&project.bin("foo"));
            assert_eq!(printed, expected, "{argument} {linker}");
        }
    }
}
