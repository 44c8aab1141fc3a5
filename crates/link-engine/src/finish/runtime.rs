//! Hides the symbols that a program defines for its runtime from libraries that it loads later.
//!
//! std is in the group of the sysroot crates, and takes the allocator of the program from the
//! executable (`__rust_alloc` and its like), which therefore exports it. A static program exports
//! none of these symbols, and a library that it loads later (`dlopen` of a Rust `dylib`) has
//! functions of the same names, for a std of its own. So we give these references and definitions a
//! version that no other file has: that of the [layout](crate::elf::layout) of the group of the
//! sysroot crates.
//!
//! The loader does not care whether a file defines or needs the version of a symbol in its table:
//! it compares names and hashes (`check_match` in `elf/dl-lookup.c` and `_dl_check_map_versions` in
//! `elf/dl-version.c`, glibc 2.36). So we need not add anything to a finished file: the group of
//! the sysroot crates refers to symbols with the version that it defines, and the executable
//! defines symbols with the version that it needs.
//!
//! Other groups need that version twice: a hidden need for references that are
//! [bound](crate::finish::bind), and an open need for these references. For an open need, the
//! loader also takes a definition without a version. An executable has such definitions if a tool
//! linked it again from a kept link line, so that this module has not tied it. A linker writes a
//! second need only for a second version, so the [stub](crate::stub) of the group of the sysroot
//! crates has one, with a name of the same length ([`OPENLY`]).

use std::path::Path;

use object::elf;
use object::read::SymbolIndex;
use object::read::elf::{SectionHeader, Sym, SymbolTable, VersionTable};
use object::{Endian as _, Endianness};

use crate::elf::layout;
use crate::elf::versions::{self, LAYOUT, Need, OPENLY};
use crate::elf::{ElfClass, ties_to_runtime, with_class};
use crate::system::files::{self, Patch};
use crate::{Error, Result};

/// The first index at which the loader passes over a hidden version for a reference without a
/// version. A file that was linked before there were versions takes the oldest, whose index is 2.
const HIDING_INDEX: elf::VersionIndex = elf::VersionIndex(elf::VER_NDX_GLOBAL.0 + 2);

/// Ties a finished group to the runtime: gives the symbols that it takes from the program the
/// version of the layout of the group of the sysroot crates. `is_sysroot`: whether it is that group
/// itself.
///
/// # Errors
/// When the file cannot be read or written, or is malformed.
pub(crate) fn tie_group(shared_object: &Path, is_sysroot: bool) -> Result<()> {
    let data = files::map(shared_object)?;
    let patches = group_patches(&data, is_sysroot).map_err(Error::object(shared_object))?;
    drop(data);
    files::patch(shared_object, &patches)
}

/// The patches that tie a group to its program, from the bytes of the shared object. `is_sysroot`:
/// whether it is the group of the sysroot crates.
///
/// # Errors
/// When these are malformed.
pub fn group_patches(data: &[u8], is_sysroot: bool) -> object::read::Result<Vec<Patch>> {
    with_class!(data, group_patches_of(data, is_sysroot)).map(Option::unwrap_or_default)
}

fn group_patches_of<Class: ElfClass>(
    data: &[u8],
    is_sysroot: bool,
) -> object::read::Result<Vec<Patch>> {
    let file = File::<Class>::read(data)?;
    let open = file
        .needs
        .iter()
        .find(|need| need.name.starts_with(OPENLY.as_bytes()));
    if let Some(open) = open {
        let layout = [LAYOUT.as_bytes(), &open.name[OPENLY.len()..]].concat();
        return Ok(open.renamed(file.endian, &layout).into());
    }
    let layout = layout::version(&file.versions).filter(|_| is_sysroot);
    let Some((layout, _)) = layout else {
        return Ok(Vec::new());
    };
    let references = file.runtime_symbols(false)?.into_iter();
    Ok(references
        .map(|reference| file.version_patch(reference, layout.into()))
        .collect())
}

/// Ties an executable to its groups: hides the symbols that it defines for its runtime behind the
/// version of the layout of the group of the sysroot crates, which has the soname `sysroot`. It has
/// no effect on an executable that refers to nothing in that group, and so does not need the
/// version.
///
/// # Errors
/// When the file cannot be read or written, or is malformed.
pub(crate) fn tie_executable(executable: &Path, sysroot: &str) -> Result<()> {
    let data = files::map(executable)?;
    let patches = executable_patches(&data, sysroot).map_err(Error::object(executable))?;
    drop(data);
    files::patch(executable, &patches)
}

