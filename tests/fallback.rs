//! Cases in which Cargo links dependencies statically after all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project, str};

use super::{
    LAYERED_OUTPUT, STATIC, build_script_for_c, group_files, groups_of, layered_project, manifest,
    program, program_with_a_dead_reference, publish_native, same_output, stdout, wrappers,
};

#[cargo_test]
fn a_profile_falls_back_with_one_warning() {
    let p = layered_project()
        .file("src/bin/other.rs", "fn main() {}")
        .file(
            ".cargo/config.toml",
            "profile.dev.dynamic-deps = true\nprofile.dev.lto = true",
        )
        .build();
    let output = p.cargo("build").run();
    let stderr = super::text(&output.stderr);
    assert_eq!(
        stderr.matches("linking dependencies statically").count(),
        1,
        "{stderr}"
    );
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_demand_is_an_error() {
    let p = layered_project()
        .file(".cargo/config.toml", "profile.dev.lto = true")
        .build();
    p.cargo("build --dynamic-deps")
        .with_status(101)
        .with_stderr_data(str![[r#"
...
[ERROR] cannot link the dependencies of `foo` dynamically: [..]
[HELP] [..]

"#]])
        .run();
}

/// Checks that a profile that opts in falls back with a warning that says `reason`, to
/// a program that runs, and that a demand is an error that says it too.
#[track_caller]
fn falls_back(project: &Project, flags: &str, reason: &str) {
    falls_back_by(project, "RUSTFLAGS", flags, reason);
}

/// The same for any variable of the environment.
#[track_caller]
fn falls_back_by(project: &Project, variable: &str, value: &str, reason: &str) {
    project
        .cargo("run --config profile.dev.dynamic-deps=true")
        .env(variable, value)
        .with_stderr_contains(format!(
            "[WARNING] linking dependencies statically despite `dynamic-deps`: {reason}"
        ))
        .with_stdout_data(LAYERED_OUTPUT)
        .run();
    project
        .cargo("build --dynamic-deps")
        .env(variable, value)
        .with_status(101)
        .with_stderr_contains(format!(
            "[ERROR] cannot link the dependencies of `foo` dynamically: {reason}"
        ))
        .with_stderr_contains("[HELP] [..]")
        .run();
}

/// A rustc that calls itself older than it is.
#[cargo_test]
fn a_compiler_on_which_groups_were_never_tried() {
    let p = layered_project()
        .file(
            "old-rustc",
            r#"#!/bin/sh
case $1 in
-vV) rustc -vV | sed 's/^release: .*/release: 1.84.1/' ;;
*) exec rustc "$@" ;;
esac
"#,
        )
        .build();
    let rustc = p.root().join("old-rustc");
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
    let reason = "no group was ever linked with rustc `1.84`";
    falls_back_by(&p, "RUSTC", rustc.to_str().unwrap(), reason);
}

#[cargo_test]
fn flags_that_groups_do_not_go_with() {
    let p = layered_project().build();
    for (flags, reason) in [
        ("-C target-feature=+crt-static", "[..](`crt-static`)"),
        ("-C prefer-dynamic", "[..]`-C prefer-dynamic`[..]"),
        (
            "-C relocation-model=static",
            "[..]`-C relocation-model=static`",
        ),
        ("-C link-arg=-no-pie", "the link arg `-no-pie` [..]"),
        ("--cfg miri", "the program runs in Miri, [..]"),
    ] {
        falls_back(&p, flags, reason);
    }
}

#[cargo_test]
fn a_crate_that_is_a_rust_dylib() {
    let p = layered_project().build();
    p.change_file(
        "local/Cargo.toml",
        &manifest(
            "local",
            "[lib]\ncrate-type = ['dylib']\n[dependencies]\nfrozen = '1.0'\n",
        ),
    );
    // The program runs with the libraries of rustc beside it.
    p.cargo("run --config profile.dev.dynamic-deps=true")
        .with_stderr_contains(
            "[WARNING] linking dependencies statically despite `dynamic-deps`: \
             the crate `local` is linked as a Rust `dylib`",
        )
        .with_stdout_data(LAYERED_OUTPUT)
        .run();
}

#[cargo_test]
fn platforms_without_support() {
    // Decided before anything is compiled, so no such target need be installed.
    let p = layered_project().build();
    for (target, reason) in [
        (
            "x86_64-unknown-linux-musl",
            "[..] the C library `musl`, [..]",
        ),
        ("wasm32-unknown-unknown", "[..] is WebAssembly, [..]"),
        ("x86_64-pc-windows-msvc", "[..] are PE files, [..]"),
        ("aarch64-apple-darwin", "[..] are Mach-O files, [..]"),
        ("thumbv7em-none-eabi", "[..] is bare metal, [..]"),
    ] {
        p.cargo(&format!("build --dynamic-deps --target {target}"))
            .with_status(101)
            .with_stderr_contains(format!(
                "[ERROR] cannot link the dependencies of `foo` dynamically: {reason}"
            ))
            .with_stderr_does_not_contain("[COMPILING] [..]")
            .run();
    }
}

#[cargo_test]
fn a_dynamic_link_that_fails_is_replaced_by_the_static_one() {
    let p = program_with_a_dead_reference();
    p.cargo("build --dynamic-deps")
        .with_stderr_data(str![[r#"
...
[WARNING] linked the dependencies of `foo` statically, because the linker refused to link them dynamically
the refused link line is in `[ROOT]/foo/target/debug/[..]/linker/refused-link-line`
caused by: [..]missing_function[..]
...
[NOTE] `dead v1.0.0` refers to `missing_function`, which nothing defines
[HELP] keep it in the executable with `[profile.dev.package.dead] dynamic-deps = false`
[WARNING] `foo` (bin "foo") generated 1 warning
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), "5\n");

    // The help helps.
    p.cargo("build --dynamic-deps --config profile.dev.package.dead.dynamic-deps=false")
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), "5\n");
}

#[cargo_test]
fn a_program_without_std_is_linked_statically() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [profile.dev]
                panic = "abort"
                "#,
            ),
        )
        .file(
            "src/main.rs",
            r#"
                #![no_std]
                #![no_main]
                #[panic_handler]
                fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
                #[link(name = "c")]
                extern "C" { fn puts(text: *const core::ffi::c_char) -> core::ffi::c_int; }
                #[no_mangle]
                pub extern "C" fn main() -> i32 { unsafe { puts(c"no std".as_ptr()) }; 0 }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: the program [..]",
        )
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), "no std\n");
}

