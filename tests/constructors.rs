//! Rust code that runs before or after `main` without a call.

use crate::prelude::*;
use cargo_test_support::project;
use cargo_test_support::registry::Package;

use super::{build_script_for_c, manifest, members_of, program, same_behaviour};

/// Rust code that says `name` before `main`, from a section for such code.
fn constructor(name: &str, section: &str) -> String {
    format!(
        r#"
            const _: () = {{
                extern "C" fn start() {{ println!("{name}"); }}
                #[used]
                #[link_section = "{section}"]
                static START: extern "C" fn() = start;
            }};
        "#
    )
}

#[cargo_test]
fn constructors_run_in_the_order_of_a_static_build() {
    let publish = |name: &str, source: &str, dependencies: &[&str]| {
        let mut package = Package::new(name, "1.0.0");
        package.file("src/lib.rs", source);
        for dependency in dependencies {
            package.dep(dependency, "1.0");
        }
        package
    };
    let low = [
        constructor("low", ".init_array"),
        constructor("early low", ".init_array.00200"),
        constructor("low again", ".init_array"),
        "pub fn low() {}".to_owned(),
    ];
    publish("low", &low.concat(), &[]).publish();
    publish(
        "native",
        "extern \"C\" { fn native_touch(); } pub fn native() { unsafe { native_touch() } }",
        &[],
    )
    .file("Cargo.toml", &manifest("native", ""))
    .file("build.rs", &build_script_for_c("-O1"))
    .file(
        "src/native.c",
        "#include <unistd.h>
         __attribute__((constructor)) static void start(void) { write(1, \"native\\n\", 7); }
         void native_touch(void) {}",
    )
    .publish();
    let high = constructor("high", ".init_array") + "pub fn high() { low::low() }";
    publish("high", &high, &["low"]).publish();
    let earlier = constructor("earlier", ".init_array.00150") + "pub fn earlier() {}";
    publish("earlier", &earlier, &[]).publish();
    // A dependency that the program names nowhere is not linked, and does not run.
    let unused = constructor("unused", ".init_array") + "pub fn unused() { low::low() }";
    publish("unused", &unused, &["low"]).publish();

    let p = program(
        &["low", "native", "high", "earlier", "unused"],
        &format!(
            "{} fn main() {{ high::high(); native::native(); earlier::earlier(); println!(\"main\"); }}",
            constructor("program", ".init_array")
        ),
    );
    let stdout = same_behaviour(&p).stdout;
    let stdout = super::text(&stdout);
    assert_eq!(stdout.lines().count(), 8, "{stdout}");
    assert!(
        stdout.starts_with("earlier\nearly low\nprogram\n"),
        "{stdout}"
    );
    let mut members = members_of(&p.bin("foo"), "frozen");
    members.sort();
    assert_eq!(members, ["earlier", "high", "low", "unused"]);
}

#[cargo_test]
fn a_constructor_that_is_not_marked_as_used() {
    // Only the static link knows whether it takes it.
    Package::new("unmarked", "1.0.0")
        .file("Cargo.toml", &manifest("unmarked", ""))
        .file(
            "src/lib.rs",
            r#"
                use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
                static STARTED: AtomicBool = AtomicBool::new(false);
                extern "C" fn start() { STARTED.store(true, SeqCst) }
                #[link_section = ".init_array"]
                pub static START: extern "C" fn() = start;
                pub fn has_started() -> bool { STARTED.load(SeqCst) }
            "#,
        )
        .publish();
    let p = program(
        &["unmarked"],
        "fn main() { println!(\"{}\", unmarked::has_started()); }",
    );
    p.cargo("build --no-dynamic-deps").run();
    let of_static = super::stdout(&p.bin("foo"));
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[..]`unmarked v1.0.0` has code to be run before `main` that rustc does not mark as used ([..])",
        )
        .with_stderr_contains("[..][profile.dev.package.unmarked] dynamic-deps = false[..]")
        .run();
    assert_eq!(super::stdout(&p.bin("foo")), of_static);
}

#[cargo_test]
fn code_before_and_after_main() {
    // What `ctor` and `dtor` do, with the help of the standard library and of a crate
    // that is in a group.
    Package::new("plain", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                thread_local! {
                    static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
                }
                pub fn count() -> u32 { COUNT.set(COUNT.get() + 1); COUNT.get() }
            "#,
        )
        .publish();
    let around = |name: &str| {
        format!(
            r#"
                const _: () = {{
                    extern "C" fn start() {{
                        println!("{name} starts, {{}} {{:?}}", plain::count(), std::env::args().count());
                    }}
                    extern "C" fn end() {{
                        use std::io::Write;
                        let _ = writeln!(std::io::stderr(), "{name} ends");
                    }}
                    #[used]
                    #[link_section = ".init_array"]
                    static START: extern "C" fn() = start;
                    #[used]
                    #[link_section = ".fini_array"]
                    static END: extern "C" fn() = end;
                }};
            "#
        )
    };
    Package::new("around", "1.0.0")
        .file(
            "src/lib.rs",
            &format!("pub fn touch() {{}} {}", around("frozen")),
        )
        .dep("plain", "1.0")
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\naround = '1.0'\nplain = '1.0'\n"),
        )
        .file(
            "src/main.rs",
            &format!(
                "{} fn main() {{ around::touch(); println!(\"main, {{}}\", plain::count()); }}",
                around("program")
            ),
        )
        .build();
    let output = same_behaviour(&p);
    let stdout = super::text(&output.stdout);
    assert!(stdout.ends_with("main, 3\n"), "{stdout}");
    let stderr = super::text(&output.stderr);
    assert_eq!(stderr.matches(" ends").count(), 2, "{stderr}");
}
