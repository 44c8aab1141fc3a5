//! Where a linker finds the libraries of C, and where the loader does.

use std::path::PathBuf;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::native::project_with_c;
use super::{manifest, shared_library};

#[cargo_test]
fn a_library_found_by_pkg_config() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\ngreet-sys = '1.0'\n"),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {}\", greet_sys::number(), greet_sys::inlined()); }",
        )
        .file(
            "prefix/greet.pc",
            "Name: greet\nDescription: for a test\nVersion: 1.0\nLibs: -L${pcfiledir} -lgreet\n",
        )
        .build();
    Package::new("greet-sys", "1.0.0")
        .file("Cargo.toml", &manifest("greet-sys", ""))
        .file(
            "build.rs",
            r#"
                fn main() {
                    let arguments = ["--libs", "greet"];
                    let output = std::process::Command::new("pkg-config").args(arguments).output();
                    let output = output.unwrap();
                    assert!(output.status.success(), "{output:?}");
                    for word in String::from_utf8(output.stdout).unwrap().split_whitespace() {
                        match word.split_at(2) {
                            ("-L", directory) => println!("cargo::rustc-link-search=native={directory}"),
                            ("-l", name) => println!("cargo::rustc-link-lib={name}"),
                            _ => panic!("{word}"),
                        }
                    }
                }
            "#,
        )
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn greet() -> i32; }
                pub fn number() -> i32 { unsafe { greet() } }
                #[inline(always)] pub fn inlined() -> i32 { unsafe { greet() } }
            "#,
        )
        .publish();
    let prefix = p.root().join("prefix");
    shared_library(
        &prefix.join("libgreet.so.1"),
        "static int calls; int greet(void) { return ++calls; }",
        "-Wl,-soname,libgreet.so.1",
    );
    std::os::unix::fs::symlink("libgreet.so.1", prefix.join("libgreet.so")).unwrap();

    let build = |argument: &str, flags: &str| {
        p.cargo(&format!("build {argument}"))
            .env("PKG_CONFIG_PATH", &prefix)
            .env("RUSTFLAGS", flags)
            .run();
        let info = link_engine::DynamicInfo::read(&p.bin("foo"));
        let needed = info.unwrap().unwrap().needed;
        assert!(
            needed.iter().any(|soname| soname == "libgreet.so.1"),
            "{needed:?}"
        );
        assert_eq!(
            needed
                .iter()
                .any(|soname| soname.starts_with("dynamic-deps-frozen")),
            argument == "--dynamic-deps",
            "{needed:?}"
        );
    };
    // Without help, the loader finds it in neither program; with a run path, in both.
    let run_path = format!("-Clink-arg=-Wl,-rpath,{}", prefix.display());
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        build(argument, "");
        let output = super::run(&p.bin("foo"));
        assert_eq!(output.status.code(), Some(127), "{argument} {output:?}");
        let output = std::process::Command::new(p.bin("foo"))
            .env("LD_LIBRARY_PATH", &prefix)
            .output()
            .unwrap();
        assert_eq!(super::text(&output.stdout), "1 2\n", "{argument}");
        build(argument, &run_path);
        assert_eq!(super::stdout(&p.bin("foo")), "1 2\n", "{argument}");
    }
}

/// A program that prints 6, and the directory of the shared library that says so. The build script
/// of `native` names the library, and not the directory.
fn project_with_a_library_elsewhere() -> (Project, PathBuf) {
    let p = project_with_c(
        "fn main() { println!(\"cargo::rustc-link-lib=elsewhere\"); }",
        "",
        r#"
            extern "C" { fn elsewhere() -> i32; }
            pub fn number() -> i32 { unsafe { elsewhere() } }
        "#,
        "fn main() { println!(\"{}\", native::number()); }",
    );
    let directory = p.root().join("lib");
    std::fs::create_dir(&directory).unwrap();
    let library = directory.join("libelsewhere.so");
    shared_library(&library, "int elsewhere(void) { return 6; }", "");
    (p, directory)
}

#[cargo_test]
fn a_search_path_in_the_flags() {
    let (p, directory) = project_with_a_library_elsewhere();
    let directory = directory.display();
    for search in [
        format!("-Lnative={directory}"),
        format!("-L {directory}"),
        format!("-Clink-arg=-L{directory}"),
    ] {
        // The run path is the program's, and the group needs the library.
        for run_path in [&directory.to_string(), "$ORIGIN/../../lib"] {
            for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
                p.cargo(&format!("build {argument}"))
                    .env(
                        "RUSTFLAGS",
                        format!("{search} -Clink-arg=-Wl,-rpath,{run_path}"),
                    )
                    .with_stderr_does_not_contain("[WARNING] [..]")
                    .run();
                assert_eq!(
                    super::stdout(&p.bin("foo")),
                    "6\n",
                    "{search} {run_path} {argument}"
                );
            }
        }
    }
    let info = link_engine::DynamicInfo::read(&p.bin("foo"));
    let needed = info.unwrap().unwrap().needed;
    assert!(needed[0].starts_with("dynamic-deps-frozen-"), "{needed:?}");
}

