//! The compilers with which we try the fork, besides the one that xtask runs with: those of
//! rustup's toolchains, and Debian's newest and oldest.
//!
//! Each is a directory with `rustc` and `rustdoc`. We put it in front of `PATH`, where the test
//! suite looks for them. If two compilers print the same about themselves, they are one under two
//! names, and we leave out the second.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::debian::{self, Age};
use crate::fork::on_path;
use crate::paths::Repository;
use crate::steps::Step;
use crate::toolchain;

/// Debian's newest compiler, and its name on the command line.
pub const NEWEST_OF_DEBIAN: (Age, &str) = (Age::Newest, "debian");

/// The same of its oldest.
pub const OLDEST_OF_DEBIAN: (Age, &str) = (Age::Oldest, "debian-oldest");

/// A compiler.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// Its name on the command line; may be the name of a file.
    pub name: String,
    /// Where it comes from, for people.
    pub origin: String,
    /// The output of `rustc -vV`.
    details: String,
    /// The `PATH` in which the directory of rustc and rustdoc comes first.
    path: OsString,
}

impl Compiler {
    fn new(name: String, origin: String, programs: PathBuf) -> Result<Compiler> {
        let rustc = programs.join("rustc");
        let details = toolchain::run(toolchain::command(rustc).arg("-vV"))?;
        let rest = env::var_os("PATH").unwrap_or_default();
        let directories = [programs.clone()]
            .into_iter()
            .chain(env::split_paths(&rest));
        let path = env::join_paths(directories)
            .with_context(|| format!("`{}` cannot stand in the PATH", programs.display()))?;
        let compiler = Compiler {
            name,
            origin,
            details: String::from_utf8_lossy(&details).into_owned(),
            path,
        };
        compiler.version()?;
        Ok(compiler)
    }

    /// Its release, such as `1.97.0-nightly`.
    pub fn release(&self) -> &str {
        release(&self.details)
    }

    /// The first two numbers of the release.
    pub fn version(&self) -> Result<(u64, u64)> {
        version(self.release())
    }

    /// Makes a command, and the programs that it starts, find this compiler and no other.
    pub fn set_for(&self, command: &mut Command) {
        // If this is set, the test suite asks rustup which compiler to take.
        for variable in ["RUSTUP_TOOLCHAIN", "RUSTC", "RUSTDOC"] {
            command.env_remove(variable);
        }
        command.env("PATH", &self.path);
    }
}

/// All compilers except the one that xtask runs with: those of rustup, and these of Debian.
pub fn all(
    repository: &Repository,
    step: &mut Step,
    of_debian: &[(Age, &str)],
) -> Result<Vec<Compiler>> {
    let mut known = vec![toolchain::rustc_details()?];
    let mut compilers = Vec::new();
    let of_rustup = of_rustup(step)?;
    for compiler in of_rustup
        .into_iter()
        .chain(unpacked(repository, step, of_debian)?)
    {
        if known.contains(&compiler.details) {
            continue;
        }
        known.push(compiler.details.clone());
        compilers.push(compiler);
    }
    Ok(compilers)
}

/// Those of the toolchains that rustup has.
pub fn of_rustup(step: &mut Step) -> Result<Vec<Compiler>> {
    if !on_path("rustup") {
        step.say("LEFT OUT: the compilers of rustup, which is not there");
        return Ok(Vec::new());
    }
    let list = step.capture(toolchain::command("rustup").args(["toolchain", "list"]))?;
    let mut compilers = Vec::new();
    for name in list.lines().filter_map(toolchain_name) {
        let mut which = toolchain::command("rustup");
        which.args(["which", "--toolchain", name, "rustc"]);
        let observed = step.observe(&mut which)?;
        if !observed.status.success() {
            step.say(&format!("LEFT OUT: the toolchain `{name}` has no rustc"));
            continue;
        }
        let rustc = PathBuf::from(observed.stdout.trim_end());
        let programs = rustc.parent().unwrap_or(Path::new("/")).to_owned();
        let short = short_name(name, &toolchain::host()?);
        let origin = format!("rustup, `{short}`");
        compilers.push(Compiler::new(short, origin, programs)?);
    }
    Ok(compilers)
}

fn unpacked(
    repository: &Repository,
    step: &mut Step,
    of_debian: &[(Age, &str)],
) -> Result<Vec<Compiler>> {
    let mut compilers = Vec::new();
    for &(age, name) in of_debian {
        let Some(rust) = debian::rust_of(repository, step, age)? else {
            continue;
        };
        let rustc = rust.rustc();
        let programs = rustc.parent().unwrap_or(Path::new("/")).to_owned();
        let origin = format!("Debian, `{}`", debian::RUSTC);
        compilers.push(Compiler::new(name.to_owned(), origin, programs)?);
    }
    Ok(compilers)
}

/// The name in a line of `rustup toolchain list`, which marks those that are in use.
fn toolchain_name(line: &str) -> Option<&str> {
    let name = line.split_whitespace().next()?;
    // "no installed toolchains"
    (name != "no").then_some(name)
}

/// The name without the platform, if that is this machine's.
fn short_name(name: &str, host: &str) -> String {
    let short = name
        .strip_suffix(host)
        .and_then(|name| name.strip_suffix('-'));
    short.unwrap_or(name).to_owned()
}

fn release(details: &str) -> &str {
    let mut lines = details.lines();
    let release = lines.find_map(|line| line.strip_prefix("release: "));
    release.unwrap_or_default().trim()
}

/// The first two numbers of a release.
pub fn version(release: &str) -> Result<(u64, u64)> {
    let numbers: Vec<u64> = release
        .split(['.', '-'])
        .map_while(|number| number.parse().ok())
        .collect();
    ensure!(numbers.len() >= 2, "`{release}` is no release of Rust");
    Ok((numbers[0], numbers[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchains_are_read_from_the_list() {
        let name = |line| toolchain_name(line);
        assert_eq!(name("stable-x (active, default)"), Some("stable-x"));
        assert_eq!(name("fast"), Some("fast"));
        assert_eq!(name(""), None);
        assert_eq!(name("no installed toolchains"), None);
        assert_eq!(short_name("nightly-x86", "x86"), "nightly");
        assert_eq!(short_name("nightly-arm", "x86"), "nightly-arm");
        assert_eq!(short_name("x86", "x86"), "x86");
    }

    #[test]
    fn releases_have_two_numbers_at_least() {
        assert_eq!(version("1.97.0-nightly").unwrap(), (1, 97));
        assert_eq!(version("1.96.0").unwrap(), (1, 96));
        assert_eq!(version("2.100").unwrap(), (2, 100));
        assert!(version("").is_err());
        assert!(version("nightly").is_err());
        let details = "rustc 1.96.0\nbinary: rustc\nrelease: 1.96.0\n";
        assert_eq!(release(details), "1.96.0");
    }

    #[test]
    fn a_command_finds_the_compiler_first() {
        let programs = toolchain::sysroot().unwrap().join("bin");
        let compiler = Compiler::new("x".to_owned(), "x".to_owned(), programs.clone()).unwrap();
        let mut which = Command::new("sh");
        which.args(["-c", "command -v rustc; echo ${RUSTUP_TOOLCHAIN-unset}"]);
        which.env("RUSTUP_TOOLCHAIN", "other");
        compiler.set_for(&mut which);
        let found = toolchain::run(&mut which).unwrap();
        assert_eq!(
            String::from_utf8(found).unwrap(),
            format!("{}\nunset\n", programs.join("rustc").display())
        );
    }
}
