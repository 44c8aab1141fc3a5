//! Names that more than one library defines or refers to, and the definitions to which they are
//! bound.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};
use link_engine::DynamicInfo;

use super::{
    build_script_for, group_files, groups_of, manifest, program, publish_native, same_behaviour,
    same_output, shared_library,
};

/// Lines of `nm` about the dynamic symbols of a file, without addresses.
fn dynamic_symbols(file: &Path, option: &str) -> Vec<String> {
    let output = Command::new("nm")
        .args(["--dynamic", option])
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    super::text(&output.stdout)
        .lines()
        .map(|line| line.split(' ').next_back().unwrap().to_owned())
        .collect()
}

/// The names that rustc has mangled among those that the loader looks up for a file, except for
/// thread locals.
#[track_caller]
fn looked_up(file: &Path) -> HashSet<String> {
    let output = Command::new("readelf").arg("-rW").arg(file).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    super::text(&output.stdout)
        .lines()
        .filter(|line| {
            !["DTPMOD", "DTPOFF", "TPOFF"]
                .iter()
                .any(|kind| line.contains(kind))
        })
        .flat_map(|line| line.split([' ', '@']))
        .filter(|word| word.starts_with("_R") || word.starts_with("_ZN"))
        .map(str::to_owned)
        .collect()
}

#[cargo_test]
fn references_to_crates_are_bound_by_place() {
    Package::new("frozen", "1.0.0")
        .file("Cargo.toml", &manifest("frozen", ""))
        .file(
            "src/lib.rs",
            r#"
                use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
                pub static COUNT: AtomicUsize = AtomicUsize::new(1);
                pub static REFERENCE: &AtomicUsize = &COUNT;
                pub static CALLS: [fn() -> usize; 2] = [next, twice];
                thread_local! { pub static LOCAL: std::cell::Cell<usize> = const { std::cell::Cell::new(5) }; }
                pub fn next() -> usize { REFERENCE.fetch_add(1, SeqCst) }
                pub fn twice() -> usize { LOCAL.with(|local| local.get()) + 2 * next() }
                pub fn address() -> usize { &raw const COUNT as usize }
            "#,
        )
        .publish();
    let p = program(
        &["frozen"],
        r#"
            use frozen::{CALLS, COUNT, LOCAL, REFERENCE};
            static STARTS: [fn() -> usize; 3] = [frozen::next, frozen::twice, frozen::address];
            fn main() {
                LOCAL.set(100);
                let same = [
                    STARTS[2]() == &raw const COUNT as usize,
                    std::ptr::eq(REFERENCE, &COUNT),
                    CALLS[0] as usize == frozen::next as usize,
                    STARTS[1] as usize == CALLS[1] as usize,
                ];
                println!("{} {} {} {same:?}", STARTS[0](), CALLS[1](), COUNT.load(std::sync::atomic::Ordering::SeqCst));
            }
        "#,
    );
    let printed = same_behaviour(&p);
    let expected = "1 104 3 [true, true, true, true]\n";
    assert_eq!(super::text(&printed.stdout), expected);

    // One name for each group that is referred to. The runtime, which the program completes,
    // is looked up.
    let is_of_crates = |name: &String| !name.contains("_7___rustc");
    let of = |file: &Path| looked_up(file).into_iter().filter(is_of_crates).count();
    assert_eq!(of(&p.bin("foo")), 2);
    let [frozen] = &super::contents(&p, "frozen")[..] else {
        panic!("{:?}", super::contents(&p, "frozen"));
    };
    assert_eq!(of(frozen), 1);
    let [sysroot] = &super::contents(&p, "sysroot")[..] else {
        panic!("{:?}", super::contents(&p, "sysroot"));
    };
    assert_eq!(of(sysroot), 0);
}

