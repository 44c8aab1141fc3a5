//! Libraries from outside of the build that a program loads, plugins above all: which definitions
//! they see, and which the program sees.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::prelude::*;
use cargo_test_support::{Project, project};
use link_engine::DynamicInfo;

use super::{
    dynamic_symbols, groups_of, manifest, program, publish_native, same_output, shared_library,
};

/// A program with this C library inside, which loads the plugin that the variable `PLUGIN`
/// names, and prints what it and the plugin get of the function `version`.
pub(super) fn program_with_plugin(c: &str) -> Project {
    publish_native(
        "bundled",
        c,
        r#"
            extern "C" { fn version() -> i32; }
            pub fn number() -> i32 { unsafe { version() } }
        "#,
    );
    program(
        &["bundled"],
        r#"
            use std::ffi::{c_char, c_int, c_void};
            extern "C" {
                fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
                fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
            }
            fn main() {
                let of_plugin: extern "C" fn() -> i32 = unsafe {
                    let library = dlopen(concat!(env!("PLUGIN"), "\0").as_ptr().cast(), 2);
                    assert!(!library.is_null());
                    std::mem::transmute(dlsym(library, c"plugin_version".as_ptr()))
                };
                println!("{} {}", bundled::number(), of_plugin());
            }
        "#,
    )
}

/// Makes the shared library `name` in the root of a project, with these libraries.
pub(super) fn library(p: &Project, name: &str, c: &str, libraries: &str) -> PathBuf {
    let root = p.root();
    let path = root.join(format!("lib{name}.so"));
    let root = root.display();
    let flags = format!("-L{root} -Wl,-soname,lib{name}.so -Wl,-rpath,{root} {libraries}");
    shared_library(&path, c, &flags);
    path
}

/// The function of `bundled`.
pub(super) const VERSION: &str = "int version(void) { return 1; }";

/// A plugin that takes it from elsewhere.
pub(super) const PLUGIN: &str = "int version(void); int plugin_version(void) { return version(); }";

