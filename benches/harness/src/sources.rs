//! The working copy of a workload, which the harness makes of the workload's files and edits.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The text that an edit adds to the end of a file. The compiler must not leave it out, so the file's object differs
/// after each edit, in binaries, libraries and tests alike.
const EDIT: &str = "\n#[used]\nstatic EDIT: u32 = ";

/// Directories that are not part of the sources.
const IGNORED: [&str; 2] = [".git", "target"];

/// Files by their path in the directory.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The files in a directory, of which there must be some.
pub(crate) fn read(directory: &Path) -> Result<Files> {
    let files = read_or_none(directory)?;
    ensure!(
        !files.is_empty(),
        "there are no files in `{}`",
        directory.display()
    );
    Ok(files)
}

fn read_or_none(directory: &Path) -> Result<Files> {
    let mut files = Files::new();
    collect(directory, Path::new(""), &mut files)
        .with_context(|| format!("failed to read the files in `{}`", directory.display()))?;
    Ok(files)
}

fn collect(directory: &Path, inside: &Path, files: &mut Files) -> io::Result<()> {
    let entries = match fs::read_dir(directory.join(inside)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = inside.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() && !IGNORED.map(OsStr::new).contains(&&*entry.file_name()) {
            collect(directory, &path, files)?;
        } else if kind.is_file() {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

fn hash(files: &Files) -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, content) in files {
        for part in [path.as_os_str().as_encoded_bytes(), content] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// A copy that can be edited.
#[derive(Clone, Debug)]
pub(crate) struct WorkingCopy {
    directory: PathBuf,
    /// BLAKE3 hash of its files without edits.
    pub(crate) hash: String,
}

impl WorkingCopy {
    /// Makes `directory` have these files and no others. It does not touch files that are equal, so that Cargo takes
    /// none of them for changed, and undoes edits.
    pub(crate) fn lay_down(files: &Files, directory: &Path) -> Result<WorkingCopy> {
        let there = read_or_none(directory)?;
        for path in there.keys().filter(|path| !files.contains_key(*path)) {
            let path = directory.join(path);
            fs::remove_file(&path)
                .with_context(|| format!("failed to remove `{}`", path.display()))?;
        }
        for (path, content) in files {
            if there.get(path) == Some(content) {
                continue;
            }
            let path = directory.join(path);
            fs::create_dir_all(path.parent().unwrap_or(directory))
                .and_then(|()| fs::write(&path, content))
                .with_context(|| format!("failed to write `{}`", path.display()))?;
        }
        Ok(WorkingCopy {
            directory: directory.to_path_buf(),
            hash: hash(files),
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds a dependency, in exactly this version, to the manifest of a package, and uses it in a source file of it.
    pub(crate) fn add_dependency(
        &self,
        (manifest, source): (&str, &str),
        (name, version): (&str, &str),
    ) -> Result<()> {
        // A table of its own can stand at the end of every manifest.
        let table = format!("\n[dependencies.{name}]\nversion = \"={version}\"\n");
        self.append(manifest, &table)?;
        let crate_name = name.replace('-', "_");
        self.append(source, &format!("\nuse {crate_name} as _;\n"))
    }

    fn append(&self, path: &str, text: &str) -> Result<()> {
        let path = self.directory.join(path);
        let describe = || format!("failed to change `{}`", path.display());
        let before = fs::read_to_string(&path).with_context(describe)?;
        fs::write(&path, before + text).with_context(describe)
    }

    /// The files at these paths as they are now, to come back to.
    pub(crate) fn keep(&self, paths: &[&str]) -> Result<Kept> {
        let read = |path: &&str| {
            let path = self.directory.join(path);
            let content =
                fs::read(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
            Ok((path, content))
        };
        paths.iter().map(read).collect::<Result<_>>().map(Kept)
    }

    /// Changes the file at `path` in a way that it was never changed before.
    pub(crate) fn edit(&self, path: &str) -> Result<()> {
        let path = self.directory.join(path);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("failed to read `{}`", path.display()))?;
        fs::write(&path, edited(&text))
            .with_context(|| format!("failed to write `{}`", path.display()))
    }
}

/// Files of a working copy as they were.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Vec<(PathBuf, Vec<u8>)>);

impl Kept {
    /// Undoes every change. Files that are as they were are not touched.
    pub(crate) fn restore(&self) -> Result<()> {
        for (path, content) in &self.0 {
            if fs::read(path).ok().as_ref() != Some(content) {
                fs::write(path, content)
                    .with_context(|| format!("failed to write `{}`", path.display()))?;
            }
        }
        Ok(())
    }
}

fn edited(text: &str) -> String {
    let (original, number) = match text.split_once(EDIT) {
        Some((original, rest)) => (original, rest.trim_end_matches([';', '\n']).parse().ok()),
        None => (text, None),
    };
    let next = number.map_or(1, |number: u32| number.wrapping_add(1));
    format!("{original}{EDIT}{next};\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_edit_differs_and_the_rest_stays() {
        let first = edited("fn main() {}\n");
        assert_eq!(first, "fn main() {}\n\n#[used]\nstatic EDIT: u32 = 1;\n");
        let second = edited(&first);
        assert_eq!(second, first.replace(" 1;", " 2;"));
        assert_eq!(edited(&second), first.replace(" 1;", " 3;"));
    }

    #[test]
    fn a_dependency_is_added_and_taken_away_again() {
        let scratch = tempfile::tempdir().unwrap();
        let files = [("Cargo.toml", "[package]\n"), ("main.rs", "fn main() {}\n")]
            .map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()));
        let copy = WorkingCopy::lay_down(&Files::from(files.clone()), scratch.path()).unwrap();
        let kept = copy.keep(&["Cargo.toml", "main.rs"]).unwrap();
        copy.add_dependency(("Cargo.toml", "main.rs"), ("edit-distance", "2.2.2"))
            .unwrap();
        let text = |path| fs::read_to_string(scratch.path().join(path)).unwrap();
        assert_eq!(
            text("Cargo.toml"),
            "[package]\n\n[dependencies.edit-distance]\nversion = \"=2.2.2\"\n"
        );
        assert_eq!(text("main.rs"), "fn main() {}\n\nuse edit_distance as _;\n");
        kept.restore().unwrap();
        assert_eq!(read(scratch.path()).unwrap(), Files::from(files));
    }

    #[test]
    fn copy_follows_its_origin_and_touches_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let origin = scratch.path().join("origin");
        let copy = scratch.path().join("copy");
        fs::create_dir_all(origin.join("src")).unwrap();
        fs::create_dir_all(origin.join("target/debug")).unwrap();
        for file in ["Cargo.toml", "src/lib.rs", "src/old.rs", "target/debug/x"] {
            fs::write(origin.join(file), file).unwrap();
        }
        let first = WorkingCopy::lay_down(&read(&origin).unwrap(), &copy).unwrap();
        assert!(!copy.join("target").exists());
        let modified = || fs::metadata(copy.join("Cargo.toml")).unwrap().modified();
        let before = modified().unwrap();

        first.edit("src/lib.rs").unwrap();
        fs::remove_file(origin.join("src/old.rs")).unwrap();
        let second = WorkingCopy::lay_down(&read(&origin).unwrap(), &copy).unwrap();
        assert_eq!(
            fs::read_to_string(copy.join("src/lib.rs")).unwrap(),
            "src/lib.rs"
        );
        assert!(!copy.join("src/old.rs").exists());
        assert_eq!(modified().unwrap(), before);
        assert_ne!(first.hash, second.hash);

        let error = read(&scratch.path().join("nowhere")).unwrap_err();
        assert!(error.to_string().starts_with("there are no files in "));
    }
}
