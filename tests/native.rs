//! Libraries that are not Rust.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{
    LAYERS, build_script_for, build_script_for_c, groups_of, manifest, same_behaviour,
    shared_library,
};

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
    let info = link_engine::DynamicInfo::read(&executable)
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

#[cfg(target_arch = "x86_64")]
#[cargo_test]
fn assembler() {
    // As in cryptographic libraries: hidden functions and data, a table beside the
    // code, an entry that jumps; and assembler inside of Rust.
    let assembler = r#"
            .text
            .globl asm_next
            .hidden asm_next
            .type asm_next, @function
        asm_next:
            leaq table(%rip), %rax
            movl 4(%rax), %eax
            addl asm_state(%rip), %eax
            addl $1, asm_state(%rip)
            ret
            .size asm_next, .-asm_next
            .globl asm_jump
            .type asm_jump, @function
        asm_jump:
            jmp asm_next
            .size asm_jump, .-asm_jump

            .data
            .globl asm_state
            .hidden asm_state
            .type asm_state, @object
            .size asm_state, 4
        asm_state:
            .long 2

            .section .rodata
        table:
            .long 1, 40
            .section .note.GNU-stack, "", @progbits
    "#;
    Package::new("native", "1.0.0")
        .file("Cargo.toml", &manifest("native", ""))
        .file("build.rs", &build_script_for("cc", "src/native.s", ""))
        .file("src/native.s", assembler)
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn asm_next() -> u32; fn asm_jump() -> u32; static mut asm_state: u32; }
                pub fn next() -> u32 { unsafe { asm_next() } }
                #[inline(always)] pub fn next_inlined() -> u32 { unsafe { asm_next() } }
                #[inline(always)] pub fn jump_inlined() -> u32 { unsafe { asm_jump() } }
                #[inline(always)] pub fn set(state: u32) { unsafe { asm_state = state } }

                core::arch::global_asm!(
                    ".globl asm_of_rust", "asm_of_rust:", "movl $5, %eax", "ret",
                    options(att_syntax)
                );
                extern "C" { fn asm_of_rust() -> u32; }
                #[inline(always)] pub fn of_rust() -> u32 { unsafe { asm_of_rust() } }
            "#,
        )
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nnative = '1.0'\n"),
        )
        .file(
            "src/main.rs",
            r#"
                fn main() {
                    println!("{} {} {}", native::next(), native::next_inlined(), native::jump_inlined());
                    native::set(0);
                    println!("{} {} {}", native::next(), native::jump_inlined(), native::of_rust());
                }
            "#,
        )
        .build();
    assert_eq!(
        super::text(&same_behaviour(&p).stdout),
        "42 43 44\n40 41 5\n"
    );
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

