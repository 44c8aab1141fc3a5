//! `cargo xtask rebase`: tries the patches on another release of upstream.
//!
//! Upstream moves files. What moved where is git's to find: both releases become commits, and `git diff-tree` pairs the
//! files that only one of them has. A patch that does not apply as it is gets the new paths; one that does not apply
//! then is tried hunk by hunk, and goes on with those that do, so that the patches after it can be tried too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::git::{Files, Git, ObjectId};
use crate::overlay;
use crate::patch::Patch;
use crate::paths::Repository;
use crate::pin::{Base, Pin};
use crate::tree::Tree;

/// Paths of upstream's files that moved: old to new.
type Moves = BTreeMap<String, String>;

/// All patches on the other release.
#[derive(Debug)]
pub(crate) struct Report {
    trials: Vec<Trial>,
    /// Files of the overlay whose directory moved: old and new path in the tree.
    overlay: Moves,
    /// Where the patches lie as far as they apply.
    directory: PathBuf,
}

/// How one patch fared.
#[derive(Debug)]
struct Trial {
    name: String,
    /// The patch with the new paths.
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
/// Nothing of the repository is changed, unless all patches apply and `write` is set: then pin, patches and overlay
/// become those of the release.
///
/// # Errors
/// When upstream cannot be fetched, or when `write` is set and a patch does not apply.
pub(crate) fn run(tree: &Tree, current: &Pin, version: &str, write: bool) -> Result<Report> {
    let repository = tree.repository();
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
        ensure!(
            report.all_apply(),
            "{report}\nnot all patches apply, so nothing was written\n\
             help: mend `patches/`, then run the command again"
        );
        report.write(repository, &pin)?;
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
        let hunks = self::hunks(&trial.patch.diff);
        trial.rejected = hunks
            .into_iter()
            .filter(|hunk| !applies(git, &hunk.diff()))
            .collect();
        Ok(trial)
    }

    fn applies(&self) -> bool {
        self.rejected.is_empty()
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
    /// A diff of this hunk alone.
    fn diff(&self) -> String {
        format!("{}{}", self.file_header, self.text)
    }

    /// The line that says where it belongs.
    fn place(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }
}

impl Report {
    pub(crate) fn all_apply(&self) -> bool {
        self.trials.iter().all(Trial::applies)
    }

    /// Keeps the patches with their new paths, and beside each the hunks that do not apply.
    fn keep(&self) -> Result<()> {
        let describe = || format!("failed to write `{}`", self.directory.display());
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory).with_context(describe)?;
        }
        fs::create_dir_all(&self.directory).with_context(describe)?;
        for trial in &self.trials {
            let path = self.directory.join(&trial.name);
            fs::write(&path, trial.patch.format()).with_context(describe)?;
            if !trial.applies() {
                let rejected: String = trial.rejected.iter().map(Hunk::diff).collect();
                fs::write(path.with_extension("rej"), rejected).with_context(describe)?;
            }
        }
        Ok(())
    }

    /// Makes pin, patches and overlay of the repository those of the release.
    fn write(&self, repository: &Repository, pin: &Pin) -> Result<()> {
        let place = |path| overlay::path_in_repository(repository, path);
        let overlay = self.overlay.iter();
        let overlay = overlay
            .map(|(from, to)| Ok((place(from)?, place(to)?)))
            .collect::<Result<Vec<_>>>()?;
        for (from, to) in [
            (pin.manifest(), repository.pin_manifest()),
            (pin.lock(), repository.pin_lock()),
        ] {
            copy(from, &to)?;
        }
        for trial in &self.trials {
            let path = repository.patches().join(&trial.name);
            copy(&self.directory.join(&trial.name), &path)?;
        }
        for (from, to) in overlay {
            fs::create_dir_all(to.parent().unwrap_or(repository.root()))
                .and_then(|()| fs::rename(&from, &to))
                .with_context(|| {
                    format!("failed to move `{}` to `{}`", from.display(), to.display())
                })?;
        }
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
        )
    }
}

#[cfg(test)]
mod tests {
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

    /// What is reported of [`HOOK`] and [`OTHER`] on a release with these files.
    fn report(files: &[(&str, &str)]) -> Report {
        let fixture = Fixture::new();
        let git = Git::at(&fixture.path("rebase"));
        git.init().unwrap();
        let old = release(&[("src/lib.rs", "one\ntwo\nthree\nfour\nfive\nsix\n")]);
        let patches = [(HOOK_NAME, HOOK), ("feat-lib-another-hook.patch", OTHER)]
            .map(|(name, text)| (name.to_owned(), Patch::parse(text).unwrap()));
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
             2 patches: 1 apply, 0 apply where upstream moved the files, 1 do not"
        );
        assert_eq!(
            report.trials[0].rejected[0].diff(),
            Patch::parse(HOOK).unwrap().diff
        );
    }
}
