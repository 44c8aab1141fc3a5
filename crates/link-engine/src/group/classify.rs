//! Which libraries of a group can be in its shared object.
//!
//! A program must not behave differently because a library moved from the
//! executable into a shared object. Where that cannot be had, the library stays
//! in the executable, linked from its rlib as ever, and so does everything that
//! depends on it: a group must not refer to a symbol that only some of its users
//! define.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::record::manifest::Stay;
use crate::rlib::{RlibFacts, SharedState};

/// Why a library stays in the executable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum StayReason {
    /// It has constructors of C, or destructors. A static link takes an object with
    /// such code only if something refers to it, a shared object always has it.
    RunsByItself,
    /// It adds to a section that the linker gathers per output (`linkme`,
    /// `__start_…` and `__stop_…`), where a shared object and an executable
    /// would each see a part.
    GatheredSection {
        /// Name of that section.
        section: String,
    },
    /// It names a symbol that the linker defines for each output, and takes it for the
    /// program's.
    LinkerDefined {
        /// Name of that symbol.
        symbol: String,
    },
    /// It holds something other than ELF objects.
    ForeignMember {
        /// Name of the archive member.
        member: String,
    },
    /// It holds a `#[global_allocator]`. A program that depends on it without naming
    /// it has the default allocator, and its shared objects must have the same.
    ProvidesAllocator,
    /// It defines a symbol that the program may define in its place.
    WeakDefinition {
        /// Name of that symbol.
        symbol: String,
    },
    /// It defines a symbol that another library of the group defines too. A static
    /// link takes the one it needs first.
    Clash {
        /// Name of that symbol.
        symbol: String,
        /// Name of the other library.
        library: String,
    },
    /// It defines a symbol that a library of the platform defines too, for whoever in the
    /// process refers to it. A static link takes it only if the program uses the library.
    Replaces {
        /// Name of that symbol.
        symbol: String,
    },
    /// The linker makes no shared object with it.
    Unlinkable {
        /// The linker's own words.
        words: String,
    },
    /// No shared object could be made of its group.
    Refused,
    /// It could not be compiled, so no executable of this build has it.
    NotCompiled,
    /// It depends on a library that stays.
    DependsOn {
        /// Name of that library.
        library: String,
    },
}

impl fmt::Display for StayReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StayReason::RunsByItself => f.write_str("it has code that runs before or after `main`"),
            StayReason::GatheredSection { section } => {
                write!(
                    f,
                    "it adds to the section `{section}`, which the linker gathers"
                )
            }
            StayReason::LinkerDefined { symbol } => write!(
                f,
                "it asks for `{symbol}`, which the linker defines for each output"
            ),
            StayReason::ForeignMember { member } => {
                write!(f, "its archive member `{member}` is no ELF object")
            }
            StayReason::ProvidesAllocator => f.write_str("it provides the global allocator"),
            StayReason::WeakDefinition { symbol } => {
                write!(f, "it defines `{symbol}` unless the program does")
            }
            StayReason::Clash { symbol, library } => {
                write!(f, "it defines `{symbol}`, as `{library}` does")
            }
            StayReason::Replaces { symbol } => {
                write!(f, "it defines `{symbol}`, as the platform does")
            }
            StayReason::Unlinkable { .. } => {
                f.write_str("the linker makes no shared object with it")
            }
            StayReason::Refused => f.write_str("no shared object could be made of its group"),
            StayReason::NotCompiled => f.write_str("it could not be compiled"),
            StayReason::DependsOn { library } => {
                write!(f, "it depends on `{library}`, which stays")
            }
        }
    }
}

/// One library to be judged.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The file name of its rlib, by which dependents refer to it.
    pub rlib: &'a str,
    /// Its name for people.
    pub name: &'a str,
    /// The file names of the rlibs it depends on, in this group or a group below.
    pub dependencies: &'a [String],
    /// What was read in its rlib.
    pub facts: &'a RlibFacts,
    /// Whether executables can run the constructors of its group: they go by distances, which hold
    /// for one [layout](crate::finish::layout), and a group that shows all its symbols has no name for that.
    pub has_layout: bool,
    /// The linker's own words, if it was found to refuse a shared object with this library.
    pub refusal: Option<&'a str>,
}

