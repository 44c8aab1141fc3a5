//! Tests and doctests, which are final units too.

use crate::prelude::*;
use cargo_test_support::{Project, ProjectBuilder};

use super::{layered_manifest, layered_project};

/// A check, to be put into a test, that the process runs dynamically or not.
const IS_DYNAMIC: &str = r#"
    pub fn is_dynamic() -> bool {
        std::fs::read_to_string("/proc/self/maps").unwrap().contains("/dynamic-deps-")
    }
"#;

fn tested_project(edition: &str) -> ProjectBuilder {
    layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest("").replace("2021", edition),
        )
        .file(
            "src/lib.rs",
            &format!(
                r#"
                    //! ```
                    //! assert_eq!(local::name(), "hello from local, call 1");
                    //! assert_eq!(foo::is_dynamic(), std::env::var_os("DYNAMIC").is_some());
                    //! ```
                    //!
                    //! ```should_panic
                    //! assert_eq!(frozen::count(), 2);
                    //! ```
                    //!
                    //! ```no_run
                    //! std::process::exit(frozen::count() as i32);
                    //! ```
                    //!
                    //! ```compile_fail
                    //! frozen::missing();
                    //! ```
                    {IS_DYNAMIC}

                    #[test]
                    fn unit() {{
                        assert_eq!(frozen::count(), 1);
                        assert_eq!(is_dynamic(), std::env::var_os("DYNAMIC").is_some());
                    }}
                "#
            ),
        )
        .file(
            "tests/it.rs",
            r#"
                #[test]
                fn integration() {
                    let output = std::process::Command::new(env!("CARGO_BIN_EXE_foo")).output().unwrap();
                    assert_eq!(output.stdout, b"hello from local, call 1 2\n");
                    assert_eq!(foo::is_dynamic(), std::env::var_os("DYNAMIC").is_some());
                }

                #[test]
                #[should_panic]
                fn panics() {
                    frozen::count();
                    panic!("as it should");
                }
            "#,
        )
}

/// The lines that tell of each test, sorted.
fn results(project: &Project, arguments: &str) -> Vec<String> {
    let mut cargo = project.cargo(arguments);
    if !arguments.contains("--no-dynamic-deps") {
        cargo.env("DYNAMIC", "1");
    }
    let output = cargo.run();
    let mut lines: Vec<String> = super::text(&output.stdout)
        .lines()
        .filter(|line| line.starts_with("test ") && !line.starts_with("test result"))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[cargo_test]
fn same_results() {
    for edition in ["2021", "2024"] {
        let p = tested_project(edition).build();
        let of_static = results(&p, "test --no-dynamic-deps");
        let of_dynamic = results(&p, "test --dynamic-deps");
        assert_eq!(of_static.len(), 7, "{of_static:?}");
        assert_eq!(of_static, of_dynamic, "{edition}");
    }
}

#[cargo_test]
fn with_a_target_triple() {
    let p = tested_project("2021").build();
    let host = cargo_test_support::rustc_host();
    let of_static = results(&p, &format!("test --no-dynamic-deps --target {host}"));
    let of_dynamic = results(&p, &format!("test --dynamic-deps --target {host}"));
    assert_eq!(of_static.len(), 7);
    assert_eq!(of_static, of_dynamic);
}

#[cargo_test]
fn run_by_hand() {
    let p = tested_project("2021").build();
    let output = p
        .cargo("test --dynamic-deps --no-run --message-format json")
        .run();
    let executables: Vec<String> = super::text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|message| message["profile"]["test"] == true)
        .filter_map(|message| message["executable"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(executables.len(), 3);
    for executable in executables {
        let output = std::process::Command::new(&executable)
            .env("DYNAMIC", "1")
            .env_remove("LD_LIBRARY_PATH")
            .current_dir("/")
            .output()
            .unwrap();
        assert!(output.status.success(), "{executable}: {output:?}");
    }
}
