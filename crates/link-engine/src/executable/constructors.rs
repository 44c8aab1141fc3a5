//! Object files by which an executable runs the [constructors](crate::rlib::Constructor) of a
//! group.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf;
use object::read::elf::FileHeader;
use object::write::elf::{
    FileHeader as NewFileHeader, Rel, SectionHeader as NewSection, Sym as NewSym, Writer,
};

use super::groups::Group;
use super::inputs::Objects;
use super::unfit::{Definer, Unfit};
use crate::elf::PlaceRelocations;
use crate::finish::constructors::{Class, HandedOver, not_understood};
use crate::record::Fallback;
use crate::rlib::ENTRY;
use crate::{Error, Result};

/// Object files that have the executable run the constructors of the group members on the
/// line, by the file names of their rlibs.
pub(super) fn constructor_objects(
    on_line: &HashSet<String>,
    groups: &[Group],
    objects: &Objects,
    scratch: &Path,
) -> Result<HashMap<String, PathBuf>, Fallback> {
    let mut written = HashMap::new();
    for group in groups {
        let members = group.object.members.iter();
        let members = members.filter(|member| on_line.contains(&member.rlib));
        for member in members.filter(|member| !member.constructors.is_empty()) {
            // A static link takes the constructors that an object of the program names. Only that
            // link can show whether it takes more.
            let names = &objects.shared.names;
            let mut constructors = member.constructors.iter();
            if let Some(one) = constructors.find(|one| !names.contains(one.entry.as_bytes())) {
                return Err(Unfit::Unmarked {
                    symbol: one.entry.clone(),
                    definer: Definer::Member(member.name.clone()),
                }
                .into());
            }
            let object = scratch.join(format!("constructors-{}.o", written.len()));
            let shared_object = &group.input.shared_object;
            let constructors = &member.constructors;
            write_object(shared_object, &group.bytes, constructors, &object)?;
            written.insert(member.rlib.clone(), object);
        }
    }
    Ok(written)
}

/// Writes an object file. A file that is linked with it has the constructors of a group, whose
/// shared object has these bytes, on its own list.
///
/// # Errors
/// When the file cannot be written, or the bytes are malformed.
fn write_object(
    group: &Path,
    data: &[u8],
    constructors: &[HandedOver],
    object: &Path,
) -> Result<()> {
    let header = Class::parse(data).and_then(|header| Ok((header, header.endian()?)));
    let (header, endian) = header.map_err(Error::object(group))?;
    // Groups of other platforms have no constructors, and writing fails only on files of 4 GiB and
    // more.
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
    // Without this section, linkers assume that the object wants an executable stack.
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
