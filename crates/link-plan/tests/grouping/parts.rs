//! Properties of parts that hold for every graph and all records.

use std::collections::{BTreeMap, BTreeSet};

use link_plan::grouping::{Cut, CutReason, Decision, GroupKind, Known, MAX_PARTS, PART_BYTES};
use proptest::prelude::*;

use crate::recipe::{Built, Recipe, config, recipes, recipes_with_known};

/// For each package the packages that it depends on directly, as far as they are local.
fn packages(built: &Built) -> BTreeMap<&str, BTreeSet<&str>> {
    let local = built.local_by_model();
    let name = |id| built.graph.library(id).name.as_str();
    let mut packages = BTreeMap::<&str, BTreeSet<&str>>::new();
    for id in &local {
        let deps = built.graph.library(*id).deps.iter();
        let deps = deps.filter(|dep| local.contains(dep)).map(|dep| name(*dep));
        let package = packages.entry(name(*id)).or_default();
        package.extend(deps.filter(|dep| *dep != name(*id)));
    }
    packages
}

/// The packages above each package, itself included only where there is a cycle.
fn above<'a>(
    packages: &BTreeMap<&'a str, BTreeSet<&'a str>>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut above = BTreeMap::<&str, BTreeSet<&str>>::new();
    for from in packages.keys() {
        let mut left: Vec<&str> = packages[from].iter().copied().collect();
        let mut seen = BTreeSet::new();
        while let Some(package) = left.pop() {
            if seen.insert(package) {
                above.entry(package).or_default().insert(from);
                left.extend(&packages[package]);
            }
        }
    }
    packages
        .keys()
        .map(|name| (*name, above.remove(name).unwrap_or_default()))
        .collect()
}

fn part_of(cut: &Cut) -> BTreeMap<&str, usize> {
    let parts = cut.parts.iter().enumerate();
    parts
        .flat_map(|(number, part)| part.keys().map(move |name| (name.as_str(), number)))
        .collect()
}

fn sum(bytes: impl Iterator<Item = u64>) -> u128 {
    bytes.map(u128::from).sum()
}

/// Whether the rules allow to cut anew, for a cut whose packages are all in the graph.
fn is_unfit(cut: &Cut) -> bool {
    let all = sum(cut.parts.iter().flatten().map(|(_, bytes)| *bytes));
    let packages = cut.parts.iter().map(BTreeMap::len).sum::<usize>() as u128;
    let parts = cut.parts.iter().filter(|part| !part.is_empty()).count() as u128;
    let shared = cut.parts.iter().filter(|part| part.len() > 1);
    let largest = shared
        .map(|part| sum(part.values().copied()))
        .max()
        .unwrap_or(0);
    let wanted = all
        .div_ceil(u128::from(PART_BYTES))
        .clamp(1, MAX_PARTS as u128)
        .min(packages);
    largest * parts > all * 3 || wanted > parts * 2 || wanted * 2 < parts
}

/// The decision about the cut, if there are packages to cut.
fn cut_decision(built: &Built) -> Option<&Decision> {
    built.plan.decisions.iter().find(|decision| {
        matches!(
            decision,
            Decision::CutKept { .. } | Decision::CutExtended { .. } | Decision::CutMade { .. }
        )
    })
}

/// Whether the packages of the units form a cycle, which no workspace can have.
fn is_cyclic(built: &Built) -> bool {
    matches!(
        cut_decision(built),
        Some(Decision::CutMade {
            reason: CutReason::Cycle,
            ..
        })
    )
}

