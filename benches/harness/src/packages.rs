//! Packages of crates.io that a workload takes as path crates. The harness copies them out of Cargo's registry for a
//! run, and this repository does not have them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::runner::Runner;
use crate::sources::{self, Files};
use crate::tools::Tools;

/// Where the packages go in the workload, each to a directory of its name. The workload's manifest says so too.
const DIRECTORY: &str = "local";

/// Files that Cargo adds to a package, or that count only where it was published.
const LEFT_OUT: [&str; 4] = [
    ".cargo-ok",
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml.orig",
];

#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    package: Named,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Downloaded>,
}

#[derive(Debug, Deserialize)]
struct Downloaded {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

/// The files of all packages that the workload's lock file has without a source, in the versions of that file.
/// `scratch` is a directory for a package that depends on them, so that Cargo downloads them.
pub(crate) fn copied(
    workload: &Files,
    scratch: &Path,
    tools: &Tools,
    runner: &mut Runner,
) -> Result<Files> {
    let text = |path: &str| {
        let content = workload.get(Path::new(path));
        let content = content.with_context(|| format!("the workload has no `{path}`"))?;
        String::from_utf8(content.clone()).with_context(|| format!("failed to read `{path}`"))
    };
    let lock = text("Cargo.lock")?;
    let packages = local_packages(&text("Cargo.toml")?, &lock)?;
    prepare(scratch, &manifest(&packages), &lock)
        .with_context(|| format!("failed to write to `{}`", scratch.display()))?;
    let mut cargo = tools.stock(scratch);
    let ran = runner.run(cargo.args(["metadata", "--format-version", "1"]))?;
    let metadata: Metadata =
        serde_json::from_str(&ran.stdout).context("failed to read what `cargo metadata` says")?;

    let mut files = Files::new();
    for (name, version) in &packages {
        let downloaded = metadata
            .packages
            .iter()
            .find(|package| package.name == *name && package.version == *version)
            .with_context(|| format!("Cargo has not downloaded `{name}` {version}"))?;
        let directory = downloaded.manifest_path.parent().unwrap_or(Path::new("/"));
        for (path, content) in sources::read(directory)? {
            if !LEFT_OUT.map(OsStr::new).contains(&path.as_os_str()) {
                files.insert(Path::new(DIRECTORY).join(name).join(path), content);
            }
        }
    }
    Ok(files)
}

/// Names and versions of the packages without a source, except for the workload's own.
fn local_packages(manifest: &str, lock: &str) -> Result<Vec<(String, String)>> {
    let manifest: Manifest =
        toml::from_str(manifest).context("failed to read the workload's manifest")?;
    let lock: Lock = toml::from_str(lock).context("failed to read the workload's lock file")?;
    Ok(lock
        .package
        .into_iter()
        .filter(|package| package.source.is_none() && package.name != manifest.package.name)
        .map(|package| (package.name, package.version))
        .collect())
}

/// The manifest of a package that depends on them.
fn manifest(packages: &[(String, String)]) -> String {
    let mut text = "[package]\nname = \"packages\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                    [lib]\npath = \"lib.rs\"\n\n[workspace]\n\n[dependencies]\n"
        .to_owned();
    for (name, version) in packages {
        text.push_str(&format!("{name} = \"={version}\"\n"));
    }
    text
}

/// Lays the package down, unless it is there with the lock file that Cargo made of it.
fn prepare(scratch: &Path, manifest: &str, lock: &str) -> Result<()> {
    let path = scratch.join("Cargo.toml");
    if fs::read_to_string(&path).ok().as_deref() == Some(manifest) {
        return Ok(());
    }
    fs::create_dir_all(scratch)?;
    fs::write(scratch.join("lib.rs"), "")?;
    // All that the packages depend on is to have the version that the workload has too.
    fs::write(scratch.join("Cargo.lock"), lock)?;
    fs::write(path, manifest)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::workloads::Workload;

    const MANIFEST: &str = include_str!("../../workloads/local-heavy/Cargo.toml");
    const LOCK: &str = include_str!("../../workloads/local-heavy/Cargo.lock");

    #[test]
    fn packages_without_a_source_are_named_with_their_versions() {
        let lock = "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\n\
                    [[package]]\nname = \"below\"\nversion = \"1.2.3\"\n\n\
                    [[package]]\nname = \"far\"\nversion = \"1.0.0\"\nsource = \"registry\"\n";
        let packages = local_packages("[package]\nname = \"app\"\n", lock).unwrap();
        assert_eq!(packages, [("below".to_owned(), "1.2.3".to_owned())]);
        let manifest = manifest(&packages);
        assert!(manifest.ends_with("[dependencies]\nbelow = \"=1.2.3\"\n"));
    }

    #[test]
    fn every_local_package_of_the_workload_is_patched() {
        let packages = local_packages(MANIFEST, LOCK).unwrap();
        assert!(packages.len() >= 30);
        let (_, patches) = MANIFEST.split_once("[patch.crates-io]\n").unwrap();
        let expected: Vec<String> = packages
            .iter()
            .map(|(name, _)| format!("{name} = {{ path = \"{DIRECTORY}/{name}\" }}"))
            .collect();
        assert_eq!(patches.lines().collect::<Vec<_>>(), expected);
    }

    /// How many local packages depend on each, directly or not.
    fn dependents() -> BTreeMap<String, usize> {
        let lock: toml::Table = LOCK.parse().unwrap();
        let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for package in lock["package"].as_array().unwrap() {
            let dependencies = package.get("dependencies").and_then(|list| list.as_array());
            let names = dependencies
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str());
            below.insert(package["name"].as_str().unwrap(), names.collect());
        }
        let packages = local_packages(MANIFEST, LOCK).unwrap();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (name, _) in &packages {
            counts.entry(name.clone()).or_default();
            let (mut reached, mut open) = (BTreeSet::new(), vec![name.as_str()]);
            while let Some(next) = open.pop() {
                for dependency in &below[next] {
                    if below.contains_key(dependency) && reached.insert(*dependency) {
                        open.push(dependency);
                    }
                }
            }
            for (other, _) in packages
                .iter()
                .filter(|(other, _)| reached.contains(&**other))
            {
                *counts.entry(other.clone()).or_default() += 1;
            }
        }
        counts
    }

    #[test]
    fn edited_libraries_have_the_place_that_they_stand_for() {
        let counts = dependents();
        let mut order: Vec<(usize, &str)> = counts
            .iter()
            .map(|(name, count)| (*count, &**name))
            .collect();
        order.sort_unstable();
        let place = |file: Option<&str>| {
            let name = file.unwrap().split('/').nth(1).unwrap();
            let at = order.iter().position(|(_, other)| *other == name);
            at.unwrap() as f64 / order.len() as f64
        };
        let edits = Workload::by_name("local-heavy").unwrap().edits;
        assert!(place(edits.leaf) < 1.0 / 3.0, "{order:?}");
        assert!((0.4..0.6).contains(&place(edits.middle)), "{order:?}");
        // Nothing has more dependents.
        let lowest = edits.base.unwrap().split('/').nth(1).unwrap();
        assert_eq!(counts.values().max(), counts.get(lowest), "{order:?}");
    }
}
