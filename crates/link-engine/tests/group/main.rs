//! Groups made with real compilers and linkers, without Cargo.

mod native;
mod places;
mod private;
#[path = "../programs/mod.rs"]
mod programs;
mod refused;
#[path = "../workshop/mod.rs"]
mod workshop;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use link_engine::DynamicInfo;
use link_engine::group::{GroupJob, Lasting, Library, Strip, Users};
use link_engine::record::{GroupFiles, GroupManifest, SharedObject};
use workshop::{Workshop, object, run, soname};

const ADD: &str = "#[no_mangle] pub extern \"C\" fn add(a: i32, b: i32) -> i32 { a + b }";
const SUBTRACT: &str = "#[no_mangle] pub extern \"C\" fn add(a: i32, b: i32) -> i32 { a - b }";

#[test]
fn a_group_is_linked_under_a_name_that_says_its_content() {
    let workshop = Workshop::new();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, links) = run(&job);
    assert_eq!(links, 1);
    let written = GroupManifest::read(&job.files.manifest()).unwrap();
    assert!(written.objects[0].making.is_some());
    assert_eq!(workshop::without_times(written), manifest);
    assert_eq!(object(&manifest).members[0].name, "add v1.0.0");

    let content = job.files.content(soname(&manifest));
    let info = DynamicInfo::read(&content).unwrap().unwrap();
    assert_eq!(info.soname.as_deref(), Some(soname(&manifest)));
    assert_eq!(info.run_path, ["$ORIGIN"]);
    assert!(!workshop.path("scratch").exists());
}

#[test]
fn the_same_content_is_not_linked_again() {
    let workshop = Workshop::new();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (first, _) = run(&job);
    let (again, links) = run(&job);
    assert_eq!((links, &again), (0, &first));

    workshop.library("add", SUBTRACT);
    let (changed, links) = run(&job);
    assert_eq!(links, 1);
    assert_ne!(soname(&changed), soname(&first));
    assert!(
        !job.files.content(soname(&first)).exists(),
        "nobody needs it"
    );
}

#[test]
fn each_input_counts_for_the_content() {
    let workshop = Workshop::new();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (first, _) = run(&job);
    let changes: [fn(&mut GroupJob); 3] = [
        |job| job.strip = Strip::Symbols,
        |job| job.run_paths.push("$ORIGIN/..".into()),
        |job| job.libraries[0].native_libraries.push("m".to_owned()),
    ];
    for change in changes {
        let mut job = job.clone();
        change(&mut job);
        let (changed, links) = run(&job);
        assert_eq!(links, 1);
        assert_ne!(soname(&changed), soname(&first));
    }
}

#[test]
fn a_library_that_stays_is_told_to_the_groups_above() {
    let workshop = Workshop::new();
    let ends = workshop.library(
        "ends",
        "#[used] #[link_section = \".fini_array\"] static END: extern \"C\" fn() = end;
         extern \"C\" fn end() {}",
    );
    let mut below = workshop.job(vec![ends, workshop.library("add", ADD)]);
    below.group = "frozen".to_owned();
    below.files = GroupFiles::new(workshop.directory.path(), "dynamic-deps-frozen-1");
    let (manifest, _) = run(&below);
    assert_eq!(manifest.members().count(), 1);
    assert_eq!(manifest.stays[0].name, "ends v1.0.0");

    let mut user = workshop.library("user", "pub fn user() {}");
    user.dependencies = vec!["libends-0123.rlib".to_owned()];
    let mut above = workshop.job(vec![user]);
    above.below.insert(0, below.files.manifest());
    let (above, _) = run(&above);
    assert!(above.objects.is_empty());
    assert_eq!(
        above.stays[0].reason.to_string(),
        "it depends on `ends v1.0.0`, which stays"
    );
    assert!(manifest.objects[0].needs == ["sysroot.so"]);
}

#[test]
fn a_content_that_was_damaged_is_made_anew() {
    let workshop = Workshop::new();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, _) = run(&job);
    let content = job.files.content(soname(&manifest));
    let bytes = fs::read(&content).unwrap();
    fs::write(&content, &bytes[..100]).unwrap();
    let (damaged, links) = run(&job);
    assert!(damaged.refusal.is_some_and(|refusal| refusal.may_pass));
    assert_eq!(links, 0);
    assert_eq!(run(&job), (manifest, 1));
    assert!(fs::read(&content).unwrap() == bytes);
}

#[test]
fn a_content_that_lost_its_bytes_is_made_anew() {
    let workshop = Workshop::new();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, _) = run(&job);
    let content = job.files.content(soname(&manifest));
    let bytes = fs::read(&content).unwrap();
    // As after a loss of power.
    fs::write(&content, "").unwrap();
    assert_eq!(run(&job), (manifest, 1));
    assert!(fs::read(&content).unwrap() == bytes);
}

