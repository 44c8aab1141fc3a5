//! Libraries in C++.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::bystanders::{ALL_ORDERS, check, workspace};
use super::{LAYERS, build_script_for, groups_of, manifest, same_behaviour};

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

#[cargo_test(requires = "g++")]
fn other_versions_of_one_header_do_not_mix() {
    // Each library was compiled with its own version, and a program has only one of them. They need
    // nothing of the C++ library, and so do not ask for it.
    let publish = |name: &str, version: u32| {
        let build_script = build_script_for("g++", "src/native.cpp", "-fno-exceptions -fno-rtti");
        Package::new(name, "1.0.0")
            .file("Cargo.toml", &manifest(name, ""))
            .file("build.rs", &build_script)
            .file(
                "src/native.cpp",
                &format!(
                    "template <typename T> struct Table {{ static const int size; }};
                     template <typename T> const int Table<T>::size = {version};
                     inline const int *size() {{ return &Table<int>::size; }}
                     inline int version() {{ volatile int zero = 0; return {version} + zero; }}
                     extern \"C\" int {name}_size() {{ return *size(); }}
                     extern \"C\" int {name}_version() {{ return version(); }}"
                ),
            )
            .file(
                "src/lib.rs",
                &format!(
                    "extern \"C\" {{ fn {name}_size() -> i32; fn {name}_version() -> i32; }}
                     pub fn both() -> (i32, i32) {{
                         unsafe {{ ({name}_size(), {name}_version()) }}
                     }}"
                ),
            )
            .publish();
    };
    publish("one", 1);
    publish("two", 2);
    let p = workspace(&[
        (
            "a",
            "one = '1.0'\n",
            "fn main() { println!(\"{:?}\", one::both()); }",
        ),
        (
            "b",
            "two = '1.0'\n",
            "fn main() { println!(\"{:?}\", two::both()); }",
        ),
    ])
    .build();
    check(&p, &ALL_ORDERS);
    assert_eq!(super::text(&super::run(&p.bin("b")).stdout), "(2, 2)\n");
}
