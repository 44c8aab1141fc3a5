//! Builds that go on when a unit has failed (`--keep-going`).

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::units::groups;
use crate::core::compiler::{BuildRunner, Unit};
use crate::util::DependencyQueue;

/// Lets groups go on without a unit that has failed, and without those that depend on it, if the
/// build goes on (`--keep-going`). So Cargo builds each executable that does not depend on the
/// unit, as in a static build.
pub(in crate::core::compiler) fn release_groups<E: Clone + Eq + Hash, V>(
    build_runner: &BuildRunner<'_, '_>,
    failed: &Unit,
    queue: &mut DependencyQueue<Unit, E, V>,
) {
    let lost = lost_with(build_runner, failed);
    let hashes = lost
        .iter()
        .map(|unit| build_runner.files().metadata(unit).unit_id());
    build_runner.failed_units.lock().unwrap().extend(hashes);
    for group in groups(build_runner) {
        queue.release(group, failed, &lost);
    }
}

/// A unit that has failed, and all that depend on it, except groups, which can do without it.
fn lost_with(build_runner: &BuildRunner<'_, '_>, failed: &Unit) -> HashSet<Unit> {
    let graph = &build_runner.bcx.unit_graph;
    let mut dependents: HashMap<&Unit, Vec<&Unit>> = HashMap::default();
    for (unit, deps) in graph.iter().filter(|(unit, _)| !unit.mode.is_link_group()) {
        for dep in deps {
            dependents.entry(&dep.unit).or_default().push(unit);
        }
    }
    let mut lost = HashSet::default();
    let mut left = vec![failed];
    while let Some(unit) = left.pop() {
        if lost.insert(unit.clone()) {
            left.extend(dependents.get(unit).into_iter().flatten());
        }
    }
    lost
}