/// The patches that tie an executable to its groups, from the bytes of the file. `sysroot` is the
/// soname of the group of the sysroot crates.
///
/// # Errors
/// When these are malformed.
pub fn executable_patches(data: &[u8], sysroot: &str) -> object::read::Result<Vec<Patch>> {
    with_class!(data, executable_patches_of(data, sysroot)).map(Option::unwrap_or_default)
}

fn executable_patches_of<Class: ElfClass>(
    data: &[u8],
    sysroot: &str,
) -> object::read::Result<Vec<Patch>> {
    let file = File::<Class>::read(data)?;
    let definitions = file.runtime_symbols(true)?;
    let Some(need) = file.needed_layout(sysroot) else {
        return Ok(Vec::new());
    };
    let mut version = need.index.index();
    let mut patches = Vec::new();
    if version < HIDING_INDEX {
        let mut others = file.needs.iter();
        let Some(other) = others.find(|other| other.index.index() >= HIDING_INDEX) else {
            return Ok(Vec::new());
        };
        patches = file.exchange(need, other);
        version = other.index.index();
    }
    let version = elf::VersymIndex(version.0 | elf::VERSYM_HIDDEN.0);
    let definitions = definitions.into_iter();
    patches.extend(definitions.map(|definition| file.version_patch(definition, version)));
    Ok(patches)
}

/// The dynamic symbols of a file, with their versions.
struct File<'data, Class: ElfClass> {
    endian: Endianness,
    symbols: SymbolTable<'data, Class>,
    versions: VersionTable<'data, Class>,
    /// The versions of other files that it needs.
    needs: Vec<Need<'data>>,
    /// Where the table of the versions of symbols lies, in bytes from the start of the file.
    versym: u64,
    /// How many symbols have a place in it.
    with_version: usize,
}

impl<'data, Class: ElfClass> File<'data, Class> {
    fn read(data: &'data [u8]) -> object::read::Result<Self> {
        let header = Class::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let mut tables = sections.iter();
        let versym = tables.find(|section| section.sh_type(endian) == elf::SHT_GNU_VERSYM);
        let with_version = match versym {
            Some(section) => section.data(endian, data)?.len() / size_of::<u16>(),
            None => 0,
        };
        Ok(File {
            endian,
            symbols: sections.symbols(endian, data, elf::SHT_DYNSYM)?,
            versions: sections.versions(endian, data)?.unwrap_or_default(),
            needs: versions::needs(endian, data, &sections)?,
            with_version,
            versym: versym.map_or(0, |section| section.sh_offset(endian).into()),
        })
    }

    /// The layout that the file needs of the group with that soname.
    fn needed_layout(&self, soname: &str) -> Option<&Need<'data>> {
        let mut needs = self.needs.iter();
        needs.find(|need| need.file == soname.as_bytes() && versions::is_layout_name(need.name))
    }

    /// The symbols without a version that tie a program to its runtime: those that the file
    /// defines, or those that it takes from elsewhere.
    fn runtime_symbols(&self, defined: bool) -> object::read::Result<Vec<SymbolIndex>> {
        let mut found = Vec::new();
        for (index, symbol) in self.symbols.enumerate().take(self.with_version) {
            let name = self.symbols.symbol_name(self.endian, symbol)?;
            let is_defined = symbol.st_shndx(self.endian) != elf::SHN_UNDEF;
            let version = self.versions.version_index(self.endian, index);
            // Linkers give references without a version the index 0 or 1.
            let has_version = !version.index().is_special();
            if is_defined == defined && !has_version && ties_to_runtime(name) {
                found.push(index);
            }
        }
        Ok(found)
    }

    /// The patch that gives a symbol a version.
    fn version_patch(&self, symbol: SymbolIndex, version: elf::VersymIndex) -> Patch {
        Patch {
            offset: self.versym + (symbol.0 * size_of::<u16>()) as u64,
            bytes: self.endian.write_u16(version.0).to_vec(),
        }
    }

    /// The patches that exchange the indices of two needs.
    fn exchange(&self, one: &Need<'_>, other: &Need<'_>) -> Vec<Patch> {
        let replace = |index: elf::VersymIndex| {
            let new = match index.index() {
                index if index == one.index.index() => other.index.index(),
                index if index == other.index.index() => one.index.index(),
                _ => return None,
            };
            let hidden = index.0 & elf::VERSYM_HIDDEN.0;
            Some(elf::VersymIndex(new.0 | hidden))
        };
        let of_needs = [one, other]
            .into_iter()
            .filter_map(|need| Some(need.renumbered(self.endian, replace(need.index)?)));
        let of_symbols = self.symbols.enumerate().filter_map(|(symbol, _)| {
            let version = self.versions.version_index(self.endian, symbol);
            Some(self.version_patch(symbol, replace(version)?))
        });
        of_needs.chain(of_symbols).collect()
    }
}