#[cargo_test]
fn a_library_that_cannot_be_linked_stays_in_the_executable() {
    Package::new("unfit", "1.0.0")
        .file("Cargo.toml", &manifest("unfit", ""))
        .file(
            "build.rs",
            // Code of a C library that was never meant for a shared object.
            &build_script_for_c("-fno-pic -mcmodel=small"),
        )
        .file(
            "src/native.c",
            "extern int elsewhere; int unused(void) { return elsewhere; }",
        )
        .file("src/lib.rs", "pub fn fit() -> u8 { 5 }")
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [dependencies]
                unfit = "1.0"
                "#,
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", unfit::fit()); }",
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linking `unfit v1.0.0` and what depends on it statically, because the linker \
             makes no shared object with it",
        )
        .with_stderr_contains("[..]recompile with -fPIC[..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), "5\n");
}

#[cargo_test]
fn a_library_that_cannot_be_linked_is_told_of_as_long_as_it_lasts() {
    let p = layered_project()
        .file(
            "local/build.rs",
            &build_script_for_c("-fno-pic -mcmodel=small"),
        )
        .file(
            "local/src/native.c",
            "extern int elsewhere; int unused(void) { return elsewhere; }",
        )
        .build();
    for _ in 0..2 {
        p.cargo("build --dynamic-deps")
            .with_stderr_contains(
                "[WARNING] linking `local v1.0.0` and what depends on it statically, because the \
                 linker makes no shared object with it",
            )
            .run();
    }
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_fallback_is_told_as_long_as_it_lasts() {
    let p = two_definers("static int count; int counter(void) { return ++count; }");
    for _ in 0..2 {
        p.cargo("build --dynamic-deps")
            .with_stderr_contains(
                "[WARNING] linked the dependencies of `foo` statically: `counter` is defined by [..]",
            )
            .run();
    }
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}

#[cargo_test]
fn a_symbol_that_two_libraries_define_has_one_state() {
    let p = two_definers("static int count; int counter(void) { return ++count; }");
    assert_eq!(
        behaviour(&p, "--no-dynamic-deps"),
        behaviour(&p, "--dynamic-deps")
    );
}

#[cargo_test]
fn a_weak_function_is_overridden_by_the_program() {
    let p = two_definers("__attribute__((weak)) int counter(void) { return 1; }");
    p.change_file(
        "src/main.rs",
        r#"
            #[no_mangle] pub extern "C" fn counter() -> i32 { 42 }
            fn main() { println!("{}", p::next()); }
        "#,
    );
    assert_eq!(behaviour(&p, "--no-dynamic-deps"), "42\n");
    assert_eq!(behaviour(&p, "--dynamic-deps"), "42\n");
}

#[cargo_test]
fn a_variable_that_the_program_defines_weakly() {
    // In a static link, one of the two is for both.
    publish_native(
        "q",
        "int level = 1; int q_level(void) { return level; }",
        r#"
            extern "C" { fn q_level() -> i32; }
            pub fn level() -> i32 { unsafe { q_level() } }
        "#,
    );
    let p = program(
        &["q"],
        r#"
            extern "C" { fn own_level() -> i32; }
            fn main() { println!("{} {}", q::level(), unsafe { own_level() }); }
        "#,
    );
    p.change_file("build.rs", &build_script_for_c(""));
    p.change_file(
        "src/native.c",
        "__attribute__((weak)) int level = 42; int own_level(void) { return level; }",
    );
    same_output(&p);
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}

#[cargo_test]
fn functions_of_a_crate_that_link_args_have_the_loader_call() {
    Package::new("p", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                use std::ffi::c_int;
                extern "C" {
                    fn write(file: c_int, text: *const u8, size: usize) -> isize;
                    fn _exit(code: c_int) -> !;
                }
                fn say(text: &str) { unsafe { write(1, text.as_ptr(), text.len()) }; }
                #[no_mangle] pub extern "C" fn p_called() { say("called\n") }
                #[no_mangle] pub extern "C" fn p_start() -> ! { say("start\n"); unsafe { _exit(0) } }
                pub fn name() -> &'static str { "p" }
            "#,
        )
        .publish();
    // The program names the functions, so that a static link takes them.
    let p = program(
        &["p"],
        r#"
            fn main() {
                println!("{} {}", p::name(), p::p_called as usize == p::p_start as usize);
            }
        "#,
    );
    for (arg, expected) in [
        ("-Wl,-init=p_called", "called\np false\n"),
        ("-Wl,-fini,p_called", "p false\ncalled\n"),
        ("-Wl,--entry=p_start", "start\n"),
        ("-Wl,-u,p_called", "p false\n"),
    ] {
        p.change_file(
            "build.rs",
            &format!("fn main() {{ println!(\"cargo::rustc-link-arg={arg}\"); }}"),
        );
        assert_eq!(same_output(&p), expected, "{arg}");
    }
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    p.change_file(
        "build.rs",
        "fn main() { println!(\"cargo::rustc-link-arg=-Wl,-init=p_called\"); }",
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: `p_called` is defined by \
             `p v1.0.0`, and the link arg `-Wl,-init=p_called` has the loader call it",
        )
        .run();
}

/// Builds and runs `foo`, which may fall back.
fn behaviour(project: &Project, argument: &str) -> String {
    project.cargo(&format!("build {argument}")).run();
    stdout(&project.bin("foo"))
}

/// A program that depends on a local crate `p` and a frozen one `q`, each with a C
/// library made of the same source.
fn two_definers(c: &str) -> Project {
    let build = &build_script_for_c("");
    let lib = r#"
        extern "C" { fn counter() -> i32; }
        pub fn next() -> i32 { unsafe { counter() } }
    "#;
    publish_native("q", c, lib);
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [dependencies]
                p = { path = "p" }
                q = "1.0"
                "#,
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {}\", p::next(), q::next()); }",
        )
        .file("p/Cargo.toml", &manifest("p", ""))
        .file("p/build.rs", build)
        .file("p/src/native.c", c)
        .file("p/src/lib.rs", lib)
        .build()
}

