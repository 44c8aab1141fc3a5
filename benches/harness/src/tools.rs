//! The programs that builds need: both Cargos, rustc, and xtask, which builds a missing Cargo.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::peers::{Peer, Way, first_line};
use crate::results::{Program, Versions};

/// Variables of the caller that could give the peers other settings than theirs.
const REMOVED_VARIABLES: [&str; 6] = [
    "CARGO_INCREMENTAL",
    "LD_LIBRARY_PATH",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
];

/// Variables of Cargo that are kept: where it finds what was downloaded, and how it downloads.
const KEPT_PREFIXES: [&str; 4] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
];

pub(crate) struct Tools {
    xtask: PathBuf,
    fork: PathBuf,
    stock: PathBuf,
    earlier: Option<PathBuf>,
    sysroot: PathBuf,
    /// The platform that rustc builds for.
    pub(crate) host: String,
}

/// The paths of Cargos that need not be built.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    pub(crate) fork: Option<PathBuf>,
    pub(crate) stock: Option<PathBuf>,
    /// The fork as it was; nothing builds it.
    pub(crate) earlier: Option<PathBuf>,
}

impl Tools {
    /// Has `xtask` build the Cargos that are not given, optimised.
    pub(crate) fn find(xtask: &Path, given: Given) -> Result<Tools> {
        let find = |path: PathBuf| {
            path.canonicalize()
                .with_context(|| format!("failed to find `{}`", path.display()))
        };
        let make = |given: Option<PathBuf>, command: &str| match given {
            Some(path) => find(path),
            None => ask(xtask, &[command, "--release"]),
        };
        let earlier = given.earlier.map(find).transpose()?;
        let fork = make(given.fork, "build")?;
        let stock = make(given.stock, "stock")?;
        Ok(Tools {
            xtask: xtask.to_path_buf(),
            fork,
            stock,
            earlier,
            sysroot: sysroot()?,
            host: host()?,
        })
    }

    /// Has xtask generate a workload, and returns its directory.
    pub(crate) fn generate(&self, workload: &str) -> Result<PathBuf> {
        ask(&self.xtask, &["generate", workload])
    }

    /// Libraries of the toolchain.
    pub(crate) fn libraries(&self) -> PathBuf {
        self.sysroot
            .join("lib/rustlib")
            .join(&self.host)
            .join("lib")
    }

    pub(crate) fn versions(&self) -> Result<Versions> {
        Ok(Versions {
            rustc: first_line(Command::new("rustc").arg("-V"))?,
            linker_driver: first_line(Command::new("cc").arg("--version"))?,
            fork: program(&self.fork)?,
            stock: program(&self.stock)?,
            earlier: self.earlier.as_deref().map(program).transpose()?,
        })
    }

    /// The Cargo of `peer`, see [`Tools::stock`].
    pub(crate) fn cargo(&self, peer: &Peer, directory: &Path) -> Command {
        match peer.way {
            Way::Groups => {
                let earlier = self.earlier.as_ref().filter(|_| peer.is_earlier);
                self.command(earlier.unwrap_or(&self.fork), directory)
            }
            Way::Static | Way::SharedStd | Way::OwnDylib => self.stock(directory),
        }
    }

    /// Upstream's Cargo in `directory`, with nothing of the caller's environment that could change a build. rustc is
    /// called directly, since the proxies of rustup would be part of each time.
    pub(crate) fn stock(&self, directory: &Path) -> Command {
        self.command(&self.stock, directory)
    }

    fn command(&self, cargo: &Path, directory: &Path) -> Command {
        let mut command = Command::new(cargo);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_removed) {
                command.env_remove(name);
            }
        }
        command
            .current_dir(directory)
            .env("RUSTC", self.sysroot.join("bin/rustc"))
            .env("RUSTDOC", self.sysroot.join("bin/rustdoc"));
        command
    }
}

fn is_removed(variable: &str) -> bool {
    let is_kept = || {
        let mut prefixes = KEPT_PREFIXES.iter();
        prefixes.any(|prefix| variable.starts_with(prefix))
    };
    REMOVED_VARIABLES.contains(&variable) || (variable.starts_with("CARGO") && !is_kept())
}

/// The directory with the programs of the toolchain that rustc calls, such as its linker.
pub(crate) fn programs() -> Result<PathBuf> {
    Ok(sysroot()?.join("lib/rustlib").join(host()?).join("bin"))
}

fn sysroot() -> Result<PathBuf> {
    first_line(Command::new("rustc").args(["--print", "sysroot"])).map(PathBuf::from)
}

/// The platform that rustc builds for.
fn host() -> Result<String> {
    first_line(Command::new("rustc").args(["--print", "host-tuple"]))
}

/// Has xtask make something, shows its progress, and returns the path that it prints last.
fn ask(xtask: &Path, args: &[&str]) -> Result<PathBuf> {
    let shown = format!("cargo xtask {}", args.join(" "));
    let output = Command::new(xtask)
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to run `{}`", xtask.display()))?;
    ensure!(output.status.success(), "`{shown}` failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let path = text.lines().last();
    path.map(PathBuf::from)
        .with_context(|| format!("`{shown}` does not say where it is"))
}

fn program(path: &Path) -> Result<Program> {
    let mut hasher = blake3::Hasher::new();
    File::open(path)
        .and_then(|file| hasher.update_reader(file).map(drop))
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    Ok(Program {
        version: first_line(Command::new(path).arg("-V"))?,
        hash: hasher.finalize().to_hex().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_caller_do_not_reach_builds() {
        for variable in [
            "CARGO",
            "CARGO_PROFILE_DEV_DEBUG",
            "CARGO_TARGET_DIR",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTFLAGS",
        ] {
            assert!(is_removed(variable), "{variable}");
        }
        for variable in ["CARGO_HOME", "CARGO_HTTP_CAINFO", "PATH", "RUSTUP_HOME"] {
            assert!(!is_removed(variable), "{variable}");
        }
    }
}
