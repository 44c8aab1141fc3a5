//! Writing the file of a stub.
//!
//! A [`Writer`] takes a file in two rounds: first the number of entries of each table, then the
//! entries. So [`Contents`] collects the entries of the stub, [`Contents::reserve`] makes room for
//! them, and [`Contents::write`] writes them in the same order.

use object::elf;
use object::read::elf::Sym;
use object::write::StringId;
use object::write::elf::{
    FileHeader as NewFileHeader, SectionHeader, SectionIndex, Sym as NewSym, Verdef, Writer,
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
        let has_private = shown.iter().any(|definition| definition.is_private);
        let is_bound = has_private || !links.taken.is_empty();
        let layout = self.layout().filter(|_| is_bound);
        let openly = layout.filter(|_| !links.taken.is_empty());
        let openly = openly.map(|layout| [OPENLY.as_bytes(), &layout[LAYOUT.len()..]].concat());

        let mut bytes = Vec::new();
        let mut writer = Writer::new(self.endian, self.header.is_type_64(), &mut bytes);
        let mut contents = Contents {
            soname: writer.add_dynamic_string(soname.as_bytes()),
            soname_hash: elf::hash(soname.as_bytes()),
            versions: Vec::new(),
            symbols: Vec::new(),
        };
        let names = layout.into_iter().chain(openly.as_deref());
        for (name, index) in names.zip([LAYOUT_INDEX, OPENLY_INDEX]) {
            contents.versions.push(Version {
                index,
                name: writer.add_dynamic_string(name),
                hash: elf::hash(name),
            });
        }
        for definition in shown {
            let name = writer.add_dynamic_string(definition.name);
            contents.symbols.push(self.defined(name, definition));
        }
        // Without a layout there is no version by which another group could need them.
        for taken in layout.map_or(&[][..], |_| links.taken) {
            let name = writer.add_dynamic_string(taken.name.as_bytes());
            contents.symbols.push(Symbol::taken(name));
        }
        for open in links.open {
            let name = writer.add_dynamic_string(open.name.as_bytes());
            contents.symbols.push(Symbol::open(name, open.weak));
        }

        let places = contents.reserve(&mut writer)?;
        writer.write_file_header(&NewFileHeader {
            os_abi: elf::ELFOSABI_NONE,
            abi_version: 0,
            e_type: elf::ET_DYN,
            e_machine: self.header.e_machine(self.endian),
            e_entry: 0,
            e_flags: self.header.e_flags(self.endian),
        })?;
        contents.write(&mut writer, &places)?;
        Ok(bytes)
    }

    /// A definition of the shared object, as the stub shows it.
    fn defined(&self, name: StringId, definition: &Definition<'_, Class>) -> Symbol {
        let symbol = definition.symbol;
        Symbol {
            name,
            is_defined: true,
            version: match definition.is_private {
                true => LAYOUT_INDEX,
                false => elf::VER_NDX_GLOBAL,
            },
            info: symbol.st_info(),
            other: symbol.st_other(),
            value: symbol.st_value(self.endian).into(),
            size: symbol.st_size(self.endian).into(),
        }
    }
}

/// The index of the version of the layout in a stub.
const LAYOUT_INDEX: elf::VersionIndex = elf::VersionIndex(elf::VER_NDX_GLOBAL.0 + 1);

/// The index of the version of the symbols that another group takes from the executable too.
const OPENLY_INDEX: elf::VersionIndex = elf::VersionIndex(elf::VER_NDX_GLOBAL.0 + 2);

/// The number of entries that `write` puts into the dynamic section.
const DYNAMIC_ENTRIES: usize = 5;

/// The number of further entries, if the stub has versions.
const VERSION_ENTRIES: usize = 3;

/// The entries of a stub. Names are strings of the writer.
struct Contents {
    soname: StringId,
    soname_hash: u32,
    /// None if no reference is bound to a layout.
    versions: Vec<Version>,
    symbols: Vec<Symbol>,
}

struct Version {
    index: elf::VersionIndex,
    name: StringId,
    hash: u32,
}

/// A dynamic symbol, without its section.
struct Symbol {
    name: StringId,
    is_defined: bool,
    version: elf::VersionIndex,
    info: elf::SymbolInfo,
    other: elf::SymbolOther,
    value: u64,
    size: u64,
}

impl Symbol {
    /// A symbol that another group takes from the executable too: a function that the stub seems to
    /// define.
    fn taken(name: StringId) -> Symbol {
        Symbol {
            is_defined: true,
            version: OPENLY_INDEX,
            info: elf::SymbolInfo::new(elf::STB_GLOBAL, elf::STT_FUNC),
            ..Symbol::open(name, false)
        }
    }

    /// A symbol that the linker has to find in the executable.
    fn open(name: StringId, weak: bool) -> Symbol {
        let binding = if weak { elf::STB_WEAK } else { elf::STB_GLOBAL };
        Symbol {
            name,
            is_defined: false,
            version: elf::VER_NDX_GLOBAL,
            info: elf::SymbolInfo::new(binding, elf::STT_NOTYPE),
            other: elf::STV_DEFAULT.into(),
            value: 0,
            size: 0,
        }
    }
}

/// Where the tables of a stub lie: offsets in the file.
struct Places {
    text_name: StringId,
    text: SectionIndex,
    dynsym: u64,
    dynstr: u64,
    versions: Option<VersionTables>,
    dynamic: u64,
}

