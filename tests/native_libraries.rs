//! Native libraries on the line of an executable: it loads those that a static link takes.

use std::path::Path;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};
use link_engine::DynamicInfo;

use super::bystanders::workspace;
use super::commands::uses_groups;
use super::{manifest, shared_library, stdout};

/// A library that says when it is loaded.
const GREETS: &str = r#"
    #include <unistd.h>
    __attribute__((constructor)) static void load(void) { write(1, "loaded\n", 7); }
    int greet(void) { return 5; }
"#;

/// Makes `lib<name>.so` in the root of a project.
fn library(p: &Project, name: &str, c: &str) {
    let file = format!("lib{name}.so");
    shared_library(&p.root().join(&file), c, &format!("-Wl,-soname,{file}"));
}

/// What each of these programs prints, and whether it needs the library, built with this option and
/// these flags.
fn build(
    p: &Project,
    option: &str,
    flags: &str,
    programs: [&str; 2],
    library: &str,
) -> [(String, bool); 2] {
    let root = p.root();
    let root = root.display();
    p.cargo(&format!("build {option}"))
        .env(
            "RUSTFLAGS",
            format!("-Lnative={root} -Clink-arg=-Wl,-rpath,{root} {flags}"),
        )
        .with_stderr_does_not_contain("[WARNING] link[..]statically[..]")
        .run();
    programs.map(|name| (stdout(&p.bin(name)), needs(&p.bin(name), library)))
}

fn needs(executable: &Path, library: &str) -> bool {
    let info = DynamicInfo::read(executable).unwrap().unwrap();
    info.needed.contains(&format!("lib{library}.so"))
}

/// A crate of the registry without native code.
fn publish_plain() {
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "#[inline(never)] pub fn three() -> i32 { 3 }")
        .publish();
}

fn asks_for(library: &str) -> String {
    format!("fn main() {{ println!(\"cargo::rustc-link-lib=dylib={library}\"); }}")
}

/// Checks that the programs do and need the same both ways, with linkers that have rules of their
/// own about what is needed.
#[track_caller]
fn check(p: &Project, programs: [&str; 2], library: &str, expected: [(&str, bool); 2]) {
    for linker in ["bfd", "gold", "lld", "mold"] {
        if cargo_test_support::process(format!("ld.{linker}"))
            .arg("--version")
            .exec_with_output()
            .is_err()
        {
            continue;
        }
        let flags = format!("-Clink-arg=-fuse-ld={linker}");
        let [of_static, of_dynamic] = ["--no-dynamic-deps", "--dynamic-deps"]
            .map(|option| build(p, option, &flags, programs, library));
        assert_eq!(of_dynamic, of_static, "{linker}");
        for program in programs {
            assert!(uses_groups(&p.bin(program)), "{program}");
        }
        if linker == "lld" {
            let expected = expected.map(|(output, needs)| (output.to_owned(), needs));
            assert_eq!(of_static, expected);
        }
    }
}

#[cargo_test]
fn that_one_of_two_programs_uses() {
    publish_plain();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nplain = '1.0'\n"),
        )
        .file("build.rs", &asks_for("greets"))
        .file(
            "src/bin/cli.rs",
            "fn main() { println!(\"cli {}\", plain::three()); }",
        )
        .file(
            "src/bin/gui.rs",
            r#"
                extern "C" { fn greet() -> i32; }
                fn main() { println!("gui {}", plain::three() + unsafe { greet() }); }
            "#,
        )
        .build();
    library(&p, "greets", GREETS);
    let expected = [("cli 3\n", false), ("loaded\ngui 8\n", true)];
    check(&p, ["cli", "gui"], "greets", expected);
}

#[cargo_test]
fn that_replaces_a_function_of_the_c_library_and_that_a_bystander_asks_for() {
    publish_plain();
    Package::new("counts", "1.0.0")
        .file("Cargo.toml", &manifest("counts", ""))
        .file("build.rs", &asks_for("counts"))
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn count() -> i32; }
                #[inline(never)] pub fn counted() -> i32 { unsafe { count() } }
            "#,
        )
        .publish();
    let main = r#"std::env::var("HOME").unwrap(), plain::three()"#;
    let p = workspace(&[
        (
            "a",
            "counts = '1.0'\nplain = '1.0'\n",
            &format!("fn main() {{ println!(\"{{}} {{}} {{}}\", {main}, counts::counted()); }}"),
        ),
        (
            "b",
            "plain = '1.0'\n",
            &format!("fn main() {{ println!(\"{{}} {{}}\", {main}); }}"),
        ),
    ])
    .file("b/build.rs", &asks_for("counts"))
    .build();
    let c = r#"
        static int counter;
        char *getenv(const char *name) { counter++; return "replaced"; }
        int count(void) { return counter > 0; }
    "#;
    library(&p, "counts", c);
    let expected = [("replaced 3 1\n", true), ("replaced 3\n", true)];
    check(&p, ["a", "b"], "counts", expected);
}

#[cargo_test]
fn that_an_attribute_names_and_a_bystander_asks_for() {
    for (name, attribute, build_rs) in [
        ("attribute", "#[link(name = \"greets\")]", "fn main() {}"),
        ("asks", "", &*asks_for("greets")),
    ] {
        let lib = "extern \"C\" { fn greet() -> i32; }
                   #[inline(never)] pub fn number() -> i32 { unsafe { greet() } }";
        Package::new(name, "1.0.0")
            .file("Cargo.toml", &manifest(name, ""))
            .file("build.rs", build_rs)
            .file("src/lib.rs", &format!("{attribute} {lib}"))
            .publish();
    }
    let main = |name: &str| format!("fn main() {{ println!(\"{{}}\", {name}::number()); }}");
    let p = workspace(&[
        ("a", "attribute = '1.0'\n", &main("attribute")),
        ("b", "asks = '1.0'\n", &main("asks")),
    ])
    .build();
    library(&p, "greets", GREETS);
    let expected = [("loaded\n5\n", true), ("loaded\n5\n", true)];
    check(&p, ["a", "b"], "greets", expected);
}
