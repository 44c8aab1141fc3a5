//! Constructors of C in a static library: a static link runs those of the objects that something
//! refers to.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{build_script_for_c, groups_of, manifest, same_behaviour};

/// C code with a constructor.
const STARTED: &str = r#"
    #include <unistd.h>
    static int started;
    __attribute__((constructor)) static void start(void) {
        started = 1;
        write(1, "start\n", 6);
    }
    int native_started(void) { return started; }
"#;

/// A program with this `main`, above the frozen `native`, of whose two objects of C one has a
/// constructor, `above`, which does not need that object, `beside`, which does, and `plain`.
fn project_with_constructor(main: &str) -> Project {
    let build = build_script_for_c("").replace(
        "let ar = ",
        r#"
            let started = format!("{out}/started.o");
            let cc = ["-c", "-fPIC", "src/started.c", "-o", &started];
            assert!(Command::new("cc").args(cc).status().unwrap().success());
            let started = ["qc", &library, &started];
            assert!(Command::new("ar").args(started).status().unwrap().success());
            let ar = 
        "#,
    );
    Package::new("native", "1.0.0")
        .file("Cargo.toml", &manifest("native", ""))
        .file("build.rs", &build)
        .file("src/native.c", "int native_number(void) { return 5; }")
        .file("src/started.c", STARTED)
        .file(
            "src/lib.rs",
            r#"
                mod c { extern "C" { pub fn native_number() -> i32; pub fn native_started() -> i32; } }
                #[inline(always)] pub fn number() -> i32 { unsafe { c::native_number() } }
                #[inline(always)] pub fn started() -> i32 { unsafe { c::native_started() } }
            "#,
        )
        .publish();
    for (name, function) in [("above", "number"), ("beside", "started")] {
        Package::new(name, "1.0.0")
            .edition("2021")
            .file(
                "src/lib.rs",
                &format!("#[inline(never)] pub fn {function}() -> i32 {{ native::{function}() }}"),
            )
            .dep("native", "1.0")
            .publish();
    }
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "#[inline(never)] pub fn one() -> i32 { 1 }")
        .publish();
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\nnative = '1.0'\nabove = '1.0'\nbeside = '1.0'\nplain = '1.0'\n",
            ),
        )
        .file(
            "src/main.rs",
            &format!("fn main() {{ println!(\"{{}} {{}}\", {main}, plain::one()); }}"),
        )
        .build()
}

#[cargo_test]
fn run_where_a_static_link_takes_them() {
    for (main, expected) in [
        ("native::number()", "5 1\n"),
        ("native::started()", "start\n1 1\n"),
        ("above::number()", "5 1\n"),
        ("beside::started()", "start\n1 1\n"),
    ] {
        let p = project_with_constructor(main);
        let output = same_behaviour(&p);
        assert_eq!(super::text(&output.stdout), expected, "{main}");
        // Nothing below tells before the link which objects that takes.
        assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"], "{main}");
        p.root().rm_rf();
    }
}

#[cargo_test]
fn run_where_a_static_link_takes_them_from_an_archive_beside_the_rlib() {
    // Only `started` needs the archive, and no executable here takes the object of `native` that has it unless it calls
    // `started`.
    let build = build_script_for_c("");
    let unbundled = build.replace("rustc-link-lib=static=", "rustc-link-lib=static:-bundle=");
    assert_ne!(unbundled, build);
    for (main, expected) in [("number", "5\n"), ("started", "start\n1\n")] {
        let p = project()
            .file(
                "Cargo.toml",
                &manifest("foo", "[dependencies]\nnative = { path = 'native' }\n"),
            )
            .file(
                "src/main.rs",
                &format!("fn main() {{ println!(\"{{}}\", native::{main}()); }}"),
            )
            .file("native/Cargo.toml", &manifest("native", ""))
            .file("native/build.rs", &unbundled)
            .file("native/src/native.c", STARTED)
            .file(
                "native/src/lib.rs",
                r#"
                    mod c { extern "C" { pub fn native_started() -> i32; } }
                    #[inline(never)] pub fn started() -> i32 { unsafe { c::native_started() } }
                    #[inline(always)] pub fn number() -> i32 { 5 }
                "#,
            )
            .build();
        let output = same_behaviour(&p);
        assert_eq!(super::text(&output.stdout), expected, "{main}");
        assert_eq!(groups_of(&p.bin("foo")), ["sysroot"], "{main}");
        p.root().rm_rf();
    }
}
