//! Which libraries go into one group, and so into one shared object or a few.
//!
//! With one shared object for each crate, programs start slowly (measured: 45 to 64 ms at 129
//! crates, 6 to 7 ms with few objects). One for all crates would have to be linked again after each
//! edit, and for each selection of packages. These rules avoid both:
//!
//! 1. **Closed under dependencies.** A library that the user opted out stays in the executable, and
//!    so do all libraries that depend on it. So a group never needs a symbol that only some
//!    executables have, and the linker can check every reference of a group when an executable is
//!    linked.
//! 2. **Layers.** Libraries that an edit can rebuild are apart from those that stay as they are. A
//!    library is *local* if it is a path crate *or depends on a local library*, since Cargo
//!    rebuilds it too when that one changes. The rest is *frozen*. The second half of the rule is
//!    for a registry crate to which `[patch]` gives a path dependency: if only the origin counted,
//!    the two layers could need each other.
//! 3. **Pools** hold the frozen libraries. A pool is linked once and serves each build that reaches
//!    one of its libraries, whatever else that build reaches. Libraries that no pool holds go into
//!    one new pool. Pools are merged before a final unit loads more than [`MAX_POOLS`].
//! 4. **Parts** hold the local libraries. After an edit, Cargo links the parts that hold a
//!    recompiled package. So there are the more parts the more local code there is, but at most
//!    [`MAX_PARTS`].
//! 5. **Only what is used.** A library that no final unit reaches is in no group of the plan, and
//!    in no new pool.
//!
//! A group may hold libraries that a final unit loads and does not reach. Only the bytes of an rlib
//! show whether its library has an effect on such a final unit, so `link-engine` decides about
//! that.
//!
//! Both pools and parts follow from the records of earlier builds ([`Known`]): a plan keeps them as
//! long as they serve. The same plan follows from the same graph and the same records, in whatever
//! order they are given, and planning again with the records of a plan changes nothing.
//!
//! # The group graph is acyclic
//!
//! A dependency never leads from a frozen library to a local one, since the dependent would be
//! local. `pools.rs` shows that pools never need each other in a cycle, and `parts.rs` shows the
//! same for parts.

mod assemble;
mod bits;
mod decision;
mod known;
mod merge;
mod parts;
mod pools;
mod survey;

use std::collections::BTreeSet;

use crate::graph::{CycleError, GroupId, LibraryId, LinkGraph, UnitKey};

pub use decision::{CutReason, CutSize, Decision, DropReason, PoolSize};
pub use known::{Cut, Known, KnownPool, PoolId};
pub use merge::MAX_POOLS;
pub use parts::{MAX_PARTS, PART_BYTES};

/// The groups with their libraries, the groups that each final unit loads, the libraries that stay
/// in the executables, and the records for the next build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The groups, by [`GroupId::index`], each after the groups it needs: pools by generation,
    /// then parts from the lowest.
    pub groups: Vec<Group>,
    /// One entry for each final unit, by [`FinalId::index`](crate::graph::FinalId::index).
    pub finals: Vec<FinalPlan>,
    /// The libraries that final units reach but that are in no group, by name, key and id.
    pub kept: Vec<(LibraryId, KeptReason)>,
    /// The cut to be kept: the known one, byte for byte, if it holds all packages of this graph.
    pub cut: Cut,
    /// Every pool that lives after this plan, by generation, then by id, with those that this
    /// graph does not use.
    ///
    /// The record of a known pool stays as it was, except for sizes and needs that differ in this
    /// graph.
    pub living: Vec<KnownPool>,
    /// The decisions about pools and cut, with their reasons.
    pub decisions: Vec<Decision>,
}

/// The libraries that are linked together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Whether an edit can change it, and which one it is.
    pub kind: GroupKind,
    /// The libraries of this graph that are linked into it, dependents first, as rustc puts rlibs
    /// on a link line.
    ///
    /// None in a pool that is there only because another one needs it.
    pub members: Vec<LibraryId>,
    /// Every other group that holds a dependency of a member, direct or not, and for a pool those
    /// that its record names, dependents first.
    ///
    /// Indirect dependencies count: by inlining and generic instantiation, the objects of a crate
    /// may refer to symbols of any crate below it. A needed group may need more groups for its
    /// other libraries; those are only in [`FinalPlan::groups`].
    pub needs: Vec<GroupId>,
}

/// Whether an edit can change a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// No library in it can be changed by an edit; needs only pools.
    Pool(Pool),
    /// Path crates and what depends on one.
    Part {
        /// Position in [`Cut::parts`], from 0.
        number: usize,
    },
}

/// The data of a pool besides its members in this graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name in the target directory.
    pub id: PoolId,
    /// Larger than that of each pool it needs.
    pub generation: u64,
    /// The units in it that this graph does not have, or does not reach.
    pub carried: BTreeSet<UnitKey>,
    /// The known pools whose records list the carried units, oldest first: the pool itself, or
    /// those that it replaces. None for a new pool.
    pub from: Vec<PoolId>,
}

/// The groups with which one final unit is linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalPlan {
    /// The groups that hold its libraries, and all that these need, dependents first.
    pub groups: Vec<GroupId>,
}

/// Why a library is linked into the executables instead of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeptReason {
    /// The user opted it out.
    OptedOut,
    /// It depends directly on this library, which stays: the first of these by name.
    DependsOn(LibraryId),
}

/// Puts the libraries of a graph in groups, by the rules in the [module header](self).
///
/// The result depends on the graph and on what is known only, not on the order in which either
/// was built, as long as no two libraries have the same key.
///
/// # Errors
///
/// The libraries depend on each other in a cycle.
pub fn plan(graph: &LinkGraph, known: &Known) -> Result<Plan, CycleError> {
    let survey = survey::Survey::new(graph)?;
    let mut decisions = Vec::new();
    let living = pools::living_pools(&survey, &known.pools, &mut decisions);
    let cut = parts::cut(&survey, &known.cut, &mut decisions);
    let (groups, finals) = assemble::assemble(&survey, &living, &cut);
    Ok(Plan {
        groups,
        finals,
        kept: survey.reached_kept(),
        cut,
        living: living.into_iter().map(|pool| pool.record).collect(),
        decisions,
    })
}
