//! Static and dynamic builds share all compiled libraries.

use std::fs;

use crate::prelude::*;

use super::{LAYERED_OUTPUT, LAYERS, STATIC, groups_of, layered_manifest, layered_project, stdout};

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
fn wrappers_of_rustc_see_the_same_libraries() {
    // The command lines by which sccache and its like key their caches.
    let p = layered_project()
        .file("Cargo.toml", &layered_manifest("[workspace]\n"))
        .executable(
            "wrapper",
            "#!/bin/sh\necho \"$@\" >> \"${0%/*}/calls\"\nexec \"$@\"\n",
        )
        .build();
    let calls = |argument: &str, variable: &str| {
        p.build_dir().rm_rf();
        p.cargo(&format!("build {argument}"))
            .env(variable, p.root().join("wrapper"))
            .run();
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
        let mut calls: Vec<String> = p
            .read_file("calls")
            .lines()
            .filter(|line| line.contains("--crate-type lib"))
            .map(str::to_owned)
            .collect();
        fs::remove_file(p.root().join("calls")).unwrap();
        calls.sort();
        calls
    };
    for (variable, libraries) in [("RUSTC_WRAPPER", 2), ("RUSTC_WORKSPACE_WRAPPER", 1)] {
        let of_static = calls("--no-dynamic-deps", variable);
        assert_eq!(of_static.len(), libraries, "{of_static:?}");
        assert_eq!(of_static, calls("--dynamic-deps", variable));
        assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    }
}
