//! The names of a group and of those below it, in the string table of its shared object.
//!
//! Linkers put each string into the table once, and may use the end of a longer string for a
//! shorter one. So we replace a name only if no other string shares a part of it.

use std::collections::HashMap;

use object::elf;
use object::read::elf::{Dyn as _, FileHeader as _, SectionHeader as _, SectionTable, Sym as _};
use object::read::{SectionIndex, StringTable};
use object::{Endian as _, Endianness};

use super::{Below, Class, Obstacle, Renamed};
use crate::elf::versions::LAYOUT;
use crate::system::files::Patch;

/// The offset of a version's hash in its definition, and in the entry of a need, in bytes (LSB
/// Core, "Symbol Versioning": `vd_hash`, `vna_hash`).
const VD_HASH: u64 = 8;
const VNA_HASH: u64 = 0;

/// The patches that replace the names in a shared object.
pub(super) fn patches(
    data: &[u8],
    soname: Renamed<'_>,
    below: &[Below<'_>],
) -> Result<Vec<Patch>, Obstacle> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let table = symbols.string_section();
    let section = sections.section(table)?;
    let mut names = Names {
        data,
        endian,
        table,
        start: section.sh_offset(endian),
        bytes: section.data(endian, data)?,
        strings: symbols.strings(),
        references: Vec::new(),
        replaced: HashMap::new(),
        hashes: Vec::new(),
    };
    names.dynamic(&sections, soname, below)?;
    names.definitions(&sections, soname)?;
    names.needs(&sections, below)?;
    let symbols = symbols.iter().map(|symbol| symbol.st_name(endian));
    names.references.extend(symbols);
    names.into_patches()
}

struct Names<'data, 'a> {
    data: &'data [u8],
    endian: Endianness,
    /// The one string table.
    table: SectionIndex,
    /// Where it lies in the file.
    start: u64,
    bytes: &'data [u8],
    strings: StringTable<'data>,
    /// The offsets of the strings that are used and not replaced.
    references: Vec<u32>,
    /// The replacements of strings, by their offsets.
    replaced: HashMap<u32, Renamed<'a>>,
    /// The new hashes of versions.
    hashes: Vec<Patch>,
}

