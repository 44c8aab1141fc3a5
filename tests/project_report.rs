//! `cargo report dynamic-deps`: the files that builds have left.

use std::fs;

use crate::prelude::*;
use cargo_test_support::{Project, project, str};
use serde_json::Value;

use super::{
    contents, group_files, layered_manifest, layered_project, manifest,
    program_with_a_dead_reference, text,
};

/// The report of a project as JSON.
#[track_caller]
fn report(project: &Project) -> Value {
    let output = project.cargo("report dynamic-deps --format json").run();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The only profile of a report.
#[track_caller]
fn profile(report: &Value) -> &Value {
    let [profile] = &report["profiles"].as_array().unwrap()[..] else {
        panic!("{report}");
    };
    profile
}

#[cargo_test]
fn what_is_built_is_listed() {
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest(
                "kept = { path = 'kept' }\n[profile.dev.package.kept]\ndynamic-deps = false\n",
            ),
        )
        .file("kept/Cargo.toml", &manifest("kept", ""))
        .file("kept/src/lib.rs", "pub fn nothing() {}")
        .build();
    p.cargo("build --dynamic-deps").run();
    p.cargo("report dynamic-deps")
        .with_stdout_data(str![[r#"
profile `dev`, in `target/debug`

executables: 1, [..]B
  `target/debug/foo`: [..]B, dynamic, loads 3 shared objects of groups and 2 shared objects of the system, linked in [..] ms [..] s ago
    foo v1.0.0 (bin "foo")

shared objects: 3, [..]B
  local part 1: [..]B, linked in [..] ms [..] s ago, loaded by `foo`
    1 library in `dynamic-deps-local-part.[..].so`
  frozen pool 1: [..]B, linked in [..] ms [..] s ago, loaded by `foo`
    1 library in `dynamic-deps-frozen-pool.[..].so`
  sysroot: [..]B, linked in [..] ms [..] s ago, loaded by `foo`
    [..] libraries in `dynamic-deps-sysroot-[..].so`

libraries that stay in the executables that use them: 1
  kept v1.0.0: its profile says `dynamic-deps = false`
    [HELP] remove `dynamic-deps = false` of the package from the profile

disk that could be freed: none

"#]])
        .with_stderr_data("")
        .run();
    p.cargo("report dynamic-deps -v")
        .with_stdout_contains("    frozen v1.0.0")
        .run();
}

#[cargo_test]
fn as_json() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let report = report(&p);
    assert_eq!(report["version"], 1);
    assert_eq!(report["target_directory"], p.build_dir().to_str().unwrap());
    let dev = profile(&report);
    assert_eq!(dev["profile"], "dev");
    assert_eq!(dev["target"], Value::Null);
    let [foo] = &dev["executables"].as_array().unwrap()[..] else {
        panic!("{dev}");
    };
    assert_eq!(foo["path"], p.bin("foo").to_str().unwrap());
    assert_eq!(foo["name"], "foo v1.0.0 (bin \"foo\")");
    assert_eq!(foo["dynamic"], true);
    assert_eq!(foo["bytes"], fs::metadata(p.bin("foo")).unwrap().len());
    assert!(foo["link"]["milliseconds"].is_u64(), "{foo}");
    let loads = foo["loads"].as_array().unwrap();
    let objects = dev["shared_objects"].as_array().unwrap();
    for (object, (kind, group)) in objects.iter().zip([
        ("part", "local part 1"),
        ("pool", "frozen pool 1"),
        ("sysroot", "sysroot"),
    ]) {
        assert_eq!(object["kind"], kind);
        assert_eq!(object["group"], group);
        assert_eq!(object["unneeded"], false);
        assert!(object["link"]["milliseconds"].is_u64(), "{object}");
        assert_eq!(object["executables"][0], foo["path"]);
        assert!(loads.contains(&object["soname"]), "{loads:?}");
    }
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[1]["libraries"][0], "frozen v1.0.0");
    assert_eq!(dev["unneeded_bytes"], 0);
}

/// Later builds, which find a shared object on disk, still know how long its link took.
#[cargo_test]
fn links_of_earlier_builds_are_known() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let links = |report: &Value| {
        let objects = profile(report)["shared_objects"].as_array().unwrap();
        let links = objects.iter().map(|object| object["link"].clone());
        links.collect::<Vec<_>>()
    };
    let first = links(&report(&p));
    // The job of the pool runs again and finds its shared object on disk.
    let manifests = group_files(&p, "frozen-").into_iter();
    for manifest in manifests.filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let earlier = std::time::SystemTime::UNIX_EPOCH;
        let file = fs::File::options().append(true).open(manifest).unwrap();
        file.set_modified(earlier).unwrap();
    }
    p.cargo("build --dynamic-deps -v")
        .with_stderr_contains("[..]Linking frozen pool 1")
        .run();
    let second = links(&report(&p));
    assert_eq!(first[1], second[1]);
    assert!(first[1]["milliseconds"].is_u64(), "{first:?}");
}

#[cargo_test]
fn profiles_and_targets_are_told_apart() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    p.cargo("build --dynamic-deps --release").run();
    let host = cargo_test_support::rustc_host();
    p.cargo("build --dynamic-deps --target").arg(host).run();
    let report = report(&p);
    let profiles = report["profiles"].as_array().unwrap();
    let names: Vec<_> = profiles
        .iter()
        .map(|profile| {
            (
                profile["profile"].as_str().unwrap(),
                profile["target"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        names,
        [("dev", None), ("release", None), ("dev", Some(host))]
    );
}

#[cargo_test]
fn static_executables_and_tests() {
    let p = layered_project()
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert!(!local::name().is_empty()); }",
        )
        .build();
    p.cargo("test --dynamic-deps --no-run").run();
    p.cargo("build --no-dynamic-deps").run();
    let report = report(&p);
    let executables = profile(&report)["executables"].as_array().unwrap();
    let names: Vec<_> = executables
        .iter()
        .map(|one| (one["name"].as_str(), one["dynamic"] == true))
        .collect();
    assert!(names.contains(&(None, false)), "{names:?}");
    assert!(
        names.contains(&(Some("foo v1.0.0 (test \"it\" test)"), true)),
        "{names:?}"
    );
    assert_eq!(executables.len(), 4, "{names:?}");
}

