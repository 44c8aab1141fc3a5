//! `cargo xtask generate`: workloads that a seed decides.
//!
//! A workload is [`Sources`] that follow from constants and the seed alone. What Cargo makes of them, the lock file, is
//! no part of it.

mod carriers;
mod manifest;
mod random;
mod workspace;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use workshop::paths::Repository;
use workshop::sources::Sources;
use workshop::toolchain;

/// What can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// 50 crates in layers, with 60 from crates.io below them; kept in `benches/workloads/workspace`
    Workspace,
}

impl Workload {
    pub(crate) fn directory(self, repository: &Repository) -> PathBuf {
        match self {
            Workload::Workspace => repository.workspace(),
        }
    }

    /// Writes the files, and has Cargo bring the lock file up to date.
    pub(crate) fn generate(self, repository: &Repository) -> Result<()> {
        let directory = self.directory(repository);
        self.sources().write(&directory)?;
        let mut cargo = toolchain::cargo();
        cargo
            .current_dir(&directory)
            .args(["metadata", "--format-version=1"]);
        toolchain::run(&mut cargo).map(drop)
    }

    /// Fails unless generating would change nothing.
    pub(crate) fn check(self, repository: &Repository) -> Result<()> {
        let directory = self.directory(repository);
        let sources = self.sources();
        let there = sources.read_again(&directory)?;
        let paths: Vec<String> = sources
            .differences(&there)
            .into_iter()
            .map(|path| path.display().to_string())
            .collect();
        ensure!(
            paths.is_empty(),
            "generating `{}` would change files\n{}\n\
             help: `cargo xtask generate` writes them",
            repository.display(&directory),
            paths.join("\n")
        );
        Ok(())
    }

    fn sources(self) -> Sources {
        match self {
            Workload::Workspace => workspace::sources(workspace::SEED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_kept_as_it_is_generated() {
        let repository = Repository::of_this_build();
        Workload::Workspace.check(&repository).unwrap();
    }
}