#[cargo_test]
fn a_link_that_fails_either_way_shows_the_linkers_own_words() {
    let p = project()
        .file(
            "src/main.rs",
            r#"
                extern "C" { fn missing_function() -> i32; }
                fn main() { println!("{}", unsafe { missing_function() }); }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_status(101)
        .with_stderr_contains("[ERROR] linking with `[..]` failed: [EXIT_STATUS]: 1")
        .with_stderr_contains("[..]undefined[..]missing_function[..]")
        .with_stderr_does_not_contain("[WARNING] linked [..]")
        .run();
}

#[cargo_test]
fn a_linker_that_does_not_exist_is_named_by_rustc() {
    let p = layered_project().build();
    let host = cargo_test_support::rustc_host_env();
    let stderr = |arguments: &[&str]| {
        let mut cargo = p.cargo("build");
        cargo
            .args(arguments)
            .with_status(101)
            .with_stderr_contains("[ERROR] linker `nonexistent-linker` not found");
        cargo.env(&format!("CARGO_TARGET_{host}_LINKER"), "nonexistent-linker");
        super::text(&cargo.run().stderr).to_owned()
    };
    stderr(&["--no-dynamic-deps"]);
    let of_static = stderr(&["--no-dynamic-deps"]);
    assert_eq!(stderr(&["--dynamic-deps"]), of_static);

    p.cargo("build --dynamic-deps")
        .args(&[
            "--config",
            "target.'cfg(unix)'.linker = 'nonexistent-linker'",
        ])
        .with_status(101)
        .with_stderr_contains("[ERROR] linker `nonexistent-linker` not found")
        .run();
}

#[cargo_test]
fn a_compiler_that_does_not_say_how_it_links() {
    // Without `test` and `proc_macro`, as in a standard library that somebody built.
    let rustc = project()
        .at("rustc")
        .executable(
            "partial",
            "#!/bin/sh
            case \"$*\" in *--crate-name\\ probe*) echo 'error: no such crate' >&2; exit 1;; esac
            exec rustc \"$@\"",
        )
        .build();
    let p = layered_project().build();
    let build = || {
        p.cargo("build -v --dynamic-deps")
            .env("RUSTC", rustc.root().join("partial"))
            .with_stderr_contains(
                "[WARNING] linking all dependencies statically, because no shared object could \
                 be made of the standard library",
            )
            .with_stderr_contains("[ERROR] no such crate")
            .run()
    };
    build();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    // It will say the same, so nothing is built again for that.
    let output = build();
    let stderr = super::text(&output.stderr);
    assert!(!stderr.contains("Running"), "{stderr}");
}

#[cfg(target_arch = "x86_64")]
#[cargo_test]
fn an_address_that_assembler_takes() {
    // By its distance from the code, which makes linkers put a function of the executable in
    // the place of that of the group.
    let p = project()
        .file("Cargo.toml", &manifest("foo", ""))
        .file(
            "src/main.rs",
            r#"
                fn main() {
                    let address: usize;
                    unsafe {
                        std::arch::asm!("lea {0}, [rip + {1}]", out(reg) address, sym std::process::id);
                    }
                    println!("{}", address == std::process::id as usize);
                }
            "#,
        )
        .build();
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {argument}")).run();
        assert_eq!(super::stdout(&p.bin("foo")), "true\n", "{argument}");
    }
}

