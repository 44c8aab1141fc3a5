//! Libraries that an executable loads without depending on them, since they share a pool or a part
//! with its dependencies: it behaves as if they were not there.

use std::process::Command;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, ProjectBuilder, project};

use super::pools::{publish, with_printer};
use super::{
    build_script_for, groups_of, manifest, objects_of, publish_native, shared_library, stdout, text,
};

/// A workspace of these programs: name, dependencies and what is in `main.rs`.
pub(super) fn workspace(programs: &[(&str, &str, &str)]) -> ProjectBuilder {
    let members: String = programs
        .iter()
        .map(|(name, _, _)| format!("'{name}', "))
        .collect();
    let mut builder = project().file(
        "Cargo.toml",
        &format!("[workspace]\nmembers = [{members}]\nresolver = '2'\n"),
    );
    for (name, dependencies, main) in programs {
        builder = builder
            .file(
                format!("{name}/Cargo.toml"),
                &manifest(name, &format!("[dependencies]\n{dependencies}")),
            )
            .file(format!("{name}/src/main.rs"), main);
    }
    builder
}

/// Builds the programs of a workspace one after the other in each of these orders, each order in a
/// target directory that is empty, and checks that each prints what its static twin does.
#[track_caller]
pub(super) fn check(p: &Project, orders: &[&[&str]]) {
    for order in orders {
        p.build_dir().rm_rf();
        for selection in *order {
            p.cargo(&format!("build --dynamic-deps {selection}")).run();
        }
        p.cargo("build --dynamic-deps").run();
        let programs = programs(p);
        let of_dynamic: Vec<String> = programs.iter().map(|name| stdout(&p.bin(name))).collect();
        p.cargo("build --no-dynamic-deps").run();
        for (name, output) in programs.iter().zip(of_dynamic) {
            assert_eq!(output, stdout(&p.bin(name)), "{name} after {order:?}");
        }
    }
    p.cargo("build --dynamic-deps").run();
}

/// The names of the programs of a workspace: those of its members that have a `main.rs`.
fn programs(p: &Project) -> Vec<String> {
    let entries = std::fs::read_dir(p.root()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("src/main.rs").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(super) const ALL_ORDERS: [&[&str]; 4] = [&[], &["-p a"], &["-p b"], &["-p b", "-p a"]];

#[cargo_test]
fn constructors() {
    Package::new("early", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                extern "C" fn begin() { println!("early"); }
                #[used]
                #[link_section = ".init_array"]
                static BEGIN: extern "C" fn() = begin;
                pub fn name() -> &'static str { "early" }
            "#,
        )
        .publish();
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "pub fn name() -> &'static str { \"plain\" }")
        .publish();
    let p = workspace(&[
        (
            "a",
            "early = '1.0'\nplain = '1.0'\n",
            "fn main() { println!(\"{} {}\", early::name(), plain::name()); }",
        ),
        (
            "b",
            "plain = '1.0'\n",
            "fn main() { println!(\"{}\", plain::name()); }",
        ),
    ])
    .build();
    check(&p, &ALL_ORDERS);
    assert_eq!(stdout(&p.bin("a")), "early\nearly plain\n");
    assert_eq!(stdout(&p.bin("b")), "plain\n");
    assert_eq!(groups_of(&p.bin("b")), ["frozen", "sysroot"]);
}

#[cargo_test]
fn two_libraries_with_a_name_in_common() {
    // No program has both.
    for (name, number) in [("one", 1), ("two", 2)] {
        publish_native(
            name,
            &format!("int level = {number}; int next(void) {{ return level++; }}"),
            r#"
                extern "C" { fn next() -> i32; static mut level: i32; }
                pub fn both() -> (i32, i32) { unsafe { (next(), level) } }
            "#,
        );
    }
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "pub fn name() -> &'static str { \"plain\" }")
        .publish();
    let main = |library: &str| {
        format!("fn main() {{ println!(\"{{:?}} {{}}\", {library}::both(), plain::name()); }}")
    };
    let p = workspace(&[
        ("a", "one = '1.0'\nplain = '1.0'\n", &main("one")),
        ("b", "two = '1.0'\nplain = '1.0'\n", &main("two")),
        (
            "c",
            "plain = '1.0'\n",
            r#"
                #[no_mangle] pub static level: i32 = 7;
                #[no_mangle] pub extern "C" fn next() -> i32 { 8 }
                fn main() { println!("{} {} {}", plain::name(), level, next()); }
            "#,
        ),
    ])
    .build();
    check(&p, &ALL_ORDERS);
    check(&p, &[&["-p c", "-p a", "-p b"], &["-p b", "-p c", "-p a"]]);
    assert_eq!(stdout(&p.bin("a")), "(1, 2) plain\n");
    assert_eq!(stdout(&p.bin("b")), "(2, 3) plain\n");
    assert_eq!(stdout(&p.bin("c")), "plain 7 8\n");
}

