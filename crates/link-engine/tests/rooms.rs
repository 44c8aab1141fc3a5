//! Checks the rules of the house on the sources: which room may use which, and how long a file may
//! be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of this crate. Each may use those before it.
const ROOMS: [&str; 9] = [
    "system",
    "elf",
    "rlib",
    "line",
    "finish",
    "stub",
    "record",
    "group",
    "executable",
];

const MOST_LINES: usize = 400;

fn root() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.ancestors().nth(2).unwrap().to_owned()
}

/// The Rust files in a directory and those below it, by their paths from it.
fn files(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path.strip_prefix(directory).unwrap().to_owned(), text);
            }
        }
    }
    assert!(!found.is_empty(), "no source in `{}`", directory.display());
    found
}

/// The code of a file, without comments and without unit tests, which end it.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// The first segments after `prefix` in paths: `a` and `b` in `crate::a::X` and `crate::{b::Y}`.
fn first_segments(code: &str, prefix: &str) -> BTreeSet<String> {
    let name = |text: &str| {
        let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        text.trim_start()
            .chars()
            .take_while(is_part)
            .collect::<String>()
    };
    let mut found = BTreeSet::new();
    for (index, _) in code.match_indices(prefix) {
        let rest = &code[index + prefix.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(name(rest));
            continue;
        };
        let mut depth = 1;
        let mut item = String::new();
        for c in list.chars() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if depth == 0 {
                break;
            }
            if c == ',' && depth == 1 {
                found.insert(name(&item));
                item.clear();
            } else {
                item.push(c);
            }
        }
        found.insert(name(&item));
    }
    found
}

#[test]
fn paths_are_read() {
    let code = "use crate::a::B;\nuse crate::{c::{D, E},\n f};\ncrate::g::h()";
    let expected = ["a", "c", "f", "g"].map(str::to_owned).into();
    assert_eq!(first_segments(code, "crate::"), expected);
}

#[test]
fn a_room_uses_those_before_it_only() {
    for (path, text) in files(&root().join("crates/link-engine/src")) {
        let Some(room) = path.parent().and_then(|parent| parent.iter().next()) else {
            continue;
        };
        let number = ROOMS.iter().position(|name| **name == *room);
        let number = number.unwrap_or_else(|| panic!("`{}` is in no known room", path.display()));
        for used in first_segments(&code(&text), "crate::") {
            let other = ROOMS.iter().position(|name| *name == used);
            assert!(
                other.is_none_or(|other| other <= number),
                "`{}` uses the room `{used}`, which comes later\n\
                 help: move what both need to an earlier room, or what uses it to a later one",
                path.display()
            );
        }
    }
}

#[test]
fn the_files_of_cargo_know_each_other_in_one_direction() {
    let directory = root().join("src/cargo/core/compiler/dynamic_deps");
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in files(&directory) {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name != "mod" {
            uses.insert(name, first_segments(&code(&text), "super::"));
        }
    }
    // Takes out modules that use no remaining one, until none remains, or a circle.
    loop {
        let names: BTreeSet<String> = uses.keys().cloned().collect();
        let before = uses.len();
        uses.retain(|_, used| !used.is_disjoint(&names));
        if uses.len() == before {
            break;
        }
    }
    let circle: Vec<_> = uses.keys().collect();
    assert!(circle.is_empty(), "there is a circle among {circle:?}");
}

#[test]
fn no_file_is_long() {
    for directory in ["crates/link-engine", "crates/link-plan", "src"] {
        for (path, text) in files(&root().join(directory)) {
            let lines = text.lines().count();
            assert!(
                lines <= MOST_LINES,
                "`{directory}/{}` has {lines} lines, and {MOST_LINES} are enough",
                path.display()
            );
        }
    }
}
