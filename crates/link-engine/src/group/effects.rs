//! The effects that a shared object has on a process that loads it, even if nothing calls its code.
//!
//! A group serves executables that do not depend on all of its members, and a pool of frozen crates
//! serves those of other builds too. Most libraries do not change a program that loads and does not
//! use them: nothing runs their code, and nothing sees their names. A library has an *effect* if it
//! does change such a program:
//!
//! - it needs a symbol that neither a group nor the platform defines, or its build script asks for
//!   a library: the loader would load that library, and run its constructors;
//! - it defines a function, constant or variable that any number of files may define, as the header
//!   files of C++ do: a shared object has only one of each, and the process one of each variable;
//! - its thread locals are large: each thread of the program has them, and those of many libraries
//!   would add up;
//! - it defines a name to which a group below refers, and the loader would take its definition;
//! - it defines a C name, and programs show all of their names to libraries that they load later.
//!
//! The rule: an executable loads a shared object only if it depends on all of its effects. A
//! library has its own effect and those of its dependencies. Libraries with the same effects share
//! a shared object, and those without effects share another. So a shared object needs only shared
//! objects with fewer effects, and the graph of them is acyclic.
//!
//! Effects on which the same executables depend count as one, so that a program that uses several
//! C++ libraries loads one shared object for them and not one for each. Another build may have an
//! executable that depends on only some of them. Then they are separate from that build on: an
//! effect keeps its name from build to build while that name serves all executables.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::record::Effect;
use crate::rlib::RlibFacts;

/// The most bytes of thread locals that a library may have without an effect. Few libraries have
/// more than a hundred.
const MOST_THREAD_LOCAL_BYTES: u64 = 512;

/// The executables that depend on a library, as a value that is equal for the same executables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Users(pub u64);

/// A library of a group.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    /// The file name of its rlib.
    pub rlib: &'a str,
    /// The file names of the rlibs it depends on directly.
    pub dependencies: &'a [String],
    /// The facts about its rlib.
    pub facts: &'a RlibFacts,
    /// Whether its build script asks for a shared library.
    pub asks_for_library: bool,
    /// The executables of this build that depend on it.
    pub users: Users,
    /// The name that its own effect had in an earlier build.
    pub earlier: Option<&'a Effect>,
}

/// Facts about the surroundings of a group.
#[derive(Debug, Default)]
pub(super) struct Surroundings<'a> {
    /// The C names that the platform, the compiler builtins and the groups below define.
    pub defined: HashSet<&'a str>,
    /// The symbols to which groups below refer and that nothing below defines.
    pub open_below: HashSet<&'a str>,
    /// The effects of the shared objects below, by the file names of the rlibs in them.
    pub below: HashMap<&'a str, &'a BTreeSet<Effect>>,
    /// Whether programs show all their names to libraries that they load later.
    pub shows_names: bool,
}

/// The effects of a library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Effects {
    /// The name of its own effect, if it has one.
    pub own: Option<Effect>,
    /// Its own effect and those of all its dependencies.
    pub all: BTreeSet<Effect>,
}

