//! The files of pools: whatever happens to them or to the target directory, each program runs
//! right, and Cargo links no undamaged shared object again.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::prelude::*;
use cargo_test_support::{Project, paths, project, rustc_host};
use link_engine::DynamicInfo;

use super::pools::{
    check_recorded_pools, check_three_programs, new_pools, pools, printer, publish, records,
    three_programs,
};
use super::{LAYERED_OUTPUT, LAYERS, STATIC, groups_of, layered_project, rebuilt, stdout, text};

#[cargo_test]
fn with_a_target() {
    let p = layered_project().build();
    let host = rustc_host();
    p.cargo("build --dynamic-deps").run();
    let before = pools(&p);
    p.cargo(&format!("build --dynamic-deps --target {host}"))
        .run();
    let executable = p.target_bin(&host, "foo");
    assert_eq!(groups_of(&executable), LAYERS);
    assert_eq!(stdout(&executable), LAYERED_OUTPUT);
    assert_eq!(new_pools(&p, &before), STATIC);
    for command in ["build", "run", "test --no-run"] {
        p.cargo(&format!("{command} -v --dynamic-deps --target {host}"))
            .with_stderr_does_not_contain("[..]Linking frozen pool [..]")
            .run();
    }
    // It has a pool of its own in the directory of the target.
    let info = DynamicInfo::read(&executable).unwrap().unwrap();
    let soname = |name: &&String| name.starts_with("dynamic-deps-frozen-");
    let soname = info.needed.iter().find(soname).unwrap();
    let beside = executable.parent().unwrap().join("deps").join(soname);
    assert!(beside.is_file(), "{}", beside.display());
}

#[cargo_test]
fn a_member_is_cleaned() {
    let p = three_programs().build();
    p.cargo("build --dynamic-deps").run();
    let before = pools(&p);
    for package in ["of_a", "common", "a"] {
        p.cargo(&format!("clean -p {package}")).run();
        p.cargo("build --dynamic-deps").run();
        check_three_programs(&p);
        // rustc makes the same rlib once more.
        assert_eq!(new_pools(&p, &before), STATIC, "{package}");
        check_recorded_pools(&p);
    }
    // A build that has some members only, while others are gone.
    p.cargo("clean -p of_a").run();
    p.cargo("build --dynamic-deps -p b").run();
    assert_eq!(
        stdout(&p.bin("b")),
        "common 1.0.0 \nof_b 1.0.0 common 1.0.0 \n"
    );
    p.cargo("build --dynamic-deps").run();
    check_three_programs(&p);
    check_recorded_pools(&p);
}

#[cargo_test]
fn files_of_a_pool_are_removed_or_written_to() {
    let p = three_programs().build();
    p.cargo("build --dynamic-deps -p a").run();
    p.cargo("build --dynamic-deps").run();
    check_three_programs(&p);
    let files = || {
        let mut files = super::group_files(&p, "frozen-");
        let of_records = fs::read_dir(records(&p)).unwrap();
        files.extend(of_records.map(|file| file.unwrap().path()));
        files.sort();
        files
    };
    let number = files().len();
    // Two pools of which each has a manifest, a shared object, facts and a record.
    assert_eq!(number, 8, "{:?}", files());
    let contents: [Option<&str>; 5] = [None, Some(""), Some("{}"), Some("[]"), Some("no JSON")];
    for index in 0..number {
        for content in contents {
            let files = files();
            let file = &files[index.min(files.len() - 1)];
            let is_object = file.extension().is_some_and(|extension| extension == "so");
            match content {
                // Nothing looks into a shared object that is there (as for an rlib).
                Some(_) if is_object => continue,
                Some(content) => fs::write(file, content).unwrap(),
                None => fs::remove_file(file).unwrap(),
            }
            // The manifest of a group that another selection made is not looked at.
            for selection in ["-p b", "--workspace"] {
                p.cargo(&format!("build --dynamic-deps {selection}")).run();
            }
            check_three_programs(&p);
            check_recorded_pools(&p);
            p.cargo("build --dynamic-deps -v")
                .with_stderr_does_not_contain("[RUNNING] [..]")
                .run();
        }
    }
}

/// Copies a directory, with the times of its files or without.
fn copy(from: &Path, to: &Path, option: &str) {
    let mut cp = Command::new("cp");
    assert!(cp.arg(option).arg(from).arg(to).status().unwrap().success());
}

#[cargo_test]
fn a_target_directory_that_was_moved() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let before = pools(&p);
    let moved = paths::root().join("moved");
    fs::rename(p.build_dir(), &moved).unwrap();
    assert_eq!(stdout(&moved.join("debug/foo")), LAYERED_OUTPUT);
    assert_eq!(
        rebuilt(
            p.cargo("build --dynamic-deps")
                .env("CARGO_TARGET_DIR", &moved)
        ),
        STATIC
    );
    fs::rename(&moved, p.build_dir()).unwrap();
    assert_eq!(new_pools(&p, &before), STATIC);
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
}

