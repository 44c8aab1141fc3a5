//! Which libraries of a group can be in its shared object.
//!
//! A program must not behave differently because a library moved from the executable into a shared
//! object. If it would, the library stays in the executable, linked from its rlib as in a static
//! build. So do all libraries that depend on it: a group must not refer to a symbol that only some
//! of its users define.

use std::collections::{HashMap, HashSet};

use self::undeclared::Definers;
use crate::record::{Member, Stay, StayReason};
use crate::rlib::{RlibFacts, SharedState};

mod undeclared;

/// The most bytes that the thread locals of a member may have: a page. The smallest stack that a
/// program may ask for has four (PTHREAD_STACK_MIN).
const MOST_THREAD_LOCAL_BYTES: u64 = 4096;

/// One library to be judged.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    /// The file name of its rlib, by which dependents refer to it.
    pub rlib: &'a str,
    /// Its name for people.
    pub name: &'a str,
    /// The file names of the rlibs it depends on, in this group or a group below.
    pub dependencies: &'a [String],
    /// The facts about its rlib.
    pub facts: &'a RlibFacts,
    /// The facts about the archives that executables link for it.
    pub unbundled: Vec<&'a RlibFacts>,
    /// Whether its group has a [layout](crate::elf::layout) version. One that shows all its symbols
    /// has none. Executables find the constructors of a group by distances, which hold for one
    /// layout.
    pub has_layout: bool,
    /// Whether its rlib, or an archive that goes into the group with it, hides symbols in code that
    /// rustc did not make.
    pub hides_symbols: bool,
    /// The linker's own words, if it was found to refuse a shared object with this library.
    pub refusal: Option<&'a str>,
}

