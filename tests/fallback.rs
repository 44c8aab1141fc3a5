//! Where dependencies are linked statically after all.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{project, str};

use super::{LAYERED_OUTPUT, STATIC, groups_of, layered_project, stdout};

#[cargo_test]
fn a_profile_falls_back_with_one_warning() {
    let p = layered_project()
        .file("src/bin/other.rs", "fn main() {}")
        .file(
            ".cargo/config.toml",
            "profile.dev.dynamic-deps = true\nprofile.dev.lto = true",
        )
        .build();
    let output = p.cargo("build").run();
    let stderr = super::text(&output.stderr);
    assert_eq!(
        stderr.matches("linking dependencies statically").count(),
        1,
        "{stderr}"
    );
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_demand_is_an_error() {
    let p = layered_project()
        .file(".cargo/config.toml", "profile.dev.lto = true")
        .build();
    p.cargo("build --dynamic-deps")
        .with_status(101)
        .with_stderr_data(str![[r#"
...
[ERROR] cannot link the dependencies of `foo` dynamically: [..]
[HELP] [..]

"#]])
        .run();
}

#[cargo_test]
fn a_dynamic_link_that_fails_is_replaced_by_the_static_one() {
    // The function is missing, and nothing that the program calls refers to it: a
    // static link drops it, a shared object has it.
    let p = project()
        .file(
            "Cargo.toml",
            r#"
                [package]
                name = "foo"
                version = "0.1.0"
                edition = "2021"

                [dependencies]
                dead = { path = "dead" }
            "#,
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", dead::alive()); }",
        )
        .file(
            "dead/Cargo.toml",
            "[package]\nname = 'dead'\nversion = '0.1.0'\nedition = '2021'\n",
        )
        .file(
            "dead/src/lib.rs",
            r#"
                extern "C" { fn missing_function() -> i32; }
                pub fn dead() -> i32 { unsafe { missing_function() } }
                #[inline]
                pub fn alive() -> i32 { 5 }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_stderr_data(str![[r#"
...
[WARNING] linked the dependencies of `foo` statically, because the linker refused to link them dynamically
the refused link line is in `[ROOT]/foo/target/debug/.fingerprint/foo-[HASH]/linker/refused-link-line`
caused by: [..]missing_function[..]
...
[NOTE] `dead v0.1.0` refers to `missing_function`, which nothing defines
[HELP] keep it in the executable with `[profile.dev.package.dead] dynamic-deps = false`
[WARNING] `foo` (bin "foo") generated 1 warning
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), "5\n");

    // The help helps.
    p.cargo("build --dynamic-deps --config profile.dev.package.dead.dynamic-deps=false")
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), "5\n");
}

#[cargo_test]
fn a_program_without_std_is_linked_statically() {
    let p = project()
        .file(
            "Cargo.toml",
            r#"
                [package]
                name = "foo"
                version = "0.1.0"
                edition = "2021"

                [profile.dev]
                panic = "abort"
            "#,
        )
        .file(
            "src/main.rs",
            r#"
                #![no_std]
                #![no_main]
                #[panic_handler]
                fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
                #[link(name = "c")]
                extern "C" { fn puts(text: *const core::ffi::c_char) -> core::ffi::c_int; }
                #[no_mangle]
                pub extern "C" fn main() -> i32 { unsafe { puts(c"no std".as_ptr()) }; 0 }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: the program [..]",
        )
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), "no std\n");
}

#[cargo_test]
fn a_group_that_cannot_be_linked_stays_in_the_executable() {
    // Both define the same C symbol. A static link takes the object of the one that
    // it needs first, a shared object would have both.
    let twin = |name: &str| {
        Package::new(name, "1.0.0")
            .file(
                "src/lib.rs",
                &format!(
                    "pub mod clash {{
                        #[no_mangle] pub extern \"C\" fn clash() -> &'static str {{ \"{name}\" }}
                     }}
                     #[inline] pub fn {name}() -> &'static str {{ \"{name}\" }}"
                ),
            )
            .publish();
    };
    twin("one");
    twin("two");
    let p = project()
        .file(
            "Cargo.toml",
            r#"
                [package]
                name = "foo"
                version = "0.1.0"
                edition = "2021"

                [dependencies]
                one = "1.0"
                two = "1.0"
            "#,
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {}\", one::one(), two::two()); }",
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linking the dependencies in the frozen group statically, [..]",
        )
        .with_stderr_contains("[..]clash[..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), "one two\n");
}

#[cargo_test]
fn a_link_that_fails_either_way_shows_the_linkers_own_words() {
    let p = project()
        .file(
            "src/main.rs",
            r#"
                extern "C" { fn missing_function() -> i32; }
                fn main() { println!("{}", unsafe { missing_function() }); }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_status(101)
        .with_stderr_contains("[ERROR] linking with `[..]` failed: [EXIT_STATUS]: 1")
        .with_stderr_contains("[..]undefined[..]missing_function[..]")
        .with_stderr_does_not_contain("[WARNING] linked [..]")
        .run();
}
