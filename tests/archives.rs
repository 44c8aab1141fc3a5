//! Archives of C code that are not part of an rlib.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{LAYERS, build_script_for_c, groups_of, manifest, members_of, same_behaviour};

/// A build script that makes an archive of `src/native.c` and leaves open what kind of library it is.
fn build_script_without_kind(flags: &str) -> String {
    let build = build_script_for_c(flags);
    let named = build.replace("rustc-link-lib=static=", "rustc-link-lib=");
    assert_ne!(named, build);
    named
}

/// A program that uses the C code `c` of the frozen `native`, of which `build` makes an archive, by
/// inline functions, in the executable and in the local `above`, and by `native` itself.
fn project_with_archive(build: &str, c: &str) -> Project {
    Package::new("native", "1.0.0")
        .file("Cargo.toml", &manifest("native", ""))
        .file("build.rs", build)
        .file("src/native.c", c)
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn native_next() -> i32; }
                #[inline(always)] pub fn inlined() -> i32 { unsafe { native_next() } }
                pub fn called() -> i32 { unsafe { native_next() } }
            "#,
        )
        .publish();
    let dependency = "[dependencies]\nnative = '1.0'\n";
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!("{dependency}above = {{ path = 'above' }}\n"),
            ),
        )
        .file(
            "src/main.rs",
            r#"
                fn main() {
                    println!("{} {} {}", native::inlined(), native::called(), above::next());
                }
            "#,
        )
        .file("above/Cargo.toml", &manifest("above", dependency))
        .file(
            "above/src/lib.rs",
            "#[inline(never)] pub fn next() -> i32 { native::inlined() }",
        )
        .build()
}

const COUNTER: &str = "int calls; int native_next(void) { return ++calls; }";

fn check_counter(build: &str) {
    let p = project_with_archive(build, COUNTER);
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1 2 3\n");
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
}

#[cargo_test]
fn a_library_without_a_kind_that_is_an_archive() {
    check_counter(&build_script_without_kind(""));
}

#[cargo_test]
fn an_archive_by_the_name_of_its_file() {
    let build = build_script_without_kind("");
    let by_file = build.replace(
        "rustc-link-lib={name}_c",
        "rustc-link-lib=dylib:+verbatim=lib{name}_c.a",
    );
    assert_ne!(by_file, build);
    check_counter(&by_file);
}

#[cargo_test]
fn a_library_without_a_kind_that_is_an_archive_with_hidden_symbols() {
    check_counter(&build_script_without_kind("-fvisibility=hidden"));
}

#[cargo_test]
fn a_constructor_in_an_archive_without_a_kind() {
    let c = r#"
        static int calls;
        __attribute__((constructor)) static void start(void) { calls = 40; }
        int native_next(void) { return ++calls; }
    "#;
    let p = project_with_archive(&build_script_without_kind(""), c);
    assert_eq!(super::text(&same_behaviour(&p).stdout), "41 42 43\n");
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
}

#[cargo_test]
fn an_archive_without_a_kind_that_its_members_share() {
    // Each of three libraries takes another member, and both members the same variable.
    let build = build_script_without_kind("-fvisibility=hidden").replace(
        "let ar = ",
        r#"
            for name in ["one", "other"] {
                let file = format!("{out}/{name}.c");
                let code = format!("extern int calls; int native_{name}(void) {{ return ++calls; }}");
                std::fs::write(&file, code).unwrap();
                let mut cc = Command::new("cc");
                cc.args(["-c", "-fPIC", "-fvisibility=hidden", &file, "-o", &format!("{out}/{name}.o")]);
                assert!(cc.status().unwrap().success());
                let members = ["qc", &library, &format!("{out}/{name}.o")];
                assert!(Command::new("ar").args(members).status().unwrap().success());
            }
            let ar = 
        "#,
    );
    Package::new("native", "1.0.0")
        .file("Cargo.toml", &manifest("native", ""))
        .file("build.rs", &build)
        .file("src/native.c", COUNTER)
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn native_one() -> i32; fn native_other() -> i32; }
                #[inline(always)] pub fn one() -> i32 { unsafe { native_one() } }
                #[inline(always)] pub fn other() -> i32 { unsafe { native_other() } }
            "#,
        )
        .publish();
    let dependency = "[dependencies]\nnative = '1.0'\n";
    let mut p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!("{dependency}left = {{ path = 'left' }}\nright = {{ path = 'right' }}\n"),
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {} {}\", left::next(), right::next(), native::one()); }",
        );
    for (name, function) in [("left", "one"), ("right", "other")] {
        p = p
            .file(&format!("{name}/Cargo.toml"), &manifest(name, dependency))
            .file(
                &format!("{name}/src/lib.rs"),
                &format!("#[inline(never)] pub fn next() -> i32 {{ native::{function}() }}"),
            );
    }
    let p = p.build();
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1 2 3\n");
    assert_eq!(members_of(&p.bin("foo"), "frozen"), ["native"]);
}

#[cargo_test]
fn an_archive_without_a_kind_that_the_linker_refuses() {
    // Two of its members define one symbol, of which a static link takes the first.
    let build = build_script_without_kind("").replace(
        "let ar = ",
        r#"
            let file = format!("{out}/again.c");
            std::fs::write(&file, "int native_next(void) { return 7; }").unwrap();
            let again = format!("{out}/again.o");
            let cc = ["-c", "-fPIC", &file, "-o", &again];
            assert!(Command::new("cc").args(cc).status().unwrap().success());
            let ar = ["qc", &library, &again];
            assert!(Command::new("ar").args(ar).status().unwrap().success());
            let ar = 
        "#,
    );
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "#[inline(never)] pub fn one() -> i32 { 1 }")
        .publish();
    let p = project_with_archive(&build, COUNTER);
    let manifest = p.read_file("Cargo.toml");
    let with_plain = manifest.replace("[dependencies]", "[dependencies]\nplain = '1.0'");
    p.change_file("Cargo.toml", &with_plain);
    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{} {}\", native::called(), plain::one()); }",
    );
    assert_eq!(super::same_output(&p), "7 1\n");
    // It costs nobody else the group.
    assert_eq!(members_of(&p.bin("foo"), "frozen"), ["plain"]);
}

#[cargo_test]
fn a_thin_archive_of_the_program() {
    // As `static_libraries::a_static_library_of_the_program`, with the members in files of their own.
    let thin = build_script_for_c("").replace("[\"crs\"", "[\"rcsT\"");
    assert!(thin.contains("rcsT"));
    Package::new("native", "1.0.0")
        .file("Cargo.toml", &manifest("native", ""))
        .file("build.rs", &thin)
        .file(
            "src/native.c",
            "static int calls; int native_next(void) { return ++calls; }",
        )
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn native_next() -> i32; }
                pub fn next() -> i32 { unsafe { native_next() } }
            "#,
        )
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nnative = '1.0'\n"),
        )
        .file("build.rs", &thin)
        .file(
            "src/native.c",
            "static int calls = 100; int native_next(void) { return ++calls; }",
        )
        .file(
            "src/main.rs",
            r#"
                extern "C" { fn native_next() -> i32; }
                fn main() { println!("{} {}", unsafe { native_next() }, native::next()); }
            "#,
        )
        .build();
    assert_eq!(super::same_output(&p), "101 102\n");
}
