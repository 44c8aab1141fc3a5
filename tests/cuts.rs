//! The cut of local code into parts, when a workspace changes, is built in several ways, or its
//! build is killed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, sleep_ms};

use super::cut_workspace::{
    CUT, MEMBERS, beginning, check, check_loaded, cut_workspace, edit, library, manifest_of,
    program, put_cut, records, steps, workspace,
};
use super::{is_hidden, linked_groups, members_of, objects_of, stdout, unit_files};

#[cargo_test]
fn a_crate_that_is_added() {
    let p = cut_workspace();
    p.cargo("build --dynamic-deps").run();
    let add = |name: &str, dependencies: &[&str]| {
        p.change_file(
            format!("{name}/Cargo.toml"),
            &manifest_of(name, dependencies),
        );
        p.change_file(
            format!("{name}/src/lib.rs"),
            &library(name, dependencies, 0),
        );
        let members = p.read_file("Cargo.toml");
        let members = members.replace("members = [", &format!("members = ['{name}', "));
        p.change_file("Cargo.toml", &members);
    };
    // Above all others, and below some.
    for (name, dependencies, dependent, of_dependent, linked) in [
        (
            "upper",
            &["left"][..],
            "a",
            &["top", "upper"][..],
            &["local part 4"][..],
        ),
        (
            "lower",
            &["base"],
            "left",
            &["base", "lower"],
            &["local part 3", "local part 4"],
        ),
    ] {
        add(name, dependencies);
        p.change_file(
            format!("{dependent}/Cargo.toml"),
            &manifest_of(dependent, of_dependent),
        );
        if dependent == "a" {
            p.change_file("a/src/main.rs", &program("a", of_dependent));
        } else {
            p.change_file(
                format!("{dependent}/src/lib.rs"),
                &library(dependent, of_dependent, 0),
            );
        }
        assert_eq!(linked_groups(&p, "build --dynamic-deps -v"), linked);
        p.cargo("build --no-dynamic-deps --target-dir static").run();
        for program in ["a", "b", "c"] {
            let of_static = stdout(&p.root().join("static/debug").join(program));
            assert_eq!(stdout(&p.bin(program)), of_static, "{name} {program}");
        }
        assert!(stdout(&p.bin("a")).contains(&format!("{name}.0 ")));
    }
    assert_eq!(
        objects_of(&p.bin("a"), "local"),
        [
            vec!["top", "upper"],
            vec!["left", "lower", "right"],
            vec!["base"],
            vec!["weight"]
        ]
    );
}

#[cargo_test]
fn a_dependency_that_turns_around() {
    let p = cut_workspace();
    p.cargo("build --dynamic-deps").run();
    // `base` would be above `top`, so the cut does not serve any more.
    p.change_file("base/Cargo.toml", &manifest_of("base", &["weight", "top"]));
    p.change_file("base/src/lib.rs", &library("base", &["top"], 1));
    p.change_file("left/Cargo.toml", &manifest_of("left", &["weight"]));
    p.change_file("left/src/lib.rs", &library("left", &[], 1));
    p.cargo("build --dynamic-deps").run();
    p.cargo("build --no-dynamic-deps --target-dir static").run();
    for program in ["a", "b", "c"] {
        let of_static = stdout(&p.root().join("static/debug").join(program));
        assert_eq!(stdout(&p.bin(program)), of_static, "{program}");
    }
    assert!(stdout(&p.bin("c")).starts_with("c frozen\nbase.1 top.0 left.1 base says 1 \n"));
}

#[cargo_test]
fn a_cut_that_somebody_wrote_to() {
    let p = cut_workspace();
    let mut edits = BTreeMap::new();
    let upside_down: [&[&str]; 4] = [&["top"], &["left", "right"], &["base"], &["weight"]];
    let twice: [&[&str]; 3] = [
        &["weight", "base"],
        &["base", "top"],
        &["left", "right", "top"],
    ];
    let many: Vec<&[&str]> = vec![&["weight"]; 40];
    let incomplete: [&[&str]; 2] = [&["weight"], &["left"]];
    for parts in [&upside_down[..], &twice, &many, &incomplete, &[], &CUT] {
        put_cut(&p, parts);
        edit(&p, &mut edits, "right");
        p.cargo("build --dynamic-deps").run();
        check(&p, &edits);
    }
    for content in ["", "{}", "[]", "[{\"x\": -1}]", "no JSON"] {
        for entry in fs::read_dir(records(&p)).unwrap() {
            fs::write(entry.unwrap().path(), content).unwrap();
        }
        edit(&p, &mut edits, "left");
        p.cargo("build --dynamic-deps").run();
        check(&p, &edits);
        // That build shows the sizes, which may ask for another cut than a guess did.
        p.cargo("build --dynamic-deps").run();
        check(&p, &edits);
        p.cargo("build --dynamic-deps -v")
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
    }
}

