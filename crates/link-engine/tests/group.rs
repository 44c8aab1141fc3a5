//! Groups made with real compilers and linkers, without Cargo.

mod programs;
mod workshop;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use link_engine::classify::StayReason;
use link_engine::content::GroupFiles;
use link_engine::effects::Users;
use link_engine::elf::DynamicInfo;
use link_engine::group::{GroupJob, Lasting, Library, Strip};
use link_engine::interface::{Wanted, has_private, private_among, write_stub};
use link_engine::manifest::{GroupManifest, SharedObject};
use link_engine::sysroot::{self, Probe};
use workshop::{Workshop, object, run, soname, with_each_linker};

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
    assert_eq!(links, 2);
    assert_eq!(manifest.refusal, None);
    assert_eq!(object(&manifest).members[0].name, "other v1.0.0");
    let [stay] = &manifest.stays[..] else {
        panic!("{:?}", manifest.stays);
    };
    assert_eq!(stay.name, "one v1.0.0");
    let StayReason::Unlinkable { words } = &stay.reason else {
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
fn where_the_linker_names_no_library_all_stay() {
    let workshop = Workshop::new();
    let linker = workshop.path("cc-that-refuses");
    fs::write(&linker, "#!/bin/sh\necho error: no >&2\nexit 1\n").unwrap();
    fs::set_permissions(&linker, fs::Permissions::from_mode(0o755)).unwrap();
    let mut sysroot = GroupManifest::read(&workshop.sysroot()).unwrap();
    sysroot.template.as_mut().unwrap().linker = linker;
    sysroot.write(&workshop.sysroot()).unwrap();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, links) = run(&job);
    assert_eq!(links, 1);
    let reasons = manifest.stays.iter().map(|stay| stay.reason.to_string());
    let reasons: Vec<String> = reasons.collect();
    assert_eq!(reasons, ["no shared object could be made of its group"]);
    let refusal = manifest.refusal.as_ref().unwrap();
    assert_eq!(refusal.stderr, "error: no");
    let line = fs::read_to_string(refusal.link_line.as_ref().unwrap()).unwrap();
    assert!(line.contains("libadd-0123.rlib"), "{line}");
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
    let linker = workshop.path("cc-that-truncates");
    let script = r#"#!/bin/sh
        for arg do case "$before" in -o) output=$arg;; esac; before=$arg; done
        cc "$@" && truncate -s 100 "$output""#;
    fs::write(&linker, script).unwrap();
    fs::set_permissions(&linker, fs::Permissions::from_mode(0o755)).unwrap();
    let mut sysroot = GroupManifest::read(&workshop.sysroot()).unwrap();
    sysroot.template.as_mut().unwrap().linker = linker;
    sysroot.write(&workshop.sysroot()).unwrap();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let (manifest, _) = run(&job);
    assert!(manifest.objects.is_empty());
    let refusal = manifest.refusal.unwrap();
    let stderr = &refusal.stderr;
    assert!(stderr.starts_with("failed to parse `"), "{stderr}");
    assert!(refusal.may_pass);
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
    // Who depends on one depends on all.
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

    // Compiled again to something else: what was made against it is of no use.
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

