//! `cargo xtask rebase`: tries the patches on another release of upstream.
//!
//! Upstream moves files. What moved where is git's to find: both releases become commits, and `git diff-tree` pairs the
//! files that only one of them has. A patch that does not apply as it is gets the new paths; one that does not apply
//! then is tried hunk by hunk, and goes on with those that do, so that the patches after it can be tried too.
//!
//! The hunks that do not apply are kept apart. They are made again in the tree of the release, where upstream's files are
//! at hand and git folds changes into patches; so the repository can become that of the release without them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::slice;

use anyhow::{Context, Result, ensure};

use crate::git::{Files, Git, ObjectId};
use crate::overlay;
use crate::patch::Patch;
use crate::pin::{Base, Pin};
use crate::tree::Tree;

/// Paths of upstream's files that moved: old to new.
type Moves = BTreeMap<String, String>;

/// All patches on the other release.
#[derive(Debug)]
pub struct Report {
    trials: Vec<Trial>,
    /// Files of the overlay whose directory moved: old and new path in the tree.
    overlay: Moves,
    /// Where the patches lie as far as they apply, and what does not.
    directory: PathBuf,
    /// Whether the repository has become that of the release.
    written: bool,
}

/// How one patch fared.
#[derive(Debug)]
struct Trial {
    name: String,
    /// The patch with the new paths, as far as it applies; without a diff if it does not at all.
    patch: Patch,
    /// The moves that it needs; none if it applies as it is.
    moves: Moves,
    hunks: usize,
    rejected: Vec<Hunk>,
}

/// A hunk, with the lines that name its file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hunk {
    /// Path of the file.
    path: String,
    file_header: String,
    text: String,
}

/// Tries the patches of `tree` on upstream's release `version`.
///
/// Nothing of the repository is changed, unless `write` is set: then pin, patches and overlay become those of the release,
/// less the hunks that do not apply.
///
/// # Errors
/// When upstream cannot be fetched, when `version` is the current one, or when `write` is set and the tree has work that
/// was not exported.
pub fn run(tree: &Tree, current: &Pin, version: &str, write: bool) -> Result<Report> {
    let repository = tree.repository();
    // A trial would also remove the hunks that were left out on the way here.
    ensure!(
        current.version()? != version,
        "the patches are those for `{version}` already"
    );
    if write {
        tree.require_no_work()?;
    }
    let scratch = repository.rebase().join(version);
    let pin = Pin::of_version(repository, &scratch.join("pin"), version)?;
    let (series, texts) = tree.series()?;
    let patches = series
        .names()
        .map(|name| {
            let patch = Patch::parse(&texts[name]).with_context(|| format!("in `{name}`"))?;
            Ok((name.to_owned(), patch))
        })
        .collect::<Result<Vec<_>>>()?;
    let git = Git::at(&repository.rebase().join("git"));
    if !git.exists() {
        git.init()?;
    }
    let overlay: BTreeSet<String> = overlay::of_repository(repository)?.into_keys().collect();
    let mut report = try_all(&git, current, &pin, &patches, &overlay)?;
    report.directory = scratch.join("patches");
    report.keep()?;
    if write {
        report.write(tree)?;
        copy(pin.manifest(), &repository.pin_manifest())?;
        copy(pin.lock(), &repository.pin_lock())?;
    }
    Ok(report)
}

/// Tries `patches`, in their order, on the files of `new`.
fn try_all(
    git: &Git,
    old: &dyn Base,
    new: &dyn Base,
    patches: &[(String, Patch)],
    overlay: &BTreeSet<String>,
) -> Result<Report> {
    let old_commit = git.import(None, &old.message()?, &old.files()?)?;
    let new_files = new.files()?;
    let new_commit = git.import(None, &new.message()?, &new_files)?;
    let moves = moves(git, &old_commit, &new_commit)?;
    let index = git.directory().join("rebase-index");
    let git = git.with_index(&index);
    git.run(&["read-tree", &new_commit])?;
    let trials = patches
        .iter()
        .map(|(name, patch)| Trial::of(&git, name, patch, &moves, &new_files))
        .collect::<Result<Vec<_>>>()?;
    fs::remove_file(&index).with_context(|| format!("failed to remove `{}`", index.display()))?;
    Ok(Report {
        trials,
        overlay: overlay_moves(overlay, &moves),
        directory: PathBuf::new(),
        written: false,
    })
}

/// What moved from one commit to the other, by git's measure of similarity.
fn moves(git: &Git, from: &ObjectId, to: &ObjectId) -> Result<Moves> {
    let records = git.records(&[
        "diff-tree",
        "-r",
        "-z",
        "--find-renames=50%",
        "-l0",
        "--diff-filter=R",
        "--name-status",
        from,
        to,
    ])?;
    Ok(records
        .chunks_exact(3)
        .map(|record| (record[1].clone(), record[2].clone()))
        .collect())
}

