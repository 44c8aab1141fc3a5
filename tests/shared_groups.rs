//! Executables share groups. None loads a library with effects on which it does not depend.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{ProjectBuilder, project};

use super::{
    LAYERED_OUTPUT, LAYERS, contents, groups_of, layered_manifest, layered_project, manifest,
    members_of, objects_of, stdout,
};

#[cargo_test]
fn executables_share_groups() {
    let main = "fn main() { println!(\"{} {}\", local::name(), frozen::count()); }";
    let p = layered_project()
        .file("src/bin/one.rs", main)
        .file("src/bin/two.rs", main)
        .build();
    p.cargo("build --dynamic-deps --bin one").run();
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[..]Linking [..]")
        .with_stderr_contains("[RUNNING] `rustc --crate-name two [..]`")
        .run();
    for bin in ["foo", "one", "two"] {
        assert_eq!(stdout(&p.bin(bin)), LAYERED_OUTPUT);
    }
}

#[cargo_test]
fn an_edit_relinks_what_depends_on_it() {
    let p = two_programs().build();
    p.cargo("build --dynamic-deps").run();
    for bin in ["a", "b"] {
        assert_eq!(groups_of(&p.bin(bin)), ["local", "sysroot"]);
        assert_eq!(members_of(&p.bin(bin), "local"), ["base", "left", "right"]);
    }
    p.change_file(
        "left/src/lib.rs",
        "pub fn left() -> String { base::base().to_lowercase() }",
    );
    p.cargo("build --dynamic-deps -v")
        .with_stderr_contains("[FRESH] b v1.0.0 [..]")
        .with_stderr_contains("[COMPILING] a v1.0.0 [..]")
        .run();
    assert_eq!(stdout(&p.bin("a")), "base\n");
    assert_eq!(stdout(&p.bin("b")), "basebase\n");
    // The older content is there for `b`, until that is built again too. It goes when a
    // group is linked that finds nobody who needs it.
    assert_eq!(contents(&p, "local").len(), 2);
    for text in ["new", "newer", "newest"] {
        let base = format!("pub fn base() -> &'static str {{ \"{text}\" }}");
        p.change_file("base/src/lib.rs", &base);
        p.cargo("build --dynamic-deps").run();
        assert_eq!(stdout(&p.bin("b")), format!("{text}{text}\n"));
    }
    assert_eq!(contents(&p, "local").len(), 2);
}

#[cargo_test]
fn another_selection_builds_no_executable_again() {
    let p = two_programs().build();
    for layout in ["", "-Zbuild-dir-new-layout"] {
        let cargo = |selection: &str| {
            let mut cargo = p.cargo(&format!("build --dynamic-deps -v {selection} {layout}"));
            cargo.masquerade_as_nightly_cargo(&["build-dir-new-layout"]);
            cargo
        };
        p.build_dir().rm_rf();
        cargo("").run();
        for selection in ["-p a", "-p b", "--workspace", "--bin a --bin b"] {
            cargo(selection)
                .with_stderr_does_not_contain("[RUNNING] `rustc [..]")
                .run();
        }
        assert_eq!(stdout(&p.bin("a")), "BASE\n");
        // Only the first build of a selection links.
        cargo("-p a")
            .with_stderr_does_not_contain("[..]Linking [..]")
            .run();
    }
}

#[cargo_test]
fn tests_with_dependencies_of_their_own_leave_the_program_alone() {
    Package::new("checked", "1.0.0")
        .file("src/lib.rs", "pub fn checked() -> bool { true }")
        .publish();
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest("[dev-dependencies]\nchecked = '1.0'\n"),
        )
        .file(
            "tests/program.rs",
            r#"
                #[test]
                fn runs() {
                    assert!(checked::checked());
                    let program = std::process::Command::new(env!("CARGO_BIN_EXE_foo"));
                    assert!({ program }.status().unwrap().success());
                }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps").run();
    let frozen = members_of(&p.bin("foo"), "frozen");
    assert_eq!(frozen, ["frozen"]);

    p.cargo("test --dynamic-deps -v")
        .with_stderr_does_not_contain("[RUNNING] `rustc --crate-name foo [..]--crate-type bin [..]")
        .with_stdout_contains("test runs ... ok")
        .run();
    assert_eq!(members_of(&p.bin("foo"), "frozen"), frozen);
    p.cargo("test --dynamic-deps --test program -v")
        .with_stderr_does_not_contain("[..]Linking [..]")
        .with_stderr_does_not_contain("[RUNNING] `rustc [..]")
        .run();
}

#[cargo_test]
fn programs_share_the_frozen_group() {
    let p = two_users_of_the_registry(&[("plain", ""), ("other", "")]).build();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(contents(&p, "frozen").len(), 1);
    for bin in ["a", "b"] {
        assert_eq!(groups_of(&p.bin(bin)), ["frozen", "sysroot"]);
        assert_eq!(members_of(&p.bin(bin), "frozen"), ["other", "plain"]);
        assert!(stdout(&p.bin(bin)).starts_with(bin));
    }
}

