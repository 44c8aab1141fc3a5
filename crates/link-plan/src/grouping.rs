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
//! 3. **A local group is one final unit's.** It holds exactly what the final unit reaches; final
//!    units that reach the same share it. So an edit relinks the groups of those final units that
//!    a static build would link, and what a final unit loads of the local layer does not depend
//!    on what else is built.
//! 4. **The frozen group is common** to all final units. It is large and linked once, and what a
//!    final unit does not reach in it must be without effect (rule 5).
//! 5. **No effect on others.** A library of the common group that some final unit of it does not
//!    reach is a *bystander* there: it must neither define a symbol that a program could mean
//!    another by, nor load a library of the platform. A library that may bring such things
//!    ([`Library::native`](crate::graph::Library::native)), with its dependents, is in the common
//!    group if all final units reach it, else in one of those that exactly the same final units
//!    reach.
//! 6. **Only what is used.** A library that no final unit reaches is in no group.
//!
//! In ordinary projects that makes at most two groups for a final unit, and the one of the sysroot
//! crates, which is no matter of grouping.
//!
//! # The group graph is acyclic
//!
//! Let `a` depend on `b`, both members of groups of one final unit, and the groups differ. If the
//! layers differ, `a` is local and `b` is frozen, since a dependent of a local library is local.
//! Otherwise both are frozen: two libraries of the local layer would share the group. What a
//! library in the common group depends on is there too (if all reach `a`, all reach `b`; if
//! nothing below `a` is native, nothing below `b` is), so `a` is in an exact group. If `b` is in one
//! too, more final units reach it than reach `a`. So along every edge between two groups the
//! triple (local before frozen, exact before common, number of users) grows, and a path never
//! comes back.
//!
//! A library can be in several groups, but never in two of one final unit.

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
    let native_below = native_below(graph, &order);

    let mut stays = Vec::new();
    let mut frozen = Vec::new();
    let mut local = Vec::new();
    for id in graph.library_ids() {
        if users[id.index()].is_empty() {
            continue;
        }
        match (stay_reasons[id.index()], layers[id.index()]) {
            (Some(reason), _) => stays.push((id, reason)),
            (None, Layer::Frozen) => frozen.push(id),
            (None, Layer::Local) => local.push(id),
        }
    }
    stays.sort_by_key(|(id, _)| by_name(graph, *id));

    let mut groups = Groups::new(graph);
    for draft in frozen_drafts(&frozen, &users, &native_below) {
        groups.add(draft);
    }
    for draft in local_drafts(&local, &users) {
        groups.add(draft);
    }
    Ok(groups.into_plan(stays))
}

/// A group to be.
struct Draft {
    layer: Layer,
    /// The final units that load it.
    users: FinalSet,
    members: BTreeSet<LibraryId>,
    bystanders: BTreeSet<LibraryId>,
}

/// The frozen groups: the common one, then the exact ones, each after those with more users.
fn frozen_drafts(frozen: &[LibraryId], users: &[FinalSet], native_below: &[bool]) -> Vec<Draft> {
    let all = union(frozen, users);
    let (common, native): (Vec<LibraryId>, Vec<LibraryId>) = frozen
        .iter()
        .partition(|id| users[id.index()] == all || !native_below[id.index()]);
    let loaders = union(&common, users);
    let is_exact = common.iter().all(|id| users[id.index()] == loaders);
    let bystanders = common
        .iter()
        .copied()
        .filter(|id| !is_exact && !native_below[id.index()])
        .collect();
    let common = Draft {
        layer: Layer::Frozen,
        users: loaders,
        members: common.into_iter().collect(),
        bystanders,
    };

    let mut by_users = BTreeMap::<&FinalSet, BTreeSet<LibraryId>>::new();
    for id in native {
        by_users.entry(&users[id.index()]).or_default().insert(id);
    }
    let mut exact: Vec<Draft> = by_users
        .into_iter()
        .map(|(users, members)| Draft {
            layer: Layer::Frozen,
            users: users.clone(),
            members,
            bystanders: BTreeSet::new(),
        })
        .collect();
    exact.sort_by_key(|draft| std::cmp::Reverse(draft.users.count()));
    [common].into_iter().chain(exact).collect()
}

/// The final units that reach one of these libraries.
fn union(libraries: &[LibraryId], users: &[FinalSet]) -> FinalSet {
    let mut union = users.first().map_or(FinalSet::empty(0), FinalSet::cleared);
    for id in libraries {
        union.insert_all(&users[id.index()]);
    }
    union
}

