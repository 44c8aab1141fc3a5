//! Groups made with real compilers and linkers, without Cargo.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use link_engine::content::GroupFiles;
use link_engine::elf::DynamicInfo;
use link_engine::group::{GroupJob, Library, Strip};
use link_engine::manifest::{GroupManifest, LinkTemplate, Member};
use link_engine::rlib::SharedState;
use link_engine::sysroot::{self, Probe};
use tempfile::TempDir;

struct Workshop {
    directory: TempDir,
}

impl Workshop {
    /// A directory with a sysroot group, whose shared object is empty: the groups of
    /// these tests are made of libraries that need nothing of it.
    fn new() -> Workshop {
        let workshop = Workshop {
            directory: tempfile::tempdir().unwrap(),
        };
        let status = Command::new("cc")
            .args(["-shared", "-Wl,-soname,sysroot.so", "-o"])
            .arg(workshop.path("sysroot.so"))
            .status()
            .unwrap();
        assert!(status.success());
        let manifest = GroupManifest {
            group: "sysroot".to_owned(),
            soname: "sysroot.so".to_owned(),
            members: vec![Member {
                name: "std".to_owned(),
                rlib: "libstd-0123.rlib".to_owned(),
                protected_symbols: 0,
                unmangled_definitions: BTreeSet::new(),
                shared_state: SharedState::default(),
            }],
            stays: Vec::new(),
            needs: Vec::new(),
            native_libraries: Vec::new(),
            open_references: Vec::new(),
            refusal: None,
            template: Some(LinkTemplate {
                linker: "cc".into(),
                before: Vec::new(),
                after: vec!["-Wl,--eh-frame-hdr".into(), "-lc".into()],
                builtins: Vec::new(),
                platform_libraries: Vec::new(),
            }),
        };
        manifest.write(&workshop.sysroot()).unwrap();
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn sysroot(&self) -> PathBuf {
        self.path("sysroot.json")
    }

    /// Compiles a crate that needs nothing but `core`.
    fn library(&self, name: &str, source: &str) -> Library {
        let file = self.path(&format!("{name}.rs"));
        fs::write(&file, format!("#![no_std]\n{source}")).unwrap();
        let rlib = self.path(&format!("lib{name}-0123.rlib"));
        let status = Command::new("rustc")
            .args([
                "--edition",
                "2021",
                "--crate-type",
                "lib",
                "-C",
                "panic=abort",
                "-O",
            ])
            .arg(&file)
            .arg("-o")
            .arg(&rlib)
            .status()
            .unwrap();
        assert!(status.success());
        Library {
            name: format!("{name} v1.0.0"),
            rlib,
            dependencies: Vec::new(),
            is_bystander: false,
        }
    }

    fn job(&self, libraries: Vec<Library>) -> GroupJob {
        GroupJob {
            group: "local".to_owned(),
            files: GroupFiles::new(self.directory.path(), "dynamic-deps-local-1"),
            libraries,
            below: vec![self.sysroot()],
            native_search: Vec::new(),
            native_libraries: Vec::new(),
            run_paths: vec!["$ORIGIN".into()],
            strip: Strip::None,
            executable_directories: vec![self.directory.path().to_owned()],
            working_directory: self.directory.path().to_owned(),
            scratch: self.path("scratch"),
        }
    }
}

/// Runs a job; returns its manifest and how often the linker ran.
fn run(job: &GroupJob) -> (GroupManifest, usize) {
    let mut links = 0;
    let manifest = job.run(&mut |_: &Path, _: &[OsString]| links += 1).unwrap();
    (manifest, links)
}

const ADD: &str = "#[no_mangle] pub extern \"C\" fn add(a: i32, b: i32) -> i32 { a + b }";
const SUBTRACT: &str = "#[no_mangle] pub extern \"C\" fn add(a: i32, b: i32) -> i32 { a - b }";

#[test]
fn a_group_is_linked_under_a_name_that_says_its_content() {
    let workshop = Workshop::new();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, links) = run(&job);
    assert_eq!(links, 1);
    assert_eq!(
        GroupManifest::read(&job.files.manifest()).unwrap(),
        manifest
    );
    assert_eq!(manifest.members[0].name, "add v1.0.0");

