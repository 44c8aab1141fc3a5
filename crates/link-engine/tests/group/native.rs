//! Native libraries that change beside a group.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use link_engine::group::Library;

use super::ADD;
use crate::programs;
use crate::workshop::{Workshop, object, run, soname};

#[test]
fn a_native_library_that_is_another_file_counts() {
    let workshop = Workshop::new();
    let directory = workshop.path("native");
    fs::create_dir(&directory).unwrap();
    let make = |source: &str, version: &str| {
        fs::write(
            directory.join("versions"),
            format!("{version} {{ global: greet; }};"),
        )
        .unwrap();
        let script = directory.join("versions");
        let script = format!("-Wl,--version-script={}", script.display());
        let flags = ["-shared", "-Wl,-soname,libgreet.so", &script];
        workshop.cc("native/libgreet.so", source, &flags.map(OsString::from));
    };
    make("int greet(void) { return 1; }", "ONE");
    let mut library = workshop.library("add", ADD);
    library.native_libraries = vec!["greet".to_owned()];
    library.native_search = vec![directory.clone()];
    let job = workshop.job(vec![library]);
    let (first, _) = run(&job);
    assert_eq!(first.changed_native_file(), None);

    // The loader takes other code when the program starts.
    make("int greet(void) { return 20; }", "ONE");
    let path = directory.join("libgreet.so");
    assert_eq!(first.changed_native_file(), Some(path.clone()));
    let (again, links) = run(&job);
    assert_eq!((links, soname(&again)), (0, soname(&first)));
    assert_eq!(again.changed_native_file(), None);

    // The linker takes other versions.
    make("int greet(void) { return 20; }", "TWO");
    let (changed, links) = run(&job);
    assert_eq!(links, 1);
    assert_ne!(soname(&changed), soname(&first));
    fs::remove_file(&path).unwrap();
    assert_eq!(changed.changed_native_file(), None);
}

/// Makes an archive in which `greet` returns this number, after other C code.
fn make_archive(workshop: &Workshop, archive: &Path, code: &str, number: i32) {
    let code = format!("{code} int greet(void) {{ return {number}; }}");
    let object = workshop.cc("greet.o", &code, &["-c".into()]);
    let _ = fs::remove_file(archive);
    let mut ar = Command::new("ar");
    programs::run(ar.arg("crs").args([archive, &object]));
}

/// A library that asks for this native library in these directories.
fn library_that_asks(workshop: &Workshop, request: &str, directories: &[&str]) -> Library {
    let mut library = workshop.library(
        "asks",
        "unsafe extern \"C\" { fn greet() -> i32; } pub fn number() -> i32 { unsafe { greet() } }",
    );
    library.native_libraries = vec![request.to_owned()];
    let directories = directories.iter().map(|name| workshop.path(name));
    library.native_search = directories.collect();
    for directory in &library.native_search {
        fs::create_dir_all(directory).unwrap();
    }
    library
}

#[test]
fn a_native_library_that_is_found_elsewhere_counts() {
    let workshop = Workshop::new();
    let library = library_that_asks(&workshop, "greet", &["first", "second"]);
    let job = workshop.job(vec![library]);
    let archives = ["first", "second"].map(|name| workshop.path(name).join("libgreet.a"));
    let [first, second] = &archives;
    let shared = second.with_extension("so");
    let script = |archive: &Path| format!("INPUT({})\n", archive.display());
    let inner = workshop.path("libinner.a");
    make_archive(&workshop, &inner, "", 5);

    make_archive(&workshop, second, "", 1);
    let (in_second, _) = run(&job);
    assert_eq!(in_second.changed_native_file(), None);

    make_archive(&workshop, first, "", 2);
    assert_eq!(in_second.changed_native_file(), Some(first.clone()));
    let (in_first, links) = run(&job);
    assert_eq!((links, in_first.changed_native_file()), (1, None));
    // What comes later does not count while this is there.
    fs::write(&shared, script(&inner)).unwrap();
    assert_eq!(in_first.changed_native_file(), None);

    // A shared library, or a script in its place, comes before an archive.
    fs::remove_file(first).unwrap();
    assert_eq!(in_first.changed_native_file(), Some(shared.clone()));
    let (by_script, links) = run(&job);
    assert_eq!((links, by_script.changed_native_file()), (1, None));
    make_archive(&workshop, &inner, "", 6);
    assert_eq!(by_script.changed_native_file(), Some(inner));

    fs::remove_file(&shared).unwrap();
    assert_eq!(by_script.changed_native_file(), Some(second.clone()));
    let (again, _) = run(&job);
    assert_eq!(soname(&again), soname(&in_second));
    assert_eq!(again.changed_native_file(), None);

    // Nothing is found, as after somebody has moved the directory.
    fs::remove_dir_all(second.parent().unwrap()).unwrap();
    assert_eq!(again.changed_native_file(), None);
}

#[test]
fn an_archive_that_executables_link_counts() {
    let workshop = Workshop::new();
    let library = library_that_asks(&workshop, "static:-bundle=greet", &["native"]);
    let job = workshop.job(vec![library, workshop.library("add", ADD)]);
    let archive = workshop.path("native").join("libgreet.a");
    make_archive(&workshop, &archive, "", 1);
    let (first, _) = run(&job);
    assert_eq!(first.members().count(), 2);
    let mut open = object(&first).open_references.iter();
    assert!(open.any(|reference| reference.name == "greet"));
    assert_eq!(first.changed_native_file(), None);

    let constructor = "__attribute__((constructor)) static void start(void) {}";
    make_archive(&workshop, &archive, constructor, 1);
    assert_eq!(first.changed_native_file(), Some(archive));
    let (changed, _) = run(&job);
    let members: Vec<&str> = changed.members().map(|member| &*member.name).collect();
    assert_eq!(members, ["add v1.0.0"]);
    assert_eq!(
        changed.stays[0].reason.to_string(),
        "it has code that runs before or after `main`"
    );
}

#[test]
fn the_name_of_a_shared_library_behind_a_script_counts() {
    let workshop = Workshop::new();
    let library = library_that_asks(&workshop, "greet", &["native"]);
    let job = workshop.job(vec![library]);
    fs::write(workshop.path("native/libgreet.so"), "INPUT(-linner)\n").unwrap();
    let make = |name: &str| {
        let flags = ["-shared", &format!("-Wl,-soname,{name}")].map(OsString::from);
        let source = "int greet(void) { return 1; }";
        workshop.cc("native/libinner.so", source, &flags);
        let (manifest, _) = run(&job);
        soname(&manifest).to_owned()
    };
    assert_ne!(make("libinner.so.1"), make("libinner.so.2"));
}