#[cargo_test]
fn inline_functions_of_cpp() {
    // Each library has a definition of the same function, and a process has one of its variable.
    for name in ["one", "two"] {
        Package::new(name, "1.0.0")
            .file("Cargo.toml", &manifest(name, ""))
            .file("build.rs", &build_script_for("c++", "src/native.cc", ""))
            .file(
                "src/native.cc",
                &format!(
                    "inline int &shared() {{ static int count = 0; return count; }}
                     extern \"C\" int {name}_next() {{ return ++shared(); }}"
                ),
            )
            .file(
                "src/lib.rs",
                &format!(
                    "extern \"C\" {{ fn {name}_next() -> i32; }}
                     pub fn next() -> i32 {{ unsafe {{ {name}_next() }} }}"
                ),
            )
            .publish();
    }
    let p = workspace(&[
        (
            "a",
            "one = '1.0'\n",
            "fn main() { println!(\"{} {}\", one::next(), one::next()); }",
        ),
        (
            "b",
            "two = '1.0'\n",
            "fn main() { println!(\"{} {}\", two::next(), two::next()); }",
        ),
        (
            "c",
            "one = '1.0'\ntwo = '1.0'\n",
            "fn main() { println!(\"{} {} {}\", one::next(), two::next(), one::next()); }",
        ),
    ])
    .build();
    check(&p, &ALL_ORDERS);
    check(&p, &[&["-p a", "-p b"], &["-p c"], &["-p a", "-p c"]]);
    assert_eq!(stdout(&p.bin("c")), "1 2 3\n");
}

/// A program that tells whether it, or a plugin that it opens, sees `native_level`.
fn looks_for_native(calls: &str) -> String {
    r#"
        use std::ffi::{CString, c_char, c_int, c_void};
        extern "C" {
            fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
            fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
        }
        fn main() {
            let path = CString::new(std::env::var("PLUGIN").unwrap()).unwrap();
            let own = unsafe { dlsym(std::ptr::null_mut(), c"native_level".as_ptr()) };
            // RTLD_NOW
            let plugin = unsafe { dlopen(path.as_ptr(), 2) };
            let probe: extern "C" fn() -> c_int =
                unsafe { std::mem::transmute(dlsym(plugin, c"probe".as_ptr())) };
            println!("{} {}", !own.is_null(), probe());
            CALLS
        }
    "#
    .replace("CALLS", calls)
}

#[cargo_test]
fn a_library_of_c_that_only_one_program_reaches() {
    publish_native(
        "native",
        "int native_level(void) { return 7; }",
        r#"
            extern "C" { fn native_level() -> i32; }
            pub fn level() -> i32 { unsafe { native_level() } }
        "#,
    );
    publish("plain", "1.0.0", &[]);
    let p = project()
        .file(
            "Cargo.toml",
            "[workspace]\nmembers = ['a', 'b']\nresolver = '2'\n",
        )
        .file(
            "a/Cargo.toml",
            &manifest("a", "[dependencies]\nnative = '1.0'\nplain = '1.0'\n"),
        )
        .file(
            "a/src/main.rs",
            &looks_for_native("println!(\"{}{}\", plain::name(), native::level());"),
        )
        .file(
            "b/Cargo.toml",
            &manifest("b", "[dependencies]\nplain = '1.0'\n"),
        )
        .file(
            "b/src/main.rs",
            &looks_for_native("println!(\"{}\", plain::name());"),
        )
        .build();
    let plugin = p.root().join("plugin.so");
    shared_library(
        &plugin,
        "extern int native_level(void) __attribute__((weak));
         int probe(void) { return native_level ? native_level() : -1; }",
        "",
    );
    let outputs = |argument: &str, flags: &str| {
        p.cargo(&format!("build {argument}"))
            .env("RUSTFLAGS", flags)
            .run();
        ["a", "b"].map(|bin| {
            let output = Command::new(p.bin(bin)).env("PLUGIN", &plugin).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{output:?}");
            text(&output.stdout).to_owned()
        })
    };
    let of_static = outputs("--no-dynamic-deps", "");
    assert_eq!(
        of_static,
        ["false -1\nplain 1.0.0 7\n", "false -1\nplain 1.0.0 \n"]
    );
    assert_eq!(outputs("--dynamic-deps", ""), of_static);
    for bin in ["a", "b"] {
        assert_eq!(objects_of(&p.bin(bin), "frozen"), [["native", "plain"]]);
    }

    // A program that shows its names to what it loads shows what is in it, and nothing else.
    let flags = "-C link-arg=-rdynamic";
    let of_static = outputs("--no-dynamic-deps", flags);
    assert_eq!(of_static[1], "false -1\nplain 1.0.0 \n");
    assert_eq!(outputs("--dynamic-deps", flags), of_static);
    assert_eq!(objects_of(&p.bin("b"), "frozen"), [["plain"]]);
}

