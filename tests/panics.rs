//! Panics across groups.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{build_script_for_c, manifest, same_behaviour};

pub(super) fn project_with_panics(main: &str, rest: &str) -> Project {
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
fn resumed_with_a_payload_of_a_dependency() {
    Package::new("relay", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                use std::panic::{UnwindSafe, catch_unwind, resume_unwind};

                pub struct Payload(pub u32);
                pub fn resume(number: u32) { resume_unwind(Box::new(Payload(number))) }
                pub fn pass_on(work: fn()) {
                    if let Err(payload) = catch_unwind(work) { resume_unwind(payload) }
                }
                pub fn pass_on_generic(work: impl FnOnce() + UnwindSafe) {
                    if let Err(payload) = catch_unwind(work) { resume_unwind(payload) }
                }
                pub fn set_hook() {
                    std::panic::set_hook(Box::new(|info| {
                        let payload = info.payload().downcast_ref::<&str>();
                        println!("hook of relay: {}", payload.unwrap());
                    }));
                }
            "#,
        )
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nrelay = '1.0'\n"),
        )
        .file(
            "src/main.rs",
            r#"
                use std::panic::{UnwindSafe, catch_unwind, panic_any};
                use relay::Payload;

                struct Guard;
                impl Drop for Guard {
                    fn drop(&mut self) { println!("unwound, {}", std::thread::panicking()); }
                }

                fn caught(work: impl FnOnce() + UnwindSafe) -> u32 {
                    catch_unwind(work).unwrap_err().downcast::<Payload>().unwrap().0
                }

                fn main() {
                    println!("{}", caught(|| { let _guard = Guard; relay::resume(1) }));
                    println!("{}", caught(|| relay::pass_on(|| panic_any(Payload(2)))));
                    println!("{}", caught(|| relay::pass_on_generic(|| panic_any(Payload(3)))));
                    let thread = std::thread::spawn(|| relay::resume(4));
                    println!("{}", thread.join().unwrap_err().downcast::<Payload>().unwrap().0);
                    relay::set_hook();
                    println!("{:?}", catch_unwind(|| panic!("seen")).is_err());
                }
            "#,
        )
        .build();
    assert_eq!(
        super::text(&same_behaviour(&p).stdout),
        "unwound, true\n1\n2\n3\n4\nhook of relay: seen\ntrue\n"
    );
}

/// A program that depends on `bridge`, which calls back through C.
fn project_with_bridge(main: &str) -> Project {
    Package::new("bridge", "1.0.0")
        .file("Cargo.toml", &manifest("bridge", ""))
        .file("build.rs", &build_script_for_c("-fexceptions"))
        .file(
            "src/native.c",
            "int bridge_call(int (*callback)(int), int value) { return callback(value) + 1; }",
        )
        .file(
            "src/lib.rs",
            r#"
                extern "C-unwind" {
                    fn bridge_call(callback: extern "C-unwind" fn(i32) -> i32, value: i32) -> i32;
                }

                pub fn call(callback: extern "C-unwind" fn(i32) -> i32, value: i32) -> i32 {
                    unsafe { bridge_call(callback, value) }
                }

                #[inline(always)]
                pub fn call_inlined(callback: extern "C-unwind" fn(i32) -> i32, value: i32) -> i32 {
                    unsafe { bridge_call(callback, value) }
                }

                pub extern "C-unwind" fn throw(value: i32) -> i32 { panic!("thrown with {value}") }
            "#,
        )
        .publish();
    project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nbridge = '1.0'\n"),
        )
        .file("src/main.rs", main)
        .build()
}

#[cargo_test]
fn through_frames_of_c() {
    let p = project_with_bridge(
        r#"
            struct Guard(&'static str);
            impl Drop for Guard {
                fn drop(&mut self) { println!("unwound {}", self.0); }
            }

            extern "C-unwind" fn double(value: i32) -> i32 {
                let _guard = Guard("double");
                if value == 0 { panic!("of the program") }
                value * 2
            }

            fn caught(work: impl FnOnce() -> i32 + std::panic::UnwindSafe) {
                let result = std::panic::catch_unwind(|| { let _guard = Guard("caller"); work() });
                println!("{:?}", result.map_err(|payload| payload.is::<&str>()));
            }

            fn main() {
                caught(|| bridge::call(double, 20));
                caught(|| bridge::call(double, 0));
                caught(|| bridge::call_inlined(double, 0));
                caught(|| bridge::call(bridge::throw, 1));
                caught(|| bridge::call_inlined(bridge::throw, 2));
            }
        "#,
    );
    assert_eq!(
        super::text(&same_behaviour(&p).stdout),
        "unwound double\nunwound caller\nOk(41)\n\
         unwound double\nunwound caller\nErr(true)\n\
         unwound double\nunwound caller\nErr(true)\n\
         unwound caller\nErr(false)\n\
         unwound caller\nErr(false)\n"
    );
}

#[cargo_test]
fn out_of_a_function_that_must_not_unwind() {
    let p = project_with_bridge(
        r#"
            extern "C" fn no_unwind(value: i32) -> i32 {
                if value == 0 { bridge::throw(0) } else { value }
            }
            extern "C-unwind" fn calls_it(value: i32) -> i32 { no_unwind(value) }

            fn main() {
                // The default one prints a backtrace with addresses.
                std::panic::set_hook(Box::new(|info| {
                    let payload = info.payload();
                    let text = payload.downcast_ref::<&str>().copied();
                    let text = text.or(payload.downcast_ref::<String>().map(String::as_str));
                    println!("{}", text.unwrap());
                }));
                println!("{}", bridge::call(calls_it, 1));
                let _ = std::panic::catch_unwind(|| bridge::call(calls_it, 0));
                println!("not reached");
            }
        "#,
    );
    let output = same_behaviour(&p);
    assert_eq!(
        super::text(&output.stdout),
        "2\nthrown with 0\npanic in a function that cannot unwind\n"
    );
    assert!(!output.status.success());
}

#[cargo_test]
fn aborting_tests_in_processes_of_their_own() {
    let p = project_with_panics("fn main() {}", "[profile.dev]\npanic = 'abort'\n");
    p.change_file(
        "tests/it.rs",
        r#"
            #[test]
            fn passes() {
                let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
                let is_dynamic = maps.contains("/dynamic-deps-");
                assert_eq!(is_dynamic, std::env::var_os("DYNAMIC").is_some());
            }
            #[test] #[should_panic(expected = "in time")] fn panics() { thrower::throw("in time"); }
            #[test] fn fails() { thrower::throw("too early"); }
        "#,
    );
    let results = |arguments: &str, variable: &str| {
        let output = p
            .cargo(&format!("test --test it -Zpanic-abort-tests {arguments}"))
            .masquerade_as_nightly_cargo(&["panic-abort-tests"])
            // rustc's side of it is unstable too.
            .env("RUSTC_BOOTSTRAP", "1")
            .env(variable, "1")
            .with_status(101)
            .with_stdout_contains("test result: FAILED. 2 passed; 1 failed; [..]")
            .run();
        let mut results: Vec<String> = super::text(&output.stdout)
            .lines()
            .filter(|line| line.starts_with("test ") && !line.starts_with("test result"))
            .map(str::to_owned)
            .collect();
        results.sort();
        results
    };
    let of_static = results("--no-dynamic-deps", "STATIC");
    assert_eq!(of_static.len(), 3);
    assert_eq!(of_static, results("--dynamic-deps", "DYNAMIC"));
    assert!(of_static.contains(&"test passes ... ok".to_owned()));
}
