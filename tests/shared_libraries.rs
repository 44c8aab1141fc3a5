//! Shared libraries that crates need, and the definitions that the loader finds in them.

use std::path::Path;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{STATIC, groups_of, manifest, shared_library, stdout};

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

#[cargo_test]
fn a_library_that_a_crate_opens_by_the_run_path_of_the_program() {
    let lib_rs = r#"
        use std::ffi::{c_char, c_int, c_void};
        extern "C" {
            fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void;
            fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
        }
        #[inline(never)] pub fn number() -> i32 {
            unsafe {
                let library = dlopen("libopened.so\0".as_ptr().cast(), 2);
                if library.is_null() {
                    return -1;
                }
                let opened = dlsym(library, "opened\0".as_ptr().cast());
                std::mem::transmute::<_, extern "C" fn() -> i32>(opened)()
            }
        }
    "#;
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "#[inline(never)] pub fn one() -> i32 { 1 }")
        .publish();
    let p = project_with_library("fn main() {}", lib_rs);
    let opened = "int opened(void) { return 4; }";
    shared_library(&p.root().join("lib/libopened.so"), opened, "");
    let dependencies = "[dependencies]\nnative = '1.0'\nplain = '1.0'\n";
    p.change_file("Cargo.toml", &manifest("foo", dependencies));
    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{} {}\", native::number(), plain::one()); }",
    );
    let run = |linking: &str, by: (&str, &str)| {
        let mut cargo = p.cargo(&format!("build {linking}"));
        cargo.env(by.0, by.1).run();
        stdout(&p.bin("foo"))
    };
    let lib = p.root().join("lib");
    let lib = lib.display();
    let variables = [
        ("RUSTFLAGS", format!("-Clink-arg=-Wl,-rpath,{lib}")),
        (
            "RUSTFLAGS",
            "-Clink-arg=-Wl,-rpath,$ORIGIN/../../lib".to_owned(),
        ),
        ("RUSTFLAGS", "-Clink-arg=-fuse-ld=bfd".to_owned()),
    ];
    for (index, (name, value)) in variables.iter().enumerate() {
        // GNU ld goes by this variable where nothing else says a run path.
        let inherited = if index == 2 {
            lib.to_string()
        } else {
            String::new()
        };
        let build = |linking: &str| {
            let mut cargo = p.cargo(&format!("build {linking}"));
            cargo.env(name, value).env("LD_RUN_PATH", &inherited).run();
            stdout(&p.bin("foo"))
        };
        assert_eq!(build("--no-dynamic-deps"), "4 1\n", "{value}");
        assert_eq!(build("--dynamic-deps"), "4 1\n", "{value}");
        assert_eq!(groups_of(&p.bin("foo")), STATIC, "{value}");
    }
    // Without a run path, it is found nowhere, and nothing keeps the crate from its group.
    let plain = ("RUSTFLAGS", "");
    assert_eq!(run("--no-dynamic-deps", plain), "-1 1\n");
    assert_eq!(run("--dynamic-deps", plain), "-1 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    // As the message says.
    p.change_file(
        "Cargo.toml",
        &manifest(
            "foo",
            &format!("{dependencies}[profile.dev.package.native]\ndynamic-deps = false\n"),
        ),
    );
    let (name, value) = &variables[0];
    assert_eq!(run("--dynamic-deps", (name, value)), "4 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}
