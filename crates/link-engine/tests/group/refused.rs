//! Libraries that the linker refuses, and groups that cannot be made.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use link_engine::group::Library;
use link_engine::group::sysroot::{self, Probe};
use link_engine::record::{GroupFiles, GroupManifest, StayReason};
use link_engine::{Error, WrapperProgram};

use super::ADD;
use crate::workshop::{Workshop, object, run};

/// A library whose C part was not compiled for a shared object.
fn unfit_library(workshop: &Workshop, name: &str) -> Library {
    let source = "extern int out; int unfit(void) { return out; }";
    let flags = ["-fno-pic", "-mcmodel=small", "-O1"];
    library_with_c(workshop, name, source, &flags)
}

/// A library without Rust code, with a C part.
fn library_with_c(workshop: &Workshop, name: &str, source: &str, flags: &[&str]) -> Library {
    let library = workshop.library(name, "");
    let flags = flags.iter().chain(&["-c"]).map(OsString::from);
    let flags: Vec<OsString> = flags.collect();
    let object = workshop.cc(&format!("{name}.o"), source, &flags);
    let mut ar = Command::new("ar");
    ar.arg("rs").args([&library.rlib, &object]);
    assert!(ar.status().unwrap().success());
    library
}

#[test]
fn what_the_linker_refuses_stays() {
    let workshop = Workshop::new();
    let one = unfit_library(&workshop, "one");
    let other = workshop.library("other", ADD);
    let job = workshop.job(vec![one, other]);
    let (manifest, links) = run(&job);
    assert_eq!(links, 2);
    assert_eq!(manifest.refusal, None);
    assert_eq!(object(&manifest).members[0].name, "other v1.0.0");
    let [stay] = &manifest.stays[..] else {
        panic!("{:?}", manifest.stays);
    };
    assert_eq!(stay.name, "one v1.0.0");
    let StayReason::LinkerRefuses { words } = &stay.reason else {
        panic!("{:?}", stay.reason);
    };
    assert!(words.contains("recompile with -fPIC"), "{words}");

    let mut user = workshop.library("user", "pub fn user() {}");
    user.dependencies = vec!["libone-0123.rlib".to_owned()];
    let mut above = workshop.job(vec![user]);
    above.files = GroupFiles::new(workshop.directory.path(), "dynamic-deps-local-2");
    above.below.insert(0, job.files.manifest());
    let (above, _) = run(&above);
    assert!(above.objects.is_empty());
    assert_eq!(above.refusal, None);
}

#[test]
fn a_library_that_names_a_symbol_of_the_linker_stays() {
    let workshop = Workshop::new();
    let image = workshop.library(
        "image",
        "unsafe extern \"C\" { static __ehdr_start: u8; }
         #[inline(never)] pub fn header() -> *const u8 { &raw const __ehdr_start }",
    );
    let (manifest, _) = run(&workshop.job(vec![image, workshop.library("add", ADD)]));
    let members: Vec<&str> = manifest.members().map(|member| &*member.name).collect();
    assert_eq!(members, ["add v1.0.0"]);
    assert_eq!(
        manifest.stays[0].reason.to_string(),
        "it asks for `__ehdr_start`, which the linker defines for each output"
    );
}

#[test]
fn large_thread_locals_stay() {
    let workshop = Workshop::new();
    let local = |name: &str, bytes: usize| {
        let source = format!("__thread char local_of_{name}[{bytes}];");
        library_with_c(&workshop, name, &source, &[])
    };
    let (manifest, _) = run(&workshop.job(vec![local("small", 4096), local("large", 4097)]));
    let members: Vec<&str> = manifest.members().map(|member| &*member.name).collect();
    assert_eq!(members, ["small v1.0.0"]);
    assert_eq!(manifest.stays[0].reason, StayReason::LargeThreadLocals);
}

/// Makes a script the linker of the groups.
fn put_linker(workshop: &Workshop, script: &str) {
    let linker = workshop.path("cc-by-script");
    fs::write(&linker, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&linker, fs::Permissions::from_mode(0o755)).unwrap();
    let mut sysroot = GroupManifest::read(&workshop.sysroot()).unwrap();
    sysroot.template.as_mut().unwrap().linker = linker;
    sysroot.write(&workshop.sysroot()).unwrap();
}

