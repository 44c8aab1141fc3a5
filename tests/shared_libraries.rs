//! Shared libraries that crates need, and what the loader finds in them.

use std::path::Path;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{manifest, shared_library, stdout};

/// A program that depends on `native` from the registry, and a directory `lib`.
fn project_with_library(build_rs: &str, lib_rs: &str) -> Project {
    Package::new("native", "1.0.0")
        .file("Cargo.toml", &manifest("native", ""))
        .file("build.rs", build_rs)
        .file("src/lib.rs", lib_rs)
        .publish();
    project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nnative = '1.0'\n"),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", native::number()); }",
        )
        .file("lib/.keep", "")
        .build()
}

/// `libgreet.so`, in which `greet` has a new version that returns 2 and an old one that returns 1.
fn library_with_versions(directory: &Path) {
    let script = directory.join("versions");
    std::fs::write(&script, "ONE { global: greet; };\nTWO { };\n").unwrap();
    shared_library(
        &directory.join("libgreet.so"),
        r#"
            int old_greet(void) { return 1; }
            int new_greet(void) { return 2; }
            __asm__(".symver old_greet, greet@ONE");
            __asm__(".symver new_greet, greet@@TWO");
        "#,
        &format!(
            "-Wl,--version-script={} -Wl,-soname,libgreet.so",
            script.display()
        ),
    );
}

/// What `native` calls, by a library that its attribute names if there is one.
fn lib_rs(attribute: &str) -> String {
    format!(
        "{attribute} extern \"C\" {{ fn greet() -> i32; }}\n\
         #[inline(never)] pub fn number() -> i32 {{ unsafe {{ greet() }} }}"
    )
}

const ATTRIBUTE: &str = "#[link(name = \"greet\")]";

const ASKS: &str = "fn main() { println!(\"cargo::rustc-link-lib=greet\"); }";

/// Checks that a program gets the new version, and which warning a dynamic build has.
fn check_versions(build_rs: &str, lib_rs: &str, warning: Option<&str>) {
    let p = project_with_library(build_rs, lib_rs);
    let directory = p.root().join("lib");
    library_with_versions(&directory);
    let directory = directory.display();
    let flags = format!("-Lnative={directory} -Clink-arg=-Wl,-rpath,{directory}");
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        let mut cargo = p.cargo(&format!("build {argument}"));
        cargo.env("RUSTFLAGS", &flags);
        match warning.filter(|_| argument == "--dynamic-deps") {
            Some(warning) => cargo.with_stderr_contains(warning),
            None => cargo.with_stderr_does_not_contain("[WARNING] [..]"),
        };
        cargo.run();
        assert_eq!(stdout(&p.bin("foo")), "2\n", "{argument}");
    }
}

#[cargo_test]
fn versions_of_a_library_that_only_an_attribute_names() {
    check_versions(
        "fn main() {}",
        &lib_rs(ATTRIBUTE),
        Some(
            "[WARNING] linked the dependencies of `foo` statically: `libgreet.so` has versions of \
             `greet`, and no build script asks for that library, so that a group would get an older \
             version",
        ),
    );
}

#[cargo_test]
fn versions_of_a_library_that_a_build_script_names() {
    check_versions(ASKS, &lib_rs(""), None);
}

#[cargo_test]
fn versions_of_a_library_by_the_name_of_its_file() {
    let asks = ASKS.replace("=greet", "=dylib:+verbatim=libgreet.so");
    check_versions(&asks, &lib_rs(""), None);
}

#[cargo_test]
fn versions_of_a_library_that_both_name() {
    check_versions(ASKS, &lib_rs(ATTRIBUTE), None);
}

#[cargo_test(requires = "mold")]
fn what_a_linker_passes_over_beside_a_library() {
    // mold does not look whether what a shared object refers to is there.
    let p = project_with_library(
        "fn main() { println!(\"cargo::rustc-link-lib=greet\"); }",
        r#"
            extern "C" { fn greet() -> i32; fn missing_function() -> i32; }
            #[inline(always)] pub fn number() -> i32 { unsafe { greet() } }
            pub fn dead() -> i32 { unsafe { missing_function() } }
        "#,
    );
    let directory = p.root().join("lib");
    shared_library(
        &directory.join("libgreet.so"),
        "int greet(void) { return 6; }",
        "-Wl,-soname,libgreet.so",
    );
    let directory = directory.display();
    p.cargo("build --dynamic-deps")
        .env(
            "RUSTFLAGS",
            format!(
                "-Lnative={directory} -Clink-arg=-Wl,-rpath,{directory} -Clink-arg=-fuse-ld=mold"
            ),
        )
        .with_stderr_contains(
            "[NOTE] `native v1.0.0` refers to `missing_function`, which nothing defines",
        )
        .run();
    assert_eq!(stdout(&p.bin("foo")), "6\n");
}
