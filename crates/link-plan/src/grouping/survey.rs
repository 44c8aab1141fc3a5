//! What follows from the graph for each library, before anything is grouped.

use std::collections::BTreeSet;

use super::KeptReason;
use super::bits::BitSet;
use crate::graph::{CycleError, LibraryId, LinkGraph, Origin, UnitKey};

/// A graph, with what follows from it for each library.
pub(super) struct Survey<'a> {
    pub(super) graph: &'a LinkGraph,
    /// The final units that reach it.
    users: Vec<BitSet>,
    /// Whether an edit can have it rebuilt.
    is_local: Vec<bool>,
    kept_reasons: Vec<Option<KeptReason>>,
}

/// Sort key that does not depend on the order in which a graph was built, if keys are unique.
pub(super) type ByName<'a> = (&'a str, UnitKey, LibraryId);

impl<'a> Survey<'a> {
    pub(super) fn new(graph: &'a LinkGraph) -> Result<Survey<'a>, CycleError> {
        let dependencies_first = graph.dependencies_first()?;
        Ok(Survey {
            graph,
            users: users(graph, &dependencies_first),
            is_local: is_local(graph, &dependencies_first),
            kept_reasons: kept_reasons(graph, &dependencies_first),
        })
    }

    /// The final units that reach a library, by [`FinalId::index`](crate::graph::FinalId::index).
    pub(super) fn users(&self, id: LibraryId) -> &BitSet {
        &self.users[id.index()]
    }

    /// Whether a library belongs in a pool, as far as it belongs in a group.
    pub(super) fn is_frozen(&self, id: LibraryId) -> bool {
        !self.is_local[id.index()]
    }

    /// Whether a library cannot be in a group.
    pub(super) fn is_kept(&self, id: LibraryId) -> bool {
        self.kept_reasons[id.index()].is_some()
    }

    /// Whether a library is in a group of this graph: it is reached and does not stay.
    pub(super) fn is_member(&self, id: LibraryId) -> bool {
        !self.users(id).is_empty() && !self.is_kept(id)
    }

    /// The frozen libraries that are in a group, by id.
    pub(super) fn frozen_members(&self) -> impl Iterator<Item = LibraryId> {
        let ids = self.graph.library_ids();
        ids.filter(|id| self.is_member(*id) && self.is_frozen(*id))
    }

    /// The local libraries that are in a group, by id.
    pub(super) fn local_members(&self) -> impl Iterator<Item = LibraryId> {
        let ids = self.graph.library_ids();
        ids.filter(|id| self.is_member(*id) && !self.is_frozen(*id))
    }

    /// The reached libraries that are in no group, in stable order.
    pub(super) fn reached_kept(&self) -> Vec<(LibraryId, KeptReason)> {
        let ids = self.graph.library_ids();
        let mut stays: Vec<(LibraryId, KeptReason)> = ids
            .filter(|id| !self.users(*id).is_empty())
            .filter_map(|id| Some((id, self.kept_reasons[id.index()]?)))
            .collect();
        stays.sort_by_key(|(id, _)| by_name(self.graph, *id));
        stays
    }

    pub(super) fn name(&self, id: LibraryId) -> &'a str {
        &self.graph.library(id).name
    }

    /// These libraries and everything they depend on.
    ///
    /// The walk goes from library to library. The needs of a needed group may be more, since
    /// another member of that group may have them.
    pub(super) fn reached(&self, from: &[LibraryId]) -> BTreeSet<LibraryId> {
        let mut reached = BTreeSet::new();
        let mut left = from.to_vec();
        while let Some(id) = left.pop() {
            if reached.insert(id) {
                left.extend(&self.graph.library(id).deps);
            }
        }
        reached
    }

    /// Libraries in the order in which rustc puts rlibs on a link line.
    pub(super) fn dependents_first(&self, mut ids: Vec<LibraryId>) -> Vec<LibraryId> {
        ids.sort_by_key(|id| by_name(self.graph, *id));
        let mut position = vec![None; self.graph.libraries().len()];
        for (index, id) in ids.iter().enumerate() {
            position[id.index()] = Some(index);
        }
        let deps: Vec<BTreeSet<usize>> = ids
            .iter()
            .map(|id| {
                let deps = self.graph.library(*id).deps.iter();
                deps.filter_map(|dep| position[dep.index()]).collect()
            })
            .collect();
        let order = dependents_first(&deps);
        order.into_iter().map(|index| ids[index]).collect()
    }
}

fn by_name(graph: &LinkGraph, id: LibraryId) -> ByName<'_> {
    let library = graph.library(id);
    (&library.name, library.key, id)
}

/// Topological order; if several nodes could come next, the one with the smallest number does.
///
/// Nodes on or below a cycle are left out.
pub(super) fn dependents_first(deps: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut dependents_left = vec![0_usize; deps.len()];
    for dep in deps.iter().flatten() {
        dependents_left[*dep] += 1;
    }
    let mut ready: BTreeSet<usize> = (0..deps.len())
        .filter(|node| dependents_left[*node] == 0)
        .collect();
    let mut order = Vec::with_capacity(deps.len());
    while let Some(node) = ready.pop_first() {
        order.push(node);
        for dep in &deps[node] {
            dependents_left[*dep] -= 1;
            if dependents_left[*dep] == 0 {
                ready.insert(*dep);
            }
        }
    }
    order
}

fn users(graph: &LinkGraph, dependencies_first: &[LibraryId]) -> Vec<BitSet> {
    let empty = BitSet::empty(graph.final_units().len());
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

fn is_local(graph: &LinkGraph, dependencies_first: &[LibraryId]) -> Vec<bool> {
    let mut is_local = vec![false; graph.libraries().len()];
    for id in dependencies_first {
        let library = graph.library(*id);
        let mut deps = library.deps.iter();
        is_local[id.index()] =
            library.origin == Origin::Local || deps.any(|dep| is_local[dep.index()]);
    }
    is_local
}

fn kept_reasons(graph: &LinkGraph, dependencies_first: &[LibraryId]) -> Vec<Option<KeptReason>> {
    let mut reasons = vec![None; graph.libraries().len()];
    for id in dependencies_first {
        let library = graph.library(*id);
        reasons[id.index()] = if library.opted_out {
            Some(KeptReason::OptedOut)
        } else {
            let staying = library.deps.iter().copied();
            staying
                .filter(|dep| reasons[dep.index()].is_some())
                .min_by_key(|dep| by_name(graph, *dep))
                .map(KeptReason::DependsOn)
        };
    }
    reasons
}
