//! Seals a group: a version holds a hash of its *layout*, the addresses of its symbols.
//!
//! A file that is linked against a group is [bound](crate::finish::bind) to addresses in it, so it
//! must never run with a group that has another layout. The soname only says what the group was
//! made from. After an update of the linker behind the compiler driver, the same inputs may give
//! another layout. So a group defines a version whose name holds a hash of its layout. A file that
//! is bound to the group needs that version, and the loader checks that it is there
//! (`_dl_check_map_versions` in `elf/dl-version.c`, glibc 2.36). At worst, a program does not
//! start.
//!
//! References may be bound to the [private](crate::finish::private) definitions of the group. These
//! have the version too, as a hidden one. glibc (`check_match` in `elf/dl-lookup.c`) follows these
//! rules:
//!
//! - For a reference without a version, it passes over a definition that has a hidden version and a
//!   version index of at least 3.
//! - For a reference with a version, it takes the definition with the same version, hidden or not.
//! - If the need of that version is hidden too, it takes no definition without a version from a file
//!   that has versions.
//!
//! Suppose that the program loads a C library that was made of Rust code by the same compiler, and
//! that holds another std with the same names. By these rules, the library does not get the std of
//! the group, and the program does not get that of the library.
//!
//! No linker hides the version of the only definition of a symbol. So we have the linker define the
//! version ([`SCRIPT`](versions::SCRIPT)) and give it to no symbol, and [`seal`] writes it into the
//! table of the finished file. Linkers pass over hidden definitions as the loader does. So we link
//! files against the [stub](crate::stub) of a group, which shows these definitions with their
//! version.

use std::collections::HashSet;
use std::path::Path;

use object::elf;
use object::read::elf::{SectionHeader, SectionTable, Sym, VersionTable};
use object::{Endian as _, Endianness};

use crate::elf::versions::{self, LAYOUT, UNKNOWN_LAYOUT};
use crate::elf::{ElfClass, is_bindable, is_mangled_by_rustc, with_class};
use crate::system::files::{self, Patch};
use crate::{Error, Result};

/// Gives the layout version of a finished shared object its name, and hides behind that version
/// the symbols of Rust and those that have one of the `private` names, unless they are weak. It has
/// no effect on a shared object that was linked without [`SCRIPT`](versions::SCRIPT).
///
/// # Errors
/// When the file cannot be read or written, or is malformed.
pub fn seal(shared_object: &Path, private: &HashSet<&str>) -> Result<()> {
    let data = files::map(shared_object)?;
    let patches = seal_patches(&data, private).map_err(Error::object(shared_object))?;
    drop(data);
    files::patch(shared_object, &patches)
}

/// The patches that [`seal`] writes, from the bytes of the shared object.
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
            && (is_named || is_of_rust::<Class>(endian, name, symbol));
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

/// Whether a definition has a name of Rust and is not weak. The loader looks up references to a
/// thread local of another file, by its name and the version.
fn is_of_rust<Class: ElfClass>(endian: Endianness, name: &[u8], symbol: &Class::Sym) -> bool {
    let is_thread_local = symbol.st_type() == elf::STT_TLS
        && symbol.st_bind() == elf::STB_GLOBAL
        && is_mangled_by_rustc(name);
    is_thread_local || is_bindable::<Class>(endian, name, symbol)
}

/// The patches that give the definition of the version `unknown` the name `name`, which is as long.
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
