//! Tests and doctests, which are final units too.

use std::path::Path;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, ProjectBuilder, project};
use link_engine::DynamicInfo;

use super::{
    LAYERED_OUTPUT, LAYERS, artifacts, groups_of, layered_manifest, layered_project, manifest,
};

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
    test_lines(&cargo.run().stdout)
}

fn test_lines(stdout: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = super::text(stdout)
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

#[cargo_test]
fn without_harness() {
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest("[[test]]\nname = 'plain'\nharness = false\n"),
        )
        .file(
            "tests/plain.rs",
            &format!(
                r#"
                    {IS_DYNAMIC}
                    fn main() {{
                        assert_eq!(is_dynamic(), std::env::var_os("DYNAMIC").is_some());
                        println!("test {{}} with {{:?}}", local::name(), std::env::args().nth(1));
                    }}
                "#
            ),
        )
        .build();
    let of_static = results(&p, "test --no-dynamic-deps --test plain -- --extra");
    let of_dynamic = results(&p, "test --dynamic-deps --test plain -- --extra");
    assert_eq!(
        of_static,
        ["test hello from local, call 1 with Some(\"--extra\")"]
    );
    assert_eq!(of_static, of_dynamic);
}

#[cargo_test]
fn examples_with_dev_dependencies() {
    Package::new("dev", "1.0.0")
        .file("src/lib.rs", "pub fn dev() -> &'static str { \"dev\" }")
        .publish();
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest(
                "[dev-dependencies]\ndev = '1.0'\n[[example]]\nname = 'tested'\ntest = true\n",
            ),
        )
        .file(
            "examples/ex.rs",
            "fn main() { println!(\"{} {}\", local::name(), dev::dev()); }",
        )
        .file(
            "examples/tested.rs",
            "fn main() {} #[test] fn it() { assert_eq!(dev::dev(), \"dev\"); }",
        )
        .build();
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("run --example ex {argument}"))
            .with_stdout_data("hello from local, call 1 dev\n")
            .run();
        assert_eq!(
            results(&p, &format!("test --examples {argument}")),
            ["test it ... ok"]
        );
    }
    assert_eq!(groups_of(&p.target_debug_dir().join("examples/ex")), LAYERS);

    // The program lacks the dependency, and is what it was.
    p.cargo("build --dynamic-deps").run();
    assert_eq!(super::stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn of_a_proc_macro_are_static() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "mac",
                "[lib]\nproc-macro = true\n[dependencies]\nshared = { path = 'shared' }\n",
            ),
        )
        .file(
            "src/lib.rs",
            r#"
                #[proc_macro]
                pub fn number(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
                    shared::number().to_string().parse().unwrap()
                }

                #[test]
                fn unit() { assert_eq!(shared::number(), 7); }
            "#,
        )
        .file(
            "tests/it.rs",
            &format!("{IS_DYNAMIC} #[test] fn it() {{ assert!(is_dynamic()); assert_eq!(mac::number!(), shared::number()); }}"),
        )
        .file("shared/Cargo.toml", &manifest("shared", ""))
        .file("shared/src/lib.rs", "pub fn number() -> u32 { 7 }")
        .build();
    assert_eq!(
        results(&p, "test --dynamic-deps"),
        ["test it ... ok", "test unit ... ok"]
    );
    let mut tests = artifacts(&mut p.cargo("test --no-run --dynamic-deps"));
    tests.retain(|artifact| artifact.executable.is_some());
    let loads_groups = |executable: &Path| {
        let needed = DynamicInfo::read(executable).unwrap().unwrap().needed;
        needed.iter().any(|name| name.starts_with("dynamic-deps-"))
    };
    for artifact in &tests {
        let is_integration_test = artifact.unit.contains(" test it ");
        let executable = artifact.executable.as_ref().unwrap();
        assert_eq!(
            loads_groups(executable),
            is_integration_test,
            "{artifact:?}"
        );
    }
    assert_eq!(tests.len(), 2, "{tests:?}");
}

#[cargo_test]
fn that_abort_on_panic() {
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest("[profile.dev]\npanic = 'abort'\n"),
        )
        .file(
            "tests/it.rs",
            &format!(
                r#"
                    {IS_DYNAMIC}
                    #[test]
                    fn counts() {{
                        assert_eq!(is_dynamic(), std::env::var_os("DYNAMIC").is_some());
                        assert_eq!(frozen::count(), 1);
                    }}
                    #[test]
                    #[should_panic]
                    fn panics() {{ frozen::count(); panic!("as it should"); }}
                "#
            ),
        )
        .build();
    let results = |linkage: &str| {
        let mut cargo = p.cargo(&format!("test {linkage} -Zpanic-abort-tests"));
        cargo.masquerade_as_nightly_cargo(&["panic-abort-tests"]);
        if linkage == "--dynamic-deps" {
            cargo.env("DYNAMIC", "1");
        }
        // For the flag of rustc of the same name.
        let output = cargo.env("RUSTC_BOOTSTRAP", "1").run();
        test_lines(&output.stdout)
    };
    let of_static = results("--no-dynamic-deps");
    assert_eq!(of_static.len(), 2, "{of_static:?}");
    assert_eq!(of_static, results("--dynamic-deps"));
}

#[cargo_test]
fn with_a_helper_that_depends_on_what_is_tested() {
    // The unit tests of `foo` contain it twice: as the test, and below `helper`.
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dev-dependencies]\nhelper = { path = 'helper' }\n"),
        )
        .file(
            "src/lib.rs",
            r#"
                use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
                static COUNT: AtomicUsize = AtomicUsize::new(0);
                pub fn count() -> usize { COUNT.fetch_add(1, SeqCst) + 1 }

                #[test]
                fn unit() {
                    assert_eq!((count(), helper::count(), count()), (1, 1, 2));
                }
            "#,
        )
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_eq!((foo::count(), helper::count()), (1, 2)); }",
        )
        .file(
            "helper/Cargo.toml",
            &manifest("helper", "[dependencies]\nfoo = { path = '..' }\n"),
        )
        .file(
            "helper/src/lib.rs",
            "pub fn count() -> usize { foo::count() }",
        )
        .build();
    let of_static = results(&p, "test --no-dynamic-deps");
    assert_eq!(of_static, ["test it ... ok", "test unit ... ok"]);
    assert_eq!(of_static, results(&p, "test --dynamic-deps"));
}

#[cargo_test]
fn the_flags_of_libraries_decide_on_doctests_too() {
    // rustdoc gets other flags than rustc, which compiled what it links.
    let p = tested_project("2021").build();
    let cargo = |arguments: &str| {
        let mut cargo = p.cargo(&format!("test --doc {arguments}"));
        cargo
            .env("RUSTFLAGS", "-C instrument-coverage")
            .env("LLVM_PROFILE_FILE", "/dev/null");
        cargo
    };
    cargo("--dynamic-deps")
        .with_status(101)
        .with_stderr_contains(
            "[ERROR] cannot link the dependencies of `foo` dynamically: \
             the code is instrumented for coverage (`-C instrument-coverage`)",
        )
        .run();
    cargo("--config profile.dev.dynamic-deps=true")
        .with_stderr_contains(
            "[WARNING] linking dependencies statically despite `dynamic-deps`: \
             the code is instrumented for coverage (`-C instrument-coverage`)",
        )
        .with_stdout_contains("test result: ok. 4 passed; [..]")
        .run();
}
