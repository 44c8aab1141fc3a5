//! A project's package: downloaded by Cargo, checked against the list, unpacked.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;

use crate::corpus::project::Project;
use patch_stack::pin::sha256;
use workshop::files;
use workshop::steps::{Show, Step};
use workshop::toolchain;

/// Returns the package as it was published. Afterwards, Cargo can build it and its dependencies offline.
///
/// `scratch` is a directory outside of any package.
pub(crate) fn fetch(step: &mut Step, project: &Project, scratch: &Path) -> Result<Archive> {
    let archive = match Archive::in_cache(project)? {
        Some(archive) => archive,
        None => {
            // `cargo info` downloads the package that it shows, and no other.
            let package = format!("{}@{}", project.name, project.version);
            let mut cargo = toolchain::cargo();
            cargo
                .current_dir(scratch)
                .args(["info", "--quiet", "--registry=crates-io", &package]);
            step.command(&mut cargo, Show::Progress)?;
            Archive::in_cache(project)?.with_context(|| {
                format!(
                    "`cargo info` left no `{}.crate` with the checksum `{}` in Cargo's cache\n\
                     help: the checksum is that of crates.io, in `crates/trials/corpus.toml`",
                    project.id(),
                    project.checksum
                )
            })?
        }
    };
    let sources = archive.unpack(scratch)?;
    let mut cargo = toolchain::cargo();
    cargo
        .current_dir(&sources)
        .args(["fetch", "--locked", "--target", &toolchain::host()?]);
    step.command(&mut cargo, Show::Progress)?;
    Ok(archive)
}

/// The archive of a package, verified.
pub(crate) struct Archive {
    path: PathBuf,
    bytes: Vec<u8>,
    id: String,
}

impl Archive {
    /// Looks in Cargo's cache, `registry/cache/<index>/`, for the archive with the right content.
    fn in_cache(project: &Project) -> Result<Option<Archive>> {
        let cache = cargo_home()?.join("registry/cache");
        for index in files::entries(&cache)? {
            let path = index.path().join(format!("{}.crate", project.id()));
            let Ok(bytes) = fs::read(&path) else { continue };
            if sha256(&bytes) == project.checksum {
                let id = project.id();
                return Ok(Some(Archive { path, bytes, id }));
            }
        }
        Ok(None)
    }

    /// Unpacks to an empty directory in `directory`, without files that tests have left there. Files have the times
    /// from the archive, so that Cargo takes none for changed. Returns the path of the package.
    pub(crate) fn unpack(&self, directory: &Path) -> Result<PathBuf> {
        let package = directory.join(&self.id);
        let describe = || format!("failed to unpack `{}`", self.path.display());
        files::remove(&package)?;
        tar::Archive::new(GzDecoder::new(&self.bytes[..]))
            .unpack(directory)
            .with_context(describe)?;
        ensure!(
            package.join("Cargo.lock").is_file(),
            "`{}` has no `Cargo.lock`, so that its dependencies are not pinned",
            self.path.display()
        );
        Ok(package)
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
