//! Static libraries that are not Rust, linked in each way that an attribute or a build script can ask
//! for.

use crate::prelude::*;
use cargo_test_support::Project;

use super::native::project_with_c;
use super::{build_script_for_c, same_behaviour};

#[cargo_test]
fn a_static_library_is_once_in_the_process() {
    let p = project_with_c(
        &build_script_for_c("-O1"),
        "static int calls; int native_next(void) { return ++calls; }",
        r#"
            extern "C" { fn native_next() -> i32; }
            #[inline(always)]
            pub fn inlined() -> i32 { unsafe { native_next() } }
            pub fn called() -> i32 { unsafe { native_next() } }
            pub fn generic<T: From<u8>>() -> (i32, T) { (called(), T::from(9)) }
        "#,
        r#"
            fn main() {
                println!("{} {} {:?}", native::inlined(), native::called(), native::generic::<u64>());
            }
        "#,
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1 2 (3, 9)\n");
}

/// A program with a frozen library whose C code is linked by `instruction`, with the
/// name of the static library in the place of `NAME`.
fn project_with_modifiers(instruction: &str) -> Project {
    let build = build_script_for_c("").replace(
        "rustc-link-lib=static={name}_c",
        &format!("rustc-link-lib={}", instruction.replace("NAME", "{name}_c")),
    );
    assert!(build.contains(&instruction.replace("NAME", "{name}_c")));
    project_with_c(
        &build,
        r#"
            #include <unistd.h>
            static int calls;
            int native_next(void) { return ++calls; }
        "#,
        r#"
            extern "C" { fn native_next() -> i32; }
            #[inline(always)]
            pub fn inlined() -> i32 { unsafe { native_next() } }
            pub fn called() -> i32 { unsafe { native_next() } }
        "#,
        "fn main() { println!(\"{} {}\", native::inlined(), native::called()); }",
    )
}

fn check_modifiers(instruction: &str) {
    let p = project_with_modifiers(instruction);
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1 2\n");
}

#[cargo_test]
fn modifiers_of_a_static_library_bundle() {
    check_modifiers("static:+bundle=NAME");
}

#[cargo_test]
fn modifiers_of_a_static_library_no_bundle() {
    check_modifiers("static:-bundle=NAME");
}

#[cargo_test]
fn modifiers_of_a_static_library_whole_archive() {
    check_modifiers("static:+whole-archive=NAME");
}

#[cargo_test]
fn modifiers_of_a_static_library_no_bundle_and_whole_archive() {
    check_modifiers("static:-bundle,+whole-archive=NAME");
}

#[cargo_test]
fn modifiers_of_a_static_library_verbatim() {
    check_modifiers("static:+verbatim=libNAME.a");
}

#[cargo_test]
fn a_static_library_of_the_program() {
    // It defines what a library of a dependency defines too. In a static program the
    // first one on the link line serves both.
    let p = project_with_c(
        &build_script_for_c(""),
        "static int calls; int native_next(void) { return ++calls; }",
        r#"
            extern "C" { fn native_next() -> i32; }
            pub fn next() -> i32 { unsafe { native_next() } }
        "#,
        r#"
            extern "C" { fn native_next() -> i32; }
            fn main() { println!("{} {}", unsafe { native_next() }, native::next()); }
        "#,
    );
    p.change_file("build.rs", &build_script_for_c(""));
    p.change_file(
        "src/native.c",
        "static int calls = 100; int native_next(void) { return ++calls; }",
    );
    let run = |argument: &str| {
        p.cargo(&format!("build {argument}")).run();
        super::stdout(&p.bin("foo"))
    };
    let of_static = run("--no-dynamic-deps");
    assert_eq!(of_static, "101 102\n");
    assert_eq!(run("--dynamic-deps"), of_static);
}
