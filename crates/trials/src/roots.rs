//! `cargo xtask roots`: tries the fork in other releases of Debian, with an older or a newer glibc.
//!
//! A root is a directory with the files of a bare container image and a C compiler. In each, the fork builds the sample
//! of the [tools](crate::tools), with the toolchain of this machine. The linker has to pack the relative relocations of
//! shared objects if the C library understands that, from glibc 2.36 on, and nowhere else. Then we copy the executable
//! and its shared objects as the guide does for an image, and run the copy without toolchain and target directory. At
//! last we copy them from the newest root to the oldest. The loader of the oldest has to refuse packed relocations with
//! the message in the guide.
//!
//! The command needs root, debootstrap and a mirror of Debian, so it is no step of CI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::tools::bench::Bench;
use crate::tools::image::{groups_beside, in_container, namespaces};
use workshop::files::{self, copy};
use workshop::linking::{Linking, require_linked};
use workshop::paths::Repository;
use workshop::steps::{Chatter, Show, Step, Steps};
use workshop::toolchain;

/// Options of the command.
#[derive(clap::Args)]
pub struct Options {
    /// Releases of Debian, the oldest first
    #[arg(default_values = ["bullseye", "bookworm", "trixie"])]
    suites: Vec<String>,
    /// An executable of the fork that starts in all of them, such as one of `cargo xtask dist` made in the oldest
    #[arg(long, value_name = "FILE")]
    fork: PathBuf,
    /// Leave the roots for the next run
    #[arg(long)]
    keep: bool,
}

/// The first glibc whose loader understands packed relocations.
const PACKED_SINCE: (u32, u32) = (2, 36);

/// The version of a symbol by which a file asks for such a loader.
const PACKED: &[u8] = b"GLIBC_ABI_DT_RELR";

/// The message of an older loader, in the words of the guide.
const REFUSAL: &str = "version `GLIBC_ABI_DT_RELR' not found";

/// A root, and the outcome of the sample in it.
struct Tried {
    directory: PathBuf,
    is_packed: bool,
}

/// Tries all of them, and removes the roots.
///
/// # Errors
/// When a root cannot be made, or the sample behaves differently in one.
pub fn run(repository: &Repository, options: &Options) -> Result<()> {
    let roots = repository.roots();
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    let mut tried = Vec::new();
    for suite in &options.suites {
        let root = roots.join(suite);
        tried.push(steps.run(suite, |step| try_root(step, options, suite, root))?);
    }
    if let [oldest, .., newest] = tried.as_slice()
        && newest.is_packed
        && !oldest.is_packed
    {
        steps.run("oldest", |step| {
            let image = "opt/image";
            for file in ["sample", "deps"] {
                let from = newest.directory.join(image).join(file);
                copy_all(&from, &oldest.directory.join(image).join(file))?;
            }
            let mut program = in_container(&oldest.directory);
            let (printed, succeeded) = step.transcript(program.arg("/opt/image/sample"))?;
            ensure!(
                !succeeded && printed.contains(REFUSAL),
                "an executable of a newer glibc does not end with the loader's words of the guide\n{printed}"
            );
            step.say("refuses packed relocations, in the words of the guide");
            Ok(())
        })?;
    }
    if !options.keep {
        files::remove(&roots)?;
    }
    Ok(())
}

fn try_root(step: &mut Step, options: &Options, suite: &str, root: PathBuf) -> Result<Tried> {
    if !root.join("usr/bin/cc").exists() {
        let mut debootstrap = toolchain::command("debootstrap");
        let packages = "--include=gcc,libc6-dev";
        debootstrap
            .args(["--variant=minbase", packages, suite])
            .arg(&root);
        step.command(&mut debootstrap, Show::Progress)
            .context("failed to make a root\nhelp: it needs debootstrap, the rights of root and a mirror of Debian")?;
    }
    let glibc = step.capture(in_container(&root).args(["getconf", "GNU_LIBC_VERSION"]))?;
    let glibc = glibc.trim().trim_start_matches("glibc ").to_owned();
    let expects_packed = version(&glibc)? >= PACKED_SINCE;

    let site = root.join("opt/site");
    let mut bench = Bench::new(step, options.fork.clone(), site);
    bench.reset()?;
    let executable = bench.build_directory().join("debug/sample");
    for linking in [Linking::Static, Linking::Dynamic] {
        bench
            .step
            .command(&mut build(options, &root, linking)?, Show::Progress)?;
        require_linked(&executable, linking)?;
        let inside = Path::new("/").join(executable.strip_prefix(&root).unwrap_or(&executable));
        bench.require_greeting(in_container(&root).arg(inside))?;
    }
    let image = root.join("opt/image");
    copy(&executable, &image.join("sample"))?;
    let mut is_packed = false;
    for group in groups_beside(&executable)? {
        let bytes =
            fs::read(&group).with_context(|| format!("failed to read `{}`", group.display()))?;
        is_packed |= bytes.windows(PACKED.len()).any(|window| window == PACKED);
        copy(
            &group,
            &image
                .join("deps")
                .join(group.file_name().unwrap_or_default()),
        )?;
    }
    ensure!(
        is_packed == expects_packed,
        "with glibc {glibc}, shared objects {} packed relocations",
        if is_packed { "have" } else { "lack" }
    );
    fs::remove_dir_all(root.join("opt/site")).context("failed to remove the build")?;
    bench.require_greeting(in_container(&root).arg("/opt/image/sample"))?;
    bench.step.say(&format!(
        "glibc {glibc}: built and run there, {} packed relocations, and run as a copy",
        if is_packed { "with" } else { "without" }
    ));
    Ok(Tried {
        directory: root,
        is_packed,
    })
}

/// The fork in the root, which sees the toolchain and the registry of this machine.
fn build(options: &Options, root: &Path, linking: Linking) -> Result<Command> {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let registry = cargo_home
        .unwrap_or_else(|| home.join(".cargo"))
        .join("registry");
    let shown = [
        (toolchain::sysroot()?, "/opt/rust"),
        (registry, "/opt/cargo/registry"),
    ];
    let mut script = String::new();
    for (from, to) in &shown {
        let to = root.join(&to[1..]);
        fs::create_dir_all(&to).with_context(|| format!("failed to create `{}`", to.display()))?;
        script.push_str(&format!(
            "mount --bind '{}' '{}'\n",
            from.display(),
            to.display()
        ));
    }
    copy(&options.fork, &root.join("opt/fork/cargo"))?;
    script.push_str("exec chroot \"$@\"\n");
    let mut command = namespaces(root);
    command
        .args(["sh", "-euc", &script, "sh"])
        .arg(root)
        .args(["/opt/fork/cargo", "build", "--offline", linking.option()])
        .args([
            "--manifest-path",
            "/opt/site/sample/Cargo.toml",
            "--target-dir",
            "/opt/site/build",
        ])
        .env_clear()
        .env("CARGO_HOME", "/opt/cargo")
        .env("PATH", "/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    Ok(command)
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        return copy(from, to);
    }
    let describe = || format!("failed to list `{}`", from.display());
    for entry in fs::read_dir(from).with_context(describe)? {
        let name = entry.with_context(describe)?.file_name();
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

fn version(text: &str) -> Result<(u32, u32)> {
    let numbers: Vec<u32> = text.split('.').flat_map(str::parse).collect();
    match numbers.as_slice() {
        [major, minor, ..] => Ok((*major, *minor)),
        _ => bail!("`{text}` is no version of glibc"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(version("2.9").unwrap() < PACKED_SINCE && version("2.41").unwrap() > PACKED_SINCE);
        assert!(version("musl").is_err());
    }
}