#[cargo_test]
fn a_restored_copy_of_the_target_directory() {
    let p = layered_project().build();
    let original = p.build_dir();
    for linkage in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {linkage}")).run();
    }
    let copy_of = |name: &str, option: &str| {
        let directory = paths::root().join(name);
        copy(&original, &directory, option);
        directory
    };
    let copies = [("kept", "-a"), ("new", "-r")].map(|(name, option)| copy_of(name, option));
    original.rm_rf();
    for copy in copies {
        assert_eq!(stdout(&copy.join("debug/foo")), LAYERED_OUTPUT);
        let build = |linkage: &str| {
            let mut cargo = p.cargo(&format!("build {linkage}"));
            cargo.env("CARGO_TARGET_DIR", &copy);
            rebuilt(&mut cargo)
        };
        // Cargo itself treats other times the same both ways.
        let of_dynamic = build("--dynamic-deps");
        assert_eq!(stdout(&copy.join("debug/foo")), LAYERED_OUTPUT);
        assert_eq!(groups_of(&copy.join("debug/foo")), LAYERS);
        let of_static = build("--no-dynamic-deps");
        assert!(
            of_static.len() <= of_dynamic.len(),
            "{of_static:?} {of_dynamic:?}"
        );
        // An edit, from what the copy has.
        p.change_file(
            "local/src/lib.rs",
            "pub fn name() -> String { \"edited\".into() }",
        );
        let mut cargo = p.cargo("build --dynamic-deps");
        cargo.env("CARGO_TARGET_DIR", &copy).run();
        assert_eq!(stdout(&copy.join("debug/foo")), "edited 1\n");
        p.change_file(
            "local/src/lib.rs",
            "pub fn name() -> String { format!(\"hello from local, call {}\", frozen::count()) }",
        );
        let mut cargo = p.cargo("build --dynamic-deps");
        cargo.env("CARGO_TARGET_DIR", &copy).run();
        assert_eq!(stdout(&copy.join("debug/foo")), LAYERED_OUTPUT);
    }
}

#[cargo_test]
fn two_workspaces_with_one_target_directory() {
    publish("common", "1.0.0", &[]);
    publish("of_one", "1.0.0", &["common"]);
    publish("of_two", "1.0.0", &["common"]);
    let target = paths::root().join("shared");
    let projects = ["one", "two"].map(|name| {
        let own = format!("of_{name}");
        let (manifest, main) = printer(name, &["common", &own]);
        let p = project()
            .at(name)
            .file(
                "Cargo.toml",
                &format!("{manifest}local = {{ path = 'local' }}\n"),
            )
            .file(
                "src/main.rs",
                &main.replace(
                    "fn main() {",
                    "fn main() { println!(\"{}\", local::name());",
                ),
            )
            .file("local/Cargo.toml", &super::manifest("local", ""))
            .file(
                "local/src/lib.rs",
                &format!("pub fn name() -> &'static str {{ \"local of {name}\" }}"),
            )
            .build();
        (name, p)
    });
    for round in 0..4 {
        for (name, p) in &projects {
            p.change_file(
                "local/src/lib.rs",
                &format!("pub fn name() -> &'static str {{ \"local of {name} {round}\" }}"),
            );
            let output = p
                .cargo("build --dynamic-deps -v")
                .env("CARGO_TARGET_DIR", &target)
                .run();
            let stderr = text(&output.stderr);
            // Each has a pool once; the second has two, of which the other's is one.
            if round > 0 {
                let linked = |line: &&str| {
                    line.contains("Running `cc")
                        && line.contains("-soname -Xlinker dynamic-deps-frozen-")
                };
                assert_eq!(
                    stderr.lines().filter(linked).count(),
                    0,
                    "{round} {name} {stderr}"
                );
            }
            for (name, _) in &projects[..if round > 0 { 2 } else { 1 }] {
                let output = stdout(&target.join("debug").join(name));
                assert!(
                    output.ends_with(&format!("common 1.0.0 \nof_{name} 1.0.0 common 1.0.0 \n")),
                    "{output}"
                );
            }
            let output = stdout(&target.join("debug").join(name));
            assert!(
                output.starts_with(&format!("local of {name} {round}\n")),
                "{output}"
            );
        }
    }
}

#[cargo_test]
fn a_directory_for_each_rlib() {
    let p = three_programs().build();
    let cargo = |selection: &str| {
        let mut cargo = p.cargo(&format!(
            "build --dynamic-deps -v {selection} -Zbuild-dir-new-layout"
        ));
        cargo.masquerade_as_nightly_cargo(&["build-dir-new-layout"]);
        cargo
    };
    cargo("--workspace").run();
    let whole = pools(&p);
    assert_eq!(whole.len(), 1);
    for selection in ["-p a", "-p b", "-p a", "--workspace"] {
        cargo(selection)
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
        assert_eq!(new_pools(&p, &whole), STATIC, "{selection}");
    }
    check_three_programs(&p);
    check_recorded_pools(&p);

    // The pool has libraries that this build does not have, and that were elsewhere.
    let moved = paths::root().join("moved");
    fs::rename(p.build_dir(), &moved).unwrap();
    cargo("-p c")
        .env("CARGO_TARGET_DIR", &moved)
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .run();
    fs::rename(&moved, p.build_dir()).unwrap();
    assert_eq!(new_pools(&p, &whole), STATIC);
    check_three_programs(&p);
}

fn start(p: &Project, arguments: &str) -> Child {
    let mut cargo = p.cargo(arguments).build_command();
    cargo.stdout(Stdio::null()).stderr(Stdio::null());
    cargo.spawn().unwrap()
}

#[cargo_test]
fn builds_of_other_selections_at_the_same_time() {
    let p = three_programs().build();
    p.cargo("fetch").run();
    for round in 0..3 {
        p.build_dir().rm_rf();
        let selections = ["-p a", "-p b", "-p c", "--workspace"];
        let builds =
            selections.map(|selection| start(&p, &format!("build --dynamic-deps {selection}")));
        for mut build in builds {
            assert!(build.wait().unwrap().success(), "{round}");
        }
        check_three_programs(&p);
        p.cargo("build --dynamic-deps").run();
        check_three_programs(&p);
        // Those that planned at the same time may have put a crate into two pools. One of these
        // has no place in the next plan.
        p.cargo("build --dynamic-deps -v")
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
        check_recorded_pools(&p);
    }
}
