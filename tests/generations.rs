//! Pools and parts that were linked at different times: each program loads the versions that it was
//! built with, and behaves as if all had been linked at once.

use crate::prelude::*;
use cargo_test_support::registry::Package;

use super::bystanders::{ALL_ORDERS, check, workspace};
use super::{build_script_for_c, groups_of, manifest, members_of, objects_of, stdout};

#[cargo_test]
fn an_older_version_of_a_library_of_c() {
    // All name the functions of the library themselves, as those do that use a `-sys` crate.
    let native = |version: &str, number: u32| {
        Package::new("native", version)
            .file(
                "Cargo.toml",
                &manifest("native", "").replace("1.0.0", version),
            )
            .file("build.rs", &build_script_for_c(""))
            .file(
                "src/native.c",
                &format!(
                    "int native_level = {number};
                     int native_next(void) {{ return native_level++; }}"
                ),
            )
            .file(
                "src/lib.rs",
                r#"
                    extern "C" { pub fn native_next() -> i32; pub static native_level: i32; }
                    #[inline]
                    pub fn next() -> i32 { unsafe { native_next() } }
                "#,
            )
            .publish();
    };
    native("1.0.0", 10);
    Package::new("above", "1.0.0")
        .dep("native", "1.0")
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn native_next() -> i32; static native_level: i32; }
                pub fn next() -> i32 { unsafe { native_next() + native::next() } }
                pub fn level() -> i32 { unsafe { native_level } }
                pub fn address() -> usize { unsafe { &raw const native_level as usize } }
            "#,
        )
        .publish();
    let main = r#"
        extern "C" { fn native_next() -> i32; static native_level: i32; }
        fn main() {
            println!("{} {}", unsafe { native_next() }, native::next());
            println!("{} {}", above::next(), above::level());
            println!("{}", above::address() == unsafe { &raw const native_level as usize });
            println!("{}", unsafe { native::native_level });
        }
    "#;
    let p = workspace(&[
        ("a", "native = '1.0'\nabove = '1.0'\n", main),
        (
            "b",
            "native = '1.0'\n",
            "fn main() { println!(\"{}\", native::next()); }",
        ),
    ])
    .build();
    p.cargo("build --dynamic-deps -p b").run();
    assert_eq!(stdout(&p.bin("b")), "10\n");
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("a")), "10 11\n25 14\ntrue\n14\n");
    // `native` is in an older pool than `above`.
    assert_eq!(groups_of(&p.bin("a")), ["frozen", "sysroot"]);

    native("1.0.1", 20);
    p.cargo("update -p native").run();
    p.cargo("build --dynamic-deps -p b").run();
    assert_eq!(stdout(&p.bin("b")), "20\n");
    // A program that was not built again has its own version.
    assert_eq!(stdout(&p.bin("a")), "10 11\n25 14\ntrue\n14\n");
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("a")), "20 21\n45 24\ntrue\n24\n");
    p.cargo("update -p native --precise 1.0.0").run();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("a")), "10 11\n25 14\ntrue\n14\n");
    assert_eq!(stdout(&p.bin("b")), "10\n");
    check(&p, &ALL_ORDERS);
}

#[cargo_test]
fn a_merged_pool_carries_what_others_use() {
    const NUMBER: usize = 8;
    let library = |name: &str| {
        Package::new(name, "1.0.0")
            .file(
                "src/lib.rs",
                &format!("pub fn name() -> &'static str {{ \"{name}\" }}"),
            )
            .publish();
    };
    let mut all = (String::new(), String::new());
    let mut programs = Vec::new();
    for index in 0..NUMBER {
        let (common, own) = (format!("common{index}"), format!("own{index}"));
        library(&common);
        library(&own);
        all.0.push_str(&format!("{common} = '1.0'\n"));
        all.1
            .push_str(&format!("println!(\"{{}}\", {common}::name());"));
        programs.push((
            format!("p{index}"),
            format!("{common} = '1.0'\n{own} = '1.0'\n"),
            format!("fn main() {{ println!(\"{{}} {{}}\", {common}::name(), {own}::name()); }}"),
        ));
    }
    programs.push((
        "all".to_owned(),
        all.0,
        format!("fn main() {{ {} }}", all.1),
    ));
    let programs: Vec<(&str, &str, &str)> = programs
        .iter()
        .map(|(name, dependencies, main)| (&**name, &**dependencies, &**main))
        .collect();
    let p = workspace(&programs).build();
    for index in 0..NUMBER {
        p.cargo(&format!("build --dynamic-deps -p p{index}")).run();
    }
    let output = |index: usize| format!("common{index} own{index}\n");
    p.cargo("build --dynamic-deps -p all").run();
    let loaded = objects_of(&p.bin("all"), "frozen");
    assert!(loaded.len() <= 6, "{loaded:?}");
    let lines: String = (0..NUMBER).map(|n| format!("common{n}\n")).collect();
    assert_eq!(stdout(&p.bin("all")), lines);
    // Those that were not built again load what they did before.
    for index in 0..NUMBER {
        assert_eq!(stdout(&p.bin(&format!("p{index}"))), output(index));
    }
    // A program that is built again finds all libraries in the merged pool.
    for index in 0..NUMBER {
        let program = format!("p{index}");
        let main = p.read_file(format!("{program}/src/main.rs"));
        p.change_file(
            format!("{program}/src/main.rs"),
            &format!("{main} // edited"),
        );
        p.cargo(&format!("build --dynamic-deps -v -p {program}"))
            .with_stderr_does_not_contain("[RUNNING] `cc [..]dynamic-deps-frozen-[..]")
            .run();
        assert_eq!(stdout(&p.bin(&program)), output(index));
        let members = members_of(&p.bin(&program), "frozen");
        assert!(members.contains(&format!("own{index}")), "{members:?}");
        assert!(
            loaded
                .iter()
                .flatten()
                .any(|member| *member == format!("own{index}"))
        );
    }
}

