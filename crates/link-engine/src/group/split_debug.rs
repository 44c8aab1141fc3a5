//! Debugging information that is packed into rlibs.
//!
//! With `-C split-debuginfo=packed`, rustc puts an object's debugging information, a `.dwo` file,
//! beside the object into the rlib. For an executable, it packs those of all rlibs into one `.dwp`
//! file beside it (`link_dwarf_object` in `rustc_codegen_ssa`, rustc 1.95). For a shared object of
//! ours, a debugger would find neither a `.dwp` file beside it, nor the `.dwo` files under the
//! names that the objects give. So this module puts the `.dwo` files back where rustc had written
//! them: into the directory of the rlib, where they also are with `split-debuginfo=unpacked`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use object::read::archive::ArchiveFile;

use super::inputs::Input;
use crate::record::{file_names, remove};
use crate::rlib::DWARF_OBJECT;
use crate::system::files;
use crate::{Error, Result};

/// Puts the debugging information of these libraries where a debugger looks, and removes the files
/// of earlier rlibs.
pub(super) fn unpack<'a>(members: impl IntoIterator<Item = &'a Input>) -> Result<()> {
    let mut listed: HashMap<&Path, HashSet<String>> = HashMap::new();
    for input in members {
        if !input.facts.has_dwarf_objects {
            continue;
        }
        let rlib = &input.library.rlib;
        let directory = rlib.parent().unwrap_or(Path::new("."));
        let present = match listed.get(directory) {
            Some(present) => present,
            None => listed.entry(directory).or_insert(file_names(directory)?),
        };
        unpack_rlib(rlib, directory, present)?;
    }
    Ok(())
}

fn unpack_rlib(rlib: &Path, directory: &Path, present: &HashSet<String>) -> Result<()> {
    let stem = rlib.file_stem().unwrap_or_default().to_string_lossy();
    let prefix = format!("{}.", stem.strip_prefix("lib").unwrap_or(&stem));
    let mut left: HashSet<&str> = present
        .iter()
        .filter(|name| name.starts_with(&prefix) && name.ends_with(DWARF_OBJECT))
        .map(String::as_str)
        .collect();
    let compiled = modified(rlib)?;
    let data = files::map(rlib)?;
    let archive = ArchiveFile::parse(&data[..]).map_err(Error::object(rlib))?;
    for member in archive.members() {
        let member = member.map_err(Error::object(rlib))?;
        // rustc gives no member a name that is not UTF-8.
        let name = str::from_utf8(member.name()).unwrap_or_default();
        if !name.ends_with(DWARF_OBJECT) || name.contains('/') {
            continue;
        }
        let path = directory.join(name);
        if !left.remove(name) || modified(&path)? < compiled {
            let bytes = member.data(&data[..]).map_err(Error::object(rlib))?;
            files::write(&path, bytes)?;
        }
    }
    let mut left = left.into_iter();
    left.try_for_each(|name| remove(&directory.join(name)))
}

fn modified(path: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(path);
    let modified = metadata.and_then(|metadata| metadata.modified());
    modified.map_err(Error::io("read", path))
}
