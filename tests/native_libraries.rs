//! Native libraries on the line of an executable: it loads those that a static link takes.

use std::path::Path;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};
use link_engine::{DynamicInfo, is_executable};

use super::bystanders::workspace;
use super::plugins::library;
use super::{manifest, program, publish_native, stdout, uses_groups};

/// A library that says when it is loaded.
const GREETS: &str = r#"
    #include <unistd.h>
    __attribute__((constructor)) static void load(void) { write(1, "loaded\n", 7); }
    int greet(void) { return 5; }
"#;

/// A library that replaces a function which std calls.
const COUNTS: &str = r#"
    static int counter;
    char *getenv(const char *name) { counter++; return "replaced"; }
    int count(void) { return counter > 0; }
"#;

/// What a program prints, and whether it needs the library.
type Outcome = (String, bool);

/// Builds with this option and these flags.
fn build(p: &Project, option: &str, flags: &str, programs: &[&str], library: &str) -> Vec<Outcome> {
    let root = p.root();
    let root = root.display();
    p.cargo(&format!("build {option}"))
        .env(
            "RUSTFLAGS",
            format!("-Lnative={root} -Clink-arg=-Wl,-rpath,{root} {flags}"),
        )
        .run();
    let programs = programs.iter().map(|name| p.bin(name));
    programs
        .map(|program| (stdout(&program), needs(&program, library)))
        .collect()
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

/// Checks that programs print and need the same both ways, with linkers that have rules of their
/// own about what is needed. Each is given with what it prints, and whether it needs the library,
/// as lld links it.
#[track_caller]
fn check(p: &Project, library: &str, programs: &[(&str, &str, bool)]) {
    let names: Vec<&str> = programs.iter().map(|(name, _, _)| *name).collect();
    for linker in ["bfd", "gold", "lld", "mold", "wild"] {
        let name = match linker {
            "wild" => "wild".to_owned(),
            _ => format!("ld.{linker}"),
        };
        if !is_executable(Path::new(&name)) {
            eprintln!("skipped: {name}");
            continue;
        }
        let flags = match linker {
            "wild" => "-Clinker=clang -Clink-arg=--ld-path=wild".to_owned(),
            _ => format!("-Clink-arg=-fuse-ld={linker}"),
        };
        let [of_static, of_dynamic] = ["--no-dynamic-deps", "--dynamic-deps"]
            .map(|option| build(p, option, &flags, &names, library));
        assert_eq!(of_dynamic, of_static, "{linker}");
        if linker == "lld" {
            let expected = programs.iter();
            let expected = expected.map(|(_, output, needs)| (output.to_string(), *needs));
            assert_eq!(of_static, expected.collect::<Vec<_>>());
        }
    }
}

/// Checks that none of these programs is linked statically instead.
#[track_caller]
fn check_dynamic(p: &Project, programs: &[&str]) {
    for program in programs {
        assert!(uses_groups(&p.bin(program)), "{program}");
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
    library(&p, "greets", GREETS, "");
    let expected = [("cli", "cli 3\n", false), ("gui", "loaded\ngui 8\n", true)];
    check(&p, "greets", &expected);
    check_dynamic(&p, &["cli", "gui"]);
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
    library(&p, "counts", COUNTS, "");
    let expected = [("a", "replaced 3 1\n", true), ("b", "replaced 3\n", true)];
    check(&p, "counts", &expected);
    check_dynamic(&p, &["a", "b"]);
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
    library(&p, "greets", GREETS, "");
    let expected = [("a", "loaded\n5\n", true), ("b", "loaded\n5\n", true)];
    check(&p, "greets", &expected);
    check_dynamic(&p, &["a", "b"]);
}

/// Prints a variable that std reads.
const PRINT_HOME: &str = r#"println!("{}", std::env::var("HOME").unwrap());"#;

#[cargo_test]
fn that_a_crate_asks_for_and_does_not_name() {
    Package::new("asks", "1.0.0")
        .file("Cargo.toml", &manifest("asks", ""))
        .file("build.rs", &asks_for("counts"))
        .file("src/lib.rs", "#[inline(never)] pub fn nothing() {}")
        .publish();
    let main = format!("fn main() {{ asks::nothing(); {PRINT_HOME} }}");
    let p = program(&["asks"], &main);
    library(&p, "counts", COUNTS, "");
    check(&p, "counts", &[("foo", "replaced\n", true)]);
    check_dynamic(&p, &["foo"]);
}

#[cargo_test]
fn that_comes_too_late_to_replace_a_function() {
    publish_plain();
    let main = format!("fn main() {{ plain::three(); {PRINT_HOME} }}");
    let p = program(&["plain"], &main);
    p.change_file(
        "build.rs",
        "fn main() { println!(\"cargo::rustc-link-arg=-lcounts\"); }",
    );
    library(&p, "counts", COUNTS, "");
    let home = format!("{}\n", std::env::var("HOME").unwrap());
    check(&p, "counts", &[("foo", &home, false)]);
    check_dynamic(&p, &["foo"]);
}

#[cargo_test]
fn that_replaces_what_a_crate_brings_along() {
    publish_native(
        "bundled",
        "int version(void) { return 1; }",
        r#"
            extern "C" { fn version() -> i32; }
            #[inline(never)] pub fn number() -> i32 { unsafe { version() } }
        "#,
    );
    let p = program(
        &["bundled"],
        "fn main() { println!(\"{}\", bundled::number()); }",
    );
    p.change_file("build.rs", &asks_for("version"));
    library(&p, "version", "int version(void) { return 2; }", "");
    check(&p, "version", &[("foo", "2\n", true)]);
}

#[cargo_test]
fn that_a_linker_script_names() {
    Package::new("names", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                #[link(name = "script")] extern "C" { fn greet() -> i32; }
                #[inline(never)] pub fn number() -> i32 { unsafe { greet() } }
            "#,
        )
        .publish();
    let p = program(
        &["names"],
        "fn main() { println!(\"{}\", names::number()); }",
    );
    library(&p, "greets", GREETS, "");
    p.change_file("libscript.so", "INPUT(-lgreets)");
    check(&p, "greets", &[("foo", "loaded\n5\n", true)]);
    check_dynamic(&p, &["foo"]);
}