#[cargo_test]
fn a_library_of_the_platform_is_loaded_only_by_those_who_depend_on_it() {
    Package::new("zipped", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                #[link(name = "z")]
                extern "C" { fn zlibCompileFlags() -> std::ffi::c_ulong; }
                pub fn name() -> String {
                    format!("zipped {}", unsafe { zlibCompileFlags() } != 0)
                }
            "#,
        )
        .publish();
    publish("plain", "1.0.0", &[]);
    publish("above", "1.0.0", &["plain"]);
    Package::new("over", "1.0.0")
        .dep("zipped", "1.0")
        .dep("plain", "1.0")
        .file(
            "src/lib.rs",
            "pub fn name() -> String { format!(\"over {}\", zipped::name()) }",
        )
        .publish();
    let main = |bin: &str, library: &str| {
        format!(
            "fn main() {{
                 let maps = std::fs::read_to_string(\"/proc/self/maps\").unwrap();
                 println!(\"{bin} {{}} {{}}\", {library}::name(), maps.contains(\"libz.so\"));
             }}"
        )
    };
    let builder = project().file(
        "Cargo.toml",
        "[workspace]\nmembers = ['a', 'b']\nresolver = '2'\n",
    );
    let builder = with_printer(builder, "a", &["over"]);
    let p = with_printer(builder, "b", &["above"])
        .file("a/src/main.rs", &main("a", "over"))
        .file("b/src/main.rs", &main("b", "above"))
        .build();
    let check = || {
        assert_eq!(stdout(&p.bin("a")), "a over zipped true true\n");
        assert_eq!(stdout(&p.bin("b")), "b above 1.0.0 plain 1.0.0  false\n");
    };
    p.cargo("build --no-dynamic-deps").run();
    check();
    p.cargo("build --dynamic-deps").run();
    check();
    assert_eq!(objects_of(&p.bin("b"), "frozen"), [["above", "plain"]]);
    assert_eq!(
        objects_of(&p.bin("a"), "frozen"),
        [vec!["over", "zipped"], vec!["above", "plain"]]
    );
    // Whatever was built first.
    for first in ["a", "b"] {
        p.build_dir().rm_rf();
        p.cargo(&format!("build --dynamic-deps -p {first}")).run();
        p.cargo("build --dynamic-deps").run();
        check();
    }
}

#[cargo_test]
fn large_thread_locals() {
    // The stack of a thread holds the thread locals of all that the program loads.
    Package::new("large", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                use std::cell::Cell;
                thread_local! { static LARGE: [Cell<u64>; 1 << 19] = const { [const { Cell::new(3) }; 1 << 19] }; }
                pub fn last() -> u64 { LARGE.with(|large| large[large.len() - 1].get()) }
                pub fn name() -> &'static str { "large" }
            "#,
        )
        .publish();
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "pub fn name() -> &'static str { \"plain\" }")
        .publish();
    let main = |expression: &str| {
        format!(
            r#"
                fn deep(depth: usize) -> usize {{
                    let frame = std::hint::black_box([depth; 128]);
                    if depth == 0 {{ 0 }} else {{ deep(depth - 1) + frame[7] / depth }}
                }}
                fn main() {{
                    let thread = std::thread::Builder::new().stack_size(2 << 20);
                    println!("{{}}", thread.spawn(|| deep(512)).unwrap().join().unwrap());
                    println!("{{}}", {expression});
                }}
            "#
        )
    };
    let large = "large = '1.0'\nplain = '1.0'\n";
    let p = workspace(&[
        (
            "a",
            large,
            "fn main() { println!(\"{} {}\", large::last(), plain::name()); }",
        ),
        ("b", "plain = '1.0'\n", &main("plain::name()")),
        ("c", large, &main("large::name()")),
    ])
    .build();
    check(&p, &[&[], &["-p b"]]);
    assert_eq!(stdout(&p.bin("b")), "512\nplain\n");
    assert_eq!(stdout(&p.bin("c")), "512\nlarge\n");
    assert_eq!(groups_of(&p.bin("b")), ["frozen", "sysroot"]);
}
