//! `cargo xtask generate`: workloads that a seed decides.
//!
//! A workload is [`Sources`](workshop::sources::Sources) that follow from constants and the seed alone. The command
//! writes them to `target/` when somebody needs them. The repository keeps only the lock file, since no seed decides
//! which versions crates.io has.

mod carriers;
mod manifest;
mod random;
pub(crate) mod workspace;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use workshop::paths::Repository;

/// What can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// 50 crates in layers, with 60 from crates.io below them
    Workspace,
}

impl Workload {
    /// Writes the files, and returns their directory. It does not touch files that are already there.
    pub fn generate(self, repository: &Repository) -> Result<PathBuf> {
        let (name, sources) = match self {
            Workload::Workspace => ("workspace", workspace::sources(workspace::SEED)),
        };
        let directory = repository.generated_workloads().join(name);
        sources.write(&directory)?;
        Ok(directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use workshop::sources::Sources;

    fn hash(sources: &Sources) -> String {
        let mut all = Vec::new();
        for (path, content) in sources.files() {
            all.extend(format!("{} {}\n", path.display(), content.len()).into_bytes());
            all.extend(content);
        }
        patch_stack::pin::sha256(&all)
    }

    /// As long as the workspace stays the same, its measurements can be compared.
    #[test]
    fn the_workspace_is_the_one_that_was_measured() {
        assert_eq!(
            hash(&workspace::sources(workspace::SEED)),
            "6b05796e6fcdcb1cd43f73ef3f042a7bbbfeaa769d1e30c96e7b1ccae55ca821",
            "the generator makes another workspace\n\
             help: if that is meant, write the new hash here, and bring `workspace/Cargo.lock` up to date by \
             `cargo metadata` in what `cargo xtask generate workspace` writes"
        );
    }
}
