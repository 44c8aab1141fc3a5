//! The targets of the fork, beside the measured values.

mod frozen;
mod links;
mod local;
mod test_builds;

use crate::peers::{BASELINE, OURS};
use crate::report::targets::links::{fastest_link, floor_links};
use crate::report::targets::test_builds::{test_bytes, test_walls};
use crate::report::view::{Of, Ratio, View, time};
use crate::results::{Phase, Quantity};
use crate::workloads::Workload;

/// One target for one workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) target: &'static str,
    pub(super) workload: String,
    pub(super) wanted: String,
    /// `None` if it was not measured.
    pub(super) found: Option<Found>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) measured: String,
    pub(super) is_reached: bool,
    /// The values from which the number is computed.
    pub(super) detail: String,
}

/// Which side of a number is good.
#[derive(Clone, Copy)]
enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Wanted {
    fn is_reached_by(self, value: f64) -> bool {
        match self {
            Wanted::AtLeast(bound) => value >= bound,
            Wanted::AtMost(bound) => value <= bound,
        }
    }

    fn show(self) -> String {
        match self {
            Wanted::AtLeast(bound) => format!("at least {bound}×"),
            Wanted::AtMost(bound) => format!("at most {bound}×"),
        }
    }
}

/// The programs whose link the targets are about.
const PROGRAMS: [&str; 3] = ["app", "cargo", "bevy"];

/// Projects whose whole builds the targets are about.
const PROJECTS: [&str; 4] = ["app", "cargo", "workspace", "bevy"];

/// A static peer and ours with the same linker.
const PAIRS: [(&str, &str); 3] = [
    (BASELINE, OURS),
    ("static-mold", "ours-mold"),
    ("static-wild", "ours-wild"),
];

const LINK: &str = "link of the executable, compared with static rust-lld";
const FASTEST_LINK: &str = "link of the executable, compared with the fastest static peer";
const FLOOR_LINK: &str = "link of the executable, above the floor";
const GROWTH: &str = "growth of the link from 100 to 1,000 dependencies";
const REBUILD: &str = "rebuild after an edit of the bin, compared with static rust-lld";
const TEST_WALL: &str = "150 test executables after an edit of the library, compared with static";
const TEST_LINKS: &str = "links of the 150 test executables, compared with static rust-lld";
const TEST_BYTES: &str = "bytes of the 150 test executables and groups, compared with static";
const DOCTESTS: &str = "200 doctests, compared with static rust-lld";
const START: &str = "start-up, compared with static";
const COLD: &str = "cold build, compared with static";
const NO_OP: &str = "no-op build, compared with upstream's Cargo";
const SWITCH: &str = "dependencies compiled when switching";

/// All targets, in the order of the table in which they were set.
pub(super) fn rows(view: &View) -> Vec<Row> {
    let mut rows = Vec::new();
    let faster = |target, workload, phase, bound| {
        let (of_static, ours) = (
            Of::seconds(workload, phase, BASELINE),
            Of::seconds(workload, phase, OURS),
        );
        row(view, target, Wanted::AtLeast(bound), of_static, ours)
    };
    let slower = |target, workload, phase, bound| {
        let (of_static, ours) = (
            Of::seconds(workload, phase, BASELINE),
            Of::seconds(workload, phase, OURS),
        );
        row(view, target, Wanted::AtMost(bound), ours, of_static)
    };
    for (workload, bound) in PROGRAMS.into_iter().zip([8.0, 20.0, 40.0]) {
        rows.push(faster(LINK, workload, Phase::Link, bound));
    }
    for (workload, bound) in PROGRAMS.into_iter().zip([4.0, 10.0, 15.0]) {
        rows.push(fastest_link(view, workload, bound));
    }
    for workload in PROGRAMS {
        rows.extend(floor_links(view, workload));
    }
    rows.push(row(
        view,
        GROWTH,
        Wanted::AtMost(1.2),
        Of::seconds("wide-1000", Phase::Link, OURS),
        Of::seconds("wide-100", Phase::Link, OURS),
    ));
    for (workload, bound) in PROGRAMS.into_iter().zip([1.6, 2.2, 3.5]) {
        rows.push(faster(REBUILD, workload, Phase::RebuildBin, bound));
    }
    rows.extend(test_walls(view));
    rows.push(faster(TEST_LINKS, "tests-150", Phase::TestLinks, 4.0));
    rows.push(test_bytes(view));
    rows.push(faster(DOCTESTS, "doctests-200", Phase::Doctests, 1.5));
    rows.push(start(view, "app", 0.002));
    for (workload, bound) in [("cargo", 1.1), ("bevy", 1.05)] {
        rows.push(slower(START, workload, Phase::Start, bound));
    }
    for workload in PROJECTS {
        rows.push(slower(COLD, workload, Phase::Cold, 1.02));
    }
    for workload in PROJECTS {
        rows.push(slower(NO_OP, workload, Phase::NoOp, 1.02));
    }
    for workload in PROJECTS {
        rows.push(switching(view, workload));
    }
    rows.extend(local::rows(view));
    rows.extend(frozen::rows(view));
    rows
}