    let content = job.files.content(&manifest.soname);
    let info = DynamicInfo::read(&content).unwrap().unwrap();
    assert_eq!(info.soname.as_ref(), Some(&manifest.soname));
    assert_eq!(info.run_path, ["$ORIGIN"]);
    assert_eq!(
        fs::read(&content).unwrap(),
        fs::read(job.files.shared_object()).unwrap()
    );
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
    assert_ne!(changed.soname, first.soname);
    assert!(
        !job.files.content(&first.soname).exists(),
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
        |job| job.native_libraries.push("m".to_owned()),
    ];
    for change in changes {
        let mut job = job.clone();
        change(&mut job);
        let (changed, links) = run(&job);
        assert_eq!(links, 1);
        assert_ne!(changed.soname, first.soname);
    }
}

#[test]
fn a_library_that_stays_is_told_to_the_groups_above() {
    let workshop = Workshop::new();
    let starts = workshop.library(
        "starts",
        "#[used] #[link_section = \".init_array\"] static START: extern \"C\" fn() = start;
         extern \"C\" fn start() {}",
    );
    let mut below = workshop.job(vec![starts, workshop.library("add", ADD)]);
    below.group = "frozen".to_owned();
    below.files = GroupFiles::new(workshop.directory.path(), "dynamic-deps-frozen-1");
    let (manifest, _) = run(&below);
    assert_eq!(manifest.members.len(), 1);
    assert_eq!(manifest.stays[0].name, "starts v1.0.0");

    let mut user = workshop.library("user", "pub fn user() {}");
    user.dependencies = vec!["libstarts-0123.rlib".to_owned()];
    let mut above = workshop.job(vec![user]);
    above.below.insert(0, below.files.manifest());
    let (above, _) = run(&above);
    assert!(above.members.is_empty());
    assert_eq!(
        above.stays[0].reason.to_string(),
        "it depends on `starts v1.0.0`, which stays"
    );
    assert_eq!(above.needs, [manifest.soname.as_str(), "sysroot.so"]);
}

/// A library whose C part was not compiled for a shared object.
fn unfit_library(workshop: &Workshop, name: &str) -> Library {
    let library = workshop.library(name, "");
    let c = workshop.path("unfit.c");
    let object = workshop.path("unfit.o");
    fs::write(&c, "extern int out; int unfit(void) { return out; }").unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-c", "-fno-pic", "-mcmodel=small", "-O1"])
        .arg(&c)
        .arg("-o")
        .arg(&object);
    assert!(cc.status().unwrap().success());
    let mut ar = Command::new("ar");
    assert!(
        ar.arg("rs")
            .arg(&library.rlib)
            .arg(&object)
            .status()
            .unwrap()
            .success()
    );
    library
}

#[test]
fn what_the_linker_refuses_stays() {
    let workshop = Workshop::new();
    let one = unfit_library(&workshop, "one");
    let other = workshop.library("other", ADD);
    let job = workshop.job(vec![one, other]);
    let (manifest, links) = run(&job);
    assert_eq!(links, 1);
    assert!(manifest.members.is_empty());
    let reasons: Vec<String> = manifest
        .stays
        .iter()
        .map(|stay| stay.reason.to_string())
        .collect();
    assert_eq!(reasons, ["the linker refused to link its group"; 2]);
    let refusal = manifest.refusal.as_ref().unwrap();
    assert!(
        refusal.stderr.contains("recompile with -fPIC"),
        "{}",
        refusal.stderr
    );
    let line = fs::read_to_string(refusal.link_line.as_ref().unwrap()).unwrap();
    assert!(line.contains("libother-0123.rlib"), "{line}");
    assert!(job.files.content(&manifest.soname).exists());

    let mut user = workshop.library("user", "pub fn user() {}");
    user.dependencies = vec!["libone-0123.rlib".to_owned()];
    let mut above = workshop.job(vec![user]);
    above.files = GroupFiles::new(workshop.directory.path(), "dynamic-deps-local-2");
    above.below.insert(0, job.files.manifest());
    let (above, _) = run(&above);
    assert!(above.members.is_empty());
    assert_eq!(above.refusal, None);
}

