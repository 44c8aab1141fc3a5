//! Makes the tree: upstream, the patches and the overlay, each a commit of the git repository in `target/tree`.
//!
//! | commit | content | made from |
//! |---|---|---|
//! | first | upstream as published | [`Base`] |
//! | one a patch | the hooks | `patches/`, in the order of `patches/series` |
//! | last | the overlay | `src/` and `tests/` |
//!
//! We make all commits inside the object database, on an index of their own, and do not touch the work tree before the
//! last one exists. So a patch that does not apply leaves everything as it was. Then we write only the files whose
//! content differs, since a new modification time of one of upstream's files costs minutes of compiling. Authors and
//! dates are fixed, so the same input gives the same commits.
//!
//! A *stamp*, a hash of everything the tree is made from, lies in its `.git` directory. As long as it is right, there
//! is nothing to do, whatever people have changed in the tree. If it is not, we never overwrite work that only the tree
//! has: [`export`](crate::export) brings it back first, or the user gives it up with `--discard`.

mod commits;
mod state;
mod work;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::git::{Git, ObjectId};
use crate::overlay::{self, BasePaths};
use crate::pin::{Base, Pin};
pub(crate) use crate::tree::state::State;
use crate::tree::work::OPERATIONS;
use workshop::paths::Repository;

/// The commits that a tree is made of, kept from git's garbage collection.
const BASE_REF: &str = "refs/xtask/base";
const HEAD_REF: &str = "refs/xtask/head";

/// What to do with work in the tree that the repository does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unexported {
    /// It is an error, and the tree stays as it is.
    Refuse,
    /// It is removed from the work tree.
    Discard,
    /// There is none: the caller has just brought it to the repository.
    Exported,
}

/// The outcome of [`Tree::materialise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It had nothing to do.
    UpToDate,
    /// Number of files written or removed.
    Updated(usize),
}

/// The tree and the repository it belongs to.
pub struct Tree<'a> {
    repository: &'a Repository,
    base: &'a dyn Base,
    git: Git,
}

