use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use super::*;
use crate::fixture::{Fixture, HOOK, HOOK_NAME};

#[test]
fn lays_down_base_patches_and_overlay() {
    let fixture = Fixture::new();
    fixture.write("tests/mod.rs", "#[test]\n");
    assert_eq!(fixture.materialise(), Outcome::Updated(6));
    assert_eq!(
        fixture.git(&["log", "--color=never", "--format=%s"]),
        "overlay: files that upstream does not have\nfeat(lib): call the new module\nupstream: small"
    );
    assert_eq!(
        fixture.read("target/tree/src/lib.rs"),
        "one\nTWO\nthree\nfour\nfive\nsix\n"
    );
    assert_eq!(fixture.read("target/tree/src/new/mod.rs"), "new\n");
    assert_eq!(
        fixture.read("target/tree/tests/testsuite/dynamic_deps/mod.rs"),
        "#[test]\n"
    );
    assert_eq!(fixture.read("target/tree/ci/run.sh"), "#!/bin/sh\r\n");
    let script = fs::metadata(fixture.path("target/tree/ci/run.sh")).unwrap();
    assert_eq!(script.permissions().mode() & 0o111, 0o111);
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    assert_eq!(fixture.materialise(), Outcome::UpToDate);
}

#[test]
fn base_is_written_without_patches_and_overlay() {
    let fixture = Fixture::new();
    fixture.materialise();
    let base = fixture
        .tree()
        .write_base(&fixture.path("target/stock-tree"))
        .unwrap();
    assert_eq!(base, fixture.git(&["rev-parse", "HEAD~2"]));
    assert_eq!(
        fixture.read("target/stock-tree/src/lib.rs"),
        "one\ntwo\nthree\nfour\nfive\nsix\n"
    );
    assert!(!fixture.path("target/stock-tree/src/new").exists());
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    assert_eq!(fixture.materialise(), Outcome::UpToDate);
}

#[test]
fn same_input_gives_same_commits() {
    let heads = [(); 2].map(|()| {
        let fixture = Fixture::new();
        fixture.materialise();
        fixture.git(&["rev-parse", "HEAD"])
    });
    assert_eq!(heads[0], heads[1]);
}

#[test]
fn writes_only_files_that_differ() {
    let fixture = Fixture::new();
    fixture.materialise();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let kept = fixture.path("target/tree/src/lib.rs");
    fs::File::options()
        .write(true)
        .open(&kept)
        .unwrap()
        .set_modified(old)
        .unwrap();
    fixture.write("src/new/mod.rs", "newer\n");
    fixture.write("src/new/deep/other.rs", "");
    assert_eq!(fixture.materialise(), Outcome::Updated(2));
    assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), old);
    assert_eq!(fixture.read("target/tree/src/new/mod.rs"), "newer\n");
    fixture.remove("src/new/deep/other.rs");
    assert_eq!(fixture.materialise(), Outcome::Updated(1));
    assert!(!fixture.path("target/tree/src/new/deep").exists());
}

#[test]
fn work_in_the_tree_is_noticed() {
    let fixture = Fixture::new();
    fixture.tree().require_no_work().unwrap();
    fixture.materialise();
    fixture.tree().require_no_work().unwrap();
    fixture.write("target/tree/src/new/mod.rs", "mine\n");
    let error = fixture.tree().require_no_work().unwrap_err().to_string();
    assert!(
        error.contains("that the repository does not have\n")
            && error.contains("\n  src/new/mod.rs\n"),
        "{error}"
    );
}

