//! Brings work done in the tree back to the repository.
//!
//! We cut every commit since upstream's in two by the paths it touches. Overlay files need no history: we copy them
//! back as the work tree has them, committed or not. The rest of a commit becomes a patch with its message. So it does
//! not matter whether hooks and overlay were committed apart, nor where the overlay's own commit stands after a
//! rebase.
//!
//! Other people change the repository meanwhile. The commits from which the tree was made show which side changed a
//! file: we take an overlay file from that side, and refuse changes of both sides, in the overlay or in patches.
//!
//! Diffs have one normal form (one line of context, no object names, no settings of the user), so making the tree and
//! exporting it again gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::git::{File, Files, Git, Mode};
use crate::overlay::{self, BasePaths};
use crate::patch::{Header, Patch};
use crate::tree::{State, Tree, Unexported};

/// Gives the diff its normal form, whatever the user has configured.
const DIFF_OPTIONS: [&str; 10] = [
    "-p",
    "-U1",
    "--binary",
    "--diff-algorithm=myers",
    "--no-color",
    "--no-ext-diff",
    "--no-renames",
    "--no-textconv",
    "--src-prefix=a/",
    "--dst-prefix=b/",
];

/// Changes of the repository that an export makes, in order of their paths.
#[derive(Debug, Default)]
pub struct Changes {
    write: BTreeMap<PathBuf, File>,
    remove: BTreeSet<PathBuf>,
}

impl Changes {
    /// The files that are written or removed.
    pub fn paths(&self) -> BTreeSet<&PathBuf> {
        self.write.keys().chain(&self.remove).collect()
    }

    fn make(&self, root: &Path) -> Result<()> {
        for (path, file) in &self.write {
            overlay::write(path, file)?;
        }
        for path in &self.remove {
            overlay::remove(path, root)?;
        }
        Ok(())
    }
}

/// Brings the tree's work to the repository and makes the tree anew from it.
pub fn export(tree: &Tree) -> Result<Changes> {
    let _lock = tree.lock()?;
    let state = tree.materialised()?;
    tree.require_no_operation()?;
    let base_paths = tree.base_paths(&state.base)?;
    let uncommitted = tree.uncommitted(&base_paths)?;
    ensure!(
        uncommitted.upstream.is_empty(),
        "upstream files in `{tree}` have changes that are not committed\n  {files}\n\
         help: every change of upstream's files belongs to a patch. For a patch that exists: `git commit --fixup=<its commit>`, then \
         `git rebase -i --autosquash {base}`; for a new one: `git commit`, the message saying why",
        tree = tree.shown_tree(),
        files = uncommitted.upstream.join("\n  "),
        base = short(&state.base),
    );

    let mut changes = patch_changes(tree, &state, &base_paths)?;
    overlay_changes(tree, &state, &base_paths, &mut changes)?;
    changes.make(tree.repository().root())?;
    tree.materialise_locked(Unexported::Exported)
        .context("the work was exported, but the tree could not be made from it again")?;
    Ok(changes)
}

/// The changes that an export would make if nobody had worked in the tree since it was made. There are none, unless a
/// patch file is not in its normal form.
pub fn round_trip(tree: &Tree) -> Result<Changes> {
    let _lock = tree.lock()?;
    let state = tree.materialised()?;
    let base_paths = tree.base_paths(&state.base)?;
    let patches = series_of(tree.git(), &state.base, &state.head, &base_paths)?;
    let mut changes = Changes::default();
    compare_patches(tree, &patches, &mut changes)?;
    let of_repository = overlay::of_repository(tree.repository())?;
    let of_tree = committed_overlay(tree.git(), &state.head, &base_paths)?;
    let mut differing: BTreeSet<&String> = of_repository.keys().collect();
    differing.extend(of_tree.keys());
    for path in differing {
        let (found, wanted) = (of_repository.get(path), of_tree.get(path));
        if found != wanted {
            set(tree, path, wanted, &mut changes)?;
        }
    }
    Ok(changes)
}

/// The changes to `patches/`.
fn patch_changes(tree: &Tree, state: &State, base_paths: &BasePaths) -> Result<Changes> {
    let git = tree.git();
    let patches = series_of(git, &state.base, "HEAD", base_paths)?;
    let mut changes = Changes::default();
    if tree.patches_hash()? != state.patches {
        let made_from = series_of(git, &state.base, &state.head, base_paths)?;
        ensure!(
            patches == made_from,
            "patches were changed on both sides: in the repository since the tree was made, and in `{tree}`\n\
             help: put the repository's `patches/` back for a moment (`git stash -- patches`), export, then join the two there",
            tree = tree.shown_tree()
        );
        return Ok(changes);
    }
    compare_patches(tree, &patches, &mut changes)?;
    Ok(changes)
}

/// The changes to the overlay.
fn overlay_changes(
    tree: &Tree,
    state: &State,
    base_paths: &BasePaths,
    changes: &mut Changes,
) -> Result<()> {
    let made_from = committed_overlay(tree.git(), &state.head, base_paths)?;
    let of_tree = overlay::of_work_tree(tree.git().work_tree(), base_paths)?;
    let of_repository = overlay::of_repository(tree.repository())?;
    let mut paths: BTreeSet<&String> = made_from.keys().collect();
    paths.extend(of_tree.keys());
    let mut conflicts = Vec::new();
    for path in paths {
        let (before, ours, theirs) = (
            made_from.get(path),
            of_tree.get(path),
            of_repository.get(path),
        );
        if ours == before || ours == theirs {
            continue;
        }
        if theirs == before {
            set(tree, path, ours, changes)?;
        } else {
            conflicts.push(path.as_str());
        }
    }
    ensure!(
        conflicts.is_empty(),
        "files were changed on both sides: in the repository since the tree was made, and in `{tree}`\n  {files}\n\
         help: make each of them the same on both sides, then export again",
        tree = tree.shown_tree(),
        files = conflicts.join("\n  "),
    );
    Ok(())
}