/// A program with two libraries of C++ which share a header: the frozen `thrower` throws
/// what the local `catcher` catches.
fn project_with_cpp(flags: &str) -> Project {
    let header = r#"
        #include <stdexcept>
        #include <string>
        namespace problems {
            struct Problem : std::runtime_error {
                int code;
                Problem(const std::string &text, int code) : std::runtime_error(text), code(code) {}
                virtual ~Problem() {}
            };
            // One variable in the program, though both libraries define it.
            inline int &count() { static int count; return count; }
            template <typename T> struct Holder { static T value; };
            template <typename T> T Holder<T>::value = T();
            std::string check(const std::string &text);
        }
    "#;
    let build = &build_script_for("c++", "src/native.cpp", flags);
    Package::new("thrower", "1.0.0")
        .file("Cargo.toml", &manifest("thrower", ""))
        .file("build.rs", build)
        .file(
            "src/native.cpp",
            &format!(
                r#"
                    {header}
                    std::string problems::check(const std::string &text) {{
                        ++count();
                        Holder<int>::value += 10;
                        if (text.size() > 4) throw Problem("too long: " + text, (int)text.size());
                        return text + "!";
                    }}
                    extern "C" void thrower_check(const char *text) {{ problems::check(text); }}
                    extern "C" int thrower_length(const char *text) {{
                        return (int)problems::check(text).size();
                    }}
                "#
            ),
        )
        .file(
            "src/lib.rs",
            r#"
                use std::ffi::{CStr, c_char};
                extern "C-unwind" { fn thrower_check(text: *const c_char); }
                extern "C" { fn thrower_length(text: *const c_char) -> i32; }

                struct Guard;
                impl Drop for Guard { fn drop(&mut self) { println!("unwound rust"); } }

                #[inline(always)]
                pub fn length(text: &CStr) -> i32 { unsafe { thrower_length(text.as_ptr()) } }
                pub extern "C-unwind" fn check(text: *const c_char) {
                    let _guard = Guard;
                    unsafe { thrower_check(text) }
                }
            "#,
        )
        .publish();
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\nthrower = '1.0'\ncatcher = { path = 'catcher' }\n",
            ),
        )
        .file(
            "src/main.rs",
            r#"
                extern "C-unwind" fn panics(_: *const std::ffi::c_char) {
                    std::panic::panic_any(7_u64)
                }

                fn main() {
                    println!("{}", thrower::length(c"abc"));
                    println!("{}", catcher::direct(c"abc"));
                    println!("{}", catcher::direct(c"abcdef"));
                    println!("{}", catcher::through(thrower::check, c"abcdefgh"));
                    let caught = std::panic::catch_unwind(|| catcher::through(panics, c""));
                    println!("{:?}", caught.map_err(|payload| *payload.downcast::<u64>().unwrap()));
                    println!("{}", catcher::counts());
                }
            "#,
        )
        .file(
            "catcher/Cargo.toml",
            &manifest("catcher", "[dependencies]\nthrower = '1.0'\n"),
        )
        .file("catcher/build.rs", build)
        .file(
            "catcher/src/native.cpp",
            &format!(
                r#"
                    #include <cstdio>
                    {header}
                    struct Guard {{ ~Guard() {{ ++problems::count(); }} }};
                    static int attempt(void (*call)(const char *), const char *text) {{
                        Guard guard;
                        try {{ call(text); return 0; }}
                        catch (const problems::Problem &problem) {{
                            return problem.code * 100 + (int)std::string(problem.what()).size();
                        }}
                    }}
                    extern "C" int catcher_through(void (*call)(const char *), const char *text) {{
                        return attempt(call, text);
                    }}
                    extern "C" int catcher_direct(const char *text) {{
                        return attempt([](const char *text) {{ problems::check(text); }}, text);
                    }}
                    extern "C" int catcher_counts() {{
                        return problems::count() * 1000 + problems::Holder<int>::value;
                    }}
                "#
            ),
        )
        .file(
            "catcher/src/lib.rs",
            r#"
                use std::ffi::{CStr, c_char};
                extern "C-unwind" {
                    fn catcher_through(call: extern "C-unwind" fn(*const c_char), text: *const c_char) -> i32;
                }
                extern "C" {
                    fn catcher_direct(text: *const c_char) -> i32;
                    fn catcher_counts() -> i32;
                }
                // For the library of C++ alone.
                use thrower as _;

                pub fn through(call: extern "C-unwind" fn(*const c_char), text: &CStr) -> i32 {
                    unsafe { catcher_through(call, text.as_ptr()) }
                }
                pub fn direct(text: &CStr) -> i32 { unsafe { catcher_direct(text.as_ptr()) } }
                pub fn counts() -> i32 { unsafe { catcher_counts() } }
            "#,
        )
        .build()
}

#[cargo_test(requires = "c++")]
fn exceptions_and_strings_of_cpp() {
    let p = project_with_cpp("");
    assert_eq!(
        super::text(&same_behaviour(&p).stdout),
        "4\n0\n616\nunwound rust\n818\nErr(7)\n8040\n"
    );
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
}

