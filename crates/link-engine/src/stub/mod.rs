//! Interface stubs: shared objects with only the symbols that one link needs.
//!
//! A linker reads all dynamic symbols of a shared object on its line, to find the few to which the
//! executable refers. So the time of a link would still grow with the dependency tree. The wrapper
//! looks these few up in the hash table that the loader uses (DT_GNU_HASH), and hands the linker a
//! stub. The stub has the same soname, the symbols that the link needs, and the group's own open
//! references, which the executable has to satisfy and export. The executable is the same as
//! without stubs, since a linker takes only names from a shared object, and the loader sees the
//! real one.
//!
//! A shared object hides its [private](crate::finish::private) definitions from linkers, as it does
//! from the loader. A stub shows them, under the version of the group's
//! [layout](crate::elf::layout). So a file that is linked against the stub needs that version, and
//! its references can be [bound](crate::finish::bind).

mod write;

use std::collections::HashSet;
use std::path::Path;

use object::elf;
use object::read::elf::Sym;

use crate::elf::versions;
use crate::elf::{
    Definition, ElfClass, Exports, Names, OpenReference, ties_to_runtime, with_class,
};
use crate::system::files;
use crate::{Error, Result};

/// The symbols that a stub shows.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// All that the shared object defines.
    All,
    /// Those with these names.
    Named(&'a Names<'a>),
}

/// The selection of symbols that a stub shows.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The symbols to show.
    pub wanted: Wanted<'a>,
    /// C names to leave out: the file that is linked does not depend on the libraries that define
    /// them.
    pub unseen: Option<&'a HashSet<String>>,
}

impl<'a> From<Wanted<'a>> for Shown<'a> {
    /// All that is wanted.
    fn from(wanted: Wanted<'a>) -> Shown<'a> {
        Shown {
            wanted,
            unseen: None,
        }
    }
}

/// Writes to `stub` the interface of a shared object for a link that needs the `shown` symbols.
/// Returns whether the shared object can have a stub.
///
/// # Errors
/// When a file cannot be read or written, or is malformed.
pub fn write_stub(
    shared_object: &Path,
    soname: &str,
    shown: Shown<'_>,
    open_references: &[OpenReference],
    stub: &Path,
) -> Result<bool> {
    let data = files::map(shared_object)?;
    let bytes = self::bytes(&data, soname, shown, open_references);
    write(bytes.map_err(Error::object(shared_object))?, stub)
}

fn write(bytes: Option<Vec<u8>>, stub: &Path) -> Result<bool> {
    let Some(bytes) = bytes else {
        return Ok(false);
    };
    std::fs::write(stub, bytes).map_err(Error::io("write", stub))?;
    Ok(true)
}

/// Like [`write_stub`], for the link of another group. That group has to need the layout of this
/// one for the symbols that both take from the program for their [runtime](crate::finish::runtime):
/// those of `open_references`.
///
/// # Errors
/// When a file cannot be read or written, or is malformed.
pub(crate) fn write_stub_for_group(
    shared_object: &Path,
    soname: &str,
    shown: Shown<'_>,
    open_references: &[OpenReference],
    stub: &Path,
) -> Result<bool> {
    let taken = open_references.iter();
    let taken = taken
        .filter(|open| ties_to_runtime(open.name.as_bytes()))
        .cloned();
    let links = Links {
        open: &[],
        taken: &taken.collect::<Vec<_>>(),
    };
    let data = files::map(shared_object)?;
    let bytes = with_class!(&data[..], stub_of(&data, soname, shown, links)).map(Option::flatten);
    write(bytes.map_err(Error::object(shared_object))?, stub)
}

/// The symbols that a shared object takes from the executable, as a stub shows them.
#[derive(Clone, Copy)]
struct Links<'a> {
    /// The symbols that the linker has to find in the executable.
    open: &'a [OpenReference],
    /// The symbols that another group takes from the executable too. The stub seems to define them.
    taken: &'a [OpenReference],
}

/// Like [`write_stub`], from the bytes of the shared object. `None` if it can have no stub.
///
/// # Errors
/// When these are malformed.
pub fn bytes(
    data: &[u8],
    soname: &str,
    shown: Shown<'_>,
    open_references: &[OpenReference],
) -> object::read::Result<Option<Vec<u8>>> {
    let links = Links {
        open: open_references,
        taken: &[],
    };
    with_class!(data, stub_of(data, soname, shown, links)).map(Option::flatten)
}

fn stub_of<Class: ElfClass>(
    data: &[u8],
    soname: &str,
    shown: Shown<'_>,
    links: Links<'_>,
) -> object::read::Result<Option<Vec<u8>>> {
    let exports = Exports::<Class>::read(data)?;
    let Some(exports) = exports else {
        return Ok(None);
    };
    let shown = exports.shown(shown)?;
    // Writing fails only on files of 4 GiB and more.
    Ok(exports.stub(soname, &shown, links).ok())
}

impl<'data, Class: ElfClass> Exports<'data, Class> {
    /// The definitions that a stub with these symbols has.
    fn shown(
        &self,
        Shown { wanted, unseen }: Shown<'_>,
    ) -> object::read::Result<Vec<Definition<'data, Class>>> {
        let mut shown = Vec::new();
        match wanted {
            Wanted::Named(names) => {
                let names = names.0.iter();
                shown.extend(names.filter_map(|(name, hash)| self.find_by_hash(name, *hash)));
                shown.sort_unstable_by_key(|definition| definition.name);
                shown.dedup_by_key(|definition| definition.name);
            }
            Wanted::All => {
                for (index, symbol) in self.symbols.enumerate() {
                    let name = self.symbols.symbol_name(self.endian, symbol)?;
                    let is_definition = symbol.st_shndx(self.endian) != elf::SHN_UNDEF
                        && symbol.st_bind() != elf::STB_LOCAL;
                    // GNU ld defines each version as an absolute symbol too, and refuses
                    // to do so if a shared object on its line did.
                    if is_definition && !name.starts_with(versions::PREFIX.as_bytes()) {
                        shown.push(self.definition(index, name, symbol));
                    }
                }
            }
        }
        if let Some(unseen) = unseen.filter(|unseen| !unseen.is_empty()) {
            shown.retain(|definition| {
                let name = str::from_utf8(definition.name).unwrap_or_default();
                !unseen.contains(name)
            });
        }
        Ok(shown)
    }
}
