//! Upstream as it was published: Cargo fetches it, and we check it against the pin and unpack it.
//!
//! `upstream/Cargo.lock` is the authority. Cargo verifies checksums when it downloads. But the archive in its cache
//! may have changed since, and anybody can edit the directory that it unpacks to. So we hash the archives again, and
//! use nothing but their content.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::git::{File, Files, Mode};
use workshop::paths::Repository;
use workshop::toolchain;

/// A package of upstream and where its files go in the tree.
struct PinnedPackage {
    name: &'static str,
    /// Prefix of its paths in the tree: empty, or a directory with a slash at the end.
    place: &'static str,
}

const PACKAGES: [PinnedPackage; 2] = [
    PinnedPackage {
        name: "cargo",
        place: "",
    },
    // Published apart from Cargo, but part of its repository, and patched like the rest.
    PinnedPackage {
        name: "cargo-util-schemas",
        place: "crates/cargo-util-schemas/",
    },
];

/// Files that `cargo package` adds to those of the repository, and that no build reads.
const PACKAGING_FILES: [&str; 2] = [".cargo_vcs_info.json", "Cargo.toml.orig"];

/// The source of the first commit of the tree.
pub(crate) trait Base {
    /// A text that changes whenever [`Base::files`] does, and costs little.
    fn key(&self) -> Result<String>;

    /// Message of the commit.
    fn message(&self) -> Result<String>;

    /// All files.
    fn files(&self) -> Result<Files>;
}

/// Upstream at the pinned version.
pub struct Pin {
    manifest: PathBuf,
    lock: PathBuf,
    packages: &'static [PinnedPackage],
}

/// Version and checksum of a package, as `upstream/Cargo.lock` has them.
struct Locked {
    version: String,
    /// SHA-256, hexadecimal.
    checksum: String,
}

impl Pin {
    /// The pin of `repository`, in `upstream/`.
    pub fn new(repository: &Repository) -> Pin {
        Pin {
            manifest: repository.pin_manifest(),
            lock: repository.pin_lock(),
            packages: &PACKAGES,
        }
    }

    /// A pin of upstream's release `version`, made in `directory` after that of `repository`.
    pub(crate) fn of_version(
        repository: &Repository,
        directory: &Path,
        version: &str,
    ) -> Result<Pin> {
        let [cargo, schemas] = &PACKAGES;
        let manifest = read(&repository.pin_manifest())?;
        // The first package names the version of the second.
        let text = with_version(&manifest, cargo.name, Some(version));
        let pin = Pin::make(directory, &with_version(&text, schemas.name, None))?;
        let files = Pin {
            packages: std::slice::from_ref(cargo),
            ..pin
        }
        .files()?;
        let lock = files
            .get("Cargo.lock")
            .with_context(|| format!("`cargo` {version} was published without `Cargo.lock`"))?;
        let schemas_version =
            parse_locked(&String::from_utf8_lossy(&lock.content), schemas.name)?.version;
        let text = with_version(&text, schemas.name, Some(&schemas_version));
        Pin::make(directory, &text)
    }

    /// A pin in `directory` whose manifest is `manifest`.
    fn make(directory: &Path, manifest: &str) -> Result<Pin> {
        let pin = Pin {
            manifest: directory.join("Cargo.toml"),
            lock: directory.join("Cargo.lock"),
            packages: &PACKAGES,
        };
        let describe = || format!("failed to write `{}`", directory.display());
        fs::create_dir_all(directory).with_context(describe)?;
        fs::write(&pin.manifest, manifest).with_context(describe)?;
        fs::write(directory.join("pin.rs"), "").with_context(describe)?;
        toolchain::run(
            toolchain::cargo()
                .args(["generate-lockfile", "--quiet", "--manifest-path"])
                .arg(&pin.manifest),
        )?;
        Ok(pin)
    }

    /// The version of Cargo.
    pub(crate) fn version(&self) -> Result<String> {
        let [cargo, _] = &PACKAGES;
        Ok(self.locked(cargo)?.version)
    }

    pub(crate) fn manifest(&self) -> &Path {
        &self.manifest
    }

    pub(crate) fn lock(&self) -> &Path {
        &self.lock
    }

    fn lock_text(&self) -> Result<String> {
        read(&self.lock)
    }

    fn locked(&self, package: &PinnedPackage) -> Result<Locked> {
        let name = package.name;
        parse_locked(&self.lock_text()?, name)
            .with_context(|| format!("in `{}`", self.lock.display()))
    }
}

impl Base for Pin {
    fn key(&self) -> Result<String> {
        Ok(sha256(self.lock_text()?.as_bytes()))
    }

    fn message(&self) -> Result<String> {
        let mut subject = Vec::new();
        let mut checksums = String::new();
        for package in self.packages {
            let locked = self.locked(package)?;
            subject.push(format!("{} {}", package.name, locked.version));
            checksums.push_str(&format!(
                "sha256 of {}: {}\n",
                package.name, locked.checksum
            ));
        }
        Ok(format!(
            "upstream: {}\n\nAs published on crates.io.\n\n{checksums}",
            subject.join(", ")
        ))
    }

