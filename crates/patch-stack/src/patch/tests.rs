use super::*;

const DIFF: &str = "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n";

fn patch_text(header: &str) -> String {
    format!("{header}\n\n{DIFF}")
}

/// Checks that `header` makes a patch, or that the error has `expected` in it.
#[track_caller]
fn check(header: &str, expected: Result<(), &str>) {
    let text = patch_text(header);
    match (Patch::parse(&text), expected) {
        (Ok(patch), Ok(())) => assert_eq!(patch.format(), text),
        (Err(error), Err(expected)) => {
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
        (result, _) => panic!("{result:?}"),
    }
}

#[test]
fn header_rules() {
    check(
        "fix(a): b\n\nWhy.\n\nForwarded: no\nLast-Update: 2026-01-31",
        Ok(()),
    );
    check(
        "fix(a): b\n\nWhy.\n\nAnd: this too\n\nSigned-off-by: A <a@b>\nForwarded: https://x/y\nLast-Update: 2026-01-31",
        Ok(()),
    );
    check("", Err("must be the subject"));
    check(
        "a\nb\n\nForwarded: no\nLast-Update: 2026-01-31",
        Err("must be blank"),
    );
    check(
        "a\n\nForwarded: no\nLast-Update: 2026-01-31",
        Err("does not say why"),
    );
    check("a\n\nWhy.\n\nLast-Update: 2026-01-31", Err("`Forwarded: "));
    check(
        "a\n\nWhy.\n\nForwarded: maybe\nLast-Update: 2026-01-31",
        Err("`Forwarded: "),
    );
    check(
        "a\n\nWhy.\n\nForwarded: no\nLast-Update: 2026-13-31",
        Err("`Last-Update: "),
    );
    check(
        "a\n\nForwarded: no\nLast-Update: 2026-01-31\n\nWhy.",
        Err("`Forwarded: "),
    );
}

#[test]
fn patch_without_diff() {
    let error = Patch::parse("a\n\nWhy.\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no diff: no line begins with `diff --git`"
    );
}

#[test]
fn commit_messages() {
    #[track_caller]
    fn check(message: &str, expected: &str) {
        let found = match Header::of_commit(message, "2026-02-03") {
            Ok(header) => header.text,
            Err(error) => format!("error: {error:#}"),
        };
        assert_eq!(found, expected);
    }
    check(
        "a\n\nWhy.\n",
        "a\n\nWhy.\n\nForwarded: no\nLast-Update: 2026-02-03",
    );
    check(
        "a\n\nWhy.\n\nSigned-off-by: A <a@b>\n",
        "a\n\nWhy.\n\nSigned-off-by: A <a@b>\nForwarded: no\nLast-Update: 2026-02-03",
    );
    check(
        "a\n\nWhy.\n\nForwarded: not-needed\nLast-Update: 2025-01-01\n",
        "a\n\nWhy.\n\nForwarded: not-needed\nLast-Update: 2025-01-01",
    );
    check(
        "a\n",
        "error: the header of `a` does not say why the patch is needed",
    );
    check(
        "fixup! a\n",
        "error: it is a `fixup!` commit that has not been squashed yet",
    );
}

#[test]
fn file_names() {
    #[track_caller]
    fn check(subject: &str, expected: &str) {
        let header = Header::of_commit(&format!("{subject}\n\nWhy.\n"), "2026-02-03").unwrap();
        assert_eq!(header.file_name(), expected);
    }
    check("feat(cli): `--dynamic-deps`", "feat-cli-dynamic-deps.patch");
    check("Read 2 files, once.", "read-2-files-once.patch");
}

#[test]
fn diffs_lose_only_index_lines() {
    let diff = "diff --git a/f b/f\nindex 1234..5678 100644\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n index x\n-a\r\n+b\r\n";
    let expected = "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n index x\n-a\r\n+b\r\n";
    assert_eq!(Patch::normalise_diff(diff), expected);
}

#[test]
fn series_keeps_comments() {
    #[track_caller]
    fn check(text: &str, names: &[&str], expected: &str) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(Series::parse(text).unwrap().format(&names), expected);
    }
    let text = "# Order matters.\n\n# first\na.patch\n\n# second\nb.patch # really\n# end\n";
    check(text, &["a.patch", "b.patch"], text);
    check(
        text,
        &["b.patch", "c.patch", "a.patch"],
        "# Order matters.\n\n\n# second\nb.patch # really\nc.patch\n# first\na.patch\n# end\n",
    );
    check(text, &["c.patch"], "# Order matters.\n\nc.patch\n# end\n");
    check("a.patch", &["a.patch", "b.patch"], "a.patch\nb.patch\n");
    check("", &["a.patch"], "a.patch\n");
}

#[test]
fn series_and_files_must_agree() {
    #[track_caller]
    fn check(text: &str, files: &[&str], expected: &str) {
        let files = files.iter().map(|name| (*name).to_owned()).collect();
        let result = Series::parse(text).and_then(|series| series.check(&files));
        let found = result.map_or_else(|error| format!("{error:#}"), |()| "ok".to_owned());
        assert_eq!(found.lines().next(), Some(expected));
    }
    check("a.patch\n# c\nb.patch\n", &["a.patch", "b.patch"], "ok");
    check(
        "a.patch\na.patch\n",
        &["a.patch"],
        "`a.patch` is listed twice",
    );
    check(
        "a.patch\n",
        &[],
        "`a.patch` is listed, but there is no such file",
    );
    check(
        "a.patch\n",
        &["a.patch", "b.patch"],
        "`b.patch` is not listed",
    );
}
