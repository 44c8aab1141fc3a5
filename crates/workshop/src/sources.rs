//! Files of a package or a workspace as one value, which we can copy, edit, generate and compare.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The files and directories at the top of its directory that belong to it, without those that
/// Cargo or an editor leaves.
pub type Entries = &'static [&'static str];

/// The files, by path inside of its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    entries: Entries,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Sources {
    /// No files.
    pub fn new(entries: Entries) -> Sources {
        Sources {
            entries,
            files: BTreeMap::new(),
        }
    }

    /// The files in `directory`.
    pub fn read(directory: &Path, entries: Entries) -> Result<Sources> {
        let mut sources = Sources::new(entries);
        for entry in entries {
            sources
                .collect(directory, Path::new(entry))
                .with_context(|| format!("failed to read `{}`", directory.join(entry).display()))?;
        }
        Ok(sources)
    }

    /// The same entries, as they are in `directory`.
    pub fn read_again(&self, directory: &Path) -> Result<Sources> {
        Sources::read(directory, self.entries)
    }

    /// Each file with its path and content.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        let files = self.files.iter();
        files.map(|(path, content)| (path.as_path(), content.as_slice()))
    }

    /// Adds a file, or replaces it. Its path has to begin with one of the entries.
    pub fn insert(&mut self, path: &str, text: String) {
        self.files.insert(path.into(), text.into_bytes());
    }

    /// Adds `text` to the end of the file at `path`.
    pub fn append(&mut self, path: &str, text: &str) {
        let file = self.files.entry(path.into()).or_default();
        file.extend(text.as_bytes());
    }

    /// Writes these files to `directory`, and does not touch those that are equal, so that Cargo
    /// takes none of them for changed.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let there = self.read_again(directory)?;
        for path in self.differences(&there) {
            let file = directory.join(path);
            match self.files.get(path) {
                Some(content) => fs::create_dir_all(file.parent().unwrap_or(directory))
                    .and_then(|()| fs::write(&file, content)),
                None => fs::remove_file(&file),
            }
            .with_context(|| format!("failed to change `{}`", file.display()))?;
        }
        Ok(())
    }

    /// Paths of the files that differ between the two.
    pub fn differences<'a>(&'a self, other: &'a Sources) -> BTreeSet<&'a Path> {
        let paths = self.files.keys().chain(other.files.keys());
        paths
            .filter(|path| self.files.get(*path) != other.files.get(*path))
            .map(PathBuf::as_path)
            .collect()
    }

    fn collect(&mut self, directory: &Path, path: &Path) -> std::io::Result<()> {
        let from = directory.join(path);
        let metadata = match fs::metadata(&from) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            metadata => metadata?,
        };
        if metadata.is_file() {
            self.files.insert(path.to_path_buf(), fs::read(&from)?);
            return Ok(());
        }
        for entry in fs::read_dir(&from)? {
            self.collect(directory, &path.join(entry?.file_name()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: Entries = &["Cargo.toml", "src"];

    #[test]
    fn copy_follows_its_original() {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path();
        let mut sources = Sources::new(ENTRIES);
        sources.insert("Cargo.toml", "[package]\n".to_owned());
        sources.insert("src/main.rs", "fn main() {}\n".to_owned());
        sources.append("Cargo.toml", "[profile.dev]\n");
        sources.write(copy).unwrap();
        let modified = || {
            let file = fs::metadata(copy.join("src/main.rs")).unwrap();
            file.modified().unwrap()
        };
        let first = modified();

        fs::write(copy.join("src/stale.rs"), "").unwrap();
        fs::write(copy.join("Cargo.toml"), "edited").unwrap();
        fs::write(copy.join("Cargo.lock"), "made by Cargo").unwrap();
        let there = sources.read_again(copy).unwrap();
        let differences = sources.differences(&there);
        assert!(
            differences
                .into_iter()
                .eq(["Cargo.toml", "src/stale.rs"].map(Path::new))
        );

        sources.write(copy).unwrap();
        assert_eq!(Sources::read(copy, ENTRIES).unwrap(), sources);
        assert_eq!(modified(), first);
        assert!(copy.join("Cargo.lock").exists());
        assert_eq!(
            fs::read_to_string(copy.join("Cargo.toml")).unwrap(),
            "[package]\n[profile.dev]\n"
        );
    }
}
