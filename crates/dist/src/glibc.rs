//! The oldest glibc that an executable runs with.
//!
//! glibc gives each symbol a version, that of the release which brought it, such as `GLIBC_2.34`. An executable lists
//! the versions of the symbols that it uses (`.gnu.version_r`). The loader of an older glibc refuses the executable.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result};
use object::Endianness;
use object::elf::FileHeader64;
use object::read::elf::FileHeader;

/// A version of glibc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlibcVersion(u32, u32);

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for GlibcVersion {
    type Err = anyhow::Error;

    /// From `2.31`, or from `2.2.5`. The last number does not matter, since 2.3 is the oldest in use.
    fn from_str(text: &str) -> Result<GlibcVersion> {
        let mut numbers = text.split('.').map(str::parse);
        let version = match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some(GlibcVersion(major, minor)),
            _ => None,
        };
        version.with_context(|| format!("`{text}` is no version of glibc, such as `2.31`"))
    }
}

/// The newest version of glibc that an ELF file of 64 bits asks for.
///
/// # Errors
/// When it is no such file, or asks for none.
pub fn floor(executable: &[u8]) -> Result<GlibcVersion> {
    let header = FileHeader64::<Endianness>::parse(executable)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, executable)?;
    let (mut needs, strings) = sections
        .gnu_verneed(endian, executable)?
        .context("it asks for no version of a library")?;
    let strings = sections.strings(endian, executable, strings)?;
    let mut newest = None;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(endian, strings)?);
            // `GLIBC_PRIVATE` and `GLIBC_ABI_DT_RELR` have no numbers.
            if let Some(version) = name
                .strip_prefix("GLIBC_")
                .and_then(|version| version.parse().ok())
            {
                newest = newest.max(Some(version));
            }
        }
    }
    newest.context("it asks for no version of glibc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number() {
        let version = |text: &str| text.parse::<GlibcVersion>().unwrap();
        assert!(version("2.9") < version("2.31") && version("2.2.5") < version("2.4"));
        assert_eq!(version("2.31").to_string(), "2.31");
        for text in ["", "2", "PRIVATE", "ABI_DT_RELR"] {
            assert!(text.parse::<GlibcVersion>().is_err(), "{text}");
        }
    }

    /// Finds a symbol that came with 2.34, and none that is newer than the glibc which runs this test.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
    fn the_newest_version_is_the_floor() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let floor = floor(&own).unwrap();
        let printed = std::process::Command::new("getconf")
            .arg("GNU_LIBC_VERSION")
            .output()
            .unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        let running: GlibcVersion = printed
            .trim()
            .strip_prefix("glibc ")
            .unwrap()
            .parse()
            .unwrap();
        // The version that std needs (rustc 1.95, platform support of x86_64-unknown-linux-gnu).
        assert!(
            floor >= "2.17".parse().unwrap() && floor <= running,
            "{floor}, {running}"
        );
        assert!(super::floor(b"#!/bin/sh\n").is_err());
    }
}
