use super::*;
use crate::fixture::{Fixture, HOOK, HOOK_NAME};

const SECOND: &str = "\
fix(lib): six

Why.

Forwarded: not-needed
Last-Update: 2026-02-03

diff --git a/src/lib.rs b/src/lib.rs
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -5,2 +5,2 @@ four
 five
-six
+SIX
";

#[test]
fn making_and_exporting_gives_no_difference() {
    let fixture = Fixture::new();
    fixture.write(
        "patches/series",
        &format!("# Why this order.\n\n{HOOK_NAME}\nfix-lib-six.patch # last\n"),
    );
    fixture.write("patches/fix-lib-six.patch", SECOND);
    fixture.write("tests/mod.rs", "#[test]\r\n");
    let before = fixture.snapshot();
    fixture.materialise();
    assert!(round_trip(&fixture.tree()).unwrap().paths().is_empty());
    assert!(fixture.exported().is_empty());
    assert_eq!(fixture.snapshot(), before);
}

#[test]
fn patch_files_get_their_normal_form() {
    let fixture = Fixture::new();
    fixture.write("patches/series", "mine.patch\n");
    fixture.remove(&format!("patches/{HOOK_NAME}"));
    fixture.write(
        "patches/mine.patch",
        &HOOK
            .replace("-1,3 +1,3", "-1,4 +1,4")
            .replace(" three\n", " three\n four\n"),
    );
    fixture.materialise();
    assert_eq!(round_trip(&fixture.tree()).unwrap().paths().len(), 3);
    assert_eq!(
        fixture.exported(),
        [
            format!("patches/{HOOK_NAME}"),
            "patches/mine.patch".into(),
            "patches/series".into()
        ]
    );
    assert_eq!(fixture.read(&format!("patches/{HOOK_NAME}")), HOOK);
    assert!(round_trip(&fixture.tree()).unwrap().paths().is_empty());
}

#[test]
fn a_mixed_commit_is_cut_in_two() {
    let fixture = Fixture::new();
    fixture.materialise();
    let lib = fixture.read("target/tree/src/lib.rs").replace("six", "SIX");
    fixture.write("target/tree/src/lib.rs", &lib);
    fixture.write("target/tree/src/new/more.rs", "more\n");
    fixture.write("target/tree/build.rs", "fn main() {}\n");
    fixture.git(&["add", "--all", "--force"]);
    fixture.git(&[
        "commit",
        "-qm",
        "fix(lib): six\n\nWhy.\n\nForwarded: not-needed\nLast-Update: 2026-02-03",
    ]);
    fixture.write("target/tree/src/new/untracked.swp", "kept\n");
    assert_eq!(
        fixture.exported(),
        [
            "patches/fix-lib-six.patch",
            "patches/series",
            "src/new/more.rs",
            "src/new/untracked.swp"
        ]
    );
    let build = "diff --git a/build.rs b/build.rs\nnew file mode 100644\n--- /dev/null\n+++ b/build.rs\n@@ -0,0 +1 @@\n+fn main() {}\n";
    let expected = SECOND.replacen("diff --git", &format!("{build}diff --git"), 1);
    assert_eq!(fixture.read("patches/fix-lib-six.patch"), expected);
    assert_eq!(
        fixture.read("patches/series"),
        format!("{HOOK_NAME}\nfix-lib-six.patch\n")
    );
    assert_eq!(fixture.read("src/new/more.rs"), "more\n");
    assert_eq!(fixture.git(&["status", "--porcelain", "--ignored"]), "");
    assert!(fixture.exported().is_empty());
}

#[test]
fn a_fixup_changes_its_patch() {
    let fixture = Fixture::new();
    fixture.materialise();
    fixture.write(
        "target/tree/src/lib.rs",
        "one\nZWEI\nthree\nfour\nfive\nsix\n",
    );
    fixture.git(&["commit", "-qa", "--fixup=HEAD^"]);
    let error = format!("{:#}", fixture.export().unwrap_err());
    assert!(error.contains("`fixup!` commit"), "{error}");
    fixture.git(&["rebase", "-q", "-i", "--autosquash", "HEAD~3"]);
    assert_eq!(fixture.exported(), [format!("patches/{HOOK_NAME}")]);
    assert_eq!(
        fixture.read(&format!("patches/{HOOK_NAME}")),
        HOOK.replace("+TWO", "+ZWEI")
    );
}

