//! The page of the report, in Markdown.

mod columns;
mod groups;

use crate::peers::{BASELINE, Peer};
use crate::report::charts::Chart;
use crate::report::page::columns::{BUILDS, FILES, MORE};
pub(super) use crate::report::page::columns::{Column, column};
use crate::report::page::groups::{groups, selections};
use crate::report::targets;
use crate::report::view::{DISTURBED, Of, View, value};
use crate::results::{Mode, Quantity};
use crate::workloads::WORKLOADS;

pub(super) fn render(view: &View, charts: &[Chart], notes: &str) -> String {
    let mut page = head(view);
    page.push_str(&targets(view));
    if !notes.is_empty() {
        page.push_str(&format!("\n{}\n", notes.trim()));
    }
    if !charts.is_empty() {
        page.push_str("\n## Charts\n");
        for chart in charts {
            page.push_str(&format!("\n![{}]({})\n", chart.title, chart.file));
        }
    }
    for workload in &WORKLOADS {
        page.push_str(&workload_section(view, workload.name));
    }
    page.push_str(&what_is_missing(view));
    page.push_str(&conditions(view));
    page
}

fn head(view: &View) -> String {
    let results = view.0;
    let machine = &results.identity.machine;
    let mut text = format!(
        "# {}: {}, {} cores\n\n\
         Made by `cargo xtask bench`; all samples are in [results.json](results.json), and `cargo xtask bench --render` makes this \
         page from them. How it is measured: [benches/README.md](../../README.md).\n\n\
         Numbers are medians of samples that were taken in turns. A number in parentheses says how many times smaller the value is \
         than that of {BASELINE} in the same column.\n",
        results.date, machine.processor, machine.cores
    );
    if results.identity.mode == Mode::Quick {
        text.push_str(
            "\n**A quick run, which shows that the harness works. No number here counts.**\n",
        );
    }
    let loaded = results
        .sessions
        .iter()
        .filter(|session| session.load.busy >= DISTURBED);
    if let Some(session) = loaded.max_by(|one, other| one.load.busy.total_cmp(&other.load.busy)) {
        text.push_str(&format!(
            "\n**Others used {:.0} % of the processors when it was started. No number here counts.**\n",
            session.load.busy * 100.0
        ));
    }
    let (disturbed, known) = view.disturbed();
    text.push_str(&format!(
        "\nOthers used {:.0} % of the processors or more during {disturbed} of the {known} samples that took long enough to tell.\n",
        DISTURBED * 100.0
    ));
    text
}

fn targets(view: &View) -> String {
    let mut text = "\n## Targets\n\n\
        | target | workload | wanted | measured | | |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for row in targets::rows(view) {
        let (measured, verdict, detail) = match &row.found {
            Some(found) if found.is_reached => (&*found.measured, "reached", &*found.detail),
            Some(found) => (&*found.measured, "**not reached**", &*found.detail),
            None => ("", "not measured", ""),
        };
        text.push_str(&format!(
            "| {} | {} | {} | {measured} | {verdict} | {detail} |\n",
            row.target, row.workload, row.wanted
        ));
    }
    text
}

fn workload_section(view: &View, name: &str) -> String {
    let peers = view.peers_of(name);
    let Some(facts) = view.0.workloads.get(name).filter(|_| !peers.is_empty()) else {
        return String::new();
    };
    let packages = match facts.packages {
        Some(count) if count > 1 => format!(", {count} packages"),
        _ => String::new(),
    };
    let mut text = format!("\n## {name}: {}{packages}\n", facts.title);
    for columns in [&BUILDS[..], &MORE[..], &FILES[..]] {
        let columns: Vec<_> = columns.iter().map(|column| (name, *column)).collect();
        text.push_str(&table(view, &peers, &columns));
    }
    text.push_str(&groups(view, name));
    text.push_str(&selections(view, name));
    text
}

/// A table with a row for each of `peers`, and columns that each concern a workload.
pub(super) fn table(view: &View, peers: &[&Peer], columns: &[(&str, Column)]) -> String {
    let median = |(workload, column): &(&str, Column), peer: &str| {
        let median = view.median(Of {
            workload,
            phase: column.phase,
            peer,
            quantity: column.quantity,
        });
        // All peers but ours have no bytes in groups.
        median.filter(|value| column.quantity != Quantity::GroupBytes || *value > 0.0)
    };
    let is_shown = |column: &&(&str, Column)| {
        let mut peers = peers.iter();
        peers.any(|peer| median(column, peer.name).is_some())
    };
    let columns: Vec<_> = columns.iter().filter(is_shown).collect();
    if columns.is_empty() {
        return String::new();
    }
    let mut header = "\n| |".to_owned();
    let mut rule = "|---|".to_owned();
    for (_, column) in &columns {
        header.push_str(&format!(" {} |", column.title));
        rule.push_str("---:|");
    }
    let mut text = format!("{header}\n{rule}\n");
    for peer in peers {
        let cells: Vec<String> = columns
            .iter()
            .map(|column| {
                let baseline = median(column, BASELINE).filter(|_| peer.name != BASELINE);
                median(column, peer.name).map_or_else(String::new, |found| {
                    cell(column.1.quantity, found, baseline)
                })
            })
            .collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        text.push_str(&format!("| {} | {} |\n", peer.title, cells.join(" | ")));
    }
    text
}