/// Where the files of the overlay belong when most of their neighbours moved.
fn overlay_moves(overlay: &BTreeSet<String>, moves: &Moves) -> Moves {
    let mut moved = Moves::new();
    for path in overlay {
        if let Some(to) = neighbours_move(path, moves) {
            moved.insert(path.clone(), to);
        }
    }
    moved
}

/// The path that `path` gets if it moves like most files of the nearest directory of which any moved out.
fn neighbours_move(path: &str, moves: &Moves) -> Option<String> {
    for (at, _) in path.rmatch_indices('/') {
        let directory = &path[..=at];
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for (from, to) in moves {
            let below = from.strip_prefix(directory);
            if let Some(new_directory) = below.and_then(|below| to.strip_suffix(below)) {
                *votes.entry(new_directory).or_default() += 1;
            }
        }
        if let Some((new_directory, _)) = votes.into_iter().max_by_key(|(_, count)| *count) {
            return Some(format!("{new_directory}{}", &path[at + 1..]));
        }
    }
    None
}

impl Trial {
    /// Applies the patch to the index of `git`, as far as it can be.
    fn of(git: &Git, name: &str, patch: &Patch, moves: &Moves, new_files: &Files) -> Result<Trial> {
        let hunks = hunks(&patch.diff);
        let mut trial = Trial {
            name: name.to_owned(),
            patch: patch.clone(),
            moves: Moves::new(),
            hunks: hunks.len(),
            rejected: Vec::new(),
        };
        if applies(git, &patch.diff) {
            return Ok(trial);
        }
        trial.moves = hunks
            .iter()
            .filter(|hunk| !new_files.contains_key(&hunk.path))
            .filter_map(|hunk| Some((hunk.path.clone(), moves.get(&hunk.path)?.clone())))
            .collect();
        trial.patch.diff = with_paths(&patch.diff, &trial.moves);
        if !trial.moves.is_empty() && applies(git, &trial.patch.diff) {
            return Ok(trial);
        }
        let (applied, rejected) = self::hunks(&trial.patch.diff)
            .into_iter()
            .partition::<Vec<_>, _>(|hunk| applies(git, &diff_of(slice::from_ref(hunk))));
        trial.patch.diff = diff_of(&applied);
        trial.rejected = rejected;
        Ok(trial)
    }

    fn applies(&self) -> bool {
        self.rejected.is_empty()
    }

    /// What does not apply, as a patch.
    fn rest(&self) -> Patch {
        Patch {
            header: self.patch.header.clone(),
            diff: diff_of(&self.rejected),
        }
    }
}

/// Applies `diff` to the index of `git`, unless it does not fit.
fn applies(git: &Git, diff: &str) -> bool {
    git.run_with_input(&["apply", "--cached", "-"], diff.as_bytes())
        .is_ok()
}

/// The hunks of a diff.
fn hunks(diff: &str) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut path = String::new();
    let mut file_header = String::new();
    let mut in_hunk = false;
    for line in diff.split_inclusive('\n') {
        if line.starts_with("diff --git ") {
            in_hunk = false;
            file_header.clear();
        }
        if line.starts_with("@@ ") {
            in_hunk = true;
            hunks.push(Hunk {
                path: path.clone(),
                file_header: file_header.clone(),
                text: String::new(),
            });
        }
        match hunks.last_mut().filter(|_| in_hunk) {
            Some(hunk) => hunk.text.push_str(line),
            None => {
                if let Some(old) = line.strip_prefix("--- a/") {
                    path = old.trim_end().to_owned();
                }
                file_header.push_str(line);
            }
        }
    }
    hunks
}

/// The diff that has these hunks.
fn diff_of(hunks: &[Hunk]) -> String {
    let mut diff = String::new();
    let mut file_header = "";
    for hunk in hunks {
        if hunk.file_header != file_header {
            file_header = &hunk.file_header;
            diff.push_str(file_header);
        }
        diff.push_str(&hunk.text);
    }
    diff
}

/// The diff with the files under their new paths.
fn with_paths(diff: &str, moves: &Moves) -> String {
    let mut lines = String::new();
    for hunk_or_header in diff.split_inclusive('\n') {
        let renamed = moves.iter().find_map(|(from, to)| {
            let line = hunk_or_header.trim_end();
            let of_git = format!("diff --git a/{from} b/{from}");
            let old = format!("--- a/{from}");
            let new = format!("+++ b/{from}");
            if line == of_git {
                Some(format!("diff --git a/{to} b/{to}\n"))
            } else if line == old {
                Some(format!("--- a/{to}\n"))
            } else if line == new {
                Some(format!("+++ b/{to}\n"))
            } else {
                None
            }
        });
        lines.push_str(renamed.as_deref().unwrap_or(hunk_or_header));
    }
    lines
}

