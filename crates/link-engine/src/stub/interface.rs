//! Interface stubs: shared objects with nothing but the symbols that one link looks at.
//!
//! A linker reads all dynamic symbols of a shared object on its line, to find the
//! few that the executable refers to, so that a link would go on growing with the
//! dependency tree. The wrapper looks these few up in the hash table that the loader
//! uses (DT_GNU_HASH) and hands the linker a stub: the same soname, the symbols that
//! the link asks for, and the group's own open references, which the executable has
//! to satisfy and export. The executable that comes out is the same, since a linker
//! takes nothing from a shared object but names, and the loader sees the real one.
//!
//! A stub shows the [private](crate::finish::private) definitions of a group too, under their
//! version, which the shared object itself hides from linkers as from the loader. So it does
//! those that references may be [bound](crate::finish::bind) to, under the version of the group's
//! [layout](crate::finish::layout), and what is linked needs that one.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf;
use object::read::SymbolIndex;
use object::read::elf::{GnuHashTable, Sym, SymbolTable, VersionTable};
use object::write::StringId;
use object::write::elf::{
    FileHeader as NewFileHeader, SectionHeader, Sym as NewSym, Verdef, Writer,
};
use serde::{Deserialize, Serialize};

use crate::elf::versions::{self, LAYOUT, OPENLY};
use crate::elf::{ElfClass, is_mangled_by_rustc, ties_to_runtime, with_class};
use crate::finish::bind::has_place;
use crate::finish::layout;
use crate::system::files;
use crate::{Error, Result};

/// A symbol that a shared object refers to and that neither a group below nor a
/// library with versioned symbols defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenReference {
    /// Name of the symbol.
    pub name: String,
    /// Whether it may stay undefined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weak: bool,
}

/// The open references of a shared object, given those below it.
///
/// # Errors
/// When a file cannot be read or is malformed.
pub fn open_references(shared_object: &Path, below: &[PathBuf]) -> Result<Vec<OpenReference>> {
    let data = files::map(shared_object)?;
    let below: Vec<_> = below
        .iter()
        .map(|path| files::map(path))
        .collect::<Result<_>>()?;
    let below: Vec<&[u8]> = below.iter().map(|map| &map[..]).collect();
    open_references_in(&data, &below).map_err(Error::object(shared_object))
}

/// Like [`open_references`], from the bytes of the files.
///
/// # Errors
/// When one is malformed.
pub fn open_references_in(
    data: &[u8],
    below: &[&[u8]],
) -> object::read::Result<Vec<OpenReference>> {
    with_class!(data, open_references_of(data, below)).map(Option::unwrap_or_default)
}

fn open_references_of<Class: ElfClass>(
    data: &[u8],
    below: &[&[u8]],
) -> object::read::Result<Vec<OpenReference>> {
    let below: Vec<Exports<'_, Class>> = below
        .iter()
        .filter_map(|data| Exports::read(data).transpose())
        .collect::<object::read::Result<_>>()?;
    match Exports::<Class>::read(data)? {
        Some(exports) => exports.open_references(&below),
        None => Ok(Vec::new()),
    }
}

/// The open references of `groups`, each the bytes of a shared object with its own, that
/// neither `executable` nor one of the shared objects defines.
///
/// # Errors
/// When a file cannot be read or is malformed.
pub fn undefined_references<'a>(
    executable: &Path,
    groups: &[(&[u8], &'a [OpenReference])],
) -> Result<BTreeSet<&'a str>> {
    let data = files::map(executable)?;
    let shared_objects: Vec<&[u8]> = groups.iter().map(|(bytes, _)| *bytes).collect();
    let open = groups.iter().flat_map(|(_, open)| open.iter());
    let undefined = with_class!(&data[..], undefined_among(&data, &shared_objects, open));
    undefined
        .map(Option::unwrap_or_default)
        .map_err(Error::object(executable))
}

