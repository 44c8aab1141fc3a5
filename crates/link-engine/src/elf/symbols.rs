//! The symbols of object files, and their visibility.

use object::ReadRef;
use object::elf;
use object::read::elf::{SectionHeader, Sym};

use super::{ElfClass, is_mangled_by_rustc, ties_to_runtime};

/// A symbol of an object file that other files can see, or could see if its visibility let them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GlobalSymbol<'data> {
    pub(crate) name: &'data [u8],
    pub(crate) role: Role,
    /// Whether its binding is weak, also that of a reference.
    pub(crate) is_weak: bool,
    pub(crate) is_hidden: bool,
    /// Whether it is a function, by the type of the symbol.
    pub(crate) is_function: bool,
    /// Where its `st_other` byte lies, in bytes from the start of the object.
    pub(crate) st_other: u64,
}

/// The role of a symbol in an object file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It uses a symbol that another file defines.
    Reference,
    /// It defines the symbol.
    Definition,
    /// It defines the symbol unless another file does.
    WeakDefinition,
    /// It defines the symbol as any number of others may: an inline function of C++,
    /// in a section of which the linker keeps one (ELF gABI, COMDAT groups).
    SharedDefinition,
}

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
            Ok(GlobalSymbol {
                is_function: symbol.st_type() == elf::STT_FUNC,
                name: symbols.symbol_name(endian, symbol)?,
                role,
                is_weak: symbol.st_bind() == elf::STB_WEAK,
                is_hidden: symbol.st_visibility() == elf::STV_HIDDEN,
                st_other: table + entry,
            })
        })
        .collect()
}

impl GlobalSymbol<'_> {
    /// Whether another library could use the same name: it is one of C, of C++, of assembler, or
    /// `#[no_mangle]`.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::elf::with_class;

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
            let _ = with_class!(&bytes[..], global_symbols(&bytes[..]));
            bytes[4] = 1;
            let _ = with_class!(&bytes[..], global_symbols(&bytes[..]));
        }
    }
}
