//! Commands other than build, run and test: each links dynamically or statically as it should, and
//! its executables run.

use std::path::Path;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{project, rustc_host, rustc_host_env};

use super::{
    LAYERED_OUTPUT, LAYERS, STATIC, compiler_is_before, groups_of, layered_manifest,
    layered_project, manifest, stdout, unit_files, uses_groups,
};

#[cargo_test]
fn bench() {
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest("[[bench]]\nname = 'plain'\nharness = false\n"),
        )
        .file(
            "benches/plain.rs",
            r#"
                fn main() {
                    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
                    println!("{} {}", local::name(), maps.contains("/dynamic-deps-"));
                }
            "#,
        )
        .file(
            "benches/measured.rs",
            r#"
                #![feature(test)]
                extern crate test;

                #[bench]
                fn counts(bencher: &mut test::Bencher) {
                    bencher.iter(|| frozen::count());
                }
            "#,
        )
        .build();
    let bench = |arguments: &str| {
        let mut cargo = p.cargo(&format!("bench --benches {arguments}"));
        // For `#[bench]`, which is unstable.
        let output = cargo.env("RUSTC_BOOTSTRAP", "1").run();
        super::text(&output.stdout).to_owned()
    };
    for (arguments, is_dynamic) in [("--no-dynamic-deps", false), ("--dynamic-deps", true)] {
        let output = bench(arguments);
        let plain = format!("hello from local, call 1 {is_dynamic}\n");
        assert!(output.contains(&plain), "{output}");
        assert!(output.contains("test counts ... bench: "), "{output}");
    }
    // The profile of benches inherits `release`, so `dev` does not count.
    p.change_file(".cargo/config.toml", "profile.dev.dynamic-deps = true");
    let output = bench("");
    assert!(output.contains("call 1 false\n"), "{output}");
}

#[cargo_test]
fn rustc_with_arguments() {
    let p = layered_project().build();
    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{} {}\", local::name(), cfg!(extra)); }",
    );
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("rustc {argument} --bin foo -- --cfg extra"))
            .run();
        assert_eq!(stdout(&p.bin("foo")), "hello from local, call 1 true\n");
    }
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);

    // A root unit that is not linked needs no groups, and they do no harm.
    p.cargo("rustc --dynamic-deps --bin foo -- --emit=asm")
        .run();
    let is_assembler = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "s");
    assert!(unit_files(&p).iter().any(is_assembler));
}

#[cargo_test]
fn rustc_with_another_linker() {
    let p = layered_project()
        .executable(
            "my-cc",
            "#!/bin/sh\necho \"$@\" >> \"${0%/*}/link-lines\"\nexec cc \"$@\"\n",
        )
        .build();
    p.cargo("rustc --dynamic-deps --bin foo --")
        .arg("-C")
        .arg(format!("linker={}", p.root().join("my-cc").display()))
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
    // Each group, the executable, and once where the linker finds libraries.
    let link_lines = p.read_file("link-lines");
    assert_eq!(link_lines.lines().count(), 5, "{link_lines}");
    assert_eq!(link_lines.matches(" -print-search-dirs\n").count(), 1);
    assert_eq!(link_lines.matches(" -shared ").count(), 3, "{link_lines}");
}

