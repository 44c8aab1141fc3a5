//! Which libraries are linked into one shared object.
//!
//! One shared object for each crate is slow to start (measured: 45 to 64 ms at 129 crates, 6 to
//! 7 ms with few objects). One for all crates is linked again after each edit, and makes each edit
//! reach executables that do not use what was edited. Between the two stand these rules:
//!
//! 1. **Closed under dependencies.** A library that opted out stays in the executable, and so does
//!    everything that depends on it. So a group never needs a symbol that only some executables
//!    have, and the linker can check every reference of a group when an executable is linked.
//! 2. **Layers.** Libraries that an edit can rebuild are apart from those that stay as they are: a
//!    library is in [`Layer::Local`] if it is a path crate *or depends on a library of that
//!    layer*, since Cargo rebuilds it too when that one changes. The rest is [`Layer::Frozen`]. A
//!    registry crate that `[patch]` gives a path dependency is the reason for the second half:
//!    taken by origin alone, the two layers could need each other.
//! 3. **One group for each layer**, common to all final units. It is linked once, and what a
//!    final unit does not reach in it must be without effect (rule 4).
//! 4. **No effect on others.** A library of a common group that some final unit does not reach is
//!    a *bystander* there: it must neither define a symbol that a program could mean another by,
//!    nor load a library of the platform. A library that may bring such things
//!    ([`Library::native`](crate::graph::Library::native)) is in the common group if all final
//!    units reach it. If not, it and what depends on it are in *exact* groups: one of each layer
//!    for each set of such libraries that a final unit reaches.
//! 5. **Only what is used.** A library that no final unit reaches is in no group.
//!
//! So a final unit has at most two groups, four where native libraries are not common to all, and
//! the one of the sysroot crates, which is no matter of grouping. A library can be in several exact
//! groups, but never in two groups of one final unit.
//!
//! # The group graph is acyclic
//!
//! Let `a` depend on `b`, both in groups of one final unit, and the groups differ. If the layers
//! differ, `a` is local and `b` is frozen, since a dependent of a local library is local.
//! Otherwise `a` is in an exact group and `b` in the common one: what depends on a library outside
//! of the common group is outside of it too. So along every edge between two groups the pair
//! (local before frozen, exact before common) grows, and a path never comes back.
//!
//! Which libraries share a group does depend on all final units: another selection has other
//! common groups.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{CycleError, GroupId, LibraryId, LinkGraph, Origin};

/// Which libraries are linked into which group, which group each final unit loads, and what stays
/// in the executables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The groups, by [`GroupId::index`], each after the groups it needs.
    pub groups: Vec<Group>,
    /// One entry for each final unit, by [`FinalId::index`](crate::graph::FinalId::index).
    pub finals: Vec<FinalPlan>,
    /// The libraries that final units reach but that are in no group, by name, then by id.
    pub stays: Vec<(LibraryId, StayReason)>,
}

/// The libraries of one shared object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The layer of all its members.
    pub layer: Layer,
    /// The libraries linked into it, dependents first, as rustc puts rlibs on a link line.
    pub members: Vec<LibraryId>,
    /// Those members that must be without effect, because some final unit that loads the group
    /// may not reach them. None in a group of which every final unit reaches all.
    pub bystanders: BTreeSet<LibraryId>,
    /// Every other group that holds a dependency of a member, direct or not, dependents first.
    ///
    /// Not only the direct ones: inlining and generic instantiation let the objects of a crate
    /// refer to symbols of any crate below it.
    pub needs: Vec<GroupId>,
}

/// What one final unit is linked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalPlan {
    /// The groups that hold its libraries, dependents first.
    pub groups: Vec<GroupId>,
}

/// Whether an edit can change a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// No library in it can be changed by an edit; needs only groups of this layer.
    Frozen,
    /// Path crates and everything that depends on one.
    Local,
}

/// Why a library is linked into the executables instead of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StayReason {
    /// The user opted it out.
    OptedOut,
    /// It depends directly on this library, which stays: the first of these by name.
    DependsOn(LibraryId),
}

