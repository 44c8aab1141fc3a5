//! Functions of C that a crate declares and leaves to others to define. A definition counts only in
//! programs that have the crate with it, as in a static link.

use cargo_test_support::project;
use cargo_test_support::registry::Package;

use crate::prelude::*;

use super::bystanders::{ALL_ORDERS, check, workspace};
use super::{groups_of, manifest, members_of, objects_of, stdout};

/// A crate that asks for the time.
const ASKS: &str = "extern \"C\" { fn now() -> i32; }
     #[inline(never)] pub fn ask() -> i32 { unsafe { now() } }";

/// A crate that gives a wrong one, so that tests are the same each time.
const MOCK: &str = "#[no_mangle] pub extern \"C\" fn now() -> i32 { 0 }
     #[inline(never)] pub fn reset() -> i32 { 1 }";

/// A program with a clock of its own.
const WITH_CLOCK: &str = "#[no_mangle] extern \"C\" fn now() -> i32 { 42 }
     fn main() { println!(\"{} {}\", asks::ask(), plain::plain()); }";

const WITH_MOCK: &str =
    "fn main() { println!(\"{} {} {}\", mock::reset(), asks::ask(), plain::plain()); }";

const PLAIN: &str = "#[inline(never)] pub fn plain() -> i32 { 7 }";

fn publish(name: &str, manifest: &str, source: &str) {
    Package::new(name, "1.0.0")
        .file("Cargo.toml", &super::manifest(name, manifest))
        .file("src/lib.rs", source)
        .publish();
}

fn publish_clocks() {
    publish("asks", "", ASKS);
    publish("mock", "", MOCK);
    publish("plain", "", PLAIN);
}

#[cargo_test]
fn a_crate_that_only_another_program_has_defines_nothing() {
    publish_clocks();
    let p = workspace(&[
        ("a", "asks = '1.0'\nplain = '1.0'\n", WITH_CLOCK),
        (
            "b",
            "asks = '1.0'\nmock = '1.0'\nplain = '1.0'\n",
            WITH_MOCK,
        ),
    ])
    .build();
    check(&p, &ALL_ORDERS);
    assert_eq!(stdout(&p.bin("a")), "42 7\n");
    assert_eq!(stdout(&p.bin("b")), "1 0 7\n");
    assert_eq!(groups_of(&p.bin("a")), ["frozen", "sysroot"]);
    assert!(!members_of(&p.bin("a"), "frozen").contains(&"asks".to_owned()));
}

#[cargo_test]
fn a_dev_dependency_defines_nothing_for_the_program() {
    publish_clocks();
    let dependencies =
        "[dependencies]\nasks = '1.0'\nplain = '1.0'\n[dev-dependencies]\nmock = '1.0'\n";
    let p = project()
        .file("Cargo.toml", &manifest("foo", dependencies))
        .file(
            "src/main.rs",
            &format!("{WITH_CLOCK} #[test] fn own() {{ assert_eq!(asks::ask(), 42); }}"),
        )
        .file(
            "tests/mocked.rs",
            "#[test] fn mocked() { assert_eq!(mock::reset() + asks::ask(), 1); }",
        )
        .file(
            "tests/own.rs",
            "#[no_mangle] extern \"C\" fn now() -> i32 { 43 }
             #[test] fn own() { assert_eq!(asks::ask(), 43); }",
        )
        .build();
    p.cargo("test --no-dynamic-deps").run();
    p.cargo("test --dynamic-deps").run();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("foo")), "42 7\n");
}

#[cargo_test]
fn a_dependency_that_no_code_names_defines_nothing() {
    publish_clocks();
    let dependencies = "asks = '1.0'\nmock = '1.0'\nplain = '1.0'\n";
    let p = workspace(&[("a", dependencies, WITH_CLOCK)]).build();
    check(&p, &[&[]]);
    assert_eq!(stdout(&p.bin("a")), "42 7\n");

    // Where nobody defines the function, there is no program.
    let open = "fn main() { println!(\"{}\", asks::ask() + plain::plain()); }";
    p.change_file("a/src/main.rs", open);
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {argument}"))
            .with_status(101)
            .with_stderr_contains("[ERROR] linking with [..] failed[..]")
            // As lld and as GNU ld say it.
            .with_stderr_contains("[..]undefined [..]now[..]")
            .run();
    }
}

