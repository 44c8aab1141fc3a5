use super::*;
use crate::fixture::{Fixture, HOOK, HOOK_NAME, SmallBase};

const OTHER: &str = "\
feat(lib): another hook

Upstream has no such place either.

Forwarded: no
Last-Update: 2026-01-31

diff --git a/src/lib.rs b/src/lib.rs
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -4,3 +4,3 @@ three
 four
-five
+FIVE
 six
";
const OTHER_NAME: &str = "feat-lib-another-hook.patch";

/// The directory of upstream's file and of the overlay's: it can move within `src`, where the overlay has its place.
const HOME: &str = "src/new/";

fn release(files: &[(&str, &str)]) -> SmallBase {
    let mut base = SmallBase::default();
    for (path, text) in files {
        base.add(path, text);
    }
    base
}

/// A repository with `patches` on one file of upstream, and one of the overlay beside it.
fn fixture(patches: &[(&str, &str)]) -> Fixture {
    let mut fixture = Fixture::new();
    fixture.set_base(release(&[(
        "src/new/lib.rs",
        "one\ntwo\nthree\nfour\nfive\nsix\n",
    )]));
    fixture.write("patches/series", "");
    fixture.remove(&format!("patches/{HOOK_NAME}"));
    let mut series = String::new();
    for (name, text) in patches {
        fixture.write(&format!("patches/{name}"), &at_home(text, HOME));
        series.push_str(&format!("{name}\n"));
    }
    fixture.write("patches/series", &series);
    fixture.materialise();
    fixture
}

fn at_home(patch: &str, home: &str) -> String {
    patch.replace("src/lib.rs", &format!("{home}lib.rs"))
}

fn is_git_too_old() -> bool {
    let is_too_old = !Git::can_merge().unwrap();
    if is_too_old {
        eprintln!("skipped: git is older than 2.43");
    }
    is_too_old
}

fn report(files: &[(&str, &str)]) -> Report {
    let fixture = fixture(&[(HOOK_NAME, HOOK), (OTHER_NAME, OTHER)]);
    try_all(&fixture.tree(), &release(files)).unwrap()
}

#[test]
fn patches_apply_to_a_release_that_changed_elsewhere() {
    if is_git_too_old() {
        return;
    }
    let report = report(&[("src/new/lib.rs", "one\ntwo\nthree\nnew\nfour\nfive\nsix\n")]);
    assert_eq!(
        report.to_string(),
        "applies         feat-lib-call-the-new-module.patch\n\
         applies         feat-lib-another-hook.patch\n\n\
         2 patches: 2 apply, 0 apply where upstream moved the files, 0 do not"
    );
}

#[test]
fn moved_files_are_followed() {
    if is_git_too_old() {
        return;
    }
    let text = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
    let report = report(&[("src/core/lib.rs", text)]);
    assert_eq!(
        report.to_string(),
        "applies, moved  feat-lib-call-the-new-module.patch\n    \
         src/new/lib.rs -> src/core/lib.rs\n\
         applies, moved  feat-lib-another-hook.patch\n    \
         src/new/lib.rs -> src/core/lib.rs\n\
         moves           src/new/mod.rs -> src/core/mod.rs\n\n\
         2 patches: 0 apply, 2 apply where upstream moved the files, 0 do not"
    );
    let patch = report.trials[0].patch.as_ref().unwrap();
    assert_eq!(patch.format(), at_home(HOOK, "src/core/"));
}

#[test]
fn a_conflict_is_shown_and_the_rest_is_tried() {
    if is_git_too_old() {
        return;
    }
    let report = report(&[("src/new/lib.rs", "one\n2\nthree\nfour\nfive\nsix\n")]);
    assert_eq!(
        report.to_string(),
        "does not apply  feat-lib-call-the-new-module.patch\n    \
         src/new/lib.rs: upstream changed the same lines\n\
         applies         feat-lib-another-hook.patch\n\n\
         2 patches: 1 apply, 0 apply where upstream moved the files, 1 do not\n\
         what does not apply: *.rej"
    );
    let trial = &report.trials[0];
    assert!(trial.patch.is_none());
    for line in ["+<<<<<<< ", " 2\n", "+TWO\n", "+>>>>>>> "] {
        assert!(trial.rest.contains(line), "{line}: {}", trial.rest);
    }
}

