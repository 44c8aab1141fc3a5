//! What an rlib holds, as far as linking it into a shared object matters.
//!
//! An rlib is an `ar` archive: object files of the crate, object files of C
//! libraries that its build script made, and the metadata. Each archive member
//! is read once, and what was seen becomes [`RlibFacts`]; deciding on them is
//! the business of [`classify`](crate::classify).

use std::collections::{BTreeSet, HashSet};
use std::mem;
use std::path::Path;

use object::elf;
use object::read::archive::ArchiveFile;
use object::read::elf::SectionHeader;
use serde::{Deserialize, Serialize};

use crate::constructors::{self, Constructor};
use crate::elf::{ElfClass, GlobalSymbol, Role, global_symbols, set_visibility, with_class};
use crate::{Error, Result, files};

/// Metadata of the crate: an object file without code, which linkers drop.
const METADATA_MEMBER: &[u8] = b"lib.rmeta";

/// End of the names of the objects that rustc made (`OutputType::Object` of a
/// codegen unit, rustc 1.95).
pub(crate) const RUST_OBJECT: &[u8] = b".rcgu.o";

/// What was seen in one rlib.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RlibFacts {
    /// Where, in bytes from the start of the rlib, the `st_other` byte lies of each
    /// hidden symbol in an object that rustc did not make. rustc hides a symbol when
    /// no other crate can refer to it; a C compiler that hides a symbol knows nothing
    /// of the Rust code that calls it.
    pub hidden_definitions: Vec<u64>,
    /// Like `hidden_definitions`, for references: the most constraining visibility of
    /// all that name a symbol wins (ELF gABI, "Symbol Table").
    pub hidden_references: Vec<u64>,
    /// The symbols that it defines under a name that another library could use too.
    pub unmangled_definitions: BTreeSet<String>,
    /// The variables that it defines as any number of others may.
    pub shared_state: SharedState,
    /// A symbol that C code defines unless the program does.
    pub weak_definition: Option<String>,
    /// Whether it holds a `#[global_allocator]`.
    pub provides_allocator: bool,
    /// What the executable has to run before `main`, in order.
    pub constructors: Vec<Constructor>,
    /// Whether code of the rlib runs before `main` or after it that is not understood:
    /// constructors of C, and destructors.
    pub runs_by_itself: bool,
    /// Names of sections whose name is a C identifier. A linker gathers those of
    /// all inputs and gives their bounds as `__start_<name>` and `__stop_<name>`,
    /// for each output on its own.
    pub gathered_sections: BTreeSet<String>,
    /// The first archive member that is no well-formed ELF object, LLVM bitcode for example.
    pub foreign_member: Option<String>,
}

/// The variables that a file defines as any number of others may, such as those of inline
/// functions of C++. A linker keeps one of each for its output, and the loader one for the
/// process, but only of those that it sees.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedState {
    /// The hidden ones.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hidden: BTreeSet<String>,
    /// All others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub visible: BTreeSet<String>,
}

impl SharedState {
    /// Whether there is no such variable.
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty() && self.visible.is_empty()
    }

    /// A variable that would be there twice if the two files went into different outputs.
    pub fn divided<'a>(&'a self, other: &SharedState) -> Option<&'a String> {
        let mut hidden = self.hidden.iter();
        let mut visible = self.visible.iter();
        hidden
            .find(|symbol| other.hidden.contains(*symbol) || other.visible.contains(*symbol))
            .or_else(|| visible.find(|symbol| other.hidden.contains(*symbol)))
    }

    pub(crate) fn see(&mut self, symbol: &GlobalSymbol<'_>) {
        if symbol.role == Role::SharedDefinition && symbol.is_variable {
            let variables = if symbol.is_hidden {
                &mut self.hidden
            } else {
                &mut self.visible
            };
            variables.insert(symbol.name());
        }
    }
}

/// The archive member at fault, if one is, and what is wrong.
pub type ParseError = (Option<String>, object::read::Error);

impl RlibFacts {
    /// Reads an rlib, and the hash of its whole content on the way.
    ///
    /// # Errors
    /// When the file cannot be read or is no archive.
    pub fn read(path: &Path) -> Result<(RlibFacts, blake3::Hash)> {
        let data = files::map(path)?;
        let facts = RlibFacts::parse(&data).map_err(|(member, source)| Error::Object {
            path: match member {
                Some(member) => format!("{}({member})", path.display()).into(),
                None => path.to_owned(),
            },
            source,
        })?;
        Ok((facts, blake3::hash(&data)))
    }

