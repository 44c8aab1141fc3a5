//! Private definitions: what a group defines for those alone that are linked against it.
//!
//! A static program shows its definitions to nothing that it loads later (`dlopen`, NSS,
//! PAM): a plugin that has a C library of its own gets that one, also if the program has
//! another version of it inside. A shared object shows all that it defines. Those with a name
//! of Rust are hidden by the version of the [layout](crate::layout); those of C and of
//! `#[no_mangle]` functions are given another version that is hidden. To a reference without a version, glibc
//! passes over a definition that has a hidden version and a version index of at least 3; to
//! a reference with a version it gives the definition with the same one, hidden or not
//! (`check_match` in `elf/dl-lookup.c`, glibc 2.36).
//!
//! No linker hides the version of the only definition of a symbol. So it is told to define
//! the versions ([`SCRIPT`](versions::SCRIPT)) and to give them to nobody, and [`hide`] writes them into the
//! table of the finished file. A linker takes such a definition for as hidden as the loader
//! does, so all that is linked against a group is linked against its
//! [stub](crate::interface), and refers to the version.
//!
//! These definitions of a group are not private:
//!
//! - weak ones, such as inline functions of C++, of which the process is to have one;
//! - those that a group below refers to, for it was linked before the version was there;
//! - those that a shared library of the group names: in a static link, the linker shows
//!   these to that library;
//! - all, when [`shows_symbols`] of the link args that every program has.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use object::Endian;
use object::elf;
use object::read::elf::{SectionHeader, Sym, VersionTable};

use crate::elf::{ElfClass, with_class};
use crate::files::{self, Patch};
use crate::versions::{self, PRIVATE};
use crate::{Error, Result};

/// Makes those definitions of a shared object private that have one of these `names`, unless
/// they are weak. Without effect on one that was linked without [`SCRIPT`](versions::SCRIPT).
///
/// # Errors
/// When the file cannot be read or written, or is malformed.
pub(crate) fn hide(shared_object: &Path, names: &HashSet<&str>) -> Result<()> {
    let data = files::map(shared_object)?;
    let table = with_class!(&data[..], hidden_table(&data, names));
    let table = table.map_err(|source| Error::Object {
        path: shared_object.to_owned(),
        source,
    })?;
    drop(data);
    let patch: Vec<Patch> = table.flatten().into_iter().collect();
    files::patch(shared_object, &patch)
}

/// The table of the versions that dynamic symbols have (`.gnu.version`), with these made
/// private.
fn hidden_table<Class: ElfClass>(
    data: &[u8],
    names: &HashSet<&str>,
) -> object::read::Result<Option<Patch>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut all = sections.iter();
    let Some(section) = all.find(|section| section.sh_type(endian) == elf::SHT_GNU_VERSYM) else {
        return Ok(None);
    };
    let versions: VersionTable<'_, Class> = sections.versions(endian, data)?.unwrap_or_default();
    let Some(private) = private_version(&versions) else {
        return Ok(None);
    };
    let hidden = endian.write_u16(private.0 | elf::VERSYM_HIDDEN.0);
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let mut bytes = section.data(endian, data)?.to_vec();
    for (entry, (index, symbol)) in bytes.chunks_exact_mut(2).zip(symbols.enumerate()) {
        let name = symbols.symbol_name(endian, symbol)?;
        let is_private = symbol.st_bind() == elf::STB_GLOBAL
            && symbol.st_shndx(endian) != elf::SHN_UNDEF
            && versions.version_index(endian, index).is_global()
            && str::from_utf8(name).is_ok_and(|name| names.contains(name));
        if is_private {
            entry.copy_from_slice(&hidden);
        }
    }
    Ok(Some(Patch {
        offset: section.sh_offset(endian).into(),
        bytes,
    }))
}

/// The index of the version of private definitions in a shared object, if it has one.
pub(crate) fn private_version<Class: ElfClass>(
    versions: &VersionTable<'_, Class>,
) -> Option<elf::VersionIndex> {
    versions::defined(versions, |name| name == PRIVATE.as_bytes()).map(|(index, _)| index)
}

/// Whether an argument shows symbols of a program to what it loads later, or says which
/// versions symbols have.
pub(crate) fn shows_symbols(arg: &OsStr) -> bool {
    const OPTIONS: [&[u8]; 7] = [
        b"rdynamic",
        b"E",
        b"export-dynamic",
        b"export-dynamic-symbol",
        b"export-dynamic-symbol-list",
        b"dynamic-list",
        b"version-script",
    ];
    let bytes = arg.as_bytes();
    let words = bytes.strip_prefix(b"-Wl,").unwrap_or(bytes);
    words.split(|byte| *byte == b',').any(|word| {
        let option = word.split(|byte| *byte == b'=').next().unwrap_or(word);
        let name = option.strip_prefix(b"--").or(option.strip_prefix(b"-"));
        name.is_some_and(|name| OPTIONS.contains(&name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_args_that_show_symbols_are_told() {
        for arg in [
            "-rdynamic",
            "-Wl,-E",
            "-Wl,-O1,--export-dynamic",
            "--export-dynamic",
            "-Wl,--dynamic-list=symbols",
            "-Wl,--dynamic-list,symbols",
            "-Wl,--export-dynamic-symbol=hook",
            "-Wl,--version-script=versions",
        ] {
            assert!(shows_symbols(OsStr::new(arg)), "{arg}");
        }
        for arg in [
            "-Wl,-rpath,/E",
            "-Wl,--exclude-libs,ALL",
            "E",
            "-l",
            "-export",
        ] {
            assert!(!shows_symbols(OsStr::new(arg)), "{arg}");
        }
    }
}
