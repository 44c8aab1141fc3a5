//! Targets about workspaces whose code is mostly local.

#[cfg(test)]
use super::START;
use super::{Found, Row, Wanted, row, start, title};
use crate::peers::{BASELINE, EARLIER, OURS};
use crate::report::view::{Of, View, time};
use crate::results::{Phase, Quantity};

const HEAVY: &str = "local-heavy";
const WORKSPACE: &str = "workspace";

/// Small crates, so that their size does not matter for the cost of a part.
const SMALL: &str = "local-50";

const EDIT_OF_BIN: &str = "local code: edit of the program, compared with static rust-lld";
const EDIT_OF_LEAF: &str = "local code: edit of a library in the upper third, compared with static";
const EDIT_OF_MIDDLE: &str = "local code: edit of a library in the middle, compared with static";
const EDIT_OF_BASE: &str = "local code: edit of the lowest library, compared with static";
const AFTER_LEAF: &str = "local code: from the last library to the executable, upper third";
const AFTER_MIDDLE: &str = "local code: from the last library to the executable, middle";
const AFTER_BASE: &str = "local code: from the last library to the executable, lowest";
const WILD_BIN: &str = "local code: edit of the program, both by wild";
const WILD_LEAF: &str = "local code: edit of a library in the upper third, both by wild";
const TESTS: &str = "local code: tests of a crate after an edit of it";
const TESTS_BELOW: &str = "local code: tests of a crate after an edit of one below";
const PROCESSOR: &str = "processor time of an edit of a base crate, compared with one local group";
const COST: &str = "processor time of one more small part";

/// In the order of the rows.
#[cfg(test)]
pub(super) const TARGETS: [&str; 14] = [
    EDIT_OF_BIN,
    EDIT_OF_LEAF,
    EDIT_OF_MIDDLE,
    EDIT_OF_BASE,
    AFTER_LEAF,
    AFTER_MIDDLE,
    AFTER_BASE,
    WILD_BIN,
    WILD_LEAF,
    TESTS,
    TESTS_BELOW,
    START,
    PROCESSOR,
    COST,
];

pub(super) fn rows(view: &View) -> Vec<Row> {
    let faster = |target, phase, bound, of_static, ours| {
        let wanted = Wanted::AtLeast(bound);
        let (of_static, ours) = (
            Of::seconds(HEAVY, phase, of_static),
            Of::seconds(HEAVY, phase, ours),
        );
        row(view, target, wanted, of_static, ours)
    };
    let mut rows = Vec::new();
    for (target, phase, bound) in [
        (EDIT_OF_BIN, Phase::RebuildBin, 3.0),
        (EDIT_OF_LEAF, Phase::RebuildLeaf, 1.3),
        (EDIT_OF_MIDDLE, Phase::RebuildMiddle, 1.15),
        (EDIT_OF_BASE, Phase::RebuildBase, 1.0),
    ] {
        rows.push(faster(target, phase, bound, BASELINE, OURS));
    }
    for (target, phase) in [
        (AFTER_LEAF, Phase::RebuildLeaf),
        (AFTER_MIDDLE, Phase::RebuildMiddle),
        (AFTER_BASE, Phase::RebuildBase),
    ] {
        rows.push(after_libraries(view, target, phase));
    }
    for (target, phase, bound) in [
        (WILD_BIN, Phase::RebuildBin, 1.5),
        (WILD_LEAF, Phase::RebuildLeaf, 1.0),
    ] {
        rows.push(faster(target, phase, bound, "static-wild", "ours-wild"));
    }
    for (target, phase, bound) in [
        (TESTS, Phase::Tests, 1.3),
        (TESTS_BELOW, Phase::TestsBelow, 1.1),
    ] {
        rows.push(faster(target, phase, bound, BASELINE, OURS));
    }
    rows.push(start(view, "local-200", 0.005));
    rows.push(row(
        view,
        PROCESSOR,
        Wanted::AtMost(1.0),
        processor(WORKSPACE, OURS),
        processor(WORKSPACE, EARLIER),
    ));
    rows.push(cost_of_a_part(view));
    rows
}

fn processor<'a>(workload: &'a str, peer: &'a str) -> Of<'a> {
    Of {
        quantity: Quantity::ProcessorSeconds,
        ..Of::seconds(workload, Phase::RebuildBase, peer)
    }
}