    fn files(&self) -> Result<Files> {
        let manifest = &self.manifest;
        let host = toolchain::host()?;
        toolchain::run(
            toolchain::cargo()
                .args([
                    "fetch",
                    "--quiet",
                    "--locked",
                    "--target",
                    &host,
                    "--manifest-path",
                ])
                .arg(manifest),
        )?;
        let metadata = toolchain::run(
            toolchain::cargo()
                .args([
                    "metadata",
                    "--quiet",
                    "--locked",
                    "--offline",
                    "--format-version=1",
                ])
                .args(["--filter-platform", &host, "--manifest-path"])
                .arg(manifest),
        )?;
        let metadata: Value = serde_json::from_slice(&metadata)
            .context("failed to read what `cargo metadata` printed")?;
        let mut files = Files::new();
        for package in self.packages {
            let locked = self.locked(package)?;
            let archive = archive_path(&metadata, package.name, &locked.version)?;
            let bytes = read_verified(&archive, package.name, &locked)?;
            let unpacked = unpack(&bytes, package, &locked.version)
                .with_context(|| format!("failed to unpack `{}`", archive.display()))?;
            files.extend(unpacked);
        }
        Ok(files)
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))
}

/// The manifest of a pin with another version of a dependency, or without it.
fn with_version(manifest: &str, name: &str, version: Option<&str>) -> String {
    let start = format!("{name} = ");
    let mut text = String::new();
    for line in manifest.split_inclusive('\n') {
        match version {
            _ if !line.starts_with(&start) => text.push_str(line),
            Some(version) => text.push_str(&format!("{start}\"={version}\"\n")),
            None => {}
        }
    }
    text
}

fn parse_locked(lock: &str, name: &str) -> Result<Locked> {
    let lock: toml::Table = lock.parse()?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let mut found = packages
        .into_iter()
        .flatten()
        .filter(|package| package.get("name").and_then(toml::Value::as_str) == Some(name));
    let package = found
        .next()
        .with_context(|| format!("package `{name}` is not locked"))?;
    ensure!(found.next().is_none(), "package `{name}` is locked twice");
    let field = |field: &str| {
        package
            .get(field)
            .and_then(toml::Value::as_str)
            .map(str::to_owned)
            .with_context(|| format!("package `{name}` has no {field}"))
    };
    Ok(Locked {
        version: field("version")?,
        checksum: field("checksum")?,
    })
}

/// Where Cargo's cache keeps the archive: packages are unpacked to `registry/src/<index>/<name>-<version>/` and
/// archives kept in `registry/cache/<index>/<name>-<version>.crate`.
fn archive_path(metadata: &Value, name: &str, version: &str) -> Result<PathBuf> {
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == name && package["version"] == version)
        .and_then(|package| package["manifest_path"].as_str())
        .with_context(|| format!("`cargo metadata` does not know `{name}` {version}"))?;
    let unpacked = Path::new(manifest).parent();
    let index = unpacked.and_then(Path::parent);
    let source = index.and_then(Path::parent);
    let registry = source
        .filter(|source| source.ends_with("registry/src"))
        .and_then(Path::parent);
    let (Some(index), Some(registry)) = (index.and_then(Path::file_name), registry) else {
        bail!(
            "package `{name}` {version} does not come from a registry's cache but from `{manifest}`\n\
             help: upstream has to be fetched from crates.io; remove source replacement from Cargo's configuration"
        );
    };
    Ok(registry
        .join("cache")
        .join(index)
        .join(format!("{name}-{version}.crate")))
}

fn read_verified(archive: &Path, name: &str, locked: &Locked) -> Result<Vec<u8>> {
    let bytes =
        fs::read(archive).with_context(|| format!("failed to read `{}`", archive.display()))?;
    let found = sha256(&bytes);
    ensure!(
        found == locked.checksum,
        "package `{name}` {version} is not the one that is pinned\n\
         file: `{archive}`\nexpected sha256: `{expected}`\nfound sha256: `{found}`\n\
         help: remove the file, then run the command again",
        version = locked.version,
        archive = archive.display(),
        expected = locked.checksum,
    );
    Ok(bytes)
}

fn unpack(archive: &[u8], package: &PinnedPackage, version: &str) -> Result<Files> {
    let root = format!("{}-{version}/", package.name);
    let mut files = Files::new();
    for entry in tar::Archive::new(GzDecoder::new(archive)).entries()? {
        let mut entry = entry?;
        let path = String::from_utf8(entry.path_bytes().into_owned())?;
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            continue;
        }
        let relative = path
            .strip_prefix(&root)
            .with_context(|| format!("`{path}` lies outside of `{root}`"))?;
        ensure!(
            kind.is_file()
                && relative
                    .split('/')
                    .all(|part| !matches!(part, "" | "." | ".." | ".git")),
            "`{path}` is no plain file at a plain path"
        );
        if PACKAGING_FILES.contains(&relative) {
            continue;
        }
        let mode = match entry.header().mode()? & 0o111 {
            0 => Mode::Regular,
            _ => Mode::Executable,
        };
        let mut content = Vec::new();
        entry
            .read_to_end(&mut content)
            .with_context(|| format!("in `{path}`"))?;
        files.insert(
            format!("{}{relative}", package.place),
            File { mode, content },
        );
    }
    Ok(files)
}

/// The SHA-256 of `bytes`, as crates.io writes it.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
