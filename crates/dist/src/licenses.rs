//! The licenses of all code that is linked into the executable.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{Dist, output};

/// Build dependencies that bring native sources, which are compiled and linked into the executable.
const BRING_SOURCES: [&str; 1] = ["openssl-src"];

/// Beginnings of the names of files with license texts, in lower case.
const LICENSE_FILES: [&str; 6] = [
    "license",
    "licence",
    "copying",
    "copyright",
    "notice",
    "unlicense",
];

/// How many directories below a package with native sources to look for their licenses.
const DEPTH: usize = 2;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    license_file: Option<PathBuf>,
    links: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    root: Option<String>,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

impl Package {
    fn is_proc_macro(&self) -> bool {
        self.targets
            .iter()
            .any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
    }

    /// Its license in the words of its manifest, or a note that the manifest names none.
    fn license(&self) -> &str {
        match (&self.license, &self.license_file) {
            (Some(license), _) => license,
            (None, Some(_)) => "see its license file",
            (None, None) => "not stated",
        }
    }
}

/// The document: each package with its license, then each text once, with the packages that have it.
pub(crate) fn text(dist: &Dist, mut cargo: Command) -> Result<String> {
    cargo.current_dir(&dist.tree).args([
        "metadata",
        "--format-version=1",
        "--locked",
        "--features=vendored-openssl",
        "--filter-platform",
        &dist.host,
    ]);
    let metadata = serde_json::from_str(&output(&mut cargo)?)
        .context("failed to read the metadata of Cargo")?;
    let packages = linked_packages(&metadata);
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in &packages {
        for file in license_files(package)? {
            let text = String::from_utf8_lossy(&crate::read(&file)?).into_owned();
            texts
                .entry(text)
                .or_default()
                .insert(format!("{} {}", package.name, package.version));
        }
    }
    Ok(document(dist, &packages, &texts))
}

/// The packages whose code is in the executable, by name.
fn linked_packages(metadata: &Metadata) -> Vec<&Package> {
    let packages: HashMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package))
        .collect();
    let nodes: HashMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let mut seen = BTreeSet::new();
    let mut pending: Vec<&str> = metadata.resolve.root.as_deref().into_iter().collect();
    while let Some(id) = pending.pop() {
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else {
            continue;
        };
        if package.is_proc_macro() || !seen.insert(id) {
            continue;
        }
        let deps = node.deps.iter().filter(|dep| {
            let name = packages
                .get(dep.pkg.as_str())
                .map(|package| package.name.as_str());
            let brings_sources = name.is_some_and(|name| BRING_SOURCES.contains(&name));
            dep.dep_kinds.iter().any(|kind| match kind.kind.as_deref() {
                None => true,
                Some(kind) => kind == "build" && brings_sources,
            })
        });
        pending.extend(deps.map(|dep| dep.pkg.as_str()));
    }
    let mut linked: Vec<&Package> = seen.into_iter().map(|id| packages[id]).collect();
    linked.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    linked
}

/// The files with license texts of a package, and of native sources in it.
fn license_files(package: &Package) -> Result<BTreeSet<PathBuf>> {
    let directory = package.manifest_path.parent().unwrap_or(Path::new("."));
    let has_sources = package.links.is_some() || BRING_SOURCES.contains(&package.name.as_str());
    let mut files = BTreeSet::new();
    add_license_files(directory, if has_sources { DEPTH } else { 0 }, &mut files)?;
    if let Some(file) = &package.license_file {
        let file = directory.join(file);
        if file.is_file() {
            files.insert(file);
        }
    }
    Ok(files)
}

fn add_license_files(directory: &Path, depth: usize, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    let describe = || format!("failed to list `{}`", directory.display());
    for entry in fs::read_dir(directory).with_context(describe)? {
        let path = entry.with_context(describe)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        if path.is_dir() {
            if depth > 0 {
                add_license_files(&path, depth - 1, files)?;
            }
        } else if LICENSE_FILES.iter().any(|start| name.starts_with(start)) {
            files.insert(path);
        }
    }
    Ok(())
}

fn document(
    dist: &Dist,
    packages: &[&Package],
    texts: &BTreeMap<String, BTreeSet<String>>,
) -> String {
    let mut document = format!(
        "# What is linked into the executable\n\n\
         The standard library of {} is under MIT or Apache-2.0.\n\n\
         | Package | Version | License |\n|---|---|---|\n",
        dist.rustc
    );
    for package in packages {
        document.push_str(&format!(
            "| {} | {} | {} |\n",
            package.name,
            package.version,
            package.license()
        ));
    }
    document.push_str("\n# Texts\n");
    for (text, names) in texts {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        document.push_str(&format!(
            "\n## {}\n\n````text\n{}\n````\n",
            names.join(", "),
            text.trim_end()
        ));
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_listed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let package = |name: &str, kind: &str, links: &str| {
            let home = directory.path().join(name);
            fs::create_dir_all(home.join("native/docs")).unwrap();
            fs::write(home.join("LICENSE-MIT"), format!("text of {name}\n")).unwrap();
            fs::write(
                home.join("native/COPYING"),
                format!("native text of {name}\n"),
            )
            .unwrap();
            format!(
                r#"{{"id":"{name}","name":"{name}","version":"1.0.0","license":"MIT","license_file":null,
                "links":{links},"manifest_path":"{}/Cargo.toml","targets":[{{"kind":["{kind}"]}}]}}"#,
                home.display()
            )
        };
        let dep = |name: &str, kind: &str| {
            format!(r#"{{"pkg":"{name}","dep_kinds":[{{"kind":{kind}}}]}}"#)
        };
        let node = |name: &str, deps: &[String]| {
            format!(r#"{{"id":"{name}","deps":[{}]}}"#, deps.join(","))
        };
        let packages = [
            package("cargo", "bin", "null"),
            package("derive", "proc-macro", "null"),
            package("cc", "lib", "null"),
            package("openssl-sys", "lib", "\"openssl\""),
            package("openssl-src", "lib", "null"),
            package("dev", "lib", "null"),
        ];
        let nodes = [
            node(
                "cargo",
                &[
                    dep("derive", "null"),
                    dep("openssl-sys", "null"),
                    dep("dev", "\"dev\""),
                ],
            ),
            node("derive", &[]),
            node("cc", &[]),
            node(
                "openssl-sys",
                &[dep("cc", "\"build\""), dep("openssl-src", "\"build\"")],
            ),
            node("openssl-src", &[]),
            node("dev", &[]),
        ];
        let metadata: Metadata = serde_json::from_str(&format!(
            r#"{{"packages":[{}],"resolve":{{"root":"cargo","nodes":[{}]}}}}"#,
            packages.join(","),
            nodes.join(",")
        ))
        .unwrap();
        let linked = linked_packages(&metadata);
        let names: Vec<&str> = linked.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["cargo", "openssl-src", "openssl-sys"]);
        // Native sources are below the package that links them.
        assert_eq!(license_files(linked[0]).unwrap().len(), 1);
        assert_eq!(license_files(linked[1]).unwrap().len(), 2);
    }
}