    /// Like [`RlibFacts::read`], from the bytes of the rlib.
    ///
    /// # Errors
    /// When these are no archive.
    pub fn parse(data: &[u8]) -> Result<RlibFacts, ParseError> {
        let mut facts = RlibFacts::default();
        let archive = ArchiveFile::parse(data).map_err(|error| (None, error))?;
        for member in archive.members() {
            let member = member.map_err(|error| (None, error))?;
            if member.name() == METADATA_MEMBER {
                continue;
            }
            let name = || String::from_utf8_lossy(member.name()).into_owned();
            let fail = |error| (Some(name()), error);
            let object = member.data(data).map_err(fail)?;
            let (offset, _) = member.file_range();
            // What is malformed is no concern of a link that does not take the member.
            let is_rust = member.name().ends_with(RUST_OBJECT);
            let sections = with_class!(object, see_sections(object, is_rust, &mut facts));
            let symbols = with_class!(object, global_symbols(object));
            let (Ok(Some(())), Ok(Some(symbols))) = (sections, symbols) else {
                facts.foreign_member.get_or_insert_with(name);
                continue;
            };
            for symbol in symbols {
                facts.see_symbol(&symbol, offset, is_rust);
            }
        }
        facts.check_functions(&archive, data);
        Ok(facts)
    }

    /// A constructor whose function is in another library is not understood.
    fn check_functions(&mut self, archive: &ArchiveFile<'_>, data: &[u8]) {
        let functions = self.constructors.iter();
        let mut elsewhere: HashSet<&[u8]> = functions
            .filter_map(|constructor| constructor.function.as_deref())
            .collect();
        if elsewhere.is_empty() {
            return;
        }
        for member in archive.members().flatten() {
            let Ok(object) = member.data(data) else {
                continue;
            };
            let symbols = with_class!(object, global_symbols(object));
            for symbol in symbols.iter().flatten().flatten() {
                if symbol.role == Role::Definition {
                    elsewhere.remove(symbol.name);
                }
            }
        }
        self.runs_by_itself |= !elsewhere.is_empty();
    }

    fn see_symbol(&mut self, symbol: &GlobalSymbol<'_>, object_offset: u64, is_rust: bool) {
        if is_own_to_each_output(symbol.name) {
            return;
        }
        self.shared_state.see(symbol);
        if symbol.role == Role::Definition {
            self.provides_allocator |= symbol.ties_to_runtime();
        }
        if is_unmangled_definition(symbol, is_rust) {
            self.unmangled_definitions.insert(symbol.name());
        }
        if is_rust {
            return;
        }
        if symbol.role == Role::WeakDefinition {
            self.weak_definition.get_or_insert_with(|| symbol.name());
        }
        if symbol.is_hidden {
            let offsets = match symbol.role {
                Role::Reference => &mut self.hidden_references,
                _ => &mut self.hidden_definitions,
            };
            offsets.push(object_offset + symbol.st_other);
        }
    }

    /// Makes hidden definitions protected and hidden references ordinary ones, in the
    /// bytes that these facts were read from.
    ///
    /// # Panics
    /// When `rlib` is shorter than what was read.
    pub fn show_hidden_symbols(&self, rlib: &mut [u8]) {
        set_visibility(rlib, &self.hidden_definitions, elf::STV_PROTECTED);
        set_visibility(rlib, &self.hidden_references, elf::STV_DEFAULT);
    }

    /// Whether symbols have to be made visible before the rlib is linked into a group.
    pub fn has_hidden_symbols(&self) -> bool {
        !self.hidden_definitions.is_empty() || !self.hidden_references.is_empty()
    }
}

/// What a file on the link line of an executable shares with others.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The names of all its symbols that other files see.
    pub(crate) names: HashSet<Vec<u8>>,
    /// The symbols that it defines under a name that another library could use too.
    pub(crate) unmangled_definitions: BTreeSet<String>,
    /// Those that it defines unless another file does.
    pub(crate) weak_definitions: BTreeSet<String>,
    /// The variables that it defines as any number of others may.
    pub(crate) state: SharedState,
}

impl Shared {
    /// Reads an archive.
    ///
    /// # Errors
    /// When the file cannot be read or is malformed.
    pub(crate) fn read(path: &Path) -> Result<Shared> {
        let mut shared = Shared::default();
        for_each_global_symbol(path, |symbol, is_rust| {
            shared.names.insert(symbol.name.to_vec());
            shared.see_definition(symbol, is_rust);
        })?;
        Ok(shared)
    }

    /// Adds a symbol of an object.
    pub(crate) fn see(&mut self, symbol: &GlobalSymbol<'_>, is_rust: bool) {
        let is_shared = symbol.role == Role::Reference || !symbol.is_hidden;
        if is_shared && !self.names.contains(symbol.name) {
            self.names.insert(symbol.name.to_vec());
        }
        self.see_definition(symbol, is_rust);
    }

    fn see_definition(&mut self, symbol: &GlobalSymbol<'_>, is_rust: bool) {
        if is_own_to_each_output(symbol.name) {
            return;
        }
        self.state.see(symbol);
        if is_unmangled_definition(symbol, is_rust) {
            self.unmangled_definitions.insert(symbol.name());
        } else if symbol.role == Role::WeakDefinition && symbol.is_unmangled() {
            self.weak_definitions.insert(symbol.name());
        }
    }

