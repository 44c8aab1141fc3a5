//! How the dependencies of an executable are linked: the request to the fork, and a check of the
//! outcome.

use std::path::Path;

use anyhow::{Result, ensure};
use measure::executable::{is_group, needed};

/// How the dependencies of an executable are linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    /// The linker copies them into the executable.
    Static,
    /// The executable loads them from groups.
    Dynamic,
}

impl Linking {
    /// Cargo's option; it overrides the profile, so no configuration of the user decides.
    pub fn option(self) -> &'static str {
        match self {
            Linking::Static => "--no-dynamic-deps",
            Linking::Dynamic => "--dynamic-deps",
        }
    }

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Linking::Static => "static",
            Linking::Dynamic => "dynamic",
        }
    }

    fn adverb(self) -> &'static str {
        match self {
            Linking::Static => "statically",
            Linking::Dynamic => "dynamically",
        }
    }
}

/// Fails unless `executable` is linked as asked.
pub fn require_linked(executable: &Path, linking: Linking) -> Result<()> {
    let needed = needed(executable)?;
    let is_dynamic = needed.iter().any(|soname| is_group(soname));
    ensure!(
        is_dynamic == (linking == Linking::Dynamic),
        "`{}` should be linked {}, but it needs {}",
        executable.display(),
        linking.adverb(),
        needed.join(", ")
    );
    Ok(())
}

/// Whether the fork links dependencies dynamically on this platform.
pub fn is_platform_supported() -> bool {
    cfg!(all(target_os = "linux", target_env = "gnu"))
}
