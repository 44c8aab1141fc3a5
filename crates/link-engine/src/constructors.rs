//! Constructors: code of a library that runs before `main`.
//!
//! A static program runs the constructors of those libraries that it links, in the order of
//! its link line, after its own. A shared object runs all of its constructors whoever loads
//! it, and before those of the program. So groups run none: their constructors are taken off
//! the list that the loader goes through ([`hand_over`]), and the executable gets them into
//! its own list, in the places where a static link has them ([`write_object`]).
//!
//! That can be done for constructors as Rust code has them, in crates such as `ctor` and
//! `inventory`: `#[used] #[link_section = ".init_array"] static ENTRY: extern "C" fn() = run;`.
//! rustc names such an entry in an object of each program that links the crate (`symbols.o`,
//! `linked_symbols` in `rustc_codegen_ssa`, rustc 1.95), so a static link takes it whatever
//! else it takes of the crate, and the linker wrapper sees that it does.
//!
//! Libraries with constructors of C and C++ stay in the executable, for two reasons. A static
//! link takes one only with an object that something refers to, by whatever chain of objects from
//! the program on; the wrapper would have to know the symbols of each object of all rlibs, those of
//! the stayers included, and to follow them as the linker does, which is the work that groups save.
//! And the entry of such a constructor, like its function, has no name by which an executable could
//! refer to it, so there is none to take off the list.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use object::elf::{self, FileHeader64};
use object::read::SectionIndex;
use object::read::elf::{Dyn, FileHeader, Rela, SectionHeader, SectionTable, Sym};
use object::write::elf::{
    FileHeader as NewFileHeader, Rel, SectionHeader as NewSection, Sym as NewSym, Writer,
};
use object::{Endianness, FileKind, U64};
use serde::{Deserialize, Serialize};

use crate::bind::{PlaceRelocations, is_bindable, loaded_tables};
use crate::elf::{ElfClass, is_mangled_by_rustc};
use crate::files::{self, Patch};
use crate::interface::Exports;
use crate::{Error, Result};

/// Only files of 64 bits have entries that are understood.
type Class = FileHeader64<Endianness>;

/// Size of an entry, in bytes.
const ENTRY: u64 = 8;

const SECTION: &[u8] = b".init_array";

/// An entry in the list of functions to call before `main`, as an rlib has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constructor {
    /// The section that it is in: `.init_array`, or `.init_array.<priority>`.
    pub section: String,
    /// The symbol of the entry.
    pub entry: String,
}

/// A constructor, and the symbol of its function if other objects can name it.
pub(crate) type WithFunction<'data> = (Constructor, Option<&'data [u8]>);

/// An entry in the list of functions to call before `main`, in a group that does not call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The section that it was in.
    pub section: String,
    /// The symbol of the entry, which is still there.
    pub entry: String,
    /// Where in the group the function lies, in bytes from the entry.
    pub distance: i64,
}

/// The entries in a section of an object that rustc made, in order. `None` when there is
/// something in it that is not understood.
pub(crate) fn in_section<'data, Class: ElfClass>(
    object: &'data [u8],
    sections: &SectionTable<'data, Class>,
    index: SectionIndex,
) -> object::read::Result<Option<Vec<WithFunction<'data>>>> {
    let header = Class::parse(object)?;
    let endian = header.endian()?;
    let section = sections.section(index)?;
    let section_name = sections.section_name(endian, section)?;
    let relocations = PlaceRelocations::of(header, endian);
    let Some(relocations) = relocations.filter(|_| is_list(section_name)) else {
        return Ok(None);
    };
    let symbols = sections.symbols(endian, object, elf::SHT_SYMTAB)?;
    let size: u64 = section.sh_size(endian).into();
    // A section lies in its object.
    let count = usize::try_from(size / ENTRY).ok();
    let count = count.filter(|count| size.is_multiple_of(ENTRY) && *count <= object.len());
    let Some(count) = count else {
        return Ok(None);
    };
    let mut entries = vec![None; count];
    for (symbol_index, symbol) in symbols.enumerate() {
        let is_inside = symbols.symbol_section(endian, symbol, symbol_index)? == Some(index);
        if !is_inside || symbol.st_type() == elf::STT_SECTION {
            continue;
        }
        let name = symbols.symbol_name(endian, symbol)?;
        let size: u64 = symbol.st_size(endian).into();
        let is_entry = size == ENTRY
            && symbol.st_visibility() == elf::STV_DEFAULT
            && is_bindable::<Class>(endian, name, symbol);
        match entry_at(&mut entries, symbol.st_value(endian).into()) {
            Some(entry @ None) if is_entry => *entry = Some(name),
            _ => return Ok(None),
        }
    }
    let mut functions = vec![None; count];
    for relocation_section in sections.iter() {
        let Some((table, _)) = relocation_section.rela(endian, object)? else {
            continue;
        };
        if relocation_section.info_link(endian) != index {
            continue;
        }
        for relocation in table {
            let Some(symbol_index) = relocation.symbol(endian, false) else {
                return Ok(None);
            };
            let symbol = symbols.symbol(symbol_index)?;
            let name = symbols.symbol_name(endian, symbol)?;
            let is_local = symbol.st_bind() == elf::STB_LOCAL;
            let is_global = symbol.st_bind() == elf::STB_GLOBAL && is_mangled_by_rustc(name);
            let is_function =
                relocation.r_type(endian, false) == relocations.address && (is_local || is_global);
            match entry_at(&mut functions, relocation.r_offset(endian).into()) {
                Some(function @ None) if is_function => {
                    *function = Some(is_global.then_some(name));
                }
                _ => return Ok(None),
            }
        }
    }
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let constructors = entries.into_iter().zip(functions);
    Ok(constructors
        .map(|(entry, function)| {
            let constructor = Constructor {
                section: text(section_name),
                entry: text(entry?),
            };
            Some((constructor, function?))
        })
        .collect())
}

