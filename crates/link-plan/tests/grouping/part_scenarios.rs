//! Scenarios that local libraries meet in every target directory sooner or later.

use link_plan::graph::{LinkGraph, Origin, SettingKey, UnitKey};
use link_plan::grouping::{Known, plan};

use crate::words::{Target, check, describe};

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
    let mut graph = LinkGraph::new(SettingKey::new(0));
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
