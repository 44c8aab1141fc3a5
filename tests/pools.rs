//! Pools: Cargo links a frozen crate once for all builds, as long as its pool lives.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, ProjectBuilder, project};
use serde_json::Value;

use super::{
    LAYERED_OUTPUT, STATIC, contents, groups_of, layered_manifest, layered_project, manifest,
    objects_of, program, same_behaviour, stdout, text,
};

/// The shared objects of pools by name: the file, by its inode, and what is in it. The time says
/// nothing: a job that finds its shared object on disk touches it.
pub(super) fn pools(project: &Project) -> BTreeMap<String, (u64, Vec<u8>)> {
    let files = contents(project, "frozen-pool.").into_iter();
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let inode = fs::metadata(&path).unwrap().ino();
            (name, (inode, fs::read(&path).unwrap()))
        })
        .collect()
}

/// Checks that the pools of `before` are there as they were, and returns the names of others.
#[track_caller]
pub(super) fn new_pools(
    project: &Project,
    before: &BTreeMap<String, (u64, Vec<u8>)>,
) -> Vec<String> {
    let mut after = pools(project);
    for (name, file) in before {
        assert!(after.remove(name).as_ref() == Some(file), "{name}");
    }
    after.into_keys().collect()
}

/// The directory of what is kept for the next plan.
pub(super) fn records(project: &Project) -> PathBuf {
    project.target_debug_dir().join("deps/dynamic-deps")
}

/// The keys of the members of each pool that the next plan knows.
pub(super) fn recorded_pools(project: &Project) -> Vec<BTreeSet<u64>> {
    // There are none before the first build.
    let files = fs::read_dir(records(project)).into_iter().flatten();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("pool-")
        })
        .filter_map(|path| {
            // A plan passes over what it cannot read.
            let record: Value = serde_json::from_slice(&fs::read(path).unwrap()).ok()?;
            let members = record["members"].as_array()?.iter();
            Some(members.map(|member| member[0].as_u64().unwrap()).collect())
        })
        .collect()
}

/// Checks that no crate is in two pools that the next plan knows.
#[track_caller]
pub(super) fn check_recorded_pools(project: &Project) {
    let mut seen = BTreeSet::new();
    for key in recorded_pools(project).into_iter().flatten() {
        assert!(seen.insert(key), "{key}");
    }
}

/// Publishes a crate with a function `name`, which says its name and what its dependencies say.
pub(super) fn publish(name: &str, version: &str, dependencies: &[&str]) {
    let mut package = Package::new(name, version);
    let mut calls = String::new();
    for dependency in dependencies {
        package.dep(dependency, "1.0");
        calls.push_str(&format!("text.push_str(&{dependency}::name());"));
    }
    package
        .file(
            "src/lib.rs",
            &format!(
                "pub fn name() -> String {{
                     #[allow(unused_mut)]
                     let mut text = String::from(\"{name} {version} \"); {calls} text
                 }}"
            ),
        )
        .publish();
}

/// A package that prints the names of these crates of the registry.
pub(super) fn with_printer(
    builder: ProjectBuilder,
    directory: &str,
    dependencies: &[&str],
) -> ProjectBuilder {
    let (manifest, main) = printer(directory, dependencies);
    builder
        .file(format!("{directory}/Cargo.toml"), &manifest)
        .file(format!("{directory}/src/main.rs"), &main)
}

/// Manifest and program of a package that prints the names of these crates of the registry.
pub(super) fn printer(package: &str, dependencies: &[&str]) -> (String, String) {
    let lines = dependencies.iter().map(|name| format!("{name} = '1.0'\n"));
    let lines = lines.collect::<String>();
    let prints = dependencies
        .iter()
        .map(|name| format!("println!(\"{{}}\", {name}::name());\n"));
    (
        manifest(package, &format!("[dependencies]\n{lines}")),
        format!("fn main() {{ {} }}", prints.collect::<String>()),
    )
}

