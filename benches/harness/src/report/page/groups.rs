//! The groups that builds of the fork link.

use crate::peers::OURS;
use crate::report::view::{Of, View, time, value};
use crate::results::{Phase, Quantity, part};

/// The times of groups in a cold build, and whether anything had to wait for them.
pub(super) fn groups(view: &View, workload: &str) -> String {
    let mut links: Vec<(&str, f64)> = Vec::new();
    for cell in &view.0.cells {
        let is_ours = cell.workload == workload && cell.peer == OURS;
        if is_ours && cell.phase == Phase::Cold && cell.quantity == Quantity::GroupSeconds {
            let values: Vec<f64> = cell.samples.iter().map(|sample| sample.value).collect();
            let name = cell.part.as_deref().unwrap_or_default();
            links.extend(measure::statistics::median(&values).map(|median| (name, median)));
        }
    }
    let of = Of::seconds(workload, Phase::Cold, OURS);
    let critical = view.median(Of {
        quantity: Quantity::GroupCriticalSeconds,
        ..of
    });
    let (Some(critical), Some(whole)) = (critical, view.median(of)) else {
        return String::new();
    };
    let links: Vec<String> = links
        .iter()
        .map(|(name, seconds)| format!("{name} {}", time(*seconds)))
        .collect();
    let on_path = if critical > 0.0 {
        format!(
            "{} of its critical path ({:.1} %)",
            time(critical),
            critical / whole * 100.0
        )
    } else {
        "none of it on its critical path".to_owned()
    };
    format!(
        "\nGroups that a cold build of {OURS} links: {}; {on_path}.\n",
        links.join(", ")
    )
}

/// The groups that builds of different packages have linked, in the order of the builds.
pub(super) fn selections(view: &View, workload: &str) -> String {
    const QUANTITIES: [Quantity; 4] = [
        Quantity::GroupsMade,
        Quantity::GroupSeconds,
        Quantity::GroupBytes,
        Quantity::MostLinks,
    ];
    let mut rows = String::new();
    for part in part::PARTS {
        let cells: Vec<String> = QUANTITIES
            .iter()
            .filter_map(|quantity| {
                let of = Of {
                    quantity: *quantity,
                    ..Of::seconds(workload, Phase::Selections, OURS)
                };
                Some(value(*quantity, view.median_of_part(of, part)?))
            })
            .collect();
        if !cells.is_empty() {
            rows.push_str(&format!("| {part} | {} |\n", cells.join(" | ")));
        }
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\nGroups of frozen crates that builds of {OURS} link. All but the first begins with the directory that the one before has \
         left, except for `{}`, which begins with an empty one.\n\n\
         | built | groups linked | in | bytes of all | most links of a crate |\n|---|---:|---:|---:|---:|\n{rows}",
        part::ALL
    )
}