#[cargo_test]
fn variables_of_the_configuration_reach_every_linker() {
    let p = layered_project()
        .executable(
            "my-cc",
            "#!/bin/sh\n[ \"$NEEDED\" = yes ] || exit 1\nexec cc \"$@\"\n",
        )
        .file(
            ".cargo/config.toml",
            &format!(
                "[env]\nNEEDED = 'yes'\n[target.{}]\nlinker = './my-cc'\n",
                rustc_host()
            ),
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_runner_gets_no_variables() {
    let p = layered_project().build();
    p.cargo("run --dynamic-deps")
        .env(
            &format!("CARGO_TARGET_{}_RUNNER", rustc_host_env()),
            "env -i",
        )
        .with_stdout_data(LAYERED_OUTPUT)
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
}

#[cargo_test]
fn scripts() {
    // The compiler has to pass over the manifest in a source file.
    if compiler_is_before(95) {
        return;
    }
    Package::new("frozen", "1.0.0")
        .file("src/lib.rs", "pub fn number() -> u8 { 7 }")
        .publish();
    let script = |rest: &str| {
        format!(
            r#"#!/usr/bin/env cargo
---
[package]
edition = "2021"

[dependencies]
frozen = "1.0"
{rest}
---
fn main() {{
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    println!("{{}} {{}}", frozen::number(), maps.contains("/dynamic-deps-"));
}}
"#
        )
    };
    let p = project()
        .no_manifest()
        .file("plain.rs", &script(""))
        .file("opted_in.rs", &script("[profile.dev]\ndynamic-deps = true"))
        .build();
    for (command, expected) in [
        ("plain.rs", "7 false\n"),
        ("-Zdynamic-deps plain.rs", "7 true\n"),
        ("opted_in.rs", "7 true\n"),
        ("run --manifest-path plain.rs", "7 false\n"),
        ("run --manifest-path plain.rs --dynamic-deps", "7 true\n"),
        ("run --manifest-path opted_in.rs", "7 true\n"),
        (
            "run --manifest-path opted_in.rs --no-dynamic-deps",
            "7 false\n",
        ),
    ] {
        p.cargo(&format!("-Zscript {command}"))
            .masquerade_as_nightly_cargo(&["script", "dynamic-deps"])
            // For the manifest inside of the source, which is unstable in rustc too.
            .env("RUSTC_BOOTSTRAP", "1")
            .with_stdout_data(expected)
            .run();
    }
}

#[cargo_test]
fn install_of_a_dev_build_is_static() {
    let p = layered_project()
        .file(
            ".cargo/config.toml",
            "profile.dev.dynamic-deps = true\nprofile.release.dynamic-deps = true",
        )
        .build();
    p.cargo("install --debug --path . --root ../root").run();
    let installed = p.root().parent().unwrap().join("root/bin/foo");
    assert_eq!(groups_of(&installed), STATIC);
    assert_eq!(stdout(&installed), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_package_is_verified_statically() {
    Package::new("frozen", "1.0.0")
        .file("src/lib.rs", "pub fn number() -> u8 { 7 }")
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "license = 'MIT'\ndescription = 'A program'\nhomepage = 'https://example.com'\n\
                 [dependencies]\nfrozen = '1.0'\n[profile.dev]\ndynamic-deps = true\n",
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", frozen::number()); }",
        )
        .build();
    // `publish` verifies a package by the same function.
    let output = p
        .cargo("package --allow-dirty -v")
        .env("CARGO_PROFILE_DEV_DYNAMIC_DEPS", "true")
        .run();
    let stderr = super::text(&output.stderr);
    assert!(stderr.contains("--crate-name foo "), "{stderr}");
    assert!(!stderr.contains("linker="), "{stderr}");
    assert!(!stderr.contains("Linking "), "{stderr}");
}

#[cargo_test]
fn artifact_dependencies_are_static() {
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest("tool = { path = 'tool', artifact = 'bin', lib = true }\n"),
        )
        .file(
            "src/main.rs",
            r#"
                fn main() {
                    println!("{} {}", local::name(), tool::number());
                    println!("{}", env!("CARGO_BIN_FILE_TOOL"));
                }
            "#,
        )
        .file(
            "tool/Cargo.toml",
            &manifest("tool", "[dependencies]\nlocal = { path = '../local' }\n"),
        )
        .file("tool/src/lib.rs", "pub fn number() -> u8 { 7 }")
        .file(
            "tool/src/main.rs",
            "fn main() { println!(\"{} {}\", local::name(), tool::number()); }",
        )
        .build();
    p.cargo("build --dynamic-deps -Zbindeps")
        .masquerade_as_nightly_cargo(&["bindeps"])
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    let output = stdout(&p.bin("foo"));
    let (first, tool) = output.trim_end().split_once('\n').unwrap();
    assert_eq!(first, "hello from local, call 1 7");
    assert_eq!(groups_of(Path::new(tool)), STATIC);
    assert_eq!(stdout(Path::new(tool)), "hello from local, call 1 7\n");
}

#[cargo_test]
fn libraries_for_others_are_static() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[lib]\ncrate-type = ['rlib', 'cdylib', 'staticlib']\n\
                 [dependencies]\nlocal = { path = 'local' }\n",
            ),
        )
        .file(
            "src/lib.rs",
            "#[no_mangle] pub extern \"C\" fn number() -> u32 { local::number() }",
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", foo::number()); }",
        )
        .file("local/Cargo.toml", &manifest("local", ""))
        .file("local/src/lib.rs", "pub fn number() -> u32 { 7 }")
        .file(
            "user.c",
            "extern int number(void); int main(void) { return number(); }",
        )
        .build();
    let output = super::same_behaviour(&p);
    assert_eq!(super::text(&output.stdout), "7\n");
    let debug = p.target_debug_dir();
    assert!(!uses_groups(&debug.join("libfoo.so")));

    // A C program can use either, and knows nothing of groups.
    let user = debug.join("user");
    for library in ["libfoo.so", "libfoo.a"] {
        let status = std::process::Command::new("cc")
            .arg(p.root().join("user.c"))
            .arg(debug.join(library))
            .arg(format!("-Wl,-rpath,{}", debug.display()))
            .args(["-lpthread", "-ldl", "-lm", "-lgcc_s", "-o"])
            .arg(&user)
            .status()
            .unwrap();
        assert!(status.success());
        assert_eq!(super::run(&user).status.code(), Some(7), "{library}");
    }
}

#[cargo_test]
fn a_link_line_that_is_too_long_for_the_system() {
    // More than the 2 MiB that Linux takes by default. `cc` cannot pass them on either,
    // so this linker drops the many arguments, which are one on a line.
    let p = layered_project()
        .file(
            "build.rs",
            r#"
                fn main() {
                    for n in 0..40_000 {
                        println!("cargo::rustc-link-arg-bins=-L/no/such/directory/to/look/for/libraries/in/{n}");
                    }
                }
            "#,
        )
        .executable(
            "my-cc",
            r#"#!/bin/sh
                case "$1" in
                    @*)
                        grep -v '^-L/no/such' "${1#@}" > "${0%/*}/short"
                        grep -c '^-L/no/such' "${1#@}" > "${0%/*}/dropped"
                        exec cc "@${0%/*}/short";;
                esac
                exec cc "$@"
            "#,
        )
        .build();
    let linker = format!("CARGO_TARGET_{}_LINKER", rustc_host_env());
    for (argument, groups) in [
        ("--no-dynamic-deps", &STATIC[..]),
        ("--dynamic-deps", &LAYERS),
    ] {
        p.cargo(&format!("build {argument}"))
            .env(&linker, p.root().join("my-cc"))
            .run();
        assert_eq!(p.read_file("dropped"), "40000\n", "{argument}");
        assert_eq!(groups_of(&p.bin("foo")), groups);
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
        std::fs::remove_file(p.root().join("dropped")).unwrap();
    }
}
