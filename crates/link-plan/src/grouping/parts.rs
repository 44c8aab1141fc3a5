//! How the local libraries are cut into parts.
//!
//! Each package is in one part, with all its units. A package may depend on packages of its own
//! part and of lower ones, so parts never need each other in a cycle.
//!
//! # A fresh cut
//!
//! The packages are ordered by the number of packages above them, direct dependents or not, most
//! first, then by name. A dependent has fewer packages above it than its dependency: those above
//! the dependent are also above the dependency, and so is the dependent itself. So dependencies
//! come first. A package whose edit makes Cargo compile much is therefore at the bottom, and an
//! edit of a package near the top concerns the top parts only.
//!
//! That row is cut into pieces of about equal size: [`PART_BYTES`] each, or more in
//! [`MAX_PARTS`] parts, if there would be more than these.
//!
//! # A known cut
//!
//! A known cut is kept, so that Cargo links nothing only because a package grew or another
//! selection is built. A package that the cut lacks goes into the highest part that lies above none
//! of its dependents: the higher the part, the fewer edits concern it. A graph that holds at least
//! half of all bytes is cut anew
//!
//! - if a part of several packages is more than three times as large as the average, or
//! - if the number of parts is less than half of what the size asks for, or more than twice,
//!
//! and in both cases only if a fresh cut is better in that respect. If packages are very unequal, a
//! fresh cut may be no better, and each build would cut anew. A cut is also made anew if it has no
//! place for a package.

use std::collections::{BTreeMap, BTreeSet};

use super::bits::BitSet;
use super::decision::{CutReason, CutSize, Decision};
use super::known::{Cut, sum};
use super::survey::{Survey, dependents_first};

/// The largest number of parts.
///
/// Each costs about 0.2 ms when a program starts.
pub const MAX_PARTS: usize = 12;

/// How large a part should be, in bytes of rlibs.
pub const PART_BYTES: u64 = 16 << 20;

/// The cut that holds each local library that is in a group.
pub(super) fn cut(survey: &Survey<'_>, known: &Cut, decisions: &mut Vec<Decision>) -> Cut {
    let packages = Packages::new(survey, known);
    if packages.names.is_empty() {
        return known.clone();
    }
    match packages.fit_into(known) {
        Ok(cut) if cut.packages() == known.packages() => {
            let cut = size(&cut);
            decisions.push(Decision::CutKept { cut });
            // With the sizes that it was made for, so that the record of it stays as it is.
            known.clone()
        }
        Ok(cut) => {
            let added = cut.packages() - known.packages();
            let size = size(&cut);
            decisions.push(Decision::CutExtended { cut: size, added });
            cut
        }
        Err(reason) => {
            let cut = packages.cut_fresh();
            let size = size(&cut);
            decisions.push(Decision::CutMade { cut: size, reason });
            cut
        }
    }
}

/// The packages of the local libraries that are in a group, numbered by name.
struct Packages<'a> {
    names: Vec<&'a str>,
    /// Size of the rlibs of each, in bytes; as the known cut says where this graph does not.
    bytes: Vec<u64>,
    /// The packages on which each depends directly, without itself.
    deps: Vec<BTreeSet<usize>>,
    /// All packages, each after its dependents; fewer, if there are cycles.
    dependents_first: Vec<usize>,
}

