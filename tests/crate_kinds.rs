//! Crates of unusual kinds and sizes in the graph.

use crate::prelude::*;
use cargo_test_support::project;
use cargo_test_support::registry::Package;
use link_plan::image::{IMAGE_USERS, ImageUser};

use super::{STATIC, groups_of, manifest, members_of, program, same_behaviour, stdout, unit_files};

#[cargo_test]
fn no_dependencies() {
    let p = program(&[], "fn main() { println!(\"alone\"); }");
    assert_eq!(super::text(&same_behaviour(&p).stdout), "alone\n");
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
}

#[cargo_test]
fn empty_crates() {
    Package::new("empty", "1.0.0").publish();
    Package::new("macros", "1.0.0")
        .file(
            "src/lib.rs",
            "#[macro_export] macro_rules! twice { ($e:expr) => { $e * 2 }; }",
        )
        .publish();
    Package::new("types", "1.0.0")
        .file("src/lib.rs", "pub struct Pair<T>(pub T, pub T);")
        .dep("empty", "1.0")
        .publish();
    let p = program(
        &["empty", "macros", "types"],
        r#"
            use empty as _;
            fn main() { let types::Pair(a, b) = types::Pair(1, macros::twice!(4)); println!("{a} {b}"); }
        "#,
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1 8\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

#[cargo_test]
fn crates_without_std() {
    Package::new("bare", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                #![no_std]
                #[inline(never)]
                pub fn checked(bytes: &[u8], index: usize) -> u8 { bytes[index] }
                pub fn sine(x: f64) -> u128 { (x as u128 * 7) / 3 }
            "#,
        )
        .publish();
    Package::new("allocating", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                #![no_std]
                extern crate alloc;
                use alloc::{boxed::Box, format, string::String};
                pub fn text(number: u8) -> Box<String> { Box::new(format!("number {number}")) }
            "#,
        )
        .dep("bare", "1.0")
        .publish();
    let p = program(
        &["bare", "allocating"],
        r#"
            fn main() {
                println!("{} {} {}", bare::checked(&[1, 2], 1), bare::sine(9.5), allocating::text(3));
                let caught = std::panic::catch_unwind(|| bare::checked(&[], 5));
                println!("{}", caught.unwrap_err().downcast::<String>().unwrap());
            }
        "#,
    );
    assert_eq!(
        super::text(&same_behaviour(&p).stdout),
        "2 21 number 3\nindex out of bounds: the len is 0 but the index is 5\n"
    );
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

#[cargo_test]
fn a_crate_with_many_symbols() {
    const COUNT: usize = 50_000;
    let mut lib: String = (0..COUNT)
        .map(|n| format!("#[no_mangle] pub static NUMBER_{n}: u32 = {n};\n"))
        .collect();
    lib.push_str("pub fn last() -> &'static u32 { &NUMBER_49999 }\n");
    Package::new("many", "1.0.0")
        .file("src/lib.rs", &lib)
        .publish();
    let p = program(
        &["many"],
        r#"
            extern "C" { static NUMBER_40000: u32; }
            fn main() {
                let number = unsafe { NUMBER_40000 };
                println!("{} {} {}", many::NUMBER_0, number, many::last());
            }
        "#,
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "0 40000 49999\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

#[cargo_test]
fn a_library_that_is_a_cdylib_too() {
    // Its shared object for C is complete in itself, and the program may load it.
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\nbase = '1.0'\nplugin = { path = 'plugin' }\n\
                 [workspace]\nmembers = ['plugin']\n",
            ),
        )
        .file(
            "src/main.rs",
            r#"
                use std::ffi::{CString, c_char, c_int, c_void};

                extern "C" {
                    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
                    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
                }

                fn main() {
                    // With the other files of rustc, in either layout of the build directory.
                    let debug = std::env::current_exe().unwrap().parent().unwrap().to_owned();
                    let units = std::fs::read_dir(debug.join("build/plugin"));
                    let units = units.into_iter().flatten();
                    let outputs = units.map(|unit| unit.unwrap().path().join("out"));
                    let mut paths = outputs
                        .chain([debug.join("deps")])
                        .map(|output| output.join("libplugin.so"));
                    let path = paths.find(|path| path.is_file()).unwrap();
                    let path = CString::new(path.to_str().unwrap()).unwrap();
                    let next: extern "C" fn() -> usize = unsafe {
                        let library = dlopen(path.as_ptr(), 2);
                        assert!(!library.is_null());
                        std::mem::transmute(dlsym(library, c"plugin_next".as_ptr()))
                    };
                    // Two copies of the code, each with its own state.
                    println!("{} {}", next(), next());
                    println!("{} {}", plugin::plugin_next(), base::next());
                }
            "#,
        )
        .file(
            "plugin/Cargo.toml",
            &manifest(
                "plugin",
                "[lib]\ncrate-type = ['lib', 'cdylib']\n[dependencies]\nbase = '1.0'\n",
            ),
        )
        .file(
            "plugin/src/lib.rs",
            "#[no_mangle] pub extern \"C\" fn plugin_next() -> usize { base::next() }",
        )
        .build();
    Package::new("base", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
                static COUNT: AtomicUsize = AtomicUsize::new(0);
                pub fn next() -> usize { COUNT.fetch_add(1, SeqCst) + 1 }
            "#,
        )
        .publish();
    let output = same_behaviour(&p);
    assert_eq!(super::text(&output.stdout), "1 2\n1 2\n");
    let mut files = unit_files(&p).into_iter();
    let cdylib = files.find(|path| path.ends_with("libplugin.so"));
    assert_eq!(groups_of(&cdylib.unwrap()), STATIC);
}

#[cargo_test]
fn a_rust_dylib_is_linked_as_ever() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nshared = { path = 'shared' }\n"),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", shared::number()); }",
        )
        .file(
            "shared/Cargo.toml",
            &manifest("shared", "[lib]\ncrate-type = ['dylib']\n"),
        )
        .file("shared/src/lib.rs", "pub fn number() -> u8 { 4 }")
        .build();
    let run = |argument: &str| {
        let output = p.cargo(&format!("run {argument}")).run();
        super::text(&output.stdout).to_owned()
    };
    let of_static = run("--no-dynamic-deps");
    assert_eq!(of_static, "4\n");
    assert_eq!(run("--config profile.dev.dynamic-deps=true"), of_static);
    p.cargo("build --config profile.dev.dynamic-deps=true")
        .with_stderr_contains(
            "[WARNING] linking dependencies statically despite `dynamic-deps`: \
             the crate `shared` is linked as a Rust `dylib`",
        )
        .run();
}

