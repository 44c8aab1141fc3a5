//! The toolchain that xtask was started with: its programs, in an environment like the caller's.
//!
//! `cargo xtask` is `cargo run`, which sets variables about the package xtask (`CARGO_PKG_NAME` and the like) and puts
//! directories in front of the library path. None of this may reach the builds and programs that xtask starts.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The caller's Cargo: the one that runs xtask.
pub fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The active rustc: a rustup proxy if there is rustup.
pub fn rustc() -> Command {
    command(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// `program` in the environment that the caller of `cargo xtask` has.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    restore_environment(&mut command);
    command
}

/// The platform that the active rustc builds for.
pub fn host() -> Result<String> {
    rustc_details()?
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .context("`rustc -vV` does not name its host")
}

/// The output of the active rustc about itself: name, version, commit and date.
pub fn rustc_version() -> Result<String> {
    let version = run(rustc().arg("-V"))?;
    Ok(String::from_utf8_lossy(&version).trim_end().to_owned())
}

/// The same in full, as lines of a name and a value.
pub fn rustc_details() -> Result<String> {
    let details = run(rustc().arg("-vV"))?;
    Ok(String::from_utf8_lossy(&details).into_owned())
}

/// Directory of the active toolchain.
pub fn sysroot() -> Result<PathBuf> {
    let sysroot = run(rustc().args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&sysroot).trim_end()))
}

/// Runs a short command and returns its output; its errors are part of ours.
pub fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .output()
        .with_context(|| format!("failed to run `{}`", display(command)))?;
    if !output.status.success() {
        bail!(
            "`{}` failed ({})\n{}",
            display(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(output.stdout)
}

/// Program and arguments, to be read by people.
pub fn display(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// Keeps a git hook's or a script's `GIT_*` variables from the child.
pub fn remove_git_variables(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
}

fn restore_environment(command: &mut Command) {
    const OF_XTASK: [&str; 3] = ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if OF_XTASK.contains(&&*text) || text.starts_with("CARGO_PKG_") {
            command.env_remove(name);
        }
    }
    const LIBRARY_PATH: &str = if cfg!(target_os = "macos") {
        "DYLD_FALLBACK_LIBRARY_PATH"
    } else {
        "LD_LIBRARY_PATH"
    };
    if let Some(path) = env::var_os(LIBRARY_PATH) {
        match without_directories(&path, &directories_of_cargo()) {
            Some(path) => command.env(LIBRARY_PATH, path),
            None => command.env_remove(LIBRARY_PATH),
        };
    }
}

/// Directories below which everything on the library path was put there by Cargo or rustup: that of this executable,
/// and the libraries of the toolchain.
fn directories_of_cargo() -> Vec<PathBuf> {
    let executable = env::current_exe().ok();
    let build = executable.as_deref().and_then(Path::parent);
    let cargo = env::var_os("CARGO").map(PathBuf::from);
    let toolchain = cargo.as_deref().and_then(|cargo| cargo.ancestors().nth(2));
    let libraries = toolchain.map(|toolchain| toolchain.join("lib"));
    build
        .map(Path::to_path_buf)
        .into_iter()
        .chain(libraries)
        .collect()
}

fn without_directories(path: &OsStr, directories: &[PathBuf]) -> Option<OsString> {
    let kept = env::split_paths(path).filter(|entry| {
        !directories
            .iter()
            .any(|directory| entry.starts_with(directory))
    });
    env::join_paths(kept).ok().filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_path_loses_what_cargo_added() {
        #[track_caller]
        fn check(path: &str, expected: Option<&str>) {
            let directories = ["/repo/target/debug".into(), "/rustup/stable/lib".into()];
            let found = without_directories(OsStr::new(path), &directories);
            assert_eq!(found.as_deref(), expected.map(OsStr::new));
        }
        check("/repo/target/debug/deps:/rustup/stable/lib", None);
        check(
            "/repo/target/debug:/opt/lib:/usr/lib",
            Some("/opt/lib:/usr/lib"),
        );
        check("/repo/target/debugger", Some("/repo/target/debugger"));
    }
}