impl Hunk {
    /// The line that says where it belongs.
    fn place(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }
}

impl Report {
    fn all_apply(&self) -> bool {
        self.trials.iter().all(Trial::applies)
    }

    /// Keeps the patches as far as they apply, and beside each a patch of what does not.
    fn keep(&self) -> Result<()> {
        let describe = || format!("failed to write `{}`", self.directory.display());
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory).with_context(describe)?;
        }
        fs::create_dir_all(&self.directory).with_context(describe)?;
        for trial in &self.trials {
            let path = self.directory.join(&trial.name);
            if !trial.patch.diff.is_empty() {
                fs::write(&path, trial.patch.format()).with_context(describe)?;
            }
            if !trial.applies() {
                let path = path.with_extension("rej");
                fs::write(path, trial.rest().format()).with_context(describe)?;
            }
        }
        Ok(())
    }

    /// Makes patches and overlay of the repository those of the release.
    fn write(&mut self, tree: &Tree) -> Result<()> {
        let repository = tree.repository();
        let place = |path| overlay::path_in_repository(repository, path);
        let overlay = self.overlay.iter();
        let overlay = overlay
            .map(|(from, to)| Ok((place(from)?, place(to)?)))
            .collect::<Result<Vec<_>>>()?;
        let (series, _) = tree.series()?;
        let mut names = Vec::new();
        for trial in &self.trials {
            let path = repository.patches().join(&trial.name);
            if trial.patch.diff.is_empty() {
                overlay::remove(&path, repository.root())?;
            } else {
                copy(&self.directory.join(&trial.name), &path)?;
                names.push(trial.name.clone());
            }
        }
        if !series.names().eq(names.iter()) {
            let path = repository.series();
            fs::write(&path, series.format(&names))
                .with_context(|| format!("failed to write `{}`", path.display()))?;
        }
        for (from, to) in overlay {
            fs::create_dir_all(to.parent().unwrap_or(repository.root()))
                .and_then(|()| fs::rename(&from, &to))
                .with_context(|| {
                    format!("failed to move `{}` to `{}`", from.display(), to.display())
                })?;
            // It is gone; the directories that this left empty go too.
            overlay::remove(&from, repository.root())?;
        }
        self.written = true;
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("failed to copy `{}` to `{}`", from.display(), to.display()))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = [0; 3];
        for trial in &self.trials {
            let (count, verdict) = if !trial.applies() {
                (2, "does not apply")
            } else if trial.moves.is_empty() {
                (0, "applies")
            } else {
                (1, "applies, moved")
            };
            counts[count] += 1;
            write!(f, "{verdict:14}  {}", trial.name)?;
            if !trial.applies() {
                write!(f, ", {} of {} hunks", trial.rejected.len(), trial.hunks)?;
            }
            writeln!(f)?;
            for (from, to) in &trial.moves {
                writeln!(f, "    {from} -> {to}")?;
            }
            for hunk in &trial.rejected {
                writeln!(f, "    {}: {}", hunk.path, hunk.place())?;
            }
        }
        for (from, to) in &self.overlay {
            writeln!(f, "moves           {from} -> {to}")?;
        }
        let [as_they_are, moved, rejected] = counts;
        write!(
            f,
            "\n{} patches: {as_they_are} apply, {moved} apply where upstream moved the files, {rejected} do not",
            self.trials.len()
        )?;
        if self.all_apply() {
            return Ok(());
        }
        let what = if self.written {
            "left out, to be made in the tree"
        } else {
            "what does not apply"
        };
        write!(f, "\n{what}: {}", self.directory.join("*.rej").display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, HOOK, HOOK_NAME, SmallBase};
    use crate::tree::Unexported;

    const OTHER: &str = "\
feat(lib): another hook

Upstream has no such place either.

Forwarded: no
Last-Update: 2026-01-31

diff --git a/src/lib.rs b/src/lib.rs
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -4,3 +4,3 @@ four
 four
-five
+FIVE
 six
