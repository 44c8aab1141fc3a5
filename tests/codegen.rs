//! Settings of the profile that decide which crate holds generated code.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{LAYERS, groups_of, manifest, same_behaviour};

/// A program in which the same generic functions and closures are used by three crates,
/// with a profile that has `settings`.
fn project_with_generics(settings: &str) -> Project {
    Package::new("generic", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                use std::collections::BTreeMap;
                use std::fmt::Debug;

                pub fn count<K: Ord + Debug, V: Debug>(pairs: Vec<(K, V)>) -> String {
                    let map: BTreeMap<K, V> = pairs.into_iter().collect();
                    format!("{} {map:?}", map.len())
                }
                pub fn of_own_types() -> String { count(vec![(1u8, "one"), (2, "two")]) }
                pub fn boxed<'a>(add: u32) -> Box<dyn Fn(u32) -> u32 + 'a> { Box::new(move |n| n + add) }
                #[inline] pub fn small(n: u32) -> u32 { boxed(n)(1) }

                /// The addresses of what each crate has for itself or shares.
                pub struct Dropped<T>(pub T);
                impl<T> Drop for Dropped<T> {
                    fn drop(&mut self) { println!("drop {}", std::any::type_name::<T>()); }
                }
            "#,
        )
        .publish();
    let uses = r#"
        pub fn uses() -> String {
            let _dropped = generic::Dropped(vec![generic::Dropped(String::new())]);
            let texts = (generic::count(vec![(1u8, "one")]), generic::of_own_types());
            format!("{texts:?} {} {}", generic::small(3), generic::boxed(2)(2))
        }
    "#;
    let dependency = "[dependencies]\ngeneric = '1.0'\n";
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!("{dependency}local = {{ path = 'local' }}\n[profile.dev]\n{settings}\n"),
            ),
        )
        .file(
            "src/main.rs",
            &format!(
                "mod own {{ {uses} }}
                 fn main() {{ println!(\"{{}}\\n{{}}\", own::uses(), local::uses()); }}"
            ),
        )
        .file("local/Cargo.toml", &manifest("local", dependency))
        .file("local/src/lib.rs", uses)
        .build()
}

#[track_caller]
fn check(settings: &str) {
    let p = project_with_generics(settings);
    let output = same_behaviour(&p);
    assert_eq!(groups_of(&p.bin("foo")), LAYERS, "{settings}");
    let stdout = super::text(&output.stdout);
    assert_eq!(stdout.matches("drop ").count(), 4, "{stdout}");
    assert!(stdout.contains("1 {1: \\\"one\\\"}"), "{stdout}");
}

#[cargo_test]
fn optimised_code_shares_no_generics() {
    for level in ["1", "3", "'s'"] {
        check(&format!("opt-level = {level}"));
    }
}

#[cargo_test]
fn optimised_dependencies_only() {
    check("opt-level = 0\n[profile.dev.package.'*']\nopt-level = 3");
    check("opt-level = 3\n[profile.dev.package.'*']\nopt-level = 0");
}

#[cargo_test]
fn one_codegen_unit_and_incremental() {
    check("codegen-units = 1\nincremental = false");
    check("codegen-units = 16\nincremental = true");
}

#[cargo_test]
fn without_checks() {
    check("debug-assertions = false\noverflow-checks = false");
}

#[cargo_test]
fn generics_are_shared_by_flag() {
    for choice in ["yes", "no"] {
        let p = project_with_generics("");
        let run = |argument: &str| {
            p.cargo(&format!("build {argument}"))
                .env("RUSTFLAGS", format!("-Zshare-generics={choice}"))
                // The flag is unstable.
                .env("RUSTC_BOOTSTRAP", "1")
                .run();
            super::stdout(&p.bin("foo"))
        };
        assert_eq!(run("--no-dynamic-deps"), run("--dynamic-deps"), "{choice}");
        assert_eq!(groups_of(&p.bin("foo")), LAYERS, "{choice}");
    }
}