fn row(view: &View, target: &'static str, wanted: Wanted, above: Of, below: Of) -> Row {
    let found = view.ratio(above, below).and_then(|ratio| {
        let detail = format!(
            "{} {} to {} {}; quartiles {}",
            describe(above, below),
            time(view.median(above)?),
            describe(below, above),
            time(view.median(below)?),
            quartiles(ratio)
        );
        Some(Found {
            measured: times(ratio.value),
            is_reached: wanted.is_reached_by(ratio.value),
            detail,
        })
    });
    Row {
        target,
        workload: title(above.workload),
        wanted: wanted.show(),
        found,
    }
}

/// The name of the peer or of the workload, whichever differs between the samples.
fn describe<'a>(of: Of<'a>, from: Of) -> &'a str {
    if of.peer == from.peer {
        of.workload
    } else {
        of.peer
    }
}

/// Start-up that takes at most `bound` seconds longer than that of the static executable.
fn start(view: &View, workload: &str, bound: f64) -> Row {
    let found = || {
        let of_static = view.median(Of::seconds(workload, Phase::Start, BASELINE))?;
        let ours = view.median(Of::seconds(workload, Phase::Start, OURS))?;
        let more = ours - of_static;
        Some(Found {
            measured: format!("{:+.2} ms", more * 1e3),
            is_reached: more <= bound,
            detail: format!("{OURS} {} to {BASELINE} {}", time(ours), time(of_static)),
        })
    };
    Row {
        target: START,
        workload: title(workload),
        wanted: format!("at most +{:.0} ms", bound * 1e3),
        found: found(),
    }
}

fn switching(view: &View, workload: &str) -> Row {
    let compiled = view.median(Of {
        quantity: Quantity::CompiledDependencies,
        ..Of::seconds(workload, Phase::Switch, OURS)
    });
    let found = compiled.and_then(|compiled| {
        let first = view.median(Of::seconds(workload, Phase::Switch, OURS))?;
        Some(Found {
            measured: format!("{compiled:.0}"),
            is_reached: compiled == 0.0,
            detail: format!("the first build after switching takes {}", time(first)),
        })
    });
    Row {
        target: SWITCH,
        workload: title(workload),
        wanted: "0".to_owned(),
        found,
    }
}

fn title(workload: &str) -> String {
    Workload::by_name(workload)
        .map_or(workload, |known| known.title)
        .to_owned()
}

/// Ratios near one are told apart by their third digit.
fn times(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 10.0 => format!("{ratio:.1}×"),
        ratio if ratio >= 2.0 => format!("{ratio:.2}×"),
        ratio => format!("{ratio:.3}×"),
    }
}

