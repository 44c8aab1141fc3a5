//! Names that more than one library defines or refers to, and the definitions to which they are
//! bound.

use crate::prelude::*;
use cargo_test_support::project;
use cargo_test_support::registry::Package;

use super::{
    build_script_for, groups_of, manifest, program, publish_native, same_behaviour, same_output,
};

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

#[cargo_test]
fn a_name_of_c_that_begins_as_those_of_rust() {
    publish_native(
        "native",
        "int _RNG_seed(void) { return 1; } int native_seed(void) { return _RNG_seed(); }",
        r#"
            extern "C" { fn native_seed() -> i32; }
            pub fn seed() -> i32 { unsafe { native_seed() } }
        "#,
    );
    let other = "#[no_mangle] pub extern \"C\" fn _RNG_seed() -> i32 { 4 }
                 fn main() { println!(\"{}\", native::seed()); }";
    let p = program(&["native"], other);
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo("build")
            .arg(argument)
            .with_status(101)
            .with_stderr_contains("[ERROR] linking with [..] failed[..]")
            // As lld and as GNU ld say it.
            .with_stderr_contains("[..]_RNG_seed[..]")
            .run();
    }
}
