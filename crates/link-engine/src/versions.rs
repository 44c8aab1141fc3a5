//! The versions that a group defines. They tell the loader, and the linkers of what is above
//! the group, something about it. The linker of the group gives them to no symbol; that is
//! done when it has finished.

use object::elf;
use object::read::elf::{Version, VersionTable};

use crate::elf::ElfClass;

/// Beginning of the names of all of these versions.
pub(crate) const PREFIX: &str = "DYNAMIC_DEPS";

/// Beginning of the name of the version that tells of the [layout](crate::layout). As many
/// hexadecimal digits follow as [`UNKNOWN_LAYOUT`] has.
pub(crate) const LAYOUT: &str = "DYNAMIC_DEPS_LAYOUT_";

/// What the linker writes behind [`LAYOUT`], since it is not known before the link.
pub(crate) const UNKNOWN_LAYOUT: &str = "0000000000000000";

/// The version script for the link of a group. The first version takes the index 2, at which
/// `dlsym` passes over hidden versions, and the loader does not, so it serves nothing else. No
/// symbol has the names in it: lld refuses a version without any.
pub const SCRIPT: &str = "DYNAMIC_DEPS_BASE { global: dynamic_deps_base_*; };\n\
                          DYNAMIC_DEPS_LAYOUT_0000000000000000 { global: dynamic_deps_layout_*; };\n";

/// Whether a version tells of a layout.
pub(crate) fn is_layout(version: &Version<'_>) -> bool {
    version.name().starts_with(LAYOUT.as_bytes())
}

/// The versions that a file defines or needs, by index.
pub(crate) fn all<'data, Class: ElfClass>(
    versions: &VersionTable<'data, Class>,
) -> impl Iterator<Item = (elf::VersionIndex, Version<'data>)> {
    let indices = (elf::VER_NDX_GLOBAL.0 + 1..).map(elf::VersionIndex);
    // An error is the end of the table.
    indices.map_while(|index| {
        let version = versions.version(index).ok()?;
        Some((index, *version?))
    })
}

/// The version with such a name that a shared object defines, if there is one.
pub(crate) fn defined<'data, Class: ElfClass>(
    versions: &VersionTable<'data, Class>,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> Option<(elf::VersionIndex, &'data [u8])> {
    let (index, version) =
        all(versions).find(|(_, version)| version.file().is_none() && is_wanted(version.name()))?;
    Some((index, version.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_defines_the_version_of_the_layout() {
        let name = format!("{LAYOUT}{UNKNOWN_LAYOUT}");
        assert!(SCRIPT.contains(&format!("{name} {{")));
        assert!(name.starts_with(PREFIX));
    }
}
