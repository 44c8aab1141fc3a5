//! The rules of grouping on graphs that nobody thought of, against a model that knows nothing of
//! the algorithm: reachability by plain search.

use std::collections::{BTreeMap, BTreeSet};

use link_plan::graph::{LibraryId, LinkGraph, Origin};
use link_plan::grouping::{Group, Layer, Plan, StayReason, plan};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// A graph in the order in which it is to be built; a library is known by its number.
#[derive(Clone, Debug)]
struct Recipe {
    libraries: Vec<RecipeLibrary>,
    /// Dependent, dependency.
    edges: Vec<(usize, usize)>,
    /// A number that names the final unit, and its dependencies.
    finals: Vec<(usize, Vec<usize>)>,
}

#[derive(Clone, Debug)]
struct RecipeLibrary {
    number: usize,
    origin: Origin,
    opted_out: bool,
    native: bool,
}

/// Layer, members, number of bystanders, and the members of the groups that it needs.
type NamedGroup = (Layer, Vec<String>, usize, Vec<Vec<String>>);

/// A built graph with its plan.
struct Built {
    graph: LinkGraph,
    ids: BTreeMap<usize, LibraryId>,
    plan: Plan,
}

impl Recipe {
    fn build(&self) -> Built {
        let mut graph = LinkGraph::new();
        let mut ids = BTreeMap::new();
        for library in &self.libraries {
            let id = graph.add_library(name(library.number), library.origin);
            if library.opted_out {
                graph.opt_out(id);
            }
            if library.native {
                graph.mark_native(id);
            }
            ids.insert(library.number, id);
        }
        for (from, to) in &self.edges {
            graph.add_dependency(ids[from], ids[to]);
        }
        for (_, deps) in &self.finals {
            graph.add_final(deps.iter().map(|dep| ids[dep]));
        }
        let plan = plan(&graph).expect("edges lead from smaller to larger numbers");
        Built { graph, ids, plan }
    }
}

impl Built {
    /// A group by the names of its members.
    fn members(&self, group: &Group) -> Vec<String> {
        let names = group.members.iter();
        names
            .map(|id| self.graph.library(*id).name.clone())
            .collect()
    }

    fn members_at(&self, index: usize) -> Vec<String> {
        self.members(&self.plan.groups[index])
    }

    /// The groups in the words of names only, in order.
    fn groups(&self) -> Vec<NamedGroup> {
        self.plan
            .groups
            .iter()
            .map(|group| {
                let needs = group.needs.iter();
                (
                    group.layer,
                    self.members(group),
                    group.bystanders.len(),
                    needs.map(|id| self.members_at(id.index())).collect(),
                )
            })
            .collect()
    }

    fn stays(&self) -> Vec<(String, Option<String>)> {
        self.plan
            .stays
            .iter()
            .map(|(id, reason)| {
                let cause = match reason {
                    StayReason::OptedOut => None,
                    StayReason::DependsOn(dep) => Some(self.graph.library(*dep).name.clone()),
                };
                (self.graph.library(*id).name.clone(), cause)
            })
            .collect()
    }

    /// Everything that these libraries depend on, and they themselves.
    fn reached(&self, from: &[LibraryId]) -> BTreeSet<LibraryId> {
        let mut reached = BTreeSet::new();
        let mut left = from.to_vec();
        while let Some(id) = left.pop() {
            if reached.insert(id) {
                left.extend(&self.graph.library(id).deps);
            }
        }
        reached
    }

    fn stays_by_model(&self, id: LibraryId) -> bool {
        let mut reached = self.reached(&[id]).into_iter();
        reached.any(|id| self.graph.library(id).opted_out)
    }

    fn is_local_by_model(&self, id: LibraryId) -> bool {
        let mut reached = self.reached(&[id]).into_iter();
        reached.any(|id| self.graph.library(id).origin == Origin::Local)
    }

    /// The libraries that must be group members for one final unit.
    fn members_by_model(&self, final_index: usize) -> BTreeSet<LibraryId> {
        let reached = self.reached(&self.graph.final_units()[final_index].deps);
        reached
            .into_iter()
            .filter(|id| !self.stays_by_model(*id))
            .collect()
    }