/// What is known of the entry at a place in its section.
fn entry_at<T>(entries: &mut [T], place: u64) -> Option<&mut T> {
    let index = place.is_multiple_of(ENTRY).then_some(place / ENTRY)?;
    entries.get_mut(usize::try_from(index).ok()?)
}

/// Whether linkers put a section of this name into the list, if its type says so too.
fn is_list(name: &[u8]) -> bool {
    name.strip_prefix(SECTION).is_some_and(|rest| {
        let priority = rest.strip_prefix(b".");
        rest.is_empty() || priority.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
    })
}

/// Takes these constructors off the list that the loader goes through when it loads a
/// finished shared object.
///
/// # Errors
/// When the file cannot be read or written, is malformed, or has another list than linkers
/// make of these constructors and of what the compiler driver adds.
pub(crate) fn hand_over(shared_object: &Path, constructors: &[&Constructor]) -> Result<()> {
    if constructors.is_empty() {
        return Ok(());
    }
    let entries: HashSet<&str> = constructors
        .iter()
        .map(|constructor| &*constructor.entry)
        .collect();
    let data = files::map(shared_object)?;
    let patches = hand_over_patches(&data, &entries).map_err(Error::object(shared_object))?;
    drop(data);
    files::patch(
        shared_object,
        &patches.ok_or_else(not_understood(shared_object))?,
    )
}

/// How far from its entry the function of each constructor lies, in bytes, by the symbols of
/// the entries.
///
/// # Errors
/// When the file cannot be read, is malformed, or does not have all of them.
pub(crate) fn distances(
    shared_object: &Path,
    constructors: &[&Constructor],
) -> Result<HashMap<String, i64>> {
    if constructors.is_empty() {
        return Ok(HashMap::new());
    }
    let data = files::map(shared_object)?;
    let functions = functions(&data, constructors).map_err(Error::object(shared_object))?;
    functions.ok_or_else(not_understood(shared_object))
}

fn functions(
    data: &[u8],
    constructors: &[&Constructor],
) -> object::read::Result<Option<HashMap<String, i64>>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let exports = Exports::<Class>::read(data)?;
    let (Some(exports), Some(relocations)) = (exports, PlaceRelocations::of(header, endian)) else {
        return Ok(None);
    };
    let mut entries = HashMap::new();
    for constructor in constructors {
        let Some(place) = exports.place(constructor.entry.as_bytes()) else {
            return Ok(None);
        };
        entries.insert(place, &constructor.entry);
    }
    let mut distances = HashMap::new();
    let mut put = |place: u64, function: i64| {
        if let Some(entry) = entries.get(&place) {
            let distance = function.wrapping_sub_unsigned(place);
            distances.insert((*entry).clone(), distance);
        }
    };
    let sections = header.sections(endian, data)?;
    for table in loaded_tables(&sections, endian, data) {
        for relocation in table?.1 {
            if relocation.r_type(endian, false) == relocations.relative {
                put(
                    relocation.r_offset.get(endian),
                    relocation.r_addend.get(endian),
                );
            }
        }
    }
    for (place, function) in packed(&sections, endian, data)? {
        put(place, function.cast_signed());
    }
    Ok((distances.len() == constructors.len()).then_some(distances))
}

