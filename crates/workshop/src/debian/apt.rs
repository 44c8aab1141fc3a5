//! apt with configuration and state of its own: lists of packages, dependencies and downloads.
//!
//! apt reads the sources of the system. For another processor, it also reads those of the stable
//! release, which may have packages that the system's release lacks. It takes packages from there
//! only if no other source has them, or if the caller asks for that version. It reads a copy of the
//! system's record of installed packages, so that it fetches only missing ones. The copy leaves out
//! the packages that [`is_forgotten`] names: a compiler in a directory of its own finds only parts
//! that lie beside it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::files;
use crate::steps::{Show, Step};
use crate::toolchain;

/// How often to ask for lists: while a mirror changes, it serves lists that do not fit together.
const ATTEMPTS: usize = 3;

/// The sources of the system in the older form; those of the newer one are in a directory.
const SOURCES: &str = "/etc/apt/sources.list";

/// The keys with which Debian signs its releases.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where Debian's releases are.
const DEBIAN: &str = "http://deb.debian.org/debian";

/// The system's record of installed packages.
const INSTALLED: &str = "/var/lib/dpkg/status";

/// A package to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// `all` for one that fits every processor.
    pub(super) architecture: String,
}

impl Package {
    /// A text that differs from that of all other packages, and may be the name of a file.
    pub(super) fn id(&self) -> String {
        format!("{}_{}_{}", self.name, self.version, self.architecture)
    }

    /// Reads a line `Inst name [old version] (version origin [architecture])` of `apt-get --simulate`.
    fn of_simulation(line: &str) -> Option<Package> {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
        let (new, _) = rest.split_once('(')?.1.split_once("])")?;
        let (version, origin) = new.split_once(' ')?;
        let (_, architecture) = origin.rsplit_once('[')?;
        let name = name.split(':').next().unwrap_or(name);
        Some(Package {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
        })
    }
}

pub(super) struct Apt {
    directory: PathBuf,
    options: Vec<OsString>,
}

impl Apt {
    /// Fetches the lists of packages for this machine and for another processor.
    pub(super) fn update(
        directory: PathBuf,
        step: &mut Step,
        foreign: Option<&str>,
    ) -> Result<Apt> {
        let native = step.capture(toolchain::command("dpkg").arg("--print-architecture"))?;
        let native = native.trim_end();
        let state = directory.join("state");
        let cache = directory.join("cache");
        for directory in [state.join("lists/partial"), cache.join("archives/partial")] {
            fs::create_dir_all(&directory)
                .with_context(|| format!("failed to create `{}`", directory.display()))?;
        }
        let status = directory.join("status");
        files::write(&status, remembered(&installed()?))?;
        let sources = directory.join("sources.list");
        files::write(&sources, sources_with_stable(foreign))?;
        let preferences = directory.join("preferences");
        files::write(
            &preferences,
            "Package: *\nPin: release a=stable\nPin-Priority: 100\n",
        )?;

        let mut options = Vec::new();
        for (name, path) in [
            ("Dir::State", &state),
            ("Dir::State::status", &status),
            ("Dir::Cache", &cache),
            ("Dir::Etc::sourcelist", &sources),
            ("Dir::Etc::preferences", &preferences),
        ] {
            let mut option = OsString::from(format!("{name}="));
            option.push(path);
            options.push(option);
        }
        options.push(format!("APT::Architecture={native}").into());
        for architecture in [native].into_iter().chain(foreign) {
            options.push(format!("APT::Architectures::={architecture}").into());
        }
        options.push("Acquire::Languages=none".into());
        // apt's own user may not write to our directories.
        options.push("APT::Sandbox::User=root".into());
        let options = options
            .into_iter()
            .flat_map(|option| ["-o".into(), option])
            .collect();

        let apt = Apt { directory, options };
        for attempt in 1..=ATTEMPTS {
            let mut update = apt.command("apt-get");
            let observed = step.observe(update.arg("update"))?;
            if observed.status.success() {
                break;
            }
            // This is no error: another source of the system may be out of reach, and old versions
            // are there.
            if attempt == ATTEMPTS {
                let reason = observed.stderr.lines().find(|line| line.starts_with("E: "));
                step.say(&format!(
                    "some lists of packages could not be had: {}",
                    reason.unwrap_or("`apt-get update` fails")
                ));
            }
        }
        Ok(apt)
    }

    /// The versions of a package that the sources have, the newest first.
    pub(super) fn versions(&self, step: &mut Step, name: &str) -> Result<Vec<String>> {
        let mut show = self.command("apt-cache");
        // apt fails if there is no such package.
        let observed = step.observe(show.args(["show", "--all-versions", name]))?;
        let lines = observed.stdout.lines();
        let versions = lines.filter_map(|line| line.strip_prefix("Version: "));
        Ok(versions.map(str::to_owned).collect())
    }