fn undefined_among<'a, Class: ElfClass>(
    executable: &[u8],
    groups: &[&[u8]],
    open: impl Iterator<Item = &'a OpenReference>,
) -> object::read::Result<BTreeSet<&'a str>> {
    let groups: Vec<Exports<'_, Class>> = groups
        .iter()
        .filter_map(|data| Exports::read(data).transpose())
        .collect::<object::read::Result<_>>()?;
    let header = Class::parse(executable)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, executable)?;
    let symbols = sections.symbols(endian, executable, elf::SHT_DYNSYM)?;
    let mut defined = HashSet::new();
    for symbol in symbols.iter() {
        if symbol.st_shndx(endian) != elf::SHN_UNDEF {
            defined.insert(symbols.symbol_name(endian, symbol)?);
        }
    }
    let is_defined = |name: &[u8]| {
        defined.contains(name) || groups.iter().any(|group| group.find(name).is_some())
    };
    Ok(open
        .filter(|reference| !reference.weak && !is_defined(reference.name.as_bytes()))
        .map(|reference| reference.name.as_str())
        .collect())
}

/// The symbols that links against a shared library find in it.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn definitions(shared_library: &Path) -> Result<HashSet<String>> {
    let data = files::map(shared_library)?;
    let found = with_class!(&data[..], definitions_in(&data));
    found
        .map(Option::unwrap_or_default)
        .map_err(Error::object(shared_library))
}

fn definitions_in<Class: ElfClass>(data: &[u8]) -> object::read::Result<HashSet<String>> {
    let mut found = HashSet::new();
    let Some(exports) = Exports::<Class>::read(data)? else {
        return Ok(found);
    };
    for (index, symbol) in exports.symbols.enumerate() {
        // A hidden version is for what was linked long ago.
        let version = exports.versions.version_index(exports.endian, index);
        if symbol.st_shndx(exports.endian) != elf::SHN_UNDEF && !version.is_hidden() {
            let name = exports.symbols.symbol_name(exports.endian, symbol)?;
            found.insert(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(found)
}

/// Those of `symbols` that a shared object with these bytes takes from elsewhere.
///
/// # Errors
/// When these are malformed.
pub fn references_among(
    data: &[u8],
    symbols: &BTreeSet<String>,
) -> object::read::Result<BTreeSet<String>> {
    with_class!(data, references_in(data, symbols)).map(Option::unwrap_or_default)
}

fn references_in<Class: ElfClass>(
    data: &[u8],
    symbols: &BTreeSet<String>,
) -> object::read::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let Some(exports) = Exports::<Class>::read(data)? else {
        return Ok(found);
    };
    // The hash table has all definitions, and they come last.
    let base = exports.hash_table.symbol_base() as usize;
    for symbol in exports.symbols.iter().take(base) {
        let name = exports.symbols.symbol_name(exports.endian, symbol)?;
        let name = str::from_utf8(name).unwrap_or_default();
        if symbol.st_shndx(exports.endian) == elf::SHN_UNDEF && symbols.contains(name) {
            found.insert(name.to_owned());
        }
    }
    Ok(found)
}

/// The names of all dynamic symbols of a shared library with these bytes: what it defines, and
/// what it takes from elsewhere.
///
/// # Errors
/// When these are malformed.
pub fn names(data: &[u8]) -> object::read::Result<HashSet<&[u8]>> {
    with_class!(data, names_in(data)).map(Option::unwrap_or_default)
}

fn names_in<Class: ElfClass>(data: &[u8]) -> object::read::Result<HashSet<&[u8]>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let names = symbols.iter();
    names
        .map(|symbol| symbols.symbol_name(endian, symbol))
        .collect()
}

/// One of `names` that a shared object with these bytes has a private definition of.
///
/// # Errors
/// When these are malformed.
pub fn private_among<'a>(
    data: &[u8],
    names: impl IntoIterator<Item = &'a str>,
) -> object::read::Result<Option<&'a str>> {
    with_class!(data, private_in(data, names)).map(Option::flatten)
}

