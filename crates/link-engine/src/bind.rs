//! Binding by place: references to what a group defines that need no look-up by name.
//!
//! rustc asks the loader to resolve all references when a program starts (`-z now`). For each
//! symbol it hashes the name and asks one shared object after the other, which takes most of
//! the time that the start of a dynamic program takes longer than that of a static one. But
//! what is linked against a group knows where each symbol lies in it, since it never runs with
//! one that has another [layout](crate::layout). So after the link, the relocations of all symbols
//! of one group are made to name the same symbol, with the distance from it as addend. The
//! loader looks that one up, and takes the result over while relocations name no other symbol
//! (`RESOLVE_MAP` in `elf/dl-reloc.c`, glibc 2.36).
//!
//! What a group refers to and defines itself becomes relative to where it is loaded, which
//! takes no look-up at all. `-Bsymbolic-functions` has the linker do that for functions.
//!
//! The outcome of each look-up has to be known, so only strong symbols of two kinds are bound.
//! The name of one that rustc has mangled holds a hash of the one crate that defines it. A
//! [private](crate::private) definition of C is one that a static link would bind; the group
//! is bound to its own, and who else uses it has the loader look it up. Whatever else
//! has a name of C or C++ may be defined by the program, by a library of the system, or by
//! what the user has the loader load first, and is looked up. Another copy
//! of a crate or of a library of C is not taken for the group: what is linked against it needs
//! the versions of the group hidden, and only its own symbols have these.
//!
//! An executable may give a function of a group an address of its own, where references by
//! their distance from the code ask for it (assembler can; rustc does not). Then all of the
//! process has to use that address, and nothing may be bound: see [`own_address`].

use std::collections::HashMap;
use std::path::Path;

use object::elf::{self, FileHeader64, Rela64};
use object::read::StringTable;
use object::read::SymbolIndex;
use object::read::elf::{
    FileHeader as _, SectionHeader, Sym, SymbolTable, VerneedIterator, VersionTable,
};
use object::{Endian as _, Endianness, FileKind};

use crate::elf::{ElfClass, is_mangled_by_rustc, ties_to_runtime};
use crate::files::{self, Patch};
use crate::interface::Exports;
use crate::private::private_version;
use crate::versions::{PREFIX, PRIVATE};
use crate::{Error, Result};

/// Only files of 64 bits are bound: those of 32 bits keep addends where they are added, at
/// least on the processors that have `.rel` sections.
type Class = FileHeader64<Endianness>;

/// Binds a finished executable or shared object to those of these groups, given by soname and
/// file, that are [sealed](crate::layout::seal) and that it was linked against by their
/// [stubs](crate::interface).
///
/// # Errors
/// When a file cannot be read or written, or is malformed.
pub fn bind(file: &Path, groups: &[(&str, &Path)]) -> Result<()> {
    let data = files::map(file)?;
    let maps: Vec<_> = groups
        .iter()
        .map(|(soname, path)| Ok((*soname, files::map(path)?)))
        .collect::<Result<_>>()?;
    let groups: Vec<(&str, &[u8])> = maps
        .iter()
        .map(|(soname, map)| (*soname, &map[..]))
        .collect();
    let patches = bind_patches(&data, &groups).map_err(|source| Error::Object {
        path: file.to_owned(),
        source,
    })?;
    drop(data);
    files::patch(file, &patches)
}

/// A function of a group that an executable has given an address of its own, so that nothing
/// may be bound.
///
/// In the symbol table, such an address stands at an undefined symbol (System V ABI, AMD64
/// supplement, "Function Addresses").
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn own_address(executable: &Path) -> Result<Option<String>> {
    let data = files::map(executable)?;
    own_address_in(&data).map_err(|source| Error::Object {
        path: executable.to_owned(),
        source,
    })
}