/// An executable that could not be linked dynamically says why.
#[cargo_test]
fn a_fallback_is_told() {
    let p = program_with_a_dead_reference();
    let output = p.cargo("build --dynamic-deps").run();
    assert!(text(&output.stderr).contains("linked the dependencies of `foo` statically"));
    let report = report(&p);
    let foo = &profile(&report)["executables"][0];
    let fallback = foo["fallback"].as_str().unwrap();
    assert!(
        fallback.starts_with("linked the dependencies of `foo v1.0.0 (bin \"foo\")` statically")
            && fallback.ends_with("`[profile.dev.package.dead] dynamic-deps = false`"),
        "{fallback}"
    );
    assert_eq!(foo["dynamic"], false);
}

#[cargo_test]
fn what_can_be_deleted() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    // As if a copy of an older content was left behind.
    let [current] = &contents(&p, "local")[..] else {
        panic!("{:?}", contents(&p, "local"));
    };
    let name = current.file_name().unwrap().to_str().unwrap();
    let (store, _) = name.rsplit_once('_').unwrap();
    let older = current.with_file_name(format!("{store}_0123456789abcdef.so"));
    fs::copy(current, &older).unwrap();
    let report = report(&p);
    let objects = profile(&report)["shared_objects"].as_array().unwrap();
    let unneeded: Vec<_> = objects
        .iter()
        .filter(|object| object["unneeded"] == true)
        .collect();
    assert_eq!(unneeded.len(), 1, "{objects:?}");
    assert_eq!(unneeded[0]["path"], older.to_str().unwrap());
    assert_eq!(unneeded[0]["group"], Value::Null);
    p.cargo("report dynamic-deps -v")
        .with_stdout_contains("  local part of earlier builds: [..], loaded by no executable")
        .with_stdout_contains(
            "disk that could be freed: [..] in 1 shared object that no executable here loads",
        )
        .with_stdout_contains("  `target/debug/deps/[..]_0123456789abcdef.so`")
        .run();
}

#[cargo_test]
fn nothing_to_report() {
    let p = layered_project().build();
    p.cargo("report dynamic-deps")
        .with_status(101)
        .with_stderr_data(str![[r#"
[ERROR] there is no target directory `[ROOT]/foo/target`
[HELP] build first, for example with `cargo build --dynamic-deps`

"#]])
        .run();
    p.cargo("build --no-dynamic-deps").run();
    p.cargo("report dynamic-deps --format json")
        .with_status(101)
        .with_stdout_data("")
        .with_stderr_data(str![[r#"
[ERROR] nothing in `[ROOT]/foo/target` was linked dynamically
[HELP] build first, for example with `cargo build --dynamic-deps`

"#]])
        .run();
}

#[cargo_test]
fn a_damaged_manifest_is_named_and_left_out() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let manifests = group_files(&p, "local-");
    let manifest = manifests.iter().find(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    fs::write(manifest.unwrap(), "{").unwrap();
    p.cargo("report dynamic-deps")
        .with_stderr_data(str![[r#"
[WARNING] failed to parse `[ROOT]/foo/target/debug/deps/dynamic-deps-local-[HASH].json`, so the report is without it
caused by: EOF while parsing an object at line 1 column 1
[HELP] it is written anew when what it describes is built again

"#]])
        .with_stdout_contains("  frozen pool 1: [..]")
        .run();
}

/// Where each unit has directories of its own, file names do not tell executables apart.
#[cargo_test]
fn executables_of_one_name_in_directories_of_their_own() {
    let member = |name: &str| {
        manifest(
            name,
            "[[bin]]\nname = 'same'\npath = 'main.rs'\n[dependencies]\nleaf = { path = '../leaf' }\n",
        )
    };
    let main = "fn main() { leaf::call(); }";
    let p = project()
        .file(
            "Cargo.toml",
            "[workspace]\nmembers = ['a', 'b']\nresolver = '2'\n",
        )
        .file("a/Cargo.toml", &member("a"))
        .file("a/main.rs", main)
        .file("b/Cargo.toml", &member("b"))
        .file("b/main.rs", main)
        .file("leaf/Cargo.toml", &manifest("leaf", ""))
        .file("leaf/src/lib.rs", "pub fn call() {}")
        .build();
    for package in ["b", "a"] {
        p.cargo(&format!(
            "build -p {package} --dynamic-deps -Zbuild-dir-new-layout"
        ))
        .masquerade_as_nightly_cargo(&["build-dir-new-layout"])
        .run();
    }
    let report = report(&p);
    let executables = profile(&report)["executables"].as_array().unwrap();
    assert_eq!(executables.len(), 2, "{report}");
    for executable in executables {
        let path = executable["path"].as_str().unwrap();
        // The one that was built last is shown by the name that users know.
        let package = if path.contains("/build/b/") { "b" } else { "a" };
        assert_eq!(
            executable["name"].as_str().unwrap(),
            format!("{package} v1.0.0 (bin \"same\")"),
            "{report}"
        );
    }
}
