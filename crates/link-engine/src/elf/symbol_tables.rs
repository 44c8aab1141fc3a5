//! Object files of which we read only the symbols.
//!
//! An incremental build hands the linker hundreds of small objects, most of whose bytes are
//! debugging information. Mapping all of them takes longer than reading their symbol tables. And
//! the kernel makes the maps of one process one at a time, whereas threads can read at the same
//! time.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use object::elf;
use object::read::elf::SectionHeader as _;
use object::{ReadRef, pod};

use crate::elf::{ElfClass, with_class};

/// The parts of an object file from which its symbols can be read. `object` takes it as the file,
/// in which everything else is out of bounds.
pub(crate) struct SymbolTables {
    /// Length of the file, in bytes.
    length: u64,
    parts: Vec<Part>,
}

/// A part of a file.
struct Part {
    /// Where in the file it lies, in bytes.
    range: Range<u64>,
    /// The bytes of the range and those before it from the nearest multiple of eight: `object` asks
    /// for aligned values, and they are aligned in the file.
    words: Vec<u64>,
}

/// Bytes of the longest ELF header, that of 64-bit files.
const HEADER: u64 = size_of::<elf::FileHeader64<object::Endianness>>() as u64;

impl SymbolTables {
    /// Reads a file. Of an ELF file with an uncommon structure, it reads all bytes, and of a file
    /// that is no ELF file, only the beginning.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(path: &Path) -> io::Result<SymbolTables> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut tables = SymbolTables {
            length,
            parts: Vec::new(),
        };
        tables.add(&file, 0..HEADER.min(length))?;
        if !tables.add_tables(&file)? {
            tables.parts.clear();
            tables.add(&file, 0..length)?;
        }
        Ok(tables)
    }

    /// Adds the tables to which the header of an ELF file leads. Returns whether the symbols can
    /// then be read, or there are none.
    fn add_tables(&mut self, file: &File) -> io::Result<bool> {
        let section_table = match with_class!(&*self, section_table(self)) {
            Ok(Some(table)) if table.end <= self.length => table,
            Ok(None) => return Ok(true),
            _ => return Ok(false),
        };
        self.add(file, section_table)?;
        let Ok(Some(sections)) = with_class!(&*self, symbol_sections(self)) else {
            return Ok(false);
        };
        // Sections that overlap could have more bytes than the file.
        let lengths = sections.iter().map(|section| section.end - section.start);
        let read = lengths.fold(0, u64::saturating_add);
        if read > self.length || sections.iter().any(|section| section.end > self.length) {
            return Ok(false);
        }
        for section in sections {
            self.add(file, section)?;
        }
        Ok(true)
    }

    fn add(&mut self, file: &File, range: Range<u64>) -> io::Result<()> {
        let start = aligned(range.start);
        let length = usize::try_from(range.end - start).map_err(io::Error::other)?;
        let mut words = vec![0_u64; length.div_ceil(8)];
        file.read_exact_at(&mut pod::bytes_of_slice_mut(&mut words)[..length], start)?;
        self.parts.push(Part { range, words });
        Ok(())
    }

    fn part_with(&self, range: &Range<u64>) -> Result<&Part, ()> {
        let is_inside = |part: &&Part| {
            range.start <= range.end
                && part.range.start <= range.start
                && range.end <= part.range.end
        };
        self.parts.iter().find(is_inside).ok_or(())
    }
}

impl Part {
    /// The bytes in a range of the file that lies within the part.
    fn bytes(&self, range: Range<u64>) -> &[u8] {
        let start = aligned(self.range.start);
        let [from, to] = [range.start, range.end].map(|at| (at - start) as usize);
        &pod::bytes_of_slice(&self.words)[from..to]
    }
}

/// The nearest multiple of eight at or before an offset.
fn aligned(offset: u64) -> u64 {
    offset - offset % 8
}

impl<'data> ReadRef<'data> for &'data SymbolTables {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'data [u8], ()> {
        // As in a slice, an empty range may begin anywhere.
        if size == 0 {
            return Ok(&[]);
        }
        let range = offset..offset.checked_add(size).ok_or(())?;
        Ok(self.part_with(&range)?.bytes(range))
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'data [u8], ()> {
        let bytes = self.part_with(&range)?.bytes(range);
        bytes.read_bytes_at_until(0..bytes.len() as u64, delimiter)
    }
}

/// The range of the section table, from the header alone. Empty if the header does not give it.
fn section_table<Class: ElfClass>(tables: &SymbolTables) -> object::read::Result<Range<u64>> {
    let header = Class::parse(tables)?;
    let endian = header.endian()?;
    let start: u64 = header.e_shoff(endian).into();
    let entry = size_of::<Class::SectionHeader>() as u64;
    // If there are more sections than this field can count, the first entry holds their number.
    let length = u64::from(header.e_shnum(endian)) * entry;
    Ok(start..start.saturating_add(length))
}

