//! Pools: Cargo links a frozen crate once for all builds, as long as its pool lives.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, ProjectBuilder, project};
use link_engine::DynamicInfo;
use serde_json::Value;

use super::{
    LAYERED_OUTPUT, LAYERS, STATIC, contents, groups_of, layered_manifest, layered_project,
    linked_groups, manifest, members_of, objects_of, program, same_behaviour, stdout, text,
    unit_files,
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
fn recorded_pools(project: &Project) -> Vec<BTreeSet<u64>> {
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

/// Has the program `foo` depend on these crates of the registry, and print their names.
fn depend(project: &Project, dependencies: &[&str]) {
    let (manifest, main) = printer("foo", dependencies);
    project.change_file("Cargo.toml", &manifest);
    project.change_file("src/main.rs", &main);
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
fn a_dependency_that_is_added() {
    publish("leaf", "1.0.0", &[]);
    publish("first", "1.0.0", &["leaf"]);
    publish("added", "1.0.0", &["leaf"]);
    let p = program(&["first"], "fn main() {}");
    depend(&p, &["first"]);
    p.cargo("build --dynamic-deps").run();
    let before = pools(&p);
    depend(&p, &["first", "added"]);
    assert_eq!(
        linked_groups(&p, "build --dynamic-deps -v"),
        ["frozen pool 2"]
    );
    assert_eq!(new_pools(&p, &before).len(), 1);
    assert_eq!(
        objects_of(&p.bin("foo"), "frozen"),
        [vec!["added"], vec!["first", "leaf"]]
    );
    let output = "first 1.0.0 leaf 1.0.0 \nadded 1.0.0 leaf 1.0.0 \n";
    assert_eq!(stdout(&p.bin("foo")), output);
    assert_eq!(text(&same_behaviour(&p).stdout), output);

    let before = pools(&p);
    depend(&p, &["first"]);
    p.cargo("build --dynamic-deps").run();
    assert_eq!(new_pools(&p, &before), STATIC);
    assert_eq!(objects_of(&p.bin("foo"), "frozen"), [["first", "leaf"]]);
    assert_eq!(stdout(&p.bin("foo")), "first 1.0.0 leaf 1.0.0 \n");
}

#[cargo_test]
fn a_dependency_that_is_updated() {
    publish("leaf", "1.0.0", &[]);
    publish("above", "1.0.0", &["leaf"]);
    publish("beside", "1.0.0", &[]);
    let p = program(&[], "fn main() {}");
    depend(&p, &["above", "beside"]);
    p.cargo("build --dynamic-deps").run();
    let before = pools(&p);
    assert_eq!(before.len(), 1);

    publish("leaf", "1.0.1", &[]);
    p.cargo("update -p leaf").run();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(new_pools(&p, &before).len(), 1);
    let output = "above 1.0.0 leaf 1.0.1 \nbeside 1.0.0 \n";
    assert_eq!(stdout(&p.bin("foo")), output);
    // The first pool is loaded for `beside`; what it has besides is not used.
    assert_eq!(
        objects_of(&p.bin("foo"), "frozen"),
        [vec!["above", "leaf"], vec!["above", "beside", "leaf"]]
    );
    assert_eq!(text(&same_behaviour(&p).stdout), output);

    let before = pools(&p);
    p.cargo("update -p leaf --precise 1.0.0").run();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(new_pools(&p, &before), STATIC);
    assert_eq!(
        stdout(&p.bin("foo")),
        "above 1.0.0 leaf 1.0.0 \nbeside 1.0.0 \n"
    );
}

#[cargo_test]
fn many_additions_are_merged() {
    const NAMES: [&str; 10] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"];
    for (index, name) in NAMES.iter().enumerate() {
        // Each third one depends on the one before.
        let dependencies = if index % 3 == 2 {
            &NAMES[index - 1..index]
        } else {
            &[]
        };
        publish(name, "1.0.0", dependencies);
    }
    let expected = |number: usize| -> String {
        let lines = (0..number).map(|index| match index % 3 {
            2 => format!("c{index} 1.0.0 c{} 1.0.0 \n", index - 1),
            _ => format!("c{index} 1.0.0 \n"),
        });
        lines.collect()
    };
    let p = program(&[], "fn main() {}");
    let mut was_merged = false;
    for number in 1..=NAMES.len() {
        depend(&p, &NAMES[..number]);
        let before = recorded_pools(&p).len();
        p.cargo("build --dynamic-deps").run();
        assert_eq!(stdout(&p.bin("foo")), expected(number));
        let loaded = objects_of(&p.bin("foo"), "frozen");
        assert!(loaded.len() <= 6, "{loaded:?}");
        assert_eq!(members_of(&p.bin("foo"), "frozen"), NAMES[..number]);
        let after = recorded_pools(&p).len();
        was_merged |= after < before + 1;
        assert_eq!(after, loaded.len());
        check_recorded_pools(&p);
    }
    assert!(was_merged);
    assert_eq!(text(&same_behaviour(&p).stdout), expected(NAMES.len()));

    // A replaced pool goes when another pool is made and no executable needs the old one. Cargo
    // leaves those with other dependencies in `deps`.
    let newest = fs::metadata(p.bin("foo")).unwrap().ino();
    for file in unit_files(&p) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let is_executable = name == "foo" || name.starts_with("foo-");
        if is_executable && fs::metadata(&file).unwrap().ino() != newest {
            fs::remove_file(file).unwrap();
        }
    }
    publish("late", "1.0.0", &[]);
    let with_late: Vec<&str> = NAMES.into_iter().chain(["late"]).collect();
    for dependencies in [&with_late[1..], &with_late] {
        depend(&p, dependencies);
        p.cargo("build --dynamic-deps").run();
    }
    let files: Vec<String> = pools(&p).into_keys().collect();
    let mut needed = DynamicInfo::read(&p.bin("foo")).unwrap().unwrap().needed;
    needed.retain(|soname| soname.starts_with("dynamic-deps-frozen-"));
    needed.sort();
    let unneeded: Vec<&String> = files.iter().filter(|file| !needed.contains(file)).collect();
    assert!(unneeded.is_empty(), "{unneeded:?}, loaded {needed:?}");
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .run();
}

#[cargo_test]
fn two_versions_of_a_crate() {
    for (version, number) in [("1.0.0", 1), ("2.0.0", 20)] {
        Package::new("dup", version)
            .file(
                "src/lib.rs",
                &format!(
                    "pub static COUNT: std::sync::atomic::AtomicU32 =
                         std::sync::atomic::AtomicU32::new({number});
                     pub fn next() -> u32 {{
                         COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst)
                     }}"
                ),
            )
            .publish();
    }
    Package::new("user", "1.0.0")
        .dep("dup", "2.0")
        .file("src/lib.rs", "pub fn next() -> u32 { dup::next() }")
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\none = { package = 'dup', version = '1.0' }\n\
                 two = { package = 'dup', version = '2.0' }\nuser = '1.0'\n",
            ),
        )
        .file(
            "src/main.rs",
            "fn main() {
                 println!(\"{} {} {} {}\", one::next(), two::next(), user::next(), one::next());
             }",
        )
        .build();
    assert_eq!(text(&same_behaviour(&p).stdout), "1 20 21 2\n");
    assert_eq!(
        objects_of(&p.bin("foo"), "frozen"),
        [["dup", "dup", "user"]]
    );

    // One of them after the other: each is in a pool, and none twice.
    p.build_dir().rm_rf();
    let both = p.read_file("Cargo.toml");
    p.change_file(
        "Cargo.toml",
        &manifest(
            "foo",
            "[dependencies]\none = { package = 'dup', version = '1.0' }\n",
        ),
    );
    let main = p.read_file("src/main.rs");
    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{}\", one::next()); }",
    );
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("foo")), "1\n");
    p.change_file("Cargo.toml", &both);
    p.change_file("src/main.rs", &main);
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("foo")), "1 20 21 2\n");
    assert_eq!(
        objects_of(&p.bin("foo"), "frozen"),
        [vec!["dup", "user"], vec!["dup"]]
    );
}

