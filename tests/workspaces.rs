//! Workspaces: for every selection of packages, the static and the dynamic build make executables
//! that behave alike, and rebuild the same units.

use std::collections::BTreeMap;
use std::path::Path;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{artifacts, groups_of, manifest, rebuilt, run};

/// The two kinds of linking to compare.
const LINKAGES: [(&str, &str); 2] = [
    ("--no-dynamic-deps", "static"),
    ("--dynamic-deps", "dynamic"),
];

/// Three packages with programs above libraries that they share in part. What the
/// programs print tells which features, versions and values they were built with.
fn workspace(resolver: &str) -> Project {
    Package::new("voice", "1.0.0")
        .feature("loud", &[])
        .file(
            "src/lib.rs",
            "pub fn voice(text: &str) -> String {
                 if cfg!(feature = \"loud\") { text.to_uppercase() } else { text.to_owned() }
             }",
        )
        .publish();
    for version in ["1.0.0", "2.0.0"] {
        Package::new("twice", version)
            .file(
                "src/lib.rs",
                &format!(
                    "static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
                     pub fn twice() -> (&'static str, u32) {{
                         (\"{version}\", COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
                     }}"
                ),
            )
            .publish();
    }
    Package::new("only_tests", "1.0.0")
        .file("src/lib.rs", "pub fn answer() -> u32 { 42 }")
        .publish();
    let test = "#[test] fn it() { assert_eq!(only_tests::answer(), 42); base::value(); }";
    project()
        .file(
            "Cargo.toml",
            &format!(
                "[workspace]\nmembers = ['a', 'b', 'c', 'left', 'right', 'base', 'mac']\n\
                 default-members = ['a']\nresolver = '{resolver}'\n"
            ),
        )
        .file(
            "a/Cargo.toml",
            &manifest(
                "a",
                "[dependencies]\nleft = { path = '../left' }\nbase = { path = '../base' }\n\
                 voice = { version = '1.0', features = ['loud'] }\n\
                 [dev-dependencies]\nonly_tests = '1.0'\n",
            ),
        )
        .file(
            "a/src/main.rs",
            "fn main() { println!(\"{} {}\", left::left(), voice::voice(\"a\")); }",
        )
        .file("a/tests/it.rs", test)
        .file(
            "a/examples/ex.rs",
            "fn main() { println!(\"{} {}\", left::left(), only_tests::answer()); }",
        )
        .file(
            "b/Cargo.toml",
            &manifest(
                "b",
                "[dependencies]\nright = { path = '../right' }\nbase = { path = '../base' }\n\
                 voice = '1.0'\none = { package = 'twice', version = '1.0' }\n\
                 two = { package = 'twice', version = '2.0' }\n\
                 [dev-dependencies]\nonly_tests = '1.0'\n",
            ),
        )
        .file(
            "b/src/main.rs",
            "fn main() {
                 println!(\"{} {}\", right::right(), voice::voice(\"b\"));
                 println!(\"{:?} {:?} {:?}\", one::twice(), two::twice(), one::twice());
             }",
        )
        .file(
            "b/src/bin/b2.rs",
            "fn main() { println!(\"{:?}\", two::twice()); }",
        )
        .file("b/tests/it.rs", test)
        .file(
            "c/Cargo.toml",
            &manifest(
                "c",
                "[dependencies]\nmac = { path = '../mac' }\nbase = { path = '../base' }\n\
                 [build-dependencies]\nbase = { path = '../base' }\n",
            ),
        )
        .file(
            "c/build.rs",
            "fn main() { println!(\"cargo::rustc-env=VALUE={}\", base::value()); }",
        )
        .file(
            "c/src/main.rs",
            "fn main() { println!(\"{} {} {}\", env!(\"VALUE\"), mac::value!(), base::value()); }",
        )
        .file(
            "mac/Cargo.toml",
            &manifest(
                "mac",
                "[lib]\nproc-macro = true\n[dependencies]\nbase = { path = '../base' }\n",
            ),
        )
        .file(
            "mac/src/lib.rs",
            r#"
                #[proc_macro]
                pub fn value(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
                    format!("{:?}", base::value()).parse().unwrap()
                }
            "#,
        )
        .file(
            "left/Cargo.toml",
            &manifest("left", "[dependencies]\nbase = { path = '../base' }\n"),
        )
        .file(
            "left/src/lib.rs",
            "pub fn left() -> String { format!(\"left of {}\", base::value()) }",
        )
        .file(
            "right/Cargo.toml",
            &manifest("right", "[dependencies]\nbase = { path = '../base' }\n"),
        )
        .file(
            "right/src/lib.rs",
            "pub fn right() -> String { format!(\"right of {}\", base::value()) }",
        )
        .file(
            "base/Cargo.toml",
            &manifest("base", "[dependencies]\nvoice = '1.0'\n"),
        )
        .file(
            "base/src/lib.rs",
            "pub fn value() -> String { voice::voice(\"base\") }",
        )
        .build()
}

/// Builds a selection in one of the [`LINKAGES`], and runs what was made.
#[track_caller]
fn outputs(project: &Project, selection: &str, linkage: (&str, &str)) -> BTreeMap<String, String> {
    let (argument, directory) = linkage;
    let command = format!("{selection} {argument} --target-dir {directory}");
    let mut outputs = BTreeMap::new();
    for artifact in artifacts(&mut project.cargo(&command)) {
        let Some(executable) = artifact.executable else {
            continue;
        };
        let is_dynamic = !groups_of(&executable).is_empty();
        assert_eq!(is_dynamic, argument == "--dynamic-deps", "{executable:?}");
        let old = outputs.insert(artifact.unit, behaviour(&executable));
        assert_eq!(old, None);
    }
    outputs
}

/// Status and output of a program, without what differs from run to run.
fn behaviour(executable: &Path) -> String {
    let output = run(executable);
    let stdout = super::text(&output.stdout);
    let without_time: Vec<&str> = stdout
        .lines()
        .map(|line| line.split("; finished in ").next().unwrap())
        .collect();
    format!("{} {}", output.status, without_time.join("\n"))
}

/// Checks that a selection behaves alike in both kinds of builds; returns how many
/// executables it has.
#[track_caller]
pub(super) fn same_outputs(project: &Project, selection: &str) -> usize {
    let [of_static, of_dynamic] = LINKAGES.map(|linkage| outputs(project, selection, linkage));
    assert_eq!(of_static, of_dynamic, "{selection}");
    let failed = of_static
        .values()
        .find(|output| !output.starts_with("exit status: 0"));
    assert_eq!(failed, None);
    of_static.len()
}

/// Checks each selection, and that what was built for one stays fresh while the
/// others are built.
fn selections_behave_alike(resolver: &str) {
    let p = workspace(resolver);
    let selections = [
        ("build", 1),
        ("build -p b", 2),
        ("build -p a -p c", 2),
        ("build --workspace", 4),
        ("build --workspace --examples", 1),
        ("test --no-run", 4),
        // Without the tests of the proc macro, which load libraries of rustc.
        ("test --no-run --workspace --exclude mac --tests", 12),
    ];
    for (selection, executables) in selections {
        assert_eq!(same_outputs(&p, selection), executables, "{selection}");
    }
    for (selection, _) in selections {
        let again = format!("{selection} --dynamic-deps --target-dir dynamic");
        let stale: Vec<_> = artifacts(&mut p.cargo(&again))
            .into_iter()
            .filter(|artifact| !artifact.is_fresh)
            .collect();
        assert!(stale.is_empty(), "{selection}: {stale:?}");
    }
}

#[cargo_test]
fn with_resolver_1() {
    selections_behave_alike("1");
}

#[cargo_test]
fn with_resolver_2() {
    selections_behave_alike("2");
}

#[cargo_test]
fn with_resolver_3() {
    selections_behave_alike("3");
}

#[cargo_test]
fn an_edit_builds_what_a_static_build_builds() {
    let p = workspace("2");
    let selections = ["build --workspace", "test --no-run --workspace --tests"];
    let rebuilt = |selection: &str| {
        LINKAGES.map(|(argument, directory)| {
            let command = format!("{selection} {argument} --target-dir {directory}");
            rebuilt(&mut p.cargo(&command))
        })
    };
    for selection in selections {
        rebuilt(selection);
    }
    for (file, edited) in [
        (
            "left/src/lib.rs",
            "pub fn left() -> String { format!(\"far left of {}\", base::value()) }",
        ),
        (
            "base/src/lib.rs",
            "pub fn value() -> String { voice::voice(\"bass\") }",
        ),
        (
            "b/src/bin/b2.rs",
            "fn main() { println!(\"edited {:?}\", two::twice()); }",
        ),
    ] {
        p.change_file(file, edited);
        for selection in selections {
            let [of_static, of_dynamic] = rebuilt(selection);
            assert!(!of_static.is_empty());
            assert_eq!(of_static, of_dynamic, "{file}: {selection}");
        }
        same_outputs(&p, "build --workspace");
    }
}

#[cargo_test]
fn features_of_tests_alone() {
    // With resolver 2, `voice` is loud in the tests and quiet in the program.
    Package::new("voice", "1.0.0")
        .feature("loud", &[])
        .file(
            "src/lib.rs",
            "pub fn is_loud() -> bool { cfg!(feature = \"loud\") }",
        )
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\nvoice = '1.0'\n\
                 [dev-dependencies]\nvoice = { version = '1.0', features = ['loud'] }\n",
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", voice::is_loud()); }",
        )
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert!(voice::is_loud()); }",
        )
        .build();
    same_outputs(&p, "build");
    assert_eq!(
        super::stdout(&p.root().join("dynamic/debug/foo")),
        "false\n"
    );
    same_outputs(&p, "test --no-run");
    same_outputs(&p, "build");
    assert_eq!(
        super::stdout(&p.root().join("dynamic/debug/foo")),
        "false\n"
    );
}

#[cargo_test]
fn a_build_override() {
    // `base` is optimised for the proc macro and the build script of `c`, and is
    // another unit there than in the programs.
    let p = workspace("2");
    p.change_file(
        ".cargo/config.toml",
        "[profile.dev.build-override]\nopt-level = 1\n",
    );
    assert_eq!(same_outputs(&p, "build --workspace"), 4);
    let stderr = p
        .cargo("build --workspace --dynamic-deps --target-dir other -v")
        .run()
        .stderr;
    let lines = super::text(&stderr).lines();
    for line in lines.filter(|line| line.contains("linker=")) {
        let is_program = ["a", "b", "b2", "c"]
            .iter()
            .any(|name| line.contains(&format!("--crate-name {name} ")));
        assert!(is_program, "{line}");
    }
}