#[cfg(target_arch = "x86_64")]
#[cargo_test]
fn a_variable_of_the_c_library_that_code_of_a_program_reads() {
    // By its distance from the code too: a static link of a program copies the variable.
    let p = project()
        .file("Cargo.toml", &manifest("foo", ""))
        .file("build.rs", &build_script_for_c("-fPIE"))
        .file(
            "src/native.c",
            "#include <stdio.h>\nint is_there(void) { return stderr != NULL; }",
        )
        .file(
            "src/main.rs",
            r#"
                extern "C" { fn is_there() -> i32; }
                fn main() { println!("{}", unsafe { is_there() }); }
            "#,
        )
        .build();
    prints_by_two_linkers(&p, "1\n");
}

#[cfg(target_arch = "x86_64")]
#[cargo_test]
fn a_variable_that_assembler_reads() {
    // By its distance from the code, which GNU ld leaves to the loader.
    Package::new("q", "1.0.0")
        .file("Cargo.toml", &manifest("q", ""))
        .file(
            "src/lib.rs",
            "#[no_mangle] pub static LEVEL: i32 = 5; pub fn level() -> i32 { LEVEL }",
        )
        .publish();
    let p = program(
        &["q"],
        r#"
            fn main() {
                let level: i32;
                unsafe { std::arch::asm!("mov {0:e}, dword ptr [rip + {1}]", out(reg) level, sym q::LEVEL) };
                println!("{} {level}", q::level());
            }
        "#,
    );
    prints_by_two_linkers(&p, "5 5\n");
}

