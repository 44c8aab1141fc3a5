//! ELF files: the visibility of symbols in objects, and what a linked file says
//! to the dynamic loader.

pub(crate) mod symbol_tables;
pub mod versions;

use std::mem::offset_of;
use std::path::Path;

use object::elf::{self, FileHeader32, FileHeader64, Sym32, Sym64};
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{Endianness, ReadRef};

use crate::system::files;
use crate::{Error, Result};

/// One of the two ELF classes, with what `object` does not say about it.
pub(crate) trait ElfClass: FileHeader<Endian = Endianness> {
    /// Where the `st_other` byte lies in a symbol table entry, in bytes.
    const ST_OTHER: usize;
}

impl ElfClass for FileHeader32<Endianness> {
    const ST_OTHER: usize = offset_of!(Sym32<Endianness>, st_other);
}

impl ElfClass for FileHeader64<Endianness> {
    const ST_OTHER: usize = offset_of!(Sym64<Endianness>, st_other);
}

/// Calls a function that is generic over the ELF class of `$data` with the class
/// that the file has; gives `Ok(None)` when it is no ELF file.
macro_rules! with_class {
    ($data:expr, $function:ident($($arg:expr),*)) => {
        match object::FileKind::parse($data) {
            Ok(object::FileKind::Elf64) => {
                $function::<object::elf::FileHeader64<object::Endianness>>($($arg),*).map(Some)
            }
            Ok(object::FileKind::Elf32) => {
                $function::<object::elf::FileHeader32<object::Endianness>>($($arg),*).map(Some)
            }
            _ => Ok(None),
        }
    };
}
pub(crate) use with_class;

/// A symbol of an object file that other files can see, or could but for its visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GlobalSymbol<'data> {
    pub(crate) name: &'data [u8],
    pub(crate) role: Role,
    /// Whether its binding is weak, also that of a reference.
    pub(crate) is_weak: bool,
    pub(crate) is_hidden: bool,
    /// Whether it is a variable that a program may change.
    pub(crate) is_variable: bool,
    /// Where its `st_other` byte lies, in bytes from the start of the object.
    pub(crate) st_other: u64,
}

/// What an object file does with a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It uses what another one defines.
    Reference,
    /// It defines the symbol.
    Definition,
    /// It defines the symbol unless another one does.
    WeakDefinition,
    /// It defines the symbol as any number of others may: an inline function of C++,
    /// in a section of which the linker keeps one (ELF gABI, COMDAT groups).
    SharedDefinition,
}

/// Beginning of the names of sections that only the loader writes to, such as those of
/// virtual function tables.
const RELOCATED: &[u8] = b".data.rel.ro";

/// The symbols of an object file with global or weak binding.
pub(crate) fn global_symbols<'data, Class: ElfClass>(
    object: impl ReadRef<'data>,
) -> object::read::Result<Vec<GlobalSymbol<'data>>> {
    let header = Class::parse(object)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, object)?;
    let symbols = sections.symbols(endian, object, elf::SHT_SYMTAB)?;
    if symbols.is_empty() {
        return Ok(Vec::new());
    }
    let table: u64 = sections
        .section(symbols.section())?
        .sh_offset(endian)
        .into();
    symbols
        .enumerate()
        .filter(|(_, symbol)| symbol.st_bind() != elf::STB_LOCAL)
        .map(|(index, symbol)| {
            let entry = (index.0 * size_of::<Class::Sym>() + Class::ST_OTHER) as u64;
            let section = symbols
                .symbol_section(endian, symbol, index)?
                .map(|index| sections.section(index))
                .transpose()?;
            let has_flag = |flag| section.is_some_and(|s| s.sh_flags(endian).contains(flag));
            let role = if symbol.st_shndx(endian) == elf::SHN_UNDEF {
                Role::Reference
            } else if has_flag(elf::SHF_GROUP) {
                Role::SharedDefinition
            } else if symbol.st_bind() == elf::STB_WEAK {
                Role::WeakDefinition
            } else {
                Role::Definition
            };
            let is_variable = match section.filter(|_| has_flag(elf::SHF_WRITE)) {
                Some(section) => !sections
                    .section_name(endian, section)?
                    .starts_with(RELOCATED),
                None => false,
            };
            Ok(GlobalSymbol {
                is_variable,
                name: symbols.symbol_name(endian, symbol)?,
                role,
                is_weak: symbol.st_bind() == elf::STB_WEAK,
                is_hidden: symbol.st_visibility() == elf::STV_HIDDEN,
                st_other: table + entry,
            })
        })
        .collect()
}

/// Whether a symbol is of rustc's pseudo crate `__rustc` (rustc 1.95: v0-mangled as
/// `_RNvCs<hash>_7___rustc<length><name>`): allocator functions and the panic handler,
/// which tie a program to its runtime.
pub(crate) fn ties_to_runtime(symbol: &[u8]) -> bool {
    const CRATE: &[u8] = b"_7___rustc";
    symbol.starts_with(b"_R") && symbol.windows(CRATE.len()).any(|part| part == CRATE)
}

/// Whether a name is rustc's, and so holds a hash of its crate: `_R<path>` (v0; the tags of a
/// path are in "v0 Symbol Format" of the rustc book), or `_ZN…17h<16 hexadecimal digits>E`
/// (legacy), which C++ never ends in.
pub(crate) fn is_mangled_by_rustc(symbol: &[u8]) -> bool {
    let Some(path) = symbol.strip_prefix(b"_ZN") else {
        let path = symbol.strip_prefix(b"_R").unwrap_or_default();
        let tag = path.iter().find(|byte| !byte.is_ascii_digit());
        return tag.is_some_and(|tag| b"CMXYNIB".contains(tag));
    };
    let Some(hash) = path
        .strip_suffix(b"E")
        .and_then(|path| path.last_chunk::<19>())
    else {
        return false;
    };
    hash.starts_with(b"17h") && hash[3..].iter().all(u8::is_ascii_hexdigit)
}

