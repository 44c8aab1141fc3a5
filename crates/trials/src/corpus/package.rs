//! The packages of a project: downloaded by Cargo, checked against the list, unpacked.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;

use crate::corpus::project::{Package, Project};
use crate::corpus::workspace::Root;
use patch_stack::pin::sha256;
use workshop::files;
use workshop::paths::Repository;
use workshop::steps::{Show, Step};
use workshop::toolchain;

/// Returns the packages as they were published. Afterwards, Cargo can build the project and its dependencies offline.
///
/// `scratch` is a directory outside of any package.
pub(crate) fn fetch(
    step: &mut Step,
    project: &Project,
    repository: &Repository,
    scratch: &Path,
) -> Result<Sources> {
    let packages = project.packages();
    let archives = packages
        .iter()
        .map(|package| Archive::fetch(step, package, scratch));
    let sources = Sources {
        id: project.id(),
        archives: archives.collect::<Result<_>>()?,
        root: Root::of(project, repository)?,
    };
    let directory = sources.unpack(scratch)?;
    let mut cargo = toolchain::cargo();
    cargo
        .current_dir(&directory)
        .args(["fetch", "--locked", "--target", &toolchain::host()?]);
    step.command(&mut cargo, Show::Progress)?;
    Ok(sources)
}

/// Everything of which a project consists.
pub(crate) struct Sources {
    id: String,
    archives: Vec<Archive>,
    /// The part of a workspace that was not published.
    root: Option<Root>,
}

impl Sources {
    /// Unpacks to an empty directory in `directory`, without files that tests have left there. Files of packages have
    /// the times from the archive, so that Cargo takes none for changed. Returns the path of the project.
    pub(crate) fn unpack(&self, directory: &Path) -> Result<PathBuf> {
        let project = directory.join(&self.id);
        files::remove(&project)?;
        // In each archive is a directory, which has the id of the package as its name.
        let parent = match &self.root {
            None => directory,
            Some(_) => &project,
        };
        for archive in &self.archives {
            archive.unpack(parent)?;
        }
        match &self.root {
            None => ensure!(
                project.join("Cargo.lock").is_file(),
                "`{}` has no `Cargo.lock`, so that its dependencies are not pinned",
                project.display()
            ),
            Some(root) => root.write(&project)?,
        }
        Ok(project)
    }
}

/// The archive of a package, verified.
struct Archive {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Archive {
    /// Looks in Cargo's cache first.
    fn fetch(step: &mut Step, package: &Package, scratch: &Path) -> Result<Archive> {
        if let Some(archive) = Archive::in_cache(package)? {
            return Ok(archive);
        }
        // `cargo info` downloads the package that it shows, and no other.
        let name = format!("{}@{}", package.name, package.version);
        let mut cargo = toolchain::cargo();
        cargo
            .current_dir(scratch)
            .args(["info", "--quiet", "--registry=crates-io", &name]);
        step.command(&mut cargo, Show::Progress)?;
        Archive::in_cache(package)?.with_context(|| {
            format!(
                "`cargo info` left no `{}.crate` with the checksum `{}` in Cargo's cache\n\
                 help: the checksum is that of crates.io, in `crates/trials/corpus.toml`",
                package.id(),
                package.checksum
            )
        })
    }

    /// The archive with the right content in Cargo's cache, `registry/cache/<index>/`.
    fn in_cache(package: &Package) -> Result<Option<Archive>> {
        let cache = cargo_home()?.join("registry/cache");
        for index in files::entries(&cache)? {
            let path = index.path().join(format!("{}.crate", package.id()));
            let Ok(bytes) = fs::read(&path) else { continue };
            if sha256(&bytes) == package.checksum {
                return Ok(Some(Archive { path, bytes }));
            }
        }
        Ok(None)
    }

