//! The workspace of `parts` and `cuts`.
//!
//! It is small, and would be one part. So the tests put a cut into the target directory before the
//! first build, as an earlier build would have left it. A plan keeps a cut while its parts are at most
//! twice as many as the size of the libraries asks for: `weight` sees to that.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, ProjectBuilder, project};
use serde_json::json;

use super::{groups_of, manifest, objects_of, stdout, text};

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
