//! The decisions of a plan with their reasons, for those who trace a build.

use std::fmt;

use super::known::PoolId;
use crate::graph::UnitKey;

/// One decision of [`plan`](super::plan); its `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A known pool lives on as it is.
    PoolKept {
        /// The pool.
        pool: PoolSize,
        /// How many of its members this graph reaches.
        reached: usize,
    },
    /// Libraries that were in no living pool are in a new one.
    PoolMade {
        /// The new pool.
        pool: PoolSize,
    },
    /// A new pool takes the place of several.
    PoolsMerged {
        /// The new pool.
        pool: PoolSize,
        /// The known pools whose place it takes, oldest first.
        from: Vec<PoolId>,
        /// How many of its members were in no living pool.
        new: usize,
    },
    /// No group uses a known pool any more.
    PoolDropped {
        /// The pool.
        pool: PoolSize,
        /// Why it is dropped.
        reason: DropReason,
    },
    /// The known cut holds all packages of this graph.
    CutKept {
        /// The cut, with the sizes of this graph.
        cut: CutSize,
    },
    /// The known cut got more packages.
    CutExtended {
        /// The cut, with the sizes of this graph.
        cut: CutSize,
        /// How many packages are new.
        added: usize,
    },
    /// The packages of this graph were cut into parts anew.
    CutMade {
        /// The cut, with the sizes of this graph.
        cut: CutSize,
        /// Why the known cut was not kept.
        reason: CutReason,
    },
}

/// How much a pool holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    /// The pool.
    pub id: PoolId,
    /// Its generation.
    pub generation: u64,
    /// Number of its members, those included that this graph does not have.
    pub members: usize,
    /// Size of their rlibs, in bytes.
    pub bytes: u64,
}

/// How much a cut holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutSize {
    /// Number of parts that are not empty.
    pub parts: usize,
    /// Number of packages, those included that this graph does not have.
    pub packages: usize,
    /// Size of their rlibs, in bytes.
    pub bytes: u64,
}

/// Why a pool does not live on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// It has no member, the largest generation there is, or the id of an older pool.
    Damaged,
    /// It needs this pool, which does not live or is not older.
    Needs(PoolId),
    /// Another pool holds one of its members.
    Held {
        /// The member.
        unit: UnitKey,
        /// The other pool, which was there first.
        by: PoolId,
    },
    /// The package of this name is a member, and now stays in the executables or can be edited.
    NotFrozen(String),
    /// A dependency of a member is in no older pool.
    NotClosed {
        /// The package of the member.
        member: String,
        /// The package of the dependency.
        dependency: String,
    },
}

/// Why a known cut cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CutReason {
    /// There is none yet.
    First,
    /// It has too many parts, or a package in two.
    Damaged,
    /// A package would be in a part above one of its dependents; this is its name.
    Order(String),
    /// One of its parts is much larger than the others.
    Lopsided,
    /// It has many more or fewer parts than its size asks for.
    Number,
    /// Packages depend on each other in a cycle, so one part has to hold all.
    Cycle,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decision::PoolKept { pool, reached } => {
                write!(f, "keep pool {pool}, {reached} members reached")
            }
            Decision::PoolMade { pool } => write!(f, "make pool {pool}"),
            Decision::PoolsMerged { pool, from, new } => {
                let from: Vec<String> = from.iter().map(|id| format!("`{id}`")).collect();
                let from = from.join(", ");
                write!(f, "merge {from} and {new} new libraries into pool {pool}")
            }
            Decision::PoolDropped { pool, reason } => write!(f, "drop pool {pool}: {reason}"),
            Decision::CutKept { cut } => write!(f, "keep the cut of {cut}"),
            Decision::CutExtended { cut, added } => {
                write!(f, "extend the cut by {added} packages to {cut}")
            }
            Decision::CutMade { cut, reason } => write!(f, "cut anew into {cut}: {reason}"),
        }
    }
}

impl fmt::Display for PoolSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PoolSize {
            id,
            generation,
            members,
            bytes,
        } = self;
        write!(
            f,
            "`{id}` (generation {generation}, {members} members, {bytes} bytes)"
        )
    }
}

impl fmt::Display for CutSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CutSize {
            parts,
            packages,
            bytes,
        } = self;
        write!(f, "{parts} parts ({packages} packages, {bytes} bytes)")
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DropReason::Damaged => f.write_str("its record is damaged"),
            DropReason::Needs(id) => write!(f, "it needs pool `{id}`, which is not there"),
            DropReason::Held { unit, by } => {
                write!(f, "pool `{by}` holds its member `{unit}` too")
            }
            DropReason::NotFrozen(name) => {
                write!(f, "its member `{name}` does not belong in a pool any more")
            }
            DropReason::NotClosed { member, dependency } => write!(
                f,
                "its member `{member}` depends on `{dependency}`, which is in no older pool"
            ),
        }
    }
}

impl fmt::Display for CutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CutReason::First => f.write_str("there is no cut yet"),
            CutReason::Damaged => f.write_str("the record of the known cut is damaged"),
            CutReason::Order(name) => {
                write!(f, "`{name}` would be in a part above one of its dependents")
            }
            CutReason::Lopsided => f.write_str("one part is much larger than the others"),
            CutReason::Number => f.write_str("the number of parts does not suit the size any more"),
            CutReason::Cycle => f.write_str("packages depend on each other in a cycle"),
        }
    }
}
