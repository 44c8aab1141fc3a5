//! The version of a group whose name holds a hash of the group's *layout*, the addresses of its
//! symbols.
//!
//! A file that is linked against a group is bound to addresses in it and needs this version. So it
//! runs with no other layout: see [`seal`](crate::finish::seal).

use std::collections::HashMap;
use std::path::Path;

use object::elf;
use object::read::elf::VersionTable;

use super::versions::{self, LAYOUT, UNKNOWN_LAYOUT};
use super::{ElfClass, with_class};
use crate::system::files;
use crate::{Error, Result};

/// The layouts that a file needs, by soname.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub(crate) fn needed(file: &Path) -> Result<HashMap<String, String>> {
    let data = files::map(file)?;
    let needed = with_class!(&data[..], needed_in(&data));
    needed
        .map(Option::unwrap_or_default)
        .map_err(Error::object(file))
}

fn needed_in<Class: ElfClass>(data: &[u8]) -> object::read::Result<HashMap<String, String>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let versions: VersionTable<'_, Class> = header
        .sections(endian, data)?
        .versions(endian, data)?
        .unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let layouts = versions::all(&versions).filter_map(|(_, version)| {
        let is_layout = versions::is_layout(&version);
        let file = version.file().filter(|_| is_layout)?;
        Some((text(file), text(version.name())))
    });
    Ok(layouts.collect())
}

/// The name of the layout version of a shared object, if it was sealed.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn of(shared_object: &Path) -> Result<Option<String>> {
    let data = files::map(shared_object)?;
    let name = with_class!(&data[..], name_in(&data));
    name.map(Option::flatten)
        .map_err(Error::object(shared_object))
}

fn name_in<Class: ElfClass>(data: &[u8]) -> object::read::Result<Option<String>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let versions = header.sections(endian, data)?.versions(endian, data)?;
    let version = versions.as_ref().and_then(version);
    Ok(version.map(|(_, name)| String::from_utf8_lossy(name).into_owned()))
}

/// The layout version among those that a shared object defines, with its name.
pub(crate) fn version<'data, Class: ElfClass>(
    versions: &VersionTable<'data, Class>,
) -> Option<(elf::VersionIndex, &'data [u8])> {
    let is_sealed = |name: &[u8]| {
        let hash = name.strip_prefix(LAYOUT.as_bytes());
        hash.is_some_and(|hash| hash != UNKNOWN_LAYOUT.as_bytes())
    };
    versions::defined(versions, is_sealed)
}