#[test]
fn relative_link_args_start_from_the_working_directory() {
    let workshop = Workshop::new();
    workshop.add_link_args(&["-Wl,--version-script=exports.map".into()]);
    fs::write(workshop.path("exports.map"), "{ global: *; };").unwrap();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    assert_eq!(run(&job).0.refusal, None);
}

#[test]
fn a_missing_rlib_is_named() {
    let workshop = Workshop::new();
    let mut library = workshop.library("add", ADD);
    library.rlib = workshop.path("libgone-1.rlib");
    let job = workshop.job(vec![library]);
    let error = job.run(&mut |_: &Path, _: &[OsString]| {}).unwrap_err();
    assert!(error.to_string().contains("libgone-1.rlib"), "{error}");
}

#[test]
fn what_needs_the_platform_has_a_shared_object_of_its_own() {
    let workshop = Workshop::new();
    let source = "unsafe extern \"C\" { fn absent(); } pub fn call() { unsafe { absent() } }";
    let needy = workshop.library("needy", source);
    let above = workshop.library_above("above", "pub fn above() { needy::call() }", &[&needy]);
    let plain = workshop.library("plain", "pub fn plain() {}");
    let members = |users: [u64; 3], lasting: Lasting| {
        let mut libraries = vec![above.clone(), needy.clone(), plain.clone()];
        for (library, users) in libraries.iter_mut().zip(users) {
            library.users = Users(users);
        }
        let mut job = workshop.job(libraries);
        job.lasting = lasting;
        let (manifest, _) = run(&job);
        let names = |object: &SharedObject| -> Vec<String> {
            let members = object.members.iter();
            members
                .map(|member| member.name.replace(" v1.0.0", ""))
                .collect()
        };
        manifest.objects.iter().map(names).collect::<Vec<_>>()
    };
    let apart = [vec!["above", "needy"], vec!["plain"]];
    assert_eq!(members([1, 1, 2], Lasting::Build), apart);
    // A program that depends on one depends on all.
    assert_eq!(
        members([1, 1, 1], Lasting::Build),
        [["above", "needy", "plain"]]
    );
    let pool = Lasting::Pool {
        carried: HashSet::new(),
        facts: Vec::new(),
    };
    assert_eq!(members([1, 1, 1], pool), apart);
}

#[test]
fn a_pool_keeps_the_libraries_of_other_builds() {
    let workshop = Workshop::new();
    let mut base = workshop.library("base", "pub fn base() {}");
    let mut user = workshop.library_above("user", "pub fn user() { base::base() }", &[&base]);
    let mut other = workshop.library("other", "pub fn other() {}");
    for (key, library) in [&mut base, &mut user, &mut other].into_iter().enumerate() {
        library.key = key as u64;
    }
    let files = GroupFiles::new(workshop.directory.path(), "dynamic-deps-frozen-1").of_pool("a");
    let pool = |libraries: &[&Library], carried: &[u64]| {
        let mut job = workshop.job(libraries.iter().map(|library| (*library).clone()).collect());
        job.files = files.clone();
        job.lasting = Lasting::Pool {
            carried: carried.iter().copied().collect(),
            facts: Vec::new(),
        };
        run(&job)
    };
    let (whole, _) = pool(&[&user, &base, &other], &[]);
    let (part, links) = pool(&[&base], &[1, 2]);
    assert_eq!((soname(&part), links), (soname(&whole), 0));

    // It is compiled again with other content, so libraries that were made against the old one are
    // of no use.
    workshop.library("base", "pub fn base() {} pub fn more() {}");
    let (changed, links) = pool(&[&base], &[1, 2]);
    assert_eq!(links, 1);
    let members = changed.members().map(|member| &*member.name);
    assert_eq!(members.collect::<Vec<_>>(), ["other v1.0.0", "base v1.0.0"]);
}

#[test]
fn many_libraries_go_through_a_response_file() {
    let workshop = Workshop::new();
    let one = workshop.library("one", "pub fn one() {}");
    let directory = workshop.path(&"long".repeat(40));
    fs::create_dir(&directory).unwrap();
    let libraries: Vec<Library> = (0..1500)
        .map(|index| {
            let rlib = directory.join(format!("libcopy{index}-0123.rlib"));
            fs::hard_link(&one.rlib, &rlib).unwrap();
            Library {
                name: format!("copy{index} v1.0.0"),
                rlib,
                ..one.clone()
            }
        })
        .collect();
    let mut job = workshop.job(libraries);
    // The copies define the same functions.
    workshop.add_link_args(&["-Wl,-z,muldefs".into()]);
    job.strip = Strip::DebugInfo;
    let mut bytes = 0;
    let outcome = job
        .run(&mut |_: &Path, args: &[OsString]| bytes = args.iter().map(|arg| arg.len()).sum())
        .unwrap();
    assert!(bytes > 256 * 1024, "{bytes}");
    assert_eq!(outcome.manifest.members().count(), 1500);
}
