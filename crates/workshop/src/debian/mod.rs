//! Debian's packages, unpacked below `target/debian` and used from there.
//!
//! Debian has a Rust that is newer or older than the toolchain of this repository, its standard library for other
//! processors, cross compilers and an emulator. We install none of these: [`apt`] asks the
//! distribution with configuration and state of its own, and [`root`] unpacks the packages. The
//! versions are those that the distribution serves: the newest compiler, and a standard library for
//! the other processor that was made of the same sources. Unpacked packages stay. We ask for them
//! again only if somebody has removed `target/debian`.
//!
//! A *root* is a directory of unpacked packages. It has `usr` as in the packages, and `bin` with a
//! script for each program, which points the loader to the libraries in the root. Each version of
//! Rust has a root. The cross compilers share one, in which each has its directories.
//!
//! If there is no Debian, or if the distribution has no such package, functions say so and return
//! `None`.

mod apt;
mod platforms;
mod root;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use self::apt::{Apt, Package};
use self::platforms::Runs;
pub use self::platforms::{PLATFORMS, Platform};
use self::root::Root;
use crate::files;
use crate::fork::on_path;
use crate::paths::Repository;
use crate::steps::Step;

/// The package of the compiler with which the distribution builds its browsers, newer than its
/// `rustc`.
pub const RUSTC: &str = "rustc-web";

/// The package of the standard library, one for each processor.
const STD: &str = "libstd-rust-web-dev";

/// Which of the versions to take that the distribution serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// The one that would be installed.
    Newest,
    /// The one that its release began with.
    Oldest,
}

/// Debian's Rust.
#[derive(Clone, Debug)]
pub struct Rust {
    root: Root,
    /// Version of the packages.
    pub version: String,
}

impl Rust {
    /// The compiler: a script, which may be called from anywhere.
    pub fn rustc(&self) -> PathBuf {
        self.root.program("rustc")
    }

    /// The same for rustdoc.
    pub fn rustdoc(&self) -> PathBuf {
        self.root.program("rustdoc")
    }

    /// Makes Cargo, or another program that follows these variables, use this Rust.
    pub fn set_for(&self, command: &mut Command) {
        command
            .env("RUSTC", self.rustc())
            .env("RUSTDOC", self.rustdoc());
    }
}

/// Debian's Rust with the tools to build programs for another processor, and to run them here.
#[derive(Clone, Debug)]
pub struct Cross {
    /// Has the standard library for this processor too.
    pub rust: Rust,
    tools: Root,
    /// The processor.
    pub platform: &'static Platform,
}

impl Cross {
    /// A program of the cross compiler, such as `gcc`.
    pub fn tool(&self, name: &str) -> PathBuf {
        let name = format!("{}-{name}", self.platform.gnu);
        self.tools.program(&name)
    }

    /// The command that runs a program for the processor. The program is to be its last argument.
    pub fn runner(&self) -> Vec<PathBuf> {
        let libraries = self.tools.directory().join("usr").join(self.platform.gnu);
        match self.platform.runs {
            Runs::In(emulator) => vec![
                self.tools.program(emulator),
                // The emulator needs it, the program does not.
                "-U".into(),
                "LD_LIBRARY_PATH".into(),
                "-L".into(),
                libraries,
            ],
            Runs::ByLoader(loader) => {
                let libraries = libraries.join("lib");
                vec![libraries.join(loader), "--library-path".into(), libraries]
            }
        }
    }

