//! Binding by address: references to definitions of a group that the loader need not look up by
//! name.
//!
//! rustc asks the loader to resolve all references when a program starts (`-z now`). For each
//! symbol, the loader hashes the name and asks one shared object after the other. That is most of
//! the time by which a dynamic program starts more slowly than a static one. But when we link a
//! file against a group, we know the address of each symbol in the group, since the file never runs
//! with a group that has another [layout](crate::elf::layout). So after the link, we make the
//! relocations of all symbols of one group name the same symbol, its *base*, each with the distance
//! from the base as addend. The loader looks the base up, and reuses the result as long as
//! relocations name no other symbol (`RESOLVE_MAP` in `elf/dl-reloc.c`, glibc 2.36).
//!
//! A reference of a group to its own definition becomes relative to the address at which the group
//! is loaded, which takes no look-up at all. `-Bsymbolic-functions` has the linker do that for
//! functions.
//!
//! We must know the outcome of each look-up that we replace. So we bind only references to strong
//! definitions that are [private](crate::finish::private): a static link binds these as well. The
//! base of a group has a name that rustc has mangled, with a hash of the one crate that defines it.
//! So no library that the user has the loader load first (`LD_PRELOAD`) defines it by chance. The
//! loader still looks up by name
//!
//! - other symbols with a name of C or C++: the program, a library of the system, or a library that
//!   is loaded first may define them;
//! - thread locals, except for those that a group itself uses.
//!
//! On x86_64, rustc calls functions through the global offset table. Elsewhere it calls them through
//! the procedure linkage table, whose relocations `slots` moves to where we can bind them.
//!
//! An executable may refer to a symbol of a shared object by the distance from its code (assembler
//! can, and C without `-fPIC`; rustc does not). For a function, linkers then make an address in the
//! executable that the whole process has to use, and we may bind nothing: see
//! [`referred_to_by_distance`].

mod distance;
mod slots;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use object::elf::{self, FileHeader64, Rela64, Sym64};
use object::read::SymbolIndex;
use object::read::elf::{FileHeader as _, SectionHeader, Sym, SymbolTable, VersionTable};
use object::{Endianness, FileKind};

pub use self::distance::{referred_to_by_distance, referred_to_by_distance_in};
use self::slots::Slots;
use crate::elf::layout;
use crate::elf::versions::{self, Need};
use crate::elf::{
    Exports, PlaceRelocations, has_place, is_bindable, is_mangled_by_rustc, loaded_tables,
    ties_to_runtime,
};
use crate::system::files::{self, Patch};
use crate::{Error, Result};

/// We bind only 64-bit files. 32-bit files keep addends in the relocated words, at least on the
/// processors that have `.rel` sections.
type Class = FileHeader64<Endianness>;

/// Binds a finished executable or shared object to those of these groups, given by soname and
/// bytes, that are [sealed](crate::finish::seal::seal) and that it was linked against by their
/// [stubs](crate::stub).
///
/// # Errors
/// When a file cannot be read or written, or is malformed.
pub fn bind(file: &Path, groups: &[(&str, &[u8])]) -> Result<()> {
    let data = files::map(file)?;
    let patches = bind_patches(&data, groups).map_err(Error::object(file))?;
    drop(data);
    files::patch(file, &patches)
}

/// What [`bind`] writes, from the bytes of the files.
///
/// # Errors
/// When one of them is malformed.
pub fn bind_patches(data: &[u8], groups: &[(&str, &[u8])]) -> object::read::Result<Vec<Patch>> {
    if !matches!(FileKind::parse(data), Ok(FileKind::Elf64)) {
        return Ok(Vec::new());
    }
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let Some(mut relocations) = PlaceRelocations::of(header, endian) else {
        return Ok(Vec::new());
    };
    let sections = header.sections(endian, data)?;
    let slots = match relocations.jump_slot {
        Some(_) => Slots::find(header, &sections, endian, data)?,
        None => None,
    };
    if slots.is_none() {
        relocations.jump_slot = None;
    }
    let mut exports = HashMap::new();
    for (soname, data) in groups {
        if let Some(group) = Exports::<Class>::read(data)? {
            exports.insert(soname.as_bytes(), group);
        }
    }
    let versions = sections.versions(endian, data)?.unwrap_or_default();
    let mut binder = Binder {
        endian,
        relocations,
        symbols: sections.symbols(endian, data, elf::SHT_DYNSYM)?,
        layout: layout::version(&versions).map(|(index, _)| index),
        versions,
        groups: exports,
        bases: HashMap::new(),
        open_needs: HashSet::new(),
    };
    binder.find_bases()?;
    let mut patches = binder.hidden_needs(&versions::needs(endian, data, &sections)?);
    for table in loaded_tables(&sections, endian, data) {
        let (section, table) = table?;
        if slots.as_ref().is_some_and(|slots| slots.have(section)) {
            continue;
        }
        if let Some((first, bytes)) = binder.bind_table(table)? {
            let start = first * size_of::<Rela64<Endianness>>();
            patches.push(Patch {
                offset: section.sh_offset(endian) + start as u64,
                bytes,
            });
        }
    }
    if let Some(slots) = slots {
        let table = slots.table()?;
        if let Some((first, bytes)) = binder.bind_table(&table)? {
            patches.extend(slots.patches(&table, first, &bytes)?);
        }
    }
    Ok(patches)
}