fn quartiles(ratio: Ratio) -> String {
    let (low, high) = ratio.quartiles;
    format!("{} and {}", times(low), times(high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Measured;
    use crate::results::Results;
    use crate::results::tests::{results, seconds};
    use crate::workloads::FLOOR;

    fn with(samples: &[(&str, Phase, &str, &[f64])]) -> Results {
        let mut results = results();
        for (workload, phase, peer, values) in samples {
            for value in *values {
                results.record(workload, *phase, peer, seconds(*value));
            }
        }
        results
    }

    fn find(results: &Results, target: &str, workload: &str) -> Vec<Row> {
        rows(&View(results))
            .into_iter()
            .filter(|row| row.target == target && row.workload == title(workload))
            .collect()
    }

    #[test]
    fn every_target_has_a_row_without_any_sample() {
        let rows = rows(&View(&results()));
        assert!(rows.iter().all(|row| row.found.is_none()));
        let targets = [
            LINK,
            FASTEST_LINK,
            FLOOR_LINK,
            GROWTH,
            REBUILD,
            TEST_WALL,
            TEST_LINKS,
            TEST_BYTES,
            DOCTESTS,
            START,
            COLD,
            NO_OP,
            SWITCH,
        ];
        let targets = [&targets[..], &local::TARGETS, &frozen::TARGETS].concat();
        let mut found: Vec<_> = rows.iter().map(|row| row.target).collect();
        found.dedup();
        assert_eq!(found, targets);
    }

    #[test]
    fn ratio_of_medians_decides() {
        let results = with(&[
            ("app", Phase::Link, BASELINE, &[0.8, 0.9, 0.8]),
            ("app", Phase::Link, OURS, &[0.1, 0.1, 0.2]),
        ]);
        let expected = Row {
            target: LINK,
            workload: "the application".to_owned(),
            wanted: "at least 8×".to_owned(),
            found: Some(Found {
                measured: "8.00×".to_owned(),
                is_reached: true,
                detail: "static-lld 800 ms to ours-lld 100 ms; quartiles 6.00× and 8.50×"
                    .to_owned(),
            }),
        };
        assert_eq!(find(&results, LINK, "app"), [expected]);
    }

    #[test]
    fn fastest_of_each_kind_is_compared() {
        let results = with(&[
            ("app", Phase::Link, BASELINE, &[0.8]),
            ("app", Phase::Link, "static-wild", &[0.3]),
            ("app", Phase::Link, "prefer-dynamic", &[0.2]),
            ("app", Phase::Link, OURS, &[0.2]),
            ("app", Phase::Link, "ours-wild", &[0.1]),
        ]);
        let found = find(&results, FASTEST_LINK, "app").remove(0).found.unwrap();
        assert!(!found.is_reached);
        assert_eq!(found.measured, "3.00×");
        assert!(
            found
                .detail
                .starts_with("static-wild 300 ms to ours-wild 100 ms")
        );
    }

    #[test]
    fn floor_has_the_own_objects_on_top() {
        let mut results = with(&[
            (FLOOR, Phase::Link, BASELINE, &[0.04]),
            ("app", Phase::Link, OURS, &[0.1]),
        ]);
        let own_objects = Measured::fact(Quantity::OwnObjectsSeconds, 0.05);
        results.record("app", Phase::Link, OURS, own_objects);
        let rows = find(&results, FLOOR_LINK, "app");
        assert_eq!(rows.len(), 1);
        let found = rows[0].found.clone().unwrap();
        assert!(found.is_reached);
        assert_eq!(
            found.detail,
            "ours-lld; at most 110 ms: 1.5 × 40.0 ms for hello world by static-lld, and 50.0 ms for own objects"
        );
    }

    #[test]
    fn bytes_of_groups_count_once_and_too() {
        let mut results = results();
        for (peer, quantity, bytes) in [
            (BASELINE, Quantity::ExecutableBytes, 1e9),
            (OURS, Quantity::ExecutableBytes, 1e8),
            (OURS, Quantity::GroupBytes, 6e7),
        ] {
            let measured = Measured::fact(quantity, bytes);
            results.record("tests-150", Phase::Tests, peer, measured);
        }
        let found = find(&results, TEST_BYTES, "tests-150")
            .remove(0)
            .found
            .unwrap();
        assert_eq!((&*found.measured, found.is_reached), ("16.0 %", false));
    }

    #[test]
    fn slower_builds_are_told_from_equal_ones() {
        let results = with(&[
            ("app", Phase::NoOp, BASELINE, &[0.100]),
            ("app", Phase::NoOp, OURS, &[0.103]),
            ("app", Phase::Start, BASELINE, &[0.0024]),
            ("app", Phase::Start, OURS, &[0.0043]),
        ]);
        let no_op = find(&results, NO_OP, "app").remove(0).found.unwrap();
        assert_eq!((&*no_op.measured, no_op.is_reached), ("1.030×", false));
        let start = find(&results, START, "app").remove(0).found.unwrap();
        assert_eq!((&*start.measured, start.is_reached), ("+1.90 ms", true));
    }
}
