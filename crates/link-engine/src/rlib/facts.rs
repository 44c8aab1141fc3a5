//! Reading the facts of an rlib.
//!
//! We divide the archive members into runs, and read each run on its own, so that several threads
//! can share an rlib. Then we join the facts of the runs in their order, so the facts are the same
//! however the members were divided.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use object::read::archive::ArchiveFile;
use serde::{Deserialize, Serialize};

use super::constructors::Constructor;
use super::linker_defined::{Whose, whose};
use super::sections::see_sections;
use super::shared::{
    SharedState, is_helper_code, is_own_to_each_output, is_shared_definition,
    is_unmangled_definition, leaves_open,
};
use super::{DWARF_OBJECT, RUST_OBJECT};
use crate::elf::{GlobalSymbol, Role, global_symbols, ties_to_runtime, with_class};
use crate::system::files;
use crate::system::parallel;
use crate::{Error, Result};

/// Metadata of the crate: an object file without code, which linkers drop.
const METADATA_MEMBER: &[u8] = b"lib.rmeta";

/// Size of the archive members, in bytes, that make a run: some milliseconds of work, so that
/// threads end at about the same time and waking one pays.
const RUN: usize = 4 << 20;

/// The facts about one rlib.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RlibFacts {
    /// For each hidden symbol in an object that rustc did not make: the offset of its `st_other`
    /// byte from the start of the rlib. rustc hides a symbol only if no other crate can refer to
    /// it. A C compiler that hides a symbol knows nothing of the Rust code that calls it, except for
    /// helpers of its own, which each object brings along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hidden_definitions: Vec<u64>,
    /// Like `hidden_definitions`, for references: among all uses of a symbol, the most constraining
    /// visibility wins (ELF gABI, "Symbol Table").
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hidden_references: Vec<u64>,
    /// The symbols that it defines under a name that another library could use too.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unmangled_definitions: BTreeSet<String>,
    /// The symbols that it needs and does not define, with names that rustc does not mangle:
    /// those of C, of C++, of assembler, and `#[no_mangle]`. Symbols of which each output has its
    /// own, such as `_GLOBAL_OFFSET_TABLE_`, are not among them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unmangled_references: BTreeSet<String>,
    /// Like `unmangled_references`, of those symbols that may be missing: all references to
    /// them are weak.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub weak_references: BTreeSet<String>,
    /// The symbols to which it refers weakly and which another of its own archive members defines.
    /// A static link takes that member only if something else needs it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub weak_references_to_itself: BTreeSet<String>,
    /// What it defines as any number of others may.
    #[serde(skip_serializing_if = "SharedState::is_empty")]
    pub shared_state: SharedState,
    /// Whether it defines something as any number of others may, be it a function, a constant or a
    /// variable: a shared object has only one of each.
    #[serde(skip_serializing_if = "is_false")]
    pub has_shared_definitions: bool,
    /// A symbol that it defines unless the program does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weak_definition: Option<String>,
    /// Whether it holds a `#[global_allocator]`.
    #[serde(skip_serializing_if = "is_false")]
    pub provides_allocator: bool,
    /// The constructors that the executable has to run before `main`, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constructors: Vec<Constructor>,
    /// Whether the rlib has code that runs before `main` or after it and that we cannot hand over
    /// to the executable: constructors of C, destructors, and functions that choose the address of
    /// another one when the loader asks for it (STT_GNU_IFUNC).
    #[serde(skip_serializing_if = "is_false")]
    pub runs_by_itself: bool,
    /// Names of sections whose name is a C identifier. For each output on its own, a linker gathers
    /// those of all inputs and defines their bounds as `__start_<name>` and `__stop_<name>`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gathered_sections: BTreeSet<String>,
    /// Size of its thread locals in bytes, without the gaps between them.
    #[serde(skip_serializing_if = "is_zero")]
    pub thread_local_bytes: u64,
    /// Whether it holds debugging information in archive members of its own, which linkers drop.
    #[serde(skip_serializing_if = "is_false")]
    pub has_dwarf_objects: bool,
    /// The first archive member that is no well-formed ELF object, LLVM bitcode for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign_member: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// The archive member at fault, if it is one, and the error.
pub(super) type ParseError = (Option<String>, object::read::Error);

impl RlibFacts {
    /// Reads an rlib, and the hash of its whole content on the way.
    ///
    /// # Errors
    /// When the file cannot be read or is no archive.
    pub fn read(path: &Path) -> Result<(RlibFacts, blake3::Hash)> {
        let data = files::map(path)?;
        let facts = RlibFacts::parse(&data).map_err(parse_error(path))?;
        Ok((facts, blake3::hash(&data)))
    }

