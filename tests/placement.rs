//! The places from which an executable runs.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::prelude::*;
use cargo_test_support::paths;

use super::{
    LAYERED_OUTPUT, LAYERS, STATIC, contents, entries, group_files, groups_of, layered_manifest,
    layered_project, run_in, run_path, shared_library, stdout, unit_files, wrappers,
};
use link_engine::DynamicInfo;

#[cargo_test]
fn runs_from_where_cargo_puts_it() {
    let p = layered_project()
        .file(
            "examples/ex.rs",
            "fn main() { println!(\"{} {}\", local::name(), frozen::count()); }",
        )
        .build();
    p.cargo("build --dynamic-deps --bins --examples").run();
    let debug = p.target_debug_dir();
    assert_eq!(stdout(&debug.join("foo")), LAYERED_OUTPUT);
    assert_eq!(stdout(&debug.join("examples/ex")), LAYERED_OUTPUT);
    // By the name that rustc gave it.
    let inode = fs::metadata(debug.join("foo")).unwrap().ino();
    let mut outputs = unit_files(&p).into_iter();
    let in_deps = outputs.find(|path| fs::metadata(path).unwrap().ino() == inode);
    assert_eq!(stdout(&in_deps.unwrap()), LAYERED_OUTPUT);
}

#[cargo_test]
fn runs_in_another_directory() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    for directory in [p.root(), p.target_debug_dir(), paths::home()] {
        let output = run_in(&p.bin("foo"), &directory);
        assert_eq!(super::text(&output.stdout), LAYERED_OUTPUT);
    }
}