#[cargo_test]
fn another_feature() {
    let p = cut_workspace();
    p.change_file(
        "left/Cargo.toml",
        &format!("{}[features]\nloud = []\n", manifest_of("left", &["base"])),
    );
    let left = library("left", &["base"], 0);
    p.change_file(
        "left/src/lib.rs",
        &left.replace(
            "text: \"left.0 \"",
            "text: if cfg!(feature = \"loud\") { \"LEFT \" } else { \"left.0 \" }",
        ),
    );
    for (round, (features, text)) in [
        ("", "left.0"),
        ("--features left/loud", "LEFT"),
        ("", "left.0"),
        ("--features left/loud", "LEFT"),
    ]
    .into_iter()
    .enumerate()
    {
        let steps = steps(&p, &format!("build --dynamic-deps {features}"));
        let expected: &[&str] = match round {
            0 => &[
                "part 1 was linked",
                "part 2 was linked",
                "part 3 was linked",
                "part 4 was linked",
            ],
            1 => &["part 3 was linked", "part 4 was linked"],
            _ => &[],
        };
        assert_eq!(steps, expected, "{features}");
        let output = stdout(&p.bin("a"));
        assert!(
            output.starts_with(&format!("a frozen\ntop.0 {text} base.0 ")),
            "{output}"
        );
        assert!(stdout(&p.bin("b")).starts_with(&beginning("b", &BTreeMap::new())));
    }
}

#[cargo_test]
fn tests_and_dependencies_of_tests() {
    Package::new("checked", "1.0.0")
        .file("src/lib.rs", "pub fn checked() -> bool { true }")
        .publish();
    let p = workspace()
        .file(
            "left/Cargo.toml",
            &format!(
                "{}[dev-dependencies]\nchecked = '1.0'\ntop = {{ path = '../top' }}\n",
                manifest_of("left", &["base"])
            ),
        )
        .file(
            "left/src/lib.rs",
            &format!(
                "{}\n#[test] fn unit() {{ assert!(checked::checked()); assert_eq!(text(), \"left.0 base.0 \"); }}",
                library("left", &["base"], 0)
            ),
        )
        .file(
            "left/tests/it.rs",
            "#[test] fn it() { assert_eq!(top::text(), format!(\"top.0 {}\", left::text())); }",
        )
        .file(
            "a/tests/program.rs",
            r#"
                #[test]
                fn program() {
                    let output = std::process::Command::new(env!("CARGO_BIN_EXE_a")).output();
                    assert!(output.unwrap().stdout.starts_with(b"a frozen\ntop."));
                }
            "#,
        )
        .build();
    put_cut(&p, &CUT);
    p.cargo("build --dynamic-deps").run();
    let edits = BTreeMap::new();
    check(&p, &edits);
    check_loaded(&p);
    let programs = || ["a", "b", "c"].map(|bin| fs::read(p.bin(bin)).unwrap());
    let before = programs();
    p.cargo("test --dynamic-deps --workspace")
        .with_stdout_contains("test unit ... ok")
        .with_stdout_contains("test it ... ok")
        .with_stdout_contains("test program ... ok")
        .run();
    assert!(before == programs());
    check(&p, &edits);
    check_loaded(&p);
    for command in ["build", "test --workspace --no-run", "build --all-targets"] {
        p.cargo(&format!("{command} --dynamic-deps -v"))
            .with_stderr_does_not_contain("[..]rustc --crate-name [..]--test[..]")
            .run();
    }
    // After an edit, tests of a crate run its code.
    p.change_file(
        "right/src/lib.rs",
        &format!(
            "{}\n#[test] fn of_right() {{ assert_eq!(text(), \"right.1 base.0 \"); }}",
            library("right", &["base"], 1)
        ),
    );
    p.cargo("test --dynamic-deps -p right")
        .with_stdout_contains("test of_right ... ok")
        .run();
    p.cargo("test --dynamic-deps --workspace")
        .with_stdout_contains("test of_right ... ok")
        .with_stdout_contains("test it ... ok")
        .run();
    p.cargo("build --dynamic-deps").run();
    assert!(stdout(&p.bin("b")).starts_with("b frozen\nright.1 base.0 "));
}

