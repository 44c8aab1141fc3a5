//! The layout of a group: at which places its symbols lie.
//!
//! What is linked against a group is [bound](crate::bind) to places in it, so it must never
//! run with a group that has others. The soname says what a group was made from. That gives
//! one layout with one linker; with an update of the linker behind the compiler driver it may
//! give another. So a group defines a version whose name holds a hash of its layout, what is
//! bound to the group needs that version, and the loader compares the two
//! (`_dl_check_map_versions` in `elf/dl-version.c`, glibc 2.36): at worst, a program does not
//! start.

use std::path::Path;

use object::elf;
use object::read::elf::{SectionHeader, Sym, VersionTable};

use crate::bind::PlaceRelocations;
use crate::elf::{ElfClass, with_class};
use crate::files::{self, Patch};
use crate::versions::{self, LAYOUT, UNKNOWN_LAYOUT};
use crate::{Error, Result};

/// Gives the layout version of a finished shared object its name. Without effect on one that
/// was linked without [`SCRIPT`](versions::SCRIPT), and where nothing is bound by place.
///
/// # Errors
/// When the file cannot be read or written, or is malformed.
pub fn seal(shared_object: &Path) -> Result<()> {
    let data = files::map(shared_object)?;
    let patches = seal_patches(&data).map_err(|source| Error::Object {
        path: shared_object.to_owned(),
        source,
    })?;
    drop(data);
    files::patch(shared_object, &patches)
}

/// What [`seal`] writes, from the bytes of the shared object.
///
/// # Errors
/// When these are malformed.
pub fn seal_patches(data: &[u8]) -> object::read::Result<Vec<Patch>> {
    with_class!(data, seal_patches_of(data)).map(Option::unwrap_or_default)
}

fn seal_patches_of<Class: ElfClass>(data: &[u8]) -> object::read::Result<Vec<Patch>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    if PlaceRelocations::of(header, endian).is_none() {
        return Ok(Vec::new());
    }
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let mut hasher = blake3::Hasher::new();
    for symbol in symbols.iter() {
        if symbol.st_shndx(endian) != elf::SHN_UNDEF {
            let place: u64 = symbol.st_value(endian).into();
            hasher.update(symbols.symbol_name(endian, symbol)?);
            hasher.update(&[0]);
            hasher.update(&place.to_le_bytes());
        }
    }
    let hash = hasher.finalize().to_hex();
    let name = format!("{LAYOUT}{}", &hash[..UNKNOWN_LAYOUT.len()]);

    let unknown = format!("{LAYOUT}{UNKNOWN_LAYOUT}");
    for section in sections.iter() {
        let Some((mut definitions, strings_index)) = section.gnu_verdef(endian, data)? else {
            continue;
        };
        let strings_section = sections.section(strings_index)?;
        let strings = sections.strings(endian, data, strings_index)?;
        let mut offset: u64 = section.sh_offset(endian).into();
        while let Some((definition, mut names)) = definitions.next()? {
            if let Some(entry) = names.next()?
                && entry.name(endian, strings)? == unknown.as_bytes()
            {
                let strings_offset: u64 = strings_section.sh_offset(endian).into();
                let hash = elf::hash(name.as_bytes());
                let mut hashed = *definition;
                hashed.vd_hash.set(endian, hash);
                return Ok(vec![
                    Patch {
                        offset,
                        bytes: object::bytes_of(&hashed).to_vec(),
                    },
                    Patch {
                        offset: strings_offset + u64::from(entry.vda_name.get(endian)),
                        bytes: name.into_bytes(),
                    },
                ]);
            }
            offset += u64::from(definition.vd_next.get(endian));
        }
    }
    Ok(Vec::new())
}

/// The name of the version that tells of the layout of a shared object, if it was sealed.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn of(shared_object: &Path) -> Result<Option<String>> {
    let data = files::map(shared_object)?;
    let name = with_class!(&data[..], name_in(&data));
    name.map(Option::flatten).map_err(|source| Error::Object {
        path: shared_object.to_owned(),
        source,
    })
}

fn name_in<Class: ElfClass>(data: &[u8]) -> object::read::Result<Option<String>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let versions = header.sections(endian, data)?.versions(endian, data)?;
    let name = versions.as_ref().and_then(name);
    Ok(name.map(|name| String::from_utf8_lossy(name).into_owned()))
}

/// The name of the layout version among those that a shared object defines.
pub(crate) fn name<'data, Class: ElfClass>(
    versions: &VersionTable<'data, Class>,
) -> Option<&'data [u8]> {
    let is_sealed = |name: &[u8]| {
        let hash = name.strip_prefix(LAYOUT.as_bytes());
        hash.is_some_and(|hash| hash != UNKNOWN_LAYOUT.as_bytes())
    };
    versions::defined(versions, is_sealed).map(|(_, name)| name)
}
