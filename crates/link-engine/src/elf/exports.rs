//! The definitions of a shared object, looked up by name as the loader does it (DT_GNU_HASH).

use object::Endianness;
use object::elf;
use object::read::SymbolIndex;
use object::read::elf::{GnuHashTable, Sym, SymbolTable, VersionTable};

use super::{ElfClass, has_place, layout};

/// The dynamic symbols of a shared object, for looking up by name.
pub(crate) struct Exports<'data, Class: ElfClass> {
    pub(crate) header: &'data Class,
    pub(crate) endian: Endianness,
    pub(crate) symbols: SymbolTable<'data, Class>,
    pub(super) hash_table: GnuHashTable<'data, Class>,
    pub(crate) versions: VersionTable<'data, Class>,
    /// The version whose name holds the hash of the layout, with that name, if there is one.
    pub(super) layout: Option<(elf::VersionIndex, &'data [u8])>,
}

/// A symbol that a shared object defines.
pub(crate) struct Definition<'data, Class: ElfClass> {
    pub(crate) index: SymbolIndex,
    pub(crate) name: &'data [u8],
    pub(crate) symbol: &'data Class::Sym,
    pub(crate) is_private: bool,
}

impl<'data, Class: ElfClass> Exports<'data, Class> {
    /// Reads the tables that lead to the symbols, and no symbol. `None` without a usable
    /// DT_GNU_HASH.
    pub(crate) fn read(data: &'data [u8]) -> object::read::Result<Option<Self>> {
        let header = Class::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let Some((hash_table, _)) = sections.gnu_hash(endian, data)? else {
            return Ok(None);
        };
        // `object` 0.40 shifts by it unchecked, which panics if overflow checks are on.
        let hash_header = sections.gnu_hash_header(endian, data)?;
        if hash_header.is_some_and(|header| header.bloom_shift.get(endian) >= u32::BITS) {
            return Ok(None);
        }
        let versions: VersionTable<'_, Class> =
            sections.versions(endian, data)?.unwrap_or_default();
        Ok(Some(Exports {
            layout: layout::version(&versions),
            header,
            endian,
            symbols: sections.symbols(endian, data, elf::SHT_DYNSYM)?,
            hash_table,
            versions,
        }))
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<Definition<'data, Class>> {
        self.find_by_hash(name, elf::gnu_hash(name))
    }

    /// Like `find`, by a name and its hash.
    pub(crate) fn find_by_hash(&self, name: &[u8], hash: u32) -> Option<Definition<'data, Class>> {
        let version = |index| self.versions.version(index).ok().flatten();
        let layout = self.layout.and_then(|(index, _)| version(index));
        let find = |version| {
            let (symbols, versions) = (&self.symbols, &self.versions);
            self.hash_table
                .find(self.endian, name, hash, version, symbols, versions)
        };
        let (index, symbol) = find(None).or_else(|| find(Some(layout?)))?;
        let name = self.symbols.symbol_name(self.endian, symbol).ok()?;
        Some(self.definition(index, name, symbol))
    }

    pub(crate) fn definition(
        &self,
        index: SymbolIndex,
        name: &'data [u8],
        symbol: &'data Class::Sym,
    ) -> Definition<'data, Class> {
        Definition {
            index,
            name,
            symbol,
            is_private: self.is_private(index),
        }
    }

    /// The name of the version of the layout, if there is one.
    pub(crate) fn layout(&self) -> Option<&'data [u8]> {
        self.layout.map(|(_, name)| name)
    }

    /// The address in the file of a definition to which references may be bound.
    pub(crate) fn place(&self, name: &[u8]) -> Option<u64> {
        let definition = self.find(name)?;
        let has_place = has_place::<Class>(self.endian, definition.symbol);
        (definition.is_private && has_place).then(|| definition.symbol.st_value(self.endian).into())
    }

    pub(crate) fn is_private(&self, index: SymbolIndex) -> bool {
        let version = self.versions.version_index(self.endian, index);
        let layout = self.layout.map(|(index, _)| index);
        version.is_hidden() && Some(version.index()) == layout
    }
}

/// Names to look up, each with its hash for DT_GNU_HASH: computing the hash of a mangled name takes
/// longer than looking the name up.
#[derive(Debug, Default)]
pub struct Names<'a>(pub(crate) Vec<(&'a [u8], u32)>);

impl<'a> FromIterator<&'a [u8]> for Names<'a> {
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(names: T) -> Names<'a> {
        let names = names.into_iter();
        Names(names.map(|name| (name, elf::gnu_hash(name))).collect())
    }
}