#[test]
fn a_file_that_upstream_removed_is_a_conflict() {
    if is_git_too_old() {
        return;
    }
    let report = report(&[("src/other.rs", "else\n")]);
    assert_eq!(report.count("does not apply"), 2);
    assert!(report.trials.iter().all(|trial| trial.patch.is_none()));
}

#[test]
fn a_patch_is_cut_into_what_applies_and_what_does_not() {
    if is_git_too_old() {
        return;
    }
    let hunk = OTHER.find("@@ ").unwrap();
    let both = format!("{HOOK}{}", &OTHER[hunk..]);
    let fixture = fixture(&[(HOOK_NAME, &both)]);
    let files = [("src/new/lib.rs", "one\n2\nthree\nfour\nfive\nsix\n")];
    let report = try_all(&fixture.tree(), &release(&files)).unwrap();
    let trial = &report.trials[0];
    let applied = Patch::parse(&at_home(OTHER, HOME)).unwrap();
    assert_eq!(trial.patch.as_ref().unwrap().diff, applied.diff);
    assert!(
        !trial.applies() && !trial.rest.contains("FIVE"),
        "{}",
        trial.rest
    );
}

#[test]
fn the_repository_gets_what_applies() {
    if is_git_too_old() {
        return;
    }
    let fixture = fixture(&[(HOOK_NAME, HOOK), (OTHER_NAME, OTHER)]);
    fixture.write(
        "patches/series",
        &format!("{HOOK_NAME}\n{OTHER_NAME} # why here\n"),
    );
    fixture.materialise();
    let files = [("src/core/lib.rs", "one\n2\nthree\nfour\nfive\nsix\n")];
    let mut report = try_all(&fixture.tree(), &release(&files)).unwrap();
    report.directory = fixture.path("target/kept");
    report.keep().unwrap();
    report.write(&fixture.tree()).unwrap();
    assert!(report.to_string().ends_with(&format!(
        "left out, to be made in the tree: {}",
        fixture.path("target/kept/*.rej").display()
    )));

    assert_eq!(
        fixture.read("patches/series"),
        format!("{OTHER_NAME} # why here\n")
    );
    assert!(!fixture.path(&format!("patches/{HOOK_NAME}")).exists());
    let name = format!("patches/{OTHER_NAME}");
    assert_eq!(fixture.read(&name), at_home(OTHER, "src/core/"));
    let left_out = format!("target/kept/{HOOK_NAME}").replace(".patch", ".rej");
    assert!(
        fixture
            .read(&left_out)
            .starts_with("feat(lib): call the new module\n")
    );
    assert!(!fixture.path("src/new").exists());
    let base = release(&files);
    let tree = fixture.tree_on(&base);
    tree.materialise(Unexported::Refuse).unwrap();
    assert_eq!(
        fixture.read("target/tree/src/core/lib.rs"),
        "one\n2\nthree\nfour\nFIVE\nsix\n"
    );
    assert_eq!(fixture.read("target/tree/src/core/mod.rs"), "new\n");
}

#[test]
fn a_directory_of_the_overlay_moves_with_its_neighbours() {
    let moves = Moves::from([
        ("src/core/a.rs".to_owned(), "src/b/a.rs".to_owned()),
        ("src/core/c/d.rs".to_owned(), "src/b/c/d.rs".to_owned()),
        ("src/core/e.rs".to_owned(), "src/f/e.rs".to_owned()),
    ]);
    assert_eq!(
        neighbours_move("src/core/new/mod.rs", &moves).as_deref(),
        Some("src/b/new/mod.rs")
    );
    assert_eq!(neighbours_move("tests/mod.rs", &moves), None);
}