impl<'data, 'a> Names<'data, 'a> {
    /// Goes through DT_SONAME, DT_NEEDED and the other strings of the dynamic section.
    fn dynamic(
        &mut self,
        sections: &SectionTable<'data, Class>,
        soname: Renamed<'a>,
        below: &[Below<'a>],
    ) -> Result<(), Obstacle> {
        let Some((entries, strings)) = sections.dynamic(self.endian, self.data)? else {
            return Err(Obstacle::Name(soname.old.to_owned()));
        };
        self.check_table(strings)?;
        let mut missing: Vec<&str> = below.iter().map(|group| group.soname.old).collect();
        missing.push(soname.old);
        for entry in entries {
            let tag = entry.tag(self.endian);
            if tag == elf::DT_NULL {
                break;
            }
            if !entry.is_string(self.endian) {
                continue;
            }
            let string = entry.string(self.endian, self.strings)?;
            let renamed = match tag {
                elf::DT_SONAME => Some(soname),
                elf::DT_NEEDED => below_named(below, string).map(|group| group.soname),
                _ => None,
            };
            let renamed = renamed.filter(|name| name.old.as_bytes() == string);
            missing.retain(|name| renamed.is_none_or(|renamed| renamed.old != *name));
            // The string was found at an offset that fits.
            let offset = entry.val32(self.endian).unwrap_or_default();
            self.use_string(offset, renamed)?;
        }
        match missing.first() {
            Some(name) => Err(Obstacle::Name((*name).to_owned())),
            None => Ok(()),
        }
    }

    /// Goes through the versions that the shared object defines, of which the first names the
    /// file.
    fn definitions(
        &mut self,
        sections: &SectionTable<'data, Class>,
        soname: Renamed<'a>,
    ) -> Result<(), Obstacle> {
        for section in sections.iter() {
            let Some((mut definitions, strings)) = section.gnu_verdef(self.endian, self.data)?
            else {
                continue;
            };
            self.check_table(strings)?;
            let mut offset = section.sh_offset(self.endian);
            while let Some((definition, mut names)) = definitions.next()? {
                let flags = definition.vd_flags.get(self.endian);
                let mut renamed = flags.contains(elf::VER_FLG_BASE).then_some(soname);
                while let Some(entry) = names.next()? {
                    let string = entry.name(self.endian, self.strings)?;
                    let renamed = renamed.take();
                    let renamed = renamed.filter(|name| name.old.as_bytes() == string);
                    self.use_string(entry.vda_name.get(self.endian), renamed)?;
                    if let Some(renamed) = renamed {
                        self.replace_hash(
                            offset + VD_HASH,
                            definition.vd_hash.get(self.endian),
                            renamed,
                        )?;
                    }
                }
                offset += u64::from(definition.vd_next.get(self.endian));
            }
        }
        Ok(())
    }

    /// Goes through the versions that the shared object needs.
    fn needs(
        &mut self,
        sections: &SectionTable<'data, Class>,
        below: &[Below<'a>],
    ) -> Result<(), Obstacle> {
        for section in sections.iter() {
            let Some((mut needs, strings)) = section.gnu_verneed(self.endian, self.data)? else {
                continue;
            };
            self.check_table(strings)?;
            let mut offset = section.sh_offset(self.endian);
            while let Some((need, mut versions)) = needs.next()? {
                let group = below_named(below, need.file(self.endian, self.strings)?);
                let file = need.vn_file.get(self.endian);
                self.use_string(file, group.map(|group| group.soname))?;
                let mut version_offset = offset + u64::from(need.vn_aux.get(self.endian));
                while let Some(version) = versions.next()? {
                    let string = version.name(self.endian, self.strings)?;
                    let layout = group.and_then(|group| group.layout);
                    let layout = layout.filter(|layout| layout.old.as_bytes() == string);
                    if layout.is_none() && (group.is_some() || is_layout(string)) {
                        return Err(Obstacle::Name(text(string)));
                    }
                    self.use_string(version.vna_name.get(self.endian), layout)?;
                    if let Some(layout) = layout {
                        let hash = version.vna_hash.get(self.endian);
                        self.replace_hash(version_offset + VNA_HASH, hash, layout)?;
                    }
                    version_offset += u64::from(version.vna_next.get(self.endian));
                }
                offset += u64::from(need.vn_next.get(self.endian));
            }
        }
        Ok(())
    }

    fn check_table(&self, strings: SectionIndex) -> Result<(), Obstacle> {
        match strings == self.table {
            true => Ok(()),
            false => Err(Obstacle::Unreadable("it has two string tables".to_owned())),
        }
    }

    /// Notes a string that is used, and its replacement if it has one.
    fn use_string(&mut self, offset: u32, renamed: Option<Renamed<'a>>) -> Result<(), Obstacle> {
        let Some(renamed) = renamed.filter(|renamed| renamed.old != renamed.new) else {
            self.references.push(offset);
            return Ok(());
        };
        let other = self.replaced.insert(offset, renamed);
        let is_same = other.is_none_or(|other| other == renamed);
        let is_as_long = renamed.old.len() == renamed.new.len();
        // A zero inside would end the name.
        match is_same && is_as_long && !renamed.new.contains('\0') {
            true => Ok(()),
            false => Err(Obstacle::Name(renamed.new.to_owned())),
        }
    }

    fn replace_hash(
        &mut self,
        offset: u64,
        hash: u32,
        renamed: Renamed<'_>,
    ) -> Result<(), Obstacle> {
        if hash != elf::hash(renamed.old.as_bytes()) {
            return Err(Obstacle::Name(renamed.old.to_owned()));
        }
        let hash = elf::hash(renamed.new.as_bytes());
        self.hashes.push(Patch {
            offset,
            bytes: self.endian.write_u32(hash).to_vec(),
        });
        Ok(())
    }

    fn into_patches(self) -> Result<Vec<Patch>, Obstacle> {
        let mut patches = self.hashes;
        for (&offset, renamed) in &self.replaced {
            let end = offset as usize + renamed.old.len();
            let begins_inside = |other: &u32| *other >= offset && (*other as usize) < end;
            let mut others = self.replaced.keys().filter(|other| **other != offset);
            let is_part = offset
                .checked_sub(1)
                .and_then(|before| self.bytes.get(before as usize))
                != Some(&0);
            if is_part || self.references.iter().any(begins_inside) || others.any(begins_inside) {
                return Err(Obstacle::Name(renamed.old.to_owned()));
            }
            patches.push(Patch {
                offset: self.start + u64::from(offset),
                bytes: renamed.new.as_bytes().to_vec(),
            });
        }
        // In a fixed order.
        patches.sort_by_key(|patch| patch.offset);
        Ok(patches)
    }
}

fn below_named<'b, 'a>(below: &'b [Below<'a>], soname: &[u8]) -> Option<&'b Below<'a>> {
    let mut groups = below.iter();
    groups.find(|group| group.soname.old.as_bytes() == soname)
}

fn is_layout(version: &[u8]) -> bool {
    version.starts_with(LAYOUT.as_bytes())
}

fn text(string: &[u8]) -> String {
    String::from_utf8_lossy(string).into_owned()
}