#[cargo_test]
fn references_to_the_c_library_have_versions() {
    // Without, the loader takes the oldest version of a function.
    publish_native(
        "native",
        "#include <pthread.h>
         int native_lock(void) {
             static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
             return pthread_cond_signal(&condition);
         }",
        r#"
            extern "C" { fn native_lock() -> i32; fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8; }
            #[inline(always)]
            pub fn lock() -> i32 {
                let (mut to, from) = ([0_u8; 4], [1_u8; 4]);
                unsafe { memcpy(to.as_mut_ptr(), from.as_ptr(), 4); native_lock() + to[3] as i32 }
            }
        "#,
    );
    let p = program(
        &["native"],
        "fn main() { println!(\"{}\", native::lock()); }",
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1\n");

    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let libraries: HashSet<&str> = maps
        .lines()
        .filter_map(|line| line.split(' ').next_back())
        .filter(|path| path.contains("/libc.so") || path.contains("/libm.so"))
        .collect();
    assert!(!libraries.is_empty(), "{maps}");
    let of_platform: HashSet<String> = libraries
        .iter()
        .flat_map(|library| dynamic_symbols(Path::new(library), "--defined-only"))
        .map(|symbol| symbol.split('@').next().unwrap().to_owned())
        .collect();
    assert!(of_platform.contains("memcpy"));

    let mut files = group_files(&p, "");
    files.retain(|file| file.extension().is_some_and(|extension| extension == "so"));
    assert!(files.len() >= 2, "{files:?}");
    files.push(p.bin("foo"));
    for file in files {
        let undefined = dynamic_symbols(&file, "--undefined-only");
        let versioned = undefined.iter().filter(|symbol| symbol.contains('@'));
        assert!(versioned.count() > 0, "{}", file.display());
        let unversioned: Vec<_> = undefined
            .iter()
            .filter(|symbol| of_platform.contains(*symbol))
            .collect();
        assert!(
            unversioned.is_empty(),
            "{}: {unversioned:?}",
            file.display()
        );
    }
}

#[cargo_test]
fn the_same_c_library_in_two_crates() {
    // Each of them brings it along, under another version of the crate for example.
    let c = "static int count; int counter(void) { return ++count; }";
    let lib = r#"
        extern "C" { fn counter() -> i32; }
        pub fn next() -> i32 { unsafe { counter() } }
    "#;
    publish_native("one", c, lib);
    publish_native("two", c, lib);
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "pub fn plain() -> u8 { 9 }")
        .publish();
    let p = program(
        &["one", "two", "plain"],
        "fn main() { println!(\"{} {} {}\", one::next(), two::next(), plain::plain()); }",
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1 2 9\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

#[cargo_test(requires = "c++")]
fn the_same_cpp_library_in_two_crates() {
    let cpp = r#"
        namespace library { static int count; int next() { return ++count; } }
        extern "C" int NAME_next() { return library::next(); }
    "#;
    let package = |name: &str| {
        (
            build_script_for("c++", "src/native.cpp", ""),
            cpp.replace("NAME", name),
            format!(
                "extern \"C\" {{ fn {name}_next() -> i32; }}
                 pub fn next() -> i32 {{ unsafe {{ {name}_next() }} }}"
            ),
        )
    };
    let (build, cpp, lib) = package("one");
    Package::new("one", "1.0.0")
        .file("Cargo.toml", &manifest("one", ""))
        .file("build.rs", &build)
        .file("src/native.cpp", &cpp)
        .file("src/lib.rs", &lib)
        .publish();
    let p = program(
        &["one"],
        "fn main() { println!(\"{} {}\", one::next(), two::next()); }",
    );
    let (build, cpp, lib) = package("two");
    p.change_file(
        "Cargo.toml",
        &manifest(
            "foo",
            "[dependencies]\none = '1.0'\ntwo = { path = 'two' }\n",
        ),
    );
    p.change_file("two/Cargo.toml", &manifest("two", ""));
    p.change_file("two/build.rs", &build);
    p.change_file("two/src/native.cpp", &cpp);
    p.change_file("two/src/lib.rs", &lib);
    // A static link refuses two definitions that are both needed.
    let flags = "-Clink-arg=-Wl,--allow-multiple-definition";
    let run = |argument: &str| {
        p.cargo(&format!("build {argument}"))
            .env("RUSTFLAGS", flags)
            .run();
        super::stdout(&p.bin("foo"))
    };
    let of_static = run("--no-dynamic-deps");
    assert_eq!(of_static, "1 2\n");
    assert_eq!(run("--dynamic-deps"), of_static);
}

#[cargo_test]
fn the_same_exported_function_in_two_crates() {
    // Of two libraries, the first whose object is needed gives it. An incremental build
    // makes an object of each module.
    let lib = |name: &str, number: u32| {
        format!(
            "pub mod apart {{ #[no_mangle] pub extern \"C\" fn hook() -> u32 {{ {number} }} }}
             pub mod other {{ #[inline(never)] pub fn {name}() -> u32 {{ {number} }} }}"
        )
    };
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\none = { path = 'one' }\ntwo = { path = 'two' }\n",
            ),
        )
        .file(
            "src/main.rs",
            r#"
                extern "C" { fn hook() -> u32; }
                fn main() { println!("{} {} {}", one::other::one(), two::other::two(), unsafe { hook() }); }
            "#,
        )
        .file("one/Cargo.toml", &manifest("one", ""))
        .file("one/src/lib.rs", &lib("one", 1))
        .file("two/Cargo.toml", &manifest("two", ""))
        .file("two/src/lib.rs", &lib("two", 2))
        .build();
    let run = |argument: &str| {
        p.cargo(&format!("build {argument}"))
            .env("CARGO_INCREMENTAL", "1")
            .run();
        super::stdout(&p.bin("foo"))
    };
    let of_static = run("--no-dynamic-deps");
    assert!(of_static.starts_with("1 2 "), "{of_static}");
    assert_eq!(run("--dynamic-deps"), of_static);
}

#[cargo_test]
fn two_definitions_that_a_static_link_refuses() {
    let lib = "#[no_mangle] pub extern \"C\" fn twice() -> u32 { 1 }
               pub fn call() -> u32 { twice() }";
    Package::new("one", "1.0.0")
        .file("src/lib.rs", lib)
        .publish();
    let p = program(
        &["one"],
        r#"
            #[no_mangle] pub extern "C" fn twice() -> u32 { 2 }
            fn main() { println!("{} {}", one::call(), twice()); }
        "#,
    );
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {argument}"))
            .with_status(101)
            .with_stderr_contains("[ERROR] linking with [..] failed[..]")
            // As lld and as GNU ld say it.
            .with_stderr_contains("[..]twice[..]")
            .run();
    }
}

#[cargo_test]
fn a_function_of_the_c_library_that_a_crate_replaces() {
    // As allocators in C do with `malloc`.
    publish_native(
        "replaces",
        "int rand(void) { return 4; } int replaces_number(void) { return 1; }",
        r#"
            extern "C" { fn replaces_number() -> i32; fn rand() -> i32; }
            pub fn number() -> i32 { unsafe { replaces_number() + rand() } }
        "#,
    );
    Package::new("uses", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn rand() -> i32; fn srand(seed: u32); }
                pub fn number() -> bool { unsafe { srand(1); rand() == 4 } }
            "#,
        )
        .publish();
    let uses_both = "fn main() { println!(\"{} {}\", replaces::number(), uses::number()); }";
    let p = program(&["replaces", "uses"], uses_both);
    assert_eq!(same_output(&p), "5 true\n");

    // The same packages, and a program that does not name the one that replaces it.
    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{}\", uses::number()); }",
    );
    assert_eq!(same_output(&p), "false\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);

    // One that uses it by way of another crate, and takes that function by nothing else.
    Package::new("by_way", "1.0.0")
        .dep("replaces", "1.0")
        .file(
            "src/lib.rs",
            r#"
                extern crate replaces;
                extern "C" { fn replaces_number() -> i32; }
                pub fn number() -> i32 { unsafe { replaces_number() } }
            "#,
        )
        .publish();
    let p = program(
        &["by_way", "uses"],
        "fn main() { println!(\"{} {}\", by_way::number(), uses::number()); }",
    );
    assert_eq!(same_output(&p), "1 true\n");
    // Kept in the executable by the user, it replaces the function as well.
    let run = |rest: &str| {
        p.cargo(&format!("build --dynamic-deps {rest}")).run();
        super::stdout(&p.bin("foo"))
    };
    let opt_out = "--config profile.dev.package.replaces.dynamic-deps=false";
    assert_eq!(run(opt_out), "1 true\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

#[cargo_test]
fn a_function_of_the_c_library_in_an_object_of_its_own() {
    // Nothing refers to it but what is in a group. An incremental build makes an object
    // of each module.
    Package::new("uses", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn rand() -> i32; fn srand(seed: u32); }
                pub fn number() -> bool { unsafe { srand(1); rand() == 4 } }
            "#,
        )
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\nreplaces = { path = 'replaces' }\nuses = '1.0'\n",
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {}\", replaces::other::number(), uses::number()); }",
        )
        .file("replaces/Cargo.toml", &manifest("replaces", ""))
        .file(
            "replaces/src/lib.rs",
            r#"
                pub mod apart { #[no_mangle] pub extern "C" fn rand() -> i32 { 4 } }
                pub mod other { #[inline(never)] pub fn number() -> i32 { 1 } }
            "#,
        )
        .build();
    let run = |argument: &str| {
        p.cargo(&format!("build {argument}"))
            .env("CARGO_INCREMENTAL", "1")
            .run();
        super::stdout(&p.bin("foo"))
    };
    assert_eq!(run("--no-dynamic-deps"), "1 true\n");
    assert_eq!(run("--dynamic-deps"), "1 true\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

/// A program with a C library inside, which loads the plugin that the variable `PLUGIN`
/// names, and prints what it and the plugin get of a function.
fn program_with_plugin() -> Project {
    publish_native(
        "bundled",
        "int version(void) { return 1; }",
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
fn library(p: &Project, name: &str, c: &str, libraries: &str) -> PathBuf {
    let root = p.root();
    let path = root.join(format!("lib{name}.so"));
    let root = root.display();
    let flags = format!("-L{root} -Wl,-soname,lib{name}.so -Wl,-rpath,{root} {libraries}");
    shared_library(&path, c, &flags);
    path
}

const PLUGIN: &str = "int version(void); int plugin_version(void) { return version(); }";

#[cargo_test]
fn a_plugin_with_a_library_of_its_own() {
    // It needs another version of the library, as a shared one.
    let p = program_with_plugin();
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
fn a_plugin_that_takes_a_function_of_the_program() {
    // As modules of interpreters do.
    let p = program_with_plugin();
    let plugin = library(&p, "plugin", PLUGIN, "");
    let run = |argument: &str, flags: &str| {
        p.cargo(&format!("build {argument}"))
            .env("PLUGIN", &plugin)
            .env("RUSTFLAGS", flags)
            .run();
        super::stdout(&p.bin("foo"))
    };
    let flags = "-Clink-arg=-rdynamic";
    assert_eq!(run("--no-dynamic-deps", flags), "1 1\n");
    assert_eq!(run("--dynamic-deps", flags), "1 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);

    // The groups are linked before the link args of one program are known.
    p.change_file(
        "build.rs",
        "fn main() { println!(\"cargo::rustc-link-arg=-rdynamic\"); }",
    );
    assert_eq!(run("--no-dynamic-deps", ""), "1 1\n");
    assert_eq!(run("--dynamic-deps", ""), "1 1\n");
    assert_eq!(groups_of(&p.bin("foo")), super::STATIC);
    let opt_out = "--dynamic-deps --config profile.dev.package.bundled.dynamic-deps=false";
    assert_eq!(run(opt_out, ""), "1 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
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

#[cargo_test]
fn a_crate_that_takes_a_function_of_one_it_does_not_depend_on() {
    Package::new("caller", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn hook() -> i32; }
                #[inline(never)]
                pub fn call() -> i32 { unsafe { hook() } }
            "#,
        )
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\ncaller = '1.0'\nhooks = { path = 'hooks' }\n",
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {}\", hooks::number(), caller::call()); }",
        )
        .file("hooks/Cargo.toml", &manifest("hooks", ""))
        .file(
            "hooks/src/lib.rs",
            "#[no_mangle] pub extern \"C\" fn hook() -> i32 { 7 }
             #[inline(never)] pub fn number() -> i32 { 1 }",
        )
        .build();
    assert_eq!(same_output(&p), "1 7\n");
    assert_eq!(groups_of(&p.bin("foo")), super::STATIC);
    p.cargo("build --dynamic-deps --config profile.dev.package.hooks.dynamic-deps=false")
        .run();
    assert_eq!(super::stdout(&p.bin("foo")), "1 7\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);

    // Where one group is above the other, the definition is there for it.
    p.change_file(
        "hooks/Cargo.toml",
        &manifest("hooks", "[dependencies]\ncaller = '1.0'\n"),
    );
    assert_eq!(same_output(&p), "1 7\n");
    assert_eq!(groups_of(&p.bin("foo")), super::LAYERS);
}

/// How many groups an executable loads, which may load other libraries too.
fn loaded_groups(executable: &Path) -> usize {
    let info = DynamicInfo::read(executable).unwrap().unwrap();
    let needed = info.needed.iter();
    needed
        .filter(|soname| soname.starts_with("dynamic-deps-"))
        .count()
}

#[cargo_test]
fn a_function_that_a_link_arg_wraps() {
    // As tests of C code replace what they do not want to call.
    publish_native(
        "native",
        "int inner(void) { return 1; } int outer(void) { return 10; }",
        r#"
            extern "C" { fn inner() -> i32; fn outer() -> i32; }
            pub fn number() -> i32 { unsafe { inner() + outer() } }
        "#,
    );
    let p = program(
        &["native"],
        r#"
            extern "C" { fn __real_inner() -> i32; }
            #[no_mangle] extern "C" fn __wrap_inner() -> i32 { unsafe { __real_inner() + 100 } }
            fn main() { println!("{}", native::number()); }
        "#,
    );
    // In a file that the driver reads, and in one that only the linker does.
    let of_driver = p.root().join("of-driver");
    let of_linker = p.root().join("of-linker");
    std::fs::write(&of_driver, "-Wl,--wrap=inner").unwrap();
    std::fs::write(&of_linker, "--wrap=inner").unwrap();
    let by_driver = format!("@{}", of_driver.display());
    let by_linker = format!("-Wl,@{}", of_linker.display());
    for spelling in [
        "-Wl,--wrap=inner",
        "-Wl,--wrap,inner",
        &by_driver,
        &by_linker,
    ] {
        p.change_file(
            "build.rs",
            &format!("fn main() {{ println!(\"cargo::rustc-link-arg={spelling}\"); }}"),
        );
        assert_eq!(same_output(&p), "111\n", "{spelling}");
    }
    p.cargo("build --dynamic-deps -v")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: the link arg \
             `--wrap=inner (-Wl,@[ROOT]/foo/of-linker)` is for all libraries, and groups are linked \
             without it",
        )
        .run();
    p.change_file("build.rs", "fn main() {}");
    let run = |argument: &str| {
        p.cargo(&format!("build {argument}"))
            .env("RUSTFLAGS", "-Clink-args=-Xlinker -Clink-args=--wrap=inner")
            .run();
        super::stdout(&p.bin("foo"))
    };
    assert_eq!(run("--no-dynamic-deps"), "111\n");
    assert_eq!(run("--dynamic-deps"), "111\n");
}