    /// Makes Cargo, or another program that follows these variables, build for the processor and
    /// run in the emulator.
    pub fn set_for(&self, command: &mut Command) {
        let triple = self.platform.triple;
        let of_cargo = triple.to_uppercase().replace('-', "_");
        let of_scripts = triple.replace('-', "_");
        let runner = self.runner();
        let runner: Vec<_> = runner.iter().map(|part| part.to_string_lossy()).collect();
        self.rust.set_for(command);
        command
            .env("CARGO_BUILD_TARGET", triple)
            .env(format!("CARGO_TARGET_{of_cargo}_LINKER"), self.tool("gcc"))
            .env(format!("CARGO_TARGET_{of_cargo}_RUNNER"), runner.join(" "))
            .env(format!("CC_{of_scripts}"), self.tool("gcc"))
            .env(format!("CXX_{of_scripts}"), self.tool("g++"))
            .env(format!("AR_{of_scripts}"), self.tool("ar"));
    }
}

/// Debian's newest Rust, for this machine.
pub fn rust(repository: &Repository, step: &mut Step) -> Result<Option<Rust>> {
    rust_of(repository, step, Age::Newest)
}

/// A Rust of Debian's of that age, for this machine.
pub fn rust_of(repository: &Repository, step: &mut Step, age: Age) -> Result<Option<Rust>> {
    let debian = Debian::new(repository);
    let Some(record) = debian.unpack_once(step, age, None)? else {
        return Ok(None);
    };
    Ok(Some(debian.rust(record)))
}

/// Debian's newest Rust that it has for this machine and for another processor, with a cross compiler for that.
pub fn cross(
    repository: &Repository,
    step: &mut Step,
    platform: &'static Platform,
) -> Result<Option<Cross>> {
    let debian = Debian::new(repository);
    let Some(record) = debian.unpack_once(step, Age::Newest, Some(platform))? else {
        return Ok(None);
    };
    Ok(Some(Cross {
        rust: debian.rust(record),
        tools: debian.tools(),
        platform,
    }))
}

struct Debian {
    directory: PathBuf,
}

impl Debian {
    fn new(repository: &Repository) -> Debian {
        Debian {
            directory: repository.debian(),
        }
    }

    fn rust(&self, version: String) -> Rust {
        Rust {
            root: Root::at(self.directory.join(format!("rust-{version}"))),
            version,
        }
    }

    fn tools(&self) -> Root {
        Root::at(self.directory.join("tools"))
    }

    /// Unpacks the packages unless they are there. Returns the version of Rust.
    fn unpack_once(
        &self,
        step: &mut Step,
        age: Age,
        platform: Option<&'static Platform>,
    ) -> Result<Option<String>> {
        let of_machine = match age {
            Age::Newest => "this-machine",
            Age::Oldest => "this-machine-oldest",
        };
        let name = platform.map_or(of_machine, |platform| platform.triple);
        // The stamp is written last, so the packages are complete if it is there.
        let stamp = self.directory.join("complete").join(name);
        if let Ok(version) = fs::read_to_string(&stamp) {
            return Ok(Some(version));
        }
        let missing: Vec<&str> = ["apt-get", "apt-cache", "dpkg", "dpkg-deb"]
            .into_iter()
            .filter(|program| !on_path(program))
            .collect();
        if !missing.is_empty() {
            let missing = missing.join("`, `");
            step.say(&format!(
                "LEFT OUT: this is no Debian, there is no `{missing}`"
            ));
            return Ok(None);
        }
        let foreign = platform.map(|platform| platform.architecture);
        let apt = Apt::update(self.directory.join("apt"), step, foreign)?;
        let Some(version) = self.unpack_rust(step, &apt, age, foreign)? else {
            return Ok(None);
        };
        if let Some(platform) = platform {
            self.unpack_tools(step, &apt, platform)?;
        }
        files::write(&stamp, &version)?;
        Ok(Some(version))
    }