#[cargo_test(requires = "c++")]
fn hidden_variables_of_inline_functions() {
    let p = project_with_cpp("-fvisibility=hidden -fvisibility-inlines-hidden");
    let output = "4\n0\n616\nunwound rust\n818\nErr(7)\n8040\n";
    p.cargo("build --no-dynamic-deps").run();
    assert_eq!(super::stdout(&p.bin("foo")), output);

    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: `[..]` is defined by both \
             `[..] v1.0.0` and `[..] v1.0.0`",
        )
        .with_stderr_contains(
            "[HELP] keep it in the executable with \
             `[profile.dev.package.[..]] dynamic-deps = false` and \
             `[profile.dev.package.[..]] dynamic-deps = false`",
        )
        .run();
    assert_eq!(groups_of(&p.bin("foo")), super::STATIC);
    assert_eq!(super::stdout(&p.bin("foo")), output);

    // The help helps.
    p.cargo("build --dynamic-deps")
        .args(&[
            "--config",
            "profile.dev.package.thrower.dynamic-deps=false",
            "--config",
            "profile.dev.package.catcher.dynamic-deps=false",
        ])
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(super::stdout(&p.bin("foo")), output);
    // Half of it does not.
    p.cargo("build --dynamic-deps")
        .args(&["--config", "profile.dev.package.catcher.dynamic-deps=false"])
        .with_stderr_contains("[WARNING] linked the dependencies of `foo` statically: [..]")
        .run();
    assert_eq!(super::stdout(&p.bin("foo")), output);
}

#[cargo_test(requires = "c++")]
fn hidden_variables_in_one_group() {
    let header = "inline int &count() { static int count; return count; }";
    let publish = |name: &str| {
        Package::new(name, "1.0.0")
            .file("Cargo.toml", &manifest(name, ""))
            .file(
                "build.rs",
                &build_script_for("c++", "src/native.cpp", "-fvisibility=hidden"),
            )
            .file(
                "src/native.cpp",
                &format!("{header} extern \"C\" int {name}_next() {{ return ++count(); }}"),
            )
            .file(
                "src/lib.rs",
                &format!(
                    "extern \"C\" {{ fn {name}_next() -> i32; }}
                     pub fn next() -> i32 {{ unsafe {{ {name}_next() }} }}"
                ),
            )
            .publish();
    };
    publish("one");
    publish("two");
    let p = super::program(
        &["one", "two"],
        "fn main() { println!(\"{} {}\", one::next(), two::next()); }",
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1 2\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}

#[cargo_test(requires = "c++")]
fn an_inline_function_in_two_groups_has_one_address() {
    let build_script = build_script_for("c++", "src/native.cpp", "");
    let cpp = |name: &str| {
        format!(
            "inline int shared() {{ return 1; }}
             extern \"C\" void *{name}_address() {{ return (void *)shared; }}"
        )
    };
    let lib = |name: &str| {
        format!(
            "extern \"C\" {{ fn {name}_address() -> *const u8; }}
             pub fn address() -> *const u8 {{ unsafe {{ {name}_address() }} }}"
        )
    };
    Package::new("below", "1.0.0")
        .file("Cargo.toml", &manifest("below", ""))
        .file("build.rs", &build_script)
        .file("src/native.cpp", &cpp("below"))
        .file("src/lib.rs", &lib("below"))
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\nbelow = '1.0'\nabove = { path = 'above' }\n",
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", above::address() == below::address()); }",
        )
        .file(
            "above/Cargo.toml",
            &manifest("above", "[dependencies]\nbelow = '1.0'\n"),
        )
        .file("above/build.rs", &build_script)
        .file("above/src/native.cpp", &cpp("above"))
        .file("above/src/lib.rs", &lib("above"))
        .build();
    assert_eq!(super::text(&same_behaviour(&p).stdout), "true\n");
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
}

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