";

    fn release(files: &[(&str, &str)]) -> SmallBase {
        let mut base = SmallBase::default();
        for (path, text) in files {
            base.add(path, text);
        }
        base
    }

    const OTHER_NAME: &str = "feat-lib-another-hook.patch";

    /// What is reported of [`HOOK`] and [`OTHER`] on a release with these files.
    fn report(files: &[(&str, &str)]) -> Report {
        report_of(&[(HOOK_NAME, HOOK), (OTHER_NAME, OTHER)], files)
    }

    fn report_of(patches: &[(&str, &str)], files: &[(&str, &str)]) -> Report {
        let fixture = Fixture::new();
        let git = Git::at(&fixture.path("rebase"));
        git.init().unwrap();
        let old = release(&[("src/lib.rs", "one\ntwo\nthree\nfour\nfive\nsix\n")]);
        let patches: Vec<(String, Patch)> = patches
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Patch::parse(text).unwrap()))
            .collect();
        let overlay = BTreeSet::from(["src/new/mod.rs".to_owned()]);
        try_all(&git, &old, &release(files), &patches, &overlay).unwrap()
    }

    #[test]
    fn patches_apply_to_a_release_that_changed_elsewhere() {
        let report = report(&[("src/lib.rs", "one\ntwo\nthree\nnew\nfour\nfive\nsix\n")]);
        assert!(report.all_apply());
        assert_eq!(
            report.to_string(),
            "applies         feat-lib-call-the-new-module.patch\n\
             applies         feat-lib-another-hook.patch\n\n\
             2 patches: 2 apply, 0 apply where upstream moved the files, 0 do not"
        );
    }

    #[test]
    fn moved_files_are_followed() {
        let report = report(&[("core/lib.rs", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n")]);
        assert!(report.all_apply());
        assert_eq!(
            report.to_string(),
            "applies, moved  feat-lib-call-the-new-module.patch\n    \
             src/lib.rs -> core/lib.rs\n\
             applies, moved  feat-lib-another-hook.patch\n    \
             src/lib.rs -> core/lib.rs\n\
             moves           src/new/mod.rs -> core/new/mod.rs\n\n\
             2 patches: 0 apply, 2 apply where upstream moved the files, 0 do not"
        );
        let patch = &report.trials[0].patch;
        assert_eq!(patch.diff, with_paths(&patch.diff, &Moves::new()));
        assert!(
            patch
                .diff
                .starts_with("diff --git a/core/lib.rs b/core/lib.rs\n")
        );
    }

    #[test]
    fn a_hunk_that_does_not_apply_is_shown_and_the_rest_is_tried() {
        let report = report(&[("src/lib.rs", "one\n2\nthree\nfour\nfive\nsix\n")]);
        assert!(!report.all_apply());
        assert_eq!(
            report.to_string(),
            "does not apply  feat-lib-call-the-new-module.patch, 1 of 1 hunks\n    \
             src/lib.rs: @@ -1,3 +1,3 @@\n\
             applies         feat-lib-another-hook.patch\n\n\
             2 patches: 1 apply, 0 apply where upstream moved the files, 1 do not\n\
             what does not apply: *.rej"
        );
        assert_eq!(report.trials[0].rest(), Patch::parse(HOOK).unwrap());
    }

    #[test]
    fn a_patch_is_cut_into_what_applies_and_what_does_not() {
        let hunk = OTHER.find("@@ ").unwrap();
        let both = format!("{HOOK}{}", &OTHER[hunk..]);
        let files = [("src/lib.rs", "one\n2\nthree\nfour\nfive\nsix\n")];
        let report = report_of(&[(HOOK_NAME, &both)], &files);
        let trial = &report.trials[0];
        assert_eq!(trial.patch.diff, Patch::parse(OTHER).unwrap().diff);
        assert_eq!(trial.rest(), Patch::parse(HOOK).unwrap());
    }

    #[test]
    fn the_repository_gets_what_applies() {
        let fixture = Fixture::new();
        let name = format!("patches/{OTHER_NAME}");
        fixture.write(&name, OTHER);
        let series = format!("{HOOK_NAME}\n{OTHER_NAME} # why here\n");
        fixture.write("patches/series", &series);
        let files = [("src/core/lib.rs", "one\n2\nthree\nfour\nfive\nsix\n")];
        let mut report = report(&files);
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
        let moved = |text: &str| text.replace("src/lib.rs", "src/core/lib.rs");
        assert_eq!(fixture.read(&name), moved(OTHER));
        let left_out = format!("target/kept/{HOOK_NAME}").replace(".patch", ".rej");
        assert_eq!(fixture.read(&left_out), moved(HOOK));
        assert!(!fixture.path("src/new").exists());
        let base = release(&files);
        let tree = fixture.tree_on(&base);
        tree.materialise(Unexported::Refuse).unwrap();
        assert_eq!(
            fixture.read("target/tree/src/core/lib.rs"),
            "one\n2\nthree\nfour\nFIVE\nsix\n"
        );
        assert_eq!(fixture.read("target/tree/src/core/new/mod.rs"), "new\n");
    }
}
