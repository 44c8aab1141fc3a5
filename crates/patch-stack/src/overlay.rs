//! The overlay: files of the fork that upstream does not have.
//!
//! The repository keeps them at other places than the tree; [`PLACES`] pairs the two.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::git::{File, Files, Mode};
use workshop::files::{self, entries};
use workshop::paths::Repository;

/// A directory of the repository and the one of the tree that it is laid over. No slash at the end.
pub(crate) struct Place {
    pub(crate) in_repository: &'static str,
    pub(crate) in_tree: &'static str,
}

pub(crate) const PLACES: [Place; 4] = [
    Place {
        in_repository: "src",
        in_tree: "src",
    },
    Place {
        in_repository: "tests",
        in_tree: "tests/testsuite/dynamic_deps",
    },
    // Upstream keeps its book, manual pages and completions here from 0.100 on, and before that below `src`.
    Place {
        in_repository: "doc",
        in_tree: "doc",
    },
    Place {
        in_repository: "etc",
        in_tree: "etc",
    },
];

/// Paths of upstream's files. A file at another path belongs to the overlay.
pub(crate) type BasePaths = BTreeSet<String>;

/// Whether the file at `path` of the tree belongs to the overlay.
pub(crate) fn contains(base: &BasePaths, path: &str) -> bool {
    !base.contains(path)
        && PLACES
            .iter()
            .any(|place| inside(place.in_tree, path).is_some())
}

/// Where the repository keeps the overlay file at `path` of the tree.
pub(crate) fn path_in_repository(repository: &Repository, path: &str) -> Result<PathBuf> {
    PLACES
        .iter()
        .find_map(|place| Some((place, inside(place.in_tree, path)?)))
        .map(|(place, relative)| repository.root().join(place.in_repository).join(relative))
        .with_context(|| format!("`{path}` has no place in the overlay"))
}

/// Options of rustfmt for the overlay. The style edition is the one setting that upstream's `rustfmt.toml` has.
pub const RUSTFMT_OPTIONS: [&str; 4] = ["--edition", "2024", "--style-edition", "2024"];

/// The Rust sources of the overlay, where the repository keeps them.
pub fn rust_sources(repository: &Repository) -> Result<Vec<PathBuf>> {
    let files = of_repository(repository)?;
    let sources = files.keys().filter(|path| path.ends_with(".rs"));
    sources
        .map(|path| path_in_repository(repository, path))
        .collect()
}

/// The overlay as the repository has it.
pub(crate) fn of_repository(repository: &Repository) -> Result<Files> {
    let mut files = Files::new();
    for place in &PLACES {
        collect(
            repository.root(),
            place.in_repository,
            place.in_tree,
            &mut files,
        )?;
    }
    Ok(files)
}

/// The overlay as the work tree has it, including files that git does not track.
pub(crate) fn of_work_tree(work_tree: &Path, base: &BasePaths) -> Result<Files> {
    let mut files = Files::new();
    for place in &PLACES {
        collect(work_tree, place.in_tree, place.in_tree, &mut files)?;
    }
    files.retain(|path, _| contains(base, path));
    Ok(files)
}

/// Writes `file` to `path`.
pub(crate) fn write(path: &Path, file: &File) -> Result<()> {
    let describe = || format!("failed to write `{}`", path.display());
    files::write(path, &file.content)?;
    let mut permissions = fs::metadata(path).with_context(describe)?.permissions();
    let mode = permissions.mode();
    let wanted = match file.mode {
        Mode::Executable => mode | 0o111,
        Mode::Regular | Mode::Symlink => mode & !0o111,
    };
    if mode != wanted {
        permissions.set_mode(wanted);
        fs::set_permissions(path, permissions).with_context(describe)?;
    }
    Ok(())
}

/// Removes the file at `path`, and the directories that are then empty, up to `root`.
pub(crate) fn remove(path: &Path, root: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("failed to remove `{}`", path.display()));
        }
        _ => {}
    }
    for directory in path
        .ancestors()
        .skip(1)
        .take_while(|directory| *directory != root)
    {
        // This fails for the first directory that is not empty, and there we have to stop.
        if fs::remove_dir(directory).is_err() {
            break;
        }
    }
    Ok(())
}

fn inside<'a>(directory: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(directory)?.strip_prefix('/')
}

/// Adds the files below `directory` of `root`, named as if it were `tree_directory`.
pub(crate) fn collect(
    root: &Path,
    directory: &str,
    tree_directory: &str,
    files: &mut Files,
) -> Result<()> {
    let path = root.join(directory);
    for entry in entries(&path)? {
        let kind = entry
            .file_type()
            .with_context(|| format!("failed to read `{}`", path.display()))?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            bail!("the name of `{}` is not UTF-8", entry.path().display());
        };
        let tree_path = format!("{tree_directory}/{name}");
        if kind.is_dir() {
            collect(root, &format!("{directory}/{name}"), &tree_path, files)?;
            continue;
        }
        ensure!(
            kind.is_file(),
            "`{}` is neither a file nor a directory\nhelp: the overlay has plain files only",
            entry.path().display()
        );
        let file = read(&entry.path())?;
        files.insert(tree_path, file);
    }
    Ok(())
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path) -> Result<File> {
    let describe = || format!("failed to read `{}`", path.display());
    let content = fs::read(path).with_context(describe)?;
    let mode = fs::metadata(path)
        .with_context(describe)?
        .permissions()
        .mode();
    Ok(File {
        mode: if mode & 0o100 == 0 {
            Mode::Regular
        } else {
            Mode::Executable
        },
        content,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlay_is_what_upstream_lacks() {
        let base: BasePaths = ["src/lib.rs".to_owned()].into();
        #[track_caller]
        fn check(base: &BasePaths, path: &str, expected: Option<&str>) {
            let repository = Repository::at(Path::new("/r"));
            let found =
                contains(base, path).then(|| path_in_repository(&repository, path).unwrap());
            assert_eq!(found.as_deref(), expected.map(Path::new));
        }
        check(&base, "src/lib.rs", None);
        check(&base, "src/new/mod.rs", Some("/r/src/new/mod.rs"));
        check(
            &base,
            "tests/testsuite/dynamic_deps/mod.rs",
            Some("/r/tests/mod.rs"),
        );
        check(&base, "doc/book/new.md", Some("/r/doc/book/new.md"));
        check(&base, "etc/man/new.1", Some("/r/etc/man/new.1"));
        check(&base, "tests/testsuite/other.rs", None);
        check(&base, "srcs/a", None);
        check(&base, "build.rs", None);
    }
}