/// Checks what `foo` prints, static and dynamic, linked by lld and by GNU ld.
#[cfg(target_arch = "x86_64")]
#[track_caller]
fn prints_by_two_linkers(project: &Project, expected: &str) {
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        for linker in ["lld", "bfd"] {
            project
                .cargo(&format!("build {argument}"))
                .env("RUSTFLAGS", format!("-Clink-arg=-fuse-ld={linker}"))
                .run();
            let printed = stdout(&project.bin("foo"));
            assert_eq!(printed, expected, "{argument} {linker}");
        }
    }
}

#[cargo_test]
fn a_linker_that_makes_no_shared_objects() {
    let p = layered_project()
        .executable(
            "linker",
            "#!/bin/sh
            case \"$*\" in *-shared*) echo 'no shared objects here' >&2; exit 1;; esac
            exec cc \"$@\"",
        )
        .file(
            ".cargo/config.toml",
            &format!(
                "[target.{}]\nlinker = './linker'\n",
                cargo_test_support::rustc_host()
            ),
        )
        .build();
    for _ in 0..2 {
        let output = p
            .cargo("build --dynamic-deps")
            .with_stderr_contains(
                "[WARNING] linking all dependencies statically, because no shared object could \
                 be made of the standard library",
            )
            .with_stderr_contains("caused by: no shared objects here")
            .with_stderr_contains("[HELP] write `[profile.dev] dynamic-deps = false`")
            .run();
        let stderr = super::text(&output.stderr);
        assert_eq!(stderr.matches("warning: linking").count(), 1, "{stderr}");
    }
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_group_that_cannot_be_made_is_linked_statically() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    // Nobody can write facts where a directory lies.
    let is_facts = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "facts")
    };
    let mut files = group_files(&p, "local-").into_iter();
    let facts = files.find(is_facts).unwrap();
    fs::remove_file(&facts).unwrap();
    fs::create_dir_all(facts.join("inside")).unwrap();
    p.change_file(
        "local/src/lib.rs",
        "pub fn name() -> String { \"edited\".into() }",
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linking the dependencies in the local part 1 statically, because no shared \
             object could be made of them",
        )
        .with_stderr_contains("caused by: failed to rename a temporary file to `[..].facts`")
        .run();
    assert_eq!(stdout(&p.bin("foo")), "edited 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);

    // It is tried again, and the reason is told.
    fs::remove_dir_all(&facts).unwrap();
    p.cargo("build --dynamic-deps -v")
        .with_stderr_contains(
            "[DIRTY] [..]: the group local part 1 could not be linked the last time",
        )
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
}

#[cargo_test]
fn a_wrapper_that_cannot_be_put_in_place_is_done_without() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let wrapper = wrappers(&p).remove(0);
    fs::remove_dir_all(&wrapper).unwrap();
    fs::write(&wrapper, "").unwrap();
    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{}\", local::name()); }",
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically, because they could not be \
             linked dynamically",
        )
        .with_stderr_contains("caused by: failed to remove `[..]/linker`[..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}
