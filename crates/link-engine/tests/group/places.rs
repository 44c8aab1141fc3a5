//! Where rlibs lie: beside the groups, or each in a directory of its own, as in Cargo's new layout
//! of the build directory.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use link_engine::group::{GroupJob, Lasting, Library};
use link_engine::record::{GroupFiles, sweep};

use crate::workshop::{Workshop, run, soname};

/// Moves the rlib of a library to a directory of its own.
fn set_apart(workshop: &Workshop, library: &mut Library) {
    let name = library.rlib.file_stem().unwrap();
    let directory = workshop.path("profile/build").join(name);
    fs::create_dir_all(&directory).unwrap();
    let rlib = directory.join(library.rlib.file_name().unwrap());
    fs::rename(&library.rlib, &rlib).unwrap();
    library.rlib = rlib;
}

/// The directory of the groups of these tests.
fn groups(workshop: &Workshop) -> PathBuf {
    let groups = workshop.path("profile/deps");
    fs::create_dir_all(&groups).unwrap();
    groups
}

fn pool(workshop: &Workshop, libraries: &[&Library], carried: &[u64]) -> GroupJob {
    let libraries = libraries.iter().map(|library| (*library).clone());
    GroupJob {
        files: GroupFiles::new(groups(workshop), "dynamic-deps-frozen-1").of_pool("a"),
        lasting: Lasting::Pool {
            carried: carried.iter().copied().collect(),
            facts: Vec::new(),
        },
        ..workshop.job(libraries.collect())
    }
}

#[test]
fn a_pool_finds_the_libraries_of_other_builds_in_their_directories() {
    let workshop = Workshop::new();
    let mut base = workshop.library("base", "pub fn base() {}");
    let mut user = workshop.library_above("user", "pub fn user() { base::base() }", &[&base]);
    for (key, library) in [&mut base, &mut user].into_iter().enumerate() {
        library.key = key as u64;
        set_apart(&workshop, library);
    }
    let (whole, links) = run(&pool(&workshop, &[&user, &base], &[]));
    assert_eq!(links, 1);
    let (part, links) = run(&pool(&workshop, &[&base], &[1]));
    assert_eq!((soname(&part), links), (soname(&whole), 0));

    // Somebody moves the target directory, and then there is nothing at the old place.
    let moved = workshop.path("moved");
    fs::rename(workshop.path("profile"), &moved).unwrap();
    let mut job = pool(&workshop, &[&base], &[1]);
    job.files = GroupFiles::new(moved.join("deps"), "dynamic-deps-frozen-1").of_pool("a");
    job.libraries[0].rlib = moved.join("build/libbase-0123/libbase-0123.rlib");
    let (part, links) = run(&job);
    assert_eq!((soname(&part), links), (soname(&whole), 0));
}

#[test]
fn a_part_of_another_selection_stays_until_a_library_is_compiled_again() {
    let workshop = Workshop::new();
    let mut library = workshop.library("library", "pub fn call() {}");
    set_apart(&workshop, &mut library);
    let job = GroupJob {
        files: GroupFiles::new(groups(&workshop), "dynamic-deps-local-1").of_part("a"),
        ..workshop.job(vec![library.clone()])
    };
    let (manifest, _) = run(&job);
    let content = job.files.content(soname(&manifest));
    let sweep = || sweep::parts(&groups(&workshop), &HashSet::new(), &[]).unwrap();
    sweep();
    assert!(content.exists() && job.files.manifest().exists());

    let written = fs::metadata(job.files.facts()).unwrap();
    let later = written.modified().unwrap() + std::time::Duration::from_secs(1);
    let rlib = fs::File::open(&library.rlib).unwrap();
    rlib.set_modified(later).unwrap();
    sweep();
    assert!(!content.exists() && !job.files.manifest().exists());
}
