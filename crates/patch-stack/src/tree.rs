//! Makes the tree: upstream, the patches and the overlay, each a commit of the git repository in `target/tree`.
//!
//! | commit | content | made from |
//! |---|---|---|
//! | first | upstream as published | [`Base`] |
//! | one a patch | the hooks | `patches/`, in the order of `patches/series` |
//! | last | the overlay | `src/` and `tests/` |
//!
//! All commits are made inside the object database, on an index of their own; the work tree is not touched before the
//! last one exists. So a patch that does not apply leaves everything as it was. Then only the files whose content
//! differs are written, since a new modification time of one of upstream's files costs minutes of compiling.
//! Authors and dates are fixed: the same input gives the same commits.
//!
//! A *stamp*, a hash of everything the tree is made from, lies in its `.git` directory. As long as it is right there is
//! nothing to do, whatever has been changed in the tree. When it is not, work that only the tree has is never
//! overwritten: [`export`](crate::export) brings it back first, or the user gives it up with `--discard`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::git::{Change, Files, Git, ObjectId};
use crate::overlay::{self, BasePaths};
use crate::patch::{Patch, Series};
use crate::pin::{Base, Pin, hex};
use workshop::paths::Repository;

/// Part of the stamp: goes up when this program lays the tree down in another way.
const LAYOUT: u32 = 1;

const OVERLAY_MESSAGE: &str = "overlay: files that upstream does not have\n\n\
    Copies of the repository's `src/` and `tests/`. `cargo xtask export` takes\nthem back, committed or not.\n";

/// The commits that a tree is made of, kept from git's garbage collection.
const BASE_REF: &str = "refs/xtask/base";
const HEAD_REF: &str = "refs/xtask/head";

/// Files and directories of `.git` that exist while git waits for the user to go on.
const OPERATIONS: [(&str, &str); 5] = [
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
];

/// What becomes of work in the tree that the repository does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unexported {
    /// It is an error, and the tree stays as it is.
    Refuse,
    /// It is removed from the work tree.
    Discard,
    /// There is none: the caller has just brought it to the repository.
    Exported,
}

/// What a call of [`Tree::materialise`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It had nothing to do.
    UpToDate,
    /// Number of files written or removed.
    Updated(usize),
}

/// What the tree was last made from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    stamp: String,
    /// The part of the stamp that belongs to `patches/`.
    pub(crate) patches: String,
    base_key: String,
    pub(crate) base: ObjectId,
    /// The overlay's commit; everything beyond it is work in the tree.
    pub(crate) head: ObjectId,
    /// Set while files are written. If that was interrupted, what looks like work in the tree is none.
    pending: Option<ObjectId>,
}

/// Files that differ from the last commit of the tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uncommitted {
    pub(crate) upstream: Vec<String>,
    pub(crate) overlay: Vec<String>,
}

/// What the repository wants the tree to be.
struct Wanted {
    stamp: String,
    patches: String,
    base_key: String,
    overlay: Files,
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

    /// What the tree was made from; an error if it has not been made.
    pub(crate) fn materialised(&self) -> Result<State> {
        self.state()?
            .filter(|state| state.pending.is_none())
            .with_context(|| {
                let tree = self.repository.tree();
                let tree = self.repository.display(&tree);
                format!("`{tree}` has not been made\nhelp: run `cargo xtask tree`")
            })
    }

    /// The commit of upstream's files; it stands for their content.
    pub fn base_commit_id(&self) -> Result<String> {
        Ok(self.materialised()?.base)
    }

    /// Held while the tree or its way back to the repository is written.
    pub(crate) fn lock(&self) -> Result<fs::File> {
        let path = self.repository.scratch().join("tree.lock");
        let describe = || format!("failed to lock `{}`", path.display());
        fs::create_dir_all(self.repository.scratch()).with_context(describe)?;
        let file = fs::File::create(&path).with_context(describe)?;
        file.lock().with_context(describe)?;
        Ok(file)
    }

    /// Fails if the tree, where there is one, has work that the repository does not have.
    pub(crate) fn require_no_work(&self) -> Result<()> {
        let _lock = self.lock()?;
        if !self.git.exists() {
            return Ok(());
        }
        self.require_exported(self.state()?.as_ref())
    }

