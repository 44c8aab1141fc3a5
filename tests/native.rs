//! Libraries that are not Rust.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{build_script_for, build_script_for_c, groups_of, manifest, same_behaviour, stdout};

/// A program `foo` that depends on `native` from the registry, whose build script
/// is `build_rs` and whose C file is `c`.
pub(super) fn project_with_c(build_rs: &str, c: &str, lib_rs: &str, main_rs: &str) -> Project {
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
fn a_shared_library_of_a_dependency_is_loaded() {
    let p = project_with_c(
        r#"fn main() { println!("cargo::rustc-link-lib=m"); }"#,
        "",
        r#"
            extern "C" { fn significand(x: f64) -> f64; }
            pub fn fraction(x: f64) -> f64 { unsafe { significand(x) } }
        "#,
        "fn main() { println!(\"{}\", native::fraction(24.0)); }",
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1.5\n");
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
    let of_static = stdout(&executable);
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
    assert_eq!(stdout(&executable), of_static);
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
    assert_eq!(stdout(&p.bin("foo")), "1\n");
}

#[cargo_test]
fn a_function_that_is_chosen_at_load_keeps_its_library_in_the_executable() {
    // The loader calls `choose` in each process that loads the file, whether or not it uses `chosen`.
    let c = r#"
        static int seven(void) { return 7; }
        static int (*choose(void))(void) { return seven; }
        static int chosen(void) __attribute__((ifunc("choose")));
        int native_chosen(void) { return chosen(); }
    "#;
    let lib = r#"
        extern "C" { fn native_chosen() -> i32; }
        pub fn chosen() -> i32 { unsafe { native_chosen() } }
    "#;
    let p = project_with_c(
        &build_script_for_c("-O1"),
        c,
        lib,
        "fn main() { println!(\"{}\", native::chosen()); }",
    );
    same_behaviour(&p);
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), "7\n");
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
