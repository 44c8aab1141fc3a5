//! Targets about groups of frozen crates, which Cargo links once for all builds in a target directory.

use super::{Found, PROGRAMS, Row, title};
use crate::peers::OURS;
use crate::report::view::{Of, View, size, time};
use crate::results::{Phase, Quantity, part};

const SELECTIONS: &str = "selections";

const LINKED: &str = "groups linked by `-p` after `-p` when all was built before";
const BYTES: &str = "bytes of groups of frozen crates, compared with all in one build";
const MOST_LINKS: &str = "links of a frozen crate, in any order of builds";
const ADDED: &str = "links of groups after a dependency was added";

/// In the order of the rows.
#[cfg(test)]
pub(super) const TARGETS: [&str; 4] = [LINKED, BYTES, MOST_LINKS, ADDED];

pub(super) fn rows(view: &View) -> Vec<Row> {
    let mut rows = vec![linked(view)];
    for part in [part::ALL_AFTER_EACH, part::ADDED, part::UPDATED] {
        rows.push(bytes(view, part));
    }
    rows.push(most_links(view));
    rows.extend(PROGRAMS.map(|workload| added(view, workload)));
    rows
}

fn measured(view: &View, quantity: Quantity, part: &str) -> Option<f64> {
    let of = Of {
        quantity,
        ..Of::seconds(SELECTIONS, Phase::Selections, OURS)
    };
    view.median_of_part(of, part)
}

fn linked(view: &View) -> Row {
    let found = || {
        let groups = measured(view, Quantity::GroupsMade, part::EACH_AFTER_ALL)?;
        let seconds = measured(view, Quantity::GroupSeconds, part::EACH_AFTER_ALL)?;
        Some(Found {
            measured: format!("{groups:.0}"),
            is_reached: groups == 0.0,
            detail: format!("in {}", time(seconds)),
        })
    };
    Row {
        target: LINKED,
        workload: title(SELECTIONS),
        wanted: "0".to_owned(),
        found: found(),
    }
}

fn bytes(view: &View, part: &str) -> Row {
    const BOUND: f64 = 1.3;
    let found = || {
        let there = measured(view, Quantity::GroupBytes, part)?;
        let all = measured(view, Quantity::GroupBytes, part::ALL)?;
        let ratio = there / all;
        Some(Found {
            measured: format!("{ratio:.2}×"),
            is_reached: ratio <= BOUND,
            detail: format!("{} to {}", size(there), size(all)),
        })
    };
    Row {
        target: BYTES,
        workload: format!("{}: {part}", title(SELECTIONS)),
        wanted: format!("at most {BOUND}×"),
        found: found(),
    }
}

fn most_links(view: &View) -> Row {
    const BOUND: f64 = 2.0;
    let found = || {
        let of = |part| measured(view, Quantity::MostLinks, part).map(|links| (links, part));
        let found = part::PARTS.into_iter().filter_map(of);
        let (links, part) = found.max_by(|one, other| one.0.total_cmp(&other.0))?;
        Some(Found {
            measured: format!("{links:.0}"),
            is_reached: links <= BOUND,
            detail: format!("after the builds `{part}`"),
        })
    };
    Row {
        target: MOST_LINKS,
        workload: title(SELECTIONS),
        wanted: format!("at most {BOUND:.0}"),
        found: found(),
    }
}

fn added(view: &View, workload: &str) -> Row {
    const BOUND: f64 = 0.3;
    let of = |quantity| {
        view.median(Of {
            quantity,
            ..Of::seconds(workload, Phase::Addition, OURS)
        })
    };
    let found = || {
        let seconds = of(Quantity::GroupSeconds)?;
        let build = of(Quantity::Seconds)?;
        Some(Found {
            measured: time(seconds),
            is_reached: seconds <= BOUND,
            detail: format!("in a build of {}", time(build)),
        })
    };
    Row {
        target: ADDED,
        workload: title(workload),
        wanted: format!("at most {} ms", BOUND * 1e3),
        found: found(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Measured;
    use crate::results::tests::{results, seconds};

    #[test]
    fn selections_are_judged_by_their_parts() {
        let mut results = results();
        for (part, groups, bytes, links) in [
            (part::ALL_AFTER_EACH, 1.0, 1.5e8, 3.0),
            (part::ALL, 1.0, 1.0e8, 1.0),
            (part::EACH_AFTER_ALL, 0.0, 1.0e8, 1.0),
            (part::ADDED, 1.0, 1.2e8, 1.0),
        ] {
            for (quantity, value) in [
                (Quantity::GroupsMade, groups),
                (Quantity::GroupBytes, bytes),
                (Quantity::MostLinks, links),
                (Quantity::GroupSeconds, 0.25),
            ] {
                let measured = Measured::fact(quantity, value).of_part(part);
                results.record(SELECTIONS, Phase::Selections, OURS, measured);
            }
        }
        let found: Vec<Option<(String, bool)>> = rows(&View(&results))
            .into_iter()
            .take(5)
            .map(|row| row.found.map(|found| (found.measured, found.is_reached)))
            .collect();
        let some = |text: &str, is_reached| Some((text.to_owned(), is_reached));
        assert_eq!(
            found,
            [
                some("0", true),
                some("1.50×", false),
                some("1.20×", true),
                None,
                some("3", false),
            ]
        );
    }

    #[test]
    fn links_after_an_addition_are_a_time() {
        let mut results = results();
        results.record("app", Phase::Addition, OURS, seconds(2.0));
        let measured = Measured::fact(Quantity::GroupSeconds, 0.31);
        results.record("app", Phase::Addition, OURS, measured);
        let found = added(&View(&results), "app").found.unwrap();
        assert_eq!((&*found.measured, found.is_reached), ("310 ms", false));
        assert_eq!(found.detail, "in a build of 2.00 s");
    }
}