#[test]
fn a_linker_that_cannot_be_run_is_a_refusal() {
    let workshop = Workshop::new();
    let mut sysroot = GroupManifest::read(&workshop.sysroot()).unwrap();
    sysroot.template.as_mut().unwrap().linker = "no-such-linker".into();
    sysroot.write(&workshop.sysroot()).unwrap();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, _) = run(&job);
    assert!(manifest.members.is_empty());
    let refusal = manifest.refusal.unwrap();
    assert_eq!(refusal.link_line, None);
    let first = refusal.stderr.lines().next().unwrap();
    assert_eq!(first, "failed to run `no-such-linker`");
    assert!(refusal.may_pass());
}

#[test]
fn above_a_refused_sysroot_everything_stays() {
    let workshop = Workshop::new();
    let mut job = workshop.job(Vec::new());
    job.below.clear();
    job.files = GroupFiles::new(workshop.directory.path(), "dynamic-deps-sysroot-1");
    let probe = Probe {
        rustc: "rustc".into(),
        flags: vec!["--no-such-flag".into()],
        harness: false,
        linker: "cc".into(),
        wrapper: std::env::current_exe().unwrap(),
    };
    let mut no_link = |_: &Path, _: &[OsString]| panic!("there is nothing to link");
    let manifest = sysroot::run(&job, &probe, &mut no_link).unwrap();
    let refusal = manifest.refusal.unwrap();
    assert!(
        refusal.stderr.contains("no-such-flag"),
        "{}",
        refusal.stderr
    );

    let mut above = workshop.job(vec![workshop.library("add", ADD)]);
    above.below = vec![job.files.manifest()];
    let manifest = above.run(&mut no_link).unwrap();
    assert_eq!(
        manifest.stays[0].reason.to_string(),
        "it depends on `std`, which stays"
    );
    assert_eq!(manifest.refusal, None);
}

#[test]
fn relative_link_args_start_from_the_working_directory() {
    let workshop = Workshop::new();
    let mut sysroot = GroupManifest::read(&workshop.sysroot()).unwrap();
    let template = sysroot.template.as_mut().unwrap();
    template
        .after
        .push("-Wl,--version-script=exports.map".into());
    sysroot.write(&workshop.sysroot()).unwrap();
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
fn a_bystander_that_needs_the_platform_stays() {
    let workshop = Workshop::new();
    let source = "unsafe extern \"C\" { fn absent(); } pub fn call() { unsafe { absent() } }";
    let mut needy = workshop.library("needy", source);
    let above = workshop.library("above", "pub fn above() {}");
    let plain = workshop.library("plain", "pub fn plain() {}");
    let stays = |libraries: Vec<Library>| {
        let job = workshop.job(libraries);
        let manifest = job.run(&mut |_: &Path, _: &[OsString]| {}).unwrap();
        let stays = manifest.stays.iter();
        stays
            .map(|stay| format!("{}: {}", stay.name, stay.reason))
            .collect::<Vec<_>>()
    };
    assert_eq!(stays(vec![needy.clone()]), [""; 0]);

    needy.is_bystander = true;
    let above = Library {
        dependencies: vec!["libneedy-0123.rlib".to_owned()],
        ..above
    };
    assert_eq!(
        stays(vec![above, needy, plain]),
        [
            "above v1.0.0: it depends on `needy v1.0.0`, which stays",
            "needy v1.0.0: it has to do with `absent`, and not every executable that would \
             load it depends on it",
        ]
    );
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
                dependencies: Vec::new(),
                is_bystander: false,
            }
        })
        .collect();
    let mut job = workshop.job(libraries);
    // The copies define the same functions.
    let mut sysroot = GroupManifest::read(&workshop.sysroot()).unwrap();
    let template = sysroot.template.as_mut().unwrap();
    template.after.push("-Wl,-z,muldefs".into());
    sysroot.write(&workshop.sysroot()).unwrap();
    job.strip = Strip::DebugInfo;
    let mut bytes = 0;
    let manifest = job
        .run(&mut |_: &Path, args: &[OsString]| bytes = args.iter().map(|arg| arg.len()).sum())
        .unwrap();
    assert!(bytes > 256 * 1024, "{bytes}");
    assert_eq!(manifest.members.len(), 1500);
}