/// Multiplies the size of each local library by some percentage.
fn resize(recipe: &Recipe, percent: &[u64]) -> Recipe {
    let mut resized = recipe.clone();
    for (library, percent) in resized.libraries.iter_mut().zip(percent.iter().cycle()) {
        library.bytes = library.bytes * percent / 100;
    }
    resized
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_package_is_in_the_part_that_the_cut_says((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let part_of = part_of(&built.plan.cut);
        let mut parts = 0;
        for group in &built.plan.groups {
            let GroupKind::Part { number } = group.kind else {
                continue;
            };
            parts += 1;
            prop_assert!(!group.members.is_empty());
            for id in &group.members {
                prop_assert_eq!(part_of[built.graph.library(*id).name.as_str()], number);
            }
        }
        prop_assert!(parts <= MAX_PARTS);
        if !packages(&built).is_empty() {
            prop_assert!(built.plan.cut.parts.len() <= MAX_PARTS);
            let held: usize = built.plan.cut.parts.iter().map(BTreeMap::len).sum();
            prop_assert_eq!(held, part_of.len(), "a package is in two parts");
        }
    }

    #[test]
    fn no_package_is_in_a_part_above_a_dependent((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let part_of = part_of(&built.plan.cut);
        for (package, deps) in packages(&built) {
            for dep in deps {
                prop_assert!(part_of[dep] <= part_of[package]);
            }
        }
    }

    #[test]
    fn a_cut_is_made_by_the_number_of_packages_above(recipe in recipes()) {
        let built = recipe.build(&Known::default());
        let above = above(&packages(&built));
        let part_of = part_of(&built.plan.cut);
        for (package, above_it) in &above {
            for (other, above_other) in &above {
                let position = (above_it.len(), *other) > (above_other.len(), *package);
                prop_assert!(!position || part_of[package] <= part_of[other]);
            }
        }
    }

    #[test]
    fn a_fresh_cut_is_about_even(recipe in recipes()) {
        let built = recipe.build(&Known::default());
        if is_cyclic(&built) {
            return Ok(());
        }
        let cut = &built.plan.cut;
        let all = sum(cut.parts.iter().flatten().map(|(_, bytes)| *bytes));
        let packages = part_of(cut).len() as u128;
        let wanted = all.div_ceil(u128::from(PART_BYTES)).clamp(1, MAX_PARTS as u128);
        let wanted = wanted.min(packages.max(1));
        prop_assert!(cut.parts.len() as u128 <= wanted);
        for part in cut.parts.iter().filter(|part| part.len() > 1) {
            let bytes = sum(part.values().copied());
            prop_assert!(bytes * wanted <= all * 3, "{cut:?}");
        }
    }

    #[test]
    fn a_cut_loses_packages_only_when_made_anew((recipe, known) in recipes_with_known()) {
        let built = recipe.build(&known);
        let packages = packages(&built);
        match cut_decision(&built) {
            None => {
                prop_assert!(packages.is_empty());
                prop_assert_eq!(built.plan.cut, known.cut);
            }
            Some(Decision::CutKept { .. }) => prop_assert_eq!(built.plan.cut, known.cut),
            Some(Decision::CutExtended { cut, added }) => {
                let now = part_of(&built.plan.cut);
                let before = part_of(&known.cut);
                prop_assert!(*added > 0);
                prop_assert_eq!((now.len(), cut.packages), (before.len() + added, now.len()));
                for (package, part) in before {
                    prop_assert_eq!(now[package], part);
                }
            }
            _ => {
                let kept: BTreeSet<&str> = part_of(&built.plan.cut).into_keys().collect();
                prop_assert_eq!(kept, packages.into_keys().collect());
            }
        }
    }

    #[test]
    fn a_cut_is_kept_while_its_sizes_are_about_right(
        recipe in recipes(),
        percent in prop::collection::vec(40_u64..250, 1..6),
    ) {
        let first = recipe.build(&Known::default());
        let resized = resize(&recipe, &percent);
        let built = resized.build(&first.known());
        if is_cyclic(&first) {
            return Ok(());
        }
        // The new sizes, by package.
        let mut sizes = BTreeMap::<&str, u64>::new();
        for id in built.local_by_model() {
            let library = built.graph.library(id);
            *sizes.entry(&library.name).or_default() += library.bytes;
        }
        let mut now = first.plan.cut.clone();
        for part in &mut now.parts {
            for (name, bytes) in part {
                match sizes[name.as_str()] {
                    0 => {}
                    size => *bytes = size,
                }
            }
        }
        if !is_unfit(&now) {
            prop_assert_eq!(&built.plan.cut, &first.plan.cut);
        }
        // Anew or not, the next build has no reason to change it.
        let again = resized.build(&built.known());
        prop_assert_eq!(&again.plan.cut, &built.plan.cut);
    }

    #[test]
    fn a_small_selection_leaves_the_cut_as_it_is(
        recipe in recipes(),
        selected in prop::collection::btree_set(0..9_usize, 0..9),
    ) {
        let whole = recipe.build(&Known::default());
        if is_cyclic(&whole) {
            return Ok(());
        }
        let part = recipe.select(|number| selected.contains(&number)).build(&whole.known());
        if !is_unfit(&whole.plan.cut) {
            prop_assert_eq!(&part.plan.cut, &whole.plan.cut);
        }
    }
}
