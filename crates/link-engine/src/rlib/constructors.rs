//! Constructors: code of a library that runs before `main`.
//!
//! A static program runs the constructors of the libraries that it links, in the order of its link
//! line, after its own. A shared object runs all of its constructors in every program that loads
//! it, before those of the program. So groups run none: we take their constructors off the list
//! that the loader goes through (`finish::constructors`), and put them on the executable's own
//! list, at the places where a static link has them (`executable::constructors`).
//!
//! That works for the constructors of Rust code, in crates such as `ctor` and `inventory`: `#[used]
//! #[link_section = ".init_array"] static ENTRY: extern "C" fn() = run;`. rustc names such an entry
//! in an object of each program that links the crate (`symbols.o`, `linked_symbols` in
//! `rustc_codegen_ssa`, rustc 1.95), so a static link always takes the entry, and the linker
//! wrapper sees that it does.
//!
//! Libraries with constructors of C and C++ stay in the executable, for two reasons:
//!
//! - A static link takes such a constructor only with its object, and an object only if a chain of
//!   references leads to it from the program. To follow these chains, the wrapper would have to know
//!   the symbols of each object of all rlibs, including those of libraries that stay. That is the
//!   work of the linker which groups save.
//! - The entry of such a constructor, like its function, has no name by which an executable could
//!   refer to it. So we cannot take it off the list.

use object::elf;
use object::read::SectionIndex;
use object::read::elf::{Rela, SectionHeader, SectionTable, Sym};
use serde::{Deserialize, Serialize};

use crate::elf::{ElfClass, PlaceRelocations, is_bindable, is_mangled_by_rustc};

/// Size of an entry, in bytes.
pub(crate) const ENTRY: u64 = 8;

const SECTION: &[u8] = b".init_array";

/// An entry on the list of functions to call before `main`, in an rlib.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constructor {
    /// The section that it is in: `.init_array`, or `.init_array.<priority>`.
    pub section: String,
    /// The symbol of the entry.
    pub entry: String,
}

/// A constructor, and the symbol of its function if other objects can name it.
pub(crate) type WithFunction<'data> = (Constructor, Option<&'data [u8]>);

/// The entries in a section of an object that rustc made, in order. `None` if there is something in
/// it that we do not understand.
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
    // A section is within its object.
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

/// The element for the entry at an offset in its section.
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
