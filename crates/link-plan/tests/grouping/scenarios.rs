//! What every workspace meets sooner or later.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use link_plan::graph::{LibraryId, LinkGraph, Origin, UnitKey};
use link_plan::grouping::{Decision, GroupKind, Known, Plan, PoolId, StayReason, plan};

/// A target directory, and what the builds in it printed.
#[derive(Default)]
struct Target {
    known: Known,
}

/// A library of a workspace in words.
struct Line<'a> {
    name: &'a str,
    is_local: bool,
    is_opted_out: bool,
    mebibytes: u64,
    deps: Vec<&'a str>,
}

impl<'a> Line<'a> {
    /// `name`, `name!` for a path crate or `name-` for one that opted out, `=8` for its size in
    /// MiB, else 1, and after a colon its dependencies: `"core!=8: serde log"`.
    fn parse(line: &'a str) -> Line<'a> {
        let (label, deps) = line.split_once(':').unwrap_or((line, ""));
        let (label, mebibytes) = label.split_once('=').unwrap_or((label, "1"));
        Line {
            name: label.trim_end_matches(['!', '-']),
            is_local: label.ends_with('!'),
            is_opted_out: label.ends_with('-'),
            mebibytes: mebibytes.parse().unwrap(),
            deps: deps.split_whitespace().collect(),
        }
    }
}

impl Target {
    /// Builds final units that have these dependencies, and gives the plan in words.
    ///
    /// Known pools are left out in the words about decisions, unless they change.
    fn build(&mut self, libraries: &[&str], finals: &[&str]) -> Vec<String> {
        let lines: Vec<Line<'_>> = libraries.iter().map(|line| Line::parse(line)).collect();
        let (graph, ids) = graph(&lines, finals);
        let plan = plan(&graph, &self.known).unwrap();
        self.known = Known {
            pools: plan.living.clone(),
            cut: plan.cut.clone(),
        };
        assert_eq!(ids.len(), libraries.len());
        describe(&graph, &plan)
    }

    fn check(&mut self, libraries: &[&str], finals: &[&str], expected: &[&str]) {
        assert_eq!(self.build(libraries, finals), expected);
    }

    /// The numbers of members of the living pools.
    fn pool_sizes(&self) -> Vec<usize> {
        let pools = self.known.pools.iter();
        pools.map(|pool| pool.members.len()).collect()
    }
}

fn graph<'a>(lines: &[Line<'a>], finals: &[&str]) -> (LinkGraph, BTreeMap<&'a str, LibraryId>) {
    let mut graph = LinkGraph::new();
    let mut ids = BTreeMap::new();
    for line in lines {
        let origin = match line.is_local {
            true => Origin::Local,
            false => Origin::Frozen,
        };
        let id = graph.add_library(line.name, origin, key(lines, line));
        graph.set_bytes(id, line.mebibytes << 20);
        if line.is_opted_out {
            graph.opt_out(id);
        }
        ids.insert(line.name, id);
    }
    for line in lines {
        for dep in &line.deps {
            graph.add_dependency(ids[line.name], ids[dep]);
        }
    }
    for deps in finals {
        graph.add_final(deps.split_whitespace().map(|dep| ids[dep]));
    }
    (graph, ids)
}

