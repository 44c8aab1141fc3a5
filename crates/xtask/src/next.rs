//! `cargo xtask next`: the port to the next release, built and tested by the newest toolchain of rustup.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};

use patch_stack::next;
use patch_stack::tree::Tree;
use workshop::compilers;
use workshop::paths::Repository;
use workshop::steps::{Chatter, Steps};
use workshop::toolchain;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Bring work in `target/next` back to `upstream/next`
    #[arg(long, conflicts_with = "take")]
    keep: bool,
    /// Make this repository that of the next release, with its pin
    #[arg(long)]
    take: bool,
}

pub(crate) fn run(tree: &Tree, options: &Options) -> Result<ExitCode> {
    if options.keep {
        next::keep(tree)?;
    } else if options.take {
        next::take(tree)?;
    } else {
        return test(tree.repository());
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the step `testsuite` in the repository of the next release.
fn test(repository: &Repository) -> Result<ExitCode> {
    let next = next::lay_down(repository)?.context("there is no port in `upstream/next`")?;
    let needed = needed(&next)?;
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    let found = steps.run("rustup", compilers::of_rustup)?;
    let mut newest = None;
    for compiler in found {
        let version = compiler.version()?;
        if version >= needed && newest.as_ref().is_none_or(|(newest, _)| version > *newest) {
            newest = Some((version, compiler));
        }
    }
    let (_, compiler) = newest.with_context(|| {
        format!(
            "no toolchain of rustup is as new as Rust {}.{}\nhelp: `rustup toolchain install nightly`",
            needed.0, needed.1
        )
    })?;
    println!("{}, Rust {}", compiler.origin, compiler.release());
    let mut cargo = toolchain::command("rustup");
    cargo
        .args(["run", &compiler.name, "cargo", "xtask", "test"])
        .args(["--only", "testsuite"])
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(next.root());
    let status = cargo.status().context("failed to run rustup")?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The Rust that a repository says it needs.
fn needed(repository: &Repository) -> Result<(u64, u64)> {
    let path = repository.root().join("Cargo.toml");
    let describe = || format!("failed to read `{}`", path.display());
    let manifest = fs::read_to_string(&path).with_context(describe)?;
    let mut lines = manifest.lines();
    let version = lines.find_map(|line| line.strip_prefix("rust-version = "));
    compilers::version(version.unwrap_or_default().trim_matches('"')).with_context(describe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_says_which_rust_is_needed() {
        assert!(needed(&Repository::of_this_build()).unwrap() >= (1, 95));
    }
}