/// Judges each candidate: `None` makes it a group member.
///
/// Candidates may come in any order; their dependencies must not form a cycle, as
/// those of crates never do.
///
/// `stays` are the libraries of lower groups that stay, `platform` the symbols that libraries of
/// the platform define.
pub fn verdicts(
    candidates: &[Candidate<'_>],
    stays: &[Stay],
    platform: &HashSet<String>,
) -> Vec<Option<StayReason>> {
    let by_rlib: HashMap<&str, usize> = candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| (candidate.rlib, index))
        .collect();
    let stays_below: HashMap<&str, &str> = stays
        .iter()
        .map(|stay| (stay.rlib.as_str(), stay.name.as_str()))
        .collect();
    let definers = definers(candidates);
    let clashes = clashes(candidates, &definers);
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
                .or_else(depends_on)
                .or_else(shares_state)
        })
        .collect();

    // What has to stay with what stays, until nothing changes: each round settles at
    // least one more library.
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
                    let mut others = candidates.iter().zip(&verdicts);
                    others.find_map(|(other, verdict)| {
                        verdict.as_ref()?;
                        shared(candidate, other.name, &other.facts.shared_state)
                    })
                };
                Some((index, depends_on.or_else(shares_state)?))
            })
            .collect();
        if spread.is_empty() {
            return verdicts;
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
    let facts = candidate.facts;
    if let Some(words) = candidate.refusal {
        Some(StayReason::Unlinkable {
            words: words.to_owned(),
        })
    } else if let Some(member) = &facts.foreign_member {
        Some(StayReason::ForeignMember {
            member: member.clone(),
        })
    } else if facts.runs_by_itself || !candidate.has_layout && !facts.constructors.is_empty() {
        Some(StayReason::RunsByItself)
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

/// A symbol of the linker that a candidate names. A library may use such a name, as `end`, for
/// a symbol of its own: linkers then leave theirs out.
fn linker_defined(candidate: &Candidate<'_>, definers: &Definers<'_>) -> Option<StayReason> {
    let mut symbols = candidate.facts.linker_defined_references();
    let symbol = symbols.find(|symbol| !definers.contains_key(symbol.as_str()))?;
    Some(StayReason::LinkerDefined {
        symbol: symbol.clone(),
    })
}

/// The candidates that define a symbol under a name that others could use too.
type Definers<'a> = HashMap<&'a str, Vec<usize>>;

fn definers<'a>(candidates: &[Candidate<'a>]) -> Definers<'a> {
    let mut definers = Definers::new();
    for (index, candidate) in candidates.iter().enumerate() {
        for symbol in &candidate.facts.unmangled_definitions {
            definers.entry(symbol).or_default().push(index);
        }
    }
    definers
}

