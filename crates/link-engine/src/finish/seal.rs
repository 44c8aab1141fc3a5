//! The layout of a group: at which places its symbols lie.
//!
//! What is linked against a group is [bound](crate::finish::bind) to places in it, so it must never
//! run with a group that has others. The soname says what a group was made from. That gives
//! one layout with one linker; with an update of the linker behind the compiler driver it may
//! give another. So a group defines a version whose name holds a hash of its layout, what is
//! bound to the group needs that version, and the loader looks for it
//! (`_dl_check_map_versions` in `elf/dl-version.c`, glibc 2.36): at worst, a program does not
//! start.
//!
//! The [private](crate::finish::private) definitions of the group, which references may be bound to,
//! have the version too, and hidden. To a reference without a version, glibc passes over a
//! definition that has a hidden version and a version index of at least 3. To a reference with
//! a version it gives the definition with the same one, hidden or not; and if the need is hidden
//! too, no definition that has no version in a file that has versions (`check_match` in
//! `elf/dl-lookup.c`). So a library of C that was made of Rust code by the same compiler, and
//! holds another std with the same names, does not get the one in the group, and the program
//! does not get that of the library.
//!
//! No linker hides the version of the only definition of a symbol. So it is told to define the
//! version ([`SCRIPT`](versions::SCRIPT)) and to give it to nobody, and [`seal`] writes it into
//! the table of the finished file. A linker takes such a definition for as hidden as the loader
//! does, so all that is linked against a group is linked against its
//! [stub](crate::stub), and refers to the version.

use std::collections::HashSet;
use std::path::Path;

use object::elf;
use object::read::elf::{SectionHeader, SectionTable, Sym, VersionTable};
use object::{Endian as _, Endianness};

use crate::elf::versions::{self, LAYOUT, UNKNOWN_LAYOUT};
use crate::elf::{ElfClass, PlaceRelocations, is_bindable, is_mangled_by_rustc, with_class};
use crate::system::files::{self, Patch};
use crate::{Error, Result};

/// Gives the layout version of a finished shared object its name, and hides behind that version
/// the symbols of Rust, where references to these are bound, and those that have one of the
/// `private` names, unless they are weak. Without effect on a shared object that was linked
/// without [`SCRIPT`](versions::SCRIPT).
///
/// # Errors
/// When the file cannot be read or written, or is malformed.
pub fn seal(shared_object: &Path, private: &HashSet<&str>) -> Result<()> {
    let data = files::map(shared_object)?;
    let patches = seal_patches(&data, private).map_err(Error::object(shared_object))?;
    drop(data);
    files::patch(shared_object, &patches)
}

/// What [`seal`] writes, from the bytes of the shared object.
///
/// # Errors
/// When these are malformed.
pub fn seal_patches(data: &[u8], private: &HashSet<&str>) -> object::read::Result<Vec<Patch>> {
    with_class!(data, seal_patches_of(data, private)).map(Option::unwrap_or_default)
}

fn seal_patches_of<Class: ElfClass>(
    data: &[u8],
    private: &HashSet<&str>,
) -> object::read::Result<Vec<Patch>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let is_bound = PlaceRelocations::of(header, endian).is_some();
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions: VersionTable<'_, Class> = sections.versions(endian, data)?.unwrap_or_default();
    let unknown = format!("{LAYOUT}{UNKNOWN_LAYOUT}");
    let Some((index, _)) = versions::defined(&versions, |name| name == unknown.as_bytes()) else {
        return Ok(Vec::new());
    };
    let version = endian.write_u16(index.0 | elf::VERSYM_HIDDEN.0);
    let mut hasher = blake3::Hasher::new();
    let mut table = Vec::new();
    for section in sections.iter() {
        if section.sh_type(endian) == elf::SHT_GNU_VERSYM {
            let bytes = section.data(endian, data)?.to_vec();
            table.push((section.sh_offset(endian).into(), bytes));
        }
    }
    let [(table_offset, table)] = &mut table[..] else {
        return Ok(Vec::new());
    };
    for (entry, (index, symbol)) in table.chunks_exact_mut(2).zip(symbols.enumerate()) {
        if symbol.st_shndx(endian) == elf::SHN_UNDEF {
            continue;
        }
        let name = symbols.symbol_name(endian, symbol)?;
        let place: u64 = symbol.st_value(endian).into();
        let is_named = symbol.st_bind() == elf::STB_GLOBAL
            && str::from_utf8(name).is_ok_and(|name| private.contains(name));
        let is_private = versions.version_index(endian, index).is_global()
            && (is_named || is_bound && is_of_rust::<Class>(endian, name, symbol));
        if is_private {
            entry.copy_from_slice(&version);
        }
        hasher.update(name);
        hasher.update(&[0, is_private.into()]);
        hasher.update(&place.to_le_bytes());
    }
    let hash = hasher.finalize().to_hex();
    let name = format!("{LAYOUT}{}", &hash[..UNKNOWN_LAYOUT.len()]);
    let table = Patch {
        offset: *table_offset,
        bytes: std::mem::take(table),
    };
    let mut patches = definition_patches(endian, data, &sections, &unknown, &name)?;
    patches.push(table);
    Ok(patches)
}

/// Whether a definition has a name of Rust, and is no weak one. References to a thread local of
/// another file are looked up, by its name and the version.
fn is_of_rust<Class: ElfClass>(endian: Endianness, name: &[u8], symbol: &Class::Sym) -> bool {
    let is_thread_local = symbol.st_type() == elf::STT_TLS
        && symbol.st_bind() == elf::STB_GLOBAL
        && is_mangled_by_rustc(name);
    is_thread_local || is_bindable::<Class>(endian, name, symbol)
}

/// What gives the definition of the version `unknown` the name `name`, which is as long.
fn definition_patches<Class: ElfClass>(
    endian: Endianness,
    data: &[u8],
    sections: &SectionTable<'_, Class>,
    unknown: &str,
    name: &str,
) -> object::read::Result<Vec<Patch>> {
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
                let mut hashed = *definition;
                hashed.vd_hash.set(endian, elf::hash(name.as_bytes()));
                return Ok(vec![
                    Patch {
                        offset,
                        bytes: object::bytes_of(&hashed).to_vec(),
                    },
                    Patch {
                        offset: strings_offset + u64::from(entry.vda_name.get(endian)),
                        bytes: name.as_bytes().to_vec(),
                    },
                ]);
            }
            offset += u64::from(definition.vd_next.get(endian));
        }
    }
    Ok(Vec::new())
}
