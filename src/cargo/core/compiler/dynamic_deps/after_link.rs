//! The work after a group was linked: writing the records for the next plan, and removing files
//! that nothing needs any more.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use link_engine::group::{GroupJob, Outcome};
use link_engine::record::sweep;
use link_plan::graph::UnitKey;
use link_plan::grouping::{KnownPool, PoolId};

use super::group_unit::{GroupRole, stores};
use super::job_members::Member;
use super::known::Records;
use super::units::{groups, groups_below};
use crate::core::compiler::{BuildRunner, Unit};
use crate::util::CargoResult;

/// The work after a group was linked.
pub(super) struct AfterLink {
    records: Records,
    /// Whether this is the last group of the build, whose job removes leftovers of other builds.
    is_last: bool,
    /// The stores of all groups of this build.
    stores: HashSet<String>,
    /// The pools that it needs, if it is one.
    needs: BTreeSet<PoolId>,
}

impl AfterLink {
    /// The work for the group `unit`, whose files are in the directory of `job`.
    pub(super) fn new(build_runner: &BuildRunner<'_, '_>, unit: &Unit, job: &GroupJob) -> Self {
        let below = groups_below(build_runner, unit).into_iter();
        AfterLink {
            records: Records::beside(job.files.directory()),
            is_last: groups(build_runner).all(|group| group.dep_hash <= unit.dep_hash),
            stores: stores(build_runner),
            needs: below
                .filter_map(|below| match GroupRole::of(&below) {
                    GroupRole::Pool(pool) => Some(pool.id),
                    GroupRole::Sysroot | GroupRole::Part { .. } => None,
                })
                .collect(),
        }
    }

    /// Writes the records for the next plan, and removes files that nothing needs any more.
    pub(super) fn run(
        self,
        job: &GroupJob,
        role: &GroupRole,
        members: &[Member],
        outcome: &Outcome,
    ) -> CargoResult<()> {
        match role {
            GroupRole::Sysroot => return Ok(()),
            GroupRole::Pool(pool) => {
                let libraries = outcome.libraries.iter();
                let libraries = libraries.map(|one| (UnitKey::new(one.key), one.bytes));
                let record = KnownPool {
                    id: pool.id,
                    generation: pool.generation,
                    members: libraries.collect(),
                    needs: self.needs,
                };
                self.records.write_pool(pool.setting, &record)?;
                for id in pool.from.iter().filter(|id| **id != pool.id) {
                    self.records.remove_pool(*id);
                }
                let directories = &job.executable_directories;
                self.records
                    .sweep_pools(&job.files, &self.stores, directories)?;
            }
            GroupRole::Part { .. } => {
                let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
                for library in &outcome.libraries {
                    let mut members = members.iter();
                    if let Some(member) = members.find(|member| member.rlib == library.rlib) {
                        *sizes.entry(member.package_text.clone()).or_default() += library.bytes;
                    }
                }
                self.records.write_sizes(job.files.stem(), &sizes)?;
            }
        }
        if self.is_last {
            self.records.remove_sizes_without_manifest();
            let directories = &job.executable_directories;
            sweep::parts(job.files.directory(), &self.stores, directories)?;
        }
        Ok(())
    }
}