/// A workspace of three programs that depend on `common`, and each on a crate of its own.
pub(super) fn three_programs() -> ProjectBuilder {
    publish("common", "1.0.0", &[]);
    let mut builder = project().file(
        "Cargo.toml",
        "[workspace]\nmembers = ['a', 'b', 'c']\nresolver = '2'\n",
    );
    for bin in ["a", "b", "c"] {
        let own = format!("of_{bin}");
        publish(&own, "1.0.0", &["common"]);
        builder = with_printer(builder, bin, &["common", &own]);
    }
    builder
}

#[track_caller]
pub(super) fn check_three_programs(p: &Project) {
    for bin in ["a", "b", "c"] {
        assert_eq!(
            stdout(&p.bin(bin)),
            format!("common 1.0.0 \nof_{bin} 1.0.0 common 1.0.0 \n")
        );
        assert_eq!(groups_of(&p.bin(bin)), ["frozen", "sysroot"]);
    }
}

#[cargo_test]
fn every_command_loads_the_pool_of_the_first() {
    let p = layered_project()
        .file(
            "src/lib.rs",
            "//! ```\n//! assert_eq!(frozen::count(), 1);\n//! ```\n",
        )
        .file(
            "src/bin/other.rs",
            "fn main() { println!(\"other {}\", frozen::count()); }",
        )
        .file(
            "examples/example.rs",
            "fn main() { println!(\"example {}\", frozen::count()); }",
        )
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_eq!(frozen::count(), 1); }",
        )
        .file(
            "benches/bench.rs",
            "fn main() { assert_eq!(frozen::count(), 1); println!(\"benched\"); }",
        )
        .file(
            "Cargo.toml",
            &layered_manifest("[[bench]]\nname = 'bench'\nharness = false\n"),
        )
        .build();
    p.cargo("build --dynamic-deps --bin foo").run();
    let before = pools(&p);
    assert_eq!(before.len(), 1);
    for (command, output) in [
        ("build", ""),
        ("run --bin foo", LAYERED_OUTPUT.trim_end()),
        ("run --bin other", "other 1"),
        ("run --example example", "example 1"),
        ("build --all-targets", ""),
        ("build -p foo", ""),
        ("build -p local", ""),
        ("build --bins", ""),
        ("rustc --bin foo", ""),
        ("test", "test it ... ok"),
        ("test --doc", "test src/lib.rs - (line 1) ... ok"),
        ("test --test it", "test it ... ok"),
        ("test --workspace --no-run", ""),
        ("bench --profile dev", "benched"),
        ("build --bin foo", ""),
    ] {
        let mut cargo = p.cargo(&format!("{command} --dynamic-deps"));
        if !output.is_empty() {
            cargo.with_stdout_contains(output);
        }
        cargo.run();
        assert_eq!(new_pools(&p, &before), STATIC, "{command}");
    }
    for executable in [p.bin("foo"), p.bin("other")] {
        assert!(groups_of(&executable).contains(&"frozen".to_owned()));
    }
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn dependencies_of_tests_are_in_a_pool_of_their_own() {
    publish("checked", "1.0.0", &[]);
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest("[dev-dependencies]\nchecked = '1.0'\n"),
        )
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_eq!(checked::name(), \"checked 1.0.0 \"); }",
        )
        .build();
    p.cargo("run --dynamic-deps")
        .with_stdout_data(LAYERED_OUTPUT)
        .run();
    let of_program = pools(&p);
    assert_eq!(of_program.len(), 1);
    p.cargo("test --dynamic-deps")
        .with_stdout_contains("test it ... ok")
        .run();
    assert_eq!(new_pools(&p, &of_program).len(), 1);
    let of_tests = pools(&p);
    for command in ["run", "test", "build", "build --all-targets"] {
        p.cargo(&format!("{command} --dynamic-deps")).run();
        assert_eq!(new_pools(&p, &of_tests), STATIC, "{command}");
    }
    // The program loads nothing for the tests.
    assert_eq!(objects_of(&p.bin("foo"), "frozen"), [["frozen"]]);
}

