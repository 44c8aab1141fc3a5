//! The groups of this graph, from the living pools and the cut.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{Cut, KnownPool, PoolId};
use super::pools::{LivingPool, homes};
use super::survey::Survey;
use super::{FinalPlan, Group, GroupKind, Pool};
use crate::graph::{GroupId, LibraryId, UnitKey};

/// The groups, each after those it needs, and those of each final unit.
pub(super) fn assemble(
    survey: &Survey<'_>,
    living: &[LivingPool],
    cut: &Cut,
) -> (Vec<Group>, Vec<FinalPlan>) {
    let mut groups = pools(survey, living);
    groups.extend(parts(survey, cut));
    let needs = needs(survey, &groups, living);
    for (group, needs) in groups.iter_mut().zip(needs) {
        group.needs = needs;
    }
    let finals = (0..survey.graph.final_units().len())
        .map(|index| final_plan(survey, &groups, index))
        .collect();
    (groups, finals)
}

/// The pools in which a library is reached, and those that these need, as groups without needs.
fn pools(survey: &Survey<'_>, living: &[LivingPool]) -> Vec<Group> {
    let homes = homes(living);
    let key = |id: LibraryId| survey.graph.library(id).key;
    let reached: BTreeSet<UnitKey> = survey.frozen_members().map(key).collect();
    let mut used: BTreeSet<_> = reached.iter().map(|unit| homes[unit].id).collect();
    for pool in living.iter().rev() {
        if used.contains(&pool.record.id) {
            used.extend(&pool.record.needs);
        }
    }
    let used = living.iter().filter(|pool| used.contains(&pool.record.id));
    used.map(|LivingPool { record, from, .. }| {
        let units = record.members.keys();
        let pool = Pool {
            id: record.id,
            generation: record.generation,
            carried: units
                .filter(|unit| !reached.contains(unit))
                .copied()
                .collect(),
            from: from.clone(),
        };
        let members = survey.frozen_members();
        let members = members.filter(|id| record.members.contains_key(&key(*id)));
        Group {
            kind: GroupKind::Pool(pool),
            members: survey.dependents_first(members.collect()),
            needs: Vec::new(),
        }
    })
    .collect()
}

/// The parts that have a library, as groups without needs.
fn parts(survey: &Survey<'_>, cut: &Cut) -> Vec<Group> {
    let part_of = cut.part_of();
    let mut members = vec![Vec::new(); cut.parts.len()];
    for id in survey.local_members() {
        members[part_of[survey.name(id)]].push(id);
    }
    let members = members.into_iter().enumerate();
    members
        .filter(|(_, members)| !members.is_empty())
        .map(|(number, members)| Group {
            kind: GroupKind::Part { number },
            members: survey.dependents_first(members),
            needs: Vec::new(),
        })
        .collect()
}

/// The needs of each group, dependents first.
fn needs(survey: &Survey<'_>, groups: &[Group], living: &[LivingPool]) -> Vec<Vec<GroupId>> {
    let mut holder = vec![None; survey.graph.libraries().len()];
    let mut group_of = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        for id in &group.members {
            holder[id.index()] = Some(GroupId::new(index));
        }
        if let GroupKind::Pool(pool) = &group.kind {
            group_of.insert(pool.id, GroupId::new(index));
        }
    }
    let records = living.iter().map(|pool| &pool.record);
    let records: BTreeMap<PoolId, &KnownPool> = records.map(|pool| (pool.id, pool)).collect();
    let needs = groups.iter().enumerate().map(|(index, group)| {
        let below = survey.reached(&group.members).into_iter();
        let mut needs: BTreeSet<GroupId> = below.filter_map(|id| holder[id.index()]).collect();
        needs.remove(&GroupId::new(index));
        if let GroupKind::Pool(pool) = &group.kind {
            let recorded = records[&pool.id].needs.iter();
            needs.extend(recorded.map(|need| group_of[need]));
        }
        needs.into_iter().rev().collect()
    });
    needs.collect()
}

/// A final unit loads the groups in which it reaches a library, and those they need.
fn final_plan(survey: &Survey<'_>, groups: &[Group], final_index: usize) -> FinalPlan {
    let mut loaded = BTreeSet::new();
    for (index, group) in groups.iter().enumerate().rev() {
        let id = GroupId::new(index);
        let mut members = group.members.iter();
        if loaded.contains(&id) || members.any(|id| survey.users(*id).contains(final_index)) {
            loaded.insert(id);
            loaded.extend(&group.needs);
        }
    }
    FinalPlan {
        groups: loaded.into_iter().rev().collect(),
    }
}
