//! Weak references of C: a static link takes an archive member only if something else refers to it,
//! and otherwise leaves a weak reference to it open.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{STATIC, groups_of, manifest, same_output};

/// A build script that makes a static library of these sources, an object of each.
fn build_script(sources: &[&str]) -> String {
    r#"
        use std::process::Command;
        fn main() {
            let out = std::env::var("OUT_DIR").unwrap();
            let name = std::env::var("CARGO_PKG_NAME").unwrap();
            let library = format!("{out}/lib{name}_c.a");
            let _ = std::fs::remove_file(&library);
            for source in SOURCES {
                let object = format!("{out}/{source}.o");
                let cc = ["-c", "-fPIC", "-o", &object, &format!("src/{source}.c")];
                assert!(Command::new("cc").args(cc).status().unwrap().success());
                let ar = ["qc", &library, &object];
                assert!(Command::new("ar").args(ar).status().unwrap().success());
            }
            println!("cargo::rustc-link-search=native={out}");
            println!("cargo::rustc-link-lib=static={name}_c");
        }
    "#
    .replace("SOURCES", &format!("{sources:?}"))
}

const ASKS_C: &str = r#"
    extern int trace(void) __attribute__((weak));
    int ask(void) { return trace ? trace() : 0; }
"#;
const ASKS_RS: &str = r#"
    mod c { extern "C" { pub fn ask() -> i32; } }
    #[inline(never)] pub fn ask() -> i32 { unsafe { c::ask() } }
"#;
const TRACE_C: &str = "int trace(void) { return 7; }";
const GIVES_C: &str = "int give(void) { return 3; }";
const GIVES_RS: &str = r#"
    mod c { extern "C" { pub fn give() -> i32; } }
    #[inline(never)] pub fn give() -> i32 { unsafe { c::give() } }
"#;

/// Sources of a crate, by file.
type Sources = &'static [(&'static str, &'static str)];

const ASKS: Sources = &[("lib.rs", ASKS_RS), ("asks.c", ASKS_C)];
const GIVES: Sources = &[
    ("lib.rs", GIVES_RS),
    ("trace.c", TRACE_C),
    ("gives.c", GIVES_C),
];

fn c_sources(sources: Sources) -> Vec<&'static str> {
    let names = sources.iter().map(|(file, _)| *file);
    names.filter_map(|file| file.strip_suffix(".c")).collect()
}

fn publish(name: &str, sources: Sources) {
    let mut package = Package::new(name, "1.0.0");
    package.file("build.rs", &build_script(&c_sources(sources)));
    for (file, text) in sources {
        package.file(&format!("src/{file}"), text);
    }
    package.publish();
}

/// A program with these dependencies, of which a path crate `local` has the sources and dependencies
/// that follow, and with the frozen `plain`. It prints what `main` gives.
fn program(dependencies: &str, local: (Sources, &str), main: &str) -> Project {
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "#[inline(never)] pub fn one() -> i32 { 1 }")
        .publish();
    let (sources, dependencies_of_local) = local;
    let mut p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!("[dependencies]\nplain = '1.0'\n{dependencies}"),
            ),
        )
        .file(
            "src/main.rs",
            &format!("fn main() {{ println!(\"{{:?}} {{}}\", {main}, plain::one()); }}"),
        )
        .file(
            "local/Cargo.toml",
            &manifest("local", &format!("[dependencies]\n{dependencies_of_local}")),
        )
        .file("local/build.rs", &build_script(&c_sources(sources)));
    for (file, text) in sources {
        p = p.file(&format!("local/src/{file}"), text);
    }
    p.build()
}

const NO_SOURCES: Sources = &[("lib.rs", "")];

#[cargo_test]
fn in_one_group() {
    publish("asks", ASKS);
    publish("gives", GIVES);
    let p = program(
        "asks = '1.0'\ngives = '1.0'\n",
        (NO_SOURCES, ""),
        "(asks::ask(), gives::give())",
    );
    assert_eq!(same_output(&p), "(0, 3) 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    // Somebody else refers to it.
    p.change_file(
        "src/main.rs",
        r#"
            extern "C" { fn trace() -> i32; }
            fn main() {
                let traced = unsafe { trace() };
                println!("{:?}", (asks::ask(), traced, gives::give(), plain::one()));
            }
        "#,
    );
    assert_eq!(same_output(&p), "(7, 7, 3, 1)\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

#[cargo_test]
fn in_one_crate() {
    const BOTH: Sources = &[
        ("lib.rs", ASKS_RS),
        ("asks.c", ASKS_C),
        ("trace.c", TRACE_C),
    ];
    publish("both", BOTH);
    let p = program("both = '1.0'\n", (NO_SOURCES, ""), "both::ask()");
    assert_eq!(same_output(&p), "0 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

#[cargo_test]
fn to_a_group_below() {
    publish("gives", GIVES);
    let p = program(
        "gives = '1.0'\nlocal = { path = 'local' }\n",
        (ASKS, "gives = '1.0'\n"),
        "(local::ask(), gives::give())",
    );
    assert_eq!(same_output(&p), "(0, 3) 1\n");
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}

#[cargo_test]
fn to_a_group_above() {
    publish("asks", ASKS);
    let p = program(
        "asks = '1.0'\nlocal = { path = 'local' }\n",
        (GIVES, ""),
        "(asks::ask(), local::give())",
    );
    assert_eq!(same_output(&p), "(0, 3) 1\n");
}

#[cargo_test]
fn of_the_program() {
    publish("gives", GIVES);
    let p = program(
        "gives = '1.0'\n",
        (NO_SOURCES, ""),
        "(unsafe { ask() }, gives::give())",
    );
    p.change_file("build.rs", &build_script(&["asks"]));
    p.change_file("src/asks.c", ASKS_C);
    let main = p.read_file("src/main.rs");
    p.change_file(
        "src/main.rs",
        &format!("extern \"C\" {{ fn ask() -> i32; }}\n{main}"),
    );
    let of_static = "(0, 3) 1\n";
    assert_eq!(same_output(&p), of_static);
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: `trace` is defined by \
             `gives v1.0.0`, and the program refers to it weakly, which a static link may leave open",
        )
        .with_stderr_contains(
            "[HELP] keep it in the executable with \
             `[profile.dev.package.gives] dynamic-deps = false`",
        )
        .run();
    // As the message says.
    let manifest = p.read_file("Cargo.toml");
    p.change_file(
        "Cargo.toml",
        &format!("{manifest}\n[profile.dev.package.gives]\ndynamic-deps = false\n"),
    );
    assert_eq!(same_output(&p), of_static);
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}
