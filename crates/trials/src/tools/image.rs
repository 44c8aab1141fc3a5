//! The files of a container image, and a root directory that stands for one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use measure::executable::is_group;

use workshop::toolchain;

/// Runs a program with `image` as its root and with a `/proc` of its own, which the loader needs to find the directory
/// of the program.
pub(crate) fn namespaces(image: &Path) -> Command {
    let mut command = toolchain::command("unshare");
    command
        .args(["--map-root-user", "--mount", "--pid", "--fork"])
        .arg(format!("--mount-proc={}", image.join("proc").display()));
    command
}

pub(crate) fn in_container(image: &Path) -> Command {
    let mut command = namespaces(image);
    command.arg("chroot").arg(image);
    command
}

/// The files that the guide copies: `deps/dynamic-deps-*.so`.
pub(crate) fn groups_beside(executable: &Path) -> Result<Vec<PathBuf>> {
    let directory = executable.with_file_name("deps");
    let describe = || format!("failed to list `{}`", directory.display());
    let mut groups = Vec::new();
    for entry in fs::read_dir(&directory).with_context(describe)? {
        let path = entry.with_context(describe)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_group(&name) && name.ends_with(".so") {
            groups.push(path);
        }
    }
    Ok(groups)
}
