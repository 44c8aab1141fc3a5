//! Constructors of Rust code: a group holds them and runs none of them.

mod programs;
mod workshop;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

use link_engine::for_tests::Constructor;
use link_engine::for_tests::RlibFacts;
use link_engine::for_tests::constructors::hand_over_patches;
use link_engine::for_tests::{Wanted, write_stub};
use workshop::{Workshop, run, soname, with_each_linker};

/// Two entries in one section, one with a priority, and code that shows whether they ran.
const LIBRARY: &str = r#"
    use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
    static STARTED: AtomicI32 = AtomicI32::new(0);
    extern "C" fn one() { STARTED.fetch_add(1, Relaxed); }
    extern "C" fn ten() { STARTED.fetch_add(10, Relaxed); }
    #[used] #[link_section = ".init_array"] static ONE: extern "C" fn() = one;
    #[used] #[link_section = ".init_array"] static TEN: extern "C" fn() = ten;
    #[used] #[link_section = ".init_array.00099"] static FIRST: extern "C" fn() = one;
    #[no_mangle] pub extern "C" fn started() -> i32 { STARTED.load(Relaxed) }
"#;

const PROGRAM: &str = "#include <stdio.h>
    int started(void);
    int main(void) { printf(\"%d\\n\", started()); return 0; }";

fn facts(workshop: &Workshop, source: &str) -> RlibFacts {
    let library = workshop.library("library", source);
    RlibFacts::read(&library.rlib).unwrap().0
}

fn sections(constructors: &[Constructor]) -> Vec<&str> {
    let mut sections: Vec<_> = constructors.iter().map(|one| &*one.section).collect();
    sections.sort_unstable();
    sections
}

#[test]
fn entries_of_rust_code_are_understood() {
    let workshop = Workshop::new();
    let facts = facts(&workshop, LIBRARY);
    assert!(!facts.runs_by_itself);
    assert_eq!(
        sections(&facts.constructors),
        [".init_array", ".init_array", ".init_array.00099"]
    );
    for entry in ["ONE", "TEN", "FIRST"] {
        let mut constructors = facts.constructors.iter();
        assert!(constructors.any(|one| one.entry.contains(entry)), "{entry}");
    }
}

#[test]
fn what_is_not_understood_keeps_its_library_in_the_executable() {
    let workshop = Workshop::new();
    #[track_caller]
    fn check(workshop: &Workshop, source: &str) {
        let facts = facts(workshop, source);
        assert!(facts.runs_by_itself, "{source}");
    }
    // A destructor.
    check(
        &workshop,
        "extern \"C\" fn end() {}
         #[used] #[link_section = \".fini_array\"] static END: extern \"C\" fn() = end;",
    );
    // Two functions in one entry.
    check(
        &workshop,
        "extern \"C\" fn start() {}
         #[used] #[link_section = \".init_array\"]
         static BOTH: [extern \"C\" fn(); 2] = [start, start];",
    );
    // A name that another library could use too.
    check(
        &workshop,
        "extern \"C\" fn start() {}
         #[used] #[no_mangle] #[link_section = \".init_array\"]
         pub static START: extern \"C\" fn() = start;",
    );
    // A function of C.
    check(
        &workshop,
        "extern \"C\" { fn start(); }
         #[used] #[link_section = \".init_array\"]
         static START: unsafe extern \"C\" fn() = start;",
    );
    // Another list.
    check(
        &workshop,
        "extern \"C\" fn start() {}
         #[used] #[link_section = \".ctors\"] static START: extern \"C\" fn() = start;",
    );
}

#[track_caller]
fn check_group(linker: &[OsString]) {
    let workshop = Workshop::new();
    workshop.add_link_args(linker);
    let job = workshop.job(vec![workshop.library("library", LIBRARY)]);
    let (manifest, _) = run(&job);
    let constructors = &manifest.objects[0].members[0].constructors;
    assert_eq!(constructors.len(), 3);
    assert!(constructors.iter().all(|one| one.distance != 0));
    // The second run reads the files of the first.
    assert_eq!(run(&job), (manifest.clone(), 0));

    let group = job.files.content(soname(&manifest));
    // Without a stub, `started` would be private.
    let stub = workshop.path("stub.so");
    assert!(write_stub(&group, soname(&manifest), Wanted::All.into(), &[], &stub).unwrap());
    let mut run_path = OsString::from("-Wl,-rpath,");
    run_path.push(workshop.directory.path());
    let program = workshop.cc("program", PROGRAM, &[stub.into(), run_path]);
    assert_eq!(programs::run(&mut Command::new(&program)), "0\n");

    // The entries of the compiler driver stay.
    let dynamic = programs::run(Command::new("readelf").arg("-dW").arg(&group));
    let size = dynamic.lines().find(|line| line.contains("INIT_ARRAYSZ"));
    assert!(
        size.is_some_and(|line| line.contains(" 8 (bytes)")),
        "{dynamic}"
    );
}

#[test]
fn a_group_runs_no_constructor() {
    with_each_linker("a_group_runs_no_constructor", check_group);
}

#[test]
fn a_list_that_is_not_understood_is_not_cut() {
    let workshop = Workshop::new();
    let library = workshop.library("library", LIBRARY);
    let facts = RlibFacts::read(&library.rlib).unwrap().0;
    // It is linked by hand and has no layout, so nobody knows addresses in it.
    let shared = workshop.path("whole.so");
    programs::run(
        Command::new("cc")
            .args(["-shared", "-Wl,--hash-style=gnu", "-Wl,--whole-archive"])
            .arg(&library.rlib)
            .arg("-Wl,--no-whole-archive")
            .arg("-o")
            .arg(&shared),
    );
    let data = fs::read(shared).unwrap();
    let entries: HashSet<&str> = facts.constructors.iter().map(|one| &*one.entry).collect();
    assert_eq!(hand_over_patches(&data, &entries).unwrap(), None);
    let unknown: HashSet<&str> = ["_RNvCs1_1a1b"].into();
    assert_eq!(hand_over_patches(&data, &unknown).unwrap(), None);
}