    /// The final units that load a group.
    fn users(&self, group: usize) -> Vec<usize> {
        let finals = self.plan.finals.iter().enumerate();
        finals
            .filter(|(_, plan)| plan.groups.iter().any(|id| id.index() == group))
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether a library must be in an exact group: with a native one that not all reach.
    fn is_exact_by_model(&self, id: LibraryId) -> bool {
        self.reached(&[id]).into_iter().any(|id| {
            let is_reached = |user| self.members_by_model(user).contains(&id);
            self.graph.library(id).native && !self.users_of_any().all(is_reached)
        })
    }

    /// The final units that use a group at all.
    fn users_of_any(&self) -> impl Iterator<Item = usize> {
        let finals = self.plan.finals.iter().enumerate();
        finals
            .filter(|(_, plan)| !plan.groups.is_empty())
            .map(|(index, _)| index)
    }

    /// The groups that a final unit loads.
    fn groups_of_final(&self, index: usize) -> impl Iterator<Item = (usize, &Group)> {
        let groups = self.plan.finals[index].groups.iter();
        groups.map(|id| (id.index(), &self.plan.groups[id.index()]))
    }
}

fn name(number: usize) -> String {
    format!("lib{number:02}")
}

fn recipes() -> impl Strategy<Value = Recipe> {
    (1_usize..14).prop_flat_map(|count| {
        let origin = prop_oneof![2 => Just(Origin::Frozen), 1 => Just(Origin::Local)];
        let library = (
            origin,
            prop::bool::weighted(0.08),
            prop::bool::weighted(0.15),
        );
        let edge = (0..count, 0..count);
        let final_deps = prop::collection::vec(0..count, 0..5);
        (
            prop::collection::vec(library, count),
            prop::collection::vec(edge, 0..count * 3),
            prop::collection::vec(final_deps, 0..6),
        )
            .prop_map(|(libraries, edges, finals)| Recipe {
                libraries: libraries
                    .into_iter()
                    .enumerate()
                    .map(|(number, (origin, opted_out, native))| RecipeLibrary {
                        number,
                        origin,
                        opted_out,
                        native,
                    })
                    .collect(),
                edges: edges
                    .into_iter()
                    .filter(|(from, to)| from != to)
                    .map(|(from, to)| (from.min(to), from.max(to)))
                    .collect(),
                finals: finals.into_iter().enumerate().collect(),
            })
    })
}

/// A recipe, and the same one with everything added in another order.
fn recipes_in_two_orders() -> impl Strategy<Value = (Recipe, Recipe)> {
    recipes().prop_flat_map(|recipe| {
        let shuffled = (
            Just(recipe.libraries.clone()).prop_shuffle(),
            Just(recipe.edges.clone()).prop_shuffle(),
            Just(recipe.finals.clone()).prop_shuffle(),
        )
            .prop_map(|(libraries, edges, finals)| Recipe {
                libraries,
                edges,
                finals,
            });
        (Just(recipe), shuffled)
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_reached_library_is_a_member_or_stays(recipe in recipes()) {
        let built = recipe.build();
        let finals = built.graph.final_units().iter();
        let roots: Vec<LibraryId> = finals.flat_map(|unit| unit.deps.clone()).collect();
        let (stays, members): (BTreeSet<LibraryId>, BTreeSet<LibraryId>) = built
            .reached(&roots)
            .into_iter()
            .partition(|id| built.stays_by_model(*id));

        let planned = built.plan.groups.iter().flat_map(|group| group.members.clone());
        prop_assert_eq!(planned.collect::<BTreeSet<_>>(), members);
        prop_assert!(built.plan.groups.iter().all(|group| !group.members.is_empty()));
        prop_assert_eq!(
            built.plan.stays.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(),
            stays
        );
    }

    #[test]
    fn a_stay_reason_is_true(recipe in recipes()) {
        let built = recipe.build();
        for (id, reason) in &built.plan.stays {
            let library = built.graph.library(*id);
            match reason {
                StayReason::OptedOut => prop_assert!(library.opted_out),
                StayReason::DependsOn(dep) => {
                    prop_assert!(!library.opted_out);
                    prop_assert!(library.deps.contains(dep));
                    prop_assert!(built.plan.stays.iter().any(|(stay, _)| stay == dep));
                }
            }
        }
    }

    #[test]
    fn the_group_graph_is_acyclic_and_in_order(recipe in recipes()) {
        let built = recipe.build();
        for (index, group) in built.plan.groups.iter().enumerate() {
            // Each need has a smaller number, so no path comes back.
            prop_assert!(group.needs.iter().all(|need| need.index() < index));
            prop_assert!(group.needs.is_sorted_by(|a, b| a > b), "dependents first");
        }
        for final_plan in &built.plan.finals {
            prop_assert!(final_plan.groups.is_sorted_by(|a, b| a > b), "dependents first");
        }
    }

    #[test]
    fn needs_are_the_groups_that_hold_dependencies(recipe in recipes()) {
        let built = recipe.build();
        for (index, group) in built.plan.groups.iter().enumerate() {
            let needs: BTreeSet<usize> = group.needs.iter().map(|id| id.index()).collect();
            let dependencies = built.reached(&group.members);
            for user in built.users(index) {
                let needed: BTreeSet<usize> = built
                    .groups_of_final(user)
                    .filter(|(_, other)| other.members.iter().any(|id| dependencies.contains(id)))
                    .map(|(other, _)| other)
                    .filter(|other| *other != index)
                    .collect();
                prop_assert_eq!(&needs, &needed);
                // A group is closed under dependencies: each one is in a group of the same user.
                let held: BTreeSet<LibraryId> = built
                    .groups_of_final(user)
                    .flat_map(|(_, group)| group.members.clone())
                    .collect();
                prop_assert!(held.is_superset(&dependencies));
            }
        }
    }

    #[test]
    fn members_come_after_their_dependents(recipe in recipes()) {
        let built = recipe.build();
        for group in &built.plan.groups {
            for (position, id) in group.members.iter().enumerate() {
                let before = &group.members[..position];
                prop_assert!(!built.graph.library(*id).deps.iter().any(|dep| before.contains(dep)));
            }
        }
    }

    #[test]
    fn a_final_unit_loads_all_that_it_reaches_and_what_that_needs(recipe in recipes()) {
        let built = recipe.build();
        prop_assert_eq!(built.plan.finals.len(), recipe.finals.len());
        for index in 0..built.plan.finals.len() {
            let reached = built.members_by_model(index);
            let groups: Vec<usize> = built.groups_of_final(index).map(|(id, _)| id).collect();
            for (id, group) in built.groups_of_final(index) {
                prop_assert!(group.needs.iter().all(|need| groups.contains(&need.index())));
                let is_used = group.members.iter().any(|member| reached.contains(member));
                let is_needed = built.groups_of_final(index).any(|(_, other)| {
                    other.needs.iter().any(|need| need.index() == id)
                });
                prop_assert!(is_used || is_needed);
            }
            let loaded: Vec<LibraryId> = built
                .groups_of_final(index)
                .flat_map(|(_, group)| group.members.clone())
                .collect();
            let distinct: BTreeSet<LibraryId> = loaded.iter().copied().collect();
            prop_assert_eq!(loaded.len(), distinct.len(), "a library is in two groups");
            prop_assert!(distinct.is_superset(&reached));
        }
    }

    #[test]
    fn what_a_final_unit_loads_and_does_not_reach_is_a_bystander(recipe in recipes()) {
        let built = recipe.build();
        for index in 0..built.plan.finals.len() {
            let reached = built.members_by_model(index);
            for (_, group) in built.groups_of_final(index) {
                let others = group.members.iter().filter(|id| !reached.contains(id));
                for id in others {
                    prop_assert!(group.bystanders.contains(id));
                }
            }
        }
    }

    #[test]
    fn bystanders_are_members_that_are_not_native(recipe in recipes()) {
        let built = recipe.build();
        for group in built.plan.groups.iter().filter(|group| !group.bystanders.is_empty()) {
            prop_assert!(group.bystanders.iter().all(|id| group.members.contains(id)));
            prop_assert!(!group.bystanders.iter().any(|id| built.graph.library(*id).native));
            let all_reach_all = group.members.iter().all(|id| {
                built.users_of_any().all(|user| built.members_by_model(user).contains(id))
            });
            prop_assert!(!all_reach_all, "nobody is a bystander where all reach all");
        }
    }

    #[test]
    fn without_native_libraries_there_is_one_group_for_each_layer(recipe in recipes()) {
        let mut recipe = recipe;
        recipe.libraries.iter_mut().for_each(|library| library.native = false);
        let groups = recipe.build().plan.groups;
        let layers: BTreeSet<Layer> = groups.iter().map(|group| group.layer).collect();
        prop_assert_eq!(groups.len(), layers.len());
    }

    #[test]
    fn a_final_unit_has_two_groups_of_a_layer_only_for_native_libraries(recipe in recipes()) {
        let built = recipe.build();
        for index in 0..built.plan.finals.len() {
            let mut kinds = BTreeSet::new();
            for (_, group) in built.groups_of_final(index) {
                let (exact, common): (Vec<LibraryId>, Vec<LibraryId>) =
                    group.members.iter().partition(|id| built.is_exact_by_model(**id));
                prop_assert!(exact.is_empty() || common.is_empty());
                prop_assert!(kinds.insert((group.layer, exact.is_empty())), "two could be one");
            }
        }
    }

    #[test]
    fn no_group_is_there_twice(recipe in recipes()) {
        let groups = recipe.build().plan.groups;
        for (index, group) in groups.iter().enumerate() {
            for other in &groups[..index] {
                let same = other.members == group.members && other.needs == group.needs;
                prop_assert!(!same, "{group:?} and {other:?}");
            }
        }
    }

    #[test]
    fn frozen_groups_hold_and_need_nothing_local(recipe in recipes()) {
        let built = recipe.build();
        for group in &built.plan.groups {
            for id in &group.members {
                let expected = match built.is_local_by_model(*id) {
                    true => Layer::Local,
                    false => Layer::Frozen,
                };
                prop_assert_eq!(group.layer, expected);
            }
            let mut needs = group.needs.iter().map(|id| &built.plan.groups[id.index()]);
            prop_assert!(group.layer == Layer::Local || needs.all(|need| need.layer == Layer::Frozen));
        }
    }

    #[test]
    fn the_order_of_building_the_graph_does_not_matter(
        (recipe, shuffled) in recipes_in_two_orders()
    ) {
        let (built, other) = (recipe.build(), shuffled.build());
        prop_assert_eq!(built.groups(), other.groups());
        prop_assert_eq!(built.stays(), other.stays());
        for (index, (number, _)) in recipe.finals.iter().enumerate() {
            let other_index = shuffled.finals.iter().position(|(other, _)| other == number);
            prop_assert_eq!(
                Some(&built.plan.finals[index]),
                other_index.map(|index| &other.plan.finals[index])
            );
        }
    }

    #[test]
    fn a_final_unit_with_known_dependencies_changes_no_group(recipe in recipes()) {
        let built = recipe.build();
        let mut graph = built.graph.clone();
        let Some(known) = graph.final_units().first().cloned() else {
            return Ok(());
        };
        graph.add_final(known.deps);
        let plan = plan(&graph).unwrap();
        prop_assert_eq!(&plan.groups, &built.plan.groups);
        prop_assert_eq!(&plan.finals[..built.plan.finals.len()], &built.plan.finals[..]);
        prop_assert_eq!(plan.finals.last(), built.plan.finals.first());
    }

    #[test]
    fn a_cycle_is_an_error(recipe in recipes(), from in any::<prop::sample::Index>()) {
        if recipe.edges.is_empty() {
            return Ok(());
        }
        let built = recipe.build();
        let (dependent, dependency) = recipe.edges[from.index(recipe.edges.len())];
        let mut graph = built.graph;
        graph.add_dependency(built.ids[&dependency], built.ids[&dependent]);
        let error = plan(&graph).unwrap_err();
        prop_assert!(error.crates.len() >= 2);
    }
}

/// `libraries` lists `name`, `name!` for a path crate, `name-` for one that opted out and `name*`
/// for a native one, each with its dependencies: `"app_core!: serde log"`. The plan is printed with the order it has.
fn check(libraries: &[&str], finals: &[&str], expected: &[&str]) {
    let mut graph = LinkGraph::new();
    let mut ids = BTreeMap::new();
    let name_of = |label: &str| label.trim_end_matches(['!', '-', '*']).to_owned();
    for line in libraries {
        let label = line.split(':').next().unwrap();
        let origin = match label.contains('!') {
            true => Origin::Local,
            false => Origin::Frozen,
        };
        let id = graph.add_library(name_of(label), origin);
        if label.ends_with('-') {
            graph.opt_out(id);
        }
        if label.ends_with('*') {
            graph.mark_native(id);
        }
        ids.insert(name_of(label), id);
    }
    for line in libraries {
        let (label, deps) = line.split_once(':').unwrap_or((line, ""));
        for dep in deps.split_whitespace() {
            graph.add_dependency(ids[&name_of(label)], ids[dep]);
        }
    }
    for deps in finals {
        graph.add_final(deps.split_whitespace().map(|dep| ids[dep]));
    }
    let plan = plan(&graph).unwrap();

    let name = |id: &LibraryId| graph.library(*id).name.as_str();
    let mut printed = Vec::new();
    for (index, group) in plan.groups.iter().enumerate() {
        let member = |id: &LibraryId| match group.bystanders.contains(id) {
            true => format!("({})", name(id)),
            false => name(id).to_owned(),
        };
        let members: Vec<String> = group.members.iter().map(member).collect();
        let needs: Vec<usize> = group.needs.iter().map(|id| id.index()).collect();
        let layer = group.layer;
        printed.push(format!(
            "{index} {layer:?}: {} needs {needs:?}",
            members.join(" ")
        ));
    }
    for final_plan in &plan.finals {
        let groups: Vec<usize> = final_plan.groups.iter().map(|id| id.index()).collect();
        printed.push(format!("final {groups:?}"));
    }
    for (id, reason) in &plan.stays {
        printed.push(match reason {
            StayReason::OptedOut => format!("{} opted out", name(id)),
            StayReason::DependsOn(dep) => format!("{} because of {}", name(id), name(dep)),
        });
    }
    assert_eq!(printed, expected);
}

#[test]
fn one_program_gets_one_group_for_each_layer() {
    check(
        &[
            "core!: serde log",
            "util!: log",
            "serde: itoa",
            "log",
            "itoa",
            "unused",
        ],
        &["core util", "core util"],
        &[
            "0 Frozen: log serde itoa needs []",
            "1 Local: core util needs [0]",
            "final [1, 0]",
            "final [1, 0]",
        ],
    );
}

#[test]
fn programs_with_different_dependencies_share_the_frozen_group() {
    check(
        &["http: bytes", "sql: bytes", "bytes"],
        &["http", "sql", ""],
        &[
            "0 Frozen: (http) (sql) (bytes) needs []",
            "final [0]",
            "final [0]",
            "final []",
        ],
    );
}

#[test]
fn what_may_be_native_is_shared_by_those_who_reach_it() {
    check(
        &["http: tls", "tls*: bytes", "sql*", "bytes", "zlib*"],
        &["http zlib", "sql zlib"],
        &[
            "0 Frozen: sql needs []",
            "1 Frozen: (bytes) zlib needs []",
            "2 Frozen: http tls needs [1]",
            "final [2, 1]",
            "final [1, 0]",
        ],
    );
}

#[test]
fn what_only_tests_depend_on_is_a_bystander_of_the_program() {
    check(
        &["core!: serde", "serde", "proptest: serde"],
        &["core", "core proptest"],
        &[
            "0 Frozen: (proptest) (serde) needs []",
            "1 Local: core needs [0]",
            "final [1, 0]",
            "final [1, 0]",
        ],
    );
}

#[test]
fn local_libraries_share_a_group_whoever_reaches_them() {
    check(
        &["top!: base log", "other!: base", "base!", "log"],
        &["top", "other"],
        &[
            "0 Frozen: (log) needs []",
            "1 Local: (other) (top) (base) needs [0]",
            "final [1, 0]",
            "final [1, 0]",
        ],
    );
}

#[test]
fn a_local_library_above_a_native_one_goes_with_it() {
    check(
        &["top!: sql", "other!: base", "base!", "sql*"],
        &["top other", "other"],
        &[
            "0 Frozen: sql needs []",
            "1 Local: top needs [0]",
            "2 Local: other base needs []",
            "final [2, 1, 0]",
            "final [2]",
        ],
    );
}

#[test]
fn needs_reach_through_groups() {
    check(
        &["a!: b", "b*: c", "c"],
        &["a", "b", "c"],
        &[
            "0 Frozen: c needs []",
            "1 Frozen: b needs [0]",
            "2 Local: a needs [1, 0]",
            "final [2, 1, 0]",
            "final [1, 0]",
            "final [0]",
        ],
    );
}

#[test]
fn a_registry_crate_above_a_path_crate_is_local() {
    check(
        &["framework: patched log", "patched!: log", "log"],
        &["framework"],
        &[
            "0 Frozen: log needs []",
            "1 Local: framework patched needs [0]",
            "final [1, 0]",
        ],
    );
}

#[test]
fn an_opt_out_keeps_its_dependents_in_the_executable() {
    check(
        &["app!: web linkme", "web: linkme log", "linkme-: log", "log"],
        &["app"],
        &[
            "0 Frozen: log needs []",
            "final [0]",
            "app because of linkme",
            "linkme opted out",
            "web because of linkme",
        ],
    );
}

#[test]
fn an_empty_graph_has_an_empty_plan() {
    check(&[], &[], &[]);
}