/// Puts the libraries of a graph in groups, by the rules in the [module header](self).
///
/// The result depends on the graph only, not on the order in which it was built, except that
/// libraries of equal name are ordered by id.
///
/// # Errors
///
/// The libraries depend on each other in a cycle.
pub fn plan(graph: &LinkGraph) -> Result<Plan, CycleError> {
    let order = graph.dependencies_first()?;
    let users = users(graph, &order);
    let layers = layers(graph, &order);
    let stay_reasons = stay_reasons(graph, &order);

    let mut stays = Vec::new();
    let mut members = Vec::new();
    for id in graph.library_ids() {
        match stay_reasons[id.index()] {
            _ if users[id.index()].is_empty() => {}
            Some(reason) => stays.push((id, reason)),
            None => members.push(id),
        }
    }
    stays.sort_by_key(|(id, _)| by_name(graph, *id));

    let mut all = FinalSet::empty(graph.final_units().len());
    for id in &members {
        all.insert_all(&users[id.index()]);
    }
    let is_partly_native = partly_native(graph, &order, |id| users[id.index()] == all);
    let (exact, common): (Vec<LibraryId>, Vec<LibraryId>) = members
        .into_iter()
        .partition(|id| is_partly_native[id.index()]);
    let mut groups = Groups::new(graph);
    let mut same_below = BTreeMap::from([(Vec::new(), all.clone())]);
    for layer in [Layer::Frozen, Layer::Local] {
        let in_layer = |id: &LibraryId| layers[id.index()] == layer;
        let common: BTreeSet<_> = common.iter().copied().filter(in_layer).collect();
        groups.add(Draft {
            layer,
            users: all.clone(),
            bystanders: bystanders(graph, &common, |id| users[id.index()] == all),
            members: common,
        });
        let exact: Vec<_> = exact.iter().copied().filter(in_layer).collect();
        same_below = split(same_below, &exact, &users);
        for (sets, users) in &same_below {
            groups.add(Draft {
                layer,
                users: users.clone(),
                members: sets.last().into_iter().flatten().copied().collect(),
                bystanders: BTreeSet::new(),
            });
        }
    }
    Ok(Plan {
        finals: groups.final_plans(&users),
        groups: groups.into_groups(),
        stays,
    })
}

/// Final units that have the same exact groups in the layers so far, by the members of those.
type SameBelow = BTreeMap<Vec<BTreeSet<LibraryId>>, FinalSet>;

/// Splits final units by what they reach in one more layer, of which `exact` are the libraries
/// outside of the common group.
fn split(same_below: SameBelow, exact: &[LibraryId], users: &[FinalSet]) -> SameBelow {
    let mut split = SameBelow::new();
    for (sets, finals) in same_below {
        for final_index in finals.iter() {
            let reached = exact.iter().copied();
            let reached = reached.filter(|id| users[id.index()].contains(final_index));
            let mut sets = sets.clone();
            sets.push(reached.collect());
            split
                .entry(sets)
                .or_insert_with(|| finals.cleared())
                .insert(final_index);
        }
    }
    split
}

/// Those members of a common group that must be without effect: if it has any that some final
/// unit does not reach, all but the native ones, which all reach.
fn bystanders(
    graph: &LinkGraph,
    members: &BTreeSet<LibraryId>,
    is_reached_by_all: impl Fn(LibraryId) -> bool,
) -> BTreeSet<LibraryId> {
    if members.iter().all(|id| is_reached_by_all(*id)) {
        return BTreeSet::new();
    }
    let members = members.iter().copied();
    members.filter(|id| !graph.library(*id).native).collect()
}

/// A group to be.
struct Draft {
    layer: Layer,
    /// The final units that may load it.
    users: FinalSet,
    members: BTreeSet<LibraryId>,
    bystanders: BTreeSet<LibraryId>,
}

/// A group with what it needs.
#[derive(PartialEq, Eq)]
struct SettledGroup {
    layer: Layer,
    members: BTreeSet<LibraryId>,
    bystanders: BTreeSet<LibraryId>,
    needs: BTreeSet<usize>,
}

/// The groups so far, each after those it needs.
struct Groups<'a> {
    graph: &'a LinkGraph,
    groups: Vec<SettledGroup>,
    /// For each final unit, the groups that it may load.
    of_final: Vec<Vec<usize>>,
}

