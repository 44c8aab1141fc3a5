//! Parts: an edit of local code links what it recompiled, and an executable loads what it reaches.

use std::collections::BTreeMap;
use std::fs;

use crate::prelude::*;

use super::cut_workspace::{beginning, check, check_loaded, cut_workspace, edit, steps};
use super::{brings_linker, contents, groups_of, linked_groups, objects_of, stdout};

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
    // The order in which GNU ld, or an older lld, writes symbols depends on all that it reads.
    if brings_linker() {
        for (path, bytes) in &linked {
            assert!(bound.get(path) == Some(bytes), "{}", path.display());
        }
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