#[cargo_test]
fn a_library_that_is_a_rust_dylib_too() {
    // As with hot reloading: the rlib for the types, and the `dylib` to be loaded again.
    Package::new("base", "1.0.0")
        .file(
            "src/lib.rs",
            "pub fn three() -> u32 { std::hint::black_box(3) }",
        )
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[workspace]\nmembers = ['logic']\n\
                 [dependencies]\nlogic = { path = 'logic' }\nbase = '1.0'\n",
            ),
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
                    let mut state = logic::State { value: base::three(), steps: 0 };
                    logic::step(&mut state);
                    let path = std::env::current_exe().unwrap().with_file_name("liblogic.so\0");
                    let step: fn(&mut logic::State) = unsafe {
                        let library = dlopen(path.to_str().unwrap().as_ptr().cast(), 2);
                        assert!(!library.is_null());
                        std::mem::transmute(dlsym(library, c"step".as_ptr()))
                    };
                    step(&mut state);
                    println!("{} {} {}", state.value, state.steps, logic::steps());
                }
            "#,
        )
        .file(
            "logic/Cargo.toml",
            &manifest(
                "logic",
                "[lib]\ncrate-type = ['rlib', 'dylib']\n[dependencies]\nbase = '1.0'\n",
            ),
        )
        .file(
            "logic/src/lib.rs",
            r#"
                use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
                static STEPS: AtomicU32 = AtomicU32::new(0);
                pub struct State { pub value: u32, pub steps: u32 }
                #[no_mangle] pub fn step(state: &mut State) {
                    state.value += base::three();
                    state.steps = STEPS.fetch_add(1, SeqCst) + 1;
                }
                pub fn steps() -> u32 { STEPS.load(SeqCst) }
            "#,
        )
        .build();
    let run = |argument: &str| {
        p.cargo(&format!("build --workspace {argument}"))
            .with_stderr_does_not_contain("[WARNING] [..]")
            .run();
        stdout(&p.bin("foo"))
    };
    assert_eq!(run("--no-dynamic-deps"), "9 1 1\n");
    assert_eq!(run("--dynamic-deps"), "9 1 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["local", "frozen", "sysroot"]);
}