/// For each candidate, a symbol that another candidate defines too.
fn clashes(candidates: &[Candidate<'_>], definers: &Definers<'_>) -> Vec<Option<StayReason>> {
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
mod tests {
    use super::*;
    use crate::finish::constructors::Constructor;

    fn plain() -> RlibFacts {
        RlibFacts::default()
    }

    fn with_constructor() -> RlibFacts {
        RlibFacts {
            runs_by_itself: true,
            ..RlibFacts::default()
        }
    }

    fn state(hidden: &[&str], visible: &[&str]) -> SharedState {
        let names = |symbols: &[&str]| symbols.iter().map(|symbol| symbol.to_string()).collect();
        SharedState {
            hidden: names(hidden),
            visible: names(visible),
        }
    }

    /// `libraries`: name, facts, dependencies; expected: one `name: reason` a line.
    #[track_caller]
    fn check(libraries: &[(&str, RlibFacts, &[&str])], below: &[&str], expected: &str) {
        let dependencies: Vec<Vec<String>> = libraries
            .iter()
            .map(|(_, _, dependencies)| dependencies.iter().map(|d| d.to_string()).collect())
            .collect();
        let candidates: Vec<_> = libraries
            .iter()
            .zip(&dependencies)
            .map(|((name, facts, _), dependencies)| Candidate {
                rlib: name,
                name,
                dependencies,
                facts,
                has_layout: *name != "shown",
                refusal: (*name == "unfit").then_some("cannot be used"),
            })
            .collect();
        let stays = below.iter().map(|name| Stay {
            name: name.to_string(),
            rlib: name.to_string(),
            hash: String::new(),
            reason: StayReason::RunsByItself,
            shared_state: state(&[name], &[]),
        });
        let stays: Vec<Stay> = stays.collect();
        let actual: String = verdicts(&candidates, &stays, &["rand".to_owned()].into())
            .into_iter()
            .zip(libraries)
            .filter_map(|(verdict, (name, _, _))| Some(format!("{name}: {}\n", verdict?)))
            .collect();
        assert_eq!(actual, expected);
    }

    #[test]
    fn plain_libraries_are_members() {
        check(&[("a", plain(), &["b"]), ("b", plain(), &[])], &[], "");
    }

    #[test]
    fn what_depends_on_a_stayer_stays() {
        check(
            &[
                ("top", plain(), &["middle", "other"]),
                ("middle", plain(), &["base"]),
                ("base", with_constructor(), &["below"]),
                ("below", plain(), &[]),
                ("other", plain(), &["below"]),
            ],
            &[],
            "top: it depends on `middle`, which stays\n\
             middle: it depends on `base`, which stays\n\
             base: it has code that runs before or after `main`\n",
        );
    }

    #[test]
    fn a_stayer_of_a_lower_group_counts() {
        check(
            &[("a", plain(), &["low"]), ("b", plain(), &[])],
            &["low"],
            "a: it depends on `low`, which stays\n",
        );
    }

    #[test]
    fn each_own_reason_is_told() {
        let linkme = RlibFacts {
            gathered_sections: ["linkme_ROUTES".to_owned()].into(),
            ..RlibFacts::default()
        };
        let bitcode = RlibFacts {
            foreign_member: Some("a.bc".to_owned()),
            ..RlibFacts::default()
        };
        check(
            &[("linkme", linkme, &[]), ("lto", bitcode, &[])],
            &[],
            "linkme: it adds to the section `linkme_ROUTES`, which the linker gathers\n\
             lto: its archive member `a.bc` is no ELF object\n",
        );
    }

    #[test]
    fn what_names_a_symbol_of_the_linker_stays() {
        let names = |symbols: &[&str]| symbols.iter().map(|symbol| symbol.to_string()).collect();
        let refers = |strong: &[&str], weak: &[&str]| RlibFacts {
            unmangled_references: names(strong),
            weak_references: names(weak),
            ..RlibFacts::default()
        };
        let defines_end = RlibFacts {
            unmangled_definitions: names(&["end"]),
            ..RlibFacts::default()
        };
        check(
            &[
                ("image", refers(&["__ehdr_start", "memcpy"], &[]), &[]),
                ("slices", refers(&[], &["__start_slices"]), &[]),
                ("above", plain(), &["image"]),
                ("text", refers(&["end"], &[]), &["own"]),
                ("own", defines_end, &[]),
            ],
            &[],
            "image: it asks for `__ehdr_start`, which the linker defines for each output\n\
             slices: it asks for `__start_slices`, which the linker defines for each output\n\
             above: it depends on `image`, which stays\n",
        );
    }

    #[test]
    fn what_defines_the_same_symbol_stays() {
        let defines = |symbols: &[&str]| RlibFacts {
            unmangled_definitions: symbols.iter().map(|symbol| symbol.to_string()).collect(),
            ..RlibFacts::default()
        };
        check(
            &[
                ("one", defines(&["a", "zlib_init"]), &[]),
                ("other", defines(&["b", "zlib_init"]), &[]),
                ("third", defines(&["c"]), &["one"]),
                ("fourth", defines(&["d"]), &[]),
            ],
            &[],
            "one: it defines `zlib_init`, as `other` does\n\
             other: it defines `zlib_init`, as `one` does\n\
             third: it depends on `one`, which stays\n",
        );
    }

    #[test]
    fn what_the_program_decides_stays_with_it() {
        let allocator = RlibFacts {
            provides_allocator: true,
            ..RlibFacts::default()
        };
        let weak = RlibFacts {
            weak_definition: Some("hook".to_owned()),
            ..RlibFacts::default()
        };
        check(
            &[("mimalloc", allocator, &[]), ("hooked", weak, &[])],
            &[],
            "mimalloc: it provides the global allocator\n\
             hooked: it defines `hook` unless the program does\n",
        );
    }

    #[test]
    fn constructors_stay_where_nobody_can_run_them() {
        let constructors = || RlibFacts {
            constructors: vec![Constructor {
                section: ".init_array".to_owned(),
                entry: "ENTRY".to_owned(),
            }],
            ..RlibFacts::default()
        };
        check(
            &[
                ("shown", constructors(), &[]),
                ("hidden", constructors(), &[]),
            ],
            &[],
            "shown: it has code that runs before or after `main`\n",
        );
    }

    #[test]
    fn what_the_linker_refuses_stays() {
        check(
            &[
                ("above", plain(), &["unfit"]),
                ("unfit", plain(), &[]),
                ("other", plain(), &[]),
            ],
            &[],
            "above: it depends on `unfit`, which stays\n\
             unfit: the linker makes no shared object with it\n",
        );
    }

    #[test]
    fn what_replaces_the_platform_stays() {
        let defines = |symbol: &str| RlibFacts {
            unmangled_definitions: [symbol.to_owned()].into(),
            ..RlibFacts::default()
        };
        check(
            &[("one", defines("rand"), &[]), ("other", defines("c"), &[])],
            &[],
            "one: it defines `rand`, as the platform does\n",
        );
    }

    #[test]
    fn what_shares_a_hidden_variable_with_a_stayer_stays() {
        let shares = |hidden: &[&str], visible: &[&str]| RlibFacts {
            shared_state: state(hidden, visible),
            ..RlibFacts::default()
        };
        let starts = RlibFacts {
            shared_state: state(&["count"], &["total", "other"]),
            ..with_constructor()
        };
        check(
            &[
                ("starts", starts, &[]),
                ("hidden", shares(&["count"], &["next"]), &[]),
                ("mixed", shares(&["total"], &[]), &[]),
                ("visible", shares(&[], &["other"]), &[]),
                ("follows", shares(&["next"], &[]), &[]),
                ("under", shares(&[], &["low"]), &[]),
                ("alone", shares(&["own"], &[]), &[]),
            ],
            &["low"],
            "starts: it has code that runs before or after `main`\n\
             hidden: it defines `count`, as `starts` does\n\
             mixed: it defines `total`, as `starts` does\n\
             follows: it defines `next`, as `hidden` does\n\
             under: it defines `low`, as `low` does\n",
        );
    }
}