/// Like Cargo's metadata hash, it follows from those of the dependencies too.
fn key(lines: &[Line<'_>], line: &Line<'_>) -> UnitKey {
    let mut hasher = DefaultHasher::new();
    line.name.hash(&mut hasher);
    for dep in &line.deps {
        let dep = lines.iter().find(|other| other.name == *dep).unwrap();
        key(lines, dep).hash(&mut hasher);
    }
    UnitKey::new(hasher.finish())
}

fn describe(graph: &LinkGraph, plan: &Plan) -> Vec<String> {
    let name = |id: &LibraryId| graph.library(*id).name.as_str();
    let mut printed = Vec::new();
    for decision in &plan.decisions {
        match decision {
            Decision::PoolsMerged { from, new, .. } => {
                printed.push(format!("merge {} pools and {new} new", from.len()));
            }
            Decision::PoolDropped { reason, .. } => printed.push(format!("drop: {reason}")),
            _ => {}
        }
    }
    for (index, group) in plan.groups.iter().enumerate() {
        let members: Vec<&str> = group.members.iter().map(name).collect();
        let needs: Vec<usize> = group.needs.iter().map(|id| id.index()).collect();
        let kind = match &group.kind {
            GroupKind::Pool(pool) if pool.from.is_empty() => "new pool".to_owned(),
            GroupKind::Pool(pool) if pool.carried.is_empty() => "pool".to_owned(),
            GroupKind::Pool(pool) => format!("pool with {} more", pool.carried.len()),
            GroupKind::Part { number } => format!("part {number}"),
        };
        let members = members.join(" ");
        printed.push(format!("{index} {kind}: {members} needs {needs:?}"));
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
    printed
}

fn check(libraries: &[&str], finals: &[&str], expected: &[&str]) {
    Target::default().check(libraries, finals, expected);
}

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

const CHAIN: [&str; 6] = [
    "app!=10: ui net",
    "ui!=10: core",
    "net!=12: core",
    "core!=14: base",
    "base!=20: log",
    "log",
];

#[test]
fn much_local_code_is_cut_from_what_most_depend_on_upwards() {
    check(
        &CHAIN,
        &["app", "net"],
        &[
            "0 new pool: log needs []",
            "1 part 0: base needs [0]",
            "2 part 1: core needs [1, 0]",
            "3 part 2: net needs [2, 1, 0]",
            "4 part 3: ui needs [2, 1, 0]",
            "5 part 4: app needs [4, 3, 2, 1, 0]",
            "final [5, 4, 3, 2, 1, 0]",
            "final [3, 2, 1, 0]",
        ],
    );
}

#[test]
fn all_units_of_a_package_are_in_one_part() {
    let mut graph = LinkGraph::new();
    let mut add = |name: &str, key| {
        let id = graph.add_library(name, Origin::Local, UnitKey::new(key));
        graph.set_bytes(id, 20 << 20);
        id
    };
    let units = [add("core", 1), add("core", 2), add("app", 3)];
    graph.add_dependency(units[2], units[1]);
    graph.add_final([units[0], units[2]]);
    let plan = plan(&graph, &Known::default()).unwrap();
    let expected = [
        "0 part 0: core core needs []",
        "1 part 1: app needs [0]",
        "final [1, 0]",
    ];
    assert_eq!(describe(&graph, &plan), expected);
}

#[test]
fn a_new_package_is_put_as_high_as_its_dependents_allow() {
    let mut target = Target::default();
    target.build(&CHAIN, &["app"]);
    let mut extended = CHAIN.to_vec();
    extended[1] = "ui!=10: core widgets";
    extended[3] = "core!=14: base ids";
    extended.extend(["widgets!: base", "ids!", "tool!: app"]);
    target.check(
        &extended,
        &["tool"],
        &[
            "0 pool: log needs []",
            "1 part 0: base needs [0]",
            "2 part 1: core ids needs [1, 0]",
            "3 part 2: net needs [2, 1, 0]",
            "4 part 3: ui widgets needs [2, 1, 0]",
            "5 part 4: tool app needs [4, 3, 2, 1, 0]",
            "final [5, 4, 3, 2, 1, 0]",
        ],
    );
}

#[test]
fn a_package_that_has_no_place_in_the_cut_makes_a_new_one() {
    let mut target = Target::default();
    target.build(&CHAIN, &["app"]);
    let mut turned = CHAIN.to_vec();
    turned[3] = "core!=14";
    turned[4] = "base!=20: log net";
    turned[0] = "app!=10: ui base";
    target.check(
        &turned,
        &["app"],
        &[
            "0 pool: log needs []",
            "1 part 0: core needs []",
            "2 part 1: net needs [1]",
            "3 part 2: base needs [2, 1, 0]",
            "4 part 3: ui needs [1]",
            "5 part 4: app needs [4, 3, 2, 1, 0]",
            "final [5, 4, 3, 2, 1, 0]",
        ],
    );
}

#[test]
fn a_cut_follows_sizes_only_when_they_are_far_off() {
    let mut target = Target::default();
    let mut parts = |core, ui, app| {
        let core = format!("core!={core}");
        let ui = format!("ui!={ui}: core");
        let app = format!("app!={app}: ui");
        let printed = target.build(&[&core, &ui, &app], &["app"]);
        (printed.len() - 1, target.known.cut.clone())
    };
    let (one, first) = parts(4, 4, 4);
    assert_eq!(one, 1);
    // Two parts are wanted, and that is not more than twice.
    assert_eq!(parts(20, 4, 4), (1, first.clone()));
    let (three, second) = parts(40, 20, 4);
    assert_eq!(three, 3);
    assert_ne!(second, first);
    // And two are not less than half.
    assert_eq!(parts(10, 10, 10), (3, second));
    assert_eq!(parts(4, 4, 4), (1, first));
}

#[test]
fn a_decision_is_one_line_for_people() {
    let mut graph = LinkGraph::new();
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