    /// Hash of everything in `patches/`.
    pub(crate) fn patches_hash(&self) -> Result<String> {
        let mut hash = Hash::default();
        for (name, content) in self.patch_directory()? {
            hash.add(name.as_bytes());
            hash.add(&content);
        }
        Ok(hash.finish())
    }

    pub(crate) fn base_paths(&self, base: &str) -> Result<BasePaths> {
        let files = self.git.files(base, &[])?;
        Ok(files.into_iter().map(|entry| entry.path).collect())
    }

    /// Writes upstream's files, unpatched, below `directory`; gives the commit that has them. The tree must have been made.
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

    /// The patch files by name, and the series; each checked to have what the other has.
    pub(crate) fn series(&self) -> Result<(Series, BTreeMap<String, String>)> {
        let mut files = BTreeMap::new();
        let mut series = Series::default();
        for (name, content) in self.patch_directory()? {
            let path = self.repository.patches().join(&name);
            let path = self.repository.display(&path);
            let text =
                String::from_utf8(content).with_context(|| format!("`{path}` is not UTF-8"))?;
            if name == "series" {
                series = Series::parse(&text).with_context(|| format!("in `{path}`"))?;
            } else {
                ensure!(
                    name.ends_with(".patch"),
                    "`{path}` is neither the series nor a patch file"
                );
                files.insert(name, text);
            }
        }
        let path = self.repository.series();
        series
            .check(&files.keys().cloned().collect())
            .with_context(|| format!("in `{}`", self.repository.display(&path)))?;
        Ok((series, files))
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

    /// Files that differ from `HEAD`: changed, added or removed, staged or not. What git is told to ignore counts only
    /// in the overlay's places.
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

    /// Its path, as it is shown to people.
    pub fn shown_tree(&self) -> String {
        let tree = self.repository.tree();
        self.repository.display(&tree).to_string()
    }

    fn wanted(&self) -> Result<Wanted> {
        let patches = self.patches_hash()?;
        let base_key = format!("{LAYOUT} {}", self.base.key()?);
        let overlay = overlay::of_repository(self.repository)?;
        let mut hash = Hash::default();
        hash.add(base_key.as_bytes());
        hash.add(patches.as_bytes());
        for (path, file) in &overlay {
            hash.add(path.as_bytes());
            hash.add(file.mode.as_str().as_bytes());
            hash.add(&file.content);
        }
        Ok(Wanted {
            stamp: hash.finish(),
            patches,
            base_key,
            overlay,
        })
    }

    /// Content of every file in `patches/`; a repository without patches needs no such directory.
    fn patch_directory(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let directory = self.repository.patches();
        let describe = || format!("failed to read `{}`", directory.display());
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            entries => entries.with_context(describe)?,
        };
        let mut files = BTreeMap::new();
        for entry in entries {
            let entry = entry.with_context(describe)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let content = fs::read(entry.path())
                .with_context(|| format!("failed to read `{}`", entry.path().display()))?;
            files.insert(name, content);
        }
        Ok(files)
    }

