//! Builds that go on when a unit has failed (`--keep-going`).

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::units::groups;
use crate::core::compiler::{BuildRunner, Unit};
use crate::util::DependencyQueue;

/// Lets groups go on without a unit that has failed, and without those that depend on it, if the
/// build goes on (`--keep-going`). So Cargo builds each executable that does not depend on the
/// unit, as in a static build.
///
/// A library whose dependency failed after its metadata may still be compiled, as in a static
/// build. Groups wait for it, since it may be done at any time, and leave it out, since it needs
/// code that is not there.
pub(in crate::core::compiler) fn release_groups<E: Clone + Eq + Hash, V>(
    build_runner: &BuildRunner<'_, '_>,
    failed: &Unit,
    queue: &mut DependencyQueue<Unit, E, V>,
) {
    if groups(build_runner).next().is_none() {
        return;
    }
    let hashes = failed_with(build_runner, failed)
        .into_iter()
        .map(|unit| build_runner.files().metadata(unit).unit_id());
    build_runner.failed_units.lock().unwrap().extend(hashes);
    queue.release(failed, |unit| unit.mode.is_link_group());
}

/// A unit that has failed, and all that depend on it, except groups, which can do without it.
fn failed_with<'g>(build_runner: &'g BuildRunner<'_, '_>, failed: &'g Unit) -> HashSet<&'g Unit> {
    let graph = &build_runner.bcx.unit_graph;
    let mut dependents: HashMap<&Unit, Vec<&Unit>> = HashMap::default();
    for (unit, deps) in graph.iter().filter(|(unit, _)| !unit.mode.is_link_group()) {
        for dep in deps {
            dependents.entry(&dep.unit).or_default().push(unit);
        }
    }
    let mut all = HashSet::default();
    let mut left = vec![failed];
    while let Some(unit) = left.pop() {
        if all.insert(unit) {
            left.extend(dependents.get(unit).into_iter().flatten());
        }
    }
    all
}
