//! Link args of the user and of build scripts.

use crate::prelude::*;
use cargo_test_support::project;

use super::{STATIC, add_to_archive, groups_of, manifest, program, publish_native, same_output};

#[cargo_test]
fn a_function_that_a_link_arg_wraps() {
    // As tests of C code replace what they do not want to call.
    publish_native(
        "native",
        "int inner(void) { return 1; } int outer(void) { return 10; }",
        r#"
            extern "C" { fn inner() -> i32; fn outer() -> i32; }
            pub fn number() -> i32 { unsafe { inner() + outer() } }
        "#,
    );
    let p = program(
        &["native"],
        r#"
            extern "C" { fn __real_inner() -> i32; }
            #[no_mangle] extern "C" fn __wrap_inner() -> i32 { unsafe { __real_inner() + 100 } }
            fn main() { println!("{}", native::number()); }
        "#,
    );
    // In a file that the driver reads, and in one that only the linker does.
    let of_driver = p.root().join("of-driver");
    let of_linker = p.root().join("of-linker");
    std::fs::write(&of_driver, "-Wl,--wrap=inner").unwrap();
    std::fs::write(&of_linker, "--wrap=inner").unwrap();
    let by_driver = format!("@{}", of_driver.display());
    let by_linker = format!("-Wl,@{}", of_linker.display());
    for spelling in [
        "-Wl,--wrap=inner",
        "-Wl,--wrap,inner",
        &by_driver,
        &by_linker,
    ] {
        p.change_file(
            "build.rs",
            &format!("fn main() {{ println!(\"cargo::rustc-link-arg={spelling}\"); }}"),
        );
        assert_eq!(same_output(&p), "111\n", "{spelling}");
    }
    p.cargo("build --dynamic-deps -v")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: the link arg \
             `--wrap=inner (-Wl,@[ROOT]/foo/of-linker)` is for all libraries, and groups are linked \
             without it",
        )
        .run();
    p.change_file("build.rs", "fn main() {}");
    let run = |argument: &str| {
        p.cargo(&format!("build {argument}"))
            .env("RUSTFLAGS", "-Clink-args=-Xlinker -Clink-args=--wrap=inner")
            .run();
        super::stdout(&p.bin("foo"))
    };
    assert_eq!(run("--no-dynamic-deps"), "111\n");
    assert_eq!(run("--dynamic-deps"), "111\n");
}

#[cargo_test]
fn a_function_that_a_linker_script_replaces() {
    publish_native(
        "native",
        "int now(void) { return 1; } int later(void) { return now() + 1; }",
        r#"
            extern "C" { fn later() -> i32; }
            pub fn number() -> i32 { unsafe { later() } }
        "#,
    );
    let p = program(
        &["native"],
        r#"
            extern "C" { fn now() -> i32; }
            #[no_mangle] extern "C" fn fast_now() -> i32 { 42 }
            fn main() { println!("{} {}", unsafe { now() }, native::number()); }
        "#,
    );
    // By the names of a script and of libraries, which linkers read all the same.
    let root = p.root();
    let root = root.display();
    for name in ["alias.ld", "libalias.a", "libalias.so"] {
        p.change_file(name, "now = fast_now;");
    }
    p.change_file("names", &format!("INPUT({root}/alias.ld)"));
    for args in [
        format!("{root}/alias.ld"),
        format!("-Wl,{root}/libalias.a"),
        format!("{root}/libalias.so"),
        format!("-L{root} -lalias"),
        format!("-Wl,-L{root},-Bstatic,-lalias,-Bdynamic"),
        format!("{root}/names"),
    ] {
        p.change_file("build.rs", &build_script_with(&args));
        assert_eq!(same_output(&p), "42 43\n", "{args}");
        assert_eq!(groups_of(&p.bin("foo")), STATIC, "{args}");
    }
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: the link arg \
             `[ROOT]/foo/names` brings a linker script, which may gather what is in groups",
        )
        .run();

    // One that only names inputs does not matter, nor does a text that is no input.
    p.change_file("names", "/* GNU ld script */ INPUT(-lc)");
    for args in [format!("{root}/names"), format!("-Wl,-Map,{root}/map")] {
        p.change_file("build.rs", &build_script_with(&args));
        assert_eq!(same_output(&p), "1 2\n", "{args}");
        assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"], "{args}");
    }
}

