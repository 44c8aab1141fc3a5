//! Merging of pools, before a final unit loads too many.
//!
//! # What is merged
//!
//! Merging takes the newest pools, however few or many final units use them. No older pool needs a
//! newer one, so Cargo has to link no other pool again.
//!
//! At least the newest two are merged, and further ones, from newer to older, as long as the next
//! one is not larger than twice all that is newer.
//!
//! # What merging costs
//!
//! A pool beyond the newest two ends up in one that is at least one and a half times as large. So
//! that happens to a library at most log₁․₅(all bytes / bytes of its first pool) times. In a long
//! series of small additions, the work for each library grows with the logarithm of the bytes that
//! are there, and not with these bytes.
//!
//! The newest two are the exception. Too many pools leave no choice, so the larger of the two is
//! linked again even if little is added to it. If merging stops there, the next older pool is more
//! than twice as large as the result. So such a merge links less than half as much as that pool
//! holds. When a series of such merges has made the result large enough, that pool is merged too.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{KnownPool, PoolId};
use super::pools::{LivingPool, new_id};
use crate::graph::SettingKey;

/// How many pools a final unit may load.
///
/// Each costs about 0.2 ms when a program starts.
pub const MAX_POOLS: usize = 6;

/// Merges pools until no final unit loads more than [`MAX_POOLS`].
///
/// `living` is ordered by generation, then by id, and so is the result. `uses` are the sets of
/// pools in which final units reach a library. This ends, since at the latest it stops when
/// `MAX_POOLS` pools are left.
pub(super) fn merge(
    setting: SettingKey,
    mut living: Vec<LivingPool>,
    mut uses: BTreeSet<BTreeSet<PoolId>>,
    taken: &mut BTreeSet<PoolId>,
) -> Vec<LivingPool> {
    while uses.iter().any(|used| loaded(&living, used) > MAX_POOLS) {
        let first = first_to_merge(&living);
        let merged = merge_all(setting, living.split_off(first), taken);
        let is_left = |id: &PoolId| living.iter().any(|pool| pool.record.id == *id);
        let replace = |id: PoolId| if is_left(&id) { id } else { merged.record.id };
        uses = uses
            .into_iter()
            .map(|used| used.into_iter().map(replace).collect())
            .collect();
        living.push(merged);
        // Two Cargos may have made pools at once, so another pool may have the same generation.
        living.sort_by_key(|pool| (pool.record.generation, pool.record.id));
    }
    living
}

/// How many pools are loaded with those that are used.
fn loaded(living: &[LivingPool], used: &BTreeSet<PoolId>) -> usize {
    let mut loaded = used.clone();
    for pool in living.iter().rev() {
        if loaded.contains(&pool.record.id) {
            loaded.extend(&pool.record.needs);
        }
    }
    loaded.len()
}

/// The oldest of the pools to merge; all newer ones are merged with it. There must be two pools.
fn first_to_merge(living: &[LivingPool]) -> usize {
    let bytes: Vec<u64> = living.iter().map(|pool| pool.record.bytes()).collect();
    let mut first = living.len() - 2;
    let mut newer = bytes[first].saturating_add(bytes[first + 1]);
    while first > 0 && bytes[first - 1] <= newer.saturating_mul(2) {
        first -= 1;
        newer = newer.saturating_add(bytes[first]);
    }
    first
}

/// Makes one pool in the place of several; no other pool needs any of these.
fn merge_all(
    setting: SettingKey,
    pools: Vec<LivingPool>,
    taken: &mut BTreeSet<PoolId>,
) -> LivingPool {
    let mut generation = 0;
    let mut members = BTreeMap::new();
    let mut needs = BTreeSet::new();
    let mut from = Vec::new();
    let mut new = 0;
    for pool in &pools {
        generation = generation.max(pool.record.generation);
        members.extend(&pool.record.members);
        needs.extend(&pool.record.needs);
        from.extend(&pool.from);
        new += pool.new;
    }
    for pool in &pools {
        needs.remove(&pool.record.id);
    }
    let id = new_id(setting, generation, &members, taken);
    LivingPool {
        record: KnownPool {
            generation,
            id,
            members,
            needs,
        },
        from,
        new,
    }
}