/// Judges each candidate: `None` makes it a group member.
///
/// Candidates may come in any order; their dependencies must not form a cycle, as
/// those of crates never do.
///
/// `stays` are the libraries of lower groups that stay, `below` those that are members, without the
/// sysroot crates, `reached` the rlibs among these on which the candidates depend, directly or not,
/// and `platform` the symbols that libraries of the platform define.
pub(super) fn verdicts(
    candidates: &[Candidate<'_>],
    stays: &[Stay],
    below: &[&Member],
    reached: &HashSet<&str>,
    platform: &HashSet<String>,
) -> Vec<Option<StayReason>> {
    let stays_below: HashMap<&str, &str> = stays
        .iter()
        .map(|stay| (stay.rlib.as_str(), stay.name.as_str()))
        .collect();
    let definers = definers(candidates);
    let defined_below = defined_below(below);
    let clashes = clashes(candidates, &definers);
    let weak_users = weak_users(candidates);
    let mut verdicts: Vec<_> = candidates
        .iter()
        .zip(clashes)
        .map(|(candidate, clash)| {
            let depends_on = || {
                let mut dependencies = candidate.dependencies.iter();
                let library = dependencies.find_map(|name| stays_below.get(name.as_str()))?;
                let library = library.to_string();
                Some(StayReason::DependsOn { library })
            };
            let shares_state = || {
                let mut stays = stays.iter();
                stays.find_map(|stay| shared(candidate, &stay.name, &stay.shared_state))
            };
            own_reason(candidate, platform)
                .or_else(|| linker_defined(candidate, &definers))
                .or(clash)
                .or_else(|| weakly_joined(candidate, &weak_users, &defined_below))
                .or_else(depends_on)
                .or_else(shares_state)
        })
        .collect();

    spread(candidates, &mut verdicts);

    // A library that stays defines nothing for those that do not.
    let members = candidates.iter().zip(&verdicts);
    let members = members.filter_map(|(candidate, verdict)| verdict.is_none().then_some(candidate));
    let seen_below = below
        .iter()
        .copied()
        .filter(|member| reached.contains(&*member.rlib));
    let definers = Definers::new(members, seen_below);
    for (candidate, verdict) in candidates.iter().zip(&mut verdicts) {
        if verdict.is_none() {
            *verdict = definers.undeclared(candidate);
        }
    }
    spread(candidates, &mut verdicts);
    verdicts
}

/// Finds the candidates that have to stay with others that stay, until nothing changes.
fn spread(candidates: &[Candidate<'_>], verdicts: &mut [Option<StayReason>]) {
    let by_rlib: HashMap<&str, usize> = candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| (candidate.rlib, index))
        .collect();
    // Each round settles at least one more library.
    loop {
        let spread: Vec<_> = (0..candidates.len())
            .filter(|&index| verdicts[index].is_none())
            .filter_map(|index| {
                let candidate = &candidates[index];
                let depends_on = candidate.dependencies.iter().find_map(|dependency| {
                    let dependency = *by_rlib.get(dependency.as_str())?;
                    verdicts[dependency].as_ref()?;
                    let library = candidates[dependency].name.to_owned();
                    Some(StayReason::DependsOn { library })
                });
                let shares_state = || {
                    let mut others = candidates.iter().zip(&*verdicts);
                    others.find_map(|(other, verdict)| {
                        verdict.as_ref()?;
                        shared(candidate, other.name, &other.facts.shared_state)
                    })
                };
                Some((index, depends_on.or_else(shares_state)?))
            })
            .collect();
        if spread.is_empty() {
            return;
        }
        for (index, reason) in spread {
            verdicts[index] = Some(reason);
        }
    }
}

/// Why a candidate must stay with a library that does: they share a variable.
fn shared(candidate: &Candidate<'_>, library: &str, state: &SharedState) -> Option<StayReason> {
    let own = &candidate.facts.shared_state;
    if own.is_empty() || state.is_empty() {
        return None;
    }
    Some(StayReason::Clash {
        symbol: own.divided(state)?.clone(),
        library: library.to_owned(),
    })
}

fn own_reason(candidate: &Candidate<'_>, platform: &HashSet<String>) -> Option<StayReason> {
    if let Some(words) = candidate.refusal {
        return Some(StayReason::LinkerRefuses {
            words: words.to_owned(),
        });
    }
    if candidate.hides_symbols && !candidate.has_layout {
        return Some(StayReason::HidesSymbols);
    }
    reason_of(candidate.facts, candidate.has_layout, platform)
        .or_else(|| unbundled_reason(candidate, platform))
}

/// Why a candidate must stay because of an archive that executables link for it. Its shared object
/// refers to all that any part of the candidate needs. So executables may take more archive members
/// than in a static link, and that must make no difference.
fn unbundled_reason(candidate: &Candidate<'_>, platform: &HashSet<String>) -> Option<StayReason> {
    let to_itself = |facts: &RlibFacts| {
        let symbol = facts.weak_references_to_itself.first()?.clone();
        let library = candidate.name.to_owned();
        Some(StayReason::WeakReference { symbol, library })
    };
    // Nothing marks constructors in an archive as used, so they count as ones that we do not
    // understand.
    let mut unbundled = candidate.unbundled.iter();
    unbundled.find_map(|facts| reason_of(facts, false, platform).or_else(|| to_itself(facts)))
}

/// The reason in the facts about an rlib or an archive, given whether executables can run its
/// constructors.
fn reason_of(
    facts: &RlibFacts,
    runs_constructors: bool,
    platform: &HashSet<String>,
) -> Option<StayReason> {
    if let Some(member) = &facts.foreign_member {
        Some(StayReason::ForeignMember {
            member: member.clone(),
        })
    } else if facts.runs_by_itself || !runs_constructors && !facts.constructors.is_empty() {
        Some(StayReason::RunsByItself)
    } else if facts.thread_local_bytes > MOST_THREAD_LOCAL_BYTES {
        Some(StayReason::LargeThreadLocals)
    } else if facts.provides_allocator {
        Some(StayReason::ProvidesAllocator)
    } else if let Some(symbol) = &facts.weak_definition {
        Some(StayReason::WeakDefinition {
            symbol: symbol.clone(),
        })
    } else if let Some(section) = facts.gathered_sections.first() {
        Some(StayReason::GatheredSection {
            section: section.clone(),
        })
    } else {
        replaced_symbol(facts, platform).map(|symbol| StayReason::Replaces {
            symbol: symbol.clone(),
        })
    }
}

fn replaced_symbol<'a>(facts: &'a RlibFacts, platform: &HashSet<String>) -> Option<&'a String> {
    let mut defined = facts.unmangled_definitions.iter();
    defined.find(|symbol| platform.contains(*symbol))
}

