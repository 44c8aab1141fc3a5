use super::*;
use crate::fixture::{Fixture, HOOK, HOOK_NAME};

/// A port: upstream moved `src/new`, where the overlay has a file, and lines of the hook's file.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.write("upstream/Cargo.toml", "now\n");
    fixture.write(
        "src/new/mod.rs",
        "use crate::new::b;\nuse crate::other::a;\n",
    );
    fixture.write("src/new/late.rs", "//! See crate::new.\n");
    fixture.write("README.md", "Fork\n\nSee src/new.\nBased on 1.\n");
    fixture.write("upstream/next/Cargo.toml", "next\n");
    fixture.write(
        "upstream/next/moves",
        "# Old and new.\nsrc/new => src/z\ncrate::new => crate::z\n",
    );
    fixture.write("upstream/next/patches/series", &format!("{HOOK_NAME}\n"));
    fixture.write(&format!("upstream/next/patches/{HOOK_NAME}"), &moved_hook());
    fixture.write(
        "upstream/next/port.patch",
        "diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n@@ -3,2 +3,2 @@ Fork\n See src/z.\n-Based on 1.\n+Based on 2.\n",
    );
    fixture
}

fn moved_hook() -> String {
    HOOK.replace("@@ -1,3 +1,3 @@", "@@ -11,3 +11,3 @@")
}

fn lay_down_in(fixture: &Fixture) -> String {
    match lay_down(fixture.tree().repository()) {
        Ok(_) => String::new(),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn without_a_port_nothing_is_made() {
    let fixture = Fixture::new();
    assert!(lay_down(fixture.tree().repository()).unwrap().is_none());
    assert!(!fixture.path("target/next").exists());
    assert!(take(&fixture.tree()).is_err());
}

#[test]
fn a_port_begins_with_moves_alone() {
    let fixture = Fixture::new();
    fixture.write("upstream/Cargo.toml", "src/new\n");
    fixture.write("upstream/next/moves", "src/new => src/z\n");
    assert_eq!(lay_down_in(&fixture), "");
    let read = |path: &str| fixture.read(&format!("target/next/{path}"));
    assert_eq!(read("src/z/mod.rs"), "new\n");
    assert_eq!(read("upstream/Cargo.toml"), "src/new\n");
    assert_eq!(read(&format!("patches/{HOOK_NAME}")), HOOK);
}

#[test]
fn moves_and_the_port_make_the_next_repository() {
    let fixture = fixture();
    assert_eq!(lay_down_in(&fixture), "");
    let read = |path: &str| fixture.read(&format!("target/next/{path}"));
    assert_eq!(read("README.md"), "Fork\n\nSee src/z.\nBased on 2.\n");
    assert_eq!(read("upstream/Cargo.toml"), "next\n");
    assert_eq!(read(&format!("patches/{HOOK_NAME}")), moved_hook());
    // As rustfmt orders the new names.
    assert_eq!(
        read("src/z/mod.rs"),
        "use crate::other::a;\nuse crate::z::b;\n"
    );
    assert_eq!(read("src/z/late.rs"), "//! See crate::z.\n");
    for gone in ["src/new", "upstream/next", "target"] {
        assert!(
            !fixture.path(&format!("target/next/{gone}")).exists(),
            "{gone}"
        );
    }
}

#[test]
fn the_next_repository_follows_this_one() {
    let fixture = fixture();
    lay_down_in(&fixture);
    fixture.write("src/new/more.rs", "");
    fixture.remove("src/new/late.rs");
    fixture.write("README.md", "Fork\n\nMore.\nSee src/new.\nBased on 1.\n");
    assert_eq!(lay_down_in(&fixture), "");
    assert_eq!(
        fixture.read("target/next/README.md"),
        "Fork\n\nMore.\nSee src/z.\nBased on 2.\n"
    );
    assert!(fixture.path("target/next/src/z/more.rs").exists());
    assert!(!fixture.path("target/next/src/z/late.rs").exists());
    fixture.write("README.md", "Fork\n\nSee src/new.\nBased on 1.1.\n");
    assert!(lay_down_in(&fixture).contains("`upstream/next/port.patch` does not apply any more"));
}

#[test]
fn work_in_the_next_repository_is_kept() {
    let fixture = fixture();
    assert!(keep(&fixture.tree()).is_err(), "there is nothing to keep");
    lay_down_in(&fixture);
    assert!(is_behind(&fixture.tree()).unwrap());
    keep(&fixture.tree()).unwrap();
    assert!(!is_behind(&fixture.tree()).unwrap());
    let port = fixture.read("upstream/next/port.patch");

    fixture.write("target/next/src/z/late.rs", "//! Changed.\n");
    fixture.write("target/next/upstream/Cargo.toml", "after next\n");
    fixture.write("target/next/patches/series", "");
    fixture.remove(&format!("target/next/patches/{HOOK_NAME}"));
    assert!(lay_down_in(&fixture).contains("has work that `upstream/next/` does not have"));
    fixture.write("src/new/mod.rs", "\n");
    let error = keep(&fixture.tree()).unwrap_err().to_string();
    assert!(
        error.contains("this repository has changed since"),
        "{error}"
    );
    fixture.write(
        "src/new/mod.rs",
        "use crate::new::b;\nuse crate::other::a;\n",
    );
    keep(&fixture.tree()).unwrap();
    assert_eq!(fixture.read("upstream/next/Cargo.toml"), "after next\n");
    assert!(
        !fixture
            .path(&format!("upstream/next/patches/{HOOK_NAME}"))
            .exists()
    );
    let longer = fixture.read("upstream/next/port.patch");
    assert!(
        longer.starts_with(&port) && longer.contains("+//! Changed.\n"),
        "{longer}"
    );
    assert_eq!(lay_down_in(&fixture), "");
    assert_eq!(fixture.read("target/next/src/z/late.rs"), "//! Changed.\n");
}

#[test]
fn the_port_becomes_this_repository() {
    let fixture = fixture();
    take(&fixture.tree()).unwrap();
    assert_eq!(
        fixture.read("README.md"),
        "Fork\n\nSee src/z.\nBased on 2.\n"
    );
    assert_eq!(fixture.read("upstream/Cargo.toml"), "next\n");
    assert_eq!(fixture.read(&format!("patches/{HOOK_NAME}")), moved_hook());
    assert!(fixture.path("src/z/mod.rs").exists());
    for gone in ["src/new", "upstream/next"] {
        assert!(!fixture.path(gone).exists(), "{gone}");
    }
    assert!(lay_down(fixture.tree().repository()).unwrap().is_none());
}
