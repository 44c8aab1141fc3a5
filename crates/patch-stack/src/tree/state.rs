//! The record of the last run, in the `.git` directory of the tree.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::git::ObjectId;
use crate::tree::Tree;
use workshop::files;

/// The state from which the tree was last made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) stamp: String,
    /// The part of the stamp that belongs to `patches/`.
    pub(crate) patches: String,
    pub(super) base_key: String,
    pub(crate) base: ObjectId,
    /// The overlay's commit; everything beyond it is work in the tree.
    pub(crate) head: ObjectId,
    /// Set while files are written. If that was interrupted, the differences in the tree are not somebody's work.
    pub(super) pending: Option<ObjectId>,
}

impl Tree<'_> {
    /// The state from which the tree was made; an error if it has not been made.
    pub(crate) fn materialised(&self) -> Result<State> {
        self.state()?
            .filter(|state| state.pending.is_none())
            .with_context(|| {
                let tree = self.repository.tree();
                let tree = self.repository.display(&tree);
                format!("`{tree}` has not been made\nhelp: run `cargo xtask tree`")
            })
    }

    /// The lock to hold while the tree is written, or exported to the repository.
    pub(crate) fn lock(&self) -> Result<fs::File> {
        let path = self.repository.scratch().join("tree.lock");
        let describe = || format!("failed to lock `{}`", path.display());
        fs::create_dir_all(self.repository.scratch()).with_context(describe)?;
        let file = fs::File::create(&path).with_context(describe)?;
        file.lock().with_context(describe)?;
        Ok(file)
    }

    fn state_path(&self) -> PathBuf {
        self.git.directory().join("xtask/state.json")
    }

    pub(super) fn state(&self) -> Result<Option<State>> {
        let path = self.state_path();
        let Some(text) = files::read(&path)? else {
            return Ok(None);
        };
        serde_json::from_slice(&text).map(Some).with_context(|| {
            format!(
                "failed to read `{}`\nhelp: `cargo xtask tree --discard` after removing that file",
                path.display()
            )
        })
    }

    pub(super) fn save(&self, state: &State) -> Result<()> {
        let path = self.state_path();
        let temporary = path.with_extension("tmp");
        let describe = || format!("failed to write `{}`", path.display());
        fs::create_dir_all(self.git.directory().join("xtask")).with_context(describe)?;
        let text = serde_json::to_vec_pretty(state).with_context(describe)?;
        fs::write(&temporary, text).with_context(describe)?;
        fs::rename(&temporary, &path).with_context(describe)
    }
}
