//! Properties of every plan, whatever its records.

use std::collections::BTreeSet;

use link_plan::graph::LibraryId;
use link_plan::grouping::{GroupKind, KeptReason, plan};
use proptest::prelude::*;

use crate::recipe::{config, in_two_orders, recipes_with_known};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn each_reached_library_is_in_one_group_or_stays((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let (stays, members): (BTreeSet<LibraryId>, BTreeSet<LibraryId>) = built
            .reached_by_any()
            .into_iter()
            .partition(|id| built.stays_by_model(*id));

        let mut planned = BTreeSet::new();
        for id in built.plan.groups.iter().flat_map(|group| group.members.clone()) {
            prop_assert!(planned.insert(id), "{:?} is in two groups", id);
        }
        prop_assert_eq!(planned, members);
        prop_assert_eq!(
            built.plan.kept.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(),
            stays
        );
    }

    #[test]
    fn a_stay_reason_is_true((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        for (id, reason) in &built.plan.kept {
            let library = built.graph.library(*id);
            match reason {
                KeptReason::OptedOut => prop_assert!(library.opted_out),
                KeptReason::DependsOn(dep) => {
                    prop_assert!(!library.opted_out);
                    prop_assert!(library.deps.contains(dep));
                    prop_assert!(built.plan.kept.iter().any(|(stay, _)| stay == dep));
                }
            }
        }
    }

    #[test]
    fn the_group_graph_is_acyclic_and_in_order((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        for (index, group) in built.plan.groups.iter().enumerate() {
            // Each need has a smaller number, so no path comes back.
            prop_assert!(group.needs.iter().all(|need| need.index() < index));
            prop_assert!(group.needs.is_sorted_by(|a, b| a > b), "dependents first");
        }
        for final_plan in &built.plan.finals {
            prop_assert!(final_plan.groups.is_sorted_by(|a, b| a > b), "dependents first");
        }
        let positions = built.plan.groups.iter().map(|group| match &group.kind {
            GroupKind::Pool(pool) => (0, pool.generation, pool.id.value()),
            GroupKind::Part { number } => (1, *number as u64, 0),
        });
        prop_assert!(positions.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn needs_are_the_groups_of_dependencies_and_those_on_record(
        (recipe, known) in recipes_with_known()
    ) {
        let built = recipe.build(&known);
        for (index, group) in built.plan.groups.iter().enumerate() {
            let dependencies = built.reached(&group.members);
            let recorded = built.record(group).map(|record| &record.needs);
            let expected: BTreeSet<usize> = built
                .plan
                .groups
                .iter()
                .enumerate()
                .filter(|(_, other)| {
                    let holds_dependency = other.members.iter().any(|id| dependencies.contains(id));
                    let id = built.record(other).map(|record| record.id);
                    holds_dependency
                        || id.is_some_and(|id| recorded.is_some_and(|needs| needs.contains(&id)))
                })
                .map(|(other, _)| other)
                .filter(|other| *other != index)
                .collect();
            let needs: BTreeSet<usize> = group.needs.iter().map(|id| id.index()).collect();
            prop_assert_eq!(&needs, &expected);
            // A group is closed under dependencies: each one is in it or in a need.
            let held: BTreeSet<LibraryId> = needs
                .iter()
                .chain([&index])
                .flat_map(|index| built.plan.groups[*index].members.clone())
                .collect();
            prop_assert!(held.is_superset(&dependencies));
        }
    }

    #[test]
    fn members_come_after_their_dependents((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        for group in &built.plan.groups {
            for (position, id) in group.members.iter().enumerate() {
                let before = &group.members[..position];
                prop_assert!(!built.graph.library(*id).deps.iter().any(|dep| before.contains(dep)));
            }
        }
    }

    #[test]
    fn a_final_unit_loads_what_it_reaches_and_what_that_needs(
        (recipe, known) in recipes_with_known()
    ) {
        let built = recipe.build(&known);
        prop_assert_eq!(built.plan.finals.len(), recipe.finals.len());
        for (index, final_plan) in built.plan.finals.iter().enumerate() {
            let reached = built.members_by_model(index);
            let groups = built.plan.groups.iter().enumerate();
            let mut left: Vec<usize> = groups
                .filter(|(_, group)| group.members.iter().any(|id| reached.contains(id)))
                .map(|(index, _)| index)
                .collect();
            let mut expected = BTreeSet::new();
            while let Some(index) = left.pop() {
                if expected.insert(index) {
                    left.extend(built.plan.groups[index].needs.iter().map(|need| need.index()));
                }
            }
            let loaded: BTreeSet<usize> = final_plan.groups.iter().map(|id| id.index()).collect();
            prop_assert_eq!(loaded, expected);
        }
    }

    #[test]
    fn no_group_is_loaded_by_nobody((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let finals = built.plan.finals.iter();
        let loaded: BTreeSet<usize> = finals
            .flat_map(|final_plan| final_plan.groups.iter().map(|id| id.index()))
            .collect();
        prop_assert_eq!(loaded.len(), built.plan.groups.len());
    }

    #[test]
    fn pools_hold_and_need_nothing_local((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let is_pool = |index: usize| {
            matches!(built.plan.groups[index].kind, GroupKind::Pool(_))
        };
        for (index, group) in built.plan.groups.iter().enumerate() {
            for id in &group.members {
                prop_assert_eq!(built.is_local_by_model(*id), !is_pool(index));
            }
            let mut needs = group.needs.iter();
            prop_assert!(!is_pool(index) || needs.all(|need| is_pool(need.index())));
        }
    }

    #[test]
    fn the_order_of_input_does_not_matter(
        (recipe, known, shuffled, shuffled_known) in in_two_orders()
    ) {
        let (built, other) = (recipe.build(&known), shuffled.build(&shuffled_known));
        prop_assert_eq!(built.groups(), other.groups());
        prop_assert_eq!(built.stays(), other.stays());
        prop_assert_eq!(built.known(), other.known());
        prop_assert_eq!(&built.plan.living.len(), &other.plan.living.len());
        for (index, (number, _)) in recipe.finals.iter().enumerate() {
            let other_index = shuffled.finals.iter().position(|(other, _)| other == number);
            prop_assert_eq!(
                Some(&built.plan.finals[index]),
                other_index.map(|index| &other.plan.finals[index])
            );
        }
    }

    #[test]
    fn planning_again_changes_nothing((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let again = recipe.build(&built.known());
        prop_assert_eq!(again.known(), built.known());
        prop_assert_eq!(&again.plan.finals, &built.plan.finals);
        // Only the origin of a pool differs now.
        let parts = |groups: Vec<_>| -> Vec<_> {
            groups
                .into_iter()
                .map(|(kind, members, needs)| match kind {
                    GroupKind::Pool(pool) => (Some((pool.id, pool.carried)), members, needs),
                    GroupKind::Part { .. } => (None, members, needs),
                })
                .collect()
        };
        prop_assert_eq!(parts(again.groups()), parts(built.groups()));
        prop_assert!(again.keeps_all_pools(), "{:?}", again.plan.decisions);
    }

    #[test]
    fn a_final_unit_with_known_dependencies_changes_no_group(
        (recipe, known) in recipes_with_known()
    ) {
        let built = recipe.build(&known);
        let mut graph = built.graph.clone();
        let Some(first) = graph.final_units().first().cloned() else {
            return Ok(());
        };
        graph.add_final(first.deps);
        let plan = plan(&graph, &known).unwrap();
        prop_assert_eq!(&plan.groups, &built.plan.groups);
        prop_assert_eq!(&plan.finals[..built.plan.finals.len()], &built.plan.finals[..]);
        prop_assert_eq!(plan.finals.last(), built.plan.finals.first());
    }

    #[test]
    fn a_cycle_is_an_error(
        (recipe, known) in recipes_with_known(),
        from in any::<prop::sample::Index>(),
    ) {
        if recipe.edges.is_empty() {
            return Ok(());
        }
        let built = recipe.build(&known);
        let (dependent, dependency) = recipe.edges[from.index(recipe.edges.len())];
        let mut graph = built.graph;
        graph.add_dependency(built.ids[&dependency], built.ids[&dependent]);
        let error = plan(&graph, &known).unwrap_err();
        prop_assert!(error.crates.len() >= 2);
    }
}