/// The local groups: one for each set of libraries that a final unit reaches.
fn local_drafts(local: &[LibraryId], users: &[FinalSet]) -> Vec<Draft> {
    let all = union(local, users);
    let mut by_members = BTreeMap::<BTreeSet<LibraryId>, FinalSet>::new();
    for final_index in all.iter() {
        let reached = local
            .iter()
            .copied()
            .filter(|id| users[id.index()].contains(final_index))
            .collect();
        let users = by_members.entry(reached).or_insert_with(|| all.cleared());
        users.insert(final_index);
    }
    by_members
        .into_iter()
        .map(|(members, users)| Draft {
            layer: Layer::Local,
            users,
            members,
            bystanders: BTreeSet::new(),
        })
        .collect()
}

/// The groups so far, each after those it needs.
struct Groups<'a> {
    graph: &'a LinkGraph,
    groups: Vec<SettledGroup>,
    /// For each final unit, the groups that it loads.
    of_final: Vec<BTreeSet<usize>>,
}

/// A group with what it needs.
struct SettledGroup {
    layer: Layer,
    members: BTreeSet<LibraryId>,
    bystanders: BTreeSet<LibraryId>,
    needs: BTreeSet<usize>,
}

impl<'a> Groups<'a> {
    fn new(graph: &'a LinkGraph) -> Groups<'a> {
        Groups {
            graph,
            groups: Vec::new(),
            of_final: vec![BTreeSet::new(); graph.final_units().len()],
        }
    }

    /// Adds a group, if there is something in it.
    fn add(&mut self, draft: Draft) {
        // All users have the same groups below, so any of them can tell what is needed.
        let Some(user) = draft.users.iter().next() else {
            return;
        };
        let needs: BTreeSet<usize> = reached(self.graph, &draft.members)
            .into_iter()
            .filter_map(|id| self.holder(user, id))
            .collect();
        for user in draft.users.iter() {
            self.of_final[user].insert(self.groups.len());
        }
        self.groups.push(SettledGroup {
            layer: draft.layer,
            members: draft.members,
            bystanders: draft.bystanders,
            needs,
        });
    }

    /// The group of a final unit that holds a library.
    fn holder(&self, final_index: usize, library: LibraryId) -> Option<usize> {
        let mut groups = self.of_final[final_index].iter().copied();
        groups.find(|index| self.groups[*index].members.contains(&library))
    }

    fn into_plan(self, stays: Vec<(LibraryId, StayReason)>) -> Plan {
        let order = self.order();
        let mut id_of = vec![GroupId::new(0); order.len()];
        for (position, index) in order.iter().enumerate() {
            id_of[*index] = GroupId::new(position);
        }
        let ids = |indices: &BTreeSet<usize>| {
            let ids: BTreeSet<GroupId> = indices.iter().map(|index| id_of[*index]).collect();
            ids.into_iter().rev().collect()
        };
        Plan {
            groups: order
                .iter()
                .map(|index| {
                    let group = &self.groups[*index];
                    Group {
                        layer: group.layer,
                        members: order_members(self.graph, &group.members),
                        bystanders: group.bystanders.clone(),
                        needs: ids(&group.needs),
                    }
                })
                .collect(),
            finals: self
                .of_final
                .iter()
                .map(|groups| FinalPlan {
                    groups: ids(groups),
                })
                .collect(),
            stays,
        }
    }

    /// The indices of all groups, each after those it needs, and otherwise by names alone.
    fn order(&self) -> Vec<usize> {
        let groups = self.groups.iter();
        let keys: Vec<_> = groups
            .map(|group| names(self.graph, &group.members))
            .collect();
        let groups = self.groups.iter();
        let needs: Vec<_> = groups.map(|group| group.needs.clone()).collect();
        let mut order = dependents_first(&keys, &needs);
        order.reverse();
        order
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

/// For each library, whether it or one that it depends on is native.
fn native_below(graph: &LinkGraph, dependencies_first: &[LibraryId]) -> Vec<bool> {
    let mut native_below = vec![false; graph.libraries().len()];
    for id in dependencies_first {
        let library = graph.library(*id);
        let mut deps = library.deps.iter();
        native_below[id.index()] = library.native || deps.any(|dep| native_below[dep.index()]);
    }
    native_below
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

/// Those libraries in the order of their names.
fn names<'a>(
    graph: &'a LinkGraph,
    ids: impl IntoIterator<Item = &'a LibraryId>,
) -> BTreeSet<(&'a str, LibraryId)> {
    ids.into_iter().map(|id| by_name(graph, *id)).collect()
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

    /// A set for the same final units without any.
    fn cleared(&self) -> FinalSet {
        FinalSet(vec![0; self.0.len()])
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

    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|index| self.contains(*index))
    }
}
