//! The records of earlier builds in a target directory, which this build also writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::graph::UnitKey;

/// The records that earlier builds left in the target directory: the pools of one link setting, and
/// the cut, which is that of all settings.
///
/// A plan trusts none of them: it ignores a record that contradicts the graph or itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The pools, in any order.
    pub pools: Vec<KnownPool>,
    /// How the path crates were cut into parts; empty before the first build.
    pub cut: Cut,
}

/// Names a pool in its target directory, for as long as the pool lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(u64);

impl PoolId {
    /// The id of that number.
    pub fn new(value: u64) -> PoolId {
        PoolId(value)
    }

    /// The number that was given to [`PoolId::new`].
    pub fn value(self) -> u64 {
        self.0
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The record of a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownPool {
    /// Larger than that of each pool it needs.
    pub generation: u64,
    /// Its name in the target directory.
    pub id: PoolId,
    /// The units linked into it, each with the size of its rlib in bytes, 0 where that is unknown.
    pub members: BTreeMap<UnitKey, u64>,
    /// The pools that hold dependencies of members.
    pub needs: BTreeSet<PoolId>,
}

impl KnownPool {
    /// Size of the rlibs of all members, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        sum(self.members.values())
    }
}

/// Which packages are in which part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The parts, the lowest first: for each package by name the size of its rlibs in bytes, 0
    /// where that is unknown.
    pub parts: Vec<BTreeMap<String, u64>>,
}

impl Cut {
    /// The part of each package; of a package that is in several, the highest.
    pub(super) fn part_of(&self) -> BTreeMap<&str, usize> {
        let parts = self.parts.iter().enumerate();
        parts
            .flat_map(|(number, part)| part.keys().map(move |name| (name.as_str(), number)))
            .collect()
    }

    /// Size of the rlibs of all packages, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        sum(self.parts.iter().flat_map(BTreeMap::values))
    }

    /// How many packages there are.
    pub(super) fn packages(&self) -> usize {
        self.parts.iter().map(BTreeMap::len).sum()
    }

    /// How many parts have a package.
    pub(super) fn filled(&self) -> usize {
        let parts = self.parts.iter();
        parts.filter(|part| !part.is_empty()).count()
    }
}

/// A sum that no record, however wrong, makes overflow.
pub(super) fn sum<'a>(bytes: impl Iterator<Item = &'a u64>) -> u64 {
    bytes.fold(0, |sum, bytes| sum.saturating_add(*bytes))
}
