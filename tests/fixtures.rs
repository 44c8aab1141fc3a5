//! What the tests build: programs, packages of the registry, and libraries of C.

use std::path::Path;
use std::process::Command;

use cargo_test_support::registry::Package;
use cargo_test_support::{Project, ProjectBuilder, project};

/// A program `foo` with a dependency in each layer: `frozen` from the registry and
/// `local` by path. It prints one line.
pub(super) fn layered_project() -> ProjectBuilder {
    Package::new("frozen", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                pub static COUNT: std::sync::atomic::AtomicUsize =
                    std::sync::atomic::AtomicUsize::new(0);

                pub fn count() -> usize {
                    COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1
                }
            "#,
        )
        .publish();
    project()
        .file("Cargo.toml", &layered_manifest(""))
        .file(
            "src/main.rs",
            r#"
                fn main() {
                    println!("{} {}", local::name(), frozen::count());
                }
            "#,
        )
        .file(
            "local/Cargo.toml",
            &manifest("local", "[dependencies]\nfrozen = '1.0'\n"),
        )
        .file(
            "local/src/lib.rs",
            r#"
                pub fn name() -> String {
                    format!("hello from local, call {}", frozen::count())
                }
            "#,
        )
}

/// The manifest of [`layered_project`], with more at its end.
pub(super) fn layered_manifest(rest: &str) -> String {
    let dependencies = "[dependencies]\nfrozen = '1.0'\nlocal = { path = 'local' }\n";
    manifest("foo", &format!("{dependencies}{rest}"))
}

/// A program whose dependencies are the packages in the registry with these names.
pub(super) fn program(dependencies: &[&str], main: &str) -> Project {
    let dependencies: String = dependencies
        .iter()
        .map(|name| format!("{name} = '1.0'\n"))
        .collect();
    project()
        .file(
            "Cargo.toml",
            &manifest("foo", &format!("[dependencies]\n{dependencies}")),
        )
        .file("src/main.rs", main)
        .build()
}

/// A manifest of edition 2021, with more at its end.
pub(super) fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n{rest}")
}

/// A package in the registry with a C library of its own.
pub(super) fn publish_native(name: &str, c: &str, lib: &str) {
    Package::new(name, "1.0.0")
        .file("Cargo.toml", &manifest(name, ""))
        .file("build.rs", &build_script_for_c(""))
        .file("src/native.c", c)
        .file("src/lib.rs", lib)
        .publish();
}

/// A program over the local `dead`, which refers to a function that is missing. Nothing that the program
/// calls refers to it: a static link drops it, a shared object has it.
pub(super) fn program_with_a_dead_reference() -> Project {
    project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\ndead = { path = 'dead' }\n"),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", dead::alive()); }",
        )
        .file("dead/Cargo.toml", &manifest("dead", ""))
        .file(
            "dead/src/lib.rs",
            r#"
                extern "C" { fn missing_function() -> i32; }
                pub fn dead() -> i32 { unsafe { missing_function() } }
                #[inline]
                pub fn alive() -> i32 { 5 }
            "#,
        )
        .build()
}

/// A build script that makes a static library of `src/native.c`, compiled with `flags`.
pub(super) fn build_script_for_c(flags: &str) -> String {
    build_script_for("cc", "src/native.c", flags)
}

/// A build script that makes a static library of `source`, compiled with `flags`.
pub(super) fn build_script_for(compiler: &str, source: &str, flags: &str) -> String {
    r#"
        use std::process::Command;
        fn main() {
            let out = std::env::var("OUT_DIR").unwrap();
            let name = std::env::var("CARGO_PKG_NAME").unwrap();
            let (object, library) = (format!("{out}/native.o"), format!("{out}/lib{name}_c.a"));
            let mut compiler = Command::new("COMPILER");
            compiler.args(["-c", "-fPIC", "SOURCE", "-o", &object]);
            compiler.args("FLAGS".split_whitespace());
            assert!(compiler.status().unwrap().success());
            let _ = std::fs::remove_file(&library);
            let ar = ["crs", &library, &object];
            assert!(Command::new("ar").args(ar).status().unwrap().success());
            println!("cargo::rustc-link-search=native={out}");
            println!("cargo::rustc-link-lib=static={name}_c");
            if "COMPILER" == "c++" {
                println!("cargo::rustc-link-lib=stdc++");
            }
        }
    "#
    .replace("COMPILER", compiler)
    .replace("SOURCE", source)
    .replace("FLAGS", flags)
}

/// Has `cc` make the shared library `path` of this C code, with these flags.
pub(super) fn shared_library(path: &Path, c: &str, flags: &str) {
    let source = path.with_extension("c");
    std::fs::write(&source, c).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC"])
        .arg(&source)
        .arg("-o")
        .arg(path)
        .args(flags.split_whitespace());
    assert!(cc.status().unwrap().success());
}

/// Has `cc` and `ar` add an object of this C code to an archive, which need not exist. Source and object lie beside it,
/// with `name`.
pub(super) fn add_to_archive(archive: &Path, name: &str, c: &str) {
    let [source, object] = ["c", "o"].map(|kind| archive.with_file_name(format!("{name}.{kind}")));
    std::fs::write(&source, c).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-c", "-fPIC", "-o"]).args([&object, &source]);
    assert!(cc.status().unwrap().success());
    let mut ar = Command::new("ar");
    ar.arg("crs").args([archive, &object]);
    assert!(ar.status().unwrap().success());
}

/// The output of the program of [`layered_project`].
pub(super) const LAYERED_OUTPUT: &str = "hello from local, call 1 2\n";

/// Whether the compiler that builds the projects is older than Rust 1.`minor`. A test of what the
/// compiler does not know yet then says so and ends.
pub(super) fn compiler_is_before(minor: u32) -> bool {
    let rustc = Command::new("rustc").arg("-V").output().unwrap();
    let version = String::from_utf8(rustc.stdout).unwrap();
    let number = version
        .split('.')
        .nth(1)
        .and_then(|number| number.parse::<u32>().ok());
    let is_before = number.unwrap() < minor;
    if is_before {
        eprintln!("skipped with {version}");
    }
    is_before
}

/// Whether the toolchain has a linker of its own.
pub(super) fn brings_linker() -> bool {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .unwrap();
    let sysroot = String::from_utf8(sysroot.stdout).unwrap();
    let tools = format!("lib/rustlib/{}/bin", cargo_test_support::rustc_host());
    Path::new(sysroot.trim())
        .join(tools)
        .join("rust-lld")
        .exists()
}
