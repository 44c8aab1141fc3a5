//! The table that a quick run prints: how long people wait, static beside dynamic.

use std::fmt::Write;

use crate::peers::{BASELINE, OURS};
use crate::report::view::{Of, View, value};
use crate::results::{Phase, Results};

/// In the order in which they matter to people.
const PHASES: [(Phase, &str); 6] = [
    (Phase::RebuildBin, "rebuild after an edit of the program"),
    (Phase::RebuildLeaf, "of a library near the top"),
    (Phase::RebuildMiddle, "of one in the middle"),
    (Phase::RebuildBase, "of the lowest library"),
    (Phase::Link, "link of the executable, alone"),
    (Phase::Start, "start and end of the program"),
];

/// A table for each workload, of the phases that were measured both ways.
pub(crate) fn summary(results: &Results) -> String {
    let view = View(results);
    let mut text = String::new();
    for (workload, facts) in &results.workloads {
        let mut lines = vec![[&facts.title, "static", "dynamic", "ratio"].map(str::to_owned)];
        for (phase, label) in PHASES {
            let of = |peer| Of::seconds(workload, phase, peer);
            if let Some(of_static) = view.median(of(BASELINE))
                && let Some(of_dynamic) = view.median(of(OURS))
            {
                let shown = |seconds| value(phase.main_quantity(), seconds);
                lines.push([
                    label.to_owned(),
                    shown(of_static),
                    shown(of_dynamic),
                    format!("{:.2}", of_static / of_dynamic),
                ]);
            }
        }
        let width = lines.iter().map(|line| line[0].len()).max().unwrap_or(0);
        for [label, of_static, of_dynamic, ratio] in lines {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{label:width$}  {of_static:>8}  {of_dynamic:>8}  {ratio:>6}"
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::WorkloadFacts;
    use crate::results::tests::{results, seconds};

    #[test]
    fn what_was_measured_both_ways_is_shown() {
        let mut results = results();
        let facts = WorkloadFacts {
            title: "the application".to_owned(),
            sources: String::new(),
            packages: None,
        };
        results.workloads.insert("app".to_owned(), facts);
        for (peer, value) in [(BASELINE, 1.5), (OURS, 0.5)] {
            results.record("app", Phase::RebuildBin, peer, seconds(value));
        }
        results.record("app", Phase::Start, OURS, seconds(0.1));
        assert_eq!(
            summary(&results),
            "the application                         static   dynamic   ratio\n\
             rebuild after an edit of the program    1.50 s    500 ms    3.00\n"
        );
    }
}
