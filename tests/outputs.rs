//! The output of builds, for people and for tools.

use std::fs;
use std::path::PathBuf;

use crate::prelude::*;
use cargo_test_support::{Project, str};
use link_engine::record::GroupManifest;
use serde_json::Value;

use super::{LAYERED_OUTPUT, artifacts, layered_manifest, layered_project, stdout};

/// The groups of [`layered_project`], as their packages are called.
const GROUPS: [&str; 3] = [
    "dynamic-deps-frozen",
    "dynamic-deps-local",
    "dynamic-deps-sysroot",
];

#[cargo_test]
fn json_messages() {
    let p = layered_project().build();
    for is_fresh in [false, true] {
        let artifacts = artifacts(&mut p.cargo("build --dynamic-deps"));
        let (groups, others): (Vec<_>, Vec<_>) = artifacts
            .into_iter()
            .partition(|artifact| artifact.is_group);
        assert_eq!(groups.len(), 3);
        let mut names: Vec<&str> = groups
            .iter()
            .map(|group| group.unit.rsplit(' ').next().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, GROUPS);
        for group in &groups {
            assert_eq!(group.is_fresh, is_fresh, "{group:?}");
            assert_eq!(group.executable, None, "{group:?}");
            // The manifest, whose name does not change, and the shared objects.
            let [manifest, files @ ..] = &group.files[..] else {
                panic!("{group:?}");
            };
            let objects = GroupManifest::read(manifest).unwrap().objects;
            assert_eq!(objects.len(), 1, "{objects:?}");
            assert_eq!(files, [objects[0].path(manifest)]);
            assert!(files[0].is_file(), "{objects:?}");
            // By this, cargo-nextest puts them into archives.
            assert!(group.unit.contains(" dylib "), "{group:?}");
        }
        let executables: Vec<PathBuf> = others
            .iter()
            .filter_map(|artifact| artifact.executable.clone())
            .collect();
        assert_eq!(executables, [p.bin("foo")]);
        assert!(others.iter().all(|artifact| artifact.is_fresh == is_fresh));
    }
    // The executable that is named can be run by whoever reads the message.
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn json_messages_of_libraries_and_programs_do_not_depend_on_linkage() {
    let p = layered_project().build();
    let messages = |argument: &str| {
        p.build_dir().rm_rf();
        let command = format!("build {argument} --message-format=json");
        let stdout = p.cargo(&command).run().stdout;
        let stdout = super::text(&stdout);
        let mut lines: Vec<String> = stdout
            .lines()
            .filter(|line| !line.contains("dynamic-deps.invalid"))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    let of_static = messages("--no-dynamic-deps");
    assert_eq!(of_static.len(), 4, "{of_static:?}");
    assert_eq!(of_static, messages("--dynamic-deps"));
}

#[cargo_test]
fn short_json_messages_have_the_warnings_of_fallbacks() {
    let p = layered_project()
        .file("local/build.rs", &super::build_script_for_c("-fno-pic"))
        .file(
            "local/src/native.c",
            "extern int elsewhere; int unused(void) { return elsewhere; }",
        )
        .build();
    let output = p.cargo("build --dynamic-deps --message-format=short").run();
    let stderr = super::text(&output.stderr);
    assert!(
        stderr.contains("linking `local v1.0.0` and what depends on it statically"),
        "{stderr}"
    );
}

#[cargo_test]
fn unit_graph() {
    let p = layered_project().build();
    let output = p
        .cargo("build --dynamic-deps --unit-graph -Zunstable-options")
        .masquerade_as_nightly_cargo(&["unit-graph"])
        .run();
    let graph: Value = serde_json::from_slice(&output.stdout).unwrap();
    let units = graph["units"].as_array().unwrap();
    let name = |index: &Value| {
        let unit = &units[usize::try_from(index.as_u64().unwrap()).unwrap()];
        unit["target"]["name"].as_str().unwrap()
    };
    let dependencies = |unit: &str| {
        let unit = units
            .iter()
            .find(|other| other["target"]["name"] == unit)
            .unwrap();
        let edges = unit["dependencies"].as_array().unwrap();
        let mut names: Vec<&str> = edges.iter().map(|edge| name(&edge["index"])).collect();
        names.sort();
        names
    };
    let mut groups: Vec<&str> = units
        .iter()
        .filter(|unit| unit["mode"] == "link-group")
        .map(|unit| unit["target"]["name"].as_str().unwrap())
        .collect();
    groups.sort();
    assert_eq!(groups, GROUPS);
    assert_eq!(dependencies("dynamic-deps-sysroot"), [""; 0]);
    assert_eq!(
        dependencies("dynamic-deps-frozen"),
        ["dynamic-deps-sysroot", "frozen"]
    );
    assert_eq!(
        dependencies("dynamic-deps-local"),
        ["dynamic-deps-frozen", "dynamic-deps-sysroot", "local"]
    );
    let mut of_foo: Vec<&str> = GROUPS.to_vec();
    of_foo.extend(["frozen", "local"]);
    assert_eq!(dependencies("foo"), of_foo);
    let roots = graph["roots"].as_array().unwrap();
    assert_eq!(roots.iter().map(name).collect::<Vec<_>>(), ["foo"]);
}

#[cargo_test]
fn timings() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps --timings").run();
    let report = p.read_file("target/cargo-timings/cargo-timing.html");
    for group in GROUPS {
        assert!(
            report.contains(&format!("\"name\": \"{group}\"")),
            "{group}"
        );
    }
    for name in ["frozen pool 1", "local part 1", "sysroot"] {
        assert!(
            report.contains(&format!("\"target\": \" {name}\"")),
            "{name}"
        );
    }
}

#[cargo_test]
fn reports_of_logged_builds() {
    let p = layered_project()
        .file(".cargo/config.toml", "build.analysis.enabled = true")
        .build();
    let cargo = |command: &str| {
        let mut cargo = p.cargo(&format!("{command} -Zbuild-analysis"));
        cargo.masquerade_as_nightly_cargo(&["build-analysis"]);
        cargo
    };
    cargo("build --dynamic-deps -vv").run();
    cargo("report timings").run();
    let mut reports = p.glob("target/cargo-timings/cargo-timing-*.html");
    let report = fs::read_to_string(reports.next().unwrap().unwrap()).unwrap();
    for group in GROUPS {
        assert!(report.contains(group), "{group}");
    }

    p.change_file("local/src/lib.rs", "pub fn name() -> u8 { 1 }");
    cargo("build --dynamic-deps").run();
    // The library, its group and the program; not the other library and its groups.
    cargo("report rebuilds")
        .with_stderr_contains("Status: 3 units rebuilt, 3 cached, 0 new")
        .with_stderr_contains("  0. local@1.0.0: file modified: local/src/lib.rs")
        .run();
}

#[cargo_test]
fn verbose() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps -v")
        .with_stderr_contains("[..]Linking sysroot")
        .with_stderr_contains("[..]Linking frozen pool 1")
        .with_stderr_contains("[..]Linking local part 1")
        .with_stderr_contains("[RUNNING] `cc [..] -shared [..]dynamic-deps-local-[..]`")
        .run();
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[..]Linking [..]")
        .run();
}