#[test]
fn a_patch_that_fails_changes_nothing() {
    let fixture = Fixture::new();
    fixture.materialise();
    let head = fixture.git(&["rev-parse", "HEAD"]);
    let broken = HOOK.replace("-two", "-zwei");
    fixture.write(&format!("patches/{HOOK_NAME}"), &broken);
    fixture.write("src/new/mod.rs", "newer\n");
    let error = fixture.refusal();
    let expected = format!(
        "patch `patches/{HOOK_NAME}` does not apply to `src/lib.rs`; the tree stays as it was"
    );
    assert!(error.starts_with(&expected), "{error}");
    assert!(
        error.contains("error: patch failed: src/lib.rs:1"),
        "{error}"
    );
    assert_eq!(fixture.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    assert_eq!(fixture.read("target/tree/src/new/mod.rs"), "new\n");
}

#[test]
fn patches_and_overlay_keep_apart() {
    let fixture = Fixture::new();
    let adds = "diff --git a/src/more.rs b/src/more.rs\nnew file mode 100644\n--- /dev/null\n+++ b/src/more.rs\n@@ -0,0 +1 @@\n+more\n";
    fixture.write(&format!("patches/{HOOK_NAME}"), &format!("{HOOK}{adds}"));
    let error = fixture.refusal();
    assert!(
        error.contains(&format!(
            "`patches/{HOOK_NAME}` adds the file `src/more.rs`"
        )),
        "{error}"
    );

    let fixture = Fixture::new();
    fixture.write("src/lib.rs", "mine\n");
    let error = fixture.refusal();
    assert!(
        error.contains("`src/lib.rs` would hide upstream's `src/lib.rs`"),
        "{error}"
    );
}

#[test]
fn series_has_to_list_every_patch() {
    let fixture = Fixture::new();
    fixture.write("patches/series", "");
    let error = fixture.refusal();
    assert!(
        error.contains(&format!("in `patches/series`: `{HOOK_NAME}` is not listed")),
        "{error}"
    );
}

#[test]
fn unexported_work_is_kept() {
    #[track_caller]
    fn check(work: impl Fn(&Fixture), expected: &str) {
        let fixture = Fixture::new();
        fixture.materialise();
        work(&fixture);
        assert_eq!(fixture.materialise(), Outcome::UpToDate);
        fixture.write("src/new/mod.rs", "newer\n");
        let error = fixture.refusal();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("cargo xtask export"), "{error}");
        fixture.tree().materialise(Unexported::Discard).unwrap();
        assert_eq!(fixture.git(&["status", "--porcelain"]), "");
        assert_eq!(
            fixture.git(&["log", "--color=never", "--format=%an"]),
            ["cargo xtask"; 3].join("\n")
        );
        assert_eq!(fixture.read("target/tree/src/new/mod.rs"), "newer\n");
        assert!(!fixture.path("target/tree/src/new/work.swp").exists());
        assert!(!fixture.path("target/tree/notes").exists());
    }
    check(
        |fixture| fixture.write("target/tree/src/lib.rs", "edited\n"),
        "uncommitted changes of upstream files:\n  src/lib.rs\n",
    );
    check(
        |fixture| fixture.remove("target/tree/src/lib.rs"),
        "uncommitted changes of upstream files:\n  src/lib.rs\n",
    );
    check(
        |fixture| fixture.write("target/tree/notes", ""),
        "uncommitted changes of upstream files:\n  notes\n",
    );
    check(
        |fixture| fixture.write("target/tree/src/new/work.swp", ""),
        "uncommitted changes of overlay files:\n  src/new/work.swp\n",
    );
    check(
        |fixture| {
            fixture.write("target/tree/src/lib.rs", "edited\n");
            fixture.git(&["commit", "-qam", "fix(lib): edit"]);
        },
        " fix(lib): edit\n",
    );
    check(
        |fixture| drop(fixture.git(&["reset", "-q", "--hard", "HEAD^"])),
        "`HEAD` was moved back",
    );
}

#[test]
fn an_interrupted_run_is_finished() {
    let fixture = Fixture::new();
    fixture.materialise();
    let tree = fixture.tree();
    let state = tree.materialised().unwrap();
    fixture.write("src/new/mod.rs", "newer\n");
    fixture.write("target/tree/src/new/mod.rs", "new");
    fixture.write("target/tree/.git/index.lock", "");
    tree.save(&State {
        pending: Some(state.head.clone()),
        ..state
    })
    .unwrap();
    assert_eq!(fixture.materialise(), Outcome::Updated(1));
    assert_eq!(fixture.read("target/tree/src/new/mod.rs"), "newer\n");
}

#[test]
fn foreign_files_are_kept() {
    let fixture = Fixture::new();
    fixture.write("target/tree/precious", "");
    assert!(fixture.refusal().contains("`target/tree` has files"));
    assert!(fixture.path("target/tree/precious").exists());
}
