//! The symbols that a shared object defines: public ones, and private ones for the files that are
//! linked against it.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use object::elf;
use object::read::elf::{Sym, VersionTable};

use super::exports::Exports;
use super::{ElfClass, is_mangled_by_rustc, with_class};
use crate::system::files;
use crate::{Error, Result};

/// The symbols that links against a shared library find in it.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn definitions(shared_library: &Path) -> Result<HashSet<String>> {
    let data = files::map(shared_library)?;
    let found = with_class!(&data[..], definitions_in(&data));
    found
        .map(Option::unwrap_or_default)
        .map_err(Error::object(shared_library))
}

fn definitions_in<Class: ElfClass>(data: &[u8]) -> object::read::Result<HashSet<String>> {
    let mut found = HashSet::new();
    let Some(exports) = Exports::<Class>::read(data)? else {
        return Ok(found);
    };
    for (index, symbol) in exports.symbols.enumerate() {
        // A hidden version serves only files that were linked when it was the default.
        let version = exports.versions.version_index(exports.endian, index);
        if symbol.st_shndx(exports.endian) != elf::SHN_UNDEF && !version.is_hidden() {
            let name = exports.symbols.symbol_name(exports.endian, symbol)?;
            found.insert(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(found)
}

/// The names of all dynamic symbols of a shared library with these bytes: its definitions and its
/// references.
///
/// # Errors
/// When these are malformed.
pub fn names(data: &[u8]) -> object::read::Result<HashSet<&[u8]>> {
    with_class!(data, names_in(data)).map(Option::unwrap_or_default)
}

fn names_in<Class: ElfClass>(data: &[u8]) -> object::read::Result<HashSet<&[u8]>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let names = symbols.iter();
    names
        .map(|symbol| symbols.symbol_name(endian, symbol))
        .collect()
}

/// A hash of the symbols of a shared library with these bytes that a link against it sees: those
/// that it defines and those to which it refers, with their versions. It does not depend on their
/// order.
///
/// # Errors
/// When these are malformed.
pub(crate) fn interface_hash(data: &[u8]) -> object::read::Result<Option<blake3::Hash>> {
    with_class!(data, interface_hash_of(data))
}

fn interface_hash_of<Class: ElfClass>(data: &[u8]) -> object::read::Result<blake3::Hash> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions: VersionTable<'_, Class> = sections.versions(endian, data)?.unwrap_or_default();
    let mut interface = BTreeSet::new();
    for (index, symbol) in symbols.enumerate() {
        let version = versions.version_index(endian, index);
        let named = versions.version(version.index())?;
        interface.insert((
            symbols.symbol_name(endian, symbol)?,
            named.map(|version| version.name()),
            version.is_hidden(),
            symbol.st_shndx(endian) == elf::SHN_UNDEF,
            symbol.st_info(),
        ));
    }
    let mut hasher = blake3::Hasher::new();
    for (name, version, is_hidden, is_reference, info) in interface {
        hasher.update(name);
        hasher.update(&[0, version.is_some().into()]);
        hasher.update(version.unwrap_or_default());
        hasher.update(&[0, is_hidden.into(), is_reference.into(), info.0]);
    }
    Ok(hasher.finalize())
}

/// One of `names` of which a shared object with these bytes has a private definition.
///
/// # Errors
/// When these are malformed.
pub fn private_among<'a>(
    data: &[u8],
    names: impl IntoIterator<Item = &'a str>,
) -> object::read::Result<Option<&'a str>> {
    with_class!(data, private_in(data, names)).map(Option::flatten)
}

fn private_in<'a, Class: ElfClass>(
    data: &[u8],
    names: impl IntoIterator<Item = &'a str>,
) -> object::read::Result<Option<&'a str>> {
    let exports = Exports::<Class>::read(data)?;
    Ok(exports.and_then(|exports| {
        exports.layout?;
        let is_private = |name: &&str| {
            let definition = exports.find(name.as_bytes());
            definition.is_some_and(|definition| definition.is_private)
        };
        names.into_iter().find(is_private)
    }))
}

/// Whether a shared object with these bytes has private definitions with a name of C.
///
/// # Errors
/// When these are malformed.
pub fn has_private(data: &[u8]) -> object::read::Result<bool> {
    with_class!(data, has_private_in(data)).map(Option::unwrap_or_default)
}

fn has_private_in<Class: ElfClass>(data: &[u8]) -> object::read::Result<bool> {
    let exports = Exports::<Class>::read(data)?;
    let Some(exports) = exports else {
        return Ok(false);
    };
    for (index, symbol) in exports.symbols.enumerate() {
        let name = exports.symbols.symbol_name(exports.endian, symbol)?;
        if exports.is_private(index) && !is_mangled_by_rustc(name) {
            return Ok(true);
        }
    }
    Ok(false)
}
