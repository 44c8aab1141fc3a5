//! The commits of the tree: upstream, a commit for each patch, and the overlay.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::git::{Change, Files, Git, ObjectId};
use crate::overlay::{self, BasePaths};
use crate::patch::{Patch, Series};
use crate::pin::hex;
use crate::tree::Tree;
use crate::tree::state::State;
use workshop::files::entries;

/// Part of the stamp. Raise it if this program lays the tree down in another way.
const LAYOUT: u32 = 1;

const OVERLAY_MESSAGE: &str = "overlay: files that upstream does not have\n\n\
    Copies of the repository's `src/` and `tests/`. `cargo xtask export` takes\nthem back, committed or not.\n";

/// The tree that follows from the repository.
pub(super) struct Wanted {
    pub(super) stamp: String,
    pub(super) patches: String,
    pub(super) base_key: String,
    pub(super) overlay: Files,
}

impl Tree<'_> {
    /// Hash of everything in `patches/`.
    pub(crate) fn patches_hash(&self) -> Result<String> {
        let mut hash = Hash::default();
        for (name, content) in self.patch_directory()? {
            hash.add(name.as_bytes());
            hash.add(&content);
        }
        Ok(hash.finish())
    }

    pub(super) fn wanted(&self) -> Result<Wanted> {
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

    /// The patch files by name, and the series. Both have the same patches, or it is an error.
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

    /// Content of every file in `patches/`; a repository without patches needs no such directory.
    fn patch_directory(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for entry in entries(&self.repository.patches())? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let content = fs::read(entry.path())
                .with_context(|| format!("failed to read `{}`", entry.path().display()))?;
            files.insert(name, content);
        }
        Ok(files)
    }

    pub(super) fn base_commit(&self, state: Option<&State>, wanted: &Wanted) -> Result<ObjectId> {
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

    /// Commits the patches on top of `base`, and returns the last commit.
    pub(super) fn apply_series(&self, base: &str, base_paths: &BasePaths) -> Result<ObjectId> {
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

    pub(super) fn overlay_commit(&self, hooks: &str, overlay: &Files) -> Result<ObjectId> {
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

    /// The tree `merged`, in which each of `paths` is as in `commit`.
    pub(crate) fn with_files_of(
        &self,
        merged: &str,
        commit: &str,
        paths: &[String],
    ) -> Result<ObjectId> {
        let index = self.scratch_index()?;
        let git = self.git.with_index(&index);
        git.run(&["read-tree", merged])?;
        for path in paths {
            match &*git.files(commit, &[path])? {
                [entry] => {
                    let entry = format!("{},{},{path}", entry.mode.as_str(), entry.id);
                    git.run(&["update-index", "--add", "--cacheinfo", &entry])?;
                }
                _ => git.run(&["update-index", "--force-remove", "--", path])?,
            }
        }
        git.text(&["write-tree"])
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

/// A hash of parts, which differs if the same bytes are cut elsewhere.
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
