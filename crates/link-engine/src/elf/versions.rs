//! The versions of symbols that a group defines. The loader, and the linkers of files above the
//! group, go by them. The linker of the group gives them to no symbol; we do that when it has
//! finished.

use object::elf;
use object::read::elf::{SectionHeader, SectionTable, Version, VersionTable};
use object::{Endian as _, Endianness};

use crate::elf::ElfClass;
use crate::system::files::Patch;

/// Beginning of the names of all of these versions.
pub(crate) const PREFIX: &str = "DYNAMIC_DEPS";

/// Beginning of the name of the version of the [layout](crate::elf::layout). As many hexadecimal
/// digits follow as [`UNKNOWN_LAYOUT`] has.
pub(crate) const LAYOUT: &str = "DYNAMIC_DEPS_LAYOUT_";

/// Beginning of the name of a version with which a linker makes a second need of a layout: see
/// [`runtime`](crate::finish::runtime). As long as [`LAYOUT`].
pub(crate) const OPENLY: &str = "DYNAMIC_DEPS_OPENLY_";

/// The digits that the linker writes after [`LAYOUT`], since nobody knows the hash before the link.
pub(crate) const UNKNOWN_LAYOUT: &str = "0000000000000000";

/// The version script for the link of a group. The first version only takes up the index 2, at
/// which `dlsym` passes over hidden versions and the loader does not. No symbol has the name in it;
/// it is there because lld refuses a version without names.
pub const SCRIPT: &str = "DYNAMIC_DEPS_BASE { global: dynamic_deps_base_*; };\n\
                          DYNAMIC_DEPS_LAYOUT_0000000000000000 { global: dynamic_deps_layout_*; };\n";

/// Whether a version is that of a layout.
pub(crate) fn is_layout(version: &Version<'_>) -> bool {
    is_layout_name(version.name())
}

/// Whether a version with this name is that of a layout.
pub(crate) fn is_layout_name(name: &[u8]) -> bool {
    name.starts_with(LAYOUT.as_bytes())
}

/// A version that a file needs of another one.
pub(crate) struct Need<'data> {
    /// The soname of the other file.
    pub(crate) file: &'data [u8],
    pub(crate) name: &'data [u8],
    /// Its index, with the flag of a hidden need.
    pub(crate) index: elf::VersymIndex,
    /// Where the entry lies, in bytes from the start of the file.
    entry: u64,
    /// Where the name lies, likewise.
    name_offset: u64,
}

/// Where the index lies in the entry of a version that is needed, in bytes (`vna_other`;
/// LSB Core, "Symbol Versioning"). The hash of the name is the first field.
const VNA_OTHER: u64 = 6;

impl Need<'_> {
    /// The patch that gives the need another index.
    pub(crate) fn renumbered(&self, endian: Endianness, index: elf::VersymIndex) -> Patch {
        Patch {
            offset: self.entry + VNA_OTHER,
            bytes: endian.write_u16(index.0).to_vec(),
        }
    }

    /// The patches that give the need another name, which must be as long.
    pub(crate) fn renamed(&self, endian: Endianness, name: &[u8]) -> [Patch; 2] {
        [
            Patch {
                offset: self.entry,
                bytes: endian.write_u32(elf::hash(name)).to_vec(),
            },
            Patch {
                offset: self.name_offset,
                bytes: name.to_vec(),
            },
        ]
    }
}

/// The versions that a file needs.
pub(crate) fn needs<'data, Class: ElfClass>(
    endian: Endianness,
    data: &'data [u8],
    sections: &SectionTable<'data, Class>,
) -> object::read::Result<Vec<Need<'data>>> {
    let mut found = Vec::new();
    for section in sections.iter() {
        let Some((mut files, strings_index)) = section.gnu_verneed(endian, data)? else {
            continue;
        };
        let strings = sections.strings(endian, data, strings_index)?;
        let strings_offset: u64 = sections.section(strings_index)?.sh_offset(endian).into();
        let mut offset: u64 = section.sh_offset(endian).into();
        while let Some((need, mut versions)) = files.next()? {
            let mut entry = offset + u64::from(need.vn_aux.get(endian));
            while let Some(version) = versions.next()? {
                found.push(Need {
                    file: need.file(endian, strings)?,
                    name: version.name(endian, strings)?,
                    index: version.vna_other(endian),
                    entry,
                    name_offset: strings_offset + u64::from(version.vna_name.get(endian)),
                });
                entry += u64::from(version.vna_next.get(endian));
            }
            offset += u64::from(need.vn_next.get(endian));
        }
    }
    Ok(found)
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
        assert_eq!(OPENLY.len(), LAYOUT.len());
    }
}
