//! A copy of the user's sources in which the measurement edits files.
//!
//! The copy is a tree of links. It has a directory of its own if a file below it is edited, and
//! everything else is a link to the original. So the measurement writes to no file of the user's,
//! not even a time, and paths from one package to another lead where they should.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use cargo_util::paths;

use crate::util::CargoResult;

/// The text that an edit adds to the end of a file. The compiler must not leave it out, so the
/// object differs after each edit.
const EDIT: &str = "\n#[used]\nstatic DYNAMIC_DEPS_EDIT: u32 = ";

/// The directory of git, which no copy has, since builds do not need it.
const LEFT_OUT: &str = ".git";

/// The copy of a directory.
pub(super) struct Copy {
    original: PathBuf,
    copy: PathBuf,
}

impl Copy {
    /// Makes the directory `copy` a copy of the one that contains all of `directories`. The `files`
    /// in it are copies and not links; `without` is left out.
    pub(super) fn make(
        copy: PathBuf,
        directories: &BTreeSet<PathBuf>,
        files: &[PathBuf],
        without: &Path,
    ) -> CargoResult<Copy> {
        let Some(original) = common_ancestor(directories) else {
            bail!("the packages of the workspace have no directory in common");
        };
        if let Some(file) = files.iter().find(|file| !file.starts_with(&original)) {
            // An edit would change the user's own file.
            bail!(
                "`{}` is not in the directory of its package",
                file.display()
            );
        }
        if copy.exists() {
            paths::remove_dir_all(&copy)?;
        }
        link(&original, &copy, files, without)
            .with_context(|| format!("failed to copy `{}`", original.display()))?;
        Ok(Copy { original, copy })
    }

    /// The path in the copy of a file of the original.
    pub(super) fn path(&self, original: &Path) -> PathBuf {
        let inside = original.strip_prefix(&self.original);
        self.copy.join(inside.unwrap_or(original))
    }

    /// Changes one of the files in a way in which it was not changed before.
    pub(super) fn edit(&self, original: &Path, number: u32) -> CargoResult<()> {
        let text = paths::read(original)?;
        paths::write(self.path(original), format!("{text}{EDIT}{number};\n"))
    }
}

/// Gives the directory `copy` the content of `original`.
fn link(original: &Path, copy: &Path, files: &[PathBuf], without: &Path) -> io::Result<()> {
    fs::create_dir_all(copy)?;
    for entry in fs::read_dir(original)? {
        let name = entry?.file_name();
        let from = original.join(&name);
        let to = copy.join(&name);
        if name == LEFT_OUT || from == without {
            continue;
        }
        if files.contains(&from) {
            // This copies no permissions, since the original may be read-only.
            fs::write(&to, fs::read(&from)?)?;
        } else if files.iter().any(|file| file.starts_with(&from)) {
            link(&from, &to, files, without)?;
        } else {
            symlink(&from, &to)?;
        }
    }
    Ok(())
}

fn common_ancestor(paths: &BTreeSet<PathBuf>) -> Option<PathBuf> {
    let first = paths.first()?;
    let mut ancestors = first.ancestors();
    let common = ancestors.find(|ancestor| paths.iter().all(|path| path.starts_with(ancestor)));
    common.map(Path::to_owned)
}
