//! `cargo xtask next`: the port to the next release of upstream, kept until a stable compiler takes that release.
//!
//! | in `upstream/next` | content |
//! |---|---|
//! | `Cargo.toml`, `Cargo.lock` | the pin |
//! | `patches` | the whole series |
//! | `moves` | what upstream renamed: `old => new` on a line, each any text |
//! | `port.patch` | what else differs in this repository |
//! | `made-from` | hash of the patches of this repository that the series follows |
//!
//! From this repository and these files we make another repository in `target/next`. The moves change paths and texts of
//! every file, so that new files and new lines need no port of their own. The other repository has a tree that is made
//! and exported like ours. Its git repository tells what was done there from what we laid down.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::export::diff;
use crate::git::{Files, Git, ObjectId, feed};
use crate::overlay;
use crate::patch::Patch;
use crate::tree::Tree;
use workshop::files;
use workshop::paths::Repository;
use workshop::toolchain;

/// Where the port is kept.
const KEPT: &str = "upstream/next/";

/// The repository that `target/next` was made from last, and what was laid down there.
const FROM_REF: &str = "refs/xtask/from";
const HEAD_REF: &str = "refs/xtask/head";

/// Makes the repository of the next release in `target/next`; none if no port is kept.
///
/// # Errors
/// When `port.patch` does not apply any more, or when `target/next` has work that is not kept.
pub fn lay_down(repository: &Repository) -> Result<Option<Repository>> {
    if !repository.root().join(KEPT).is_dir() {
        return Ok(None);
    }
    let next = Repository::at(&repository.next());
    let git = Git::at(next.root());
    if !git.exists() {
        git.init()?;
    } else if let Some(head) = git.commit(HEAD_REF)? {
        ensure!(
            git.commit("HEAD")?.as_ref() == Some(&head)
                && git.text(&["status", "--porcelain"])?.is_empty(),
            "`target/next` has work that `{KEPT}` does not have\n\
             help: `cargo xtask next --keep` brings it there; `git -C target/next reset --hard {HEAD_REF}` gives it up"
        );
    }
    make(repository, &git, &files_of(repository.root())?)?;
    Ok(Some(next))
}

/// Brings work in `target/next` back to `upstream/next`.
///
/// # Errors
/// When `target/next` has not been made, or when our repository has changed since: the port would take the change back.
pub fn keep(tree: &Tree) -> Result<()> {
    let repository = tree.repository();
    let git = Git::at(&repository.next());
    let ours = files_of(repository.root())?;
    ensure!(
        git.exists() && git.commit(FROM_REF)?.as_ref() == Some(&import(&git, &ours)?),
        "this repository has changed since `target/next` was made\n\
         help: put the change aside for a moment (`git stash`), and keep the port first"
    );
    let files = files_of(&repository.next())?;
    let kept = repository.root().join(KEPT);
    files::remove(&kept.join("patches"))?;
    for (path, file) in &files {
        if let Some(path) = kept_as(path) {
            overlay::write(&kept.join(path), file)?;
        }
    }
    let base = git.import(None, "moved\n", &moved(repository, &ours)?)?;
    let head = git.import(None, "port\n", &files)?;
    let port = Patch::normalise_diff(&diff(&git, &base, &head, &[])?);
    let made_from = tree.patches_hash()? + "\n";
    for (name, text) in [("port.patch", port), ("made-from", made_from)] {
        files::write(&kept.join(name), text)?;
    }
    make(repository, &git, &ours)
}

/// Makes this repository the one of the next release.
///
/// # Errors
/// When no port is kept, when it does not apply, or when the tree has work that was not exported.
pub fn take(tree: &Tree) -> Result<()> {
    tree.require_no_work()?;
    let repository = tree.repository();
    let next = lay_down(repository)?.context("no port to a next release is kept")?;
    let files = files_of(next.root())?;
    let present = files_below(repository.root())?;
    for path in present.keys().filter(|path| !files.contains_key(*path)) {
        overlay::remove(&repository.root().join(path), repository.root())?;
    }
    for (path, file) in &files {
        if present.get(path) != Some(file) {
            overlay::write(&repository.root().join(path), file)?;
        }
    }
    Ok(())
}

/// Whether patches of this repository have changed since the port was kept.
///
/// # Errors
/// When a file cannot be read.
pub fn is_behind(tree: &Tree) -> Result<bool> {
    let made_from = tree.repository().root().join(KEPT).join("made-from");
    let made_from = fs::read_to_string(made_from).unwrap_or_default();
    Ok(made_from.trim_end() != tree.patches_hash()?)
}