    fn unpack(&self, directory: &Path) -> Result<()> {
        tar::Archive::new(GzDecoder::new(&self.bytes[..]))
            .unpack(directory)
            .with_context(|| format!("failed to unpack `{}`", self.path.display()))
    }
}

/// The directory in which Cargo keeps its downloads.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    home_of("CARGO_HOME", ".cargo")
}

/// The directory in which rustup keeps its toolchains.
pub(crate) fn rustup_home() -> Result<PathBuf> {
    home_of("RUSTUP_HOME", ".rustup")
}

fn home_of(variable: &str, directory: &str) -> Result<PathBuf> {
    match env::var_os(variable) {
        Some(home) => Ok(home.into()),
        None => env::home_dir()
            .map(|home| home.join(directory))
            .with_context(|| format!("neither `{variable}` nor the home directory is known")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// An archive of a package with a manifest and, if `lock` is set, a lock file.
    fn archive(id: &str, lock: bool) -> Archive {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let files = ["Cargo.toml", "Cargo.lock"];
        for file in &files[..if lock { 2 } else { 1 }] {
            let mut header = tar::Header::new_gnu();
            header.set_size(id.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(1_000_000_000);
            builder
                .append_data(&mut header, format!("{id}/{file}"), id.as_bytes())
                .unwrap();
        }
        let bytes = builder.into_inner().unwrap().finish().unwrap();
        let path = format!("{id}.crate").into();
        Archive { path, bytes }
    }

    fn files(directory: &Path) -> BTreeSet<String> {
        let mut files = BTreeSet::new();
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            match path.is_dir() {
                true => files.extend(
                    self::files(&path)
                        .iter()
                        .map(|file| format!("{name}/{file}")),
                ),
                false => drop(files.insert(name.to_owned())),
            }
        }
        files
    }

    #[test]
    fn package_is_unpacked_anew() {
        let directory = tempfile::tempdir().unwrap();
        let package = |lock| Sources {
            id: "a-1.0.0".to_owned(),
            archives: vec![archive("a-1.0.0", lock)],
            root: None,
        };
        let path = package(true).unpack(directory.path()).unwrap();
        assert_eq!(path, directory.path().join("a-1.0.0"));
        fs::write(path.join("left"), "by a test").unwrap();
        package(true).unpack(directory.path()).unwrap();
        assert_eq!(
            files(&path),
            ["Cargo.lock", "Cargo.toml"].map(str::to_owned).into()
        );
        let error = package(false).unpack(directory.path()).unwrap_err();
        assert!(error.to_string().contains("are not pinned"), "{error}");
    }

    #[test]
    fn workspace_has_its_members_side_by_side() {
        let directory = tempfile::tempdir().unwrap();
        let ids = ["a-1.0.0", "b-2.0.0"];
        let workspace = Sources {
            id: "all-1.0.0".to_owned(),
            archives: ids.map(|id| archive(id, true)).into(),
            root: Some(Root {
                manifest: "root".to_owned(),
                lock: ("all.lock".into(), Some("locked".to_owned())),
            }),
        };
        let path = workspace.unpack(directory.path()).unwrap();
        assert_eq!(path, directory.path().join("all-1.0.0"));
        let expected = [
            "Cargo.lock",
            "Cargo.toml",
            "a-1.0.0/Cargo.lock",
            "a-1.0.0/Cargo.toml",
            "b-2.0.0/Cargo.lock",
            "b-2.0.0/Cargo.toml",
        ];
        assert_eq!(files(&path), expected.map(str::to_owned).into());
        let read = |file| fs::read_to_string(path.join(file)).unwrap();
        assert_eq!([read("Cargo.toml"), read("Cargo.lock")], ["root", "locked"]);
        assert_eq!(read("b-2.0.0/Cargo.toml"), "b-2.0.0");
        let metadata = fs::metadata(path.join("a-1.0.0/Cargo.toml")).unwrap();
        let modified = metadata.modified().unwrap();
        let seconds = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(seconds.as_secs(), 1_000_000_000);
    }
}
