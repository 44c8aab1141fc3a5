//! Verbs of a few lines: each calls a library of the workshop and prints the outcome.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use patch_stack::export;
use patch_stack::stock;
use patch_stack::tree::{Outcome, Tree, Unexported};
use workshop::fork::{self, Profile};
use workshop::steps::{Chatter, Steps};

pub(crate) fn tree(tree: &Tree, discard: bool) -> Result<()> {
    let unexported = match discard {
        true => Unexported::Discard,
        false => Unexported::Refuse,
    };
    match tree.materialise(unexported)? {
        Outcome::UpToDate => println!("`{}` is up to date", tree.shown_tree()),
        Outcome::Updated(count) => {
            println!("`{}` made, {count} files changed", tree.shown_tree());
        }
    }
    Ok(())
}

pub(crate) fn export(tree: &Tree) -> Result<()> {
    let changes = export::export(tree)?;
    for path in changes.paths() {
        println!("{}", tree.repository().display(path));
    }
    if changes.paths().is_empty() {
        println!("nothing to export");
    }
    Ok(())
}

pub(crate) fn build(tree: &Tree, release: bool) -> Result<()> {
    let mut steps = Steps::new(tree.repository().logs(), Chatter::Steps);
    let executable = build_fork(tree, &mut steps, Profile::new(release))?;
    println!("{}", executable.display());
    Ok(())
}

/// Only returns if the fork could not be started.
pub(crate) fn run(tree: &Tree, args: &[OsString]) -> Result<()> {
    let mut steps = Steps::new(tree.repository().logs(), Chatter::None);
    let profile = Profile::of_last_build(tree.repository());
    let executable = build_fork(tree, &mut steps, profile)?;
    Err(fork::exec(&executable, args))
}

pub(crate) fn install(tree: &Tree, base: Option<&str>) -> Result<()> {
    let repository = tree.repository();
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    let executable = build_fork(tree, &mut steps, Profile::of_last_build(repository))?;
    steps.run("install", |step| {
        fork::install(repository, step, &executable, base)
    })
}

pub(crate) fn stock(tree: &Tree, release: bool) -> Result<()> {
    let mut steps = Steps::new(tree.repository().logs(), Chatter::Steps);
    steps.run("tree", |_| tree.materialise(Unexported::Refuse))?;
    let executable = steps.run("stock", |step| {
        stock::build(tree, step, Profile::new(release))
    })?;
    println!("{}", executable.display());
    Ok(())
}

/// Makes the tree and builds the fork, as two steps.
pub(crate) fn build_fork(tree: &Tree, steps: &mut Steps, profile: Profile) -> Result<PathBuf> {
    steps.run("tree", |_| tree.materialise(Unexported::Refuse))?;
    steps.run("fork", |step| fork::build(tree.repository(), step, profile))
}
