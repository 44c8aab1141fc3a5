//! Tests: however the members of an archive are divided, they show the same facts; a copy of a file is
//! told from another file.

use std::fs;
use std::process::Command;

use proptest::prelude::*;

use super::facts::{Seen, members};
use super::{RlibFacts, Stamp};

/// C sources with something of each fact; the references of one are definitions of another.
const SOURCES: [&str; 6] = [
    "int a(void); int b(void) { return a(); }",
    "__attribute__((visibility(\"hidden\"))) int a(void) { return 1; } int own;",
    "__attribute__((weak)) int a(void); __attribute__((weak)) int hook(void) { return !a; }",
    "__attribute__((constructor)) static void start(void) {} extern char end[]; char *e = end;",
    "__attribute__((section(\"gathered\"))) int element; __attribute__((weak)) int weak;",
    "__attribute__((visibility(\"hidden\"))) extern int b(void); int call(void) { return b(); }",
];

/// The objects of the sources, and one that is none.
fn objects() -> Vec<Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let compile = |source: &&str| {
        let [file, object] = ["s.c", "s.o"].map(|name| directory.path().join(name));
        fs::write(&file, source).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-c", "-fPIC", "-o"]).args([&object, &file]);
        assert!(cc.status().unwrap().success());
        fs::read(object).unwrap()
    };
    let mut objects: Vec<_> = SOURCES.iter().map(compile).collect();
    objects.push(b"no object!".to_vec());
    objects
}

/// An archive of these objects, some with names as rustc gives them.
fn archive(objects: &[&(usize, bool)], contents: &[Vec<u8>]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (object, is_rust) in objects {
        let name = if *is_rust { "a.rcgu.o/" } else { "a.o/" };
        let content = &contents[*object];
        let header = format!("{name:<16}{:<32}{:<10}`\n", "", content.len());
        archive.extend(header.bytes());
        archive.extend(content);
        archive.resize(archive.len().next_multiple_of(2), b'\n');
    }
    archive
}

#[test]
fn runs_of_members_show_what_all_show() {
    let contents = objects();
    let objects = prop::collection::vec((0..contents.len(), any::<bool>()), 0..12);
    let cuts = prop::collection::vec(0..12_usize, 0..4);
    proptest!(|(objects in objects, mut cuts in cuts)| {
        let objects: Vec<_> = objects.iter().collect();
        let archive = archive(&objects, &contents);
        let members = members(&archive).unwrap();
        cuts.push(members.len());
        cuts.sort();
        let mut divided = Seen::default();
        let mut start = 0;
        for end in cuts.into_iter().map(|end| end.min(members.len())) {
            divided.add(Seen::of(&members[start..end]));
            start = end;
        }
        let whole = RlibFacts::parse(&archive).unwrap();
        prop_assert_eq!(divided.into_facts(&members), whole);
    });
}

#[test]
fn an_archive_beside_an_rlib_shows_what_it_would_show_inside() {
    let contents = objects();
    let objects = prop::collection::vec(0..contents.len(), 0..6);
    proptest!(|(inside in objects.clone(), beside in objects)| {
        let facts = |numbers: &[usize]| {
            let objects: Vec<(usize, bool)> = numbers.iter().map(|number| (*number, false)).collect();
            let objects: Vec<_> = objects.iter().collect();
            RlibFacts::parse(&archive(&objects, &contents)).unwrap()
        };
        let mut rlib = facts(&inside);
        let places = (rlib.hidden_definitions.clone(), rlib.hidden_references.clone());
        rlib.add_archive(&facts(&beside));
        prop_assert_eq!((&rlib.hidden_definitions, &rlib.hidden_references), (&places.0, &places.1));
        let mut all = facts(&[inside, beside].concat());
        (all.hidden_definitions, all.hidden_references) = places;
        // On its own, neither shows a strong reference to its own definition.
        let weak = std::mem::take(&mut all.weak_references_to_itself);
        prop_assert!(weak.is_subset(&rlib.weak_references_to_itself));
        rlib.weak_references_to_itself.clear();
        prop_assert_eq!(rlib, all);
    });
}

#[test]
fn copies_have_the_same_size_and_time() {
    let stamp = |size, modified, inode| Stamp {
        size,
        modified,
        inode,
    };
    let file = stamp(8, 5_000_000_001, 1);
    assert!(stamp(8, 5_000_000_001, 2).may_be_copy(&file));
    assert!(stamp(8, 5_000_000_000, 2).may_be_copy(&file));
    assert!(file.may_be_copy(&stamp(8, 5_000_000_000, 2)));
    assert!(!stamp(9, 5_000_000_001, 1).may_be_copy(&file));
    assert!(!stamp(8, 5_000_000_002, 1).may_be_copy(&file));
    assert!(!stamp(8, 6_000_000_000, 1).may_be_copy(&file));
}
