//! What header files of C++ define has one address in a process, and code may count on it: variables
//! with a state, constants and functions that stand for a type.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{LAYERS, STATIC, build_script_for, groups_of, manifest, stdout};

/// Addresses of what a header defines: a constant of a class template, and an inline function.
const HEADER: &str = "
    template <typename T> struct Tag { static const char id; };
    template <typename T> const char Tag<T>::id = 0;
    inline void release() {}
    struct Point { int x, y; };
";

/// A program whose frozen crate and local crate share the header, compiled with `flags`, and that
/// compares the addresses.
fn compares_addresses(flags: &str) -> Project {
    let build_script = build_script_for("c++", "src/native.cpp", flags);
    let cpp = |name: &str| {
        let shown = "extern \"C\" __attribute__((visibility(\"default\"))) const void *";
        format!(
            "{HEADER}
             {shown}{name}_constant() {{ return &Tag<Point>::id; }}
             {shown}{name}_function() {{ return (const void *)release; }}"
        )
    };
    let lib = |name: &str| {
        format!(
            "extern \"C\" {{
                 fn {name}_constant() -> *const u8;
                 fn {name}_function() -> *const u8;
             }}
             pub fn constant() -> *const u8 {{ unsafe {{ {name}_constant() }} }}
             pub fn function() -> *const u8 {{ unsafe {{ {name}_function() }} }}"
        )
    };
    Package::new("below", "1.0.0")
        .file("Cargo.toml", &manifest("below", ""))
        .file("build.rs", &build_script)
        .file("src/native.cpp", &cpp("below"))
        .file("src/lib.rs", &lib("below"))
        .publish();
    let dependencies = "[dependencies]\nbelow = '1.0'\n";
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!("{dependencies}above = {{ path = 'above' }}\n"),
            ),
        )
        .file(
            "src/main.rs",
            r#"
                fn main() {
                    println!("{}", above::constant() == below::constant());
                    println!("{}", above::function() == below::function());
                }
            "#,
        )
        .file("above/Cargo.toml", &manifest("above", dependencies))
        .file("above/build.rs", &build_script)
        .file("above/src/native.cpp", &cpp("above"))
        .file("above/src/lib.rs", &lib("above"))
        .build()
}

/// Builds the program statically and dynamically with these flags of rustc, runs it, and returns
/// the groups that it loads.
#[track_caller]
fn check(p: &Project, flags: &str) -> Vec<String> {
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo("build").arg(argument).env("RUSTFLAGS", flags).run();
        assert_eq!(stdout(&p.bin("foo")), "true\ntrue\n", "{argument} {flags}");
    }
    groups_of(&p.bin("foo"))
}

#[cargo_test(requires = "c++")]
fn of_visible_symbols_in_two_groups() {
    let p = compares_addresses("");
    assert_eq!(check(&p, ""), LAYERS);
}

#[cargo_test(requires = "c++")]
fn of_visible_symbols_by_gnu_ld() {
    let p = compares_addresses("");
    assert_eq!(check(&p, "-Clink-arg=-fuse-ld=bfd"), LAYERS);
}

#[cargo_test(requires = "mold")]
fn of_visible_symbols_by_mold() {
    let p = compares_addresses("");
    assert_eq!(check(&p, "-Clink-arg=-fuse-ld=mold"), LAYERS);
}

#[cargo_test(requires = "c++")]
fn of_hidden_symbols_in_two_groups() {
    // Each shared object would have its own.
    for flags in ["-fvisibility=hidden", "-fvisibility-inlines-hidden"] {
        let p = compares_addresses(flags);
        assert_eq!(check(&p, ""), STATIC, "{flags}");
    }
}
