//! Cargo builds everything that does not opt in as if the option did not exist.

use std::path::PathBuf;

use crate::prelude::*;
use crate::utils::{cargo_exe, tools};
use cargo_test_support::{Execs, Project, project};

use super::{STATIC, group_files, groups_of, layered_project, manifest};

/// The command lines by which a build calls rustc, sorted. Each build starts anew.
fn rustc_command_lines(project: &Project, arguments: &str) -> Vec<String> {
    let lines = command_lines_of(&mut project.cargo(arguments));
    project.build_dir().rm_rf();
    lines
}

fn command_lines_of(cargo: &mut Execs) -> Vec<String> {
    let output = cargo.run();
    let stderr = super::text(&output.stderr).to_owned();
    let mut lines: Vec<String> = stderr
        .lines()
        .filter(|line| line.trim_start().starts_with("Running"))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

/// The unpatched Cargo of the same version, which `cargo xtask test` builds.
pub(super) fn stock_cargo() -> PathBuf {
    let variable = "DYNAMIC_DEPS_STOCK_CARGO";
    let path = std::env::var_os(variable).unwrap_or_else(|| {
        panic!("`{variable}` must name an unpatched Cargo 0.98 (`cargo xtask test` sets it)")
    });
    path.into()
}

#[cargo_test]
fn command_lines_are_those_of_stock_cargo() {
    let p = layered_project()
        .file("src/lib.rs", "pub fn lib() {}")
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_eq!(frozen::count(), 1); }",
        )
        .file("examples/ex.rs", "fn main() {}")
        .file("build.rs", "fn main() {}")
        .build();
    let stock = stock_cargo();
    for command in [
        "build -v",
        "build --release -v",
        "build --all-targets -v",
        "test --no-run -v",
        "bench --no-run -v",
        "rustc --bin foo -v -- --cfg extra",
        "check --all-targets -v",
        "doc -v",
    ] {
        let of_fork = rustc_command_lines(&p, command);
        let arguments: Vec<&str> = command.split_whitespace().collect();
        let of_stock = command_lines_of(p.process(&stock).args(&arguments));
        p.build_dir().rm_rf();
        assert!(of_fork.len() >= 3, "{command}: {of_fork:?}");
        assert_eq!(of_fork, of_stock, "{command}");
    }
}

#[cargo_test]
fn release_is_not_affected_by_the_dev_profile() {
    let p = layered_project().build();
    let without = rustc_command_lines(&p, "build --release -v");
    p.change_file(".cargo/config.toml", "profile.dev.dynamic-deps = true");
    let with = rustc_command_lines(&p, "build --release -v");
    assert_eq!(without.len(), 3);
    assert_eq!(without, with);
}

#[cargo_test]
fn no_opt_in_names_no_wrapper_and_makes_no_group() {
    let p = layered_project()
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_eq!(frozen::count(), 1); }",
        )
        .build();
    for command in [
        "build -v",
        "test -v",
        "run -v",
        "build --release -v",
        "bench -v",
    ] {
        let output = p.cargo(command).run();
        let stderr = super::text(&output.stderr);
        assert!(!stderr.contains("linker="), "{stderr}");
        assert!(!stderr.contains("dynamic-deps"), "{stderr}");
    }
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert!(group_files(&p, "").is_empty());
}

#[cargo_test]
fn a_static_build_is_the_same_with_and_without_the_option() {
    let p = layered_project().build();
    let without = rustc_command_lines(&p, "build -v");
    let with_false = rustc_command_lines(&p, "build -v --dynamic-deps=false");
    p.change_file(".cargo/config.toml", "profile.dev.dynamic-deps = true");
    let overridden = rustc_command_lines(&p, "build -v --no-dynamic-deps");
    assert_eq!(without, with_false);
    assert_eq!(without, overridden);
}

#[cargo_test]
fn commands_that_link_no_executable() {
    let p = layered_project().build();
    for command in ["check -v", "doc -v", "check --all-targets -v"] {
        p.change_file(".cargo/config.toml", "");
        let without = rustc_command_lines(&p, command);
        p.change_file(".cargo/config.toml", "profile.dev.dynamic-deps = true");
        let with = rustc_command_lines(&p, command);
        assert!(!without.is_empty());
        assert_eq!(without, with, "{command}");
    }
}

#[cargo_test]
fn clippy() {
    // `cargo clippy` is `cargo check` with a wrapper for the workspace.
    let wrapper = tools::echo_wrapper();
    let p = layered_project().build();
    let config = format!("build.rustc-workspace-wrapper = '{}'\n", wrapper.display());
    p.change_file(".cargo/config.toml", &config);
    let without = rustc_command_lines(&p, "check -v");
    let with_option = format!("{config}profile.dev.dynamic-deps = true");
    p.change_file(".cargo/config.toml", &with_option);
    let with = rustc_command_lines(&p, "check -v");
    assert_eq!(without.len(), 3);
    assert!(without[0].contains("rustc-echo-wrapper"), "{without:?}");
    assert_eq!(without, with);
}

#[cargo_test]
fn proc_macros_and_build_scripts_are_static() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [dependencies]
                mac = { path = "mac" }
                shared = { path = "shared" }

                [build-dependencies]
                shared = { path = "shared" }
                "#,
            ),
        )
        .file(
            "build.rs",
            "fn main() { println!(\"cargo::rustc-env=N={}\", shared::n()); }",
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {} {}\", env!(\"N\"), mac::n!(), shared::n()); }",
        )
        .file("shared/Cargo.toml", &manifest("shared", ""))
        .file("shared/src/lib.rs", "pub fn n() -> u32 { 7 }")
        .file(
            "mac/Cargo.toml",
            &manifest(
                "mac",
                "[lib]\nproc-macro = true\n[dependencies]\nshared = { path = \"../shared\" }",
            ),
        )
        .file(
            "mac/src/lib.rs",
            r#"
                #[proc_macro]
                pub fn n(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
                    shared::n().to_string().parse().unwrap()
                }
            "#,
        )
        .build();
    let output = p.cargo("build --dynamic-deps -v").run();
    let with_wrapper: Vec<&str> = super::text(&output.stderr)
        .lines()
        .filter(|line| line.contains("linker="))
        .collect();
    assert_eq!(with_wrapper.len(), 1, "{with_wrapper:?}");
    assert!(with_wrapper[0].contains("--crate-name foo "));
    assert_eq!(groups_of(&p.bin("foo")), ["local", "sysroot"]);
    assert_eq!(super::stdout(&p.bin("foo")), "7 7 7\n");
}

#[cargo_test]
fn a_file_beside_cargo_is_not_the_task_of_a_linker() {
    let p = project().file("bin/task.json", "{}").build();
    let cargo = p.root().join("bin/cargo");
    std::os::unix::fs::symlink(cargo_exe(), &cargo).unwrap();
    cargo_test_support::process(&cargo)
        .arg("-V")
        .exec_with_output()
        .unwrap();
}