fn own_address_in(data: &[u8]) -> object::read::Result<Option<String>> {
    if !matches!(FileKind::parse(data), Ok(FileKind::Elf64)) {
        return Ok(None);
    }
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions: VersionTable<'_, Class> = sections.versions(endian, data)?.unwrap_or_default();
    for (index, symbol) in symbols.enumerate() {
        if symbol.st_shndx(endian) == elf::SHN_UNDEF && symbol.st_value(endian) != 0 {
            let name = symbols.symbol_name(endian, symbol)?;
            let version = versions.version(versions.version_index(endian, index).index())?;
            let is_of_group =
                version.is_some_and(|version| version.name().starts_with(PREFIX.as_bytes()));
            if is_of_group || is_mangled_by_rustc(name) {
                return Ok(Some(String::from_utf8_lossy(name).into_owned()));
            }
        }
    }
    Ok(None)
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
    let Some(relocations) = PlaceRelocations::of(header, endian) else {
        return Ok(Vec::new());
    };
    let sections = header.sections(endian, data)?;
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
        private: private_version(&versions),
        versions,
        groups: exports,
        bases: HashMap::new(),
    };
    let mut patches = Vec::new();
    for section in sections.iter() {
        if let Some((needs, strings_index)) = section.gnu_verneed(endian, data)? {
            let strings = sections.strings(endian, data, strings_index)?;
            let offset = section.sh_offset(endian);
            patches.extend(binder.hidden_needs(needs, strings, offset)?);
        }
        if section.sh_flags(endian).contains(elf::SHF_ALLOC)
            && let Some((table, _)) = section.rela(endian, data)?
            && let Some((first, bytes)) = binder.bind_table(table)?
        {
            let start = first * size_of::<Rela64<Endianness>>();
            patches.push(Patch {
                offset: section.sh_offset(endian) + start as u64,
                bytes,
            });
        }
    }
    Ok(patches)
}

/// The relocations of a processor that name a symbol and are bound, and what they become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaceRelocations {
    /// The address of a symbol, and an addend.
    pub(crate) address: elf::RelocationType,
    /// The address of a symbol, in the global offset table.
    slot: elf::RelocationType,
    /// The address where the file is loaded, and an addend.
    pub(crate) relative: elf::RelocationType,
}

impl PlaceRelocations {
    /// `None` for files that are not bound. (The ABI supplements of the processors.)
    pub(crate) fn of<Class: ElfClass>(header: &Class, endian: Endianness) -> Option<Self> {
        if !header.is_type_64() {
            return None;
        }
        let (address, slot, relative) = match header.e_machine(endian) {
            elf::EM_X86_64 => (
                elf::R_X86_64_64,
                elf::R_X86_64_GLOB_DAT,
                elf::R_X86_64_RELATIVE,
            ),
            elf::EM_AARCH64 => (
                elf::R_AARCH64_ABS64,
                elf::R_AARCH64_GLOB_DAT,
                elf::R_AARCH64_RELATIVE,
            ),
            elf::EM_RISCV => (elf::R_RISCV_64, elf::R_RISCV_64, elf::R_RISCV_RELATIVE),
            elf::EM_S390 => (elf::R_390_64, elf::R_390_GLOB_DAT, elf::R_390_RELATIVE),
            _ => return None,
        };
        Some(PlaceRelocations {
            address,
            slot,
            relative,
        })
    }
}

/// Whether references to this definition may be bound: there is no other one with its name.
pub(crate) fn is_bindable<Class: ElfClass>(
    endian: Endianness,
    name: &[u8],
    symbol: &Class::Sym,
) -> bool {
    has_place::<Class>(endian, symbol) && is_mangled_by_rustc(name) && !ties_to_runtime(name)
}

/// Whether this is a strong definition of a function or variable that lies in the file.
fn has_place<Class: ElfClass>(endian: Endianness, symbol: &Class::Sym) -> bool {
    symbol.st_shndx(endian).index().is_some()
        && symbol.st_bind() == elf::STB_GLOBAL
        && [elf::STT_FUNC, elf::STT_OBJECT].contains(&symbol.st_type())
}

/// Where `vna_other` lies in the entry of a version that is needed, in bytes
/// (LSB Core, "Symbol Versioning").
const VNA_OTHER: u64 = 6;

struct Binder<'data> {
    endian: Endianness,
    relocations: PlaceRelocations,
    symbols: SymbolTable<'data, Class>,
    versions: VersionTable<'data, Class>,
    /// The version of the private definitions of the file, if it has any.
    private: Option<elf::VersionIndex>,
    /// By soname.
    groups: HashMap<&'data [u8], Exports<'data, Class>>,
    /// By soname, what the references to a group are bound to.
    bases: HashMap<&'data [u8], Base>,
}

