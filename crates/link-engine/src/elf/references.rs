//! The symbols that a shared object takes from elsewhere.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use object::elf;
use object::read::elf::Sym;
use serde::{Deserialize, Serialize};

use super::exports::{Definition, Exports};
use super::{ElfClass, ties_to_runtime, with_class};
use crate::system::files;
use crate::{Error, Result};

/// A symbol that a shared object refers to and that neither a group below nor a
/// library with versioned symbols defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenReference {
    /// Name of the symbol.
    pub name: String,
    /// Whether it may stay undefined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weak: bool,
}

/// The open references of a shared object, given those below it.
///
/// # Errors
/// When a file cannot be read or is malformed.
pub fn open_references(shared_object: &Path, below: &[PathBuf]) -> Result<Vec<OpenReference>> {
    let data = files::map(shared_object)?;
    let below: Vec<_> = below
        .iter()
        .map(|path| files::map(path))
        .collect::<Result<_>>()?;
    let below: Vec<&[u8]> = below.iter().map(|map| &map[..]).collect();
    open_references_in(&data, &below).map_err(Error::object(shared_object))
}

/// Like [`open_references`], from the bytes of the files.
///
/// # Errors
/// When one is malformed.
pub fn open_references_in(
    data: &[u8],
    below: &[&[u8]],
) -> object::read::Result<Vec<OpenReference>> {
    with_class!(data, open_references_of(data, below)).map(Option::unwrap_or_default)
}

fn open_references_of<Class: ElfClass>(
    data: &[u8],
    below: &[&[u8]],
) -> object::read::Result<Vec<OpenReference>> {
    let below: Vec<Exports<'_, Class>> = below
        .iter()
        .filter_map(|data| Exports::read(data).transpose())
        .collect::<object::read::Result<_>>()?;
    match Exports::<Class>::read(data)? {
        Some(exports) => exports.open_references(&below),
        None => Ok(Vec::new()),
    }
}

impl<'data, Class: ElfClass> Exports<'data, Class> {
    /// The references that none of `below` satisfies.
    fn open_references(
        &self,
        below: &[Exports<'_, Class>],
    ) -> object::read::Result<Vec<OpenReference>> {
        let mut open = Vec::new();
        for (index, symbol) in self.symbols.enumerate() {
            if index.0 == 0 || symbol.st_shndx(self.endian) != elf::SHN_UNDEF {
                continue;
            }
            let name = self.symbols.symbol_name(self.endian, symbol)?;
            let version = self.versions.version_index(self.endian, index);
            let has_version = version.index().0 > elf::VER_NDX_GLOBAL.0;
            // A version names the library that defines the symbol. The symbols of the runtime are
            // the exception: they come from the program.
            if has_version && !ties_to_runtime(name) {
                continue;
            }
            // The loader takes no private definition for a reference without a version.
            let is_found =
                |definition: Definition<'_, Class>| has_version || !definition.is_private;
            if !below
                .iter()
                .any(|exports| exports.find(name).is_some_and(is_found))
            {
                open.push(OpenReference {
                    name: String::from_utf8_lossy(name).into_owned(),
                    weak: symbol.st_bind() == elf::STB_WEAK,
                });
            }
        }
        open.sort();
        Ok(open)
    }
}

/// The open references of `groups`, each the bytes of a shared object with its own, that
/// neither `executable` nor one of the shared objects defines.
///
/// # Errors
/// When a file cannot be read or is malformed.
pub fn undefined_references<'a>(
    executable: &Path,
    groups: &[(&[u8], &'a [OpenReference])],
) -> Result<BTreeSet<&'a str>> {
    let data = files::map(executable)?;
    let shared_objects: Vec<&[u8]> = groups.iter().map(|(bytes, _)| *bytes).collect();
    let open = groups.iter().flat_map(|(_, open)| open.iter());
    let undefined = with_class!(&data[..], undefined_among(&data, &shared_objects, open));
    undefined
        .map(Option::unwrap_or_default)
        .map_err(Error::object(executable))
}

fn undefined_among<'a, Class: ElfClass>(
    executable: &[u8],
    groups: &[&[u8]],
    open: impl Iterator<Item = &'a OpenReference>,
) -> object::read::Result<BTreeSet<&'a str>> {
    let groups: Vec<Exports<'_, Class>> = groups
        .iter()
        .filter_map(|data| Exports::read(data).transpose())
        .collect::<object::read::Result<_>>()?;
    let header = Class::parse(executable)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, executable)?;
    let symbols = sections.symbols(endian, executable, elf::SHT_DYNSYM)?;
    let mut defined = HashSet::new();
    for symbol in symbols.iter() {
        if symbol.st_shndx(endian) != elf::SHN_UNDEF {
            defined.insert(symbols.symbol_name(endian, symbol)?);
        }
    }
    let is_defined = |name: &[u8]| {
        defined.contains(name) || groups.iter().any(|group| group.find(name).is_some())
    };
    Ok(open
        .filter(|reference| !reference.weak && !is_defined(reference.name.as_bytes()))
        .map(|reference| reference.name.as_str())
        .collect())
}

/// Those of `symbols` that a shared object with these bytes has to take from elsewhere. Weak
/// references do not count, since a linker takes nothing from an archive for them.
///
/// # Errors
/// When these are malformed.
pub fn references_among(
    data: &[u8],
    symbols: &BTreeSet<String>,
) -> object::read::Result<BTreeSet<String>> {
    with_class!(data, references_in(data, symbols)).map(Option::unwrap_or_default)
}

fn references_in<Class: ElfClass>(
    data: &[u8],
    symbols: &BTreeSet<String>,
) -> object::read::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let Some(exports) = Exports::<Class>::read(data)? else {
        return Ok(found);
    };
    // The hash table has all definitions, and they come last.
    let base = exports.hash_table.symbol_base() as usize;
    for symbol in exports.symbols.iter().take(base) {
        let name = exports.symbols.symbol_name(exports.endian, symbol)?;
        let name = str::from_utf8(name).unwrap_or_default();
        let is_open = symbol.st_shndx(exports.endian) == elf::SHN_UNDEF;
        if is_open && symbol.st_bind() != elf::STB_WEAK && symbols.contains(name) {
            found.insert(name.to_owned());
        }
    }
    Ok(found)
}