#[cargo_test]
fn a_local_crate_takes_the_definition_on_which_it_depends() {
    // `above` depends on `mock`, and shares its part with `beside`, which has another clock.
    publish_clocks();
    let local = |name: &str, dependencies: &str, source: &str| {
        let path = format!("{name}/Cargo.toml");
        let dependencies = format!("[dependencies]\n{dependencies}");
        (path, manifest(name, &dependencies), source.to_owned())
    };
    let crates = [
        local(
            "above",
            "mock = '1.0'\n",
            "extern \"C\" { fn now() -> i32; }
             #[inline(never)] pub fn above() -> i32 { mock::reset() + unsafe { now() } }",
        ),
        local(
            "beside",
            "",
            "#[no_mangle] pub extern \"C\" fn now() -> i32 { 5 }
             #[inline(never)] pub fn beside() -> i32 { 6 }",
        ),
    ];
    let above = "above = { path = '../above' }\nplain = '1.0'\n";
    let beside = "beside = { path = '../beside' }\nplain = '1.0'\n";
    let mut builder = workspace(&[
        (
            "a",
            above,
            "fn main() { println!(\"{}\", above::above() + plain::plain()); }",
        ),
        (
            "b",
            beside,
            "fn main() { println!(\"{}\", beside::beside() + plain::plain()); }",
        ),
    ]);
    for (path, manifest, source) in &crates {
        builder = builder
            .file(path, manifest)
            .file(path.replace("Cargo.toml", "src/lib.rs"), source);
    }
    let p = builder.build();
    check(&p, &ALL_ORDERS);
    assert_eq!(stdout(&p.bin("a")), "8\n");
}

#[cargo_test]
fn an_earlier_version_that_the_pool_still_holds_is_nothing() {
    // `above` is in a newer pool, which needs the older one for `plain`.
    let native = |version: &str, number: u32| {
        Package::new("native", version)
            .dep("plain", "1.0")
            .file(
                "src/lib.rs",
                &format!(
                    "#[no_mangle] pub extern \"C\" fn now() -> i32 {{ {number} }}
                     #[inline(never)] pub fn native() -> i32 {{ plain::plain() }}"
                ),
            )
            .publish();
    };
    publish("plain", "", PLAIN);
    native("1.0.0", 1);
    Package::new("above", "1.0.0")
        .dep("native", "1.0")
        .file(
            "src/lib.rs",
            "extern \"C\" { fn now() -> i32; }
             #[inline(never)] pub fn above() -> i32 { native::native() + unsafe { now() } }",
        )
        .publish();
    let dependencies = "above = '1.0'\nplain = '1.0'\n";
    let main = "fn main() { println!(\"{}\", above::above() + plain::plain()); }";
    let p = workspace(&[("a", dependencies, main)]).build();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("a")), "15\n");
    native("1.0.1", 2);
    p.cargo("update").run();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("a")), "16\n");
    assert_eq!(objects_of(&p.bin("a"), "frozen").len(), 2);
    assert!(members_of(&p.bin("a"), "frozen").contains(&"above".to_owned()));
}

#[cfg(target_arch = "x86_64")]
#[cargo_test]
fn a_weak_definition_in_assembler_gives_way() {
    publish(
        "weak",
        "",
        r#"
            std::arch::global_asm!(
                ".pushsection .text.hook,\"ax\",@progbits",
                ".weak hook",
                ".type hook, @function",
                "hook:",
                "mov eax, 1",
                "ret",
                ".size hook, . - hook",
                ".popsection",
            );
            extern "C" { fn hook() -> i32; }
            #[inline(never)] pub fn call() -> i32 { unsafe { hook() } }
        "#,
    );
    publish("plain", "", PLAIN);
    let p = workspace(&[
        (
            "a",
            "weak = '1.0'\nplain = '1.0'\n",
            "#[no_mangle] extern \"C\" fn hook() -> i32 { 42 }
             fn main() { println!(\"{} {}\", weak::call(), plain::plain()); }",
        ),
        (
            "b",
            "weak = '1.0'\nplain = '1.0'\n",
            "fn main() { println!(\"{} {}\", weak::call(), plain::plain()); }",
        ),
        (
            "c",
            "weak = '1.0'\nstrong = { path = '../strong' }\n",
            "fn main() { println!(\"{} {}\", strong::strong(), weak::call()); }",
        ),
    ])
    .file("strong/Cargo.toml", &manifest("strong", ""))
    .file(
        "strong/src/lib.rs",
        "#[no_mangle] pub extern \"C\" fn hook() -> i32 { 42 }
         #[inline(never)] pub fn strong() -> i32 { 2 }",
    )
    .build();
    check(&p, &[&[], &["-p b", "-p a"]]);
    assert_eq!(stdout(&p.bin("a")), "42 7\n");
    assert_eq!(stdout(&p.bin("b")), "1 7\n");
    assert_eq!(stdout(&p.bin("c")), "2 42\n");
}
