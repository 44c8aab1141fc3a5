//! Takes the [constructors](crate::rlib::Constructor) of a group off the list that the loader goes
//! through, so that the group runs none of them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader, SectionTable};
use object::{Endianness, FileKind, U64};
use serde::{Deserialize, Serialize};

use crate::elf::{DynamicTable, Exports, PlaceRelocations, loaded_tables};
use crate::rlib::{Constructor, ENTRY};
use crate::system::files::{self, Patch};
use crate::{Error, Result};

/// We understand only the entries of 64-bit files.
pub(crate) type Class = FileHeader64<Endianness>;

/// An entry in the list of functions to call before `main`, in a group that does not call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The section that it was in.
    pub section: String,
    /// The symbol of the entry, which is still there.
    pub entry: String,
    /// The distance of the function from the entry, in bytes.
    pub distance: i64,
}

/// Takes these constructors off the list that the loader goes through when it loads a
/// finished shared object.
///
/// # Errors
/// When the file cannot be read or written, is malformed, or has another list than linkers make of
/// these constructors and of the entries that the compiler driver adds.
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

/// The distance of the function of each constructor from its entry, in bytes, by the symbols of the
/// entries.
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

/// The entries with a packed relative relocation (ELF gABI, SHT_RELR) in the list of functions to
/// call before `main`. Such a relocation has its addend in the relocated word.
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

pub(crate) fn not_understood(path: &Path) -> impl FnOnce() -> Error {
    let path = path.to_owned();
    move || Error::Constructors { path }
}

/// What [`hand_over`] writes, from the bytes of the shared object and the symbols of the
/// entries. `None` if these are neither the whole list, nor all of it except one piece.
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

    let Some(dynamic) = DynamicTable::of(&sections, endian, data)? else {
        return Ok(None);
    };
    let list = dynamic.value(elf::DT_INIT_ARRAY);
    let (Some(start), Some(size)) = (list, dynamic.value(elf::DT_INIT_ARRAYSZ)) else {
        return Ok(None);
    };
    let end = start.saturating_add(size);
    let is_inside =
        |place: &u64| (start..end).contains(place) && (place - start).is_multiple_of(ENTRY);
    if !places.iter().all(is_inside) {
        return Ok(None);
    }
    // The rest of the list has to be in one piece.
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
    let start = dynamic.patch(elf::DT_INIT_ARRAY, kept.start);
    let size = dynamic.patch(elf::DT_INIT_ARRAYSZ, kept.end - kept.start);
    Ok(start.zip(size).map(|(start, size)| vec![start, size]))
}