/// A workspace of which `a` depends on `hooked`, which defines a symbol as a C library would, and `b`
/// means its own by that name.
fn two_hooks() -> ProjectBuilder {
    let hook = "#[no_mangle] pub extern \"C\" fn hook() -> u32 { 1 }";
    two_users_of_the_registry(&[("hooked", hook), ("plain", "")]).file(
        "b/src/main.rs",
        r#"
            #[no_mangle]
            pub extern "C" fn hook() -> u32 { 2 }
            fn main() { println!("b {} {}", plain::name(), hook()); }
        "#,
    )
}

#[cargo_test]
fn a_library_whose_names_nobody_sees_is_without_effect() {
    let p = two_hooks().build();
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {argument}")).run();
        assert_eq!(stdout(&p.bin("a")), "a hooked\n");
        assert_eq!(stdout(&p.bin("b")), "b plain 2\n");
    }
    for bin in ["a", "b"] {
        assert_eq!(groups_of(&p.bin(bin)), ["frozen", "sysroot"]);
        assert_eq!(members_of(&p.bin(bin), "frozen"), ["hooked", "plain"]);
    }
}

#[cargo_test]
fn a_library_with_effects_is_loaded_only_by_those_who_depend_on_it() {
    // A library that is loaded later would see the names of all shared objects.
    let p = two_hooks()
        .file(
            ".cargo/config.toml",
            "build.rustflags = ['-C', 'link-arg=-rdynamic']\n",
        )
        .build();
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {argument}")).run();
        assert_eq!(stdout(&p.bin("a")), "a hooked\n");
        assert_eq!(stdout(&p.bin("b")), "b plain 2\n");
    }
    // All executables that use the pool may load a library without effects.
    assert_eq!(objects_of(&p.bin("a"), "frozen"), [["hooked"], ["plain"]]);
    assert_eq!(objects_of(&p.bin("b"), "frozen"), [["plain"]]);

    // Where it is alone with those who depend on it, nothing changes.
    let before = contents(&p, "frozen");
    p.cargo("build --dynamic-deps -p a -v")
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .run();
    p.change_file(
        "a/src/main.rs",
        "fn main() { println!(\"a! {}\", hooked::name()); }",
    );
    p.cargo("build --dynamic-deps -p a").run();
    assert_eq!(contents(&p, "frozen"), before);
    assert_eq!(objects_of(&p.bin("a"), "frozen"), [["hooked"], ["plain"]]);
    assert_eq!(stdout(&p.bin("a")), "a! hooked\n");
}

