//! Packs the fork for those who use it.
//!
//! [`make`] builds the executable and writes the archive and its checksum. [`contents`] lists the contents of the
//! archive. The same sources at the same path give the same bytes. Files are sorted and have one time, that of
//! `SOURCE_DATE_EPOCH` or of the last commit. Rust and C code name no directory of the machine that built them. Only
//! OpenSSL keeps the path where it was compiled, and the flags of its compiler.
//!
//! The executable may need a glibc as new as that of the machine that built it, since its C code is compiled against that
//! one. [`glibc`] reads the version that it needs from the executable. For an old one, build on an old system. [`check`]
//! unpacks the archive in bare systems and tries it.
//!
//! This crate runs other programs: Cargo, git and xz.
//!
//! We leave out metadata for cargo-binstall, which would put `cargo` into `~/.cargo/bin`, over the proxy of rustup.

mod archive;
pub mod check;
pub mod contents;
pub mod glibc;
mod licenses;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::glibc::GlibcVersion;

/// What is packed, and where.
#[derive(Debug, Clone)]
pub struct Dist {
    /// Root of this repository.
    pub repository: PathBuf,
    /// The tree that Cargo is built from.
    pub tree: PathBuf,
    /// Directory for the build and the archive.
    pub output: PathBuf,
    /// The target triple of this machine.
    pub host: String,
    /// The rustc that builds, in the words of `rustc -V`.
    pub rustc: String,
    /// Where Cargo keeps its registry.
    pub cargo_home: PathBuf,
    /// The newest glibc that the executable may need.
    pub glibc: Option<GlibcVersion>,
}

/// An archive that was made.
#[derive(Debug)]
pub struct Archive {
    /// Its path; the checksum is beside it, with `.sha256` at the end of its name.
    pub path: PathBuf,
    /// The name of the directory inside.
    pub directory: String,
    /// The oldest glibc that the executable runs with.
    pub glibc: GlibcVersion,
}

/// Builds the executable with the command that `cargo` returns, and packs it.
///
/// # Errors
/// When something cannot be built, read or written, or when the executable needs a newer glibc than it may.
pub fn make(dist: &Dist, cargo: impl Fn() -> Command) -> Result<Archive> {
    let time = source_date(&dist.repository)?;
    let executable = build(dist, time, cargo())?;
    pack(dist, &executable, time, cargo())
}

/// Packs an executable with the other files of the archive. Each file gets `time`, in seconds since 1970.
///
/// # Errors
/// When something cannot be read or written, or when the executable needs a newer glibc than it may.
pub fn pack(dist: &Dist, executable: &Path, time: u64, cargo: Command) -> Result<Archive> {
    let bytes = read(executable)?;
    let glibc = glibc::floor(&bytes).with_context(|| {
        format!(
            "failed to read the versions that `{}` needs",
            executable.display()
        )
    })?;
    if let Some(bound) = dist.glibc {
        ensure!(
            glibc <= bound,
            "the executable needs glibc {glibc}, which is newer than {bound}\n\
             help: build it on a system with glibc {bound}"
        );
    }
    let directory = format!(
        "cargo-dynamic-deps-{}-{}",
        env!("CARGO_PKG_VERSION"),
        dist.host
    );
    let files = contents::files(dist, bytes, glibc, cargo)?;
    let path = archive::write(&dist.output, &directory, files, time)?;
    Ok(Archive {
        path,
        directory,
        glibc,
    })
}

/// The time of all files of the archive, in seconds since 1970: `SOURCE_DATE_EPOCH`, or that of the last commit.
fn source_date(repository: &Path) -> Result<u64> {
    let text =
        match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(text) => text,
            Err(_) => output(Command::new("git").current_dir(repository).args([
                "log",
                "-1",
                "--format=%ct",
            ]))?,
        };
    text.trim()
        .parse()
        .with_context(|| format!("`{}` is no time in seconds since 1970", text.trim()))
}

/// Builds the executable: optimised, with OpenSSL inside, and without paths of this machine.
fn build(dist: &Dist, time: u64, mut cargo: Command) -> Result<PathBuf> {
    let target_directory = dist.output.join("build");
    let remap = [
        (&dist.tree, "/cargo"),
        (&dist.repository, "/dynamic-deps"),
        (&dist.cargo_home, "/cargo-home"),
    ];
    // The last option that matches counts, and the tree is in the repository.
    let remap = remap.iter().rev();
    let flags: Vec<String> = remap
        .clone()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect();
    let c_flags: Vec<String> = remap
        .map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display()))
        .collect();
    cargo
        .current_dir(&dist.tree)
        // With this separator, a path may have spaces in it.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CFLAGS", c_flags.join(" "))
        .env("SOURCE_DATE_EPOCH", time.to_string())
        .args([
            "build",
            "--release",
            "--locked",
            "--bin",
            "cargo",
            "--features",
            "vendored-openssl",
        ])
        .arg("--target-dir")
        .arg(&target_directory);
    run(&mut cargo)?;
    Ok(target_directory.join("release/cargo"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("failed to run `{command:?}`"))?;
    ensure!(status.success(), "`{command:?}` failed ({status})");
    Ok(())
}

/// Runs a program and returns its output.
fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("failed to run `{command:?}`"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{command:?}` failed ({})\n{}",
            output.status,
            stderr.trim_end()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{command:?}` prints something other than text"))
}