struct Binder<'data> {
    endian: Endianness,
    relocations: PlaceRelocations,
    symbols: SymbolTable<'data, Class>,
    versions: VersionTable<'data, Class>,
    /// The version of the layout of the file itself, if it is a group.
    layout: Option<elf::VersionIndex>,
    /// By soname.
    groups: HashMap<&'data [u8], Exports<'data, Class>>,
    /// By soname, the base to which the references to a group are bound, if there is one.
    bases: HashMap<&'data [u8], Base>,
    /// The versions of the symbols that the program defines for its
    /// [runtime](crate::finish::runtime). Needs of these stay open.
    open_needs: HashSet<elf::VersionIndex>,
}

/// The symbol of a group to which all references to the group are bound.
#[derive(Debug, Clone, Copy)]
struct Base {
    symbol: u32,
    /// Where it lies in its group, in bytes.
    place: u64,
    /// A number for the group, in the order in which we meet groups.
    number: usize,
}

impl<'data> Binder<'data> {
    /// Finds the base of each group, among the symbols to which the file refers, and the needs that
    /// stay open.
    fn find_bases(&mut self) -> object::read::Result<()> {
        for (index, symbol) in self.symbols.enumerate() {
            // A need for weak references alone may itself be weak, and then it is no guard.
            if symbol.st_shndx(self.endian) != elf::SHN_UNDEF || symbol.st_bind() != elf::STB_GLOBAL
            {
                continue;
            }
            let name = self.symbols.symbol_name(self.endian, symbol)?;
            if !is_mangled_by_rustc(name) {
                continue;
            }
            let Some(soname) = self.group_of(index)? else {
                continue;
            };
            let place = self.groups[soname].place(name);
            if ties_to_runtime(name) {
                // Such a symbol is no base, since another std has these names too.
                if place.is_none() {
                    let version = self.versions.version_index(self.endian, index);
                    self.open_needs.insert(version.index());
                }
                continue;
            }
            if let Some(place) = place
                && !self.bases.contains_key(soname)
            {
                let base = Base {
                    symbol: index.0 as u32,
                    place,
                    number: self.bases.len() + 1,
                };
                self.bases.insert(soname, base);
            }
        }
        Ok(())
    }

    /// The relocations of a table that change, all in one piece, with the index of the first.
    /// `None` where none is bound.
    ///
    /// Relative ones stay at their places, since DT_RELACOUNT may tell the loader how many are at
    /// the beginning. The places of the others get first the bound ones, group by group, and then
    /// the rest in their order.
    fn bind_table(
        &self,
        table: &[Rela64<Endianness>],
    ) -> object::read::Result<Option<(usize, Vec<u8>)>> {
        let mut places = Vec::new();
        let mut bound = Vec::new();
        let mut rest = Vec::new();
        for (index, relocation) in table.iter().enumerate() {
            if relocation.r_type(self.endian, false) == self.relocations.relative {
                continue;
            }
            places.push(index);
            match self.bind_relocation(relocation)? {
                Some(one) => bound.push(one),
                None => rest.push(*relocation),
            }
        }
        let (Some(&first), Some(&last), false) = (places.first(), places.last(), bound.is_empty())
        else {
            return Ok(None);
        };
        bound.sort_by_key(|(number, relocation)| (*number, relocation.r_offset.get(self.endian)));
        let bound = bound.into_iter().map(|(_, relocation)| relocation);
        let mut changed = table[first..=last].to_vec();
        for (place, relocation) in places.into_iter().zip(bound.chain(rest)) {
            changed[place - first] = relocation;
        }
        Ok(Some((first, object::bytes_of_slice(&changed).to_vec())))
    }