#[cargo_test]
fn an_archive_in_a_word_for_the_linker() {
    // It defines what a library of a dependency defines too, and a function that calls it. In a
    // static program, one of the definitions serves both.
    let c = "static int calls; int db_open(void) { return ++calls; }";
    publish_native(
        "native",
        c,
        r#"
            extern "C" { fn db_open() -> i32; }
            pub fn next() -> i32 { unsafe { db_open() } }
        "#,
    );
    let p = program(
        &["native"],
        r#"
            extern "C" { fn own_call() -> i32; }
            fn main() { println!("{} {}", unsafe { own_call() }, native::next()); }
        "#,
    );
    let archive = p.root().join("libown.a");
    let own = "int db_open(void); int own_call(void) { return db_open(); }";
    add_to_archive(&archive, "own", own);
    add_to_archive(&archive, "db", c);
    let root = p.root();
    let root = root.display();
    p.change_file("response", &format!("{root}/libown.a"));
    p.change_file("libnames.so", "INPUT(libown.a)");
    for args in [
        format!("{root}/libown.a"),
        format!("-Wl,-z,muldefs,--whole-archive,{root}/libown.a,--no-whole-archive"),
        format!("-Wl,-z,muldefs,{root}/own.o,{root}/db.o"),
        format!("-Wl,-L{root},--push-state,-Bstatic,-lown,--pop-state"),
        format!("-Xlinker {root}/libown.a"),
        format!("-Wl,@{root}/response"),
        format!("-L{root} {root}/libnames.so"),
    ] {
        p.change_file("build.rs", &build_script_with(&args));
        assert_eq!(same_output(&p), "1 2\n", "{args}");
        assert_eq!(groups_of(&p.bin("foo")), STATIC, "{args}");
    }
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: `db_open` is defined by [..]",
        )
        .run();
}

/// A build script that adds each of these words to the link line.
fn build_script_with(args: &str) -> String {
    let args = args.split(' ');
    let lines = args.map(|arg| format!("println!(\"cargo::rustc-link-arg={arg}\");"));
    format!("fn main() {{ {} }}", lines.collect::<String>())
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
fn link_args_of_build_scripts() {
    // A build script can add to the link of its own package only: here an object that
    // prints before `main`, to one executable, to a kind of them, and to all.
    let p = project()
        .file("Cargo.toml", &manifest("foo", ""))
        .file(
            "build.rs",
            r#"
                use std::process::Command;
                fn main() {
                    let out = std::env::var("OUT_DIR").unwrap();
                    for (instruction, name) in [
                        ("rustc-link-arg", "all"),
                        ("rustc-link-arg-bins", "bins"),
                        ("rustc-link-arg-bin=one", "one"),
                        ("rustc-link-arg-tests", "tests"),
                        ("rustc-link-arg-examples", "examples"),
                    ] {
                        let object = format!("{out}/{name}.o");
                        let text = format!("-DTEXT=\"{name} \"");
                        let arguments = ["-c", "-fPIC", "extra.c", "-o", &object, &text];
                        assert!(Command::new("cc").args(arguments).status().unwrap().success());
                        println!("cargo::{instruction}={object}");
                    }
                }
            "#,
        )
        .file(
            "extra.c",
            r#"
                #include <string.h>
                #include <unistd.h>
                __attribute__((constructor)) static void start(void) { write(1, TEXT, strlen(TEXT)); }
            "#,
        )
        .file("src/main.rs", "fn main() { println!(\"foo\"); }")
        .file("tests/it.rs", "#[test] fn it() {}")
        .file("src/bin/one.rs", "fn main() { println!(\"one\"); }")
        .file("examples/example.rs", "fn main() { println!(\"example\"); }")
        .build();
    let run = |argument: &str| {
        p.cargo(&format!("build --bins --examples {argument}"))
            .run();
        let examples = p.target_debug_dir().join("examples");
        [p.bin("foo"), p.bin("one"), examples.join("example")].map(|executable| {
            let dynamic = !groups_of(&executable).is_empty();
            assert_eq!(dynamic, argument == "--dynamic-deps");
            super::stdout(&executable)
        })
    };
    let of_static = run("--no-dynamic-deps");
    assert_eq!(
        of_static,
        [
            "all bins foo\n",
            "all bins one one\n",
            "all examples example\n"
        ]
    );
    assert_eq!(run("--dynamic-deps"), of_static);
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("test --test it {argument}"))
            .with_stdout_contains("all tests [..]")
            .run();
    }
}