struct VersionTables {
    /// `.gnu.version`
    versym: u64,
    /// `.gnu.version_d`
    verdef: u64,
}

impl Contents {
    /// How many versions `.gnu.version_d` defines: the first one names the file (LSB Core, "Symbol Versioning").
    fn version_definitions(&self) -> u16 {
        self.versions.len() as u16 + 1
    }

    fn reserve(&self, writer: &mut Writer<'_>) -> object::write::Result<Places> {
        let has_versions = !self.versions.is_empty();
        writer.reserve_file_header();
        writer.reserve_null_section_index();
        writer.reserve_dynsym_section_index();
        writer.reserve_dynstr_section_index();
        if has_versions {
            writer.reserve_gnu_versym_section_index();
            writer.reserve_gnu_verdef_section_index();
        }
        writer.reserve_dynamic_section_index();
        // Definitions must be in a section. Linkers do not care that it is empty.
        let text_name = writer.add_section_name(b".text");
        let text = writer.reserve_section_index();
        writer.reserve_shstrtab_section_index();
        writer.reserve_null_dynamic_symbol_index();
        for _ in &self.symbols {
            writer.reserve_dynamic_symbol_index();
        }
        let dynsym = writer.reserve_dynsym();
        let dynstr = writer.reserve_dynstr()?;
        let definitions = self.version_definitions();
        let versions = has_versions.then(|| VersionTables {
            versym: writer.reserve_gnu_versym(),
            verdef: writer.reserve_gnu_verdef(definitions, definitions.into()),
        });
        let dynamic = writer.reserve_dynamic(match has_versions {
            true => DYNAMIC_ENTRIES + VERSION_ENTRIES,
            false => DYNAMIC_ENTRIES,
        });
        writer.reserve_shstrtab()?;
        writer.reserve_section_headers();
        Ok(Places {
            text_name,
            text,
            dynsym,
            dynstr,
            versions,
            dynamic,
        })
    }

    /// Writes the rest of the file after the header.
    fn write(&self, writer: &mut Writer<'_>, places: &Places) -> object::write::Result<()> {
        self.write_symbols(writer, places.text);
        writer.write_dynstr();
        if places.versions.is_some() {
            self.write_versions(writer);
        }
        self.write_dynamic(writer, places)?;
        writer.write_shstrtab();
        write_section_headers(writer, places);
        Ok(())
    }

    fn write_symbols(&self, writer: &mut Writer<'_>, text: SectionIndex) {
        writer.write_null_dynamic_symbol();
        for symbol in &self.symbols {
            writer.write_dynamic_symbol(&NewSym {
                st_name: writer.dynamic_string_offset(Some(symbol.name)),
                section: symbol.is_defined.then_some(text.0),
                st_info: symbol.info,
                st_other: symbol.other,
                st_shndx: elf::SHN_UNDEF,
                st_value: symbol.value,
                st_size: symbol.size,
            });
        }
    }

    fn write_versions(&self, writer: &mut Writer<'_>) {
        writer.write_null_gnu_versym();
        for symbol in &self.symbols {
            writer.write_gnu_versym(symbol.version.into());
        }
        writer.write_align_gnu_verdef();
        let file = &Version {
            index: elf::VER_NDX_GLOBAL,
            name: self.soname,
            hash: self.soname_hash,
        };
        for version in [file].into_iter().chain(&self.versions) {
            writer.write_gnu_verdef(&Verdef {
                version: elf::VER_DEF_CURRENT,
                flags: match version.index {
                    elf::VER_NDX_GLOBAL => elf::VER_FLG_BASE,
                    _ => elf::VersionFlags(0),
                },
                index: version.index,
                aux_count: 1,
                name: writer.dynamic_string_offset(Some(version.name)),
                hash: version.hash,
            });
        }
    }

    fn write_dynamic(&self, writer: &mut Writer<'_>, places: &Places) -> object::write::Result<()> {
        writer.write_align_dynamic();
        writer.write_dynamic_string(elf::DT_SONAME, self.soname)?;
        writer.write_dynamic(elf::DT_SYMTAB, places.dynsym)?;
        writer.write_dynamic(elf::DT_STRTAB, places.dynstr)?;
        writer.write_dynamic(elf::DT_STRSZ, writer.dynstr_len().into())?;
        if let Some(versions) = &places.versions {
            writer.write_dynamic(elf::DT_VERSYM, versions.versym)?;
            writer.write_dynamic(elf::DT_VERDEF, versions.verdef)?;
            let definitions = self.version_definitions();
            writer.write_dynamic(elf::DT_VERDEFNUM, definitions.into())?;
        }
        writer.write_dynamic(elf::DT_NULL, 0)
    }
}

fn write_section_headers(writer: &mut Writer<'_>, places: &Places) {
    writer.write_null_section_header();
    writer.write_dynsym_section_header(places.dynsym, 1);
    writer.write_dynstr_section_header(places.dynstr);
    if let Some(versions) = &places.versions {
        writer.write_gnu_versym_section_header(versions.versym);
        writer.write_gnu_verdef_section_header(versions.verdef);
    }
    writer.write_dynamic_section_header(places.dynamic);
    writer.write_section_header(&SectionHeader {
        sh_name: writer.section_name_offset(Some(places.text_name)),
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
}
