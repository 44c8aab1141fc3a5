//! Relations between a group and those below it that the versions of its symbols do not show.

use std::collections::BTreeSet;

use object::FileKind;
use object::elf;
use object::read::SymbolIndex;
use object::read::elf::{FileHeader as _, Sym, SymbolTable, Version, VersionTable};

use super::{Below, Class, Obstacle};
use crate::elf::versions::is_layout;
use crate::elf::{Exports, open_references_in};

/// An exception to the rule by which the versions in the shared object tell what a reference is to:
/// a reference with the layout version of a group is to a private definition in that group, and any
/// other reference is to a symbol that no group defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Relation {
    /// Its index in the table of dynamic symbols.
    pub(super) symbol: u32,
    /// Index of the group.
    pub(super) group: u32,
    /// One of the constants below.
    pub(super) kind: u8,
}

/// The reference is to a public definition in the group, which is the first group with a
/// definition.
const PUBLIC: u8 = 0;
/// The reference is to a private definition in the group, but does not have its layout version.
const PRIVATE: u8 = 1;
/// The reference has the layout version of the group, but the group is not the first to define the
/// symbol, or does not define it as private.
const NOT_PRIVATE: u8 = 2;
/// The group refers to this definition above it.
const WANTED: u8 = 3;
/// The reference has another type than the definition, whose type (function, variable, thread
/// local) is in the lower four bits.
const OTHER_TYPE: u8 = 0x10;

/// A group below, as the shared object knows it.
struct Group<'a> {
    soname: &'a [u8],
    layout: Option<&'a [u8]>,
    bytes: &'a [u8],
    exports: Option<Exports<'a, Class>>,
}

impl<'a> Group<'a> {
    fn read(soname: &'a str, bytes: &'a [u8]) -> object::read::Result<Group<'a>> {
        let exports = Exports::read(bytes)?;
        Ok(Group {
            soname: soname.as_bytes(),
            layout: exports.as_ref().and_then(Exports::layout),
            bytes,
            exports,
        })
    }

    /// A new group under the names that the older content has for it.
    fn renamed(below: &Below<'a>) -> Result<Group<'a>, Obstacle> {
        let group = Group::read(below.soname.old, below.bytes)?;
        let layout = below.layout.map(|layout| layout.new.as_bytes());
        if group.layout != layout {
            let name = below.layout.map_or(below.soname.new, |layout| layout.new);
            return Err(Obstacle::Name(name.to_owned()));
        }
        if group.exports.is_none() {
            return Err(without_hash_table());
        }
        Ok(Group {
            layout: below.layout.map(|layout| layout.old.as_bytes()),
            ..group
        })
    }
}

fn without_hash_table() -> Obstacle {
    Obstacle::Unreadable("there is no hash table of symbols".to_owned())
}

/// The relations of a shared object to the groups, given by soname and bytes, that it was linked
/// against, in the order in which linkers look for definitions in them.
pub(super) fn of(
    data: &[u8],
    groups: &[(&str, &[u8])],
) -> object::read::Result<BTreeSet<Relation>> {
    if !matches!(FileKind::parse(data), Ok(FileKind::Elf64)) {
        return Ok(BTreeSet::new());
    }
    let groups = groups.iter();
    let groups = groups.map(|(soname, bytes)| Group::read(soname, bytes));
    let groups: Vec<Group<'_>> = groups.collect::<object::read::Result<_>>()?;
    Ok(find(data, &groups)?.unwrap_or_default())
}

/// Checks that a shared object has the same relations to the new groups as to the old ones, which
/// are the `known` ones.
pub(super) fn check(
    data: &[u8],
    below: &[Below<'_>],
    known: &BTreeSet<Relation>,
) -> Result<(), Obstacle> {
    let groups = below.iter().map(Group::renamed);
    let groups: Vec<Group<'_>> = groups.collect::<Result<_, _>>()?;
    let relations = find(data, &groups)?.ok_or_else(without_hash_table)?;
    let Some(other) = relations.symmetric_difference(known).next() else {
        return Ok(());
    };
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let symbol = symbols.symbol(SymbolIndex(other.symbol as usize))?;
    let name = symbols.symbol_name(endian, symbol)?;
    let name = String::from_utf8_lossy(name).into_owned();
    Err(Obstacle::Symbol(name))
}

/// The relations of a shared object to these groups. `None` if it has no hash table of symbols.
fn find(data: &[u8], groups: &[Group<'_>]) -> object::read::Result<Option<BTreeSet<Relation>>> {
    let Some(own) = Exports::<Class>::read(data)? else {
        return Ok(None);
    };
    let mut relations = BTreeSet::new();
    references(data, groups, &mut relations)?;
    for (group, number) in groups.iter().zip(0..) {
        for open in open_references_in(group.bytes, &[])? {
            if let Some(definition) = own.find(open.name.as_bytes()) {
                relations.insert(Relation {
                    symbol: definition.index.0 as u32,
                    group: number,
                    kind: WANTED,
                });
            }
        }
    }
    Ok(Some(relations))
}

/// Adds the relations of the references.
fn references(
    data: &[u8],
    groups: &[Group<'_>],
    relations: &mut BTreeSet<Relation>,
) -> object::read::Result<()> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols: SymbolTable<'_, Class> = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions: VersionTable<'_, Class> = sections.versions(endian, data)?.unwrap_or_default();
    for (index, symbol) in symbols.enumerate() {
        if index.0 == 0 || symbol.st_shndx(endian) != elf::SHN_UNDEF {
            continue;
        }
        let name = symbols.symbol_name(endian, symbol)?;
        let hash = elf::gnu_hash(name);
        let version = versions.version(versions.version_index(endian, index).index())?;
        let named = version.and_then(|version| group_of(version, groups));
        let defining = groups.iter().zip(0..).find_map(|(group, number)| {
            let definition = group.exports.as_ref()?.find_by_hash(name, hash)?;
            Some((number, definition))
        });
        let mut add = |group: u32, kind: u8| {
            relations.insert(Relation {
                symbol: index.0 as u32,
                group,
                kind,
            });
        };
        let found = defining.as_ref();
        let found = found.map(|(group, definition)| (*group, definition.is_private));
        if found != named.map(|group| (group, true)) {
            if let Some((group, is_private)) = found {
                add(group, if is_private { PRIVATE } else { PUBLIC });
            }
            if let Some(group) = named {
                add(group, NOT_PRIVATE);
            }
        }
        if let Some((group, definition)) = defining
            && definition.symbol.st_type() != symbol.st_type()
        {
            add(group, OTHER_TYPE | definition.symbol.st_type().0);
        }
    }
    Ok(())
}

/// Index of the group whose layout a version names.
fn group_of(version: &Version<'_>, groups: &[Group<'_>]) -> Option<u32> {
    let is_named = |group: &Group<'_>| {
        version.file() == Some(group.soname) && group.layout == Some(version.name())
    };
    let position = groups.iter().position(is_named)?;
    is_layout(version).then_some(position as u32)
}
