//! The relocations that we bind, and the definitions to which we bind them.

use object::Endianness;
use object::elf::{self, FileHeader64, Rela64, SectionHeader64};
use object::read::elf::{SectionHeader, SectionTable, Sym};

use super::{ElfClass, is_mangled_by_rustc};

/// We bind only 64-bit files. 32-bit files keep addends in the relocated words, at least on the
/// processors that have `.rel` sections.
type Class = FileHeader64<Endianness>;

/// The tables of relocations that the loader goes through, with their sections.
pub(crate) fn loaded_tables<'data>(
    sections: &SectionTable<'data, Class>,
    endian: Endianness,
    data: &'data [u8],
) -> impl Iterator<Item = object::read::Result<LoadedTable<'data>>> {
    let loaded = sections
        .iter()
        .filter(move |section| section.sh_flags(endian).contains(elf::SHF_ALLOC));
    loaded.filter_map(move |section| {
        let table = section.rela(endian, data).transpose()?;
        Some(table.map(|(table, _)| (section, table)))
    })
}

type LoadedTable<'data> = (
    &'data SectionHeader64<Endianness>,
    &'data [Rela64<Endianness>],
);

/// The types of relocations of a processor: those that name a symbol and that we bind, and those
/// that they become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaceRelocations {
    /// The address of a symbol, and an addend.
    pub(crate) address: elf::RelocationType,
    /// The address of a symbol, in the global offset table.
    pub(crate) slot: elf::RelocationType,
    /// The address of a function, in the slots of the procedure linkage table. `None` if rustc
    /// calls functions without that table.
    pub(crate) jump_slot: Option<elf::RelocationType>,
    /// The address where the file is loaded, and an addend.
    pub(crate) relative: elf::RelocationType,
    /// The distance of a symbol from the relocated place, in the widths that instructions have.
    pub(crate) distances: &'static [elf::RelocationType],
    /// The module of a thread local.
    pub(crate) module: elf::RelocationType,
    /// The place of a thread local and an addend: in its module, from the thread pointer, or in a
    /// descriptor, from which a function finds the place.
    pub(crate) thread_local: &'static [elf::RelocationType],
}

impl PlaceRelocations {
    /// `None` for files that we do not bind. (Source: the ABI supplements of the processors.)
    pub(crate) fn of<Class: ElfClass>(header: &Class, endian: Endianness) -> Option<Self> {
        if !header.is_type_64() {
            return None;
        }
        Some(match header.e_machine(endian) {
            elf::EM_X86_64 => PlaceRelocations {
                address: elf::R_X86_64_64,
                slot: elf::R_X86_64_GLOB_DAT,
                jump_slot: None,
                relative: elf::R_X86_64_RELATIVE,
                distances: &[elf::R_X86_64_PC32, elf::R_X86_64_PC64],
                module: elf::R_X86_64_DTPMOD64,
                thread_local: &[elf::R_X86_64_DTPOFF64, elf::R_X86_64_TPOFF64],
            },
            elf::EM_AARCH64 => PlaceRelocations {
                address: elf::R_AARCH64_ABS64,
                slot: elf::R_AARCH64_GLOB_DAT,
                jump_slot: Some(elf::R_AARCH64_JUMP_SLOT),
                relative: elf::R_AARCH64_RELATIVE,
                distances: &[elf::R_AARCH64_PREL32, elf::R_AARCH64_PREL64],
                module: elf::R_AARCH64_TLS_DTPMOD,
                thread_local: &[
                    elf::R_AARCH64_TLS_DTPREL,
                    elf::R_AARCH64_TLS_TPREL,
                    elf::R_AARCH64_TLSDESC,
                ],
            },
            elf::EM_RISCV => PlaceRelocations {
                address: elf::R_RISCV_64,
                slot: elf::R_RISCV_64,
                jump_slot: Some(elf::R_RISCV_JUMP_SLOT),
                relative: elf::R_RISCV_RELATIVE,
                distances: &[elf::R_RISCV_32_PCREL],
                module: elf::R_RISCV_TLS_DTPMOD64,
                thread_local: &[elf::R_RISCV_TLS_DTPREL64, elf::R_RISCV_TLS_TPREL64],
            },
            elf::EM_S390 => PlaceRelocations {
                address: elf::R_390_64,
                slot: elf::R_390_GLOB_DAT,
                jump_slot: Some(elf::R_390_JMP_SLOT),
                relative: elf::R_390_RELATIVE,
                distances: &[
                    elf::R_390_PC16DBL,
                    elf::R_390_PC32,
                    elf::R_390_PC32DBL,
                    elf::R_390_PC64,
                ],
                module: elf::R_390_TLS_DTPMOD,
                thread_local: &[elf::R_390_TLS_DTPOFF, elf::R_390_TLS_TPOFF],
            },
            _ => return None,
        })
    }
}

/// Whether we may bind references to this definition: there is no other one with its name.
pub(crate) fn is_bindable<Class: ElfClass>(
    endian: Endianness,
    name: &[u8],
    symbol: &Class::Sym,
) -> bool {
    has_place::<Class>(endian, symbol)
        && symbol.st_type() != elf::STT_NOTYPE
        && is_mangled_by_rustc(name)
}

/// Whether this is a strong definition of a function or variable that lies in the file. Assembler
/// may leave out which of the two.
pub(crate) fn has_place<Class: ElfClass>(endian: Endianness, symbol: &Class::Sym) -> bool {
    symbol.st_shndx(endian).index().is_some()
        && symbol.st_bind() == elf::STB_GLOBAL
        && [elf::STT_FUNC, elf::STT_OBJECT, elf::STT_NOTYPE].contains(&symbol.st_type())
}