#[cargo_test]
fn programs_that_abort_and_tests_that_unwind() {
    // They have rlibs of their own and one cut.
    let p = cut_workspace();
    let members = p.read_file("Cargo.toml");
    p.change_file(
        "Cargo.toml",
        &format!("{members}[profile.dev]\npanic = 'abort'\n"),
    );
    let caught = "let caught = std::panic";
    for (name, dependencies) in MEMBERS.iter().filter(|(name, _)| name.len() == 1) {
        let main = program(name, dependencies).replace(
            caught,
            "return; #[allow(unreachable_code)] let caught = std::panic",
        );
        let test = "#[test] fn test() { main() } #[test] #[should_panic] fn panics() { panic!() }";
        p.change_file(format!("{name}/src/main.rs"), &format!("{main}\n{test}"));
    }
    let mut edits = BTreeMap::new();
    for library in ["left", "right", "base"] {
        edit(&p, &mut edits, library);
        for _ in 0..2 {
            p.cargo("test --dynamic-deps --workspace")
                .with_stdout_contains("test panics - should panic ... ok")
                .with_stdout_contains("test test ... ok")
                .run();
            p.cargo("build --dynamic-deps").run();
        }
        check(&p, &edits);
        for command in ["test --workspace --no-run", "build"] {
            p.cargo(&format!("{command} --dynamic-deps -v"))
                .with_stderr_does_not_contain("[RUNNING] [..]")
                .run();
        }
    }
}

/// Starts a build in a process group of its own.
fn start(p: &Project, arguments: &str) -> Child {
    let mut cargo = p.cargo(arguments).build_command();
    cargo
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    cargo.spawn().unwrap()
}

#[cargo_test]
fn builds_at_the_same_time() {
    let p = cut_workspace();
    p.cargo("fetch").run();
    let mut edits = BTreeMap::new();
    for library in ["right", "base", "left", "right", "top"] {
        edit(&p, &mut edits, library);
        let builds = ["-p a", "-p b", "--workspace"]
            .map(|selection| start(&p, &format!("build --dynamic-deps {selection}")));
        for mut build in builds {
            assert!(build.wait().unwrap().success(), "{library}");
        }
        check(&p, &edits);
        p.cargo("build --dynamic-deps").run();
        check(&p, &edits);
    }
    assert_eq!(members_of(&p.bin("b"), "local").last().unwrap(), "weight");
}

#[cargo_test]
fn a_build_that_is_killed_at_any_moment() {
    const KILLS: u32 = 10;
    Package::new("added", "1.0.0")
        .file("src/lib.rs", "pub fn added() {}")
        .publish();
    let p = cut_workspace();
    p.cargo("build --dynamic-deps").run();
    let mut edits = BTreeMap::new();
    let prepare = |round: u32, edits: &mut BTreeMap<&'static str, usize>| {
        edit(&p, edits, ["right", "base", "left"][round as usize % 3]);
        // In turns one more pool.
        let added = if round % 2 == 0 {
            "added = '1.0'\n"
        } else {
            ""
        };
        p.change_file(
            "c/Cargo.toml",
            &format!("{}{added}", manifest_of("c", &["base"])),
        );
    };
    prepare(0, &mut edits);
    let begin = Instant::now();
    p.cargo("build --dynamic-deps").run();
    let duration = begin.elapsed();
    for round in 1..=KILLS {
        let before = ["a", "b", "c"].map(|bin| beginning(bin, &edits));
        prepare(round, &mut edits);
        let after = ["a", "b", "c"].map(|bin| beginning(bin, &edits));
        let mut cargo = start(&p, "build --dynamic-deps");
        let process_group = cargo.id();
        sleep_ms((duration * round / KILLS).as_millis() as u64);
        if cargo.try_wait().unwrap().is_none() {
            super::integrity::kill(&format!("-{process_group}"));
        }
        cargo.wait().unwrap();
        while super::integrity::is_alive(process_group) {
            sleep_ms(10);
        }
        for (index, bin) in ["a", "b", "c"].into_iter().enumerate() {
            let output = stdout(&p.bin(bin));
            assert!(
                output.starts_with(&before[index]) || output.starts_with(&after[index]),
                "{round}: {output}"
            );
        }
        p.cargo("build --dynamic-deps").run();
        check(&p, &edits);
        let mut temporary = unit_files(&p);
        temporary.retain(|path| is_hidden(path));
        assert!(temporary.is_empty(), "{round}: {temporary:?}");
    }
    check_loaded(&p);
}