#[cargo_test]
fn not_verbose() {
    // A user who asked for an executable need not know of groups.
    let p = layered_project().build();
    p.cargo("build --dynamic-deps")
        .with_stderr_data(
            str![[r#"
[UPDATING] `dummy-registry` index
[LOCKING] 2 packages to latest compatible versions
[DOWNLOADING] crates ...
[DOWNLOADED] frozen v1.0.0 (registry `dummy-registry`)
[COMPILING] frozen v1.0.0
[COMPILING] local v1.0.0 ([ROOT]/foo/local)
[COMPILING] foo v1.0.0 ([ROOT]/foo)
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]]
            .unordered(),
        )
        .run();
}

#[cargo_test]
fn progress_bar() {
    let p = layered_project().build();
    let output = p
        .cargo("build --dynamic-deps")
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "100")
        .run();
    // Two libraries, three groups and the program.
    let stderr = super::text(&output.stderr);
    assert!(stderr.contains("] 5/6: foo"), "{stderr}");
}

#[cargo_test]
fn dep_info_is_that_of_a_static_build() {
    let p = layered_project()
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_eq!(frozen::count(), 1); }",
        )
        .build();
    let dep_info = |argument: &str| {
        p.cargo(&format!("build --bins --tests {argument}")).run();
        p.read_file("target/debug/foo.d")
    };
    let of_static = dep_info("--no-dynamic-deps");
    assert!(of_static.contains("local/src/lib.rs"), "{of_static}");
    assert_eq!(of_static, dep_info("--dynamic-deps"));
    // Also when it is written anew.
    fs::remove_file(p.root().join("target/debug/foo.d")).unwrap();
    assert_eq!(of_static, dep_info("--dynamic-deps"));
}