fn private_in<'a, Class: ElfClass>(
    data: &[u8],
    names: impl IntoIterator<Item = &'a str>,
) -> object::read::Result<Option<&'a str>> {
    let exports = Exports::<Class>::read(data)?;
    Ok(exports.and_then(|exports| {
        exports.layout?;
        let is_private = |name: &&str| {
            let definition = exports.find(name.as_bytes());
            definition.is_some_and(|definition| definition.is_private)
        };
        names.into_iter().find(is_private)
    }))
}

/// Whether a shared object with these bytes has private definitions with a name of C.
///
/// # Errors
/// When these are malformed.
pub fn has_private(data: &[u8]) -> object::read::Result<bool> {
    with_class!(data, has_private_in(data)).map(Option::unwrap_or_default)
}

fn has_private_in<Class: ElfClass>(data: &[u8]) -> object::read::Result<bool> {
    let exports = Exports::<Class>::read(data)?;
    let Some(exports) = exports else {
        return Ok(false);
    };
    for (index, symbol) in exports.symbols.enumerate() {
        let name = exports.symbols.symbol_name(exports.endian, symbol)?;
        if exports.is_private(index) && !is_mangled_by_rustc(name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Names to look up, each with the hash of it that DT_GNU_HASH goes by: to compute that for a
/// mangled name takes longer than to look it up.
#[derive(Debug, Default)]
pub struct Names<'a>(Vec<(&'a [u8], u32)>);

impl<'a> FromIterator<&'a [u8]> for Names<'a> {
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(names: T) -> Names<'a> {
        let names = names.into_iter();
        Names(names.map(|name| (name, elf::gnu_hash(name))).collect())
    }
}

/// The symbols that a stub shows.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// All that the shared object defines.
    All,
    /// Those with these names.
    Named(&'a Names<'a>),
}

/// What a stub shows of a shared object.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The symbols to show.
    pub wanted: Wanted<'a>,
    /// Names of C to leave out: who links does not depend on the libraries that define them.
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

/// Writes to `stub` what a link that looks at the `shown` symbols has to know of a
/// shared object. Returns whether it can be told.
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
    let bytes = self::stub(&data, soname, shown, open_references);
    write(bytes.map_err(Error::object(shared_object))?, stub)
}

fn write(bytes: Option<Vec<u8>>, stub: &Path) -> Result<bool> {
    let Some(bytes) = bytes else {
        return Ok(false);
    };
    std::fs::write(stub, bytes).map_err(Error::io("write", stub))?;
    Ok(true)
}

/// Like [`write_stub`], for the link of another group, which is to need the layout of this one for
/// what both take from the program for their [runtime](crate::finish::runtime): for those of
/// `open_references`.
///
/// # Errors
/// When a file cannot be read or written, or is malformed.
pub fn write_stub_for_group(
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

/// What a shared object takes from the executable, as a stub shows it.
#[derive(Clone, Copy)]
struct Links<'a> {
    /// What the linker has to find in the executable.
    open: &'a [OpenReference],
    /// What another group takes from the executable too, as if it was defined here.
    taken: &'a [OpenReference],
}

/// Like [`write_stub`], from the bytes of the shared object. `None` where nothing can
/// be told.
///
/// # Errors
/// When these are malformed.
pub fn stub(
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

/// The dynamic symbols of a shared object, for looking up by name.
pub(crate) struct Exports<'data, Class: ElfClass> {
    header: &'data Class,
    endian: Endianness,
    symbols: SymbolTable<'data, Class>,
    hash_table: GnuHashTable<'data, Class>,
    versions: VersionTable<'data, Class>,
    /// The version that tells of the layout, with its name, if there is one.
    layout: Option<(elf::VersionIndex, &'data [u8])>,
}

/// A symbol that a shared object defines.
pub(crate) struct Definition<'data, Class: ElfClass> {
    pub(crate) index: SymbolIndex,
    name: &'data [u8],
    pub(crate) symbol: &'data Class::Sym,
    pub(crate) is_private: bool,
}

