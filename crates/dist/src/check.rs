//! Tries an archive in bare systems, which have only the base packages of a distribution.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{Archive, run};

/// The message of the installer if there is no rustup.
const REFUSAL: &str = "there is no rustup, so no toolchain can be made";

/// Unpacks the archive in each of these root directories, as debootstrap makes them, and runs its programs there: Cargo
/// has to start, and the installer has to refuse with its message, since there is no rustup. Only root can do this.
///
/// # Errors
/// When one of them does something else.
pub fn in_roots<'p>(
    archive: &Archive,
    roots: impl Iterator<Item = &'p Path>,
) -> Result<Vec<String>> {
    roots
        .map(|root| in_root(archive, root).with_context(|| format!("in `{}`", root.display())))
        .collect()
}

fn in_root(archive: &Archive, root: &Path) -> Result<String> {
    let opt = root.join("opt");
    // A bare root may lack xz, so we unpack from outside.
    run(Command::new("tar")
        .arg("-xf")
        .arg(&archive.path)
        .arg("-C")
        .arg(&opt))?;
    let inside = format!("/opt/{}", archive.directory);
    let in_chroot = |program: &str, args: &[&str]| {
        let mut command = Command::new("chroot");
        command
            .arg(root)
            .arg(program)
            .args(args)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.output().context("failed to run `chroot`")
    };
    let version = in_chroot(&format!("{inside}/bin/cargo"), &["--version"])?;
    let printed = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    ensure!(
        version.status.success() && printed.starts_with("cargo "),
        "cargo does not start\n{printed}{}",
        String::from_utf8_lossy(&version.stderr)
    );
    let installer = in_chroot("/bin/sh", &[&format!("{inside}/install.sh")])?;
    let stderr = String::from_utf8_lossy(&installer.stderr);
    ensure!(
        installer.status.code() == Some(1)
            && stderr.contains(REFUSAL)
            && stderr.contains("\nhelp: "),
        "the installer does not say that there is no rustup ({})\n{stderr}",
        installer.status
    );
    std::fs::remove_dir_all(opt.join(&archive.directory))
        .context("failed to remove what was unpacked")?;
    Ok(format!(
        "{}: `{printed}` starts, and the installer asks for rustup",
        root.display()
    ))
}