#[cargo_test]
fn a_plugin_with_a_library_of_its_own() {
    // It needs another version of the library, as a shared one.
    let p = program_with_plugin(VERSION);
    library(&p, "version", "int version(void) { return 2; }", "");
    let plugin = library(&p, "plugin", PLUGIN, "-lversion");
    let run = |argument: &str| {
        p.cargo(&format!("build {argument}"))
            .env("PLUGIN", &plugin)
            .run();
        super::stdout(&p.bin("foo"))
    };
    assert_eq!(run("--no-dynamic-deps"), "1 2\n");
    assert_eq!(run("--dynamic-deps"), "1 2\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    let opt_out = "--dynamic-deps --config profile.dev.package.bundled.dynamic-deps=false";
    assert_eq!(run(opt_out), "1 2\n");
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
}

#[cargo_test]
fn a_library_that_is_loaded_first_does_not_replace_a_bundled_one() {
    publish_native(
        "bundled",
        "int level = 1;
         int *level_address(void) { return &level; }
         int version(void) { return 10 + level; }
         __thread int depth = 1;
         int deeper(void) { return ++depth; }",
        r#"
            unsafe extern "C" {
                static mut level: i32;
                pub safe fn version() -> i32;
                pub safe fn deeper() -> i32;
                safe fn level_address() -> *mut i32;
            }
            pub fn raise() -> bool {
                unsafe { level += 1 };
                level_address() == &raw mut level
            }
        "#,
    );
    let main = r#"
        use bundled::{deeper, raise, version};
        fn main() { println!("{} {} {}", raise(), version(), deeper()); }
    "#;
    let p = program(&["bundled"], main);
    let own = "int level = 50; __thread int depth = 50; int version(void) { return level; }";
    // One that refers to nothing has no versions, which the loader takes for any.
    let user = "#include <stdio.h>\nint use(void) { return puts(\"used\"); }";
    let without_versions = library(&p, "without", own, "");
    let with_versions = library(&p, "with", &format!("{user}\n{own}"), "");
    for option in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo("build").arg(option).run();
        for first in [&without_versions, &with_versions] {
            // Elsewhere, rustc calls functions by way of the procedure linkage table.
            if !cfg!(target_arch = "x86_64") && first == &without_versions {
                continue;
            }
            let mut command = Command::new(p.bin("foo"));
            let output = command.env("LD_PRELOAD", first).output().unwrap();
            assert_eq!(
                super::text(&output.stdout),
                "true 12 2\n",
                "{option} {first:?}"
            );
        }
    }
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

/// The definitions of the executable and its groups to which a library could refer that the program
/// loads later: names of functions, variables and thread locals.
fn definitions_of(p: &Project) -> Vec<String> {
    let mut files = super::group_files(p, "");
    files.retain(|file| file.extension().is_some_and(|extension| extension == "so"));
    files.push(p.bin("foo"));
    let defined = files
        .iter()
        .flat_map(|file| dynamic_symbols(file, "--defined-only"));
    let mut names: Vec<String> = defined
        .map(|symbol| symbol.split('@').next().unwrap().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cargo_test]
fn what_a_program_loads_sees_what_it_would_see_of_a_static_one() {
    publish_native(
        "bundled",
        "int level = 1; __thread int depth; int version(void) { return level + depth; }",
        r#"
            extern "C" { fn version() -> i32; }
            thread_local! { pub static LOCAL: std::cell::Cell<i32> = const { std::cell::Cell::new(5) }; }
            pub fn number() -> i32 { unsafe { version() + LOCAL.get() } }
            #[no_mangle] pub extern "C" fn exported() -> i32 { 7 }
        "#,
    );
    let main = |allocator: &str| {
        format!(
            r#"
                use std::ffi::{{c_char, c_int, c_void}};
                {allocator}
                extern "C" {{
                    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
                    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
                }}
                fn main() {{
                    let path = std::env::args().nth(1).unwrap() + "\0";
                    let print: extern "C" fn() = unsafe {{
                        let library = dlopen(path.as_ptr().cast(), 2);
                        assert!(!library.is_null());
                        std::mem::transmute(dlsym(library, c"print".as_ptr()))
                    }};
                    print();
                    std::thread::spawn(|| println!("{{}}", bundled::number())).join().unwrap();
                    let panic = std::panic::catch_unwind(|| panic!("caught"));
                    println!("{{}}", panic.unwrap_err().downcast::<&str>().unwrap());
                }}
            "#
        )
    };
    let own_allocator =
        "#[global_allocator] static ALLOCATOR: std::alloc::System = std::alloc::System;";
    // Linkers number versions in different orders.
    let by_gnu_ld = "-Clink-arg=-fuse-ld=bfd";
    for (allocator, flags) in [("", ""), (own_allocator, ""), ("", by_gnu_ld)] {
        let p = program(&["bundled"], &main(allocator));
        p.cargo("build --dynamic-deps")
            .env("RUSTFLAGS", flags)
            .run();
        assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
        // A plugin that refers to each name, if there is one.
        let names = definitions_of(&p);
        for name in ["version", "level", "depth", "exported"] {
            assert!(names.iter().any(|defined| defined == name), "{name}");
        }
        for part in [
            "rust_panic",
            "rust_eh_personality",
            "__rust_alloc",
            "LOCAL",
            "CURRENT",
        ] {
            assert!(names.iter().any(|name| name.contains(part)), "{part}");
        }
        let mut c = "#include <stdio.h>\n".to_owned();
        for (number, name) in names.iter().enumerate() {
            c += &format!("extern char s{number} __asm__(\"{name}\") __attribute__((weak));\n");
        }
        c += "void print(void) {\n";
        for (number, name) in names.iter().enumerate() {
            c += &format!("if (&s{number}) puts(\"{name}\");\n");
        }
        c += "}\n";
        let plugin = p.root().join("libplugin.so");
        shared_library(&plugin, &c, "");
        let run = || {
            let mut foo = Command::new(p.bin("foo"));
            let output = foo.arg(&plugin).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            super::text(&output.stdout).to_owned()
        };
        let of_dynamic = run();
        p.cargo("build --no-dynamic-deps")
            .env("RUSTFLAGS", flags)
            .run();
        assert_eq!(groups_of(&p.bin("foo")), super::STATIC);
        assert_eq!(of_dynamic, run());
    }
}

#[cargo_test]
fn a_rust_library_that_is_loaded_has_a_std_of_its_own() {
    // As with hot reloading, and plugins. Linked against the shared object of std, too.
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[workspace]\nmembers = ['logic']\n[dependencies]\nshared = { path = 'shared' }\n"),
        )
        .file(
            "src/main.rs",
            r#"
                use std::ffi::{c_char, c_int, c_void};
                extern "C" {
                    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
                    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
                }
                fn main() {
                    std::panic::set_hook(Box::new(|_| println!("hook of the program")));
                    shared::COUNT.set(shared::COUNT.get() + 1);
                    let path = std::env::args().nth(1).unwrap() + "\0";
                    let step: fn() -> String = unsafe {
                        let library = dlopen(path.as_ptr().cast(), 2);
                        assert!(!library.is_null());
                        std::mem::transmute(dlsym(library, c"step".as_ptr()))
                    };
                    println!("{}", std::thread::spawn(move || step()).join().unwrap());
                    println!("{}", shared::COUNT.get());
                    println!("{}", std::panic::catch_unwind(|| panic!("here")).is_err());
                }
            "#,
        )
        .file("shared/Cargo.toml", &manifest("shared", ""))
        .file(
            "shared/src/lib.rs",
            "thread_local! { pub static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) }; }",
        )
        .file(
            "logic/Cargo.toml",
            &manifest("logic", "[lib]\ncrate-type = ['dylib']\n[dependencies]\nshared = { path = '../shared' }\n"),
        )
        .file(
            "logic/src/lib.rs",
            r#"
                #[no_mangle]
                pub fn step() -> String {
                    std::panic::set_hook(Box::new(|_| println!("hook of the library")));
                    let caught = std::panic::catch_unwind(|| panic!("in the library")).is_err();
                    drop(std::panic::take_hook());
                    shared::COUNT.set(shared::COUNT.get() + 10);
                    format!("{caught} {}", shared::COUNT.get())
                }
            "#,
        )
        .build();
    let rustc = Command::new("rustc")
        .args(["--print", "target-libdir"])
        .output();
    let libdir = super::text(&rustc.unwrap().stdout).trim().to_owned();
    for flags in ["", "-- -C prefer-dynamic"] {
        p.cargo(&format!("rustc -p logic --lib {flags}")).run();
        let library = p.root().join("liblogic.so");
        std::fs::copy(p.target_debug_dir().join("liblogic.so"), &library).unwrap();
        let run = |argument: &str| {
            p.cargo(&format!("build -p foo {argument}")).run();
            let mut foo = Command::new(p.bin("foo"));
            let output = foo
                .arg(&library)
                .env("LD_LIBRARY_PATH", &libdir)
                .output()
                .unwrap();
            assert!(output.status.success(), "{flags} {argument}: {output:?}");
            super::text(&output.stdout).to_owned()
        };
        let expected = "hook of the library\ntrue 10\n1\nhook of the program\ntrue\n";
        assert_eq!(run("--no-dynamic-deps"), expected);
        assert_eq!(run("--dynamic-deps"), expected);
        assert_eq!(groups_of(&p.bin("foo")), ["local", "sysroot"]);
    }
}

#[cargo_test]
fn a_shared_library_that_takes_a_function_of_a_crate() {
    publish_native(
        "bundled",
        "int version(void) { return 1; }",
        r#"
            extern "C" { fn version() -> i32; }
            pub fn number() -> i32 { unsafe { version() } }
        "#,
    );
    let p = program(
        &["bundled"],
        r#"
            extern "C" { fn plugin_version() -> i32; }
            fn main() { println!("{} {}", bundled::number(), unsafe { plugin_version() }); }
        "#,
    );
    library(&p, "plugin", PLUGIN, "");
    let directory = p.root();
    let directory = directory.display();
    p.change_file(
        "build.rs",
        &format!(
            "fn main() {{
                println!(\"cargo::rustc-link-lib=dylib=plugin\");
                println!(\"cargo::rustc-link-search=native={directory}\");
                println!(\"cargo::rustc-link-arg=-Wl,-rpath,{directory}\");
            }}"
        ),
    );
    assert_eq!(same_output(&p), "1 1\n");
    assert_eq!(loaded_groups(&p.bin("foo")), 0);
    p.cargo("build --dynamic-deps --config profile.dev.package.bundled.dynamic-deps=false")
        .run();
    assert_eq!(super::stdout(&p.bin("foo")), "1 1\n");
    assert_eq!(loaded_groups(&p.bin("foo")), 1);
}

/// How many groups an executable loads, which may load other libraries too.
fn loaded_groups(executable: &Path) -> usize {
    let info = DynamicInfo::read(executable).unwrap().unwrap();
    let needed = info.needed.iter();
    needed
        .filter(|soname| soname.starts_with("dynamic-deps-"))
        .count()
}