#[cargo_test]
fn a_member_that_is_opted_out_later() {
    publish("leaf", "1.0.0", &[]);
    publish("above", "1.0.0", &["leaf"]);
    publish("beside", "1.0.0", &[]);
    let p = program(&[], "fn main() {}");
    depend(&p, &["above", "beside"]);
    p.cargo("build --dynamic-deps").run();
    assert_eq!(
        members_of(&p.bin("foo"), "frozen"),
        ["above", "beside", "leaf"]
    );
    let (manifest, _) = printer("foo", &["above", "beside"]);
    let opted_out = format!("{manifest}[profile.dev.package.leaf]\ndynamic-deps = false\n");
    let output = "above 1.0.0 leaf 1.0.0 \nbeside 1.0.0 \n";
    for _ in 0..2 {
        p.change_file("Cargo.toml", &opted_out);
        p.cargo("build --dynamic-deps").run();
        assert_eq!(stdout(&p.bin("foo")), output);
        assert_eq!(members_of(&p.bin("foo"), "frozen"), ["beside"]);
        p.change_file("Cargo.toml", &manifest);
        p.cargo("build --dynamic-deps").run();
        assert_eq!(stdout(&p.bin("foo")), output);
        assert_eq!(
            members_of(&p.bin("foo"), "frozen"),
            ["above", "beside", "leaf"]
        );
        check_recorded_pools(&p);
    }
    assert_eq!(text(&same_behaviour(&p).stdout), output);
}

#[cargo_test]
fn a_member_that_a_patch_makes_local() {
    publish("leaf", "1.0.0", &[]);
    publish("above", "1.0.0", &["leaf"]);
    publish("beside", "1.0.0", &[]);
    let p = project()
        .file("leaf/Cargo.toml", &manifest("leaf", ""))
        .file(
            "leaf/src/lib.rs",
            "pub fn name() -> String { \"patched \".into() }",
        )
        .build();
    depend(&p, &["above", "beside"]);
    p.cargo("build --dynamic-deps").run();
    let before = pools(&p);
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);

    let (manifest, _) = printer("foo", &["above", "beside"]);
    p.change_file(
        "Cargo.toml",
        &format!("{manifest}[patch.crates-io]\nleaf = {{ path = 'leaf' }}\n"),
    );
    let output = "above 1.0.0 patched \nbeside 1.0.0 \n";
    assert_eq!(text(&same_behaviour(&p).stdout), output);
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    assert_eq!(members_of(&p.bin("foo"), "local"), ["above", "leaf"]);
    assert_eq!(new_pools(&p, &before), STATIC);

    p.change_file(
        "leaf/src/lib.rs",
        "pub fn name() -> String { \"patched again \".into() }",
    );
    p.cargo("build --dynamic-deps").run();
    assert_eq!(
        stdout(&p.bin("foo")),
        "above 1.0.0 patched again \nbeside 1.0.0 \n"
    );

    p.change_file("Cargo.toml", &manifest);
    p.cargo("build --dynamic-deps").run();
    assert_eq!(new_pools(&p, &before), STATIC);
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    assert_eq!(
        stdout(&p.bin("foo")),
        "above 1.0.0 leaf 1.0.0 \nbeside 1.0.0 \n"
    );
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