/// The entries, of the list of functions to call before `main`, with a relative relocation that
/// is packed (ELF gABI, SHT_RELR): its addend is what the file has in the place.
fn packed(
    sections: &SectionTable<'_, Class>,
    endian: Endianness,
    data: &[u8],
) -> object::read::Result<Vec<(u64, u64)>> {
    let mut values = HashMap::new();
    for section in sections.iter() {
        if section.sh_type(endian) == elf::SHT_INIT_ARRAY {
            let list: &[U64<Endianness>] = section.data_as_array(endian, data)?;
            let start = section.sh_addr(endian);
            values.extend(list.iter().zip(0..).map(|(value, index)| {
                let place = start.wrapping_add(ENTRY.wrapping_mul(index));
                (place, value.get(endian))
            }));
        }
    }
    let mut packed = Vec::new();
    for section in sections.iter() {
        let places = section.relr(endian, data)?.into_iter().flatten();
        packed.extend(places.filter_map(|place| Some((place, *values.get(&place)?))));
    }
    Ok(packed)
}

fn not_understood(path: &Path) -> impl FnOnce() -> Error {
    let path = path.to_owned();
    move || Error::Constructors { path }
}

/// What [`hand_over`] writes, from the bytes of the shared object and the symbols of the
/// entries. `None` where these are not all of the list, or all but one piece of it.
///
/// # Errors
/// When the bytes are malformed.
pub fn hand_over_patches(
    data: &[u8],
    entries: &HashSet<&str>,
) -> object::read::Result<Option<Vec<Patch>>> {
    if !matches!(FileKind::parse(data), Ok(FileKind::Elf64)) {
        return Ok(None);
    }
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let Some(exports) = Exports::<Class>::read(data)? else {
        return Ok(None);
    };
    let places: Option<HashSet<u64>> = entries
        .iter()
        .map(|entry| exports.place(entry.as_bytes()))
        .collect();
    let Some(places) = places.filter(|places| places.len() == entries.len()) else {
        return Ok(None);
    };

    let Some(section) = sections
        .iter()
        .find(|section| section.sh_type(endian) == elf::SHT_DYNAMIC)
    else {
        return Ok(None);
    };
    let Some((dynamic, _)) = section.dynamic(endian, data)? else {
        return Ok(None);
    };
    let find = |tag| dynamic.iter().position(|entry| entry.d_tag(endian) == tag);
    let (Some(address), Some(size)) = (find(elf::DT_INIT_ARRAY), find(elf::DT_INIT_ARRAYSZ)) else {
        return Ok(None);
    };
    let start = dynamic[address].d_val(endian);
    let end = start.saturating_add(dynamic[size].d_val(endian));
    let is_inside =
        |place: &u64| (start..end).contains(place) && (place - start).is_multiple_of(ENTRY);
    if !places.iter().all(is_inside) {
        return Ok(None);
    }
    // What stays has to be in one piece.
    let mut sorted: Vec<u64> = places.iter().copied().collect();
    sorted.sort_unstable();
    let mut kept = start..start;
    let mut next = start;
    for place in sorted.into_iter().chain([end]) {
        if place > next {
            if !kept.is_empty() {
                return Ok(None);
            }
            kept = next..place;
        }
        next = place + ENTRY;
    }
    let table = section.sh_offset(endian);
    let patch = |index: usize, value: u64| Patch {
        offset: table + (index * size_of::<elf::Dyn64<Endianness>>() + 8) as u64,
        bytes: object::bytes_of(&U64::new(endian, value)).to_vec(),
    };
    Ok(Some(vec![
        patch(address, kept.start),
        patch(size, kept.end - kept.start),
    ]))
}

/// Writes an object file that puts the constructors of a group, whose shared object has these
/// bytes, into the list of what it is linked into.
///
/// # Errors
/// When the file cannot be written, or the bytes are malformed.
pub(crate) fn write_object(
    group: &Path,
    data: &[u8],
    constructors: &[HandedOver],
    object: &Path,
) -> Result<()> {
    let header = Class::parse(data).and_then(|header| Ok((header, header.endian()?)));
    let (header, endian) = header.map_err(Error::object(group))?;
    // Groups of other platforms have none, and writing fails only on files of 4 GiB and more.
    let bytes = PlaceRelocations::of(header, endian)
        .and_then(|relocations| object_of(header, endian, relocations, constructors).ok())
        .ok_or_else(not_understood(group))?;
    std::fs::write(object, bytes).map_err(Error::io("write", object))
}