    /// Adds all of `other`.
    pub(crate) fn add(&mut self, mut other: Shared) {
        self.names.extend(mem::take(&mut other.names));
        self.add_definitions(other);
    }

    /// Adds the definitions of `other`, and none of its names.
    pub(crate) fn add_definitions(&mut self, other: Shared) {
        self.unmangled_definitions
            .extend(other.unmangled_definitions);
        self.weak_definitions.extend(other.weak_definitions);
        self.state.hidden.extend(other.state.hidden);
        self.state.visible.extend(other.state.visible);
    }
}

/// Whether a symbol is defined, for once, under a name that another library could use too.
/// What rustc hides, no library names.
fn is_unmangled_definition(symbol: &GlobalSymbol<'_>, is_rust: bool) -> bool {
    symbol.role == Role::Definition && symbol.is_unmangled() && !(is_rust && symbol.is_hidden)
}

/// Those of `symbols` that an object of the rlib refers to without defining them.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn undefined_among(path: &Path, symbols: &BTreeSet<&str>) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for_each_global_symbol(path, |symbol, _| {
        let name = str::from_utf8(symbol.name).unwrap_or_default();
        if symbol.role == Role::Reference && symbols.contains(name) {
            found.insert(name.to_owned());
        }
    })?;
    Ok(found)
}

/// Shows each symbol, and whether it is in an object that rustc made.
fn for_each_global_symbol(path: &Path, mut see: impl FnMut(&GlobalSymbol<'_>, bool)) -> Result<()> {
    let data = files::map(path)?;
    let fail = |source| Error::Object {
        path: path.to_owned(),
        source,
    };
    for member in ArchiveFile::parse(&data[..]).map_err(fail)?.members() {
        let member = member.map_err(fail)?;
        let is_rust = member.name().ends_with(RUST_OBJECT);
        let object = member.data(&data[..]).map_err(fail)?;
        let symbols = with_class!(object, global_symbols(object));
        // A malformed member matters only if the linker takes it, and it will say so.
        for symbol in symbols.iter().flatten().flatten() {
            see(symbol, is_rust);
        }
    }
    Ok(())
}

fn see_sections<Class: ElfClass>(
    object: &[u8],
    is_rust: bool,
    facts: &mut RlibFacts,
) -> object::read::Result<()> {
    let header = Class::parse(object)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, object)?;
    for (index, section) in sections.enumerate() {
        let name = sections.section_name(endian, section)?;
        if runs_by_itself(section.sh_type(endian), name) {
            let constructors = match is_rust {
                true => constructors::in_section(object, &sections, index)?,
                false => None,
            };
            facts.runs_by_itself |= constructors.is_none();
            facts
                .constructors
                .extend(constructors.into_iter().flatten());
        } else if section.sh_flags(endian).contains(elf::SHF_ALLOC) && is_c_identifier(name) {
            let name = String::from_utf8_lossy(name).into_owned();
            facts.gathered_sections.insert(name);
        }
    }
    Ok(())
}

/// Copies an rlib, with its hidden definitions made protected and its hidden
/// references made ordinary ones.
///
/// Other outputs can then refer to the definitions, while references from inside
/// stay bound to the definition inside: C objects may reach a hidden symbol by a
/// PC-relative relocation, which a symbol of default visibility would not allow.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_with_protected_symbols(rlib: &Path, facts: &RlibFacts, copy: &Path) -> Result<()> {
    let mut bytes = std::fs::read(rlib).map_err(Error::io("read", rlib))?;
    facts.show_hidden_symbols(&mut bytes);
    std::fs::write(copy, bytes).map_err(Error::io("write", copy))
}

/// Whether the linker puts a section like this into the list of code to run at
/// start or at exit (ELF gABI, "Special Sections"; `.ctors` and `.dtors` are
/// GCC's older form).
fn runs_by_itself(kind: elf::SectionType, name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 5] = [
        b".init_array",
        b".fini_array",
        b".preinit_array",
        b".ctors",
        b".dtors",
    ];
    matches!(
        kind,
        elf::SHT_INIT_ARRAY | elf::SHT_FINI_ARRAY | elf::SHT_PREINIT_ARRAY
    ) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name == b".init"
        || name == b".fini"
}

fn is_c_identifier(name: &[u8]) -> bool {
    let (first, rest) = match name.split_first() {
        Some(split) => split,
        None => return false,
    };
    (first.is_ascii_alphabetic() || *first == b'_')
        && rest
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// `DW.ref.rust_eh_personality` and kin: a pointer cell that every output has for
/// itself, so that exception tables need no dynamic relocation.
fn is_own_to_each_output(symbol: &[u8]) -> bool {
    symbol.starts_with(b"DW.ref.")
}
