//! A directory into which packages are unpacked, one after the other.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::apt::{Apt, Package};
use crate::files;
use crate::steps::{Show, Step};
use crate::toolchain;

/// The directory of the record of what is unpacked: an empty file for each package, written when it is complete.
const UNPACKED: &str = "unpacked";

#[derive(Clone, Debug)]
pub(super) struct Root {
    directory: PathBuf,
}

impl Root {
    pub(super) fn at(directory: PathBuf) -> Root {
        Root { directory }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The script that runs a program of the root.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    /// Fetches and unpacks those of these packages that are not there.
    pub(super) fn unpack(&self, step: &mut Step, apt: &Apt, packages: &[Package]) -> Result<()> {
        self.refuse_other_versions(packages)?;
        let is_missing = |package: &&Package| !self.stamp(package).exists();
        let missing: Vec<&Package> = packages.iter().filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for file in apt.download(step, &missing)? {
            let mut unpack = toolchain::command("dpkg-deb");
            unpack.arg("--extract").arg(&file).arg(&self.directory);
            step.command(&mut unpack, Show::Progress)?;
            fs::remove_file(&file)
                .with_context(|| format!("failed to remove `{}`", file.display()))?;
        }
        self.write_scripts()?;
        for package in missing {
            files::write(&self.stamp(package), "")?;
        }
        Ok(())
    }

    /// Makes the linker scripts among libraries (`libc.so`) name other libraries by file name, as
    /// the linker finds them here, and not by their installed path below `prefix`.
    pub(super) fn relocate_scripts(&self, prefix: &str) -> Result<()> {
        let directory = self.directory.join(prefix).join("lib");
        let describe = || {
            format!(
                "failed to relocate linker scripts in `{}`",
                directory.display()
            )
        };
        for entry in fs::read_dir(&directory).with_context(describe)? {
            let path = entry.with_context(describe)?.path();
            if path.extension().is_none_or(|extension| extension != "so") {
                continue;
            }
            // Other libraries are no text.
            if let Ok(text) = fs::read_to_string(&path) {
                let relocated = ["lib", "lib64"].iter().fold(text, |text, name| {
                    text.replace(&format!("/{prefix}/{name}/"), "")
                });
                fs::write(&path, relocated).with_context(describe)?;
            }
        }
        Ok(())
    }

    fn stamp(&self, package: &Package) -> PathBuf {
        self.directory.join(UNPACKED).join(package.id())
    }

    /// Fails if a package is there in another version, since files of both would lie side by side.
    fn refuse_other_versions(&self, packages: &[Package]) -> Result<()> {
        let Ok(entries) = fs::read_dir(self.directory.join(UNPACKED)) else {
            return Ok(());
        };
        let unpacked: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
        for package in packages {
            let id = package.id();
            let begin = format!("{}_", package.name);
            let end = format!("_{}", package.architecture);
            let other = unpacked
                .iter()
                .map(|name| name.to_string_lossy())
                .find(|name| name.starts_with(&begin) && name.ends_with(&end) && **name != id);
            if let Some(other) = other {
                bail!(
                    "`{}` has `{other}`, and the distribution now serves `{id}`\n\
                     help: remove `{}`, so that all of it is fetched again",
                    self.directory.display(),
                    self.directory.parent().unwrap_or(&self.directory).display()
                );
            }
        }
        Ok(())
    }

    /// Writes a script for each program, which has the loader look for libraries beside it.
    fn write_scripts(&self) -> Result<()> {
        let programs = self.directory.join("usr/bin");
        let describe = || format!("failed to read `{}`", programs.display());
        let Ok(entries) = fs::read_dir(&programs) else {
            return Ok(());
        };
        let native = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        let libraries = self.directory.join(native);
        for entry in entries {
            let name = entry.with_context(describe)?.file_name();
            let script = self.directory.join("bin").join(&name);
            let text = format!(
                "#!/bin/sh\n\
                 LD_LIBRARY_PATH='{}'\"${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
                 export LD_LIBRARY_PATH\n\
                 exec '{}' \"$@\"\n",
                libraries.display(),
                programs.join(&name).display()
            );
            files::write(&script, &text)?;
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
                .with_context(|| format!("failed to make `{}` executable", script.display()))?;
        }
        Ok(())
    }
}