    /// Like [`RlibFacts::read`], from the bytes of the rlib.
    ///
    /// # Errors
    /// When these are no archive.
    pub fn parse(data: &[u8]) -> Result<RlibFacts, ParseError> {
        let members = members(data)?;
        Ok(Seen::of(&members).into_facts(&members))
    }

    /// References to symbols that the linker defines for each output, and by which the code means
    /// those of the program, such as `__ehdr_start`. In a shared object they would mean something
    /// else. They count only if no other library defines such a symbol.
    pub fn linker_defined_references(&self) -> impl Iterator<Item = &String> {
        let references = self.unmangled_references.iter();
        references
            .chain(&self.weak_references)
            .filter(|symbol| whose(symbol.as_bytes()) == Some(Whose::Program))
    }
}

/// The error of an rlib that cannot be parsed.
pub(super) fn parse_error(path: &Path) -> impl FnOnce(ParseError) -> Error {
    let path = path.to_owned();
    move |(member, source)| Error::Object {
        path: match member {
            Some(member) => format!("{}({member})", path.display()).into(),
            None => path,
        },
        source,
    }
}

/// The facts of each of these rlibs, given their bytes, read by so many threads.
pub(super) fn parse_all(rlibs: &[&[u8]], threads: usize) -> Vec<Result<RlibFacts, ParseError>> {
    let rlibs: Vec<_> = rlibs.iter().map(|data| members(data)).collect();
    let readable = rlibs.iter().enumerate();
    let runs: Vec<(usize, &[Member<'_>])> = readable
        .filter_map(|(index, members)| Some((index, members.as_ref().ok()?)))
        .flat_map(|(index, members)| runs(members).map(move |run| (index, &members[run])))
        .collect();
    let seen = parallel::map_by(threads, &runs, |(_, members)| Seen::of(members));
    let mut of_rlibs: Vec<Seen<'_>> = rlibs.iter().map(|_| Seen::default()).collect();
    for ((index, _), seen) in runs.iter().zip(seen) {
        of_rlibs[*index].add(seen);
    }
    let facts = of_rlibs.into_iter().zip(&rlibs);
    facts
        .map(|(seen, members)| match members {
            Ok(members) => Ok(seen.into_facts(members)),
            Err((member, error)) => Err((member.clone(), *error)),
        })
        .collect()
}

/// An archive member that may be an object file.
pub(super) struct Member<'data> {
    name: &'data [u8],
    object: &'data [u8],
    /// Where it lies in the rlib, in bytes.
    offset: u64,
    is_rust: bool,
}

impl Member<'_> {
    fn name(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }
}

pub(super) fn members(data: &[u8]) -> Result<Vec<Member<'_>>, ParseError> {
    let mut members = Vec::new();
    let archive = ArchiveFile::parse(data).map_err(|error| (None, error))?;
    for member in archive.members() {
        let member = member.map_err(|error| (None, error))?;
        let name = member.name();
        if name == METADATA_MEMBER {
            continue;
        }
        let fail = |error| (Some(String::from_utf8_lossy(name).into_owned()), error);
        members.push(Member {
            name,
            object: member.data(data).map_err(fail)?,
            offset: member.file_range().0,
            is_rust: name.ends_with(RUST_OBJECT),
        });
    }
    Ok(members)
}

/// Divides archive members into runs of about [`RUN`] bytes.
fn runs(members: &[Member<'_>]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let mut size = 0;
        let rest = &members[start..];
        let count = rest.iter().take_while(|member| {
            let is_full = size >= RUN;
            size += member.object.len();
            !is_full
        });
        let run = start..start + count.count();
        start = run.end;
        (!run.is_empty()).then_some(run)
    })
}

/// The facts that a run of archive members shows.
#[derive(Default)]
pub(super) struct Seen<'data> {
    /// The facts that do not depend on the other members.
    pub(super) facts: RlibFacts,
    /// Functions of constructors, by their symbols. Any member may define them.
    pub(super) functions: HashSet<&'data [u8]>,
    /// The symbols with names of C that are referred to, and whether all references are weak.
    references: HashMap<&'data [u8], bool>,
    /// The symbols with names of C that are defined, in whatever role.
    definitions: HashSet<&'data [u8]>,
}