#[cargo_test]
fn a_library_that_asks_the_program_is_loaded_only_by_those_who_depend_on_it() {
    // `asking` needs something that only `a` has.
    let asking = "extern \"C\" { fn answer() -> u32; } pub fn ask() -> u32 { unsafe { answer() } }";
    let p = two_users_of_the_registry(&[("asking", asking), ("plain", "")])
        .file(
            "a/src/main.rs",
            r#"
                #[no_mangle]
                pub extern "C" fn answer() -> u32 { 42 }
                fn main() { println!("a {} {}", asking::name(), asking::ask()); }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps --timings").run();
    assert_eq!(objects_of(&p.bin("a"), "frozen"), [["asking"], ["plain"]]);
    assert_eq!(objects_of(&p.bin("b"), "frozen"), [["plain"]]);
    assert_eq!(stdout(&p.bin("a")), "a asking 42\n");
    assert_eq!(stdout(&p.bin("b")), "b plain\n");
}

#[cargo_test]
fn a_native_library_is_shared_with_those_who_do_not_depend_on_it() {
    Package::new("cc", "1.0.0").file("src/lib.rs", "").publish();
    Package::new("native", "1.0.0")
        .build_dep("cc", "1.0")
        .file("build.rs", "fn main() {}")
        .file(
            "src/lib.rs",
            r#"
                #[no_mangle]
                pub extern "C" fn native() -> u32 { 1 }
                pub fn name() -> String { format!("native {}", native()) }
            "#,
        )
        .publish();
    let p = two_users_of_the_registry(&[("native", "published"), ("plain", "")]).build();
    p.cargo("build --dynamic-deps").run();
    for bin in ["a", "b"] {
        assert_eq!(groups_of(&p.bin(bin)), ["frozen", "sysroot"]);
        assert_eq!(members_of(&p.bin(bin), "frozen"), ["native", "plain"]);
    }
    assert_eq!(stdout(&p.bin("a")), "a native 1\n");
    assert_eq!(stdout(&p.bin("b")), "b plain\n");
}

#[cargo_test]
fn a_native_library_that_is_shared_by_users_of_different_ones() {
    Package::new("cc", "1.0.0").file("src/lib.rs", "").publish();
    let native = |name: &str| {
        let source = "#[no_mangle] pub extern \"C\" fn NAME_id() -> u32 { 1 }
                      pub fn name() -> String { format!(\"NAME {}\", NAME_id()) }";
        source.replace("NAME", name)
    };
    for name in ["one", "two"] {
        Package::new(name, "1.0.0")
            .build_dep("cc", "1.0")
            .file("build.rs", "fn main() {}")
            .file("src/lib.rs", &native(name))
            .publish();
    }
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "pub fn name() -> &'static str { \"plain\" }")
        .publish();
    let mut builder = project()
        .file(
            "Cargo.toml",
            "[workspace]\nmembers = ['a', 'b', 'c', 'local']\nresolver = '2'\n",
        )
        .file(
            "local/Cargo.toml",
            &manifest("local", "[build-dependencies]\ncc = '1.0'\n"),
        )
        .file("local/build.rs", "fn main() {}")
        .file("local/src/lib.rs", &native("local"));
    for (bin, library, local) in [
        ("a", "one", true),
        ("b", "two", true),
        ("c", "plain", false),
    ] {
        let mut dependencies = format!("[dependencies]\n{library} = '1.0'\n");
        let mut main = format!("println!(\"{bin} {{}}\", {library}::name());");
        if local {
            dependencies.push_str("local = { path = '../local' }\n");
            main.push_str("println!(\"{}\", local::name());");
        }
        builder = builder
            .file(format!("{bin}/Cargo.toml"), &manifest(bin, &dependencies))
            .file(
                format!("{bin}/src/main.rs"),
                &format!("fn main() {{ {main} }}"),
            );
    }
    let p = builder.build();
    p.cargo("build --dynamic-deps")
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
    for bin in ["a", "b"] {
        assert_eq!(groups_of(&p.bin(bin)), LAYERS);
        assert_eq!(members_of(&p.bin(bin), "local"), ["local"]);
    }
    assert_eq!(stdout(&p.bin("a")), "a one 1\nlocal 1\n");
    assert_eq!(stdout(&p.bin("b")), "b two 1\nlocal 1\n");
    assert_eq!(stdout(&p.bin("c")), "c plain\n");
}

/// A workspace with the programs `a`, which depends on `left`, and `b`, which depends on
/// `right`; both depend on `base`.
fn two_programs() -> ProjectBuilder {
    project()
        .file(
            "Cargo.toml",
            r#"
                [workspace]
                members = ["a", "b", "left", "right", "base"]
                resolver = "2"
            "#,
        )
        .file("base/Cargo.toml", &package("base", &[]))
        .file(
            "base/src/lib.rs",
            "pub fn base() -> &'static str { \"base\" }",
        )
        .file("left/Cargo.toml", &package("left", &["base"]))
        .file(
            "left/src/lib.rs",
            "pub fn left() -> String { base::base().to_uppercase() }",
        )
        .file("right/Cargo.toml", &package("right", &["base"]))
        .file(
            "right/src/lib.rs",
            "pub fn right() -> String { base::base().repeat(2) }",
        )
        .file("a/Cargo.toml", &package("a", &["left"]))
        .file(
            "a/src/main.rs",
            "fn main() { println!(\"{}\", left::left()); }",
        )
        .file("b/Cargo.toml", &package("b", &["right"]))
        .file(
            "b/src/main.rs",
            "fn main() { println!(\"{}\", right::right()); }",
        )
}

/// A workspace with the programs `a` and `b`, of which each depends on one of two crates of
/// the registry: name and source, which is published unless it says that it is.
fn two_users_of_the_registry(libraries: &[(&str, &str); 2]) -> ProjectBuilder {
    let mut builder = project().file(
        "Cargo.toml",
        "[workspace]\nmembers = ['a', 'b']\nresolver = '2'\n",
    );
    for (bin, (library, source)) in ["a", "b"].into_iter().zip(libraries) {
        if *source != "published" {
            let name = format!("pub fn name() -> &'static str {{ \"{library}\" }}\n{source}");
            Package::new(library, "1.0.0")
                .file("src/lib.rs", &name)
                .publish();
        }
        let manifest = manifest(bin, &format!("[dependencies]\n{library} = '1.0'\n"));
        let main = format!("fn main() {{ println!(\"{bin} {{}}\", {library}::name()); }}");
        builder = builder
            .file(format!("{bin}/Cargo.toml"), &manifest)
            .file(format!("{bin}/src/main.rs"), &main);
    }
    builder
}

fn package(name: &str, dependencies: &[&str]) -> String {
    let dependencies: String = dependencies
        .iter()
        .map(|dependency| format!("{dependency} = {{ path = \"../{dependency}\" }}\n"))
        .collect();
    manifest(name, &format!("[dependencies]\n{dependencies}"))
}