#[cargo_test]
fn a_crate_for_a_macro_and_for_the_program() {
    // The same library is part of the compiler's process and of the program.
    Package::new("shared", "1.0.0")
        .file(
            "src/lib.rs",
            "pub fn shout(text: &str) -> String { text.to_uppercase() }",
        )
        .publish();
    Package::new("derive", "1.0.0")
        .proc_macro(true)
        .file(
            "src/lib.rs",
            r#"
                extern crate proc_macro;
                #[proc_macro]
                pub fn shouted(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
                    format!("{:?}", shared::shout(&input.to_string())).parse().unwrap()
                }
            "#,
        )
        .dep("shared", "1.0")
        .publish();
    let p = program(
        &["shared", "derive"],
        "fn main() { println!(\"{} {}\", derive::shouted!(one), shared::shout(\"two\")); }",
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "ONE TWO\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

#[cargo_test]
fn a_library_that_nothing_names() {
    // It is in the manifest, and rustc does not link it.
    Package::new("unnamed", "1.0.0")
        .file("src/lib.rs", "pub fn unnamed() {}")
        .publish();
    let p = program(&["unnamed"], "fn main() { println!(\"named\"); }");
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("foo")), "named\n");
}

#[cargo_test]
fn crates_that_take_their_image_for_the_program() {
    // They are known by their names; each of these tells in which image its code lies.
    let lib = r#"
        use std::ffi::{c_int, c_void};
        #[repr(C)]
        struct Info { file: *const u8, image: usize, name: *const u8, address: usize }
        extern "C" { fn dladdr(address: *const c_void, info: *mut Info) -> c_int; }
        pub fn image_of(code: usize) -> usize {
            let mut info = Info { file: std::ptr::null(), image: 0, name: std::ptr::null(), address: 0 };
            assert!(unsafe { dladdr(code as *const c_void, &mut info) } != 0);
            info.image
        }
        pub fn lies_with(code: usize) -> bool { image_of(code) == image_of(image_of as fn(usize) -> usize as usize) }
    "#;
    let names: Vec<&str> = IMAGE_USERS.iter().map(|user| user.package).collect();
    for name in names.iter().chain(&["plain"]) {
        Package::new(name, "1.0.0")
            .file("src/lib.rs", lib)
            .publish();
    }
    let calls: String = names
        .iter()
        .map(|name| format!("println!(\"{name} {{}}\", {name}::lies_with(main as fn() as usize));"))
        .collect();
    let main = format!("fn main() {{ {calls} plain::image_of(main as fn() as usize); }}");
    let mut dependencies = names.clone();
    dependencies.push("plain");
    let p = program(&dependencies, &main);
    let expected: String = names.iter().map(|name| format!("{name} true\n")).collect();
    assert_eq!(super::text(&same_behaviour(&p).stdout), expected);
    assert_eq!(members_of(&p.bin("foo"), "frozen"), ["plain"]);
    let mut build = p.cargo("build --dynamic-deps -v");
    for user in &IMAGE_USERS {
        let ImageUser {
            package,
            reason,
            source,
        } = user;
        build.with_stderr_contains(format!("  holds {package} v1.0.0: {reason} ({source})"));
    }
    build.run();

    // Unless the user knows better.
    for of_all in ["", "--config profile.dev.dynamic-deps=true"] {
        p.cargo("build --dynamic-deps --config profile.dev.package.procspawn.dynamic-deps=true")
            .args(&of_all.split_whitespace().collect::<Vec<_>>())
            .run();
        let expected = expected.replace("procspawn true", "procspawn false");
        assert_eq!(stdout(&p.bin("foo")), expected);
        let mut members = members_of(&p.bin("foo"), "frozen");
        members.sort();
        assert_eq!(members, ["plain", "procspawn"]);
    }
}