fn cell(quantity: Quantity, found: f64, baseline: Option<f64>) -> String {
    let shown = value(quantity, found);
    match baseline {
        Some(baseline) if found > 0.0 => {
            format!("{shown} ({:.2})", baseline / found)
        }
        _ => shown,
    }
}

fn what_is_missing(view: &View) -> String {
    let mut text = String::new();
    if !view.0.skipped.is_empty() {
        text.push_str("\n## Left out\n\n");
        for (name, reason) in &view.0.skipped {
            let reason = reason.replace('\n', "\n  ");
            text.push_str(&format!("- {name}: {reason}\n"));
        }
    }
    if !view.0.failures.is_empty() {
        text.push_str("\n## Failed\n");
        for failure in &view.0.failures {
            text.push_str(&format!(
                "\n{}, {}, {}:\n\n```\n{}\n```\n",
                failure.workload,
                failure.phase.name(),
                failure.peer,
                failure.error.trim_end()
            ));
        }
    }
    text
}

fn conditions(view: &View) -> String {
    let results = view.0;
    let machine = &results.identity.machine;
    let versions = &results.identity.versions;
    let mut text = format!(
        "\n## Conditions\n\n\
         - Machine: {}, {} cores, {}; {}, Linux {}\n\
         - Compiler: {}; linker driver: {}\n\
         - Fork: {} (BLAKE3 {}); upstream, for all other peers: {} (BLAKE3 {})\n",
        machine.processor,
        machine.cores,
        machine.memory,
        machine.system,
        machine.kernel,
        versions.rustc,
        versions.linker_driver,
        versions.fork.version,
        short(&versions.fork.hash),
        versions.stock.version,
        short(&versions.stock.hash),
    );
    if let Some(earlier) = &versions.earlier {
        text.push_str(&format!(
            "- Fork as it was: {} (BLAKE3 {})\n",
            earlier.version,
            short(&earlier.hash)
        ));
    }
    for session in &results.sessions {
        text.push_str(&format!(
            "- Session of {} UTC: `{}`; load average {:.2}, others used {:.0} %\n",
            session.started,
            session.command,
            session.load.average,
            session.load.busy * 100.0
        ));
    }
    text.push_str("\n| peer | | linker | options of Cargo |\n|---|---|---|---|\n");
    for peer in &crate::peers::PEERS {
        if let Some(facts) = results.peers.get(peer.name) {
            let options: Vec<String> = facts
                .options
                .iter()
                .filter(|option| *option != "--config")
                .map(|option| format!("`{option}`"))
                .collect();
            text.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                peer.name,
                facts.title,
                facts.linker,
                options.join(" ")
            ));
        }
    }
    text
}

fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::OURS;
    use crate::results::tests::{results, seconds};
    use crate::results::{Failure, Measured, Phase, WorkloadFacts};

    #[test]
    fn tables_have_what_was_measured_and_nothing_else() {
        let mut results = results();
        results.workloads.insert(
            "app".to_owned(),
            WorkloadFacts {
                title: "the application".to_owned(),
                sources: "00".to_owned(),
                packages: Some(161),
            },
        );
        for (peer, value) in [(BASELINE, 0.5), (OURS, 0.125)] {
            results.record("app", Phase::Link, peer, seconds(value));
            let groups = if peer == OURS { 2e6 } else { 0.0 };
            results.record(
                "app",
                Phase::Size,
                peer,
                Measured::fact(Quantity::GroupBytes, groups),
            );
            results.record("app", Phase::Cold, peer, seconds(60.0));
        }
        let part = Measured {
            part: Some("frozen".to_owned()),
            ..Measured::fact(Quantity::GroupSeconds, 0.37)
        };
        results.record("app", Phase::Cold, OURS, part);
        let critical = Measured::fact(Quantity::GroupCriticalSeconds, 0.6);
        results.record("app", Phase::Cold, OURS, critical);
        let expected = "
## app: the application, 161 packages

| | cold build |
|---|---:|
| static, rust-lld (default) | 60.0 s |
| dynamic-deps, rust-lld | 60.0 s (1.00) |

| | link | groups |
|---|---:|---:|
| static, rust-lld (default) | 500 ms |  |
| dynamic-deps, rust-lld | 125 ms (4.00) | 2.00 MB |

Groups that a cold build of ours-lld links: frozen 370 ms; 600 ms of its critical path (1.0 %).
";
        assert_eq!(workload_section(&View(&results), "app"), expected);
        assert_eq!(workload_section(&View(&results), "cargo"), "");
    }

    #[test]
    fn what_does_not_count_says_so() {
        let mut results = results();
        assert!(!head(&View(&results)).contains("No number here counts"));
        results.identity.mode = Mode::Quick;
        assert!(head(&View(&results)).contains("A quick run"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut results = results();
        assert_eq!(what_is_missing(&View(&results)), "");
        results
            .skipped
            .insert("static-wild".to_owned(), "there is no\n`wild`".to_owned());
        results.failures.push(Failure {
            workload: "app".to_owned(),
            phase: Phase::Link,
            peer: "ours-mold".to_owned(),
            error: "it broke\n".to_owned(),
        });
        let expected = "
## Left out

- static-wild: there is no
  `wild`

## Failed

app, link, ours-mold:

```
it broke
```
";
        assert_eq!(what_is_missing(&View(&results)), expected);
    }
}