/// The ranges of the symbol table and its companions: the names of symbols and of sections, and the
/// indices of sections that are too large for symbols (ELF gABI, "Symbol Table").
fn symbol_sections<Class: ElfClass>(
    tables: &SymbolTables,
) -> object::read::Result<Vec<Range<u64>>> {
    let header = Class::parse(tables)?;
    let endian = header.endian()?;
    let sections = header.section_headers(endian, tables)?;
    let mut indices = vec![header.shstrndx(endian, tables)? as usize];
    let of_type = |kind| {
        let sections = sections.iter().enumerate();
        sections.filter(move |(_, section)| section.sh_type(endian) == kind)
    };
    if let Some((symbols, section)) = of_type(elf::SHT_SYMTAB).next() {
        indices.extend([symbols, section.sh_link(endian) as usize]);
        let large = of_type(elf::SHT_SYMTAB_SHNDX);
        let large = large.filter(|(_, section)| section.sh_link(endian) as usize == symbols);
        indices.extend(large.map(|(index, _)| index));
    }
    indices.sort_unstable();
    indices.dedup();
    let range = |index: usize| {
        let section = sections.get(index)?;
        let start: u64 = section.sh_offset(endian).into();
        Some(start..start.saturating_add(section.sh_size(endian).into()))
    };
    Ok(indices.into_iter().filter_map(range).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::mem::offset_of;
    use std::process::Command;
    use std::sync::OnceLock;

    use object::Endianness;
    use object::read::elf::FileHeader as _;
    use proptest::prelude::*;

    use super::*;
    use crate::elf::{GlobalSymbol, global_symbols};

    /// Compares reading a file with these bytes by its tables with reading it whole.
    #[track_caller]
    fn check(bytes: &[u8]) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("object.o");
        fs::write(&path, bytes).unwrap();
        let tables = SymbolTables::read(&path).unwrap();
        let by_tables = with_class!(&tables, global_symbols(&tables));
        let whole = with_class!(bytes, global_symbols(bytes));
        assert_eq!(symbols(by_tables), symbols(whole));
    }

    fn symbols(
        read: object::read::Result<Option<Vec<GlobalSymbol<'_>>>>,
    ) -> Option<Vec<GlobalSymbol<'_>>> {
        read.ok().flatten()
    }

    /// The program that runs this test: what is linked has the same tables as an object.
    fn program() -> Vec<u8> {
        fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    fn small_object() -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let [source, object] = ["a.c", "a.o"].map(|name| directory.path().join(name));
        let code = "extern int there(void); int here = 1; static int own; int *pointer = &own;\
                    __attribute__((weak)) int perhaps(void) { return there(); }";
        fs::write(&source, code).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-c", "-g", "-ffunction-sections", "-o"]);
        assert!(cc.args([&object, &source]).status().unwrap().success());
        fs::read(object).unwrap()
    }

    #[test]
    fn the_symbols_of_a_file_are_read() {
        let path = std::env::current_exe().unwrap();
        let tables = SymbolTables::read(&path).unwrap();
        let symbols = with_class!(&tables, global_symbols(&tables))
            .unwrap()
            .unwrap();
        assert!(symbols.iter().any(|symbol| symbol.name == b"main"));
        let read: usize = tables.parts.iter().map(|part| part.words.len() * 8).sum();
        assert!(
            (read as u64) < tables.length / 2,
            "{read} of {} bytes",
            tables.length
        );
        check(&program());
    }

    #[test]
    fn an_empty_table_is_read_as_if_whole() {
        let mut bytes = small_object();
        let header = elf::FileHeader64::<Endianness>::parse(&bytes[..]).unwrap();
        let endian = header.endian().unwrap();
        let sections = header.sections(endian, &bytes[..]).unwrap();
        let (index, text) = sections.section_by_name(endian, b".text").unwrap();
        assert_eq!(text.sh_size(endian), 0);
        let kind = header.e_shoff(endian) as usize
            + index.0 * size_of::<elf::SectionHeader64<Endianness>>()
            + offset_of!(elf::SectionHeader64<Endianness>, sh_type);
        bytes[kind] = elf::SHT_SYMTAB.0 as u8;
        check(&bytes);
    }

    #[test]
    fn what_is_no_object_is_read_too() {
        for bytes in [
            &b""[..],
            b"\x7fELF",
            b"!<arch>\n",
            &[0; 100],
            &program()[..64],
            &program()[..4096],
        ] {
            check(bytes);
        }
    }

    proptest! {
        /// An object that is damaged is read, or not, as if it were read whole.
        #[test]
        fn a_damaged_object_is_read_as_if_whole(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            static OBJECT: OnceLock<Vec<u8>> = OnceLock::new();
            let mut bytes = OBJECT.get_or_init(small_object).clone();
            for (index, byte) in damage {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            check(&bytes);
        }
    }
}