impl<'data, Class: ElfClass> Exports<'data, Class> {
    /// Reads what leads to the symbols, and no symbol. `None` without a usable
    /// DT_GNU_HASH.
    pub(crate) fn read(data: &'data [u8]) -> object::read::Result<Option<Self>> {
        let header = Class::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let Some((hash_table, _)) = sections.gnu_hash(endian, data)? else {
            return Ok(None);
        };
        // `object` 0.40 shifts by it unchecked, which panics where overflow does.
        let hash_header = sections.gnu_hash_header(endian, data)?;
        if hash_header.is_some_and(|header| header.bloom_shift.get(endian) >= u32::BITS) {
            return Ok(None);
        }
        let versions: VersionTable<'_, Class> =
            sections.versions(endian, data)?.unwrap_or_default();
        Ok(Some(Exports {
            layout: layout::version(&versions),
            header,
            endian,
            symbols: sections.symbols(endian, data, elf::SHT_DYNSYM)?,
            hash_table,
            versions,
        }))
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<Definition<'data, Class>> {
        self.find_by_hash(name, elf::gnu_hash(name))
    }

    /// Like `find`, by a name and its hash.
    pub(crate) fn find_by_hash(&self, name: &[u8], hash: u32) -> Option<Definition<'data, Class>> {
        let version = |index| self.versions.version(index).ok().flatten();
        let layout = self.layout.and_then(|(index, _)| version(index));
        let find = |version| {
            let (symbols, versions) = (&self.symbols, &self.versions);
            self.hash_table
                .find(self.endian, name, hash, version, symbols, versions)
        };
        let (index, symbol) = find(None).or_else(|| find(Some(layout?)))?;
        let name = self.symbols.symbol_name(self.endian, symbol).ok()?;
        Some(self.definition(index, name, symbol))
    }

    fn definition(
        &self,
        index: SymbolIndex,
        name: &'data [u8],
        symbol: &'data Class::Sym,
    ) -> Definition<'data, Class> {
        Definition {
            index,
            name,
            symbol,
            is_private: self.is_private(index),
        }
    }

    /// The name of the version that tells of the layout, if there is one.
    pub(crate) fn layout(&self) -> Option<&'data [u8]> {
        self.layout.map(|(_, name)| name)
    }

    /// Where a definition lies that references may be bound to, as an address in the file.
    pub(crate) fn place(&self, name: &[u8]) -> Option<u64> {
        let definition = self.find(name)?;
        let has_place = has_place::<Class>(self.endian, definition.symbol);
        (definition.is_private && has_place).then(|| definition.symbol.st_value(self.endian).into())
    }

    fn is_private(&self, index: SymbolIndex) -> bool {
        let version = self.versions.version_index(self.endian, index);
        let layout = self.layout.map(|(index, _)| index);
        version.is_hidden() && Some(version.index()) == layout
    }

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

    /// The references that none of `below` satisfies.
    fn open_references(
        &self,
        below: &[Exports<'_, Class>],
    ) -> object::read::Result<Vec<OpenReference>> {
        let mut open = Vec::new();
        for (index, symbol) in self.symbols.enumerate() {
            if index.0 == 0 || symbol.st_shndx(self.endian) != elf::SHN_UNDEF {
                continue;
            }
            let name = self.symbols.symbol_name(self.endian, symbol)?;
            let version = self.versions.version_index(self.endian, index);
            let has_version = version.index().0 > elf::VER_NDX_GLOBAL.0;
            // A version says which library defines the symbol, but for the runtime, which takes
            // it from the program.
            if has_version && !ties_to_runtime(name) {
                continue;
            }
            // The loader takes no private definition for a reference without version.
            let is_found =
                |definition: Definition<'_, Class>| has_version || !definition.is_private;
            if !below
                .iter()
                .any(|exports| exports.find(name).is_some_and(is_found))
            {
                open.push(OpenReference {
                    name: String::from_utf8_lossy(name).into_owned(),
                    weak: symbol.st_bind() == elf::STB_WEAK,
                });
            }
        }
        open.sort();
        Ok(open)
    }

    /// A shared object with that soname, these open references, and these definitions.
    fn stub(
        &self,
        soname: &str,
        shown: &[Definition<'_, Class>],
        links: Links<'_>,
    ) -> object::write::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(self.endian, self.header.is_type_64(), &mut bytes);
        let soname_hash = elf::hash(soname.as_bytes());
        let soname = writer.add_dynamic_string(soname.as_bytes());
        let has_private = shown.iter().any(|definition| definition.is_private);
        let taken = links.taken;
        let layout = self.layout().filter(|_| has_private || !taken.is_empty());
        let taken = layout.map_or(&[][..], |_| taken);
        let openly = layout.filter(|_| !taken.is_empty());
        let openly = openly.map(|layout| [OPENLY.as_bytes(), &layout[LAYOUT.len()..]].concat());
        let versions: Vec<(elf::VersionIndex, StringId, u32)> = layout
            .into_iter()
            .chain(openly.as_deref())
            .zip([LAYOUT_INDEX, OPENLY_INDEX])
            .map(|(name, index)| (index, writer.add_dynamic_string(name), elf::hash(name)))
            .collect();
        let shown: Vec<(StringId, &Definition<'_, Class>)> = shown
            .iter()
            .map(|definition| (writer.add_dynamic_string(definition.name), definition))
            .collect();
        let taken: Vec<StringId> = taken
            .iter()
            .map(|taken| writer.add_dynamic_string(taken.name.as_bytes()))
            .collect();
        let open: Vec<(StringId, bool)> = links
            .open
            .iter()
            .map(|open| (writer.add_dynamic_string(open.name.as_bytes()), open.weak))
            .collect();

        writer.reserve_file_header();
        writer.reserve_null_section_index();
        writer.reserve_dynsym_section_index();
        writer.reserve_dynstr_section_index();
        if !versions.is_empty() {
            writer.reserve_gnu_versym_section_index();
            writer.reserve_gnu_verdef_section_index();
        }
        writer.reserve_dynamic_section_index();
        // Definitions must lie in a section; that it is empty tells a linker nothing.
        let name = writer.add_section_name(b".text");
        let section = writer.reserve_section_index();
        writer.reserve_shstrtab_section_index();
        writer.reserve_null_dynamic_symbol_index();
        for _ in 0..shown.len() + taken.len() + open.len() {
            writer.reserve_dynamic_symbol_index();
        }
        let dynsym = writer.reserve_dynsym();
        let dynstr = writer.reserve_dynstr()?;
        // The first definition names the file (LSB Core, "Symbol Versioning").
        let definitions = versions.len() as u16 + 1;
        let tables = layout.map(|_| VersionTables {
            versym: writer.reserve_gnu_versym(),
            verdef: writer.reserve_gnu_verdef(definitions, definitions.into()),
        });
        let dynamic_entries = match tables {
            Some(_) => DYNAMIC_ENTRIES + VERSION_ENTRIES,
            None => DYNAMIC_ENTRIES,
        };
        let dynamic = writer.reserve_dynamic(dynamic_entries);
        writer.reserve_shstrtab()?;
        writer.reserve_section_headers();

        writer.write_file_header(&NewFileHeader {
            os_abi: elf::ELFOSABI_NONE,
            abi_version: 0,
            e_type: elf::ET_DYN,
            e_machine: self.header.e_machine(self.endian),
            e_entry: 0,
            e_flags: self.header.e_flags(self.endian),
        })?;
        writer.write_null_dynamic_symbol();
        for &(name, definition) in &shown {
            let symbol = definition.symbol;
            writer.write_dynamic_symbol(&NewSym {
                st_name: writer.dynamic_string_offset(Some(name)),
                section: Some(section.0),
                st_info: symbol.st_info(),
                st_other: symbol.st_other(),
                st_shndx: elf::SHN_UNDEF,
                st_value: symbol.st_value(self.endian).into(),
                st_size: symbol.st_size(self.endian).into(),
            });
        }
        for &name in &taken {
            writer.write_dynamic_symbol(&NewSym {
                st_name: writer.dynamic_string_offset(Some(name)),
                section: Some(section.0),
                st_info: elf::SymbolInfo::new(elf::STB_GLOBAL, elf::STT_FUNC),
                st_other: elf::STV_DEFAULT.into(),
                st_shndx: elf::SHN_UNDEF,
                st_value: 0,
                st_size: 0,
            });
        }
        for &(name, weak) in &open {
            let binding = if weak { elf::STB_WEAK } else { elf::STB_GLOBAL };
            writer.write_dynamic_symbol(&NewSym {
                st_name: writer.dynamic_string_offset(Some(name)),
                section: None,
                st_info: elf::SymbolInfo::new(binding, elf::STT_NOTYPE),
                st_other: elf::STV_DEFAULT.into(),
                st_shndx: elf::SHN_UNDEF,
                st_value: 0,
                st_size: 0,
            });
        }
        writer.write_dynstr();
        if tables.is_some() {
            writer.write_null_gnu_versym();
            for (_, definition) in &shown {
                let index = match definition.is_private {
                    true => LAYOUT_INDEX,
                    false => elf::VER_NDX_GLOBAL,
                };
                writer.write_gnu_versym(index.into());
            }
            for _ in &taken {
                writer.write_gnu_versym(OPENLY_INDEX.into());
            }
            for _ in &open {
                writer.write_gnu_versym(elf::VER_NDX_GLOBAL.into());
            }
            writer.write_align_gnu_verdef();
            let base = (elf::VER_NDX_GLOBAL, soname, soname_hash);
            for (index, name, hash) in [base].into_iter().chain(versions) {
                writer.write_gnu_verdef(&Verdef {
                    version: elf::VER_DEF_CURRENT,
                    flags: match index {
                        elf::VER_NDX_GLOBAL => elf::VER_FLG_BASE,
                        _ => elf::VersionFlags(0),
                    },
                    index,
                    aux_count: 1,
                    name: writer.dynamic_string_offset(Some(name)),
                    hash,
                });
            }
        }
        writer.write_align_dynamic();
        writer.write_dynamic_string(elf::DT_SONAME, soname)?;
        writer.write_dynamic(elf::DT_SYMTAB, dynsym)?;
        writer.write_dynamic(elf::DT_STRTAB, dynstr)?;
        writer.write_dynamic(elf::DT_STRSZ, writer.dynstr_len().into())?;
        if let Some(tables) = &tables {
            writer.write_dynamic(elf::DT_VERSYM, tables.versym)?;
            writer.write_dynamic(elf::DT_VERDEF, tables.verdef)?;
            writer.write_dynamic(elf::DT_VERDEFNUM, definitions.into())?;
        }
        writer.write_dynamic(elf::DT_NULL, 0)?;
        writer.write_shstrtab();
        writer.write_null_section_header();
        writer.write_dynsym_section_header(dynsym, 1);
        writer.write_dynstr_section_header(dynstr);
        if let Some(tables) = &tables {
            writer.write_gnu_versym_section_header(tables.versym);
            writer.write_gnu_verdef_section_header(tables.verdef);
        }
        writer.write_dynamic_section_header(dynamic);
        writer.write_section_header(&SectionHeader {
            sh_name: writer.section_name_offset(Some(name)),
            sh_type: elf::SHT_NOBITS,
            sh_flags: elf::SHF_ALLOC | elf::SHF_EXECINSTR,
            sh_addr: 0,
            sh_offset: 0,
            sh_size: 0,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: 1,
            sh_entsize: 0,
        });
        writer.write_shstrtab_section_header();
        Ok(bytes)
    }
}

/// The index of the version of the layout in a stub.
const LAYOUT_INDEX: elf::VersionIndex = elf::VersionIndex(elf::VER_NDX_GLOBAL.0 + 1);

/// The index of the version of what another group takes from the executable too.
const OPENLY_INDEX: elf::VersionIndex = elf::VersionIndex(elf::VER_NDX_GLOBAL.0 + 2);

/// Where the version tables of a stub lie.
struct VersionTables {
    /// `.gnu.version`
    versym: u64,
    /// `.gnu.version_d`
    verdef: u64,
}

/// What `stub` writes into the dynamic section.
const DYNAMIC_ENTRIES: usize = 5;

/// What it writes there besides, if it has versions.
const VERSION_ENTRIES: usize = 3;