/// Two groups, a program that is linked against their stubs, and a plugin of it with a
/// library that defines the same as a group.
#[track_caller]
fn check_private(linker: &[OsString]) {
    let workshop = Workshop::new();
    workshop.add_link_args(linker);
    let frozen = workshop.library(
        "frozen",
        "unsafe extern \"C\" { fn hook() -> i32; }
         #[no_mangle] pub static mut NUMBER: i32 = 100;
         #[no_mangle] pub extern \"C\" fn version() -> i32 { 1 }
         #[no_mangle] pub extern \"C\" fn call_hook() -> i32 { unsafe { hook() + NUMBER } }",
    );
    let mut below = workshop.job(vec![frozen]);
    below.group = "frozen".to_owned();
    below.files = GroupFiles::new(workshop.directory.path(), "dynamic-deps-frozen-1");
    let (below_manifest, _) = run(&below);
    let mut local = workshop.library(
        "local",
        "unsafe extern \"C\" { fn version() -> i32; static mut NUMBER: i32; }
         #[no_mangle] pub extern \"C\" fn hook() -> i32 { unsafe { NUMBER += 1; 40 } }
         #[no_mangle] pub extern \"C\" fn local() -> i32 { unsafe { version() } }",
    );
    local.dependencies = vec!["libfrozen-0123.rlib".to_owned()];
    let mut above = workshop.job(vec![local]);
    above.below.insert(0, below.files.manifest());
    let (above_manifest, _) = run(&above);
    assert_eq!(above_manifest.refusal, None);
    let above_file = fs::read(above.files.content(soname(&above_manifest))).unwrap();
    // A group below refers to it.
    assert_eq!(private_among(&above_file, ["hook"]).unwrap(), None);
    assert_eq!(
        private_among(&above_file, ["hook", "absent", "local"]).unwrap(),
        Some("local")
    );

    let mut run_path = OsString::from("-Wl,-rpath,");
    run_path.push(workshop.directory.path());
    let own = workshop.cc(
        "libversion.so",
        "int NUMBER = 7; int version(void) { return 2; }",
        &["-shared".into(), "-Wl,-soname,libversion.so".into()],
    );
    let plugin = "extern int NUMBER; int version(void);
                  int plugin(void) { return version() * NUMBER; }";
    let args = ["-shared".into(), own.into(), run_path.clone()];
    let plugin = workshop.cc("plugin.so", plugin, &args);

    let mut args = linker.to_vec();
    args.push("-Wl,-z,nocopyreloc,--no-allow-shlib-undefined".into());
    fs::create_dir(workshop.path("stubs")).unwrap();
    for (job, manifest) in [(&above, &above_manifest), (&below, &below_manifest)] {
        let soname = soname(manifest);
        let stub = workshop.path("stubs").join(soname);
        let open = &object(manifest).open_references;
        let content = job.files.content(soname);
        assert!(has_private(&fs::read(&content).unwrap()).unwrap());
        assert!(write_stub(&content, soname, Wanted::All.into(), open, &stub).unwrap());
        args.push(stub.into());
    }
    args.push(run_path);
    let program = "#include <dlfcn.h>
         #include <stdio.h>
         extern int NUMBER;
         int local(void); int version(void); int call_hook(void);
         int main(int count, char **args) {
             void *plugin = dlopen(args[1], RTLD_NOW);
             int (*of_plugin)(void) = dlsym(plugin, \"plugin\");
             int hook = call_hook();
             printf(\"%d %d %d %d %d\", local(), version(), hook, NUMBER, of_plugin());
             printf(\" %d\\n\", dlsym(RTLD_DEFAULT, \"version\") == NULL);
             return 0;
         }";
    let program = workshop.cc("program", program, &args);
    let printed = programs::run(Command::new(program).arg(plugin));
    assert_eq!(printed, "1 1 141 101 14 1\n");
}

#[test]
fn what_is_loaded_later_does_not_see_the_definitions_of_a_group() {
    with_each_linker(
        "what_is_loaded_later_does_not_see_the_definitions_of_a_group",
        check_private,
    );
}

#[test]
fn what_a_shared_library_of_a_group_names_is_not_private() {
    let workshop = Workshop::new();
    workshop.cc(
        "libneeds.so",
        "int callback(void); int needs(void) { return callback(); } int both(void) { return 2; }",
        &["-shared".into(), "-Wl,-soname,libneeds.so".into()],
    );
    let library = workshop.library(
        "library",
        "unsafe extern \"C\" { fn needs() -> i32; }
         #[no_mangle] pub extern \"C\" fn callback() -> i32 { 1 }
         #[no_mangle] pub extern \"C\" fn both() -> i32 { 1 }
         #[no_mangle] pub extern \"C\" fn other() -> i32 { unsafe { needs() } }",
    );
    let mut job = workshop.job(vec![library]);
    job.libraries[0].native_search = vec![workshop.directory.path().to_owned()];
    job.libraries[0].native_libraries = vec!["needs".to_owned()];
    let (manifest, _) = run(&job);
    let content = fs::read(job.files.content(soname(&manifest))).unwrap();
    let private = |names: &[&'static str]| private_among(&content, names.iter().copied()).unwrap();
    assert_eq!(private(&["callback", "both"]), None);
    assert_eq!(private(&["callback", "other"]), Some("other"));
}

#[test]
fn nothing_is_private_in_programs_that_show_their_symbols() {
    let workshop = Workshop::new();
    let job = workshop.job(vec![workshop.library("add", ADD)]);
    let is_private = |manifest: &GroupManifest| {
        let content = fs::read(job.files.content(soname(manifest))).unwrap();
        has_private(&content).unwrap()
    };
    assert!(is_private(&run(&job).0));
    workshop.add_link_args(&["-rdynamic".into()]);
    assert!(!is_private(&run(&job).0));
}
