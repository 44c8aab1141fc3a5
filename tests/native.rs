//! Libraries that are not Rust.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{build_script_for_c, groups_of, manifest, same_behaviour};

/// A program `foo` that depends on `native` from the registry, whose build script
/// is `build_rs` and whose C file is `c`.
fn project_with_c(build_rs: &str, c: &str, lib_rs: &str, main_rs: &str) -> Project {
    Package::new("native", "1.0.0")
        .file("Cargo.toml", &manifest("native", ""))
        .file("build.rs", build_rs)
        .file("src/native.c", c)
        .file("src/lib.rs", lib_rs)
        .publish();
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [dependencies]
                native = "1.0"
                "#,
            ),
        )
        .file("src/main.rs", main_rs)
        .build()
}

#[cargo_test]
fn hidden_symbols_of_c_are_reached_from_the_executable() {
    let p = project_with_c(
        &build_script_for_c("-fvisibility=hidden"),
        "static int calls; int state = 40; int native_next(void) { return ++calls + state; }",
        // `inline` puts the call, and so the reference, into the executable.
        r#"
            extern "C" { fn native_next() -> i32; static mut state: i32; }
            #[inline(always)]
            pub fn next() -> i32 { unsafe { native_next() } }
            #[inline(always)]
            pub fn set(value: i32) { unsafe { state = value } }
            pub fn next_from_inside() -> i32 { unsafe { native_next() } }
        "#,
        r#"
            fn main() {
                println!("{} {}", native::next(), native::next_from_inside());
                native::set(0);
                println!("{} {}", native::next(), native::next_from_inside());
            }
        "#,
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "41 42\n3 4\n");
}

#[cargo_test]
fn a_static_library_is_once_in_the_process() {
    let p = project_with_c(
        &build_script_for_c("-O1"),
        "static int calls; int native_next(void) { return ++calls; }",
        r#"
            extern "C" { fn native_next() -> i32; }
            #[inline(always)]
            pub fn inlined() -> i32 { unsafe { native_next() } }
            pub fn called() -> i32 { unsafe { native_next() } }
            pub fn generic<T: From<u8>>() -> (i32, T) { (called(), T::from(9)) }
        "#,
        r#"
            fn main() {
                println!("{} {} {:?}", native::inlined(), native::called(), native::generic::<u64>());
            }
        "#,
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1 2 (3, 9)\n");
}

#[cargo_test]
fn a_shared_library_of_a_dependency_is_loaded() {
    let p = project_with_c(
        r#"fn main() { println!("cargo::rustc-link-lib=m"); }"#,
        "",
        r#"
            extern "C" { fn cbrt(x: f64) -> f64; }
            pub fn root(x: f64) -> f64 { unsafe { cbrt(x) } }
        "#,
        "fn main() { println!(\"{}\", native::root(27.0)); }",
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "3\n");
}

#[cargo_test]
fn a_library_that_only_an_attribute_names() {
    let p = project_with_c(
        "fn main() {}",
        "",
        r#"
            #[link(name = "crypt")]
            extern "C" { fn crypt(key: *const i8, salt: *const i8) -> *const i8; }
            pub fn available() -> bool { unsafe { !crypt(c"key".as_ptr(), c"ab".as_ptr()).is_null() } }
        "#,
        "fn main() { println!(\"{}\", native::available()); }",
    );
    p.cargo("build --no-dynamic-deps").run();
    let executable = p.bin("foo");
    let of_static = super::stdout(&executable);
    p.cargo("build --dynamic-deps").run();
    let info = link_engine::elf::DynamicInfo::read(&executable)
        .unwrap()
        .unwrap();
    assert!(
        info.needed
            .iter()
            .any(|name| name.starts_with("libcrypt.so")),
        "{info:?}"
    );
    assert!(
        info.needed
            .iter()
            .any(|name| name.starts_with("dynamic-deps-frozen")),
        "{info:?}"
    );
    assert_eq!(super::stdout(&executable), of_static);
}

#[cargo_test]
fn link_args_of_the_user_are_for_the_executable_alone() {
    let p = project()
        .file("src/main.rs", "fn main() { println!(\"main\"); }")
        .file(
            "extra.c",
            r#"
                #include <unistd.h>
                __attribute__((constructor)) static void start(void) { write(1, "start\n", 6); }
            "#,
        )
        .build();
    let object = p.root().join("extra.o");
    let mut cc = std::process::Command::new("cc");
    cc.args(["-c", "-fPIC"])
        .arg(p.root().join("extra.c"))
        .arg("-o")
        .arg(&object);
    assert!(cc.status().unwrap().success());
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        // A relative path, and a flag that distributions set, which would refuse groups.
        p.cargo(&format!("build {argument}"))
            .env("RUSTFLAGS", "-Clink-arg=extra.o -Clink-arg=-Wl,-z,defs")
            .run();
        assert_eq!(super::stdout(&p.bin("foo")), "start\nmain\n", "{argument}");
    }
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
}

#[cargo_test]
fn a_constructor_keeps_its_library_in_the_executable() {
    let c = r#"
        static int started;
        __attribute__((constructor)) static void start(void) { started = 1; }
        int native_started(void) { return started; }
    "#;
    let lib = r#"
        extern "C" { fn native_started() -> i32; }
        pub fn started() -> i32 { unsafe { native_started() } }
    "#;
    let p = project_with_c(
        &build_script_for_c("-O1"),
        c,
        lib,
        "fn main() { println!(\"{}\", native::started()); }",
    );
    p.cargo("build --dynamic-deps").run();
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(super::stdout(&p.bin("foo")), "1\n");
}

#[cargo_test]
fn a_section_that_the_linker_gathers_is_whole() {
    // What `linkme` does: elements in a dependency, in a local crate and in the
    // program, gathered by the linker into one slice that a dependency reads.
    let element = |name: &str, value: u32| {
        format!("#[used] #[link_section = \"gathered\"] static {name}: u32 = {value};")
    };
    Package::new("slice", "1.0.0")
        .file(
            "src/lib.rs",
            &format!(
                r#"
                    extern "C" {{
                        #[link_name = "__start_gathered"] static START: u32;
                        #[link_name = "__stop_gathered"] static STOP: u32;
                    }}
                    {}
                    pub fn elements() -> Vec<u32> {{
                        unsafe {{
                            let start = &raw const START;
                            let length = (&raw const STOP).offset_from(start) as usize;
                            let mut elements = std::slice::from_raw_parts(start, length).to_vec();
                            elements.sort();
                            elements
                        }}
                    }}
                "#,
                element("OWN", 1)
            ),
        )
        .publish();
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "pub fn plain() -> u32 { 9 }")
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [dependencies]
                slice = "1.0"
                plain = "1.0"
                local = { path = "local" }
                "#,
            ),
        )
        .file(
            "local/Cargo.toml",
            &manifest("local", ""),
        )
        .file("local/src/lib.rs", &format!("{} pub fn touch() {{}}", element("LOCAL", 2)))
        .file(
            "src/main.rs",
            &format!(
                "{} fn main() {{ local::touch(); println!(\"{{:?}} {{}}\", slice::elements(), plain::plain()); }}",
                element("PROGRAM", 3)
            ),
        )
        .build();
    assert_eq!(super::text(&same_behaviour(&p).stdout), "[1, 2, 3] 9\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}