impl<'a> Groups<'a> {
    fn new(graph: &'a LinkGraph) -> Groups<'a> {
        Groups {
            graph,
            groups: Vec::new(),
            of_final: vec![Vec::new(); graph.final_units().len()],
        }
    }

    /// Adds a group, if there is something in it.
    fn add(&mut self, draft: Draft) {
        // All users have the same groups below, so any of them can tell what is needed.
        let Some(user) = draft
            .users
            .iter()
            .next()
            .filter(|_| !draft.members.is_empty())
        else {
            return;
        };
        let needs = reached(self.graph, &draft.members)
            .into_iter()
            .filter_map(|id| self.holder(user, id))
            .collect();
        let group = SettledGroup {
            layer: draft.layer,
            members: draft.members,
            bystanders: draft.bystanders,
            needs,
        };
        // Final units with different groups below may still need the same of them here.
        let same = self.groups.iter().position(|other| *other == group);
        let index = same.unwrap_or_else(|| {
            self.groups.push(group);
            self.groups.len() - 1
        });
        for user in draft.users.iter() {
            self.of_final[user].push(index);
        }
    }

    /// The group of a final unit that holds a library.
    fn holder(&self, final_index: usize, library: LibraryId) -> Option<usize> {
        let mut groups = self.of_final[final_index].iter().copied();
        groups.find(|index| self.groups[*index].members.contains(&library))
    }

    /// A final unit loads the groups in which it reaches a library, and those they need.
    fn final_plans(&self, users: &[FinalSet]) -> Vec<FinalPlan> {
        let ids = self.ids();
        let plan = |final_index: usize| {
            let mut loaded = BTreeSet::new();
            for index in &self.of_final[final_index] {
                let group = &self.groups[*index];
                let mut members = group.members.iter();
                if members.any(|id| users[id.index()].contains(final_index)) {
                    loaded.insert(ids[*index]);
                    loaded.extend(group.needs.iter().map(|need| ids[*need]));
                }
            }
            FinalPlan {
                groups: loaded.into_iter().rev().collect(),
            }
        };
        (0..self.of_final.len()).map(plan).collect()
    }

    fn into_groups(self) -> Vec<Group> {
        let ids = self.ids();
        let mut groups: Vec<(GroupId, Group)> = self
            .groups
            .into_iter()
            .enumerate()
            .map(|(index, group)| {
                let needs: BTreeSet<GroupId> = group.needs.iter().map(|need| ids[*need]).collect();
                let group = Group {
                    layer: group.layer,
                    members: order_members(self.graph, &group.members),
                    bystanders: group.bystanders,
                    needs: needs.into_iter().rev().collect(),
                };
                (ids[index], group)
            })
            .collect();
        groups.sort_by_key(|(id, _)| *id);
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// For each group its id: after those it needs, and otherwise by names alone.
    fn ids(&self) -> Vec<GroupId> {
        let names = |group: &SettledGroup| -> BTreeSet<_> {
            let members = group.members.iter();
            members.map(|id| by_name(self.graph, *id)).collect()
        };
        let keys: Vec<_> = self
            .groups
            .iter()
            .map(|group| {
                let below = group.needs.iter();
                let below: BTreeSet<_> = below.map(|need| names(&self.groups[*need])).collect();
                (names(group), below)
            })
            .collect();
        let needs: Vec<_> = self
            .groups
            .iter()
            .map(|group| group.needs.clone())
            .collect();
        let mut ids = vec![GroupId::new(0); keys.len()];
        let dependencies_first = dependents_first(&keys, &needs).into_iter().rev();
        for (position, index) in dependencies_first.enumerate() {
            ids[index] = GroupId::new(position);
        }
        ids
    }
}

/// For each library, the final units that reach it.
fn users(graph: &LinkGraph, dependencies_first: &[LibraryId]) -> Vec<FinalSet> {
    let empty = FinalSet::empty(graph.final_units().len());
    let mut users = vec![empty; graph.libraries().len()];
    for (final_index, final_unit) in graph.final_units().iter().enumerate() {
        for dep in &final_unit.deps {
            users[dep.index()].insert(final_index);
        }
    }
    for id in dependencies_first.iter().rev() {
        let users_of_dependent = users[id.index()].clone();
        for dep in &graph.library(*id).deps {
            users[dep.index()].insert_all(&users_of_dependent);
        }
    }
    users
}

/// For each library, its layer.
fn layers(graph: &LinkGraph, dependencies_first: &[LibraryId]) -> Vec<Layer> {
    let mut layers = vec![Layer::Frozen; graph.libraries().len()];
    for id in dependencies_first {
        let library = graph.library(*id);
        let rebuilt_with_a_dependency = library
            .deps
            .iter()
            .any(|dep| layers[dep.index()] == Layer::Local);
        if library.origin == Origin::Local || rebuilt_with_a_dependency {
            layers[id.index()] = Layer::Local;
        }
    }
    layers
}

/// For each library, whether it or one that it depends on is native and not reached by all.
fn partly_native(
    graph: &LinkGraph,
    dependencies_first: &[LibraryId],
    is_reached_by_all: impl Fn(LibraryId) -> bool,
) -> Vec<bool> {
    let mut partly_native = vec![false; graph.libraries().len()];
    for id in dependencies_first {
        let library = graph.library(*id);
        let mut deps = library.deps.iter();
        partly_native[id.index()] =
            library.native && !is_reached_by_all(*id) || deps.any(|dep| partly_native[dep.index()]);
    }
    partly_native
}

/// For each library, why it cannot be a group member, if so.
fn stay_reasons(graph: &LinkGraph, dependencies_first: &[LibraryId]) -> Vec<Option<StayReason>> {
    let mut reasons = vec![None; graph.libraries().len()];
    for id in dependencies_first {
        let library = graph.library(*id);
        reasons[id.index()] = if library.opted_out {
            Some(StayReason::OptedOut)
        } else {
            let staying = library.deps.iter().copied();
            staying
                .filter(|dep| reasons[dep.index()].is_some())
                .min_by_key(|dep| by_name(graph, *dep))
                .map(StayReason::DependsOn)
        };
    }
    reasons
}

/// Sort key that does not depend on the order in which a graph was built, if names are unique.
fn by_name(graph: &LinkGraph, id: LibraryId) -> (&str, LibraryId) {
    (&graph.library(id).name, id)
}

fn order_members(graph: &LinkGraph, members: &BTreeSet<LibraryId>) -> Vec<LibraryId> {
    let members: Vec<LibraryId> = members.iter().copied().collect();
    let position: BTreeMap<LibraryId, usize> = members
        .iter()
        .enumerate()
        .map(|(position, id)| (*id, position))
        .collect();
    let keys: Vec<(&str, LibraryId)> = members.iter().map(|id| by_name(graph, *id)).collect();
    let deps: Vec<BTreeSet<usize>> = members
        .iter()
        .map(|id| {
            let deps = graph.library(*id).deps.iter();
            deps.filter_map(|dep| position.get(dep).copied()).collect()
        })
        .collect();
    dependents_first(&keys, &deps)
        .into_iter()
        .map(|position| members[position])
        .collect()
}

/// These libraries and everything they depend on.
///
/// Followed from library to library: the needs of a needed group are more than that, since another
/// member of it may be what has them.
fn reached(graph: &LinkGraph, from: &BTreeSet<LibraryId>) -> BTreeSet<LibraryId> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<LibraryId> = from.iter().copied().collect();
    while let Some(id) = left.pop() {
        if reached.insert(id) {
            left.extend(&graph.library(id).deps);
        }
    }
    reached
}

/// Topological order of an acyclic graph; of the nodes that could come next, the one with the
/// smallest key does.
fn dependents_first<Key: Ord>(keys: &[Key], deps: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut dependents_left = vec![0_usize; keys.len()];
    for dep in deps.iter().flatten() {
        dependents_left[*dep] += 1;
    }
    let mut ready: BTreeSet<(&Key, usize)> = (0..keys.len())
        .filter(|node| dependents_left[*node] == 0)
        .map(|node| (&keys[node], node))
        .collect();
    let mut order = Vec::with_capacity(keys.len());
    while let Some((_, node)) = ready.pop_first() {
        order.push(node);
        for dep in &deps[node] {
            dependents_left[*dep] -= 1;
            if dependents_left[*dep] == 0 {
                ready.insert((&keys[*dep], *dep));
            }
        }
    }
    order
}

/// A set of final units, one bit each: a large workspace has thousands of libraries and hundreds
/// of final units, and each dependency unites two sets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FinalSet(Vec<u64>);

impl FinalSet {
    fn empty(final_units: usize) -> FinalSet {
        FinalSet(vec![0; final_units.div_ceil(64)])
    }

    fn insert(&mut self, index: usize) {
        self.0[index / 64] |= 1 << (index % 64);
    }

    fn insert_all(&mut self, other: &FinalSet) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    fn contains(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// A set for the same final units without any.
    fn cleared(&self) -> FinalSet {
        FinalSet(vec![0; self.0.len()])
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|index| self.contains(*index))
    }
}