    /// These packages and their dependencies, without those that the system has.
    pub(super) fn resolve(&self, step: &mut Step, wanted: &[String]) -> Result<Vec<Package>> {
        let mut install = self.command("apt-get");
        install.args(["install", "--simulate", "--no-install-recommends"]);
        let text = step.capture(install.args(wanted))?;
        let packages: Vec<_> = text.lines().filter_map(Package::of_simulation).collect();
        for wanted in wanted {
            let name = wanted.split('=').next().unwrap_or(wanted);
            if !packages.iter().any(|package| package.name == name) {
                bail!("apt finds `{name}` but does not say what it takes to install it");
            }
        }
        Ok(packages)
    }

    /// Fetches packages, and returns the files.
    pub(super) fn download(&self, step: &mut Step, packages: &[&Package]) -> Result<Vec<PathBuf>> {
        let directory = self.directory.join("download");
        files::make_empty(&directory)?;
        let mut download = self.command("apt-get");
        download.current_dir(&directory).arg("download");
        for Package {
            name,
            version,
            architecture,
        } in packages
        {
            download.arg(match architecture.as_str() {
                "all" => format!("{name}={version}"),
                architecture => format!("{name}:{architecture}={version}"),
            });
        }
        step.command(&mut download, Show::Progress)?;
        let describe = || format!("failed to read `{}`", directory.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(&directory).with_context(describe)? {
            files.push(entry.with_context(describe)?.path());
        }
        if files.len() != packages.len() {
            bail!(
                "apt was asked for {} packages and fetched {}",
                packages.len(),
                files.len()
            );
        }
        Ok(files)
    }

    fn command(&self, program: &str) -> std::process::Command {
        let mut command = toolchain::command(program);
        command.env("LC_ALL", "C").args(&self.options);
        command
    }
}

/// The sources of the system, and for another processor those of the stable release.
fn sources_with_stable(foreign: Option<&str>) -> String {
    let mut sources = fs::read_to_string(SOURCES).unwrap_or_default();
    if let Some(foreign) = foreign.filter(|_| Path::new(KEYS).exists()) {
        sources.push_str(&format!(
            "\ndeb [arch={foreign} signed-by={KEYS}] {DEBIAN} stable main\n"
        ));
    }
    sources
}

fn installed() -> Result<String> {
    let bytes =
        fs::read(Path::new(INSTALLED)).with_context(|| format!("failed to read `{INSTALLED}`"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The paragraphs of a record of installed packages, without the forgotten ones.
fn remembered(record: &str) -> String {
    let paragraphs = record.split_inclusive("\n\n");
    let remembered = paragraphs.filter(|paragraph| {
        let name = paragraph
            .lines()
            .find_map(|line| line.strip_prefix("Package: "));
        !name.is_some_and(is_forgotten)
    });
    remembered.collect()
}

/// Whether apt has to take a package as missing, since it is part of something that we keep apart
/// from the system: Rust, a cross compiler, the emulator.
fn is_forgotten(name: &str) -> bool {
    let is_of_compiler = super::PLATFORMS.iter().any(|platform| {
        let of_other = name.strip_suffix("-base").unwrap_or(name);
        of_other.ends_with(&format!("-{}", platform.gnu))
    });
    is_of_compiler
        || ["rustc-web", "libstd-rust-web", "qemu-user"]
            .iter()
            .any(|begin| name.starts_with(begin))
        || ["-cross", "-cross-base"]
            .iter()
            .any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_a_simulation() {
        #[track_caller]
        fn check(line: &str, expected: Option<&str>) {
            let found = Package::of_simulation(line).map(|package| package.id());
            assert_eq!(found.as_deref(), expected);
        }
        check(
            "Inst libllvm22 (1:22.1.8-1~deb12u1 Debian-Security:12/oldstable-security [amd64])",
            Some("libllvm22_1:22.1.8-1~deb12u1_amd64"),
        );
        check(
            "Inst zstd [1.5.4+dfsg2-5] (1.5.4+dfsg2-5+deb12u1 Debian:12.15/oldstable, Other [amd64]) []",
            Some("zstd_1.5.4+dfsg2-5+deb12u1_amd64"),
        );
        check(
            "Inst libc6-arm64-cross (2.36-8cross1 Debian:12.15/oldstable [all])",
            Some("libc6-arm64-cross_2.36-8cross1_all"),
        );
        check("Conf libllvm22 (1:22.1.8 Debian [amd64])", None);
        check("Remv rustc [1.63.0]", None);
    }

    #[test]
    fn what_lies_apart_is_taken_for_missing() {
        let record = "Package: gcc\nStatus: install ok installed\n\n\
                      Package: rustc-web\nStatus: install ok installed\n\n\
                      Package: zlib1g\nStatus: install ok installed\n\n";
        assert_eq!(
            remembered(record),
            "Package: gcc\nStatus: install ok installed\n\n\
             Package: zlib1g\nStatus: install ok installed\n\n"
        );
        for name in [
            "gcc-12-aarch64-linux-gnu",
            "gcc-12-aarch64-linux-gnu-base",
            "gcc-12-cross-base",
            "libc6-dev-armhf-cross",
            "libstd-rust-web-1.96",
            "qemu-user-static",
        ] {
            assert!(is_forgotten(name), "{name}");
        }
        for name in ["gcc-12", "binutils-x86-64-linux-gnu", "libllvm22", "rustc"] {
            assert!(!is_forgotten(name), "{name}");
        }
    }
}
