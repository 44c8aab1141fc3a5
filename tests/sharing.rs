//! Static and dynamic builds share all that is compiled.

use crate::prelude::*;

use super::{LAYERED_OUTPUT, LAYERS, STATIC, groups_of, layered_project, stdout};

#[cargo_test]
fn switching_compiles_no_dependency_again() {
    let p = layered_project().build();
    p.cargo("build").run();
    p.cargo("build --dynamic-deps -v")
        .with_stderr_contains("[FRESH] frozen v1.0.0")
        .with_stderr_contains("[FRESH] local v1.0.0 ([ROOT]/foo/local)")
        .with_stderr_contains("[RUNNING] `rustc --crate-name foo [..]`")
        .with_stderr_does_not_contain("[RUNNING] `rustc --crate-name frozen [..]")
        .with_stderr_does_not_contain("[RUNNING] `rustc --crate-name local [..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);

    p.cargo("build -v")
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);

    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn build_and_run_build_once() {
    let p = layered_project()
        .file(".cargo/config.toml", "profile.dev.dynamic-deps = true")
        .build();
    p.cargo("build").run();
    p.cargo("run -v")
        .with_stdout_data(LAYERED_OUTPUT)
        .with_stderr_does_not_contain("[RUNNING] `rustc [..]")
        .run();
}

#[cargo_test]
fn libraries_have_the_same_command_line() {
    let p = layered_project().build();
    let command_lines = |arguments: &str| {
        let output = p.cargo(arguments).run();
        let stderr = super::text(&output.stderr);
        let mut lines: Vec<String> = stderr
            .lines()
            .filter(|line| line.contains("--crate-type lib"))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    let of_static = command_lines("build -v");
    p.build_dir().rm_rf();
    let of_dynamic = command_lines("build -v --dynamic-deps");
    assert_eq!(of_static.len(), 2);
    assert_eq!(of_static, of_dynamic);
}

#[cargo_test]
fn executables_share_groups() {
    let main = "fn main() { println!(\"{} {}\", local::name(), frozen::count()); }";
    let p = layered_project()
        .file("src/bin/one.rs", main)
        .file("src/bin/two.rs", main)
        .build();
    p.cargo("build --dynamic-deps --bin one").run();
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[LINKING] [..]")
        .with_stderr_contains("[RUNNING] `rustc --crate-name two [..]`")
        .run();
    for bin in ["foo", "one", "two"] {
        assert_eq!(stdout(&p.bin(bin)), LAYERED_OUTPUT);
    }
}

#[cargo_test]
fn an_executable_loads_only_what_it_depends_on() {
    let p = super::project()
        .file(
            "Cargo.toml",
            r#"
                [workspace]
                members = ["a", "b", "left", "right", "base"]
                resolver = "2"
            "#,
        )
        .file("base/Cargo.toml", &package("base", &[]))
        .file(
            "base/src/lib.rs",
            "pub fn base() -> &'static str { \"base\" }",
        )
        .file("left/Cargo.toml", &package("left", &["base"]))
        .file(
            "left/src/lib.rs",
            "pub fn left() -> String { base::base().to_uppercase() }",
        )
        .file("right/Cargo.toml", &package("right", &["base"]))
        .file(
            "right/src/lib.rs",
            "pub fn right() -> String { base::base().repeat(2) }",
        )
        .file("a/Cargo.toml", &package("a", &["left"]))
        .file(
            "a/src/main.rs",
            "fn main() { println!(\"{}\", left::left()); }",
        )
        .file("b/Cargo.toml", &package("b", &["right"]))
        .file(
            "b/src/main.rs",
            "fn main() { println!(\"{}\", right::right()); }",
        )
        .build();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("a")), "BASE\n");
    assert_eq!(stdout(&p.bin("b")), "basebase\n");
    // One group for `base`, which both use, and one for what only this one uses.
    assert_eq!(groups_of(&p.bin("a")), ["local", "local", "sysroot"]);
    assert_eq!(groups_of(&p.bin("b")), ["local", "local", "sysroot"]);
}

fn package(name: &str, dependencies: &[&str]) -> String {
    let dependencies: String = dependencies
        .iter()
        .map(|dependency| format!("{dependency} = {{ path = \"../{dependency}\" }}\n"))
        .collect();
    super::manifest(name, &format!("[dependencies]\n{dependencies}"))
}
