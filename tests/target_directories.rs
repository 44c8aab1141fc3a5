//! Target and build directories of any name, and in any place.

use crate::prelude::*;
use cargo_test_support::{Project, paths};

use super::{LAYERED_OUTPUT, LAYERS, groups_of, layered_project, stdout};

/// [`layered_project`] with a doctest, and a test that runs the program.
fn project_with_tests() -> Project {
    layered_project()
        .file(
            "src/lib.rs",
            "//! ```\n//! assert_eq!(frozen::count(), 1);\n//! ```\n",
        )
        .file(
            "tests/it.rs",
            r#"
                #[test]
                fn it() {
                    let foo = std::process::Command::new(env!("CARGO_BIN_EXE_foo")).output();
                    assert_eq!(foo.unwrap().stdout, b"hello from local, call 1 2\n");
                }
            "#,
        )
        .build()
}

#[cargo_test]
fn named_with_dots() {
    let p = project_with_tests();
    for (variable, target_directory) in [
        ("CARGO_TARGET_DIR", "target-apart"),
        ("CARGO_BUILD_BUILD_DIR", "foo/target"),
    ] {
        let dots = format!("../{target_directory}");
        for option in ["--no-dynamic-deps", "--dynamic-deps"] {
            p.cargo(&format!("test {option}"))
                .env(variable, &dots)
                .with_stdout_contains("test it ... ok")
                .with_stdout_contains("test src/lib.rs - (line 1) ... ok")
                .run();
        }
        let executable = paths::root().join(target_directory).join("debug/foo");
        assert_eq!(stdout(&executable), LAYERED_OUTPUT, "{variable}");
        assert_eq!(groups_of(&executable), LAYERS, "{variable}");
        let copy = paths::root().join("elsewhere").join("foo");
        copy.parent().unwrap().mkdir_p();
        std::fs::copy(&executable, &copy).unwrap();
        assert_eq!(stdout(&copy), LAYERED_OUTPUT, "{variable}");
    }
}

#[cargo_test]
fn with_unusual_letters() {
    let p = layered_project().build();
    for name in ["with space", "a,b", "it's", "price $5", "größe"] {
        p.cargo("build --dynamic-deps")
            .env("CARGO_TARGET_DIR", p.root().join(name))
            .run();
        let executable = p.root().join(name).join("debug/foo");
        assert_eq!(groups_of(&executable), LAYERS, "{name}");
        assert_eq!(stdout(&executable), LAYERED_OUTPUT, "{name}");
    }
}

#[cargo_test]
fn tests_in_one_with_unusual_letters() {
    let p = project_with_tests();
    let name = "it's a, $ORIGIN größe";
    p.cargo("test --dynamic-deps")
        .env("CARGO_TARGET_DIR", p.root().join(name))
        .with_stdout_contains("test it ... ok")
        .with_stdout_contains("test src/lib.rs - (line 1) ... ok")
        .run();
    let executable = p.root().join(name).join("debug/foo");
    assert_eq!(groups_of(&executable), LAYERS);
    assert_eq!(stdout(&executable), LAYERED_OUTPUT);
}

#[cargo_test]
fn with_a_colon() {
    // Cargo itself cannot name such a directory in `LD_LIBRARY_PATH`.
    let p = layered_project().build();
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {argument} --target-dir a:b"))
            .with_status(101)
            .with_stderr_contains("[ERROR] failed to join paths from `$LD_LIBRARY_PATH` together")
            .run();
    }
}

#[cargo_test]
fn a_target_triple_has_its_own() {
    let p = layered_project().build();
    let host = cargo_test_support::rustc_host();
    p.cargo(&format!("build --dynamic-deps --target {host}"))
        .run();
    let executable = p.build_dir().join(host).join("debug/foo");
    assert_eq!(groups_of(&executable), LAYERS);
    assert_eq!(stdout(&executable), LAYERED_OUTPUT);
}

#[cargo_test]
fn apart_from_the_build_directory() {
    let p = layered_project()
        .file(".cargo/config.toml", "[build]\nbuild-dir = 'intermediate'")
        .build();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}