impl<'data> Seen<'data> {
    pub(super) fn of(members: &[Member<'data>]) -> Seen<'data> {
        let mut seen = Seen::default();
        for member in members {
            let object = member.object;
            seen.facts.has_dwarf_objects |= member.name.ends_with(DWARF_OBJECT.as_bytes());
            // A malformed member does not concern a link that does not take it.
            let sections = with_class!(object, see_sections(object, member.is_rust, &mut seen));
            let symbols = with_class!(object, global_symbols(object));
            let (Ok(Some(())), Ok(Some(symbols))) = (sections, symbols) else {
                let foreign = &mut seen.facts.foreign_member;
                foreign.get_or_insert_with(|| member.name());
                continue;
            };
            for symbol in symbols {
                seen.see_symbol(&symbol, member);
            }
        }
        seen
    }

    fn see_symbol(&mut self, symbol: &GlobalSymbol<'data>, member: &Member<'_>) {
        if is_own_to_each_output(symbol.name) {
            return;
        }
        let facts = &mut self.facts;
        facts.shared_state.see(symbol);
        facts.has_shared_definitions |= is_shared_definition(symbol);
        if symbol.role == Role::Definition {
            facts.provides_allocator |= symbol.ties_to_runtime();
        }
        if symbol.is_unmangled() {
            if symbol.role == Role::Reference {
                let is_weak = self.references.entry(symbol.name).or_insert(true);
                *is_weak &= symbol.is_weak;
            } else {
                self.definitions.insert(symbol.name);
            }
            if is_unmangled_definition(symbol, member.is_rust) {
                facts.unmangled_definitions.insert(symbol.name());
            }
        }
        // rustc hides a symbol if no other library names it.
        let is_seen = !member.is_rust || symbol.is_unmangled() && !symbol.is_hidden;
        if symbol.role == Role::WeakDefinition && is_seen {
            facts.weak_definition.get_or_insert_with(|| symbol.name());
        }
        if symbol.is_hidden && !member.is_rust && !is_helper_code(symbol.name) {
            let offsets = match symbol.role {
                Role::Reference => &mut facts.hidden_references,
                _ => &mut facts.hidden_definitions,
            };
            offsets.push(member.offset + symbol.st_other);
        }
    }

    /// Adds the facts of the members after these.
    pub(super) fn add(&mut self, later: Seen<'data>) {
        let facts = &mut self.facts;
        let mut others = later.facts;
        facts
            .hidden_definitions
            .append(&mut others.hidden_definitions);
        facts
            .hidden_references
            .append(&mut others.hidden_references);
        let definitions = &mut facts.unmangled_definitions;
        definitions.append(&mut others.unmangled_definitions);
        facts.shared_state.add(others.shared_state);
        facts.has_shared_definitions |= others.has_shared_definitions;
        facts.weak_definition = facts.weak_definition.take().or(others.weak_definition);
        facts.provides_allocator |= others.provides_allocator;
        facts.constructors.append(&mut others.constructors);
        facts.runs_by_itself |= others.runs_by_itself;
        facts
            .gathered_sections
            .append(&mut others.gathered_sections);
        facts.thread_local_bytes = facts
            .thread_local_bytes
            .saturating_add(others.thread_local_bytes);
        facts.has_dwarf_objects |= others.has_dwarf_objects;
        facts.foreign_member = facts.foreign_member.take().or(others.foreign_member);
        self.functions.extend(later.functions);
        self.definitions.extend(later.definitions);
        for (symbol, is_weak) in later.references {
            *self.references.entry(symbol).or_insert(true) &= is_weak;
        }
    }

    /// The facts about the rlib, after those of all `members` were added.
    pub(super) fn into_facts(self, members: &[Member<'_>]) -> RlibFacts {
        let mut facts = self.facts;
        for (symbol, is_weak) in self.references {
            let is_own = whose(symbol) == Some(Whose::Output);
            if is_own || ties_to_runtime(symbol) {
                continue;
            }
            let is_defined = self.definitions.contains(symbol);
            let references = match (is_weak, is_defined) {
                (true, true) if leaves_open(symbol) => &mut facts.weak_references_to_itself,
                (_, true) => continue,
                (true, false) => &mut facts.weak_references,
                (false, false) => &mut facts.unmangled_references,
            };
            references.insert(String::from_utf8_lossy(symbol).into_owned());
        }
        // We do not understand a constructor whose function is in another library.
        facts.runs_by_itself |= !are_defined(self.functions, members);
        facts
    }
}

/// Whether the members define all of these symbols, each only once.
fn are_defined(mut symbols: HashSet<&[u8]>, members: &[Member<'_>]) -> bool {
    for member in members {
        if symbols.is_empty() {
            return true;
        }
        let found = with_class!(member.object, global_symbols(member.object));
        for symbol in found.iter().flatten().flatten() {
            if symbol.role == Role::Definition {
                symbols.remove(symbol.name);
            }
        }
    }
    symbols.is_empty()
}