/// A symbol of the linker that a candidate names. A library may use such a name, for example `end`,
/// for a symbol of its own. Linkers then do not define theirs.
fn linker_defined(candidate: &Candidate<'_>, definers: &DefinedBy<'_>) -> Option<StayReason> {
    let mut symbols = candidate.facts.linker_defined_references();
    let symbol = symbols.find(|symbol| !definers.contains_key(symbol.as_str()))?;
    Some(StayReason::LinkerDefined {
        symbol: symbol.clone(),
    })
}

/// The names of the libraries below that define a symbol under a name that others could use too.
fn defined_below<'a>(below: &[&'a Member]) -> HashMap<&'a str, &'a str> {
    let definitions = below.iter().flat_map(|member| {
        let symbols = member.unmangled_definitions.iter();
        symbols.map(|symbol| (symbol.as_str(), &*member.name))
    });
    definitions.collect()
}

/// The libraries that refer weakly to a symbol.
fn weak_users<'a>(candidates: &[Candidate<'a>]) -> HashMap<&'a str, &'a str> {
    let of_candidate = candidates.iter().flat_map(|candidate| {
        let facts = candidate.facts;
        let symbols = facts.weak_references.iter();
        let symbols = symbols.chain(&facts.weak_references_to_itself);
        symbols.map(|symbol| (symbol.as_str(), candidate.name))
    });
    of_candidate.collect()
}

/// A weak reference of or to a candidate that a static link may leave open.
fn weakly_joined(
    candidate: &Candidate<'_>,
    weak_users: &HashMap<&str, &str>,
    defined_below: &HashMap<&str, &str>,
) -> Option<StayReason> {
    let facts = candidate.facts;
    let joined = |symbol: &String, library: Option<&&str>| {
        let (symbol, library) = (symbol.clone(), library?.to_string());
        Some(StayReason::WeakReference { symbol, library })
    };
    let own = facts.weak_references_to_itself.iter();
    let mut defined = own.chain(&facts.unmangled_definitions);
    let mut references = facts.weak_references.iter();
    defined
        .find_map(|symbol| joined(symbol, weak_users.get(symbol.as_str())))
        .or_else(|| {
            references.find_map(|symbol| joined(symbol, defined_below.get(symbol.as_str())))
        })
}

/// The candidates that define a symbol under a name that others could use too.
type DefinedBy<'a> = HashMap<&'a str, Vec<usize>>;

fn definers<'a>(candidates: &[Candidate<'a>]) -> DefinedBy<'a> {
    let mut definers = DefinedBy::new();
    for (index, candidate) in candidates.iter().enumerate() {
        for symbol in &candidate.facts.unmangled_definitions {
            definers.entry(symbol).or_default().push(index);
        }
    }
    definers
}

/// For each candidate, a symbol that another candidate defines too.
fn clashes(candidates: &[Candidate<'_>], definers: &DefinedBy<'_>) -> Vec<Option<StayReason>> {
    let clash = |index: usize| {
        let symbols = candidates[index].facts.unmangled_definitions.iter();
        symbols.into_iter().find_map(|symbol| {
            let other = definers[symbol.as_str()]
                .iter()
                .find(|other| **other != index)?;
            Some(StayReason::Clash {
                symbol: symbol.clone(),
                library: candidates[*other].name.to_owned(),
            })
        })
    };
    (0..candidates.len()).map(clash).collect()
}

#[cfg(test)]
mod tests;
