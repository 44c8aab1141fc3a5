//! Parts: an edit of local code links what it recompiled, and an executable loads what it reaches.
//!
//! The workspaces here are small, and would be one part. So a cut is put into the target directory
//! before the first build, as an earlier build would have left it. A plan keeps a cut while its parts
//! are at most twice as many as the size of the libraries asks for: `weight` sees to that.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, ProjectBuilder, project, sleep_ms};
use serde_json::json;

use super::{contents, groups_of, linked_groups, manifest, members_of, objects_of, stdout, text};

/// A library that is as large as a part should be, and as little work as can be.
const WEIGHT: &str = "pub static WEIGHT: [u8; 20 << 20] = [1; 20 << 20];";

/// A workspace of libraries, of which each prints what it and its dependencies have to say:
/// `base` over `weight`, `left` and `right` over `base`, `top` over `left`. The program `a` has
/// `top`, `b` has `right`, `c` has `base`, and each has `frozen` of the registry.
fn workspace() -> ProjectBuilder {
    Package::new("frozen", "1.0.0")
        .file("src/lib.rs", "pub fn name() -> &'static str { \"frozen\" }")
        .publish();
    let members = MEMBERS.map(|(name, _)| format!("'{name}'")).join(", ");
    let mut builder = project().file(
        "Cargo.toml",
        &format!("[workspace]\nmembers = [{members}]\nresolver = '2'\n"),
    );
    for (name, dependencies) in MEMBERS {
        builder = builder.file(
            format!("{name}/Cargo.toml"),
            &manifest_of(name, dependencies),
        );
        builder = match dependencies {
            [] => builder.file(format!("{name}/src/lib.rs"), WEIGHT),
            _ if name.len() == 1 => {
                builder.file(format!("{name}/src/main.rs"), &program(name, dependencies))
            }
            _ => builder.file(
                format!("{name}/src/lib.rs"),
                &library(name, dependencies, 0),
            ),
        };
    }
    builder
}

/// The packages of [`workspace`] with their dependencies.
const MEMBERS: [(&str, &[&str]); 8] = [
    ("weight", &[]),
    ("base", &["weight"]),
    ("left", &["base"]),
    ("right", &["base"]),
    ("top", &["left"]),
    ("a", &["top"]),
    ("b", &["right"]),
    ("c", &["base"]),
];

fn manifest_of(name: &str, dependencies: &[&str]) -> String {
    let dependencies = dependencies.iter();
    let lines: String = dependencies
        .map(|dependency| format!("{dependency} = {{ path = '../{dependency}' }}\n"))
        .collect();
    let lines = if name.len() == 1 {
        format!("{lines}frozen = '1.0'\n")
    } else {
        lines
    };
    manifest(name, &format!("[dependencies]\n{lines}"))
}

