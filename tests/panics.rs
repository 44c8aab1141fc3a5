//! Panics across groups.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{manifest, same_behaviour, without_thread_ids};

fn project_with_panics(main: &str, rest: &str) -> Project {
    Package::new("thrower", "1.0.0")
        .file("Cargo.toml", &manifest("thrower", ""))
        .file(
            "src/lib.rs",
            r#"
                pub struct Guard;
                impl Drop for Guard {
                    fn drop(&mut self) { println!("unwound"); }
                }

                #[inline(never)]
                pub fn throw(message: &str) -> u8 {
                    let _guard = Guard;
                    panic!("{message}")
                }

                #[inline(never)]
                pub fn catch(work: fn() -> u8) -> Result<u8, String> {
                    std::panic::catch_unwind(work)
                        .map_err(|payload| *payload.downcast::<String>().unwrap())
                }
            "#,
        )
        .publish();
    project()
        .file(
            "Cargo.toml",
            &manifest("foo", &format!("[dependencies]\nthrower = '1.0'\n{rest}")),
        )
        .file("src/main.rs", main)
        .build()
}

#[cargo_test]
fn thrown_and_caught_on_either_side() {
    let p = project_with_panics(
        r#"
            fn name() -> String { "the program".to_owned() }

            fn main() {
                let caught = std::panic::catch_unwind(|| thrower::throw("from a dependency"));
                println!("{:?}", caught.unwrap_err().downcast::<String>().unwrap());
                println!("{:?}", thrower::catch(|| panic!("from {}", name())));
                println!("{:?}", thrower::catch(|| thrower::throw("through both")));
            }
        "#,
        "",
    );
    let output = same_behaviour(&p);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        super::text(&output.stdout),
        "unwound\n\"from a dependency\"\nErr(\"from the program\")\nunwound\nErr(\"through both\")\n"
    );
}

#[cargo_test]
fn abort() {
    let p = project_with_panics(
        "fn main() { thrower::throw(\"no return\"); }",
        "[profile.dev]\npanic = 'abort'\n",
    );
    let output = same_behaviour(&p);
    assert!(!output.status.success());
    assert_eq!(super::text(&output.stdout), "");
}

#[cargo_test]
fn abort_by_flags() {
    let p = project_with_panics("fn main() { thrower::throw(\"no return\"); }", "");
    let status_of = |arguments: &str, flags: &str| {
        p.cargo(arguments).env("RUSTFLAGS", flags).run();
        let output = std::process::Command::new(p.bin("foo")).output().unwrap();
        (output.status, super::text(&output.stdout).to_owned())
    };
    let abort = "-C panic=abort";
    assert_eq!(
        status_of("build --no-dynamic-deps", abort),
        status_of("build --dynamic-deps", abort)
    );
    assert_eq!(
        status_of("rustc --bin foo --no-dynamic-deps -- -C panic=abort", ""),
        status_of("rustc --bin foo --dynamic-deps -- -C panic=abort", "")
    );
}

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