impl GlobalSymbol<'_> {
    /// Whether the name is one that another library could use too: of C, of C++, of
    /// assembler, or `#[no_mangle]`.
    pub(crate) fn is_unmangled(&self) -> bool {
        !is_mangled_by_rustc(self.name)
    }

    pub(crate) fn ties_to_runtime(&self) -> bool {
        ties_to_runtime(self.name)
    }

    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }
}

/// Writes `visibility` into the `st_other` bytes at `offsets`, keeping their other bits.
///
/// # Panics
/// When an offset lies outside of `bytes`.
pub(crate) fn set_visibility(bytes: &mut [u8], offsets: &[u64], visibility: elf::SymbolVisibility) {
    for &offset in offsets {
        let st_other = &mut bytes[offset as usize];
        *st_other = (*st_other & !elf::STV_MASK) | visibility.0;
    }
}

/// What a dynamic section says (ELF gABI, "Dynamic Section").
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DynamicInfo {
    /// DT_NEEDED: the shared objects to load, in order.
    pub needed: Vec<String>,
    /// DT_SONAME.
    pub soname: Option<String>,
    /// DT_RUNPATH, or DT_RPATH where there is none, split at its colons: the loader passes over
    /// the older one beside the other (ld.so(8)).
    pub run_path: Vec<String>,
    /// Whether there is DT_RELR: relative relocations that are packed.
    pub has_packed_relocations: bool,
}

impl DynamicInfo {
    /// Reads an executable or shared object. `None` when the file is not ELF.
    ///
    /// # Errors
    /// When the file cannot be read or is malformed.
    pub fn read(path: &Path) -> Result<Option<DynamicInfo>> {
        let data = files::map(path)?;
        DynamicInfo::parse(&data).map_err(Error::object(path))
    }

    /// Like [`DynamicInfo::read`], from the bytes of the file.
    ///
    /// # Errors
    /// When the file is malformed.
    pub fn parse(data: &[u8]) -> object::read::Result<Option<DynamicInfo>> {
        with_class!(data, dynamic_info(data))
    }
}

fn dynamic_info<Class: ElfClass>(data: &[u8]) -> object::read::Result<DynamicInfo> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let table = header.sections(endian, data)?.dynamic_table(endian, data)?;
    let mut info = DynamicInfo::default();
    let mut older_run_path = Vec::new();
    for entry in &table {
        let text = || {
            let bytes = table.string(entry)?;
            Ok(String::from_utf8_lossy(bytes).into_owned())
        };
        let entries = || Ok(text()?.split(':').map(str::to_owned).collect());
        match entry.tag {
            elf::DT_NEEDED => info.needed.push(text()?),
            elf::DT_SONAME => info.soname = Some(text()?),
            elf::DT_RUNPATH => info.run_path = entries()?,
            elf::DT_RPATH => older_run_path = entries()?,
            elf::DT_RELR => info.has_packed_relocations = true,
            _ => {}
        }
    }
    if info.run_path.is_empty() {
        info.run_path = older_run_path;
    }
    Ok(info)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_rustc_mangles_are_told_from_those_of_cpp() {
        #[track_caller]
        fn check(name: &str, expected: bool) {
            assert_eq!(is_mangled_by_rustc(name.as_bytes()), expected);
        }
        check("_RNvCs1_3foo3bar", true);
        check("_R0NvCs1_3foo3bar", true);
        check("_Read_configuration", false);
        check("_R", false);
        check("_ZN3foo3bar17h0123456789abcdefE", true);
        check("_ZN3foo3barEv", false);
        check("_ZN3foo17h0123456789abcdefEv", false);
        check("_ZN17h0E", false);
        check("sqlite3_open", false);
    }

    #[test]
    fn reads_the_program_that_runs_this_test() {
        let program = std::env::current_exe().unwrap();
        let info = DynamicInfo::read(&program).unwrap().unwrap();
        assert!(
            info.needed
                .iter()
                .any(|soname| soname.starts_with("libc.so")),
            "{info:?}"
        );
        assert_eq!(info.soname, None);
    }

    #[test]
    fn what_is_not_elf_is_told_apart() {
        assert_eq!(DynamicInfo::parse(b"#!/bin/sh\n").unwrap(), None);
        assert_eq!(DynamicInfo::parse(b"").unwrap(), None);
    }

    #[test]
    fn visibility_keeps_the_other_bits() {
        let mut bytes = [0b1010_0010, 0b0000_0010];
        set_visibility(&mut bytes, &[0], elf::STV_PROTECTED);
        assert_eq!(bytes, [0b1010_0011, 0b0000_0010]);
        set_visibility(&mut bytes, &[0, 1], elf::STV_DEFAULT);
        assert_eq!(bytes, [0b1010_0000, 0]);
    }

    proptest! {
        /// Bytes behind a valid ELF identification reach the readers of the class.
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 16..512)) {
            bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
            let _ = DynamicInfo::parse(&bytes);
            let _ = with_class!(&bytes[..], global_symbols(&bytes[..]));
            bytes[4] = 1;
            let _ = DynamicInfo::parse(&bytes);
            let _ = with_class!(&bytes[..], global_symbols(&bytes[..]));
        }
    }
}