/// The patches that the commits from `base` to `head` stand for.
fn series_of(git: &Git, base: &str, head: &str, base_paths: &BasePaths) -> Result<Vec<Patch>> {
    ensure!(
        git.test(&["merge-base", "--is-ancestor", base, head])?,
        "`{head}` does not descend from upstream's commit `{}`\nhelp: rebase the work onto that commit",
        short(base)
    );
    let range = format!("{base}..{head}");
    let merges = git.text(&["log", "--merges", "--format=%h %s", &range])?;
    ensure!(
        merges.is_empty(),
        "a series of patches cannot have merges\n{merges}\nhelp: `git rebase {}` makes the history linear",
        short(base)
    );
    let mut patches = Vec::new();
    for commit in git.text(&["rev-list", "--reverse", &range])?.lines() {
        let title = || {
            let title = git.text(&["log", "-1", "--format=%h %s", commit]);
            format!("commit `{}`", title.unwrap_or_else(|_| commit.to_owned()))
        };
        patches.extend(patch_of(git, commit, base_paths).with_context(title)?);
    }
    let mut names = BTreeSet::new();
    for patch in &patches {
        let name = patch.header.file_name();
        ensure!(
            names.insert(name.clone()),
            "two commits would become the patch file `{name}`\nhelp: give them different subjects, or squash them"
        );
    }
    Ok(patches)
}

/// The patch that `commit` stands for, if it touches more than the overlay.
pub(crate) fn patch_of(git: &Git, commit: &str, base_paths: &BasePaths) -> Result<Option<Patch>> {
    let parent = format!("{commit}^");
    let changes = git.changes(&parent, commit)?;
    let hooks: Vec<&str> = changes
        .iter()
        .map(|change| change.path.as_str())
        .filter(|path| !overlay::contains(base_paths, path))
        .collect();
    if hooks.is_empty() {
        return Ok(None);
    }
    let diff = diff(git, &parent, commit, &hooks)?;
    ensure!(
        !diff.contains("\nGIT binary patch\n"),
        "it changes a binary file, which a patch cannot carry\nhelp: add such a file to the overlay"
    );
    let message = git.text(&["log", "-1", "--format=%B", commit])?;
    let date = git.text(&["log", "-1", "--format=%cs", commit])?;
    let header = Header::of_commit(&message, &date).context(
        "its message cannot be the header of a patch\nhelp: reword it (`git rebase --interactive`)",
    )?;
    Ok(Some(Patch {
        header,
        diff: Patch::normalise_diff(&diff),
    }))
}

/// The diff of `paths`, or of all files, in its normal form.
pub(crate) fn diff(git: &Git, from: &str, to: &str, paths: &[&str]) -> Result<String> {
    let mut args = vec!["diff-tree"];
    args.extend(DIFF_OPTIONS);
    args.extend([from, to, "--"]);
    args.extend(paths);
    String::from_utf8(git.bytes(&args, b"")?)
        .context("a patch has to be UTF-8, but the change is not")
}

/// Notes the changes after which `patches/` has exactly `patches`.
fn compare_patches(tree: &Tree, patches: &[Patch], changes: &mut Changes) -> Result<()> {
    let (series, files) = tree.series()?;
    let directory = tree.repository().patches();
    let mut names = Vec::new();
    for patch in patches {
        let name = patch.header.file_name();
        let text = patch.format();
        if files.get(&name) != Some(&text) {
            changes
                .write
                .insert(directory.join(&name), plain_file(text));
        }
        names.push(name);
    }
    for name in files.keys().filter(|name| !names.contains(name)) {
        changes.remove.insert(directory.join(name));
    }
    if !series.names().eq(names.iter()) {
        let text = series.format(&names);
        changes
            .write
            .insert(tree.repository().series(), plain_file(text));
    }
    Ok(())
}

/// Notes that the repository's copy of the overlay file `path` becomes `file`, or goes.
fn set(tree: &Tree, path: &str, file: Option<&File>, changes: &mut Changes) -> Result<()> {
    let target = overlay::path_in_repository(tree.repository(), path)?;
    match file {
        Some(file) => drop(changes.write.insert(target, file.clone())),
        None => drop(changes.remove.insert(target)),
    }
    Ok(())
}

/// The overlay as `commit` has it.
fn committed_overlay(git: &Git, commit: &str, base_paths: &BasePaths) -> Result<Files> {
    let places = overlay::PLACES.map(|place| place.in_tree);
    let mut files = Files::new();
    for entry in git.files(commit, &places)? {
        if !overlay::contains(base_paths, &entry.path) {
            continue;
        }
        let content = git.bytes(&["cat-file", "blob", &entry.id], b"")?;
        let mode = entry.mode;
        files.insert(entry.path, File { mode, content });
    }
    Ok(files)
}

fn plain_file(text: String) -> File {
    File {
        mode: Mode::Regular,
        content: text.into_bytes(),
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
mod tests;
