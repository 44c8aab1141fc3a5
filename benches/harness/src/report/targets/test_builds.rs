//! Targets about many test executables.

use super::{Found, PAIRS, Row, TEST_BYTES, TEST_WALL, Wanted, row, title};
use crate::peers::{BASELINE, OURS};
use crate::report::view::{Of, View};
use crate::results::{Phase, Quantity};

/// Not slower with any linker.
pub(super) fn test_walls(view: &View) -> Vec<Row> {
    let mut rows: Vec<Row> = PAIRS
        .iter()
        .map(|(of_static, ours)| {
            row(
                view,
                TEST_WALL,
                Wanted::AtLeast(1.0),
                Of::seconds("tests-150", Phase::Tests, of_static),
                Of::seconds("tests-150", Phase::Tests, ours),
            )
        })
        .collect();
    let first = rows.first().cloned();
    rows.retain(|row| row.found.is_some());
    if rows.is_empty() {
        rows.extend(first);
    }
    rows
}

/// Executables and groups together.
pub(super) fn test_bytes(view: &View) -> Row {
    const BOUND: f64 = 15.0;
    let bytes = |peer, quantity| {
        view.median(Of {
            quantity,
            ..Of::seconds("tests-150", Phase::Tests, peer)
        })
    };
    let found = || {
        let of_static = bytes(BASELINE, Quantity::ExecutableBytes)?;
        let executables = bytes(OURS, Quantity::ExecutableBytes)?;
        let groups = bytes(OURS, Quantity::GroupBytes)?;
        let share = (executables + groups) / of_static * 100.0;
        Some(Found {
            measured: format!("{share:.1} %"),
            is_reached: share <= BOUND,
            detail: format!(
                "{:.0} MB and {:.0} MB of groups to {:.0} MB",
                executables / 1e6,
                groups / 1e6,
                of_static / 1e6
            ),
        })
    };
    Row {
        target: TEST_BYTES,
        workload: title("tests-150"),
        wanted: format!("at most {BOUND} %"),
        found: found(),
    }
}
