//! Dependencies from elsewhere than the registry: from git, or from a path that takes the place of a
//! package of the registry.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{git, project};

use super::workspaces::same_outputs;
use super::{groups_of, layered_manifest, layered_project, manifest};

#[cargo_test]
fn a_registry_crate_above_a_patched_one() {
    // `middle` comes from the registry and depends on a path, so the layers must not
    // follow from the origin alone: they would need each other.
    Package::new("leaf", "1.0.0")
        .file(
            "src/lib.rs",
            "pub fn leaf() -> &'static str { \"registry\" }",
        )
        .publish();
    Package::new("middle", "1.0.0")
        .dep("leaf", "1.0")
        .file(
            "src/lib.rs",
            "pub fn middle() -> String { format!(\"leaf of the {}\", leaf::leaf()) }",
        )
        .publish();
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest("middle = '1.0'\n[patch.crates-io]\nleaf = { path = 'leaf' }\n"),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{} {}\", local::name(), middle::middle()); }",
        )
        .file(
            "leaf/Cargo.toml",
            &manifest("leaf", "[dependencies]\nfrozen = '1.0'\n"),
        )
        .file(
            "leaf/src/lib.rs",
            "pub fn leaf() -> &'static str { frozen::count(); \"path\" }",
        )
        .build();
    same_outputs(&p, "build");
    p.change_file(
        "leaf/src/lib.rs",
        "pub fn leaf() -> &'static str { \"edited path\" }",
    );
    same_outputs(&p, "build");
    assert_eq!(
        super::stdout(&p.root().join("dynamic/debug/foo")),
        "hello from local, call 1 leaf of the edited path\n"
    );
}

#[cargo_test]
fn a_git_dependency() {
    let (dependency, repository) = git::new_repo("dependency", |project| {
        project
            .file("Cargo.toml", &manifest("dependency", ""))
            .file("src/lib.rs", "pub fn number() -> u8 { 1 }")
    });
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!(
                    "[dependencies]\ndependency = {{ git = '{}' }}\n",
                    dependency.url()
                ),
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", dependency::number()); }",
        )
        .build();
    same_outputs(&p, "build");
    let executable = p.root().join("dynamic/debug/foo");
    assert_eq!(groups_of(&executable), ["frozen", "sysroot"]);

    dependency.change_file("src/lib.rs", "pub fn number() -> u8 { 2 }");
    git::add(&repository);
    git::commit(&repository);
    p.cargo("update").run();
    same_outputs(&p, "build");
    assert_eq!(super::stdout(&executable), "2\n");
}
