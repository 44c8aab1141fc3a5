//! Random graphs and records of `proptest`, and facts about them by plain search.

use std::collections::{BTreeMap, BTreeSet};

use link_plan::graph::{LibraryId, LinkGraph, Origin, SettingKey, UnitKey};
use link_plan::grouping::{
    Cut, Decision, Group, GroupKind, KeptReason, Known, KnownPool, Plan, PoolId, plan,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// A graph in the order in which it is to be built; a library is known by its number.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) libraries: Vec<RecipeLibrary>,
    /// Dependent, dependency.
    pub(crate) edges: Vec<(usize, usize)>,
    /// A number that names the final unit, and its dependencies.
    pub(crate) finals: Vec<(usize, Vec<usize>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct RecipeLibrary {
    pub(crate) number: usize,
    pub(crate) package: usize,
    pub(crate) origin: Origin,
    pub(crate) opted_out: bool,
    pub(crate) bytes: u64,
}

/// A built graph with its plan.
pub(crate) struct Built {
    pub(crate) graph: LinkGraph,
    pub(crate) ids: BTreeMap<usize, LibraryId>,
    pub(crate) plan: Plan,
}

/// Kind, members, and the numbers of the groups that it needs.
type NamedGroup = (GroupKind, Vec<UnitKey>, Vec<usize>);

impl Recipe {
    pub(crate) fn build(&self, known: &Known) -> Built {
        self.build_in(SettingKey::new(0), known)
    }

    pub(crate) fn build_in(&self, setting: SettingKey, known: &Known) -> Built {
        let mut graph = LinkGraph::new(setting);
        let mut ids = BTreeMap::new();
        for library in &self.libraries {
            let name = package_name(library.package);
            let id = graph.add_library(name, library.origin, key(library.number));
            graph.set_bytes(id, library.bytes);
            if library.opted_out {
                graph.opt_out(id);
            }
            ids.insert(library.number, id);
        }
        for (from, to) in &self.edges {
            graph.add_dependency(ids[from], ids[to]);
        }
        for (_, deps) in &self.finals {
            graph.add_final(deps.iter().map(|dep| ids[dep]));
        }
        let plan = plan(&graph, known).expect("edges lead from smaller to larger numbers");
        Built { graph, ids, plan }
    }

    /// The graph that Cargo makes if the user selects only some of the final units.
    pub(crate) fn select(&self, is_selected: impl Fn(usize) -> bool) -> Recipe {
        let finals = self
            .finals
            .iter()
            .filter(|(number, _)| is_selected(*number));
        let finals: Vec<_> = finals.cloned().collect();
        let mut reached: BTreeSet<usize> =
            finals.iter().flat_map(|(_, deps)| deps.clone()).collect();
        // Each dependency has a larger number.
        for number in 0..self.libraries.len() {
            if reached.contains(&number) {
                let edges = self.edges.iter().filter(|(from, _)| *from == number);
                reached.extend(edges.map(|(_, to)| *to));
            }
        }
        let libraries = self.libraries.iter();
        let edges = self.edges.iter().copied();
        Recipe {
            libraries: libraries
                .filter(|library| reached.contains(&library.number))
                .cloned()
                .collect(),
            edges: edges.filter(|(from, _)| reached.contains(from)).collect(),
            finals,
        }
    }
}

impl Built {
    /// The records in the target directory after the build.
    pub(crate) fn known(&self) -> Known {
        Known {
            pools: self.plan.living.clone(),
            cut: self.plan.cut.clone(),
        }
    }

    pub(crate) fn key(&self, id: LibraryId) -> UnitKey {
        self.graph.library(id).key
    }

    pub(crate) fn keys(&self, group: &Group) -> Vec<UnitKey> {
        group.members.iter().map(|id| self.key(*id)).collect()
    }

    /// The groups in words that do not depend on the order of the graph.
    pub(crate) fn groups(&self) -> Vec<NamedGroup> {
        let groups = self.plan.groups.iter();
        groups
            .map(|group| {
                let needs = group.needs.iter().map(|id| id.index());
                (group.kind.clone(), self.keys(group), needs.collect())
            })
            .collect()
    }

    pub(crate) fn stays(&self) -> Vec<(UnitKey, Option<UnitKey>)> {
        let stays = self.plan.kept.iter();
        stays
            .map(|(id, reason)| {
                let cause = match reason {
                    KeptReason::OptedOut => None,
                    KeptReason::DependsOn(dep) => Some(self.key(*dep)),
                };
                (self.key(*id), cause)
            })
            .collect()
    }

    /// Everything that these libraries depend on, and they themselves.
    pub(crate) fn reached(&self, from: &[LibraryId]) -> BTreeSet<LibraryId> {
        let mut reached = BTreeSet::new();
        let mut left = from.to_vec();
        while let Some(id) = left.pop() {
            if reached.insert(id) {
                left.extend(&self.graph.library(id).deps);
            }
        }
        reached
    }

    pub(crate) fn reached_by_any(&self) -> BTreeSet<LibraryId> {
        let finals = self.graph.final_units().iter();
        let roots: Vec<LibraryId> = finals.flat_map(|unit| unit.deps.clone()).collect();
        self.reached(&roots)
    }

    pub(crate) fn stays_by_model(&self, id: LibraryId) -> bool {
        let mut reached = self.reached(&[id]).into_iter();
        reached.any(|id| self.graph.library(id).opted_out)
    }

    pub(crate) fn is_local_by_model(&self, id: LibraryId) -> bool {
        let mut reached = self.reached(&[id]).into_iter();
        reached.any(|id| self.graph.library(id).origin == Origin::Local)
    }

    /// The local libraries that must be in a group.
    pub(crate) fn local_by_model(&self) -> Vec<LibraryId> {
        let reached = self.reached_by_any().into_iter();
        reached
            .filter(|id| self.is_local_by_model(*id) && !self.stays_by_model(*id))
            .collect()
    }

    /// The libraries that must be group members for one final unit.
    pub(crate) fn members_by_model(&self, final_index: usize) -> BTreeSet<LibraryId> {
        let reached = self.reached(&self.graph.final_units()[final_index].deps);
        reached
            .into_iter()
            .filter(|id| !self.stays_by_model(*id))
            .collect()
    }

    /// The record of the pool that a group is.
    pub(crate) fn record(&self, group: &Group) -> Option<&KnownPool> {
        let GroupKind::Pool(pool) = &group.kind else {
            return None;
        };
        self.plan.living.iter().find(|record| record.id == pool.id)
    }

    /// Whether the plan left all pools as they were.
    pub(crate) fn keeps_all_pools(&self) -> bool {
        let mut decisions = self.plan.decisions.iter();
        !decisions.any(|decision| {
            matches!(
                decision,
                Decision::PoolMade { .. }
                    | Decision::PoolsMerged { .. }
                    | Decision::PoolDropped { .. }
            )
        })
    }
}

pub(crate) fn key(number: usize) -> UnitKey {
    UnitKey::new(1000 + number as u64)
}

pub(crate) fn package_name(number: usize) -> String {
    format!("lib{number:02}")
}

/// Writes failing inputs to a file beside the source.
pub(crate) fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

pub(crate) fn recipes() -> impl Strategy<Value = Recipe> {
    (1_usize..20, 0..4, 1..10_u32).prop_flat_map(|(count, names, frozen)| {
        let package = match names {
            // Any two units may be of one package, even if packages then form a cycle.
            0 => (0..count).boxed(),
            _ => Just(usize::MAX).boxed(),
        };
        let origin = prop_oneof![frozen => Just(Origin::Frozen), 2 => Just(Origin::Local)];
        let bytes = prop_oneof![1 => Just(0), 5 => 1_u64..30 << 20, 1 => 1_u64..400 << 20];
        let library = (package, origin, prop::bool::weighted(0.06), bytes);
        let edge = (0..count, 0..count);
        let few = prop::collection::vec(0..count, 0..4);
        let final_deps = prop_oneof![9 => few, 1 => Just((0..count).collect())];
        (
            prop::collection::vec(library, count),
            prop::collection::vec(edge, 0..count * 2),
            prop::collection::vec(final_deps, 0..9),
        )
            .prop_map(move |(libraries, edges, finals)| Recipe {
                libraries: libraries
                    .into_iter()
                    .enumerate()
                    .map(
                        |(number, (package, origin, opted_out, bytes))| RecipeLibrary {
                            number,
                            package: match names {
                                0 => package,
                                1 => number / 2,
                                _ => number,
                            },
                            origin,
                            opted_out,
                            bytes,
                        },
                    )
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

/// Records that no plan need have written.
fn any_known() -> impl Strategy<Value = Known> {
    let bytes = prop_oneof![4 => 0_u64..100 << 20, 1 => any::<u64>()];
    let generation = prop_oneof![9 => 0_u64..5, 1 => Just(u64::MAX)];
    let units = (0_usize..22).prop_map(key);
    let ids = (0_u64..6).prop_map(PoolId::new);
    let pool = (
        ids.clone(),
        generation,
        prop::collection::btree_map(units, bytes.clone(), 0..5),
        prop::collection::btree_set(ids, 0..2),
    )
        .prop_map(|(id, generation, members, needs)| KnownPool {
            generation,
            id,
            members,
            needs,
        });
    let package = (0_usize..22).prop_map(package_name);
    let part = prop::collection::btree_map(package, bytes, 0..6);
    (
        prop::collection::vec(pool, 0..7),
        prop::collection::vec(part, 0..14),
    )
        .prop_map(|(pools, parts)| Known {
            pools,
            cut: Cut { parts },
        })
}

/// The selection of one build of a history.
#[derive(Clone, Debug)]
enum Step {
    /// The final units of these numbers.
    Finals(BTreeSet<usize>),
    /// A final unit that depends on the library of this number, modulo how many there are.
    Library(usize),
}

impl Step {
    fn of(&self, recipe: &Recipe) -> Recipe {
        match self {
            Step::Finals(numbers) => recipe.select(|number| numbers.contains(&number)),
            Step::Library(number) => {
                let mut recipe = recipe.clone();
                recipe.finals = vec![(0, vec![number % recipe.libraries.len()])];
                recipe.select(|_| true)
            }
        }
    }
}

fn histories() -> impl Strategy<Value = Vec<Step>> {
    let finals = prop::collection::btree_set(0..9_usize, 1..3).prop_map(Step::Finals);
    let library = (0_usize..20).prop_map(Step::Library);
    // Building each library after all of its dependencies makes as many pools as possible.
    let one_by_one = (0..20).rev().map(Step::Library).collect::<Vec<_>>();
    prop_oneof![
        2 => prop::collection::vec(prop_oneof![finals, library], 0..12),
        1 => Just(one_by_one),
    ]
}

/// A recipe, and the records of builds of selections of it. Some pools may be gone.
pub(crate) fn recipes_with_history() -> impl Strategy<Value = (Recipe, Known)> {
    let lost = prop::collection::vec(prop::bool::weighted(0.02), 20);
    (recipes(), histories(), lost).prop_map(|(recipe, history, lost)| {
        let mut known = Known::default();
        for step in history {
            known = step.of(&recipe).build(&known).known();
        }
        let mut lost = lost.into_iter();
        known.pools.retain(|_| lost.next() != Some(true));
        (recipe, known)
    })
}

/// A recipe with records that may fit it or not.
pub(crate) fn recipes_with_known() -> impl Strategy<Value = (Recipe, Known)> {
    prop_oneof![recipes_with_history(), (recipes(), any_known())]
}

/// A recipe with records, and both in another order.
pub(crate) fn in_two_orders() -> impl Strategy<Value = (Recipe, Known, Recipe, Known)> {
    recipes_with_known().prop_flat_map(|(recipe, known)| {
        let shuffled = (
            Just(recipe.libraries.clone()).prop_shuffle(),
            Just(recipe.edges.clone()).prop_shuffle(),
            Just(recipe.finals.clone()).prop_shuffle(),
            Just(known.pools.clone()).prop_shuffle(),
        );
        shuffled.prop_map(move |(libraries, edges, finals, pools)| {
            let shuffled = Recipe {
                libraries,
                edges,
                finals,
            };
            let cut = known.cut.clone();
            let shuffled_known = Known { pools, cut };
            (recipe.clone(), known.clone(), shuffled, shuffled_known)
        })
    })
}