impl<'a> Tree<'a> {
    /// The tree of `repository` on the upstream that it pins.
    pub fn new(repository: &'a Repository, pin: &'a Pin) -> Tree<'a> {
        Tree::on(repository, pin)
    }

    pub(crate) fn on(repository: &'a Repository, base: &'a dyn Base) -> Tree<'a> {
        Tree {
            repository,
            base,
            git: Git::at(&repository.tree()),
        }
    }

    /// Brings the tree up to date with the repository.
    pub fn materialise(&self, unexported: Unexported) -> Result<Outcome> {
        let _lock = self.lock()?;
        self.materialise_locked(unexported)
    }

    /// Like [`Tree::materialise`], by a caller that holds the lock.
    pub(crate) fn materialise_locked(&self, unexported: Unexported) -> Result<Outcome> {
        let wanted = self.wanted()?;
        let state = self.state()?;
        if let Some(state) = &state
            && state.pending.is_none()
            && state.stamp == wanted.stamp
            && unexported == Unexported::Refuse
        {
            return Ok(Outcome::UpToDate);
        }
        if !self.git.exists() {
            self.require_no_foreign_tree(unexported)?;
            self.git.init()?;
        }
        if unexported == Unexported::Refuse {
            self.require_exported(state.as_ref())?;
        }
        let base = self.base_commit(state.as_ref(), &wanted)?;
        let base_paths = self.base_paths(&base)?;
        let hooks = self.apply_series(&base, &base_paths)?;
        let head = self.overlay_commit(&hooks, &wanted.overlay)?;

        let mut next = State {
            stamp: String::new(),
            patches: wanted.patches,
            base_key: wanted.base_key,
            base,
            head,
            pending: None,
        };
        self.save(&State {
            pending: Some(next.head.clone()),
            ..state.clone().unwrap_or_default()
        })?;
        self.git.run(&["update-ref", BASE_REF, &next.base])?;
        self.git.run(&["update-ref", HEAD_REF, &next.head])?;
        let count = self.check_out(state.as_ref(), &next, &base_paths, unexported)?;
        next.stamp = wanted.stamp;
        self.save(&next)?;
        Ok(Outcome::Updated(count))
    }

    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// The repository it belongs to.
    pub fn repository(&self) -> &Repository {
        self.repository
    }

    /// The commit of upstream's files, which identifies their content.
    pub fn base_commit_id(&self) -> Result<String> {
        Ok(self.materialised()?.base)
    }

    pub(crate) fn base_paths(&self, base: &str) -> Result<BasePaths> {
        let files = self.git.files(base, &[])?;
        Ok(files.into_iter().map(|entry| entry.path).collect())
    }

    /// Writes upstream's files, unpatched, below `directory`, and returns the commit that has them. The tree must have
    /// been made.
    pub(crate) fn write_base(&self, directory: &Path) -> Result<ObjectId> {
        let _lock = self.lock()?;
        let base = self.materialised()?.base;
        let index = self.scratch_index()?;
        let prefix = format!("--prefix={}/", directory.display());
        let git = self.git.with_index(&index);
        git.run(&["read-tree", &base])?;
        git.run(&["checkout-index", "--all", "--force", &prefix])?;
        fs::remove_file(&index)
            .with_context(|| format!("failed to remove `{}`", index.display()))?;
        Ok(base)
    }

    /// Its path for people.
    pub fn shown_tree(&self) -> String {
        let tree = self.repository.tree();
        self.repository.display(&tree).to_string()
    }

    fn scratch_index(&self) -> Result<PathBuf> {
        let directory = self.git.directory().join("xtask");
        fs::create_dir_all(&directory)
            .with_context(|| format!("failed to create `{}`", directory.display()))?;
        Ok(directory.join("index"))
    }

    /// Makes the work tree equal to `next`, and returns the number of files written or removed.
    fn check_out(
        &self,
        state: Option<&State>,
        next: &State,
        base_paths: &BasePaths,
        unexported: Unexported,
    ) -> Result<usize> {
        let kept: BTreeSet<String> = self.base_paths(&next.head)?;
        let mut stale = BTreeSet::new();
        let known = [
            self.git.commit("HEAD")?,
            state.map(|state| state.head.clone()),
            state.and_then(|state| state.pending.clone()),
        ];
        for commit in known.into_iter().flatten() {
            if self.git.commit(&commit)?.is_some() {
                stale.extend(self.base_paths(&commit)?);
            }
        }
        let was_interrupted = state.is_some_and(|state| state.pending.is_some());
        if was_interrupted || unexported == Unexported::Discard {
            // A killed git leaves its lock behind.
            let _ = fs::remove_file(self.git.directory().join("index.lock"));
        }
        if unexported == Unexported::Discard {
            for (name, _) in OPERATIONS {
                let path = self.git.directory().join(name);
                let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
            }
            let uncommitted = self.uncommitted(base_paths)?;
            stale.extend(uncommitted.upstream);
            stale.extend(uncommitted.overlay);
        }

        let mut count = 0;
        let root = self.git.work_tree();
        for path in stale.difference(&kept) {
            let path = root.join(path);
            if path.symlink_metadata().is_ok() {
                overlay::remove(&path, root)?;
                count += 1;
            }
        }
        // Git keeps the file times of entries that stay the same, so it reads few files again.
        self.git.run(&["read-tree", "--reset", &next.head])?;
        self.git.test(&["update-index", "-q", "--refresh"])?;
        let differing = self.git.records(&["diff-files", "-z", "--name-only"])?;
        count += differing.len();
        if !differing.is_empty() {
            let mut input = differing.join("\0");
            input.push('\0');
            self.git.run_with_input(
                &["checkout-index", "--force", "--index", "-z", "--stdin"],
                input.as_bytes(),
            )?;
        }
        self.git
            .run(&["symbolic-ref", "HEAD", crate::git::BRANCH])?;
        self.git.run(&[
            "update-ref",
            "-m",
            "cargo xtask tree",
            crate::git::BRANCH,
            &next.head,
        ])?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