#[cargo_test]
fn runs_when_copied() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let copy = paths::root().join("elsewhere").join("program");
    fs::create_dir(copy.parent().unwrap()).unwrap();
    fs::copy(p.bin("foo"), &copy).unwrap();
    assert_eq!(stdout(&copy), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_project_that_was_moved_is_fresh() {
    let p = layered_project().build();
    p.cargo("build").run();
    p.cargo("build --dynamic-deps").run();
    let moved = paths::root().join("moved");
    fs::rename(p.root(), &moved).unwrap();
    for arguments in ["build -v", "build -v --dynamic-deps"] {
        p.cargo(arguments)
            .cwd(&moved)
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
        assert_eq!(stdout(&moved.join("target/debug/foo")), LAYERED_OUTPUT);
    }
}

#[cargo_test]
fn a_project_that_keeps_a_crate_in_the_executable_is_fresh_when_moved() {
    let p = layered_project().build();
    p.change_file(
        "Cargo.toml",
        &layered_manifest("[profile.dev.package.local]\ndynamic-deps = false\n"),
    );
    p.cargo("build --dynamic-deps").run();
    let moved = paths::root().join("moved");
    fs::rename(p.root(), &moved).unwrap();
    p.cargo("build -v --dynamic-deps")
        .cwd(&moved)
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .run();
}

#[cargo_test]
fn runs_after_target_was_moved() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let moved = paths::root().join("moved");
    fs::rename(p.build_dir(), &moved).unwrap();
    assert_eq!(stdout(&moved.join("debug/foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn groups_find_each_other() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    for group in group_files(&p, "")
        .iter()
        .filter(|path| path.extension().unwrap() == "so")
    {
        let info = DynamicInfo::read(group).unwrap().unwrap();
        assert_eq!(info.run_path, ["$ORIGIN"], "{}", group.display());
    }
}

#[cargo_test]
fn run_path_of_an_executable() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let absolute = p.target_debug_dir().join("deps");
    assert_eq!(
        run_path(&p.bin("foo")),
        ["$ORIGIN", "$ORIGIN/deps", absolute.to_str().unwrap()]
    );
}

#[cargo_test]
fn exported_with_its_shared_objects() {
    let p = layered_project().build();
    let export = |arguments: &str| {
        p.cargo(&format!(
            "build {arguments} --artifact-dir out -Zunstable-options"
        ))
        .masquerade_as_nightly_cargo(&["artifact-dir"])
        .run();
    };
    export("--dynamic-deps");
    let names = || -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(p.root().join("out"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names().len(), 4, "{:?}", names());

    // Without the target directory, and elsewhere.
    let moved = paths::root().join("exported");
    fs::rename(p.build_dir(), paths::root().join("hidden")).unwrap();
    fs::rename(p.root().join("out"), &moved).unwrap();
    assert_eq!(stdout(&moved.join("foo")), LAYERED_OUTPUT);
    fs::rename(paths::root().join("hidden"), p.build_dir()).unwrap();

    // A fresh executable is exported too, and nothing is left of older content.
    export("--dynamic-deps");
    p.change_file(
        "local/src/lib.rs",
        "pub fn name() -> String { \"edited\".into() }",
    );
    export("--dynamic-deps");
    assert_eq!(names().len(), 4, "{:?}", names());
    assert_eq!(stdout(&p.root().join("out/foo")), "edited 1\n");

    // A static build exports what it always did, and leaves the rest alone.
    export("--no-dynamic-deps");
    assert_eq!(names().len(), 4, "{:?}", names());
    assert_eq!(groups_of(&p.root().join("out/foo")), STATIC);
}

#[cargo_test]
fn exported_by_a_later_build() {
    // No hash has the directory, so an earlier build made the executables.
    let p = layered_project()
        .file(
            "examples/shown.rs",
            "fn main() { println!(\"{} {}\", local::name(), frozen::count()); }",
        )
        .build();
    let build = |arguments: &str| {
        let mut cargo = p.cargo(&format!("build --bins --examples -v {arguments}"));
        cargo.masquerade_as_nightly_cargo(&["artifact-dir"]);
        cargo
    };
    for linking in ["--dynamic-deps", "--no-dynamic-deps"] {
        build(linking).run();
        build(&format!(
            "{linking} -Zunstable-options --artifact-dir out{linking}"
        ))
        .with_stderr_does_not_contain("[DIRTY][..]")
        .run();
    }
    fs::remove_dir_all(p.build_dir()).unwrap();
    for directory in ["out--dynamic-deps", "out--no-dynamic-deps"] {
        for program in ["foo", "shown"] {
            let executable = p.root().join(directory).join(program);
            assert_eq!(stdout(&executable), LAYERED_OUTPUT, "{executable:?}");
        }
    }
}

#[cargo_test]
fn a_shared_object_of_another_user() {
    // A user who does not own a file may not set its time. root may, so a library refuses it here.
    // A shared object that is there serves all the same.
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let refuses = p.root().join("refuses-times.so");
    shared_library(
        &refuses,
        r#"
            #include <errno.h>
            struct timespec;
            int futimens(int file, const struct timespec *times) { errno = EPERM; return -1; }
        "#,
        "",
    );
    // The jobs run again, and find their shared objects on disk.
    let before = contents(&p, "");
    for manifest in group_files(&p, "") {
        if manifest
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            fs::remove_file(manifest).unwrap();
        }
    }
    p.cargo("build --dynamic-deps")
        .env("LD_PRELOAD", &refuses)
        .env("CARGO_LOG", "cargo::core::compiler::dynamic_deps=debug")
        .with_stderr_contains("[..]`dynamic-deps-frozen-[..]` is on disk[..]")
        .with_stderr_contains("[..]`dynamic-deps-local-[..]` is on disk[..]")
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
    assert_eq!(contents(&p, ""), before);
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn an_older_kind_of_run_path() {
    // DT_RPATH, which libraries inherit that do not say themselves where others are.
    let p = layered_project().build();
    let flags = "-Clink-arg=-Wl,--disable-new-dtags";
    let build = |arguments: &str| {
        p.cargo(&format!("build --dynamic-deps {arguments}"))
            .env("RUSTFLAGS", flags)
            .masquerade_as_nightly_cargo(&["artifact-dir"])
            .with_stderr_does_not_contain("[WARNING] [..]")
            .run();
    };
    build("");
    let built = fs::metadata(p.bin("foo")).unwrap().modified().unwrap();
    build("");
    let found = fs::metadata(p.bin("foo")).unwrap().modified().unwrap();
    assert_eq!(built, found, "it is fresh");
    build("--artifact-dir out -Zunstable-options");
    fs::remove_dir_all(p.build_dir()).unwrap();
    assert_eq!(stdout(&p.root().join("out/foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_build_directory_that_no_run_path_can_name() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps")
        .env("CARGO_BUILD_BUILD_DIR", p.root().join("build-$LIB"))
        .with_stderr_contains(
            "[WARNING] linking the dependencies of `foo` statically: no run path can name \
             `[ROOT]/foo/build-$LIB/debug/deps`, where their shared objects are",
        )
        .with_stderr_contains("[HELP] give the build directory a path without `:` and `$`")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), [""; 0]);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_file_system_without_links() {
    // Such as vfat: one copy of Cargo is the linker wrapper of all executables.
    let p = layered_project()
        .file(
            "src/bin/other.rs",
            "fn main() { println!(\"{}\", frozen::count()); }",
        )
        .build();
    let refuses = p.root().join("refuses-links.so");
    shared_library(
        &refuses,
        r#"
            #include <errno.h>
            int symlink(const char *to, const char *name) { errno = EPERM; return -1; }
            int symlinkat(const char *to, int at, const char *name) { errno = EPERM; return -1; }
            int link(const char *old, const char *name) { errno = EPERM; return -1; }
            int linkat(int at, const char *old, int to, const char *name, int flags) {
                errno = EPERM;
                return -1;
            }
        "#,
        "",
    );
    let copies = p.target_debug_dir().join("dynamic-deps-linker");
    let build = || {
        p.cargo("build --dynamic-deps")
            .env("LD_PRELOAD", &refuses)
            .with_stderr_does_not_contain("[WARNING] [..]")
            .run();
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
        assert_eq!(groups_of(&p.bin("foo")), LAYERS);
        let copies = fs::read_dir(&copies).unwrap();
        let mut copies: Vec<_> = copies.map(|entry| entry.unwrap()).collect();
        assert_eq!(copies.len(), 1, "{copies:?}");
        copies.remove(0).metadata().unwrap()
    };
    let copy = build();
    let others = wrappers(&p)
        .into_iter()
        .flat_map(|wrapper| entries(&wrapper));
    let mut others = others.map(|path| fs::metadata(path).unwrap());
    assert!(!others.any(|other| other.is_file() && other.len() == copy.len()));
    // It serves the next build too.
    p.change_file("src/bin/other.rs", "fn main() {}");
    assert_eq!(build().ino(), copy.ino());
}
