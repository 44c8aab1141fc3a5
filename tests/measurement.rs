//! `cargo report dynamic-deps --measure`: it builds both ways, and writes to no file of the user's.
//!
//! No test checks times.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::prelude::*;
use cargo_test_support::{project, str};

use super::{layered_manifest, layered_project, manifest, text};

/// The content and time of each file, without the target directory.
fn files(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(files(&path));
        } else if path.is_file() {
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            found.insert(path.clone(), (fs::read(&path).unwrap(), modified));
        }
    }
    found
}

#[cargo_test]
fn edits_of_a_program_and_two_libraries() {
    let lowest = "lowest = { path = 'lowest' }\n";
    let p = layered_project()
        .file("Cargo.toml", &layered_manifest(lowest))
        .file(
            "local/Cargo.toml",
            &manifest(
                "local",
                "[dependencies]\nfrozen = '1.0'\nlowest = { path = '../lowest' }\n",
            ),
        )
        .file("lowest/Cargo.toml", &manifest("lowest", ""))
        .file(
            "lowest/src/lib.rs",
            "#![deny(missing_docs, dead_code)]\n//! Nothing.",
        )
        // Read by a path that leads from one package into another.
        .file(
            "local/src/text.rs",
            "const _: &str = include_str!(\"../../lowest/src/lib.rs\");",
        )
        .build();
    let before = files(&p.root());
    let measure = || {
        p.cargo("report dynamic-deps --measure --rounds 1")
            // The user's settings decide nothing.
            .env("CARGO_PROFILE_DEV_DYNAMIC_DEPS", "true")
            .with_stdout_data(str![[r#"
build after an edit of           compiled     static    dynamic
the program                             1 [..] s [..] s  [..]x
a library near the top, `local`         2 [..] s [..] s  [..]x
the lowest library, `lowest`            3 [..] s [..] s  [..]x
nothing                                 0 [..] s [..] s  [..]x

medians of whole builds, in turns
static executable: [..]
dynamic executable: [..], loads [..] of shared objects
`target/dynamic-deps-measure` has what was built for this, and can be deleted
[HELP] `dynamic-deps = true` below `[profile.dev]` links so from now on

"#]])
            .run()
    };
    measure();
    assert_eq!(files(&p.root()), before);

    // Again, over what the first one has left: frozen libraries are there.
    let output = measure();
    let stderr = text(&output.stderr);
    assert!(!stderr.contains("Compiling frozen"), "{stderr}");
    assert_eq!(files(&p.root()), before);
}

/// A library outside of the directory of the workspace is edited in the copy too.
#[cargo_test]
fn a_library_beside_the_workspace() {
    let p = project()
        .file(
            "inner/Cargo.toml",
            &manifest(
                "inner",
                "[dependencies]\nbeside = { path = '../beside' }\n[workspace]\n",
            ),
        )
        .file("inner/src/main.rs", "fn main() { beside::nothing() }")
        .file("beside/Cargo.toml", &manifest("beside", "[workspace]\n"))
        .file("beside/src/lib.rs", "pub fn nothing() {}")
        .build();
    let beside = fs::read(p.root().join("beside/src/lib.rs")).unwrap();
    p.cargo("report dynamic-deps --measure --rounds 1 --manifest-path inner/Cargo.toml")
        .with_stdout_data(str![[r#"
...
a local library, `beside`         2 [..]
...
"#]])
        .run();
    assert_eq!(
        fs::read(p.root().join("beside/src/lib.rs")).unwrap(),
        beside
    );
}

#[cargo_test]
fn of_several_programs_one_is_chosen() {
    let p = layered_project()
        .file("src/bin/other.rs", "fn main() {}")
        .build();
    p.cargo("report dynamic-deps --measure --rounds 1 --bin other")
        .with_stderr_data(str![[r#"
...
   Measuring foo v1.0.0 (bin "other")
...
"#]])
        .run();
    p.cargo("report dynamic-deps --measure --bin nowhere")
        .with_status(101)
        .with_stderr_data(str![[r#"
...
[ERROR] no package here has a program or an example `nowhere`
[HELP] `cargo build --bin` lists those of a package

"#]])
        .run();
}

#[cargo_test]
fn what_cannot_be_measured() {
    let library = project()
        .file("Cargo.toml", &manifest("library", ""))
        .file("src/lib.rs", "")
        .build();
    library
        .cargo("report dynamic-deps --measure")
        .with_status(101)
        .with_stderr_data(str![[r#"
[ERROR] there is no program and no example to measure
[HELP] name the package that has one by `--manifest-path`

"#]])
        .run();

    // No shared object is possible: Cargo says why, as in every build.
    let p = layered_project().build();
    p.cargo("report dynamic-deps --measure")
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .with_status(101)
        .with_stderr_data(str![[r#"
...
[ERROR] the build of `foo` failed
...
"#]])
        .run();
    p.cargo("report dynamic-deps --features x")
        .with_status(1)
        .with_stderr_contains("  --measure")
        .run();
}
