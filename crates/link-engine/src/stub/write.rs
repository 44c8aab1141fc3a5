//! Writing the file of a stub.

use object::elf;
use object::read::elf::Sym;
use object::write::StringId;
use object::write::elf::{
    FileHeader as NewFileHeader, SectionHeader, Sym as NewSym, Verdef, Writer,
};

use super::Links;
use crate::elf::versions::{LAYOUT, OPENLY};
use crate::elf::{Definition, ElfClass, Exports};

impl<Class: ElfClass> Exports<'_, Class> {
    /// A shared object with that soname, these open references, and these definitions.
    pub(super) fn stub(
        &self,
        soname: &str,
        shown: &[Definition<'_, Class>],
        links: Links<'_>,
    ) -> object::write::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(self.endian, self.header.is_type_64(), &mut bytes);
        let soname_hash = elf::hash(soname.as_bytes());
        let soname = writer.add_dynamic_string(soname.as_bytes());
        let has_private = shown.iter().any(|definition| definition.is_private);
        let taken = links.taken;
        let layout = self.layout().filter(|_| has_private || !taken.is_empty());
        let taken = layout.map_or(&[][..], |_| taken);
        let openly = layout.filter(|_| !taken.is_empty());
        let openly = openly.map(|layout| [OPENLY.as_bytes(), &layout[LAYOUT.len()..]].concat());
        let versions: Vec<(elf::VersionIndex, StringId, u32)> = layout
            .into_iter()
            .chain(openly.as_deref())
            .zip([LAYOUT_INDEX, OPENLY_INDEX])
            .map(|(name, index)| (index, writer.add_dynamic_string(name), elf::hash(name)))
            .collect();
        let shown: Vec<(StringId, &Definition<'_, Class>)> = shown
            .iter()
            .map(|definition| (writer.add_dynamic_string(definition.name), definition))
            .collect();
        let taken: Vec<StringId> = taken
            .iter()
            .map(|taken| writer.add_dynamic_string(taken.name.as_bytes()))
            .collect();
        let open: Vec<(StringId, bool)> = links
            .open
            .iter()
            .map(|open| (writer.add_dynamic_string(open.name.as_bytes()), open.weak))
            .collect();

        writer.reserve_file_header();
        writer.reserve_null_section_index();
        writer.reserve_dynsym_section_index();
        writer.reserve_dynstr_section_index();
        if !versions.is_empty() {
            writer.reserve_gnu_versym_section_index();
            writer.reserve_gnu_verdef_section_index();
        }
        writer.reserve_dynamic_section_index();
        // Definitions must lie in a section; that it is empty tells a linker nothing.
        let name = writer.add_section_name(b".text");
        let section = writer.reserve_section_index();
        writer.reserve_shstrtab_section_index();
        writer.reserve_null_dynamic_symbol_index();
        for _ in 0..shown.len() + taken.len() + open.len() {
            writer.reserve_dynamic_symbol_index();
        }
        let dynsym = writer.reserve_dynsym();
        let dynstr = writer.reserve_dynstr()?;
        // The first definition names the file (LSB Core, "Symbol Versioning").
        let definitions = versions.len() as u16 + 1;
        let tables = layout.map(|_| VersionTables {
            versym: writer.reserve_gnu_versym(),
            verdef: writer.reserve_gnu_verdef(definitions, definitions.into()),
        });
        let dynamic_entries = match tables {
            Some(_) => DYNAMIC_ENTRIES + VERSION_ENTRIES,
            None => DYNAMIC_ENTRIES,
        };
        let dynamic = writer.reserve_dynamic(dynamic_entries);
        writer.reserve_shstrtab()?;
        writer.reserve_section_headers();

        writer.write_file_header(&NewFileHeader {
            os_abi: elf::ELFOSABI_NONE,
            abi_version: 0,
            e_type: elf::ET_DYN,
            e_machine: self.header.e_machine(self.endian),
            e_entry: 0,
            e_flags: self.header.e_flags(self.endian),
        })?;
        writer.write_null_dynamic_symbol();
        for &(name, definition) in &shown {
            let symbol = definition.symbol;
            writer.write_dynamic_symbol(&NewSym {
                st_name: writer.dynamic_string_offset(Some(name)),
                section: Some(section.0),
                st_info: symbol.st_info(),
                st_other: symbol.st_other(),
                st_shndx: elf::SHN_UNDEF,
                st_value: symbol.st_value(self.endian).into(),
                st_size: symbol.st_size(self.endian).into(),
            });
        }
        for &name in &taken {
            writer.write_dynamic_symbol(&NewSym {
                st_name: writer.dynamic_string_offset(Some(name)),
                section: Some(section.0),
                st_info: elf::SymbolInfo::new(elf::STB_GLOBAL, elf::STT_FUNC),
                st_other: elf::STV_DEFAULT.into(),
                st_shndx: elf::SHN_UNDEF,
                st_value: 0,
                st_size: 0,
            });
        }
        for &(name, weak) in &open {
            let binding = if weak { elf::STB_WEAK } else { elf::STB_GLOBAL };
            writer.write_dynamic_symbol(&NewSym {
                st_name: writer.dynamic_string_offset(Some(name)),
                section: None,
                st_info: elf::SymbolInfo::new(binding, elf::STT_NOTYPE),
                st_other: elf::STV_DEFAULT.into(),
                st_shndx: elf::SHN_UNDEF,
                st_value: 0,
                st_size: 0,
            });
        }
        writer.write_dynstr();
        if tables.is_some() {
            writer.write_null_gnu_versym();
            for (_, definition) in &shown {
                let index = match definition.is_private {
                    true => LAYOUT_INDEX,
                    false => elf::VER_NDX_GLOBAL,
                };
                writer.write_gnu_versym(index.into());
            }
            for _ in &taken {
                writer.write_gnu_versym(OPENLY_INDEX.into());
            }
            for _ in &open {
                writer.write_gnu_versym(elf::VER_NDX_GLOBAL.into());
            }
            writer.write_align_gnu_verdef();
            let base = (elf::VER_NDX_GLOBAL, soname, soname_hash);
            for (index, name, hash) in [base].into_iter().chain(versions) {
                writer.write_gnu_verdef(&Verdef {
                    version: elf::VER_DEF_CURRENT,
                    flags: match index {
                        elf::VER_NDX_GLOBAL => elf::VER_FLG_BASE,
                        _ => elf::VersionFlags(0),
                    },
                    index,
                    aux_count: 1,
                    name: writer.dynamic_string_offset(Some(name)),
                    hash,
                });
            }
        }
        writer.write_align_dynamic();
        writer.write_dynamic_string(elf::DT_SONAME, soname)?;
        writer.write_dynamic(elf::DT_SYMTAB, dynsym)?;
        writer.write_dynamic(elf::DT_STRTAB, dynstr)?;
        writer.write_dynamic(elf::DT_STRSZ, writer.dynstr_len().into())?;
        if let Some(tables) = &tables {
            writer.write_dynamic(elf::DT_VERSYM, tables.versym)?;
            writer.write_dynamic(elf::DT_VERDEF, tables.verdef)?;
            writer.write_dynamic(elf::DT_VERDEFNUM, definitions.into())?;
        }
        writer.write_dynamic(elf::DT_NULL, 0)?;
        writer.write_shstrtab();
        writer.write_null_section_header();
        writer.write_dynsym_section_header(dynsym, 1);
        writer.write_dynstr_section_header(dynstr);
        if let Some(tables) = &tables {
            writer.write_gnu_versym_section_header(tables.versym);
            writer.write_gnu_verdef_section_header(tables.verdef);
        }
        writer.write_dynamic_section_header(dynamic);
        writer.write_section_header(&SectionHeader {
            sh_name: writer.section_name_offset(Some(name)),
            sh_type: elf::SHT_NOBITS,
            sh_flags: elf::SHF_ALLOC | elf::SHF_EXECINSTR,
            sh_addr: 0,
            sh_offset: 0,
            sh_size: 0,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: 1,
            sh_entsize: 0,
        });
        writer.write_shstrtab_section_header();
        Ok(bytes)
    }
}

/// The index of the version of the layout in a stub.
const LAYOUT_INDEX: elf::VersionIndex = elf::VersionIndex(elf::VER_NDX_GLOBAL.0 + 1);

/// The index of the version of what another group takes from the executable too.
const OPENLY_INDEX: elf::VersionIndex = elf::VersionIndex(elf::VER_NDX_GLOBAL.0 + 2);

/// Where the version tables of a stub lie.
struct VersionTables {
    /// `.gnu.version`
    versym: u64,
    /// `.gnu.version_d`
    verdef: u64,
}

/// What `stub` writes into the dynamic section.
const DYNAMIC_ENTRIES: usize = 5;

/// What it writes there besides, if it has versions.
const VERSION_ENTRIES: usize = 3;