/// A symbol that stands for all of its group.
#[derive(Debug, Clone, Copy)]
struct Base {
    symbol: u32,
    /// Where it lies in its group, in bytes.
    place: u64,
    /// Tells groups apart, by the order in which they are met.
    number: usize,
}

impl<'data> Binder<'data> {
    /// The relocations of a table that change, all in one piece, with the index of the first.
    /// `None` where none is bound.
    ///
    /// Relative ones stay where they are, since a count of those at the beginning may be
    /// known to the loader (DT_RELACOUNT). In the places of the others come first those that
    /// are bound, group by group, and then the rest in their order.
    fn bind_table(
        &mut self,
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

    /// What a relocation becomes that is bound, after a number for what it is bound to.
    fn bind_relocation(
        &mut self,
        relocation: &Rela64<Endianness>,
    ) -> object::read::Result<Option<(usize, Rela64<Endianness>)>> {
        let endian = self.endian;
        let kind = relocation.r_type(endian, false);
        let index = SymbolIndex(relocation.r_sym(endian, false) as usize);
        let addend = relocation.r_addend.get(endian);
        let is_slot = kind == self.relocations.slot && addend == 0;
        if index == SymbolIndex(0) || !(is_slot || kind == self.relocations.address) {
            return Ok(None);
        }
        let symbol = self.symbols.symbol(index)?;
        let name = self.symbols.symbol_name(endian, symbol)?;
        let mut bound = *relocation;
        if symbol.st_shndx(endian) != elf::SHN_UNDEF {
            let version = self.versions.version_index(endian, index);
            let is_bound = if version.is_global() {
                is_bindable::<Class>(endian, name, symbol)
            } else {
                Some(version.index()) == self.private && has_place::<Class>(endian, symbol)
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
        // A need for weak references alone may itself be weak, and then is no guard.
        if symbol.st_bind() != elf::STB_GLOBAL {
            return Ok(None);
        }
        let Some((soname, place)) = self.place(index, name)? else {
            return Ok(None);
        };
        let number = self.bases.len() + 1;
        let base = *self.bases.entry(soname).or_insert(Base {
            symbol: index.0 as u32,
            place,
            number,
        });
        let distance = place.wrapping_sub(base.place);
        bound.set_r_info(endian, false, base.symbol, self.relocations.address);
        bound
            .r_addend
            .set(endian, addend.wrapping_add_unsigned(distance));
        Ok(Some((base.number, bound)))
    }

    /// What makes the needs of versions of groups hidden, so that nothing else satisfies them.
    fn hidden_needs(
        &self,
        mut needs: VerneedIterator<'data, Class>,
        strings: StringTable<'data>,
        section: u64,
    ) -> object::read::Result<Vec<Patch>> {
        let mut patches = Vec::new();
        let mut offset = section;
        while let Some((need, mut versions)) = needs.next()? {
            let file = need.file(self.endian, strings)?;
            let layout = self.groups.get(file).and_then(Exports::layout);
            let is_of_group = |name| Some(name) == layout || name == PRIVATE.as_bytes();
            let mut version_offset = offset + u64::from(need.vn_aux.get(self.endian));
            while let Some(version) = versions.next()? {
                if layout.is_some() && is_of_group(version.name(self.endian, strings)?) {
                    let hidden = version.vna_other.get(self.endian).0 | elf::VERSYM_HIDDEN.0;
                    patches.push(Patch {
                        offset: version_offset + VNA_OTHER,
                        bytes: self.endian.write_u16(hidden).to_vec(),
                    });
                }
                version_offset += u64::from(version.vna_next.get(self.endian));
            }
            offset += u64::from(need.vn_next.get(self.endian));
        }
        Ok(patches)
    }

    /// Which group defines a symbol that has a layout version, and where it lies there.
    fn place(
        &self,
        index: SymbolIndex,
        name: &[u8],
    ) -> object::read::Result<Option<(&'data [u8], u64)>> {
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
        if group.layout() != Some(version.name()) {
            return Ok(None);
        }
        Ok(group.place(name).map(|place| (soname, place)))
    }
}
