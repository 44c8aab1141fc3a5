//! `cargo xtask rebase`: tries the patches on another release of upstream.
//!
//! We pick the commits of the tree, one by one, onto a commit of the release. Git merges: it follows files that
//! upstream moved, and finds lines that moved within a file. The overlay moves with its neighbours.
//!
//! If upstream changed the same lines, the commit gets the lines of the release, so we can try the patches after it
//! too. Beside such a patch, we write a diff (`.rej`) that shows both sides between git's conflict markers. The
//! repository can become that of the release without these lines. A developer then makes them again in the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::export::{diff, patch_of};
use crate::git::{Change, Git, ObjectId};
use crate::overlay::{self, BasePaths};
use crate::patch::{Header, Patch};
use crate::pin::{Base, Pin};
use crate::tree::{Tree, Unexported};
use workshop::files;

/// Paths of upstream's files that moved: old to new.
type Moves = BTreeMap<String, String>;

/// All patches on the other release.
#[derive(Debug)]
pub struct Report {
    trials: Vec<Trial>,
    /// Files of the overlay whose directory moved: old and new path in the tree.
    overlay: Moves,
    /// The directory of the patches, as far as they apply, and of the diffs that do not.
    directory: PathBuf,
    /// Whether the repository has become that of the release.
    written: bool,
}

/// The outcome of one patch.
#[derive(Debug)]
struct Trial {
    header: Header,
    /// The patch on the release, as far as it applies; none if nothing of it does.
    patch: Option<Patch>,
    /// The moves that it follows.
    moves: Moves,
    /// Files in which upstream changed the same lines.
    conflicts: Vec<String>,
    /// The diff that does not apply.
    rest: String,
}

/// A commit on top of those of the release.
struct Picked {
    commit: ObjectId,
    conflicts: Vec<String>,
    /// The diff to a merge that has both sides.
    rest: String,
}

/// Tries the patches of `tree` on upstream's release `version`.
///
/// It changes nothing in the repository unless `write` is set. Then pin, patches and overlay become those of the
/// release, without the hunks that do not apply.
///
/// # Errors
/// When git is too old, when upstream cannot be fetched, when `version` is the current one, or when the tree has work that was not exported.
pub fn run(tree: &Tree, current: &Pin, version: &str, write: bool) -> Result<Report> {
    let repository = tree.repository();
    // A trial would also remove the diffs that the last move left out.
    ensure!(
        current.version()? != version,
        "the patches are those for `{version}` already"
    );
    ensure!(
        Git::can_merge()?,
        "git is older than 2.43, and cannot merge patches with a release\n\
         help: install a newer git; no other command needs it"
    );
    tree.require_no_work()?;
    tree.materialise(Unexported::Refuse)?;
    let scratch = repository.rebase().join(version);
    let pin = Pin::of_version(repository, &scratch.join("pin"), version)?;
    let mut report = try_all(tree, &pin)?;
    report.directory = scratch.join("patches");
    report.keep()?;
    if write {
        report.write(tree)?;
        files::copy(pin.manifest(), &repository.pin_manifest())?;
        files::copy(pin.lock(), &repository.pin_lock())?;
    }
    Ok(report)
}

/// Picks the commits of `tree`, in their order, onto the files of `release`.
fn try_all(tree: &Tree, release: &dyn Base) -> Result<Report> {
    let _lock = tree.lock()?;
    let git = tree.git();
    let state = tree.materialised()?;
    let base = git.import(None, &release.message()?, &release.files()?)?;
    let base_paths = tree.base_paths(&base)?;
    let moves = moves(git, &state.base, &base)?;
    let range = format!("{}..{}", state.base, state.head);
    let mut report = Report {
        trials: Vec::new(),
        overlay: Moves::new(),
        directory: PathBuf::new(),
        written: false,
    };
    let mut onto = base;
    for commit in git.text(&["rev-list", "--reverse", &range])?.lines() {
        let picked = pick(tree, commit, &onto)?;
        let before = paths(git.changes(&format!("{commit}^"), commit)?);
        let after = paths(git.changes(&onto, &picked.commit)?);
        onto = picked.commit.clone();
        if commit == state.head {
            report.overlay = overlay_moves(&before, &moves);
        } else {
            let followed = moves.iter().filter(|(from, to)| {
                before.contains(*from) && !after.contains(*from) && after.contains(*to)
            });
            let followed = followed.map(|(from, to)| (from.clone(), to.clone()));
            report
                .trials
                .push(Trial::of(git, picked, followed.collect(), &base_paths)?);
        }
    }
    Ok(report)
}

fn paths(changes: Vec<Change>) -> BTreeSet<String> {
    changes.into_iter().map(|change| change.path).collect()
}

