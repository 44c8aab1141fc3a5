//! Work in the tree that the repository does not have: finds it, so that nothing overwrites it.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail, ensure};

use crate::overlay::{self, BasePaths};
use crate::tree::state::State;
use crate::tree::{Tree, Unexported};

/// Files and directories of `.git` that exist while git waits for the user to go on.
pub(super) const OPERATIONS: [(&str, &str); 5] = [
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
];

/// Files that differ from the last commit of the tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uncommitted {
    pub(crate) upstream: Vec<String>,
    pub(crate) overlay: Vec<String>,
}

impl Tree<'_> {
    /// Fails if there is a tree and it has work that the repository does not have.
    pub(crate) fn require_no_work(&self) -> Result<()> {
        let _lock = self.lock()?;
        if !self.git.exists() {
            return Ok(());
        }
        self.require_exported(self.state()?.as_ref())
    }

    /// Fails while a rebase or the like waits in the tree.
    pub(crate) fn require_no_operation(&self) -> Result<()> {
        let operation = OPERATIONS
            .iter()
            .find(|(file, _)| self.git.directory().join(file).exists());
        if let Some((_, operation)) = operation {
            bail!(
                "a {operation} is going on in `{}`\nhelp: finish it there with `git {operation} --continue`, or stop it with `git {operation} --abort`",
                self.shown_tree()
            );
        }
        Ok(())
    }

    /// Files that differ from `HEAD`: changed, added or removed, staged or not. Files that git is told to ignore count
    /// only in the overlay's places.
    pub(crate) fn uncommitted(&self, base_paths: &BasePaths) -> Result<Uncommitted> {
        let mut paths = BTreeSet::new();
        let status = [
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=all",
            "--no-renames",
        ];
        for record in self.git.records(&status)? {
            let path = record
                .get(3..)
                .with_context(|| format!("cannot read `git status` line `{record}`"))?;
            paths.insert(path.to_owned());
        }
        let mut ignored = vec![
            "ls-files",
            "--others",
            "--ignored",
            "--exclude-standard",
            "-z",
            "--",
        ];
        ignored.extend(overlay::PLACES.iter().map(|place| place.in_tree));
        paths.extend(self.git.records(&ignored)?);
        let (overlay, upstream) = paths
            .into_iter()
            .partition(|path| overlay::contains(base_paths, path));
        Ok(Uncommitted { upstream, overlay })
    }

    /// Fails for a directory that xtask did not make, so that nothing overwrites it.
    pub(super) fn require_no_foreign_tree(&self, unexported: Unexported) -> Result<()> {
        let tree = self.repository.tree();
        let is_empty = fs::read_dir(&tree).map_or(true, |mut entries| entries.next().is_none());
        ensure!(
            is_empty || unexported == Unexported::Discard,
            "`{tree}` has files, but no repository that xtask made\n\
             help: `cargo xtask tree --discard` overwrites it; or move it away",
            tree = self.shown_tree()
        );
        Ok(())
    }

    /// Fails if the tree has work that the repository does not have.
    pub(super) fn require_exported(&self, state: Option<&State>) -> Result<()> {
        let head = self.git.commit("HEAD")?;
        let state = match state {
            Some(state) if state.pending.is_some() => return Ok(()),
            None if head.is_none() => return Ok(()),
            Some(state) => state,
            None => bail!(
                "`{tree}` is a git repository that xtask did not make\n\
                 help: `cargo xtask tree --discard` overwrites it; or move it away",
                tree = self.shown_tree()
            ),
        };
        self.require_no_operation()?;
        let mut found = Vec::new();
        if head.as_deref() != Some(&state.head) {
            let commits =
                self.git
                    .text(&["log", "--format=%h %s", "HEAD", "--not", &state.head])?;
            found.push("commits:".to_owned());
            if commits.is_empty() {
                found.push("  `HEAD` was moved back".to_owned());
            }
            found.extend(commits.lines().map(|commit| format!("  {commit}")));
        }
        let uncommitted = self.uncommitted(&self.base_paths(&state.base)?)?;
        for (title, paths) in [
            (
                "uncommitted changes of upstream files:",
                &uncommitted.upstream,
            ),
            (
                "uncommitted changes of overlay files:",
                &uncommitted.overlay,
            ),
        ] {
            if !paths.is_empty() {
                found.push(title.to_owned());
                found.extend(paths.iter().map(|path| format!("  {path}")));
            }
        }
        ensure!(
            found.is_empty(),
            "`{tree}` has work that the repository does not have\n{found}\n\
             help: `cargo xtask export` brings the work to the repository, `cargo xtask tree --discard` gives it up",
            tree = self.shown_tree(),
            found = found.join("\n")
        );
        Ok(())
    }
}