    /// The new form of a relocation that is bound, after a number for the group or file to which it
    /// is bound.
    fn bind_relocation(
        &self,
        relocation: &Rela64<Endianness>,
    ) -> object::read::Result<Option<(usize, Rela64<Endianness>)>> {
        let endian = self.endian;
        let kind = relocation.r_type(endian, false);
        let index = SymbolIndex(relocation.r_sym(endian, false) as usize);
        let addend = relocation.r_addend.get(endian);
        if index == SymbolIndex(0) {
            return Ok(None);
        }
        let symbol = self.symbols.symbol(index)?;
        if symbol.st_type() == elf::STT_TLS {
            return Ok(self
                .own_thread_local(relocation, index, symbol)
                .map(|bound| (0, bound)));
        }
        let is_slot = kind == self.relocations.slot || Some(kind) == self.relocations.jump_slot;
        let is_slot = is_slot && addend == 0;
        if !is_slot && kind != self.relocations.address {
            return Ok(None);
        }
        let name = self.symbols.symbol_name(endian, symbol)?;
        let mut bound = *relocation;
        if symbol.st_shndx(endian) != elf::SHN_UNDEF {
            let version = self.versions.version_index(endian, index);
            let is_bound = if version.is_global() {
                is_bindable::<Class>(endian, name, symbol)
            } else {
                Some(version.index()) == self.layout && has_place::<Class>(endian, symbol)
            };
            if !is_bound {
                return Ok(None);
            }
            let place = symbol.st_value(endian);
            bound.set_r_info(endian, false, 0, self.relocations.relative);
            bound
                .r_addend
                .set(endian, addend.wrapping_add_unsigned(place));
            return Ok(Some((0, bound)));
        }
        let Some(soname) = self.group_of(index)? else {
            return Ok(None);
        };
        let (Some(base), Some(place)) = (self.bases.get(soname), self.groups[soname].place(name))
        else {
            return Ok(None);
        };
        let distance = place.wrapping_sub(base.place);
        bound.set_r_info(endian, false, base.symbol, self.relocations.address);
        bound
            .r_addend
            .set(endian, addend.wrapping_add_unsigned(distance));
        Ok(Some((base.number, bound)))
    }

    /// The new form of a relocation for a private thread local of the file itself. Without a
    /// symbol, it concerns the file.
    fn own_thread_local(
        &self,
        relocation: &Rela64<Endianness>,
        index: SymbolIndex,
        symbol: &Sym64<Endianness>,
    ) -> Option<Rela64<Endianness>> {
        let endian = self.endian;
        let version = self.versions.version_index(endian, index).index();
        if symbol.st_shndx(endian) == elf::SHN_UNDEF || Some(version) != self.layout {
            return None;
        }
        let kind = relocation.r_type(endian, false);
        let mut bound = *relocation;
        if self.relocations.thread_local.contains(&kind) {
            let addend = relocation.r_addend.get(endian);
            let place = addend.wrapping_add_unsigned(symbol.st_value(endian));
            bound.r_addend.set(endian, place);
        } else if kind != self.relocations.module {
            return None;
        }
        bound.set_r_info(endian, false, 0, kind);
        Some(bound)
    }

    /// The patches that hide the needs of layouts, so that nothing else satisfies them.
    fn hidden_needs(&self, needs: &[Need<'_>]) -> Vec<Patch> {
        let is_of_layout = |need: &&Need<'_>| {
            let layout = self.groups.get(need.file).and_then(Exports::layout);
            let is_open = self.open_needs.contains(&need.index.index());
            Some(need.name) == layout && !is_open
        };
        let needs = needs.iter().filter(is_of_layout);
        needs
            .map(|need| {
                let hidden = elf::VersymIndex(need.index.0 | elf::VERSYM_HIDDEN.0);
                need.renumbered(self.endian, hidden)
            })
            .collect()
    }

    /// The soname of the group whose layout version a symbol has.
    fn group_of(&self, index: SymbolIndex) -> object::read::Result<Option<&'data [u8]>> {
        let version = self.versions.version_index(self.endian, index).index();
        let Some(version) = self.versions.version(version)? else {
            return Ok(None);
        };
        let Some(file) = version.file() else {
            return Ok(None);
        };
        let Some((&soname, group)) = self.groups.get_key_value(file) else {
            return Ok(None);
        };
        Ok((group.layout() == Some(version.name())).then_some(soname))
    }
}