/// Makes the changes of `commit` on top of `onto`.
fn pick(tree: &Tree, commit: &str, onto: &str) -> Result<Picked> {
    let git = tree.git();
    let parent = format!("{commit}^");
    let (both_sides, conflicts) = git.merge(&parent, onto, commit, &[])?;
    let mut merged = both_sides.clone();
    let mut rest = String::new();
    if !conflicts.is_empty() {
        let (ours, undecided) = git.merge(&parent, onto, commit, &["-Xours"])?;
        merged = tree.with_files_of(&ours, onto, &undecided)?;
        rest = diff(git, &merged, &both_sides, &[])?;
    }
    let message = git.text(&["log", "-1", "--format=%B", commit])?;
    let commit = git.text_with_input(
        &["commit-tree", &merged, "-p", onto],
        format!("{message}\n").as_bytes(),
    )?;
    Ok(Picked {
        commit,
        conflicts,
        rest,
    })
}

/// The files that moved from one commit to the other, by git's measure of similarity.
fn moves(git: &Git, from: &str, to: &str) -> Result<Moves> {
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

/// The new paths of overlay files whose neighbours mostly moved. Git itself would move a file that we add to a
/// directory, but not a directory that we add to one.
fn overlay_moves(overlay: &BTreeSet<String>, moves: &Moves) -> Moves {
    let moved = overlay
        .iter()
        .filter_map(|path| Some((path.clone(), neighbours_move(path, moves)?)));
    moved.collect()
}

/// The path that `path` gets if it moves like most files of the nearest directory of which any moved out.
fn neighbours_move(path: &str, moves: &Moves) -> Option<String> {
    path.rmatch_indices('/').find_map(|(at, _)| {
        let directory = &path[..=at];
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for (from, to) in moves {
            let below = from.strip_prefix(directory);
            if let Some(new_directory) = below.and_then(|below| to.strip_suffix(below)) {
                *votes.entry(new_directory).or_default() += 1;
            }
        }
        let (new_directory, _) = votes.into_iter().max_by_key(|(_, count)| *count)?;
        Some(format!("{new_directory}{}", &path[at + 1..]))
    })
}

impl Trial {
    fn of(git: &Git, picked: Picked, moves: Moves, base_paths: &BasePaths) -> Result<Trial> {
        let message = git.text(&["log", "-1", "--format=%B", &picked.commit])?;
        Ok(Trial {
            header: Header::parse(&message)?,
            patch: patch_of(git, &picked.commit, base_paths)?,
            moves,
            conflicts: picked.conflicts,
            rest: picked.rest,
        })
    }

    fn applies(&self) -> bool {
        self.conflicts.is_empty()
    }

    fn verdict(&self) -> &'static str {
        match (self.applies(), self.moves.is_empty()) {
            (false, _) => "does not apply",
            (true, true) => "applies",
            (true, false) => "applies, moved",
        }
    }
}

impl Report {
    fn count(&self, verdict: &str) -> usize {
        let trials = self.trials.iter();
        trials.filter(|trial| trial.verdict() == verdict).count()
    }

    /// Writes the patches as far as they apply, and beside each the diff that does not.
    fn keep(&self) -> Result<()> {
        let describe = || format!("failed to write `{}`", self.directory.display());
        files::make_empty(&self.directory)?;
        for trial in &self.trials {
            let path = self.directory.join(trial.header.file_name());
            if let Some(patch) = &trial.patch {
                fs::write(&path, patch.format()).with_context(describe)?;
            }
            if !trial.applies() {
                let rest = Patch {
                    header: trial.header.clone(),
                    diff: trial.rest.clone(),
                };
                fs::write(path.with_extension("rej"), rest.format()).with_context(describe)?;
            }
        }
        Ok(())
    }

    /// Makes patches and overlay of the repository those of the release.
    fn write(&mut self, tree: &Tree) -> Result<()> {
        let repository = tree.repository();
        let (series, _) = tree.series()?;
        let mut names = Vec::new();
        for trial in &self.trials {
            let name = trial.header.file_name();
            let path = repository.patches().join(&name);
            if trial.patch.is_none() {
                overlay::remove(&path, repository.root())?;
            } else {
                files::copy(&self.directory.join(&name), &path)?;
                names.push(name);
            }
        }
        if !series.names().eq(names.iter()) {
            let path = repository.series();
            files::write(&path, series.format(&names))?;
        }
        for (from, to) in &self.overlay {
            let from = overlay::path_in_repository(repository, from)?;
            let to = overlay::path_in_repository(repository, to)?;
            files::rename(&from, &to)?;
            // The file has moved away; this removes the directories that are now empty.
            overlay::remove(&from, repository.root())?;
        }
        self.written = true;
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for trial in &self.trials {
            writeln!(f, "{:14}  {}", trial.verdict(), trial.header.file_name())?;
            for (from, to) in &trial.moves {
                writeln!(f, "    {from} -> {to}")?;
            }
            for path in &trial.conflicts {
                writeln!(f, "    {path}: upstream changed the same lines")?;
            }
        }
        for (from, to) in &self.overlay {
            writeln!(f, "moves           {from} -> {to}")?;
        }
        let rejected = self.count("does not apply");
        write!(
            f,
            "\n{} patches: {} apply, {} apply where upstream moved the files, {rejected} do not",
            self.trials.len(),
            self.count("applies"),
            self.count("applies, moved"),
        )?;
        if rejected == 0 {
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
mod tests;
