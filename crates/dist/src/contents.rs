//! The contents of the archive.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::archive::{File, Files};
use crate::glibc::GlibcVersion;
use crate::{Dist, licenses, read};

/// The installer, which `cargo xtask install` uses without an archive too.
pub const INSTALLER: &str = include_str!("../install.sh");

/// The first thing to read, one screen.
const README: &str = include_str!("../README.in.md");

pub(crate) fn files(
    dist: &Dist,
    executable: Vec<u8>,
    glibc: GlibcVersion,
    cargo: Command,
) -> Result<Files> {
    let mut files = Files::new();
    let mut add = |path: &str, bytes: Vec<u8>| {
        let is_executable = matches!(path, "bin/cargo" | "install.sh");
        files.insert(
            path.to_owned(),
            File {
                bytes,
                is_executable,
            },
        );
    };
    add("bin/cargo", executable);
    add("install.sh", INSTALLER.into());
    add("README.md", readme(dist, glibc).into_bytes());
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        add(license, read(&dist.repository.join(license))?);
    }
    add(
        "LICENSE-THIRD-PARTY.md",
        licenses::text(dist, cargo)?.into_bytes(),
    );
    let etc = dist.tree.join("src/etc");
    add(
        "share/zsh/site-functions/_cargo",
        read(&etc.join("_cargo"))?,
    );
    add(
        "share/bash-completion/completions/cargo",
        read(&etc.join("cargo.bashcomp.sh"))?,
    );
    for (name, bytes) in pages(&etc.join("man"))? {
        add(&format!("share/man/man1/{name}"), bytes);
    }
    Ok(files)
}

fn readme(dist: &Dist, glibc: GlibcVersion) -> String {
    README
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{target}", &dist.host)
        .replace("{glibc}", &glibc.to_string())
        .replace("{rustc}", &dist.rustc)
}

/// The manual pages, by name.
fn pages(directory: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let describe = || format!("failed to list `{}`", directory.display());
    let mut pages = Vec::new();
    for entry in fs::read_dir(directory).with_context(describe)? {
        let path = entry.with_context(describe)?.path();
        if path.extension().is_some_and(|extension| extension == "1") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            pages.push((name.into_owned(), read(&path)?));
        }
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_fits_a_screen_and_says_the_floor() {
        let dist = Dist {
            repository: "/repository".into(),
            tree: "/tree".into(),
            output: "/output".into(),
            host: "x86_64-unknown-linux-gnu".to_owned(),
            rustc: "rustc 1.95.0".to_owned(),
            cargo_home: "/cargo-home".into(),
            glibc: None,
        };
        let text = readme(&dist, "2.31".parse().unwrap());
        assert!(text.contains("glibc 2.31 or later"), "{text}");
        assert!(!text.contains('{'), "{text}");
        assert!(
            text.lines().count() <= 40 && text.lines().all(|line| line.len() <= 100),
            "{text}"
        );
    }
}