#[cargo_test]
fn selections_share_pools() {
    // From the smallest to the largest, each crate is linked once.
    let p = three_programs().build();
    p.cargo("build --dynamic-deps -p a").run();
    let of_a = pools(&p);
    assert_eq!(of_a.len(), 1);
    p.cargo("build --dynamic-deps -p b").run();
    assert_eq!(new_pools(&p, &of_a).len(), 1);
    let of_b = pools(&p);
    p.cargo("build --dynamic-deps --workspace").run();
    assert_eq!(new_pools(&p, &of_b).len(), 1);
    let all = pools(&p);
    assert_eq!(
        objects_of(&p.bin("a"), "frozen"),
        [["common", "of_a"]],
        "neither of the other pools"
    );
    assert_eq!(
        objects_of(&p.bin("b"), "frozen"),
        [vec!["of_b"], vec!["common", "of_a"]]
    );
    check_three_programs(&p);
    check_recorded_pools(&p);
    for selection in [
        "-p a",
        "-p b",
        "-p a -p c",
        "--workspace",
        "--bin a --bin b",
    ] {
        p.cargo(&format!("build --dynamic-deps -v {selection}"))
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
        assert_eq!(new_pools(&p, &all), STATIC, "{selection}");
    }
    check_three_programs(&p);

    // And the other way.
    p.build_dir().rm_rf();
    p.cargo("build --dynamic-deps --workspace").run();
    let all = pools(&p);
    assert_eq!(all.len(), 1);
    for selection in ["-p a", "-p b", "-p c"] {
        p.cargo(&format!("build --dynamic-deps -v {selection}"))
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
        assert_eq!(new_pools(&p, &all), STATIC, "{selection}");
    }
    check_three_programs(&p);
}

#[cargo_test]
fn selections_that_unite_features() {
    Package::new("optional", "1.0.0")
        .feature("extra", &[])
        .file(
            "src/lib.rs",
            "pub fn name() -> &'static str { if cfg!(feature = \"extra\") { \"with\" } else { \"without\" } }",
        )
        .publish();
    publish("common", "1.0.0", &[]);
    let builder = project().file(
        "Cargo.toml",
        "[workspace]\nmembers = ['a', 'b']\nresolver = '2'\n",
    );
    let builder = with_printer(builder, "a", &["common", "optional"]);
    let p = with_printer(builder, "b", &["common", "optional"])
        .file(
            "b/Cargo.toml",
            &manifest(
                "b",
                "[dependencies]\ncommon = '1.0'\noptional = { version = '1.0', features = ['extra'] }\n",
            ),
        )
        .build();
    let mut before = BTreeMap::new();
    for (selection, number, outputs) in [
        ("-p a", 1, &[("a", "without")][..]),
        ("-p a", 1, &[("a", "without")]),
        ("-p b", 2, &[("a", "without"), ("b", "with")]),
        ("--workspace", 2, &[("a", "with"), ("b", "with")]),
        ("-p a", 2, &[("a", "without"), ("b", "with")]),
    ] {
        p.cargo(&format!("build --dynamic-deps {selection}")).run();
        new_pools(&p, &before);
        before = pools(&p);
        assert_eq!(before.len(), number, "{selection}");
        for (bin, output) in outputs {
            assert_eq!(
                stdout(&p.bin(bin)),
                format!("common 1.0.0 \n{output}\n"),
                "{selection}"
            );
        }
    }
    check_recorded_pools(&p);
}

#[cargo_test]
fn a_proc_macro_with_the_crates_of_a_program() {
    publish("shared", "1.0.0", &[]);
    Package::new("derive", "1.0.0")
        .proc_macro(true)
        .dep("shared", "1.0")
        .file(
            "src/lib.rs",
            r#"
                extern crate proc_macro;
                #[proc_macro]
                pub fn expanded(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
                    format!("{:?}", shared::name()).parse().unwrap()
                }
            "#,
        )
        .publish();
    let p = program(
        &["shared", "derive"],
        "fn main() { println!(\"{}{}\", shared::name(), derive::expanded!()); }",
    );
    assert_eq!(
        text(&same_behaviour(&p).stdout),
        "shared 1.0.0 shared 1.0.0 \n"
    );
    assert_eq!(objects_of(&p.bin("foo"), "frozen"), [["shared"]]);
    let before = pools(&p);
    for command in ["run", "build --all-targets", "test"] {
        p.cargo(&format!("{command} --dynamic-deps")).run();
        assert_eq!(new_pools(&p, &before), STATIC, "{command}");
    }
}