#[test]
fn a_dropped_commit_removes_its_patch() {
    let fixture = Fixture::new();
    fixture.materialise();
    fixture.git(&["rebase", "-q", "--onto", "HEAD~2", "HEAD~1"]);
    assert_eq!(
        fixture.exported(),
        [format!("patches/{HOOK_NAME}"), "patches/series".to_owned()]
    );
    assert_eq!(fixture.read("patches/series"), "");
    assert_eq!(
        fixture.read("target/tree/src/lib.rs"),
        "one\ntwo\nthree\nfour\nfive\nsix\n"
    );
}

#[test]
fn overlay_deletions_come_back() {
    let fixture = Fixture::new();
    fixture.write("src/new/deep/a.rs", "");
    fixture.materialise();
    fixture.remove("target/tree/src/new/deep/a.rs");
    assert_eq!(fixture.exported(), ["src/new/deep/a.rs"]);
    assert!(!fixture.path("src/new/deep").exists());
    assert!(fixture.path("src/new/mod.rs").exists());
}

#[test]
fn uncommitted_hooks_are_refused() {
    #[track_caller]
    fn check(work: impl Fn(&Fixture), expected: &str) {
        let fixture = Fixture::new();
        fixture.materialise();
        work(&fixture);
        let before = fixture.snapshot();
        let error = format!("{:#}", fixture.export().unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert_eq!(fixture.snapshot(), before);
    }
    check(
        |fixture| fixture.write("target/tree/src/lib.rs", ""),
        "not committed\n  src/lib.rs\n",
    );
    check(
        |fixture| fixture.remove("target/tree/src/lib.rs"),
        "not committed\n  src/lib.rs\n",
    );
    check(
        |fixture| fixture.write("target/tree/notes", ""),
        "not committed\n  notes\n",
    );
    check(
        |fixture| {
            fixture.write("target/tree/src/lib.rs", "");
            fixture.git(&["commit", "-qam", "no reason"]);
        },
        "does not say why",
    );
}

#[test]
fn changes_of_others_are_kept() {
    let fixture = Fixture::new();
    fixture.write("src/new/theirs.rs", "1\n");
    fixture.materialise();
    fixture.write("src/new/theirs.rs", "2\n");
    fixture.write("src/new/added.rs", "3\n");
    fixture.write(
        &format!("patches/{HOOK_NAME}"),
        &HOOK.replace("+TWO", "+ZWEI"),
    );
    fixture.write("target/tree/src/new/mod.rs", "mine\n");
    assert_eq!(fixture.exported(), ["src/new/mod.rs"]);
    assert_eq!(fixture.read("src/new/theirs.rs"), "2\n");
    assert_eq!(fixture.read("target/tree/src/new/theirs.rs"), "2\n");
    assert_eq!(fixture.read("target/tree/src/new/added.rs"), "3\n");
    assert!(fixture.read("target/tree/src/lib.rs").contains("ZWEI"));
}

#[test]
fn changes_of_both_sides_are_refused() {
    let fixture = Fixture::new();
    fixture.materialise();
    fixture.write("src/new/mod.rs", "theirs\n");
    fixture.write("target/tree/src/new/mod.rs", "mine\n");
    let error = fixture.export().unwrap_err().to_string();
    assert!(
        error.contains("changed on both sides") && error.contains("\n  src/new/mod.rs\n"),
        "{error}"
    );
    assert_eq!(fixture.read("src/new/mod.rs"), "theirs\n");
    assert_eq!(fixture.read("target/tree/src/new/mod.rs"), "mine\n");

    let fixture = Fixture::new();
    fixture.materialise();
    fixture.write(
        &format!("patches/{HOOK_NAME}"),
        &HOOK.replace("+TWO", "+ZWEI"),
    );
    fixture.write("target/tree/src/lib.rs", "");
    fixture.git(&["commit", "-qam", "fix(lib): empty\n\nWhy."]);
    let error = fixture.export().unwrap_err().to_string();
    assert!(
        error.contains("patches were changed on both sides"),
        "{error}"
    );
}
