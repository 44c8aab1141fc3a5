//! Pools when the dependencies of a package change: additions, updates, patches and opt-outs.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};
use link_engine::DynamicInfo;

use super::pools::{check_recorded_pools, new_pools, pools, printer, publish, recorded_pools};
use super::{
    LAYERS, STATIC, groups_of, linked_groups, manifest, members_of, objects_of, program,
    same_behaviour, stdout, text, unit_files,
};

/// Has the program `foo` depend on these crates of the registry, and print their names.
fn depend(project: &Project, dependencies: &[&str]) {
    let (manifest, main) = printer("foo", dependencies);
    project.change_file("Cargo.toml", &manifest);
    project.change_file("src/main.rs", &main);
}

/// A program that was built with `beside`, and with `above`, which depends on `leaf`.
fn above_and_beside() -> Project {
    publish("leaf", "1.0.0", &[]);
    publish("above", "1.0.0", &["leaf"]);
    publish("beside", "1.0.0", &[]);
    let p = program(&[], "fn main() {}");
    depend(&p, &["above", "beside"]);
    p.cargo("build --dynamic-deps").run();
    p
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
    let p = above_and_beside();
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
fn a_dependency_is_in_no_pool_with_that_of_other_flags() {
    // rustc gives both the same symbols.
    const NAMES: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];
    for name in NAMES {
        publish(name, "1.0.0", &[]);
    }
    let p = program(&[], "fn main() {}");
    let build = |number: usize, flags: &str| {
        depend(&p, &NAMES[..number]);
        p.cargo("build --dynamic-deps")
            .env("RUSTFLAGS", flags)
            .with_stderr_does_not_contain("[WARNING] [..]")
            .run();
        assert_eq!(members_of(&p.bin("foo"), "frozen"), NAMES[..number]);
        objects_of(&p.bin("foo"), "frozen").len()
    };
    let mut was_merged = false;
    for number in 1..=NAMES.len() {
        if number == 6 {
            assert_eq!(build(number, "--cfg other"), 1);
        }
        was_merged |= build(number, "") < number;
    }
    assert!(was_merged);
    assert_eq!(build(NAMES.len(), "--cfg other"), 2);
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
    let p = above_and_beside();
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