#[test]
fn where_the_linker_names_no_library_all_stay() {
    let workshop = Workshop::new();
    put_linker(&workshop, "echo error: no >&2\nexit 1\n");
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, links) = run(&job);
    assert_eq!(links, 1);
    let reasons = manifest.stays.iter().map(|stay| stay.reason.to_string());
    let reasons: Vec<String> = reasons.collect();
    assert_eq!(reasons, ["no shared object could be made of its group"]);
    let refusal = manifest.refusal.as_ref().unwrap();
    assert_eq!(refusal.stderr, "error: no");
    assert!(refusal.libraries.is_empty(), "{refusal:?}");
    let line = fs::read_to_string(refusal.link_line.as_ref().unwrap()).unwrap();
    assert!(line.contains("libadd-0123.rlib"), "{line}");
}

#[test]
fn where_the_linker_names_too_many_libraries_all_stay() {
    let workshop = Workshop::new();
    let names: Vec<String> = (1..10).map(|number| format!("refused{number}")).collect();
    let words = names
        .iter()
        .map(|name| format!("error: lib{name}-0123.rlib"));
    let words = words.collect::<Vec<_>>().join("\n");
    put_linker(&workshop, &format!("echo '{words}' >&2\nexit 1\n"));
    let mut libraries: Vec<Library> = names
        .iter()
        .map(|name| workshop.library(name, ""))
        .collect();
    libraries.push(workshop.library("other", ADD));
    let (manifest, links) = run(&workshop.job(libraries));
    assert_eq!(links, 1);
    assert!(manifest.objects.is_empty());
    assert_eq!(manifest.stays.len(), 10);
    let refusal = manifest.refusal.unwrap();
    let mut named = refusal.libraries;
    named.sort();
    let expected = names.iter().map(|name| format!("{name} v1.0.0"));
    assert_eq!(named, expected.collect::<Vec<_>>());
}

#[test]
fn a_linker_that_cannot_be_run_is_a_refusal() {
    let workshop = Workshop::new();
    let mut sysroot = GroupManifest::read(&workshop.sysroot()).unwrap();
    sysroot.template.as_mut().unwrap().linker = "no-such-linker".into();
    sysroot.write(&workshop.sysroot()).unwrap();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, _) = run(&job);
    assert!(manifest.objects.is_empty());
    let refusal = manifest.refusal.unwrap();
    assert_eq!(refusal.link_line, None);
    let first = refusal.stderr.lines().next().unwrap();
    assert_eq!(first, "failed to run `no-such-linker`");
    assert!(refusal.may_pass);
}

#[test]
fn an_output_that_is_not_understood_is_a_refusal() {
    let workshop = Workshop::new();
    let script = r#"
        for arg do case "$before" in -o) output=$arg;; esac; before=$arg; done
        cc "$@" && truncate -s 100 "$output""#;
    put_linker(&workshop, script);
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, _) = run(&job);
    assert!(manifest.objects.is_empty());
    let refusal = manifest.refusal.unwrap();
    let stderr = &refusal.stderr;
    assert!(stderr.starts_with("failed to parse `"), "{stderr}");
    assert!(refusal.may_pass);
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
        wrapper: WrapperProgram {
            program: std::env::current_exe().unwrap(),
            copies: workshop.directory.path().join("copies"),
        },
    };
    let mut no_link = |_: &Path, _: &[OsString]| panic!("there is nothing to link");
    let manifest = sysroot::run(&job, &probe, &mut no_link).unwrap().manifest;
    let refusal = manifest.refusal.unwrap();
    assert!(
        refusal.stderr.contains("no-such-flag"),
        "{}",
        refusal.stderr
    );

    let mut above = workshop.job(vec![workshop.library("add", ADD)]);
    above.below = vec![job.files.manifest()];
    let manifest = above.run(&mut no_link).unwrap().manifest;
    assert_eq!(
        manifest.stays[0].reason.to_string(),
        "it depends on `std`, which stays"
    );
    assert_eq!(manifest.refusal, None);
}

#[test]
fn a_group_that_is_given_up_has_no_members() {
    let workshop = Workshop::new();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    assert_eq!(run(&job).0.members().count(), 1);
    let error = || Error::Io {
        action: "write",
        path: "facts".into(),
        source: std::io::Error::other("the disk is full"),
    };
    let manifest = job.give_up(&error()).unwrap();
    assert_eq!(
        GroupManifest::read(&job.files.manifest()).unwrap(),
        manifest
    );
    assert!(manifest.objects.is_empty());
    assert_eq!(manifest.stays[0].reason, StayReason::Refused);
    let refusal = manifest.refusal.unwrap();
    let words = "failed to write `facts`\ncaused by: the disk is full";
    assert_eq!((&*refusal.stderr, refusal.may_pass), (words, true));

    // Nothing is linked against the shared objects of an older manifest.
    let path = job.files.manifest();
    fs::remove_file(&path).unwrap();
    fs::create_dir_all(path.join("inside")).unwrap();
    assert!(job.give_up(&error()).is_err());
}
