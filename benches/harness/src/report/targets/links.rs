//! Targets about the link of an executable alone.

use super::{FASTEST_LINK, FLOOR_LINK, Found, PAIRS, Row, Wanted, row, title};
use crate::peers::{PEERS, Way};
use crate::report::view::{Of, View, time};
use crate::results::{Phase, Quantity};
use crate::workloads::FLOOR;

/// The fastest of ours beside the fastest of the static peers.
pub(super) fn fastest_link(view: &View, workload: &str, bound: f64) -> Row {
    let fastest = |way: Way| {
        let peers = PEERS.iter().filter(move |peer| peer.way == way);
        view.fastest(peers, workload, Phase::Link)
    };
    let wanted = Wanted::AtLeast(bound);
    match (fastest(Way::Static), fastest(Way::Groups)) {
        (Some((of_static, _)), Some((ours, _))) => row(
            view,
            FASTEST_LINK,
            wanted,
            Of::seconds(workload, Phase::Link, of_static.name),
            Of::seconds(workload, Phase::Link, ours.name),
        ),
        _ => Row {
            target: FASTEST_LINK,
            workload: title(workload),
            wanted: wanted.show(),
            found: None,
        },
    }
}

/// The link of hello world with the same linker, half as much again, and the link of the executable's own objects.
pub(super) fn floor_links(view: &View, workload: &str) -> Vec<Row> {
    const SLACK: f64 = 1.5;
    let found = |of_static: &str, ours: &str| {
        let link = Of::seconds(workload, Phase::Link, ours);
        let own_objects = Of {
            quantity: Quantity::OwnObjectsSeconds,
            ..link
        };
        let floor = view.median(Of::seconds(FLOOR, Phase::Link, of_static))?;
        let own_objects = view.median(own_objects)?;
        let link = view.median(link)?;
        let bound = SLACK * floor + own_objects;
        Some(Found {
            measured: time(link),
            is_reached: link <= bound,
            detail: format!(
                "{ours}; at most {}: {SLACK} × {} for hello world by {of_static}, and {} for own objects",
                time(bound),
                time(floor),
                time(own_objects)
            ),
        })
    };
    let row = |found| Row {
        target: FLOOR_LINK,
        workload: title(workload),
        wanted: format!("at most {SLACK}× hello world + own objects"),
        found,
    };
    let mut rows: Vec<Row> = PAIRS
        .iter()
        .filter_map(|(of_static, ours)| found(of_static, ours))
        .map(|found| row(Some(found)))
        .collect();
    if rows.is_empty() {
        rows.push(row(None));
    }
    rows
}
