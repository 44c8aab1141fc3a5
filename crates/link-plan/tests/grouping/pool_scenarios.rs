//! Scenarios that frozen libraries meet in every target directory sooner or later.

use link_plan::graph::{LinkGraph, Origin, SettingKey, UnitKey};
use link_plan::grouping::{Known, PoolId, plan};

use crate::words::{Target, check};

#[test]
fn one_small_program_gets_a_pool_and_a_part() {
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
            "0 new pool: log serde itoa needs []",
            "1 part 0: core util needs [0]",
            "final [1, 0]",
            "final [1, 0]",
        ],
    );
}

#[test]
fn a_registry_crate_above_a_path_crate_is_in_a_part() {
    check(
        &["framework: patched log", "patched!: log", "log"],
        &["framework"],
        &[
            "0 new pool: log needs []",
            "1 part 0: framework patched needs [0]",
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
            "0 new pool: log needs []",
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

const THREE_PROGRAMS: [&str; 6] = [
    "http: bytes",
    "sql: bytes log",
    "cli: log",
    "bytes",
    "log",
    "itoa",
];

#[test]
fn programs_built_one_by_one_and_then_together_link_each_crate_once() {
    let mut target = Target::default();
    target.check(
        &THREE_PROGRAMS,
        &["http"],
        &["0 new pool: http bytes needs []", "final [0]"],
    );
    target.check(
        &THREE_PROGRAMS,
        &["sql"],
        &[
            "0 pool with 1 more: bytes needs []",
            "1 new pool: sql log needs [0]",
            "final [1, 0]",
        ],
    );
    // The pool of `sql` is loaded for `log`, and it needs that of `bytes`.
    target.check(
        &THREE_PROGRAMS,
        &["cli"],
        &[
            "0 pool with 2 more:  needs []",
            "1 pool with 1 more: log needs [0]",
            "2 new pool: cli needs [1]",
            "final [2, 1, 0]",
        ],
    );
    target.check(
        &THREE_PROGRAMS,
        &["http", "sql", "cli"],
        &[
            "0 pool: http bytes needs []",
            "1 pool: sql log needs [0]",
            "2 pool: cli needs [1]",
            "final [0]",
            "final [1, 0]",
            "final [2, 1, 0]",
        ],
    );
}

#[test]
fn programs_built_together_need_nothing_new_one_by_one() {
    let mut target = Target::default();
    target.build(&THREE_PROGRAMS, &["http", "sql", "cli"]);
    target.check(
        &THREE_PROGRAMS,
        &["cli"],
        &["0 pool with 3 more: cli log needs []", "final [0]"],
    );
    assert_eq!(target.pool_sizes(), [5]);
}

#[test]
fn an_added_dependency_is_linked_alone() {
    let mut target = Target::default();
    target.build(&["app!: serde", "serde: itoa", "itoa"], &["app"]);
    target.check(
        &[
            "app!: serde regex",
            "serde: itoa",
            "itoa",
            "regex: itoa memchr",
            "memchr",
        ],
        &["app"],
        &[
            "0 pool: serde itoa needs []",
            "1 new pool: regex memchr needs [0]",
            "2 part 0: app needs [1, 0]",
            "final [2, 1, 0]",
        ],
    );
}

#[test]
fn an_updated_dependency_is_linked_with_what_depends_on_it() {
    let mut target = Target::default();
    target.build(&["web: http log", "http: bytes", "bytes", "log"], &["web"]);
    target.check(
        &["web: http@2 log", "http@2: bytes", "bytes", "log"],
        &["web"],
        &[
            "0 pool with 2 more: bytes log needs []",
            "1 new pool: web http@2 needs [0]",
            "final [1, 0]",
        ],
    );
}

#[test]
fn an_opt_out_drops_the_pools_that_hold_what_it_concerns() {
    let mut target = Target::default();
    target.build(&["log", "itoa"], &["log itoa"]);
    target.build(&["web: linkme log", "linkme", "log", "itoa"], &["web itoa"]);
    assert_eq!(target.pool_sizes(), [2, 2]);
    let printed = target.build(
        &["web: linkme log", "linkme-", "log", "itoa"],
        &["web itoa"],
    );
    // Which of the two is named depends on their keys.
    assert!(printed[0].starts_with("drop: its member `"), "{printed:?}");
    assert_eq!(
        printed[1..],
        [
            "0 pool: itoa log needs []",
            "final [0]",
            "linkme opted out",
            "web because of linkme",
        ]
    );
}

#[test]
fn a_pool_that_is_gone_takes_along_those_that_need_it() {
    let mut target = Target::default();
    target.build(&["log", "itoa"], &["log"]);
    target.build(&["log", "itoa"], &["itoa"]);
    let with_web = ["web: log", "log", "itoa"];
    target.build(&with_web, &["web itoa"]);
    assert_eq!(target.pool_sizes(), [1, 1, 1]);

    let gone = target.known.pools.remove(0);
    target.check(
        &with_web,
        &["web itoa"],
        &[
            &format!("drop: it needs pool `{}`, which is not there", gone.id),
            "0 pool: itoa needs []",
            "1 new pool: web log needs []",
            "final [1, 0]",
        ],
    );
}

#[test]
fn of_the_pools_of_two_cargos_at_once_one_is_used() {
    let mut first = Target::default();
    first.build(&["log", "itoa"], &["log"]);
    let mut second = Target::default();
    second.build(&["log", "itoa"], &["log itoa"]);
    let mut pools = [first.known.pools, second.known.pools].concat();
    pools.sort_by_key(|pool| pool.id);
    let winner = pools[0].clone();
    first.known.pools = pools;

    let printed = first.build(&["log", "itoa"], &["log itoa"]);
    assert!(printed[0].starts_with("drop: pool `"), "{printed:?}");
    assert!(printed[0].contains(&winner.id.to_string()), "{printed:?}");
    assert_eq!(first.known.pools[0], winner);
}

#[test]
fn the_last_generation_is_no_reason_to_panic() {
    let mut target = Target::default();
    target.build(&["log"], &["log"]);
    for generation in [u64::MAX - 1, u64::MAX] {
        target.known.pools[0].generation = generation;
        let printed = target.build(&["log", "itoa"], &["log itoa"]);
        assert_eq!(
            printed.last().map(String::as_str),
            Some(match generation {
                u64::MAX => "final [0]",
                _ => "final [1, 0]",
            })
        );
        target.known.pools.truncate(1);
    }
}

#[test]
fn small_new_pools_are_merged_before_a_program_loads_too_many() {
    let names: Vec<String> = (0..12).map(|number| format!("dep{number:02}")).collect();
    let mut libraries = vec!["big=100"];
    let mut target = Target::default();
    let mut sizes = Vec::new();
    for name in &names {
        target.build(&libraries, &[&libraries.join(" ").replace("=100", "")]);
        sizes.push(target.pool_sizes());
        libraries.push(name);
    }
    assert_eq!(sizes[5], [1; 6]);
    // The new one is merged at once, and the large one is left alone.
    assert_eq!(sizes[6], [1, 6]);
    assert_eq!(sizes[10], [1, 6, 1, 1, 1, 1]);
    assert_eq!(sizes[11], [1, 11]);
}

#[test]
fn a_merged_pool_tells_what_it_was_made_of() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut target = Target::default();
    for count in 1..=names.len() {
        target.build(&names[..count], &[&names[..count].join(" ")]);
    }
    let ids: Vec<PoolId> = target.known.pools.iter().map(|pool| pool.id).collect();
    assert_eq!(ids.len(), 6);
    let all = ["a", "b", "c", "d", "e", "f", "g: a"];
    target.check(
        &all,
        &["b c d e f g"],
        &[
            "merge 6 pools and 1 new",
            "0 pool: b c d e f g a needs []",
            "final [0]",
        ],
    );
    target.check(
        &all,
        &["b"],
        &["0 pool with 6 more: b needs []", "final [0]"],
    );
}

#[test]
fn what_only_a_needed_pool_loads_counts_too() {
    let mut libraries = vec!["d0", "d1", "d2", "d3", "d4"];
    let mut target = Target::default();
    for library in libraries.clone() {
        target.build(&libraries, &[library]);
    }
    libraries.extend(["x", "y: d0 d1 d2 d3 d4", "new"]);
    target.build(&libraries, &["x y"]);
    assert_eq!(target.pool_sizes(), [1, 1, 1, 1, 1, 2]);
    // Two pools are used, and the one of `x` needs five more.
    target.check(
        &libraries,
        &["x new"],
        &[
            "merge 6 pools and 1 new",
            "0 pool with 6 more: new x needs []",
            "final [0]",
        ],
    );
}

#[test]
fn a_merged_pool_needs_what_its_carried_units_need() {
    let small = ["s0", "s1", "s2", "s3", "s4"];
    let libraries = [&["big=100", "x", "y: big"], &small[..]].concat();
    let mut target = Target::default();
    target.build(&libraries, &["big"]);
    target.build(&libraries, &["x y"]);
    for library in &small[..4] {
        target.build(&libraries, &[library]);
    }
    target.check(
        &libraries,
        &["x s0 s1 s2 s3 s4"],
        &[
            "merge 5 pools and 1 new",
            "0 pool with 1 more:  needs []",
            "1 pool with 1 more: s0 s1 s2 s3 s4 x needs [0]",
            "final [1, 0]",
        ],
    );
}

#[test]
fn a_decision_is_one_line_for_people() {
    let mut graph = LinkGraph::new(SettingKey::new(0));
    let log = graph.add_library("log", Origin::Frozen, UnitKey::new(1));
    let app = graph.add_library("app", Origin::Local, UnitKey::new(2));
    graph.set_bytes(log, 7);
    graph.add_final([log, app]);
    let first = plan(&graph, &Known::default()).unwrap();
    let known = Known {
        pools: first.living.clone(),
        cut: first.cut.clone(),
    };
    let second = plan(&graph, &known).unwrap();
    let lines: Vec<String> = [first, second]
        .iter()
        .flat_map(|plan| plan.decisions.iter().map(ToString::to_string))
        .collect();
    let id = known.pools[0].id;
    assert_eq!(
        lines,
        [
            &format!("make pool `{id}` (generation 0, 1 members, 7 bytes)"),
            "cut anew into 1 parts (1 packages, 0 bytes): there is no cut yet",
            &format!("keep pool `{id}` (generation 0, 1 members, 7 bytes), 1 members reached"),
            "keep the cut of 1 parts (1 packages, 0 bytes)",
        ]
    );
}
