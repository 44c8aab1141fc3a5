//! Upstream's Cargo without patches and overlay: tests compare its command lines with those of the fork, and the
//! harness measures beside it.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::tree::Tree;
use workshop::files;
use workshop::fork::{self, Profile};
use workshop::paths::Repository;
use workshop::steps::{Show, Step};

/// Names the executable to the end-to-end tests.
pub const VARIABLE: &str = "DYNAMIC_DEPS_STOCK_CARGO";

/// Builds upstream's Cargo, and returns the path of its executable. The tree must have been made.
///
/// It is built like the fork and into the same directory, so the two share their dependencies. Their own crates have
/// the same names and different hashes. Only the path `debug/cargo` belongs to the one that was built last, so we copy
/// both executables to paths of their own.
pub fn build(tree: &Tree, step: &mut Step, profile: Profile) -> Result<PathBuf> {
    let repository = tree.repository();
    lay_down(tree)?;
    let mut cargo = fork::cargo_in(&repository.stock_tree(), repository, step, "build");
    step.command(cargo.args(profile.targets()), Show::Progress)?;
    let built = repository
        .fork_build()
        .join(profile.directory())
        .join("cargo");
    let executable = repository.stock_executable();
    fork::place(&built, &executable)?;
    Ok(executable)
}

/// Writes upstream's files, unless those of the same commit are there.
pub fn lay_down(tree: &Tree) -> Result<()> {
    let repository = tree.repository();
    let directory = repository.stock_tree();
    let record = record(repository);
    let base = tree.materialised()?.base;
    if fs::read_to_string(&record).is_ok_and(|laid_down| laid_down == base) {
        return Ok(());
    }
    files::remove(&directory)?;
    let base = tree.write_base(&directory)?;
    files::write(&record, base)
}

/// The file that names the commit whose files were laid down.
fn record(repository: &Repository) -> PathBuf {
    repository.stock().join("base")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn upstream_is_laid_down_once() {
        let fixture = Fixture::new();
        fixture.materialise();
        let file = "target/stock-tree/src/lib.rs";
        lay_down(&fixture.tree()).unwrap();
        let published = fixture.read(file);
        fixture.write(file, "kept");
        lay_down(&fixture.tree()).unwrap();
        assert_eq!(fixture.read(file), "kept");
        fixture.write("target/stock/base", "another commit");
        fixture.write("target/stock-tree/src/stale.rs", "");
        lay_down(&fixture.tree()).unwrap();
        assert_eq!(fixture.read(file), published);
        assert!(!fixture.path("target/stock-tree/src/stale.rs").exists());
    }
}