#[cargo_test]
fn a_search_path_in_the_flags() {
    // Only the flags say where the library is that the build script names.
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
fn an_edit_of_c_code_is_taken_up() {
    for kind in ["", "static=", "static:-bundle="] {
        let link = format!("rustc-link-lib={kind}");
        let p = project()
            .file(
                "Cargo.toml",
                &manifest("foo", "[dependencies]\nlocal = { path = 'local' }\n"),
            )
            .file(
                "src/main.rs",
                "fn main() { println!(\"{}\", local::number()); }",
            )
            .file("local/Cargo.toml", &manifest("local", ""))
            .file(
                "local/build.rs",
                &build_script_for_c("").replace("rustc-link-lib=static=", &link),
            )
            .file("local/src/native.c", "int number(void) { return 1; }")
            .file(
                "local/src/lib.rs",
                "mod c { extern \"C\" { pub fn number() -> i32; } }
                 pub fn number() -> i32 { unsafe { c::number() } }",
            )
            .build();
        for number in [1, 2] {
            p.change_file(
                "local/src/native.c",
                &format!("int number(void) {{ return {number}; }}"),
            );
            let output = same_behaviour(&p);
            assert_eq!(super::text(&output.stdout), format!("{number}\n"), "{kind}");
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

/// A program with a frozen library whose C code is linked by `instruction`, with the
/// name of the static library in the place of `NAME`.
fn project_with_modifiers(instruction: &str) -> Project {
    let build = build_script_for_c("").replace(
        "rustc-link-lib=static={name}_c",
        &format!("rustc-link-lib={}", instruction.replace("NAME", "{name}_c")),
    );
    assert!(build.contains(&instruction.replace("NAME", "{name}_c")));
    project_with_c(
        &build,
        r#"
            #include <unistd.h>
            static int calls;
            int native_next(void) { return ++calls; }
        "#,
        r#"
            extern "C" { fn native_next() -> i32; }
            #[inline(always)]
            pub fn inlined() -> i32 { unsafe { native_next() } }
            pub fn called() -> i32 { unsafe { native_next() } }
        "#,
        "fn main() { println!(\"{} {}\", native::inlined(), native::called()); }",
    )
}

fn check_modifiers(instruction: &str) {
    let p = project_with_modifiers(instruction);
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1 2\n");
}

#[cargo_test]
fn modifiers_of_a_static_library_bundle() {
    check_modifiers("static:+bundle=NAME");
}

#[cargo_test]
fn modifiers_of_a_static_library_no_bundle() {
    check_modifiers("static:-bundle=NAME");
}

#[cargo_test]
fn modifiers_of_a_static_library_whole_archive() {
    check_modifiers("static:+whole-archive=NAME");
}

#[cargo_test]
fn modifiers_of_a_static_library_no_bundle_and_whole_archive() {
    check_modifiers("static:-bundle,+whole-archive=NAME");
}

#[cargo_test]
fn modifiers_of_a_static_library_verbatim() {
    check_modifiers("static:+verbatim=libNAME.a");
}

#[cargo_test]
fn a_static_library_of_the_program() {
    // It defines what a library of a dependency defines too. In a static program the
    // first one on the link line serves both.
    let p = project_with_c(
        &build_script_for_c(""),
        "static int calls; int native_next(void) { return ++calls; }",
        r#"
            extern "C" { fn native_next() -> i32; }
            pub fn next() -> i32 { unsafe { native_next() } }
        "#,
        r#"
            extern "C" { fn native_next() -> i32; }
            fn main() { println!("{} {}", unsafe { native_next() }, native::next()); }
        "#,
    );
    p.change_file("build.rs", &build_script_for_c(""));
    p.change_file(
        "src/native.c",
        "static int calls = 100; int native_next(void) { return ++calls; }",
    );
    let run = |argument: &str| {
        p.cargo(&format!("build {argument}")).run();
        super::stdout(&p.bin("foo"))
    };
    let of_static = run("--no-dynamic-deps");
    assert_eq!(of_static, "101 102\n");
    assert_eq!(run("--dynamic-deps"), of_static);
}
