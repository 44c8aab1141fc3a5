//! The dynamic section of a linked file, which the loader reads.

use std::path::Path;

use object::elf;

use super::{ElfClass, with_class};
use crate::system::files;
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