    fn unpack_rust(
        &self,
        step: &mut Step,
        apt: &Apt,
        age: Age,
        foreign: Option<&str>,
    ) -> Result<Option<String>> {
        let versions = apt.versions(step, RUSTC)?;
        let (name, of_std) = match foreign {
            Some(foreign) => {
                let name = format!("{STD}:{foreign}");
                let of_std = apt.versions(step, &name)?;
                (name, of_std)
            }
            None => (STD.to_owned(), versions.clone()),
        };
        let fitting = match age {
            Age::Newest => newest_that_fit(&versions, &of_std),
            Age::Oldest => oldest_that_fit(&versions, &of_std),
        };
        let Some((version, of_std)) = fitting else {
            step.say(&format!(
                "LEFT OUT: the distribution has no `{RUSTC}` and `{name}` that fit together"
            ));
            return Ok(None);
        };
        let rust = self.rust(version.clone());
        let wanted = [RUSTC, STD].map(|name| format!("{name}={version}"));
        let mut packages = apt.resolve(step, &wanted)?;
        // It comes without its dependencies: nothing for the other processor runs at compile time.
        packages.extend(foreign.map(|foreign| Package {
            name: STD.to_owned(),
            version: of_std,
            architecture: foreign.to_owned(),
        }));
        rust.root.unpack(step, apt, &packages)?;
        step.say(&format!("Debian's Rust is unpacked: `{RUSTC}` {version}"));
        Ok(Some(version))
    }

    fn unpack_tools(&self, step: &mut Step, apt: &Apt, platform: &Platform) -> Result<()> {
        let gnu = platform.gnu;
        let wanted = [
            format!("gcc-{gnu}"),
            format!("g++-{gnu}"),
            "qemu-user".to_owned(),
        ];
        let packages = apt.resolve(step, &wanted)?;
        let tools = self.tools();
        tools.unpack(step, apt, &packages)?;
        tools.relocate_scripts(&format!("usr/{gnu}"))?;
        step.say(&format!("a cross compiler for `{gnu}` is unpacked"));
        Ok(())
    }
}

/// The newest version of the compiler for which there is a standard library, and the version of
/// that. rustc accepts a library that was made of the same sources in the same version, in
/// whichever release of Debian.
fn newest_that_fit(of_rustc: &[String], of_std: &[String]) -> Option<(String, String)> {
    let sources = |version: &str| version.split('-').next().map(str::to_owned);
    of_rustc.iter().find_map(|rustc| {
        let mut all = of_std.iter();
        let same = all.clone().find(|std| *std == rustc);
        let std = same.or_else(|| all.find(|std| sources(std) == sources(rustc)))?;
        Some((rustc.clone(), std.clone()))
    })
}

/// The oldest version of which both are there.
fn oldest_that_fit(of_rustc: &[String], of_std: &[String]) -> Option<(String, String)> {
    let mut oldest_first = of_rustc.iter().rev();
    let version = oldest_first.find(|version| of_std.contains(version))?;
    Some((version.clone(), version.clone()))
}

/// The platform of a target triple.
pub fn platform(triple: &str) -> Result<&'static Platform> {
    let mut platforms = PLATFORMS.iter();
    match platforms.find(|platform| platform.triple == triple) {
        Some(platform) => Ok(platform),
        None => bail!("no packages of Debian are known for `{triple}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_of_the_same_sources_fits() {
        #[track_caller]
        fn check(of_rustc: &[&str], of_std: &[&str], expected: Option<(&str, &str)>) {
            let owned = |versions: &[&str]| -> Vec<String> {
                versions
                    .iter()
                    .map(|version| (*version).to_owned())
                    .collect()
            };
            let found = newest_that_fit(&owned(of_rustc), &owned(of_std));
            let found = found.as_ref().map(|(rustc, std)| (&**rustc, &**std));
            assert_eq!(found, expected);
        }
        let (old, new) = ("1.85.0+dfsg3-1~deb12u3", "1.96.0+dfsg1-1~deb12u2");
        let later = "1.96.0+dfsg1-1~deb13u1+b1";
        check(&[new, old], &[later, new, old], Some((new, new)));
        check(&[new, old], &[later, old], Some((new, later)));
        check(&[new, old], &[old], Some((old, old)));
        check(&[new], &[old], None);
        check(&[], &[old], None);
    }
}