fn object_of(
    header: &Class,
    endian: Endianness,
    relocations: PlaceRelocations,
    constructors: &[HandedOver],
) -> object::write::Result<Vec<u8>> {
    let mut lists: Vec<(&str, Vec<&HandedOver>)> = Vec::new();
    for constructor in constructors {
        let mut known = lists.iter_mut();
        match known.find(|(section, _)| *section == constructor.section) {
            Some((_, list)) => list.push(constructor),
            None => lists.push((&constructor.section, vec![constructor])),
        }
    }
    let relocation_names: Vec<String> = lists
        .iter()
        .map(|(section, _)| format!(".rela{section}"))
        .collect();

    let mut bytes = Vec::new();
    let mut writer = Writer::new(endian, true, &mut bytes);
    let symbols: Vec<Vec<_>> = lists
        .iter()
        .map(|(_, list)| {
            let list = list.iter();
            list.map(|constructor| {
                let name = writer.add_string(constructor.entry.as_bytes());
                (
                    name,
                    writer.reserve_symbol_index(None),
                    constructor.distance,
                )
            })
            .collect()
        })
        .collect();
    writer.reserve_file_header();
    writer.reserve_null_section_index();
    let mut sections = Vec::new();
    for ((section, list), relocation_name) in lists.iter().zip(&relocation_names) {
        sections.push((
            writer.add_section_name(section.as_bytes()),
            writer.reserve_section_index(),
            writer.reserve(list.len() as u64 * ENTRY, ENTRY),
        ));
        sections.push((
            writer.add_section_name(relocation_name.as_bytes()),
            writer.reserve_section_index(),
            writer.reserve_relocations(list.len(), true),
        ));
    }
    // Without it, linkers take the object for one that wants to execute its stack.
    let stack = writer.add_section_name(b".note.GNU-stack");
    writer.reserve_section_index();
    let symbol_table = writer.reserve_symtab_section_index();
    writer.reserve_symtab();
    writer.reserve_strtab_section_index();
    writer.reserve_strtab()?;
    writer.reserve_shstrtab_section_index();
    writer.reserve_shstrtab()?;
    writer.reserve_section_headers();

    writer.write_file_header(&NewFileHeader {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_type: elf::ET_REL,
        e_machine: header.e_machine(endian),
        e_entry: 0,
        e_flags: header.e_flags(endian),
    })?;
    for list in &symbols {
        writer.write_align(ENTRY);
        writer.write(&vec![0; list.len() * ENTRY as usize]);
        writer.write_align_relocation();
        for (place, (_, symbol, distance)) in list.iter().enumerate() {
            let relocation = Rel {
                r_offset: place as u64 * ENTRY,
                r_sym: symbol.0,
                r_type: relocations.address,
                r_addend: *distance,
            };
            writer.write_relocation(true, &relocation);
        }
    }
    writer.write_null_symbol();
    for (name, ..) in symbols.iter().flatten() {
        writer.write_symbol(&NewSym {
            st_name: writer.string_offset(Some(*name)),
            section: None,
            st_info: elf::SymbolInfo::new(elf::STB_GLOBAL, elf::STT_NOTYPE),
            st_other: elf::STV_DEFAULT.into(),
            st_shndx: elf::SHN_UNDEF,
            st_value: 0,
            st_size: 0,
        });
    }
    writer.write_strtab();
    writer.write_shstrtab();
    writer.write_null_section_header();
    for (pair, list) in sections.chunks_exact(2).zip(&symbols) {
        let [
            (name, index, offset),
            (relocation_name, _, relocation_offset),
        ] = pair
        else {
            continue;
        };
        writer.write_section_header(&NewSection {
            sh_name: writer.section_name_offset(Some(*name)),
            sh_type: elf::SHT_INIT_ARRAY,
            sh_flags: elf::SHF_ALLOC | elf::SHF_WRITE,
            sh_addr: 0,
            sh_offset: *offset,
            sh_size: list.len() as u64 * ENTRY,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: ENTRY,
            sh_entsize: ENTRY,
        });
        writer.write_relocation_section_header(
            *relocation_name,
            *index,
            symbol_table,
            *relocation_offset,
            list.len(),
            true,
        );
    }
    writer.write_section_header(&NewSection {
        sh_name: writer.section_name_offset(Some(stack)),
        sh_type: elf::SHT_PROGBITS,
        sh_flags: elf::SectionFlags(0),
        sh_addr: 0,
        sh_offset: 0,
        sh_size: 0,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 1,
        sh_entsize: 0,
    });
    writer.write_symtab_section_header(1);
    writer.write_strtab_section_header();
    writer.write_shstrtab_section_header();
    Ok(bytes)
}