/// Makes the work tree of `git` the port to the present state of `repository`, which has the files `ours`.
fn make(repository: &Repository, git: &Git, ours: &Files) -> Result<()> {
    let from = import(git, ours)?;
    let base = git.import(None, "moved\n", &moved(repository, ours)?)?;
    let head = port(repository, git, &base)?;
    git.run(&["update-ref", FROM_REF, &from])?;
    git.run(&["update-ref", HEAD_REF, &head])?;
    // Leaves files alone that stay the same: their times decide what is compiled again.
    git.run(&["reset", "--quiet", "--hard", &head])
}

/// Commits this repository as it is.
fn import(git: &Git, ours: &Files) -> Result<ObjectId> {
    git.import(None, "this repository\n", ours)
}

/// Commits what `port.patch` changes on top of `base`.
fn port(repository: &Repository, git: &Git, base: &str) -> Result<ObjectId> {
    let git = git.with_index(&git.directory().join("xtask-index"));
    git.run(&["read-tree", base])?;
    let patch = fs::read(repository.root().join(KEPT).join("port.patch")).unwrap_or_default();
    if !patch.is_empty() {
        git.run_with_input(&["apply", "--cached", "-"], &patch)
            .with_context(|| {
                format!(
                    "`{KEPT}port.patch` does not apply any more\n\
                     help: mend the hunk, or remove it and make the change again in `target/next`"
                )
            })?;
    }
    let tree = git.text(&["write-tree"])?;
    git.text_with_input(&["commit-tree", &tree, "-p", base], b"port\n")
}

/// The files `ours` of `repository` after the moves, with pin and patches of the port, or those that it has until it has others.
fn moved(repository: &Repository, ours: &Files) -> Result<Files> {
    let kept = repository.root().join(KEPT);
    let moves = fs::read_to_string(kept.join("moves")).unwrap_or_default();
    let moves: Vec<(&str, &str)> = moves
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" => "))
        .collect();
    let rename = |text: &str| {
        let mut text = text.to_owned();
        for (old, new) in &moves {
            text = text.replace(old, new);
        }
        text
    };
    let mut of_port = Files::new();
    for (path, file) in files_below(&kept)? {
        let path = match path.starts_with("Cargo.") {
            true => format!("upstream/{path}"),
            false => path,
        };
        if kept_as(&path).is_some() {
            of_port.insert(path, file);
        }
    }
    let mut files = Files::new();
    for (path, file) in ours {
        let mut file = file.clone();
        if kept_as(path).is_some() {
            if of_port.is_empty() {
                files.insert(path.clone(), file);
            }
            continue;
        }
        if let Ok(text) = std::str::from_utf8(&file.content)
            && let renamed = rename(text)
            && renamed != text
        {
            file.content = match path.ends_with(".rs") {
                true => sorted(&renamed).with_context(|| format!("in `{path}`"))?,
                false => renamed.into_bytes(),
            };
        }
        files.insert(rename(path), file);
    }
    files.extend(of_port);
    Ok(files)
}

/// Where `upstream/next` keeps what stands at `path` of the next repository, if it keeps all of it.
fn kept_as(path: &str) -> Option<&str> {
    match path.strip_prefix("upstream/") {
        Some(pin @ ("Cargo.toml" | "Cargo.lock")) => Some(pin),
        _ => path.starts_with("patches/").then_some(path),
    }
}

/// Rust as rustfmt writes it: names that moved have another place in a list of imports.
fn sorted(text: &str) -> Result<Vec<u8>> {
    let mut rustfmt = toolchain::command("rustfmt");
    rustfmt.args(overlay::RUSTFMT_OPTIONS);
    rustfmt.stdin(Stdio::piped()).stdout(Stdio::piped());
    let child = rustfmt.spawn().context("failed to run `rustfmt`")?;
    let output = feed(child, text.as_bytes()).context("failed to run `rustfmt`")?;
    ensure!(
        output.status.success(),
        "rustfmt failed ({})",
        output.status
    );
    Ok(output.stdout)
}

/// The files of a repository, less the port that it keeps.
fn files_of(root: &Path) -> Result<Files> {
    let mut files = files_below(root)?;
    files.retain(|path, _| !path.starts_with(KEPT));
    Ok(files)
}

/// All files below `root`, less what is built there.
fn files_below(root: &Path) -> Result<Files> {
    let describe = || format!("failed to read `{}`", root.display());
    let mut files = Files::new();
    for entry in fs::read_dir(root).with_context(describe)? {
        let entry = entry.with_context(describe)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.path().is_dir() {
            // A file in a work tree of git.
            _ if [".git", "target"].contains(&&*name) => {}
            true => overlay::collect(root, &name, &name, &mut files)?,
            false => drop(files.insert(name, overlay::read(&entry.path())?)),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