#[cargo_test]
fn completions() {
    let p = layered_project().build();
    for command in ["build", "run", "test", "bench", "rustc"] {
        for (word, expected) in [
            ("--dyn", "--dynamic-deps"),
            ("--no-dyn", "--no-dynamic-deps"),
        ] {
            let output = complete(&p, &["cargo", command, word]);
            assert_eq!(output, expected, "{command}");
        }
    }
    assert_eq!(complete(&p, &["cargo", "check", "--dyn"]), "");
    assert_eq!(
        complete(&p, &["cargo", "build", "--dynamic-deps="]),
        "--dynamic-deps=true\n--dynamic-deps=false"
    );
}

/// What bash shows when the last of `words` is to be completed.
fn complete(project: &Project, words: &[&str]) -> String {
    let output = project
        .cargo("--")
        .args(words)
        .masquerade_as_nightly_cargo(&["native-completions"])
        .env("CARGO_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .env("_CLAP_IFS", "\n")
        .run();
    super::text(&output.stdout).to_owned()
}

#[cargo_test]
fn help() {
    let p = layered_project().build();
    for command in ["build", "run", "test", "bench", "rustc"] {
        p.cargo(&format!("{command} --help"))
            .with_stdout_contains("[..]--dynamic-deps[=<BOOL>][..]")
            .with_stdout_contains("[..]--no-dynamic-deps[..]")
            .run();
    }
    for command in ["check", "doc", "install", "package", "publish", "clean"] {
        p.cargo(&format!("{command} --help"))
            .with_stdout_does_not_contain("[..]dynamic-deps[..]")
            .run();
    }
}

#[cargo_test]
fn sbom_names_what_a_static_build_names() {
    let p = layered_project().build();
    let sbom = |argument: &str| {
        p.cargo(&format!("build {argument} -Zsbom"))
            .masquerade_as_nightly_cargo(&["sbom"])
            .env("CARGO_BUILD_SBOM", "true")
            .run();
        p.read_file("target/debug/foo.cargo-sbom.json")
    };
    let of_static = sbom("--no-dynamic-deps");
    assert!(of_static.contains("frozen@1.0.0"), "{of_static}");
    assert_eq!(of_static, sbom("--dynamic-deps"));
}

#[cargo_test]
fn unused_dependencies_are_named_as_in_a_static_build() {
    let manifest = layered_manifest("[lints.cargo]\nunused_dependencies = 'warn'\n");
    let p = layered_project()
        .file("Cargo.toml", &manifest)
        .file("src/main.rs", "fn main() { frozen::count(); }")
        .build();
    let warning = |argument: &str| {
        let output = p
            .cargo(&format!("build {argument} -Zcargo-lints"))
            .masquerade_as_nightly_cargo(&["cargo-lints"])
            .run();
        let stderr = super::text(&output.stderr);
        let warning = stderr
            .lines()
            .skip_while(|line| !line.starts_with("warning"));
        let warning = warning.take_while(|line| !line.contains("Finished"));
        warning.collect::<Vec<_>>().join("\n")
    };
    let of_static = warning("--no-dynamic-deps");
    assert!(of_static.contains("local = { path"), "{of_static}");
    assert_eq!(of_static, warning("--dynamic-deps"));
}

#[cargo_test]
fn very_verbose_shows_how_the_executable_is_linked() {
    let p = layered_project().build();
    for argument in ["", "--timings"] {
        p.build_dir().rm_rf();
        let command = format!("build --dynamic-deps -vv {argument}");
        let output = p.cargo(&command).run();
        let stderr = super::text(&output.stderr);
        let link_lines: Vec<&str> = stderr
            .lines()
            .filter(|line| line.starts_with("     Running `") && line.contains("/target/debug/"))
            .filter(|line| line.contains(".rcgu.o") && line.contains("dynamic-deps-local-"))
            .collect();
        assert_eq!(link_lines.len(), 1, "{stderr}");
    }
}
