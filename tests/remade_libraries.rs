//! Native libraries that somebody makes again beside Cargo, which does not know their files.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use crate::prelude::*;
use cargo_test_support::{Project, project};

use super::{add_to_archive, manifest, shared_library, text};

/// A program over `native`, whose build script asks for `greet` in the directories `first` and `lib` beside it. Cargo does
/// not know the files there.
fn project_beside_a_library() -> Project {
    project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nnative = { path = 'native' }\n"),
        )
        .file("src/main.rs", "")
        .file("native/Cargo.toml", &manifest("native", ""))
        .file(
            "native/build.rs",
            r#"
                fn main() {
                    println!("cargo::rerun-if-changed=build.rs");
                    for directory in ["first", "lib"] {
                        let package = env!("CARGO_MANIFEST_DIR");
                        println!("cargo::rustc-link-search=native={package}/../{directory}");
                    }
                    println!("cargo::rustc-link-lib=greet");
                }
            "#,
        )
        .file(
            "native/src/lib.rs",
            "extern \"C\" { fn greet() -> i32; }
             #[inline(never)] pub fn number() -> i32 { unsafe { greet() } }",
        )
        .file("first/.keep", "")
        .file("lib/.keep", "")
        .build()
}

/// Checks that an executable that is linked after each of these steps has what the step has made in the directory `lib`
/// or elsewhere, as in a static build.
#[track_caller]
fn check_beside(make: &dyn Fn(&Path, i32)) {
    let p = project_beside_a_library();
    let directory = p.root().join("lib");
    for number in [1, 2, 3] {
        make(&directory, number);
        p.change_file(
            "src/main.rs",
            &format!("fn main() {{ println!(\"{{}} {number}\", native::number()); }}"),
        );
        for argument in ["--dynamic-deps", "--no-dynamic-deps"] {
            p.cargo(&format!("build {argument}")).run();
            let output = Command::new(p.bin("foo"))
                .env("LD_LIBRARY_PATH", &directory)
                .output()
                .unwrap();
            assert_eq!(
                text(&output.stdout),
                format!("{number} {number}\n"),
                "{argument} {output:?}"
            );
        }
    }
    p.cargo("build --dynamic-deps").run();
    let loaded = link_engine::DynamicInfo::read(&p.bin("foo")).unwrap();
    let mut loaded = loaded.unwrap().needed.into_iter();
    assert!(loaded.any(|soname| soname.starts_with("dynamic-deps-local-")));
    // Nothing is linked again as long as nobody makes it again.
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[DIRTY] [..]")
        .run();
}

/// Makes an archive in which `greet` returns this number.
fn make_archive(directory: &Path, name: &str, number: i32) {
    let archive = directory.join(format!("lib{name}.a"));
    let c = format!("int greet(void) {{ return {number}; }}");
    add_to_archive(&archive, "greet", &c);
}

#[cargo_test]
fn an_archive_that_somebody_makes_again() {
    check_beside(&|directory, number| make_archive(directory, "greet", number));
}

#[cargo_test]
fn an_archive_behind_a_linker_script_that_somebody_makes_again() {
    check_beside(&|directory, number| {
        make_archive(directory, "inner", number);
        let script = directory.join("libgreet.so");
        if !script.exists() {
            fs::write(script, "INPUT(-linner)\n").unwrap();
        }
    });
}

#[cargo_test]
fn a_shared_library_that_somebody_makes_again_with_other_versions() {
    check_beside(&|directory, number| {
        let script = directory.join("versions");
        fs::write(&script, format!("V{number} {{ global: greet; }};")).unwrap();
        shared_library(
            &directory.join("libgreet.so"),
            &format!("int greet(void) {{ return {number}; }}"),
            &format!(
                "-Wl,--version-script={} -Wl,-soname,libgreet.so",
                script.display()
            ),
        );
    });
}

#[cargo_test]
fn an_archive_that_somebody_makes_again_with_the_same_time() {
    check_beside(&|directory, number| {
        let made = directory.join("made");
        fs::create_dir_all(&made).unwrap();
        make_archive(&made, "greet", number);
        let (made, archive) = (made.join("libgreet.a"), directory.join("libgreet.a"));
        let sizes = [&made, &archive].map(|path| fs::metadata(path).map(|file| file.len()).ok());
        if number < 3 {
            fs::rename(&made, &archive).unwrap();
        } else {
            // The inode stays the same too.
            fs::copy(&made, &archive).unwrap();
        }
        assert!(number == 1 || sizes[0] == sizes[1], "{sizes:?}");
        let file = File::options().write(true).open(&archive).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1))
            .unwrap();
    });
}

#[cargo_test]
fn a_shared_library_that_comes_beside_an_archive_and_goes_again() {
    check_beside(&|directory, number| {
        let shared = directory.join("libgreet.so");
        if number == 2 {
            let c = format!("int greet(void) {{ return {number}; }}");
            shared_library(&shared, &c, "-Wl,-soname,libgreet.so");
            return;
        }
        make_archive(directory, "greet", number);
        if number == 3 {
            fs::remove_file(&shared).unwrap();
        }
    });
}

#[cargo_test]
fn an_archive_that_comes_in_an_earlier_directory_and_goes_again() {
    check_beside(&|directory, number| {
        let first = directory.with_file_name("first");
        if number == 2 {
            make_archive(&first, "greet", number);
            return;
        }
        make_archive(directory, "greet", number);
        if number == 3 {
            fs::remove_file(first.join("libgreet.a")).unwrap();
        }
    });
}

#[cargo_test]
fn an_archive_that_a_cache_restores() {
    let p = project_beside_a_library();
    let directory = p.root().join("lib");
    make_archive(&directory, "greet", 1);
    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{}\", native::number()); }",
    );
    p.cargo("build --dynamic-deps").run();

    // Another inode, and a time in whole seconds, as in many archives.
    let archive = directory.join("libgreet.a");
    let modified = fs::metadata(&archive).unwrap().modified().unwrap();
    let copy = directory.join("copy");
    fs::copy(&archive, &copy).unwrap();
    fs::rename(&copy, &archive).unwrap();
    let seconds = modified.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let restored = UNIX_EPOCH + Duration::from_secs(seconds);
    let file = File::options().write(true).open(&archive).unwrap();
    file.set_modified(restored).unwrap();
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[DIRTY] [..]")
        .run();

    file.set_modified(restored + Duration::from_secs(1))
        .unwrap();
    p.cargo("build --dynamic-deps -v")
        .with_stderr_contains(
            "[DIRTY] dynamic-deps-local [..]: the library `libgreet.a` has changed",
        )
        .run();
}
