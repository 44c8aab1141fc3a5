//! The dynamic section of a linked file, which the loader reads.

use std::path::Path;

use object::elf::{self, Dyn64, FileHeader64};
use object::read::elf::{SectionHeader as _, SectionTable};
use object::{Endianness, U64};

use super::{ElfClass, with_class};
use crate::system::files::{self, Patch};
use crate::{Error, Result};

/// The entries of a dynamic section (ELF gABI, "Dynamic Section").
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DynamicInfo {
    /// DT_NEEDED: the shared objects to load, in order.
    pub needed: Vec<String>,
    /// DT_SONAME.
    pub soname: Option<String>,
    /// DT_RUNPATH, or DT_RPATH if there is none, split at its colons: the loader ignores DT_RPATH
    /// if both are there (ld.so(8)).
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

/// The dynamic section of a 64-bit file, of which we change values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DynamicTable<'data> {
    endian: Endianness,
    /// Where the section lies, in bytes from the start of the file.
    offset: u64,
    entries: &'data [Dyn64<Endianness>],
}

impl<'data> DynamicTable<'data> {
    /// `None` if the file has no such section.
    pub(crate) fn of(
        sections: &SectionTable<'data, FileHeader64<Endianness>>,
        endian: Endianness,
        data: &'data [u8],
    ) -> object::read::Result<Option<Self>> {
        for section in sections.iter() {
            if let Some((entries, _)) = section.dynamic(endian, data)? {
                let offset = section.sh_offset(endian);
                return Ok(Some(DynamicTable {
                    endian,
                    offset,
                    entries,
                }));
            }
        }
        Ok(None)
    }

    /// The value of the first entry with this tag.
    pub(crate) fn value(&self, tag: elf::DynamicTag) -> Option<u64> {
        let index = self.position(tag)?;
        Some(self.entries[index].d_val.get(self.endian))
    }

    /// A patch that gives the first entry with this tag another value. `None` if there is none.
    pub(crate) fn patch(&self, tag: elf::DynamicTag, value: u64) -> Option<Patch> {
        let entry = self.position(tag)? * size_of::<Dyn64<Endianness>>();
        Some(Patch {
            offset: self.offset + (entry + size_of::<u64>()) as u64,
            bytes: object::bytes_of(&U64::new(self.endian, value)).to_vec(),
        })
    }

    fn position(&self, tag: elf::DynamicTag) -> Option<usize> {
        let mut entries = self.entries.iter();
        entries.position(|entry| entry.d_tag.get(self.endian) == tag)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        /// Bytes behind a valid ELF identification reach the readers of the class.
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 16..512)) {
            bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
            let _ = DynamicInfo::parse(&bytes);
            bytes[4] = 1;
            let _ = DynamicInfo::parse(&bytes);
        }
    }
}
