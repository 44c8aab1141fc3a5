//! Which pools live on, and which frozen libraries go into a new one.
//!
//! # A known pool lives on
//!
//! A known pool lives on under these conditions. Its record is sound. Each pool that it needs is
//! older and lives on. No older living pool holds one of its members. No member stays in the
//! executables or became local. Each dependency of each reached member is in the pool itself or in
//! an older living one. All conditions concern only the pool and older pools. So one pass from the
//! oldest to the newest checks them, in whatever order the records were found: pools are ordered by
//! generation, then by id.
//!
//! Fewer final units reach fewer members. So a pool that lives on for a selection of packages also
//! lives on for a smaller one, and Cargo links nothing again for that.
//!
//! # Pools never need each other in a cycle
//!
//! *Older* means a smaller generation. A dependency leads from a member of a known pool to the
//! same pool or to an older one by the rule above; a new pool is newer than all others; a merged
//! pool ([`merge`](super::merge)) has the largest generation of those that it replaces, and what
//! it needs beside them is older than one of them. So along each dependency the generation does
//! not grow, between two pools it shrinks, and no path comes back.

use std::collections::{BTreeMap, BTreeSet};

use super::bits::BitSet;
use super::decision::{Decision, DropReason, PoolSize};
use super::known::{KnownPool, PoolId};
use super::merge::merge;
use super::survey::Survey;
use crate::graph::{LibraryId, SettingKey, UnitKey};

/// A pool that lives after this plan.
pub(super) struct LivingPool {
    pub(super) record: KnownPool,
    /// The known pools that it is, or whose place it takes, oldest first.
    pub(super) from: Vec<PoolId>,
    /// How many of its members were in no living pool.
    pub(super) new: usize,
}

/// The pools that live after this plan, by generation, then by id.
///
/// They hold each frozen library that is in a group, and no final unit loads too many of them.
pub(super) fn living_pools(
    survey: &Survey<'_>,
    known: &[KnownPool],
    decisions: &mut Vec<Decision>,
) -> Vec<LivingPool> {
    let units = Units::new(survey);
    let mut taken = known.iter().map(|pool| pool.id).collect();
    let mut living = units.survivors(known, decisions);
    living.extend(units.new_pool(&living, &mut taken));
    units.learn(&mut living);

    let uses = units.uses(&living);
    let living = merge(survey.graph.setting(), living, uses, &mut taken);
    decisions.extend(living.iter().map(|pool| units.decision(pool)));
    living
}

/// For each unit the living pool that holds it.
pub(super) fn homes(living: &[LivingPool]) -> BTreeMap<UnitKey, &KnownPool> {
    let records = living.iter().map(|pool| &pool.record);
    records
        .flat_map(|record| record.members.keys().map(move |unit| (*unit, record)))
        .collect()
}

/// An id that no other pool has, and the same one whenever the same pool is made.
///
/// One build may link the same libraries in two settings at the same time. A plan knows only the
/// pools of its own setting, and yet the two pools must not have the same files.
pub(super) fn new_id(
    setting: SettingKey,
    generation: u64,
    members: &BTreeMap<UnitKey, u64>,
    taken: &mut BTreeSet<PoolId>,
) -> PoolId {
    let units = members.keys().map(|unit| unit.value());
    let start = fnv(fnv(FNV_OFFSET, setting.value()), generation);
    let mut hash = units.fold(start, fnv);
    while !taken.insert(PoolId::new(hash)) {
        hash = fnv(FNV_OFFSET, hash);
    }
    PoolId::new(hash)
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a over eight more bytes: records outlive the program, and the hasher of `std` may hash
/// otherwise in its next release.
fn fnv(hash: u64, value: u64) -> u64 {
    value.to_le_bytes().iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}

/// The libraries of a graph by unit.
struct Units<'a> {
    survey: &'a Survey<'a>,
    /// One library each, if keys are unique as they should be.
    libraries: BTreeMap<UnitKey, Vec<LibraryId>>,
}