/// The effects of each library. `subjects` are the members of a group, dependents first.
pub(super) fn effects(subjects: &[Subject<'_>], surroundings: &Surroundings<'_>) -> Vec<Effects> {
    let defined: HashSet<&str> = subjects
        .iter()
        .flat_map(|subject| &subject.facts.unmangled_definitions)
        .map(String::as_str)
        .collect();
    let has_effect: Vec<bool> = subjects
        .iter()
        .map(|subject| has_effect(subject, &defined, surroundings))
        .collect();
    let names = names(subjects, &has_effect);
    let mut all: HashMap<&str, BTreeSet<Effect>> = HashMap::new();
    for (subject, own) in subjects.iter().zip(&names).rev() {
        let mut of_subject: BTreeSet<Effect> = own.iter().cloned().collect();
        for dependency in subject.dependencies {
            let below = surroundings.below.get(dependency.as_str()).copied();
            let here = all.get(dependency.as_str());
            of_subject.extend(below.into_iter().chain(here).flatten().cloned());
        }
        all.insert(subject.rlib, of_subject);
    }
    subjects
        .iter()
        .zip(names)
        .map(|(subject, own)| Effects {
            own,
            all: all.remove(subject.rlib).unwrap_or_default(),
        })
        .collect()
}

fn has_effect(
    subject: &Subject<'_>,
    defined: &HashSet<&str>,
    surroundings: &Surroundings<'_>,
) -> bool {
    let facts = subject.facts;
    let is_defined = |name: &&String| {
        defined.contains(name.as_str()) || surroundings.defined.contains(name.as_str())
    };
    let names = &facts.unmangled_definitions;
    subject.asks_for_library
        || facts.has_shared_definitions
        || facts.thread_local_bytes > MOST_THREAD_LOCAL_BYTES
        || facts
            .unmangled_references
            .iter()
            .any(|name| !is_defined(&name))
        || names
            .iter()
            .any(|name| surroundings.open_below.contains(name.as_str()))
        || surroundings.shows_names && !names.is_empty()
}

/// The names of the own effects. Effects share a name if they have the same users and had the same
/// name before, or had none.
fn names(subjects: &[Subject<'_>], has_effect: &[bool]) -> Vec<Option<Effect>> {
    let own = || {
        let subjects = subjects.iter().zip(has_effect);
        subjects.map(|(subject, has)| has.then_some(subject))
    };
    let mut users_of_name: BTreeMap<&Effect, BTreeSet<Users>> = BTreeMap::new();
    for subject in own().flatten() {
        if let Some(name) = subject.earlier {
            users_of_name.entry(name).or_default().insert(subject.users);
        }
    }
    // A new name is that of the first rlib, in the order of names, that has it.
    let mut first: BTreeMap<(Option<&Effect>, Users), &str> = BTreeMap::new();
    for subject in own().flatten() {
        let first = first
            .entry((subject.earlier, subject.users))
            .or_insert(subject.rlib);
        *first = subject.rlib.min(first);
    }
    own()
        .map(|subject| {
            let subject = subject?;
            Some(match subject.earlier {
                Some(name) if users_of_name[name].len() == 1 => name.clone(),
                earlier => Effect(first[&(earlier, subject.users)].to_owned()),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(symbol: &str) -> RlibFacts {
        RlibFacts {
            unmangled_references: [symbol.to_owned()].into(),
            ..RlibFacts::default()
        }
    }

    fn defines(symbol: &str) -> RlibFacts {
        RlibFacts {
            unmangled_definitions: [symbol.to_owned()].into(),
            ..RlibFacts::default()
        }
    }

    /// A library with its dependencies, facts, users and the earlier name of its effect.
    type Case<'a> = (&'a str, &'a [&'a str], RlibFacts, u64, Option<&'a str>);

    /// Expected: one `name: effects` a line, for those that have any.
    #[track_caller]
    fn check(cases: &[Case<'_>], surroundings: &Surroundings<'_>, expected: &str) {
        let owned: Vec<(Vec<String>, Option<Effect>)> = cases
            .iter()
            .map(|(_, dependencies, _, _, earlier)| {
                let dependencies = dependencies.iter().map(|name| name.to_string());
                let earlier = earlier.map(|name| Effect(name.to_owned()));
                (dependencies.collect(), earlier)
            })
            .collect();
        let subjects: Vec<Subject<'_>> = cases
            .iter()
            .zip(&owned)
            .map(
                |((rlib, _, facts, users, _), (dependencies, earlier))| Subject {
                    rlib,
                    dependencies,
                    facts,
                    asks_for_library: false,
                    users: Users(*users),
                    earlier: earlier.as_ref(),
                },
            )
            .collect();
        let mut actual = String::new();
        for (subject, effects) in subjects.iter().zip(effects(&subjects, surroundings)) {
            if !effects.all.is_empty() {
                let names: Vec<&str> = effects.all.iter().map(|effect| &*effect.0).collect();
                actual.push_str(&format!("{}: {}\n", subject.rlib, names.join(" ")));
            }
        }
        assert_eq!(actual, expected);
    }

    #[test]
    fn what_needs_a_library_of_the_platform_has_an_effect_and_what_lies_above_it_too() {
        let surroundings = Surroundings {
            defined: ["malloc"].into(),
            ..Surroundings::default()
        };
        check(
            &[
                ("top", &["tls", "plain"], RlibFacts::default(), 1, None),
                ("tls", &["ssl"], RlibFacts::default(), 1, None),
                ("plain", &["zstd"], needs("ZSTD_compress"), 1, None),
                ("zstd", &[], defines("ZSTD_compress"), 1, None),
                ("ssl", &[], needs("SSL_new"), 1, None),
                ("alloc", &[], needs("malloc"), 1, None),
            ],
            &surroundings,
            "top: ssl\ntls: ssl\nssl: ssl\n",
        );
    }

    #[test]
    fn effects_with_the_same_users_are_one_until_an_executable_has_only_some() {
        check(
            &[
                ("b", &[], needs("b"), 1, None),
                ("a", &[], needs("a"), 1, None),
                ("c", &[], needs("c"), 2, None),
            ],
            &Surroundings::default(),
            "b: a\na: a\nc: c\n",
        );
        // They keep the name even if a new effect has the same users.
        check(
            &[
                ("b", &[], needs("b"), 3, Some("a")),
                ("a", &[], needs("a"), 3, Some("a")),
                ("d", &[], needs("d"), 3, None),
            ],
            &Surroundings::default(),
            "b: a\na: a\nd: d\n",
        );
        check(
            &[
                ("b", &[], needs("b"), 3, Some("a")),
                ("a", &[], needs("a"), 4, Some("a")),
            ],
            &Surroundings::default(),
            "b: b\na: a\n",
        );
    }

    #[test]
    fn names_that_are_seen_are_effects() {
        let seen = Surroundings {
            open_below: ["hook"].into(),
            ..Surroundings::default()
        };
        let libraries: [Case<'_>; 2] = [
            ("hook", &[], defines("hook"), 1, None),
            ("zstd", &[], defines("ZSTD_compress"), 1, None),
        ];
        check(&libraries, &seen, "hook: hook\n");
        let shown = Surroundings {
            shows_names: true,
            ..Surroundings::default()
        };
        check(&libraries, &shown, "hook: hook\nzstd: hook\n");
    }

    #[test]
    fn effects_below_are_those_of_what_lies_above() {
        let below = BTreeSet::from([Effect("ssl".to_owned())]);
        let surroundings = Surroundings {
            below: [("ssl", &below)].into(),
            ..Surroundings::default()
        };
        check(
            &[("tls", &["ssl"], RlibFacts::default(), 1, None)],
            &surroundings,
            "tls: ssl\n",
        );
    }
}
