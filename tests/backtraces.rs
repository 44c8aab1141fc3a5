//! Backtraces through groups name the same functions and lines as those of a static program.

use crate::prelude::*;
use cargo_test_support::project;
use cargo_test_support::registry::Package;

use super::panics::project_with_panics;
use super::{manifest, without_thread_ids};

#[cargo_test]
fn backtrace_names_functions_and_lines_of_dependencies() {
    let p = project_with_panics("fn main() { thrower::throw(\"look\"); }", "");
    let backtrace = |arguments: &str| {
        p.cargo(arguments).run();
        let output = std::process::Command::new(p.bin("foo"))
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap();
        super::text(&output.stderr).to_owned()
    };
    let of_static = backtrace("build --no-dynamic-deps");
    let of_dynamic = backtrace("build --dynamic-deps");
    assert!(of_dynamic.contains("thrower::throw"), "{of_dynamic}");
    assert!(
        of_dynamic.contains("thrower-1.0.0/src/lib.rs:10:21"),
        "{of_dynamic}"
    );
    assert_eq!(
        without_thread_ids(&of_static),
        without_thread_ids(&of_dynamic)
    );
}

#[cargo_test]
fn backtrace_through_all_groups_and_back() {
    // Program, frozen, program, local, frozen, std.
    Package::new("base", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                #[inline(never)]
                pub fn call(callback: &dyn Fn(usize) -> u8) -> u8 { callback(3) }

                #[inline(never)]
                pub fn index(bytes: &[u8], index: usize) -> u8 { bytes[index] }

                #[inline(never)]
                pub fn capture() -> String {
                    std::backtrace::Backtrace::force_capture().to_string()
                }
            "#,
        )
        .publish();
    let dependencies = "[dependencies]\nbase = '1.0'\n";
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!("{dependencies}local = {{ path = 'local' }}\n"),
            ),
        )
        .file(
            "src/main.rs",
            r#"
                fn main() {
                    let thread = std::thread::Builder::new().name("worker".to_owned());
                    println!("{}", thread.spawn(base::capture).unwrap().join().unwrap());
                    base::call(&|index| local::sum(index));
                }
            "#,
        )
        .file("local/Cargo.toml", &manifest("local", dependencies))
        .file(
            "local/src/lib.rs",
            r#"
                #[inline(never)]
                pub fn sum(end: usize) -> u8 { (0..=end).map(|i| base::index(&[1, 2], i)).sum() }
            "#,
        )
        .build();
    let run = |arguments: &str| {
        p.cargo(arguments).run();
        let output = std::process::Command::new(p.bin("foo"))
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap();
        let stderr = without_thread_ids(super::text(&output.stderr));
        (super::text(&output.stdout).to_owned(), stderr)
    };
    let of_static = run("build --no-dynamic-deps");
    let of_dynamic = run("build --dynamic-deps");
    assert_eq!(super::groups_of(&p.bin("foo")), super::LAYERS);
    // rustc 1.97 has another mangling, by which closures are counted.
    let frames = of_dynamic.1.replace("{closure#0}", "{{closure}}");
    for frame in [
        "base::call",
        "foo::main::{{closure}}",
        "local::sum",
        "base::index",
    ] {
        assert!(frames.contains(frame), "{frames}");
    }
    assert_eq!(of_static, of_dynamic);
}
