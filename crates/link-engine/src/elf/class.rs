//! The two classes of ELF files: 32-bit and 64-bit.

use std::mem::offset_of;

use object::Endianness;
use object::elf::{FileHeader32, FileHeader64, Sym32, Sym64};
use object::read::elf::FileHeader;

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
/// that the file has; gives `Ok(None)` if it is no ELF file.
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