/// A library after that many edits. What it shows to those above changes its size with each edit:
/// functions, statics, generic code, the layout of a type.
fn library(name: &str, dependencies: &[&str], edit: usize) -> String {
    let calls = dependencies.iter().filter(|name| **name != "weight");
    let calls: Vec<&str> = calls.copied().collect();
    let texts = calls.iter().map(|name| format!("text.push_str(&{name}::text());"));
    let counts = calls.iter().map(|name| format!("+ {name}::count(1u8)"));
    let weight = match dependencies {
        ["weight"] => "pub fn weight() -> u8 { weight::WEIGHT[17] }",
        _ => "",
    };
    format!(
        r#"
            use std::cell::Cell;
            use std::sync::atomic::{{AtomicUsize, Ordering::SeqCst}};

            pub static COUNT: AtomicUsize = AtomicUsize::new({edit});
            pub static TABLE: [fn() -> String; {length}] = [text; {length}];
            thread_local! {{ pub static LOCAL: Cell<usize> = const {{ Cell::new({edit}) }}; }}

            pub struct Value {{ pub before: [u64; {length}], pub text: &'static str }}
            pub trait Says {{ fn says(&self) -> String {{ "{name} says {edit} ".into() }} }}
            impl Says for Value {{}}

            #[inline(never)]
            pub fn value() -> Value {{ Value {{ before: [1; {length}], text: "{name}.{edit} " }} }}
            pub fn says() -> Box<dyn Says> {{ Box::new(value()) }}
            pub fn count<T: Into<usize>>(by: T) -> usize {{
                LOCAL.set(LOCAL.get() + 1);
                COUNT.fetch_add(by.into(), SeqCst) {counts}
            }}
            pub fn text() -> String {{
                #[allow(unused_mut)]
                let mut text = String::from(value().text);
                {texts}
                text
            }}
            {weight}
        "#,
        length = edit % 3 + 1,
        texts = texts.collect::<String>(),
        counts = counts.collect::<String>(),
    )
}

fn program(name: &str, dependencies: &[&str]) -> String {
    let uses = dependencies.iter().map(|library| {
        format!(
            r#"
                println!("{{}}{{}}", {library}::text(), {library}::says().says());
                println!("{{}} {{}}", {library}::count(2u16), {library}::count(3u16));
                println!("{{}} {{}}", {library}::LOCAL.get(), {library}::value().before.len());
                let same = {library}::TABLE[0] as usize == {library}::text as fn() -> String as usize;
                println!("{{same}}");
                let caught = std::panic::catch_unwind(|| {{
                    assert!({library}::text().is_empty(), "{{}}", {library}::text())
                }});
                println!("{{}}", caught.unwrap_err().downcast_ref::<String>().unwrap());
            "#
        )
    });
    format!(
        "fn main() {{ println!(\"{name} {{}}\", frozen::name()); {} }}",
        uses.collect::<String>()
    )
}

/// Makes an edit of a library, and remembers that.
fn edit(p: &Project, edits: &mut BTreeMap<&'static str, usize>, name: &'static str) {
    let (_, dependencies) = MEMBERS.iter().find(|(member, _)| *member == name).unwrap();
    let edit = edits.entry(name).or_default();
    *edit += 1;
    p.change_file(
        format!("{name}/src/lib.rs"),
        &library(name, dependencies, *edit),
    );
}

/// What the first lines of a program are after these edits.
fn beginning(program: &str, edits: &BTreeMap<&'static str, usize>) -> String {
    let text = |name: &str| {
        let edit = edits.get(name).copied().unwrap_or_default();
        format!("{name}.{edit} ")
    };
    let (library, libraries): (&str, &[&str]) = match program {
        "a" => ("top", &["top", "left", "base"]),
        "b" => ("right", &["right", "base"]),
        _ => ("base", &["base"]),
    };
    let texts: String = libraries.iter().map(|name| text(name)).collect();
    let edit = edits.get(library).copied().unwrap_or_default();
    format!("{program} frozen\n{texts}{library} says {edit} \n")
}

/// The cut of [`workspace`]: part 1 has `weight`, 2 `base`, 3 `left` and `right`, 4 `top`.
const CUT: [&[&str]; 4] = [&["weight"], &["base"], &["left", "right"], &["top"]];

/// Puts a cut into the target directory.
fn put_cut(p: &Project, parts: &[&[&str]]) {
    let id = |name: &&str| format!("{name} v1.0.0 ({})", p.root().join(name).display());
    let parts = parts.iter().map(|part| {
        let names = part.iter();
        names
            .map(|name| (id(name), if *name == "weight" { 20 << 20 } else { 1 << 16 }))
            .collect::<BTreeMap<String, u64>>()
    });
    let records = records(p);
    fs::create_dir_all(&records).unwrap();
    let parts: Vec<_> = parts.collect();
    fs::write(records.join("cut.json"), json!(parts).to_string()).unwrap();
}

fn records(p: &Project) -> PathBuf {
    p.target_debug_dir().join("deps/dynamic-deps")
}

/// [`workspace`] with [`CUT`].
fn cut_workspace() -> Project {
    let p = workspace().build();
    put_cut(&p, &CUT);
    p
}

/// What a build did for each part, as those see it who trace it: `local part 2: linked`.
#[track_caller]
fn steps(p: &Project, arguments: &str) -> Vec<String> {
    let output = p
        .cargo(arguments)
        .env("CARGO_LOG", "cargo::core::compiler::dynamic_deps=debug")
        .run();
    let mut steps: Vec<String> = text(&output.stderr)
        .lines()
        .filter_map(|line| {
            let (part, rest) = line.split_once("group local part ")?.1.split_once(": ")?;
            let step = ["was linked", "was bound anew", "is on disk"];
            let step = step.into_iter().find(|step| rest.contains(step))?;
            Some(format!("part {part} {step}"))
        })
        .collect();
    steps.sort();
    steps
}

/// Checks what the programs print against their static twins, which are built in another
/// directory, and that each loads the parts that it reaches.
#[track_caller]
fn check(p: &Project, edits: &BTreeMap<&'static str, usize>) {
    p.cargo("build --no-dynamic-deps --target-dir static").run();
    for program in ["a", "b", "c"] {
        let of_dynamic = stdout(&p.bin(program));
        let of_static = stdout(&p.root().join("static/debug").join(program));
        assert_eq!(of_dynamic, of_static, "{program}");
        let beginning = beginning(program, edits);
        assert!(of_dynamic.starts_with(&beginning), "{of_dynamic}{beginning}");
        assert_eq!(
            groups_of(&p.bin(program)),
            ["local", "frozen", "sysroot"],
            "{program}"
        );
    }
}

#[track_caller]
fn check_loaded(p: &Project) {
    // Dependents first.
    let parts: Vec<&[&str]> = CUT.into_iter().rev().collect();
    assert_eq!(objects_of(&p.bin("a"), "local"), parts);
    assert_eq!(objects_of(&p.bin("b"), "local"), parts[1..]);
    assert_eq!(objects_of(&p.bin("c"), "local"), parts[2..]);
}

#[cargo_test]
fn an_edit_links_its_part() {
    let p = cut_workspace();
    assert_eq!(
        linked_groups(&p, "build --dynamic-deps -v"),
        [
            "frozen pool 1",
            "local part 1",
            "local part 2",
            "local part 3",
            "local part 4",
            "sysroot"
        ]
    );
    let mut edits = BTreeMap::new();
    check(&p, &edits);
    check_loaded(&p);

    edit(&p, &mut edits, "top");
    assert_eq!(
        steps(&p, "build --dynamic-deps"),
        ["part 4 was linked"]
    );
    check(&p, &edits);

    // `top` does not depend on `right`, so it only follows the layout of the part of that.
    edit(&p, &mut edits, "right");
    assert_eq!(
        steps(&p, "build --dynamic-deps"),
        ["part 3 was linked", "part 4 was bound anew"]
    );
    check(&p, &edits);

    edit(&p, &mut edits, "left");
    assert_eq!(
        steps(&p, "build --dynamic-deps"),
        ["part 3 was linked", "part 4 was linked"]
    );
    check(&p, &edits);

    edit(&p, &mut edits, "base");
    assert_eq!(
        steps(&p, "build --dynamic-deps"),
        ["part 2 was linked", "part 3 was linked", "part 4 was linked"]
    );
    check(&p, &edits);
    check_loaded(&p);

    // An edit of a program links no group.
    let main = p.read_file("a/src/main.rs");
    p.change_file("a/src/main.rs", &format!("{main} // edited"));
    assert!(linked_groups(&p, "build --dynamic-deps -v").is_empty());
    check(&p, &edits);
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .run();
}

#[cargo_test]
fn a_part_that_is_bound_anew_is_as_if_it_was_linked() {
    let p = cut_workspace();
    p.cargo("build --dynamic-deps").run();
    let mut edits = BTreeMap::new();
    for _ in 0..5 {
        edit(&p, &mut edits, "right");
        assert_eq!(
            steps(&p, "build --dynamic-deps"),
            ["part 3 was linked", "part 4 was bound anew"]
        );
        check(&p, &edits);
    }
    let read = || {
        let files = contents(&p, "local").into_iter();
        files
            .map(|path| (path.clone(), without_build_id(fs::read(path).unwrap())))
            .collect::<BTreeMap<_, _>>()
    };
    let bound = read();
    for path in super::group_files(&p, "local") {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(
        steps(&p, "build --dynamic-deps"),
        [1, 2, 3, 4].map(|part| format!("part {part} was linked"))
    );
    let linked = read();
    for (path, bytes) in &linked {
        assert!(bound.get(path) == Some(bytes), "{}", path.display());
    }
    check(&p, &edits);
}

/// The bytes of a shared object, with zeros in the place of its build id, which stays when it is
/// bound anew.
fn without_build_id(mut bytes: Vec<u8>) -> Vec<u8> {
    // The header of the note: the sizes of name and id, the type, the name.
    let header = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
    let mut windows = bytes.windows(header.len());
    if let Some(at) = windows.position(|window| window == header) {
        bytes[at + header.len()..][..0x14].fill(0);
    }
    bytes
}

#[cargo_test]
fn what_a_part_keeps_to_be_bound_anew_is_lost() {
    let p = cut_workspace();
    p.cargo("build --dynamic-deps").run();
    let mut edits = BTreeMap::new();
    for content in [None, Some(""), Some("{}"), Some("no such thing")] {
        edit(&p, &mut edits, "right");
        let mut unbound = super::group_files(&p, "local");
        unbound.retain(|path| path.extension().is_some_and(|extension| extension == "unbound"));
        assert!(!unbound.is_empty());
        for path in unbound {
            match content {
                None => fs::remove_file(path).unwrap(),
                Some(content) => fs::write(path, content).unwrap(),
            }
        }
        assert_eq!(
            steps(&p, "build --dynamic-deps"),
            ["part 3 was linked", "part 4 was linked"]
        );
        check(&p, &edits);
    }
}

#[cargo_test]
fn edits_in_any_order() {
    let p = cut_workspace();
    p.cargo("build --dynamic-deps").run();
    let mut edits = BTreeMap::new();
    // Two libraries at once, in all pairs, and each alone.
    let libraries = ["base", "left", "right", "top"];
    for (index, first) in libraries.into_iter().enumerate() {
        for second in &libraries[index..] {
            edit(&p, &mut edits, first);
            edit(&p, &mut edits, second);
            p.cargo("build --dynamic-deps").run();
            check(&p, &edits);
        }
    }
    check_loaded(&p);
}

#[cargo_test]
fn an_executable_that_was_not_built_again_runs_its_own_code() {
    let p = cut_workspace();
    p.cargo("build --dynamic-deps").run();
    let before = stdout(&p.bin("a"));
    let mut edits = BTreeMap::new();
    for library in ["right", "base", "left", "right"] {
        edit(&p, &mut edits, library);
        p.cargo("build --dynamic-deps -p b -p c").run();
        assert!(stdout(&p.bin("b")).starts_with(&beginning("b", &edits)));
        assert!(stdout(&p.bin("c")).starts_with(&beginning("c", &edits)));
        assert_eq!(stdout(&p.bin("a")), before, "{library}");
    }
    p.cargo("build --dynamic-deps").run();
    check(&p, &edits);
    // `b` was linked when its selection had no `left`. What nobody needs any more goes.
    edit(&p, &mut edits, "base");
    p.cargo("build --dynamic-deps").run();
    edit(&p, &mut edits, "base");
    p.cargo("build --dynamic-deps").run();
    let number = contents(&p, "local").len();
    // Those of this build, and the three that changed, which the executables needed until they
    // were linked.
    assert!(number <= 7, "{number}");
    check(&p, &edits);
    check_loaded(&p);
}

#[cargo_test]
fn a_selection_links_what_it_lacks() {
    let p = cut_workspace();
    p.cargo("build --dynamic-deps -p c").run();
    assert_eq!(
        objects_of(&p.bin("c"), "local"),
        [["base"], ["weight"]]
    );
    assert_eq!(
        steps(&p, "build --dynamic-deps -p b"),
        ["part 3 was linked"]
    );
    assert_eq!(
        objects_of(&p.bin("b"), "local"),
        [["right"], ["base"], ["weight"]]
    );
    p.cargo("build --dynamic-deps").run();
    let edits = BTreeMap::new();
    check(&p, &edits);
    for selection in ["-p a", "-p b", "-p c", "--workspace"] {
        p.cargo(&format!("build --dynamic-deps -v {selection}"))
            .with_stderr_does_not_contain("[..]rustc [..]")
            .run();
    }
    check(&p, &edits);
}

#[cargo_test]
fn a_broken_crate_keeps_only_its_dependents_from_being_built() {
    let p = cut_workspace();
    let mut edits = BTreeMap::new();
    // In one part with `left`, which `a` needs, and alone in a part; from nothing and over a build.
    for (broken, programs) in [
        ("right", ["a", "c"]),
        ("top", ["b", "c"]),
        ("right", ["a", "c"]),
    ] {
        edit(&p, &mut edits, "base");
        let whole = p.read_file(format!("{broken}/src/lib.rs"));
        p.change_file(format!("{broken}/src/lib.rs"), "broken");
        for _ in 0..2 {
            p.cargo("build --dynamic-deps --keep-going")
                .with_status(101)
                .with_stderr_contains(format!(
                    "[ERROR] could not compile `{broken}` (lib) due to 1 previous error"
                ))
                .run();
            for program in programs {
                let output = stdout(&p.bin(program));
                assert!(output.starts_with(&beginning(program, &edits)), "{output}");
                assert_eq!(
                    groups_of(&p.bin(program)),
                    ["local", "frozen", "sysroot"],
                    "{broken} {program}"
                );
            }
        }
        // A program that was built loads a part without the broken crate, and goes on with that.
        p.change_file(format!("{broken}/src/lib.rs"), &whole);
        p.cargo("build --dynamic-deps").run();
        check(&p, &edits);
        edit(&p, &mut edits, "base");
        p.cargo("build --dynamic-deps").run();
        check(&p, &edits);
        check_loaded(&p);
        p.cargo("build --dynamic-deps -v")
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
    }
}

#[cargo_test]
fn a_crate_that_is_added() {
    let p = cut_workspace();
    p.cargo("build --dynamic-deps").run();
    let add = |name: &str, dependencies: &[&str]| {
        p.change_file(format!("{name}/Cargo.toml"), &manifest_of(name, dependencies));
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
    let twice: [&[&str]; 3] = [&["weight", "base"], &["base", "top"], &["left", "right", "top"]];
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
    p.change_file("Cargo.toml", &format!("{members}[profile.dev]\npanic = 'abort'\n"));
    let caught = "let caught = std::panic";
    for (name, dependencies) in MEMBERS.iter().filter(|(name, _)| name.len() == 1) {
        let main = program(name, dependencies).replace(caught, "return; #[allow(unreachable_code)] let caught = std::panic");
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
        let added = if round % 2 == 0 { "added = '1.0'\n" } else { "" };
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
        let files = fs::read_dir(p.target_debug_dir().join("deps")).unwrap();
        let temporary: Vec<_> = files
            .map(|file| file.unwrap().file_name())
            .filter(|name| name.to_str().unwrap().starts_with('.'))
            .collect();
        assert!(temporary.is_empty(), "{round}: {temporary:?}");
    }
    check_loaded(&p);
}