fn after_libraries(view: &View, target: &'static str, phase: Phase) -> Row {
    const BOUND: f64 = 35.0;
    let after = |peer| {
        view.median(Of {
            quantity: Quantity::AfterLibrariesSeconds,
            ..Of::seconds(HEAVY, phase, peer)
        })
    };
    let found = || {
        let (of_static, ours) = (after(BASELINE)?, after(OURS)?);
        let share = ours / of_static * 100.0;
        Some(Found {
            measured: format!("{share:.0} %"),
            is_reached: share <= BOUND,
            detail: format!("{OURS} {} to {BASELINE} {}", time(ours), time(of_static)),
        })
    };
    Row {
        target,
        workload: title(HEAVY),
        wanted: format!("at most {BOUND} %"),
        found: found(),
    }
}

/// The time that an edit of a base crate takes beyond a static build, for each group that it makes.
fn cost_of_a_part(view: &View) -> Row {
    const BOUND: f64 = 0.025;
    let found = || {
        let of_static = view.median(processor(SMALL, BASELINE))?;
        let ours = view.median(processor(SMALL, OURS))?;
        let made = view.median(Of {
            quantity: Quantity::GroupsMade,
            ..processor(SMALL, OURS)
        })?;
        let cost = (made > 0.0).then_some((ours - of_static) / made)?;
        Some(Found {
            measured: format!("{:.1} ms", cost * 1e3),
            is_reached: cost <= BOUND,
            detail: format!(
                "{OURS} {} to {BASELINE} {}; groups made: {made:.0}",
                time(ours),
                time(of_static)
            ),
        })
    };
    Row {
        target: COST,
        workload: title(SMALL),
        wanted: format!("at most {:.0} ms", BOUND * 1e3),
        found: found(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Measured;
    use crate::results::tests::{results, seconds};

    fn found(rows: Vec<Row>, target: &str) -> Found {
        let mut rows = rows.into_iter().filter(|row| row.target == target);
        rows.next().unwrap().found.unwrap()
    }

    #[test]
    fn edits_are_compared_by_peer_and_linker() {
        let mut results = results();
        for (peer, value) in [
            (BASELINE, 6.0),
            (OURS, 5.0),
            ("static-wild", 4.0),
            ("ours-wild", 4.0),
        ] {
            results.record(HEAVY, Phase::RebuildLeaf, peer, seconds(value));
        }
        let rows = || rows(&View(&results));
        let leaf = found(rows(), EDIT_OF_LEAF);
        assert_eq!((&*leaf.measured, leaf.is_reached), ("1.200×", false));
        let wild = found(rows(), WILD_LEAF);
        assert_eq!((&*wild.measured, wild.is_reached), ("1.000×", true));
    }

    #[test]
    fn time_after_libraries_is_a_share_of_static() {
        let mut results = results();
        for (peer, value) in [(BASELINE, 2.0), (OURS, 0.5)] {
            let measured = Measured::fact(Quantity::AfterLibrariesSeconds, value);
            results.record(HEAVY, Phase::RebuildMiddle, peer, measured);
        }
        let found = found(rows(&View(&results)), AFTER_MIDDLE);
        assert_eq!((&*found.measured, found.is_reached), ("25 %", true));
        assert_eq!(found.detail, "ours-lld 500 ms to static-lld 2.00 s");
    }

    #[test]
    fn a_part_costs_what_is_beyond_a_static_build() {
        let mut results = results();
        for (peer, value) in [(BASELINE, 4.0), (OURS, 4.2)] {
            let measured = Measured::fact(Quantity::ProcessorSeconds, value);
            results.record(SMALL, Phase::RebuildBase, peer, measured);
        }
        assert!(cost_of_a_part(&View(&results)).found.is_none());
        let made = Measured::fact(Quantity::GroupsMade, 4.0);
        results.record(SMALL, Phase::RebuildBase, OURS, made);
        let found = cost_of_a_part(&View(&results)).found.unwrap();
        assert_eq!((&*found.measured, found.is_reached), ("50.0 ms", false));
    }

    #[test]
    fn one_local_group_is_that_of_the_fork_as_it_was() {
        let mut results = results();
        for (peer, value) in [(EARLIER, 4.0), (OURS, 3.0)] {
            let measured = Measured::fact(Quantity::ProcessorSeconds, value);
            results.record(WORKSPACE, Phase::RebuildBase, peer, measured);
        }
        let found = found(rows(&View(&results)), PROCESSOR);
        assert_eq!((&*found.measured, found.is_reached), ("0.750×", true));
    }
}
