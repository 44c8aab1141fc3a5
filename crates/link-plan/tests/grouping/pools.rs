//! Properties of pools that hold for every graph and all records.

use std::collections::{BTreeMap, BTreeSet};

use link_plan::graph::{SettingKey, UnitKey};
use link_plan::grouping::{Decision, DropReason, GroupKind, KnownPool, MAX_POOLS, PoolId};
use proptest::prelude::*;

use crate::recipe::{Built, config, recipes_with_history, recipes_with_known};

/// The records of dropped pools with the reasons.
fn dropped<'a>(
    built: &'a Built,
    known: &'a [KnownPool],
) -> impl Iterator<Item = (&'a KnownPool, &'a DropReason)> {
    let decisions = built.plan.decisions.iter();
    decisions.flat_map(|decision| {
        let dropped = match decision {
            Decision::PoolDropped { pool, reason } => Some((pool, reason)),
            _ => None,
        };
        dropped.into_iter().flat_map(|(size, reason)| {
            let same = known.iter().filter(|pool| {
                let counts = (pool.members.len(), size.members);
                (pool.id, pool.generation) == (size.id, size.generation) && counts.0 == counts.1
            });
            same.map(move |pool| (pool, reason))
        })
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_unit_is_in_one_living_pool_at_most((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let mut homes = BTreeMap::new();
        for pool in &built.plan.living {
            for unit in pool.members.keys() {
                prop_assert_eq!(homes.insert(*unit, pool.id), None);
            }
        }
        let ids: BTreeSet<PoolId> = built.plan.living.iter().map(|pool| pool.id).collect();
        prop_assert_eq!(ids.len(), built.plan.living.len());
    }

    #[test]
    fn what_a_living_pool_needs_lives_and_is_older((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        for pool in &built.plan.living {
            for need in &pool.needs {
                let need = built.plan.living.iter().find(|other| other.id == *need);
                prop_assert!(need.is_some_and(|need| need.generation < pool.generation));
            }
        }
    }

    #[test]
    fn a_group_holds_all_of_its_pool((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        for group in &built.plan.groups {
            let GroupKind::Pool(pool) = &group.kind else {
                continue;
            };
            let record = built.record(group).expect("a pool lives");
            let members: BTreeSet<UnitKey> = built.keys(group).into_iter().collect();
            prop_assert!(members.is_disjoint(&pool.carried));
            let all: BTreeSet<UnitKey> = members.union(&pool.carried).copied().collect();
            prop_assert_eq!(&all, &record.members.keys().copied().collect());
            prop_assert_eq!(pool.generation, record.generation);
            // The records that list the carried units.
            let told: BTreeSet<UnitKey> = known
                .pools
                .iter()
                .filter(|known| pool.from.contains(&known.id))
                .flat_map(|known| known.members.keys().copied())
                .collect();
            prop_assert!(told.is_superset(&pool.carried));
        }
    }

    #[test]
    fn a_known_pool_is_dropped_for_a_reason_or_all_of_it_lives(
        (recipe, known) in recipes_with_known()
    ) {
        let built = recipe.build(&known);
        let dropped: Vec<&KnownPool> =
            dropped(&built, &known.pools).map(|(pool, _)| pool).collect();
        for pool in &known.pools {
            let mut living = built.plan.living.iter();
            let lives = living.any(|living| {
                pool.members.keys().all(|unit| living.members.contains_key(unit))
                    && living.generation >= pool.generation
            });
            prop_assert!(lives || dropped.contains(&pool));
        }
    }

    #[test]
    fn a_reason_to_drop_a_pool_is_true((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let names = |name: &str| {
            let ids = built.graph.library_ids();
            ids.filter(|id| built.graph.library(*id).name == name).collect::<Vec<_>>()
        };
        let of_id = |id: PoolId| known.pools.iter().filter(move |pool| pool.id == id);
        for (pool, reason) in dropped(&built, &known.pools) {
            let same_size = of_id(pool.id).filter(|other| other.generation == pool.generation);
            if same_size.count() > 1 {
                // The decision does not say which of the two it is about.
                continue;
            }
            match reason {
                DropReason::Damaged => prop_assert!(
                    pool.members.is_empty()
                        || pool.generation == u64::MAX
                        || of_id(pool.id).any(|other| other < pool)
                ),
                DropReason::Needs(need) => {
                    prop_assert!(pool.needs.contains(need));
                    let mut living = built.plan.living.iter();
                    prop_assert!(!living.any(|living| living.id == *need
                        && living.generation < pool.generation));
                }
                DropReason::Held { unit, by } => {
                    prop_assert!(pool.members.contains_key(unit));
                    prop_assert!(of_id(*by).any(|other| other.members.contains_key(unit)
                        && (other.generation, other.id) < (pool.generation, pool.id)));
                }
                DropReason::NotFrozen(name) => {
                    let is_not_frozen = names(name).iter().any(|id| {
                        pool.members.contains_key(&built.key(*id))
                            && (built.stays_by_model(*id) || built.is_local_by_model(*id))
                    });
                    prop_assert!(is_not_frozen);
                }
                DropReason::NotClosed { member, dependency } => {
                    let below = built.reached(&names(member));
                    let is_outside = names(dependency).iter().any(|id| {
                        below.contains(id) && !pool.members.contains_key(&built.key(*id))
                    });
                    prop_assert!(is_outside);
                }
            }
        }
    }

    #[test]
    fn pools_that_plans_made_live_on_unless_one_is_lost((recipe, known) in recipes_with_history()) {
        let ids: BTreeSet<PoolId> = known.pools.iter().map(|pool| pool.id).collect();
        let built = recipe.build(&known);
        for (pool, reason) in dropped(&built, &known.pools) {
            let DropReason::Needs(need) = reason else {
                prop_assert!(false, "{:?}: {}", pool, reason);
                continue;
            };
            let mut reached: BTreeSet<PoolId> = BTreeSet::from([*need]);
            for pool in known.pools.iter().rev().filter(|pool| pool.generation < u64::MAX) {
                if reached.contains(&pool.id) {
                    reached.extend(&pool.needs);
                }
            }
            prop_assert!(!reached.is_subset(&ids), "nothing it needs was lost");
        }
    }

    #[test]
    fn no_pool_is_made_for_two_settings((recipe, known) in recipes_with_known()) {
        let known_ids: BTreeSet<PoolId> = known.pools.iter().map(|pool| pool.id).collect();
        let [one, other] = [0, 1].map(|setting| {
            let built = recipe.build_in(SettingKey::new(setting), &known);
            let ids = built.plan.living.into_iter().map(|pool| pool.id);
            ids.filter(|id| !known_ids.contains(id)).collect::<BTreeSet<_>>()
        });
        prop_assert!(one.is_disjoint(&other), "{:?} {:?}", one, other);
    }

    #[test]
    fn a_part_of_the_selection_needs_no_new_pool(
        (recipe, known) in recipes_with_known(),
        selected in prop::collection::btree_set(0..9_usize, 0..9),
    ) {
        let whole = recipe.build(&known);
        let part = recipe.select(|number| selected.contains(&number)).build(&whole.known());
        prop_assert!(part.keeps_all_pools(), "{:?}", part.plan.decisions);
        prop_assert_eq!(part.plan.living, whole.plan.living);
    }

    #[test]
    fn no_final_unit_loads_too_many_pools((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        for final_plan in &built.plan.finals {
            let groups = final_plan.groups.iter().map(|id| &built.plan.groups[id.index()]);
            let pools = groups.filter(|group| matches!(group.kind, GroupKind::Pool(_)));
            prop_assert!(pools.count() <= MAX_POOLS);
        }
    }

    #[test]
    fn each_living_pool_is_decided_on_once((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let mut decided = Vec::new();
        for decision in &built.plan.decisions {
            match decision {
                Decision::PoolKept { pool, .. }
                | Decision::PoolMade { pool }
                | Decision::PoolsMerged { pool, .. } => decided.push(pool.id),
                _ => {}
            }
            prop_assert!(!decision.to_string().contains('\n'));
        }
        let living: Vec<PoolId> = built.plan.living.iter().map(|pool| pool.id).collect();
        prop_assert_eq!(decided, living);
    }
}
