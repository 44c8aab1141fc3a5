//! The effect of other profile options, and of flags like them, on groups.

use std::path::Path;
use std::process::Command;

use crate::prelude::*;
use cargo_test_support::Project;

use super::{
    LAYERED_OUTPUT, LAYERS, STATIC, compiler_is_before, contents, groups_of, layered_manifest,
    layered_project, manifest, run_path, stdout,
};

/// The names of the sections of a file.
fn sections(file: &Path) -> String {
    let readelf = Command::new("readelf")
        .args(["-S", "-W"])
        .arg(file)
        .output()
        .unwrap();
    assert!(readelf.status.success(), "{readelf:?}");
    super::text(&readelf.stdout).to_owned()
}

#[cargo_test]
fn strip() {
    let p = layered_project().build();
    for (strip, has_debuginfo, has_symbols) in [
        ("'none'", true, true),
        ("'debuginfo'", false, true),
        ("'symbols'", false, false),
    ] {
        p.change_file(
            "Cargo.toml",
            &layered_manifest(&format!("[profile.dev]\nstrip = {strip}\n")),
        );
        p.build_dir().rm_rf();
        p.cargo("build --dynamic-deps").run();
        assert_eq!(groups_of(&p.bin("foo")), LAYERS);
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
        let groups = ["local", "frozen"].map(|group| contents(&p, group).remove(0));
        for file in groups.iter().chain([&p.bin("foo")]) {
            let sections = sections(file);
            assert_eq!(
                sections.contains(".debug_info"),
                has_debuginfo,
                "{strip} {file:?}"
            );
            assert_eq!(
                sections.contains(".symtab"),
                has_symbols,
                "{strip} {file:?}"
            );
        }
    }
}

#[cargo_test]
fn split_debuginfo() {
    let p = layered_project().build();
    p.change_file(
        "local/src/lib.rs",
        "#[inline(never)] pub fn name() -> String { panic!(\"{}\", frozen::count()) }",
    );
    for split in ["off", "packed", "unpacked"] {
        let backtrace = |argument: &str| {
            p.cargo(&format!("build {argument}"))
                .arg("--config")
                .arg(format!("profile.dev.split-debuginfo='{split}'"))
                .run();
            let output = Command::new(p.bin("foo"))
                .env("RUST_BACKTRACE", "1")
                .output()
                .unwrap();
            super::without_thread_ids(super::text(&output.stderr))
        };
        let of_dynamic = backtrace("--dynamic-deps");
        assert_eq!(groups_of(&p.bin("foo")), LAYERS);
        assert!(of_dynamic.contains("local/src/lib.rs:1:"), "{of_dynamic}");
        assert_eq!(of_dynamic, backtrace("--no-dynamic-deps"), "{split}");
    }
}

#[cargo_test]
fn trimmed_paths() {
    // `--remap-path-scope` was an option of another form.
    if compiler_is_before(95) {
        return;
    }
    let p = layered_project().build();
    p.change_file(
        "Cargo.toml",
        &format!(
            "cargo-features = ['trim-paths']\n{}",
            layered_manifest("[profile.dev]\ntrim-paths = true\n")
        ),
    );
    p.cargo("build --dynamic-deps -Ztrim-paths")
        .masquerade_as_nightly_cargo(&["trim-paths"])
        // For the flags of rustc, which are unstable.
        .env("RUSTC_BOOTSTRAP", "1")
        .run();
    let executable = p.bin("foo");
    assert_eq!(groups_of(&executable), LAYERS);
    assert_eq!(stdout(&executable), LAYERED_OUTPUT);
    assert_eq!(run_path(&executable), ["$ORIGIN", "$ORIGIN/deps"]);
}

#[cargo_test]
fn remapped_paths() {
    // With this flag, Cargo takes no flag into the hashes that make the names of files.
    let p = layered_project().build();
    let build = |flags: &str| {
        p.cargo("build --dynamic-deps")
            .env(
                "RUSTFLAGS",
                format!("--remap-path-prefix=/here=/there {flags}"),
            )
            .run();
        assert_eq!(groups_of(&p.bin("foo")), LAYERS);
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
    };
    build("");
    build("-Clink-arg=-Wl,--build-id=0x12345678");
    let readelf = Command::new("readelf")
        .arg("-n")
        .arg(p.bin("foo"))
        .output()
        .unwrap();
    let notes = super::text(&readelf.stdout);
    assert!(notes.contains("Build ID: 12345678"), "{notes}");
}

#[cargo_test]
fn rpath() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps --config profile.dev.rpath=true")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn in_packages_that_are_no_root() {
    // Profiles count in the root package alone, with this option as with others.
    let p = layered_project().build();
    let opted_in = "[dependencies]\nfrozen = '1.0'\n[profile.dev]\ndynamic-deps = true\n";
    p.change_file("local/Cargo.toml", &manifest("local", opted_in));
    p.cargo("build").run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}

#[cargo_test]
fn in_the_eyes_of_a_cargo_without_the_option() {
    let p = opted_in();
    p.process(super::untouched::stock_cargo())
        .arg("build")
        .with_stderr_contains("[WARNING] [..]unused manifest key: profile.dev.dynamic-deps")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);

    // Both can use one target directory.
    p.cargo("build").run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    p.process(super::untouched::stock_cargo())
        .arg("build")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

fn opted_in() -> Project {
    let p = layered_project().build();
    p.change_file(
        "Cargo.toml",
        &layered_manifest("[profile.dev]\ndynamic-deps = true\n"),
    );
    p
}
