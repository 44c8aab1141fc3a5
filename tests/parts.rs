//! Parts: an edit of local code links what it recompiled, and an executable loads what it reaches.
//!
//! The workspaces here are small, and would be one part. So the tests put a cut into the target
//! directory before the first build, as an earlier build would have left it. A plan keeps a cut
//! while its parts are at most twice as many as the size of the libraries asks for: `weight` sees
//! to that.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, ProjectBuilder, project};
use serde_json::json;

use super::{contents, groups_of, linked_groups, manifest, objects_of, stdout, text};

/// A library that is as large as a part should be, and as little work as can be.
const WEIGHT: &str = "pub static WEIGHT: [u8; 20 << 20] = [1; 20 << 20];";

/// A workspace of libraries, of which each prints what it and its dependencies have to say:
/// `base` over `weight`, `left` and `right` over `base`, `top` over `left`. The program `a` has
/// `top`, `b` has `right`, `c` has `base`, and each has `frozen` of the registry.
pub(super) fn workspace() -> ProjectBuilder {
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
pub(super) const MEMBERS: [(&str, &[&str]); 8] = [
    ("weight", &[]),
    ("base", &["weight"]),
    ("left", &["base"]),
    ("right", &["base"]),
    ("top", &["left"]),
    ("a", &["top"]),
    ("b", &["right"]),
    ("c", &["base"]),
];

pub(super) fn manifest_of(name: &str, dependencies: &[&str]) -> String {
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
pub(super) fn library(name: &str, dependencies: &[&str], edit: usize) -> String {
    let calls = dependencies.iter().filter(|name| **name != "weight");
    let calls: Vec<&str> = calls.copied().collect();
    let texts = calls
        .iter()
        .map(|name| format!("text.push_str(&{name}::text());"));
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

pub(super) fn program(name: &str, dependencies: &[&str]) -> String {
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
pub(super) fn edit(p: &Project, edits: &mut BTreeMap<&'static str, usize>, name: &'static str) {
    let (_, dependencies) = MEMBERS.iter().find(|(member, _)| *member == name).unwrap();
    let edit = edits.entry(name).or_default();
    *edit += 1;
    p.change_file(
        format!("{name}/src/lib.rs"),
        &library(name, dependencies, *edit),
    );
}

/// The first lines of a program's output after these edits.
pub(super) fn beginning(program: &str, edits: &BTreeMap<&'static str, usize>) -> String {
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
pub(super) const CUT: [&[&str]; 4] = [&["weight"], &["base"], &["left", "right"], &["top"]];

/// Puts a cut into the target directory.
pub(super) fn put_cut(p: &Project, parts: &[&[&str]]) {
    let id = |name: &&str| format!("{name} v1.0.0 ({name})");
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

pub(super) fn records(p: &Project) -> PathBuf {
    p.target_debug_dir().join("deps/dynamic-deps")
}

/// [`workspace`] with [`CUT`].
pub(super) fn cut_workspace() -> Project {
    let p = workspace().build();
    put_cut(&p, &CUT);
    p
}

/// The steps of a build for each part, as a trace shows them: `local part 2: linked`.
#[track_caller]
pub(super) fn steps(p: &Project, arguments: &str) -> Vec<String> {
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
pub(super) fn check(p: &Project, edits: &BTreeMap<&'static str, usize>) {
    p.cargo("build --no-dynamic-deps --target-dir static").run();
    for program in ["a", "b", "c"] {
        let of_dynamic = stdout(&p.bin(program));
        let of_static = stdout(&p.root().join("static/debug").join(program));
        assert_eq!(of_dynamic, of_static, "{program}");
        let beginning = beginning(program, edits);
        assert!(
            of_dynamic.starts_with(&beginning),
            "{of_dynamic}{beginning}"
        );
        assert_eq!(
            groups_of(&p.bin(program)),
            ["local", "frozen", "sysroot"],
            "{program}"
        );
    }
}

#[track_caller]
pub(super) fn check_loaded(p: &Project) {
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
    assert_eq!(steps(&p, "build --dynamic-deps"), ["part 4 was linked"]);
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
        [
            "part 2 was linked",
            "part 3 was linked",
            "part 4 was linked"
        ]
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
        unbound.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "unbound")
        });
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
    assert_eq!(objects_of(&p.bin("c"), "local"), [["base"], ["weight"]]);
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