impl<'a> Packages<'a> {
    fn new(survey: &Survey<'a>, known: &Cut) -> Packages<'a> {
        let names: BTreeSet<&str> = survey.local_members().map(|id| survey.name(id)).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let number: BTreeMap<&str, usize> = names.iter().copied().zip(0..).collect();
        let mut bytes = vec![0_u64; names.len()];
        let mut deps = vec![BTreeSet::new(); names.len()];
        for id in survey.local_members() {
            let library = survey.graph.library(id);
            let package = number[library.name.as_str()];
            bytes[package] = bytes[package].saturating_add(library.bytes);
            // Another unit of the package of a frozen dependency may be local.
            let local = library.deps.iter().filter(|dep| !survey.is_frozen(**dep));
            deps[package].extend(local.map(|dep| number[survey.name(*dep)]));
            deps[package].remove(&package);
        }
        for (name, known) in known.parts.iter().flatten() {
            if let Some(package) = number.get(name.as_str())
                && bytes[*package] == 0
            {
                bytes[*package] = *known;
            }
        }
        Packages {
            dependents_first: dependents_first(&deps),
            names,
            bytes,
            deps,
        }
    }

    fn is_cyclic(&self) -> bool {
        self.dependents_first.len() < self.names.len()
    }

    /// The known cut with all packages and their sizes, if each new package has a place in it.
    fn fit_into(&self, known: &Cut) -> Result<Cut, CutReason> {
        if self.is_cyclic() {
            return Err(CutReason::Cycle);
        }
        let Some(last) = known.parts.iter().rposition(|part| !part.is_empty()) else {
            return Err(CutReason::First);
        };
        let part_of = known.part_of();
        if known.parts.len() > MAX_PARTS || part_of.len() < known.packages() {
            return Err(CutReason::Damaged);
        }
        let mut cut = known.clone();
        // The lowest part of a dependent.
        let mut highest = vec![last; self.names.len()];
        for package in &self.dependents_first {
            let name = self.names[*package];
            let part = part_of.get(name).copied().unwrap_or(highest[*package]);
            if part > highest[*package] {
                return Err(CutReason::Order(name.to_owned()));
            }
            for dep in &self.deps[*package] {
                highest[*dep] = highest[*dep].min(part);
            }
            cut.parts[part].insert(name.to_owned(), self.bytes[*package]);
        }
        match self.reason_to_cut_anew(&cut) {
            Some(reason) => Err(reason),
            None => Ok(cut),
        }
    }

    /// The reason to cut anew, for a known cut that holds all packages.
    fn reason_to_cut_anew(&self, cut: &Cut) -> Option<CutReason> {
        let all = cut.bytes();
        if u128::from(sum(self.bytes.iter())) * 2 < u128::from(all) {
            return None;
        }
        let fresh = self.cut_fresh();
        let parts = cut.filled();
        let differs = |other: usize| other > 2 * parts || 2 * other < parts;
        if is_lopsided(cut) && !is_lopsided(&fresh) {
            Some(CutReason::Lopsided)
        } else if differs(wanted_parts(all, cut.packages())) && differs(fresh.filled()) {
            Some(CutReason::Number)
        } else {
            None
        }
    }

    fn cut_fresh(&self) -> Cut {
        let mut left = sum(self.bytes.iter());
        let mut parts_left = match self.is_cyclic() {
            true => 1,
            false => wanted_parts(left, self.names.len()),
        };
        let mut parts = Vec::new();
        let mut part = BTreeMap::new();
        let mut part_bytes = 0_u64;
        for package in self.lowest_first() {
            let bytes = self.bytes[package];
            // With the package, the part would exceed its share of the remaining bytes by more than
            // it falls short of that share now.
            let doubled = u128::from(part_bytes) * 2 + u128::from(bytes);
            let is_full = doubled * parts_left as u128 > u128::from(left) * 2;
            if is_full && parts_left > 1 && !part.is_empty() {
                parts.push(std::mem::take(&mut part));
                left = left.saturating_sub(part_bytes);
                part_bytes = 0;
                parts_left -= 1;
            }
            part.insert(self.names[package].to_owned(), bytes);
            part_bytes = part_bytes.saturating_add(bytes);
        }
        parts.push(part);
        Cut { parts }
    }

    /// All packages, those with the most packages above them first, then by name.
    fn lowest_first(&self) -> Vec<usize> {
        let mut above = vec![BitSet::empty(self.names.len()); self.names.len()];
        for package in &self.dependents_first {
            let mut with_itself = above[*package].clone();
            with_itself.insert(*package);
            for dep in &self.deps[*package] {
                above[*dep].insert_all(&with_itself);
            }
        }
        let mut packages: Vec<usize> = (0..self.names.len()).collect();
        packages.sort_by_key(|package| std::cmp::Reverse(above[*package].len()));
        packages
    }
}

/// How many parts suit packages of that number and size in bytes.
fn wanted_parts(bytes: u64, packages: usize) -> usize {
    let by_size = usize::try_from(bytes.div_ceil(PART_BYTES)).unwrap_or(MAX_PARTS);
    by_size.clamp(1, MAX_PARTS).min(packages)
}

/// Whether a part of several packages is more than three times as large as the average.
fn is_lopsided(cut: &Cut) -> bool {
    let shared = cut.parts.iter().filter(|part| part.len() > 1);
    let largest = shared.map(|part| sum(part.values())).max().unwrap_or(0);
    u128::from(largest) * cut.filled() as u128 > u128::from(cut.bytes()) * 3
}

fn size(cut: &Cut) -> CutSize {
    CutSize {
        parts: cut.filled(),
        packages: cut.packages(),
        bytes: cut.bytes(),
    }
}
