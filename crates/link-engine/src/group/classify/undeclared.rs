//! References to symbols of libraries on which the referrer does not depend.
//!
//! A Rust crate may declare a function of C and leave it to others to define it. In a static link,
//! a definition counts only if the program has the library with it. A shared object has all of its
//! members, so it would bind the reference for every program.

use std::collections::{BTreeSet, HashMap};

use super::Candidate;
use crate::group::below::reached_among;
use crate::record::{Member, StayReason};

/// The libraries that a reference may find in the same shared object and in those below.
pub(super) struct Definers<'a> {
    /// The file names of their rlibs and their names for people, by the symbols they define.
    by_symbol: HashMap<&'a str, Vec<(&'a str, &'a str)>>,
    /// The file names of the rlibs that each depends on directly.
    dependencies: HashMap<&'a str, &'a [String]>,
}

impl<'a> Definers<'a> {
    /// `below` are those on which some library of the group depends. The linker does not see the
    /// names of others.
    pub(super) fn new(
        members: impl Iterator<Item = &'a Candidate<'a>>,
        below: impl Iterator<Item = &'a Member>,
    ) -> Definers<'a> {
        let mut definers = Definers {
            by_symbol: HashMap::new(),
            dependencies: HashMap::new(),
        };
        for member in members {
            let symbols = &member.facts.unmangled_definitions;
            definers.add(member.rlib, member.name, member.dependencies, symbols);
        }
        for member in below {
            let symbols = &member.unmangled_definitions;
            definers.add(&member.rlib, &member.name, &member.dependencies, symbols);
        }
        definers
    }

    fn add(
        &mut self,
        rlib: &'a str,
        name: &'a str,
        dependencies: &'a [String],
        symbols: &'a BTreeSet<String>,
    ) {
        self.dependencies.insert(rlib, dependencies);
        for symbol in symbols {
            let definers = self.by_symbol.entry(symbol).or_default();
            definers.push((rlib, name));
        }
    }

    /// Why `candidate` must stay: it refers to a symbol that a library defines on which it does not
    /// depend, directly or not.
    pub(super) fn undeclared(&self, candidate: &Candidate<'_>) -> Option<StayReason> {
        let mut reached = None;
        for symbol in &candidate.facts.unmangled_references {
            for (rlib, name) in self.by_symbol.get(symbol.as_str()).into_iter().flatten() {
                let reached = reached.get_or_insert_with(|| {
                    reached_among(candidate.dependencies.iter(), &self.dependencies)
                });
                if !reached.contains(rlib) {
                    return Some(StayReason::UndeclaredReference {
                        symbol: symbol.clone(),
                        library: name.to_string(),
                    });
                }
            }
        }
        None
    }
}
