//! Which libraries are linked into one shared object.
//!
//! One shared object for each crate is slow to start (measured: 45 to 64 ms at 129 crates, 6 to
//! 7 ms with few objects). One for all crates is linked again after each edit, and drags libraries
//! into executables that never asked for them. Between the two stand four rules:
//!
//! 1. **Closed under dependencies.** A library that opted out stays in the executable, and so does
//!    everything that depends on it. So a group never needs a symbol that only some executables
//!    have, and the linker can check every reference of a group when an executable is linked.
//! 2. **Layers.** Libraries that an edit can rebuild are apart from those that stay as they are: a
//!    library is in [`Layer::Local`] if it is a path crate *or depends on a library of that
//!    layer*, since Cargo rebuilds it too when that one changes. The rest is [`Layer::Frozen`]. A
//!    registry crate that `[patch]` gives a path dependency is the reason for the second half:
//!    taken by origin alone, the two layers could need each other.
//! 3. **Exactness.** Within a layer, two libraries are in one group if and only if the same final
//!    units reach them. So an executable loads exactly the libraries of its own dependency graph:
//!    no constructor runs and no symbol clashes that a static build would not have.
//! 4. **Only what is used.** A library that no final unit reaches is in no group.
//!
//! # The group graph is acyclic
//!
//! Let `a` depend on `b`, both group members. Who reaches `a` reaches `b`, so the users of `a` are
//! a subset of the users of `b`. If it is a proper subset, the group of `b` has more users. If the
//! sets are equal and the groups differ, the layers differ, and since a dependent of a local
//! library is local, `a` is local and `b` is frozen. So along every edge between two groups the
//! pair (number of users, local before frozen) grows, and a path never comes back.
//!
//! For the same reason a group has no hole: a library between two members of a group is itself a
//! member. The order of group members therefore follows from the group alone, and a group with the
//! same members is the same, whatever else is in the graph.
//!
//! Which libraries share a group does depend on all final units: one more of them can split a group.

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
    let mut members_of = BTreeMap::<(Layer, &FinalSet), Vec<LibraryId>>::new();
    for id in graph
        .library_ids()
        .filter(|id| !users[id.index()].is_empty())
    {
        match stay_reasons[id.index()] {
            Some(reason) => stays.push((id, reason)),
            None => {
                let key = (layers[id.index()], &users[id.index()]);
                members_of.entry(key).or_default().push(id);
            }
        }
    }
    stays.sort_by_key(|(id, _)| by_name(graph, *id));

    let drafts = members_of
        .into_iter()
        .map(|((layer, users), members)| Draft {
            layer,
            users,
            members: order_members(graph, &members),
        })
        .collect();
    let drafts = order_groups(graph, drafts);
    Ok(Plan {
        finals: final_plans(graph, &drafts),
        groups: groups(graph, drafts),
        stays,
    })
}

/// A group before it is known what it needs.
struct Draft<'a> {
    layer: Layer,
    users: &'a FinalSet,
    members: Vec<LibraryId>,
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

fn order_members(graph: &LinkGraph, members: &[LibraryId]) -> Vec<LibraryId> {
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

/// Puts each group after the groups it needs.
fn order_groups<'a>(graph: &LinkGraph, drafts: Vec<Draft<'a>>) -> Vec<Draft<'a>> {
    let keys: Vec<Vec<(&str, LibraryId)>> = drafts
        .iter()
        .map(|draft| draft.members.iter().map(|id| by_name(graph, *id)).collect())
        .collect();
    let mut order = dependents_first(&keys, &direct_needs(graph, &drafts));
    order.reverse();
    let mut drafts: Vec<Option<Draft<'a>>> = drafts.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|index| drafts[index].take())
        .collect()
}

/// For each draft, the other drafts that hold a direct dependency of a member.
fn direct_needs(graph: &LinkGraph, drafts: &[Draft<'_>]) -> Vec<BTreeSet<usize>> {
    let draft_of = draft_of(graph, drafts);
    drafts
        .iter()
        .enumerate()
        .map(|(index, draft)| {
            let deps = draft.members.iter().flat_map(|id| &graph.library(*id).deps);
            deps.filter_map(|dep| draft_of[dep.index()])
                .filter(|needed| *needed != index)
                .collect()
        })
        .collect()
}

/// For each library, the index of the draft that it is a member of.
fn draft_of(graph: &LinkGraph, drafts: &[Draft<'_>]) -> Vec<Option<usize>> {
    let mut draft_of = vec![None; graph.libraries().len()];
    for (index, draft) in drafts.iter().enumerate() {
        for id in &draft.members {
            draft_of[id.index()] = Some(index);
        }
    }
    draft_of
}

fn groups(graph: &LinkGraph, drafts: Vec<Draft<'_>>) -> Vec<Group> {
    let draft_of = draft_of(graph, &drafts);
    drafts
        .into_iter()
        .enumerate()
        .map(|(index, draft)| {
            let needs: BTreeSet<usize> = reached(graph, &draft.members)
                .into_iter()
                .filter_map(|id| draft_of[id.index()])
                .filter(|needed| *needed != index)
                .collect();
            Group {
                layer: draft.layer,
                members: draft.members,
                needs: needs.into_iter().rev().map(GroupId::new).collect(),
            }
        })
        .collect()
}

/// These libraries and everything they depend on.
///
/// Followed from library to library: the needs of a needed group are more than that, since another
/// member of it may be what has them.
fn reached(graph: &LinkGraph, from: &[LibraryId]) -> BTreeSet<LibraryId> {
    let mut reached = BTreeSet::new();
    let mut left = from.to_vec();
    while let Some(id) = left.pop() {
        if reached.insert(id) {
            left.extend(&graph.library(id).deps);
        }
    }
    reached
}

/// By exactness, a final unit loads just those groups whose users it is one of.
fn final_plans(graph: &LinkGraph, drafts: &[Draft<'_>]) -> Vec<FinalPlan> {
    (0..graph.final_units().len())
        .map(|final_index| FinalPlan {
            groups: (0..drafts.len())
                .rev()
                .filter(|group_index| drafts[*group_index].users.contains(final_index))
                .map(GroupId::new)
                .collect(),
        })
        .collect()
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
}