#[cargo_test]
fn a_run_path_in_the_environment() {
    // GNU ld takes it where the line has none.
    if !link_engine::is_executable("ld.bfd".as_ref()) {
        eprintln!("skipped: ld.bfd");
        return;
    }
    let (p, directory) = project_with_a_library_elsewhere();
    let directory = directory.display();
    // With an option, only what that says counts.
    for (option, starts) in [("", true), ("-Clink-arg=-Wl,-rpath,/elsewhere", false)] {
        for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
            p.cargo(&format!("build {argument}"))
                .env("LD_RUN_PATH", format!("/before:{directory}"))
                .env(
                    "RUSTFLAGS",
                    format!("-L{directory} -Clink-arg=-fuse-ld=bfd {option}"),
                )
                .with_stderr_does_not_contain("[WARNING] [..]")
                .run();
            let output = super::run(&p.bin("foo"));
            assert_eq!(output.status.success(), starts, "{argument} {output:?}");
        }
    }
}

#[cargo_test]
fn a_library_of_the_system_that_only_a_group_needs() {
    // zlib gives most of its symbols no version.
    let p = project_with_c(
        "fn main() { println!(\"cargo::rustc-link-lib=z\"); }",
        "",
        r#"
            extern "C" { fn crc32(crc: u64, bytes: *const u8, len: u32) -> u64; }
            #[inline(never)]
            pub fn sum() -> u64 { unsafe { crc32(0, b"zlib".as_ptr(), 4) } }
        "#,
        "fn main() { println!(\"{:x}\", native::sum()); }",
    );
    // A program that does not name the crate has no `-lz` on its line.
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "#[inline(never)] pub fn one() -> u8 { 1 }")
        .publish();
    p.change_file(
        "Cargo.toml",
        &manifest("foo", "[dependencies]\nnative = '1.0'\nplain = '1.0'\n"),
    );
    p.change_file(
        "tests/it.rs",
        "#[test] fn it() { assert_eq!(plain::one(), 1); }",
    );
    p.change_file(
        "src/bin/own.rs",
        r#"
            #[no_mangle] pub extern "C" fn crc32(_: u64, _: *const u8, _: u32) -> u64 { 7 }
            fn main() { println!("{:x}", native::sum()); }
        "#,
    );
    let outputs = ["--no-dynamic-deps", "--dynamic-deps"].map(|argument| {
        p.cargo(&format!("test {argument}"))
            .with_stderr_does_not_contain("[WARNING] [..]")
            .run();
        ["foo", "own"].map(|bin| super::stdout(&p.bin(bin)))
    });
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[1], ["73887d3a\n", "7\n"]);
}

#[cargo_test]
fn a_shared_library_with_a_soname_of_another_name() {
    let p = project_with_c(
        "fn main() { println!(\"cargo::rustc-link-lib=dylib=greet\"); }",
        "",
        r#"
            extern "C" { fn greet() -> i32; }
            pub fn number() -> i32 { unsafe { greet() } }
        "#,
        "fn main() { println!(\"{}\", native::number()); }",
    );
    let directory = p.root().join("lib");
    std::fs::create_dir(&directory).unwrap();
    for (version, number) in [(1, 6), (2, 7)] {
        let soname = format!("libgreeting-{version}.so");
        // Only the newest is there, as after an update of the system.
        let _ = std::fs::remove_file(directory.join("libgreeting-1.so"));
        shared_library(
            &directory.join(&soname),
            &format!("int greet(void) {{ return {number}; }}"),
            &format!("-Wl,-soname,{soname}"),
        );
        let link = directory.join("libgreet.so");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(&soname, &link).unwrap();
        p.cargo("clean -p native").run();
        for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
            // The run path is the program's alone, and the name is in a word of its own.
            let directory = directory.display();
            p.cargo(&format!("build {argument}"))
                .env(
                    "RUSTFLAGS",
                    format!("-L {directory} -Clink-arg=-Wl,-rpath,{directory} -Clink-args=-l -Clink-args=m"),
                )
                .with_stderr_does_not_contain("[WARNING] [..]")
                .run();
            assert_eq!(super::stdout(&p.bin("foo")), format!("{number}\n"));
        }
    }
}