#[cargo_test]
fn a_crate_of_a_pool_that_could_not_be_compiled() {
    Package::new("fine", "1.0.0")
        .file("src/lib.rs", "pub fn name() -> &'static str { \"fine\" }")
        .publish();
    Package::new("broken", "1.0.0")
        .file("Cargo.toml", &manifest("broken", ""))
        .file(
            "build.rs",
            "fn main() {
                 println!(\"cargo::rerun-if-env-changed=IS_BROKEN\");
                 assert!(std::env::var_os(\"IS_BROKEN\").is_none());
             }",
        )
        .file("src/lib.rs", "pub fn name() -> &'static str { \"mended\" }")
        .publish();
    Package::new("above", "1.0.0")
        .dep("broken", "1.0")
        .file(
            "src/lib.rs",
            "pub fn name() -> &'static str { broken::name() }",
        )
        .publish();
    let main = |library: &str| format!("fn main() {{ println!(\"{{}}\", {library}::name()); }}");
    let p = workspace(&[
        ("a", "fine = '1.0'\n", &main("fine")),
        (
            "b",
            "above = '1.0'\nfine = '1.0'\n",
            "fn main() { println!(\"{} {}\", above::name(), fine::name()); }",
        ),
    ])
    .build();
    for round in 0..2 {
        for _ in 0..2 {
            p.cargo("build --dynamic-deps --keep-going")
                .env("IS_BROKEN", "1")
                .with_status(101)
                .with_stderr_contains(
                    "[ERROR] failed to run custom build command for `broken v1.0.0`",
                )
                .run();
            assert_eq!(stdout(&p.bin("a")), "fine\n", "{round}");
            assert_eq!(groups_of(&p.bin("a")), ["frozen", "sysroot"], "{round}");
        }
        p.cargo("build --dynamic-deps").run();
        assert_eq!(stdout(&p.bin("a")), "fine\n", "{round}");
        assert_eq!(stdout(&p.bin("b")), "mended fine\n", "{round}");
        assert_eq!(
            members_of(&p.bin("b"), "frozen"),
            ["above", "broken", "fine"],
            "{round}"
        );
        p.cargo("build --dynamic-deps -v")
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
    }
}

#[cargo_test]
fn a_part_with_a_library_of_the_platform() {
    let maps = "let maps = std::fs::read_to_string(\"/proc/self/maps\").unwrap();
                println!(\"{}\", maps.contains(\"libz.so\"));";
    let main =
        |library: &str| format!("fn main() {{ println!(\"{{}}\", {library}::name()); {maps} }}");
    let path = |name: &str| format!("{name} = {{ path = '../{name}' }}\n");
    let p = workspace(&[
        ("a", &path("over"), &main("over")),
        ("b", &path("plain"), &main("plain")),
    ])
    .file(
        "over/Cargo.toml",
        &manifest(
            "over",
            &format!("[dependencies]\n{}{}", path("zipped"), path("plain")),
        ),
    )
    .file(
        "over/src/lib.rs",
        "pub fn name() -> String { format!(\"over {} {}\", zipped::name(), plain::name()) }",
    )
    .file("plain/Cargo.toml", &manifest("plain", ""))
    .file(
        "plain/src/lib.rs",
        "pub fn name() -> String { \"plain\".into() }",
    )
    .file("zipped/Cargo.toml", &manifest("zipped", ""))
    .file(
        "zipped/src/lib.rs",
        r#"
            #[link(name = "z")]
            extern "C" { fn zlibCompileFlags() -> std::ffi::c_ulong; }
            pub fn name() -> String { format!("zipped {}", unsafe { zlibCompileFlags() } != 0) }
        "#,
    )
    .build();
    check(&p, &ALL_ORDERS);
    assert_eq!(stdout(&p.bin("a")), "over zipped true plain\ntrue\n");
    assert_eq!(stdout(&p.bin("b")), "plain\nfalse\n");
    for (library, text) in [("plain", "plainer"), ("plain", "plainest")] {
        p.change_file(
            format!("{library}/src/lib.rs"),
            &format!("pub fn name() -> String {{ \"{text}\".repeat(1) }} pub static N: [u8; {}] = [0; {}];", text.len(), text.len()),
        );
        p.cargo("build --dynamic-deps").run();
        assert_eq!(
            stdout(&p.bin("a")),
            format!("over zipped true {text}\ntrue\n")
        );
        assert_eq!(stdout(&p.bin("b")), format!("{text}\nfalse\n"));
        let main = p.read_file("zipped/src/lib.rs");
        p.change_file(
            "zipped/src/lib.rs",
            &format!("{main}pub fn {text}() {{}}\n"),
        );
        p.cargo("build --dynamic-deps").run();
        assert_eq!(
            stdout(&p.bin("a")),
            format!("over zipped true {text}\ntrue\n")
        );
        assert_eq!(stdout(&p.bin("b")), format!("{text}\nfalse\n"));
    }
    assert_eq!(
        members_of(&p.bin("a"), "local"),
        ["over", "plain", "zipped"]
    );
    assert_eq!(members_of(&p.bin("b"), "local"), ["plain"]);
}
