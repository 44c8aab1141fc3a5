//! Features that only a nightly compiler has: metadata outside of libraries, and a front end with
//! threads.
//!
//! The tests print `SKIPPED` to the terminal with another compiler. `cargo xtask test --only
//! toolchains` runs them with each nightly compiler of this machine.

use crate::prelude::*;
use cargo_test_support::{Project, is_nightly};

use super::{
    LAYERED_OUTPUT, LAYERS, groups_of, layered_project, same_behaviour, stdout, unit_files,
};

fn is_skipped() -> bool {
    if is_nightly() {
        return false;
    }
    eprintln!("SKIPPED: the compiler is no nightly");
    true
}

/// The size of the only library that is called so.
#[track_caller]
fn library_size(project: &Project, name: &str) -> u64 {
    let mut files = unit_files(project);
    files.retain(|path| {
        let file = path.file_name().unwrap().to_str().unwrap();
        file.starts_with(&format!("lib{name}-")) && file.ends_with(".rlib")
    });
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].metadata().unwrap().len()
}

#[cargo_test]
fn metadata_apart() {
    if is_skipped() {
        return;
    }
    let p = layered_project().build();
    let sizes = || ["frozen", "local"].map(|library| library_size(&p, library));
    p.cargo("build --dynamic-deps").run();
    let whole = sizes();
    p.build_dir().rm_rf();
    p.cargo("build --dynamic-deps -Zno-embed-metadata")
        .masquerade_as_nightly_cargo(&["no-embed-metadata"])
        .run();
    let apart = sizes();
    assert!(
        apart[0] < whole[0] && apart[1] < whole[1],
        "{whole:?} {apart:?}"
    );
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn threads_of_the_compiler() {
    if is_skipped() {
        return;
    }
    let p = layered_project()
        .file(".cargo/config.toml", "build.rustflags = '-Zthreads=4'")
        .build();
    let output = same_behaviour(&p);
    assert_eq!(super::text(&output.stdout), LAYERED_OUTPUT);
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
}