    /// A directory that xtask did not make is nobody's to overwrite.
    fn require_no_foreign_tree(&self, unexported: Unexported) -> Result<()> {
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
    fn require_exported(&self, state: Option<&State>) -> Result<()> {
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

    fn base_commit(&self, state: Option<&State>, wanted: &Wanted) -> Result<ObjectId> {
        if let Some(state) = state
            && state.base_key == wanted.base_key
            && self.git.commit(&state.base)?.as_deref() == Some(&state.base)
        {
            return Ok(state.base.clone());
        }
        self.git
            .import(None, &self.base.message()?, &self.base.files()?)
            .context("failed to commit upstream")
    }

    /// Commits the patches on top of `base`; gives the last commit.
    fn apply_series(&self, base: &str, base_paths: &BasePaths) -> Result<ObjectId> {
        let (series, mut files) = self.series()?;
        let index = self.scratch_index()?;
        let git = self.git.with_index(&index);
        let mut commit = base.to_owned();
        git.run(&["read-tree", base])?;
        for name in series.names() {
            let text = files.remove(name).unwrap_or_default();
            let path = self.repository.patches().join(name);
            let shown = self.repository.display(&path);
            let patch = Patch::parse(&text).with_context(|| format!("in `{shown}`"))?;
            commit = apply(&git, &shown.to_string(), &patch, &commit, base_paths)?;
        }
        fs::remove_file(&index)
            .with_context(|| format!("failed to remove `{}`", index.display()))?;
        Ok(commit)
    }

    fn overlay_commit(&self, hooks: &str, overlay: &Files) -> Result<ObjectId> {
        let upstream = self.base_paths(hooks)?;
        if let Some(path) = overlay.keys().find(|path| upstream.contains(*path)) {
            let file = overlay::path_in_repository(self.repository, path)?;
            bail!(
                "`{}` would hide upstream's `{path}`\nhelp: change upstream's files by a patch; the overlay has new files only",
                self.repository.display(&file)
            );
        }
        self.git
            .import(Some(hooks), OVERLAY_MESSAGE, overlay)
            .context("failed to commit the overlay")
    }

    /// Makes the work tree equal to `next`; gives the number of files written or removed.
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
        // Keeps the file times it knows for entries that stay the same, so that few files are read again.
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

    fn scratch_index(&self) -> Result<PathBuf> {
        let directory = self.git.directory().join("xtask");
        fs::create_dir_all(&directory)
            .with_context(|| format!("failed to create `{}`", directory.display()))?;
        Ok(directory.join("index"))
    }

    fn state_path(&self) -> PathBuf {
        self.git.directory().join("xtask/state.json")
    }

    fn state(&self) -> Result<Option<State>> {
        let path = self.state_path();
        let describe = || format!("failed to read `{}`", path.display());
        match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            text => {
                let state = serde_json::from_slice(&text.with_context(describe)?);
                state.map(Some).with_context(|| {
                    format!(
                        "{}\nhelp: `cargo xtask tree --discard` after removing that file",
                        describe()
                    )
                })
            }
        }
    }

    fn save(&self, state: &State) -> Result<()> {
        let path = self.state_path();
        let temporary = path.with_extension("tmp");
        let describe = || format!("failed to write `{}`", path.display());
        fs::create_dir_all(self.git.directory().join("xtask")).with_context(describe)?;
        let text = serde_json::to_vec_pretty(state).with_context(describe)?;
        fs::write(&temporary, text).with_context(describe)?;
        fs::rename(&temporary, &path).with_context(describe)
    }
}

/// Commits the patch of the file `name` on top of `parent`, whose files are in the index of `git`.
fn apply(
    git: &Git,
    name: &str,
    patch: &Patch,
    parent: &str,
    base_paths: &BasePaths,
) -> Result<ObjectId> {
    git.run_with_input(&["apply", "--cached", "-"], patch.diff.as_bytes())
        .map_err(|error| {
            let mut message = format!("patch `{name}` does not apply");
            if let Some(file) = rejected_file(&format!("{error:#}")) {
                message.push_str(&format!(" to `{file}`"));
            }
            error.context(format!("{message}; the tree stays as it was"))
        })?;
    let tree = git.text(&["write-tree"])?;
    let commit = git.text_with_input(
        &["commit-tree", &tree, "-p", parent],
        patch.header.commit_message().as_bytes(),
    )?;
    let belongs_to_overlay = |change: &Change| overlay::contains(base_paths, &change.path);
    if let Some(change) = git
        .changes(parent, &commit)?
        .into_iter()
        .find(belongs_to_overlay)
    {
        bail!(
            "patch `{name}` adds the file `{}`\nhelp: new files at such a place belong to the overlay, not into a patch",
            change.path
        );
    }
    Ok(commit)
}

/// The file of the first hunk that `git apply` could not place.
fn rejected_file(message: &str) -> Option<&str> {
    message.lines().find_map(|line| {
        let (_, error) = line.split_once("error: ")?;
        match error.strip_prefix("patch failed: ") {
            Some(place) => place.rsplit_once(':').map(|(file, _)| file),
            None => error.rsplit_once(": ").map(|(file, _)| file),
        }
    })
}

/// A hash of parts, in which the same bytes cut elsewhere count as something else.
#[derive(Default)]
struct Hash(Sha256);

impl Hash {
    fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
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
}
