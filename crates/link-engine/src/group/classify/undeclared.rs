//! References to symbols of libraries on which the referrer does not depend.
//!
//! A Rust crate may declare a function of C and leave it to others to define it. In a static link,
//! a definition counts only if the program has the library with it. A shared object has all of its
//! members, so it would bind the reference for every program.

use std::collections::{HashMap, HashSet};

use super::Candidate;
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
            let dependencies = member.dependencies;
            definers.dependencies.insert(member.rlib, dependencies);
            for symbol in &member.facts.unmangled_definitions {
                let definer = (member.rlib, member.name);
                definers.by_symbol.entry(symbol).or_default().push(definer);
            }
        }
        for member in below {
            let dependencies = &member.dependencies;
            definers.dependencies.insert(&member.rlib, dependencies);
            for symbol in &member.unmangled_definitions {
                let definer = (&*member.rlib, &*member.name);
                definers.by_symbol.entry(symbol).or_default().push(definer);
            }
        }
        definers
    }

    /// Why `candidate` must stay: it refers to a symbol that a library defines on which it does not
    /// depend, directly or not.
    pub(super) fn undeclared(&self, candidate: &Candidate<'_>) -> Option<StayReason> {
        let mut reached = None;
        for symbol in &candidate.facts.unmangled_references {
            for (rlib, name) in self.by_symbol.get(symbol.as_str()).into_iter().flatten() {
                let reached = reached.get_or_insert_with(|| self.reached(candidate));
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

    /// The rlibs on which `candidate` depends, directly or not.
    fn reached(&self, candidate: &Candidate<'a>) -> HashSet<&'a str> {
        let mut reached = HashSet::new();
        let mut left: Vec<&str> = candidate.dependencies.iter().map(String::as_str).collect();
        while let Some(rlib) = left.pop() {
            if reached.insert(rlib)
                && let Some(dependencies) = self.dependencies.get(rlib)
            {
                left.extend(dependencies.iter().map(String::as_str));
            }
        }
        reached
    }
}
