//! Binding calls that go through the procedure linkage table.
//!
//! Such a call finds the address of the function in a *slot*. The relocations of slots are in a
//! table of their own (DT_JMPREL), so that a loader can fill a slot at the first call. A loader that
//! does so accepts no other type of relocation in that table (`elf_machine_lazy_rel` in glibc), and
//! finds the relocation of a slot by its index. rustc asks the loader to fill all slots when the
//! program starts (`-z now`). But where glibc profiles or audits calls (`LD_PROFILE`, `LD_AUDIT`), it
//! fills them at the first call all the same (`_dl_relocate_object` in `elf/dl-reloc.c`).
//!
//! So we cannot bind relocations in that table. We move all of them into the table of the other
//! relocations (DT_RELA), where a loader accepts every type. Linkers put the two tables next to each
//! other, so the other table only has to grow (DT_RELASZ). lld puts packed relocations between the
//! two, and we move those behind both. Code and slots stay as they are. Relocations that we do not
//! bind keep their order, behind those that we bind: on aarch64, glibc calls the functions that
//! choose an address (IRELATIVE) in the order of the table.
//!
//! We change the section headers too. Tools then see no relocations of slots, so they find no name
//! for an entry of the procedure linkage table (`memcpy@plt`). Otherwise they would find a wrong one.

use object::Endianness;
use object::elf::{self, Rela64, SectionHeader64};
use object::read::elf::{FileHeader as _, SectionHeader as _, SectionTable};

use super::Class;
use crate::elf::DynamicTable;
use crate::system::files::Patch;

/// The offset of a section header in the file, and the header.
type Section<'data> = (u64, &'data SectionHeader64<Endianness>);

/// The two tables of relocations, where we can make one of them.
pub(super) struct Slots<'data> {
    data: &'data [u8],
    endian: Endianness,
    dynamic: DynamicTable<'data>,
    /// All relocations but those of slots and those that are packed.
    others: Section<'data>,
    /// The packed relocations, if they lie between the two tables.
    packed: Option<Section<'data>>,
    slots: Section<'data>,
}

impl<'data> Slots<'data> {
    /// `None` if there are no slots, if the loader is to fill them at the first call, or if the
    /// tables do not lie next to each other.
    pub(super) fn find(
        header: &Class,
        sections: &SectionTable<'data, Class>,
        endian: Endianness,
        data: &'data [u8],
    ) -> object::read::Result<Option<Self>> {
        let Some(dynamic) = DynamicTable::of(sections, endian, data)? else {
            return Ok(None);
        };
        let has_flag = |tag, flag| dynamic.value(tag).is_some_and(|flags| flags & flag != 0);
        let is_now = dynamic.value(elf::DT_BIND_NOW).is_some()
            || has_flag(elf::DT_FLAGS, elf::DF_BIND_NOW.0)
            || has_flag(elf::DT_FLAGS_1, elf::DF_1_NOW.0);
        let find = |kind, start| {
            let start = dynamic.value(start)?;
            let mut sections = sections.enumerate();
            let (index, section) = sections.find(|(_, section)| {
                section.sh_type(endian) == kind && section.sh_addr(endian) == start
            })?;
            let place = index.0 * size_of::<SectionHeader64<Endianness>>();
            Some((header.e_shoff(endian).checked_add(place as u64)?, section))
        };
        let others = find(elf::SHT_RELA, elf::DT_RELA);
        let slots = find(elf::SHT_RELA, elf::DT_JMPREL);
        let (Some(others), Some(slots), true) = (others, slots, is_now) else {
            return Ok(None);
        };
        let follows = |(_, next): Section<'_>, (_, section): Section<'_>| {
            let size = section.sh_size(endian);
            let address = section.sh_addr(endian).checked_add(size);
            let offset = section.sh_offset(endian).checked_add(size);
            address == Some(next.sh_addr(endian)) && offset == Some(next.sh_offset(endian))
        };
        let packed = find(elf::SHT_RELR, elf::DT_RELR).filter(|packed| follows(*packed, others));
        let [size, slots_size] = [others, slots].map(|(_, section)| section.sh_size(endian));
        // For RISC-V, GNU ld adds the size of the slots to that of the others.
        let known_size = dynamic.value(elf::DT_RELASZ);
        let is_whole = dynamic.value(elf::DT_PLTRELSZ) == Some(slots_size)
            && (known_size == Some(size) || known_size == size.checked_add(slots_size));
        let is_in_row = follows(slots, packed.unwrap_or(others));
        Ok((is_whole && is_in_row && slots_size != 0).then_some(Slots {
            data,
            endian,
            dynamic,
            others,
            packed,
            slots,
        }))
    }

    /// Whether the section is one of the two tables.
    pub(super) fn have(&self, section: &SectionHeader64<Endianness>) -> bool {
        [self.others.1, self.slots.1]
            .iter()
            .any(|own| std::ptr::eq(*own, section))
    }

    /// The relocations of both tables.
    pub(super) fn table(&self) -> object::read::Result<Vec<Rela64<Endianness>>> {
        let mut table = Vec::new();
        for (_, section) in [self.others, self.slots] {
            let relocations = section.rela(self.endian, self.data)?;
            table.extend(relocations.into_iter().flat_map(|(table, _)| table));
        }
        Ok(table)
    }

    /// Patches that make one [`table`](Slots::table) of the two. `changed` takes the place of the
    /// relocations from the index `first` on.
    pub(super) fn patches(
        &self,
        table: &[Rela64<Endianness>],
        first: usize,
        changed: &[u8],
    ) -> object::read::Result<Vec<Patch>> {
        let endian = self.endian;
        let size = size_of_val(table) as u64;
        let start = first * size_of::<Rela64<Endianness>>();
        let mut bytes = object::bytes_of_slice(table).to_vec();
        bytes[start..][..changed.len()].copy_from_slice(changed);
        if let Some((_, packed)) = self.packed {
            bytes.extend(packed.data(endian, self.data)?);
        }
        let (place, others) = self.others;
        let mut patches = vec![Patch {
            offset: others.sh_offset(endian) + start as u64,
            bytes: bytes.split_off(start),
        }];
        patches.extend(self.dynamic.patch(elf::DT_RELASZ, size));
        let mut header = *others;
        header.sh_size.set(endian, size);
        patches.push(header_patch(place, &header));
        if let Some((place, packed)) = self.packed {
            let address = others.sh_addr(endian).wrapping_add(size);
            patches.extend(self.dynamic.patch(elf::DT_RELR, address));
            let mut header = *packed;
            header.sh_addr.set(endian, address);
            header
                .sh_offset
                .set(endian, others.sh_offset(endian) + size);
            patches.push(header_patch(place, &header));
        }
        // The table of slots is empty, and lies at the end.
        let (place, slots) = self.slots;
        let size = slots.sh_size(endian);
        let end = slots.sh_addr(endian).wrapping_add(size);
        patches.extend(self.dynamic.patch(elf::DT_JMPREL, end));
        patches.extend(self.dynamic.patch(elf::DT_PLTRELSZ, 0));
        let mut header = *slots;
        header.sh_addr.set(endian, end);
        header.sh_offset.set(endian, slots.sh_offset(endian) + size);
        header.sh_size.set(endian, 0);
        patches.push(header_patch(place, &header));
        Ok(patches)
    }
}

fn header_patch(place: u64, header: &SectionHeader64<Endianness>) -> Patch {
    Patch {
        offset: place,
        bytes: object::bytes_of(header).to_vec(),
    }
}