impl<'a> Units<'a> {
    fn new(survey: &'a Survey<'a>) -> Units<'a> {
        let mut libraries = BTreeMap::<UnitKey, Vec<LibraryId>>::new();
        for id in survey.graph.library_ids() {
            let key = survey.graph.library(id).key;
            libraries.entry(key).or_default().push(id);
        }
        Units { survey, libraries }
    }

    /// The members of a pool that the graph has.
    fn of(&self, pool: &KnownPool) -> impl Iterator<Item = LibraryId> {
        let libraries = pool
            .members
            .keys()
            .filter_map(|unit| self.libraries.get(unit));
        libraries.flatten().copied()
    }

    /// The members of a pool that are in a group of this graph.
    fn reached_of(&self, pool: &KnownPool) -> Vec<LibraryId> {
        let ids = self.of(pool);
        ids.filter(|id| self.survey.is_member(*id)).collect()
    }

    /// The known pools that live on, by generation, then by id.
    fn survivors(&self, known: &[KnownPool], decisions: &mut Vec<Decision>) -> Vec<LivingPool> {
        let oldest_first: BTreeSet<&KnownPool> = known.iter().collect();
        let mut living = Vec::new();
        let mut homes = BTreeMap::new();
        for pool in oldest_first {
            if let Some(reason) = self.reason_to_drop(pool, &living, &homes) {
                let pool = size(pool);
                decisions.push(Decision::PoolDropped { pool, reason });
            } else {
                living.push(pool);
                homes.extend(pool.members.keys().map(|unit| (*unit, pool)));
            }
        }
        living
            .into_iter()
            .map(|pool| LivingPool {
                record: pool.clone(),
                from: vec![pool.id],
                new: 0,
            })
            .collect()
    }

    /// The reason to drop a pool, given all older living pools and their members.
    fn reason_to_drop(
        &self,
        pool: &KnownPool,
        living: &[&KnownPool],
        homes: &BTreeMap<UnitKey, &KnownPool>,
    ) -> Option<DropReason> {
        let is_older = |other: &KnownPool| other.generation < pool.generation;
        let of_id = |id: PoolId| living.iter().find(|other| other.id == id);

        // A pool of the last generation leaves none for a new one.
        let is_last = pool.generation == u64::MAX;
        if pool.members.is_empty() || is_last || of_id(pool.id).is_some() {
            return Some(DropReason::Damaged);
        }
        let is_there = |id: PoolId| of_id(id).is_some_and(|need| is_older(need));
        if let Some(need) = pool.needs.iter().find(|need| !is_there(**need)) {
            return Some(DropReason::Needs(*need));
        }
        let mut members = pool.members.keys();
        if let Some((unit, by)) = members.find_map(|unit| Some((*unit, homes.get(unit)?.id))) {
            return Some(DropReason::Held { unit, by });
        }
        let mut libraries = self.of(pool);
        let not_frozen =
            libraries.find(|id| self.survey.is_kept(*id) || !self.survey.is_frozen(*id));
        if let Some(id) = not_frozen {
            return Some(DropReason::NotFrozen(self.survey.name(id).to_owned()));
        }
        let is_below = |id: &LibraryId| {
            let key = self.survey.graph.library(*id).key;
            pool.members.contains_key(&key) || homes.get(&key).is_some_and(|home| is_older(home))
        };
        self.reached_of(pool).into_iter().find_map(|member| {
            let mut deps = self.survey.graph.library(member).deps.iter();
            let dependency = deps.find(|dep| !is_below(dep))?;
            Some(DropReason::NotClosed {
                member: self.survey.name(member).to_owned(),
                dependency: self.survey.name(*dependency).to_owned(),
            })
        })
    }

    /// The pool of all libraries that are in no living one, if there is any.
    fn new_pool(&self, living: &[LivingPool], taken: &mut BTreeSet<PoolId>) -> Option<LivingPool> {
        let homes = homes(living);
        let libraries = self.survey.frozen_members();
        let keys = libraries.map(|id| self.survey.graph.library(id).key);
        // `learn` adds the sizes, as for the pools that are there.
        let members: BTreeMap<UnitKey, u64> = keys
            .filter(|key| !homes.contains_key(key))
            .map(|key| (key, 0))
            .collect();
        if members.is_empty() {
            return None;
        }
        let generation = living
            .last()
            .map_or(0, |newest| newest.record.generation + 1);
        Some(LivingPool {
            new: members.len(),
            from: Vec::new(),
            record: KnownPool {
                generation,
                id: new_id(self.survey.graph.setting(), generation, &members, taken),
                members,
                needs: BTreeSet::new(),
            },
        })
    }

    /// Adds to the records what this graph knows of sizes and needs.
    fn learn(&self, living: &mut [LivingPool]) {
        let needs: Vec<BTreeSet<PoolId>> = {
            let homes = homes(living);
            let home_of = |id: LibraryId| homes.get(&self.survey.graph.library(id).key);
            let records = living.iter().map(|pool| &pool.record);
            records
                .map(|record| {
                    let below = self.survey.reached(&self.reached_of(record)).into_iter();
                    let homes = below.filter_map(home_of).map(|home| home.id);
                    homes.filter(|id| *id != record.id).collect()
                })
                .collect()
        };
        for (pool, needs) in living.iter_mut().zip(needs) {
            pool.record.needs.extend(needs);
            for id in self.of(&pool.record).collect::<Vec<_>>() {
                let library = self.survey.graph.library(id);
                if library.bytes > 0 {
                    pool.record.members.insert(library.key, library.bytes);
                }
            }
        }
    }

    /// The sets of pools in which final units reach a library.
    fn uses(&self, living: &[LivingPool]) -> BTreeSet<BTreeSet<PoolId>> {
        let final_units = self.survey.graph.final_units().len();
        let users: Vec<(PoolId, BitSet)> = living
            .iter()
            .map(|pool| {
                let mut users = BitSet::empty(final_units);
                for id in self.reached_of(&pool.record) {
                    users.insert_all(self.survey.users(id));
                }
                (pool.record.id, users)
            })
            .collect();
        (0..final_units)
            .map(|index| {
                let used = users.iter().filter(|(_, users)| users.contains(index));
                used.map(|(id, _)| *id).collect()
            })
            .collect()
    }

    fn decision(&self, living: &LivingPool) -> Decision {
        let LivingPool { record, from, new } = living;
        let pool = size(record);
        if from.is_empty() {
            Decision::PoolMade { pool }
        } else if from[..] == [record.id] {
            let reached = self.reached_of(record).len();
            Decision::PoolKept { pool, reached }
        } else {
            let (from, new) = (from.clone(), *new);
            Decision::PoolsMerged { pool, from, new }
        }
    }
}

fn size(pool: &KnownPool) -> PoolSize {
    PoolSize {
        id: pool.id,
        generation: pool.generation,
        members: pool.members.len(),
        bytes: pool.bytes(),
    }
}
