//! Executables in which we may bind nothing.

use std::path::Path;

use object::FileKind;
use object::elf;
use object::read::elf::{FileHeader as _, Rela as _, Sym, VersionTable};

use super::Class;
use crate::elf::versions::is_layout;
use crate::elf::{PlaceRelocations, is_mangled_by_rustc, loaded_tables};
use crate::system::files;
use crate::{Error, Result};

/// A function of a group, or a variable of any shared object, to which an executable refers by the
/// distance from its code. Such an executable has to be linked statically.
///
/// The symbol table gives the address of such a function at an undefined symbol (System V ABI,
/// AMD64 supplement, "Function Addresses"). For a variable, a static link of C would copy it into
/// the executable, which `-z nocopyreloc` forbids. GNU ld 2.40 then leaves the distance to the
/// loader (DT_TEXTREL), where it overflows in most programs; other linkers refuse.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn referred_to_by_distance(executable: &Path) -> Result<Option<String>> {
    let data = files::map(executable)?;
    referred_to_by_distance_in(&data).map_err(Error::object(executable))
}

/// Like [`referred_to_by_distance`], from the bytes of the file.
///
/// # Errors
/// When these are malformed.
pub fn referred_to_by_distance_in(data: &[u8]) -> object::read::Result<Option<String>> {
    if !matches!(FileKind::parse(data), Ok(FileKind::Elf64)) {
        return Ok(None);
    }
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions: VersionTable<'_, Class> = sections.versions(endian, data)?.unwrap_or_default();
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    for (index, symbol) in symbols.enumerate() {
        if symbol.st_shndx(endian) != elf::SHN_UNDEF || symbol.st_value(endian) == 0 {
            continue;
        }
        let name = symbols.symbol_name(endian, symbol)?;
        let version = versions.version(versions.version_index(endian, index).index())?;
        if version.is_some_and(is_layout) || is_mangled_by_rustc(name) {
            return Ok(Some(text(name)));
        }
    }
    let Some(relocations) = PlaceRelocations::of(header, endian) else {
        return Ok(None);
    };
    for table in loaded_tables(&sections, endian, data) {
        for relocation in table?.1 {
            let kind = relocation.r_type(endian, false);
            let symbol = relocation.symbol(endian, false);
            if let Some(index) = symbol.filter(|_| relocations.distances.contains(&kind)) {
                let name = symbols.symbol_name(endian, symbols.symbol(index)?)?;
                return Ok(Some(text(name)));
            }
        }
    }
    Ok(None)
}
