//! The definitions of a group are private to the files that are linked against it: groups made with
//! real compilers and linkers, and libraries that a program loads besides them.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::programs;
use crate::workshop::{Workshop, object, run, soname, with_each_linker};
use link_engine::for_tests::{Wanted, has_private, private_among, write_stub};
use link_engine::record::{GroupFiles, GroupManifest};

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
    let job = workshop.job(vec![workshop.library(
        "add",
        "#[no_mangle] pub extern \"C\" fn add(a: i32, b: i32) -> i32 { a + b }",
    )]);
    let is_private = |manifest: &GroupManifest| {
        let content = fs::read(job.files.content(soname(manifest))).unwrap();
        has_private(&content).unwrap()
    };
    assert!(is_private(&run(&job).0));
    workshop.add_link_args(&["-rdynamic".into()]);
    assert!(!is_private(&run(&job).0));
}
