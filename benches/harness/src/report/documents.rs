//! Writes numbers of the newest results into README, `docs/`, the guide and the RFC, between marks.

mod runs;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use measure::document::with_content;

use crate::peers::{BASELINE, PEERS, Peer};
use crate::report::FILE;
use crate::report::charts::{Pair, draw_pairs};
use crate::report::page::{Column, column, table};
use crate::report::view::{View, value};
use crate::results::{Phase, Quantity};
use runs::Runs;

/// Where runs lie, in the repository.
const RUNS: &str = "benches/results";

/// The chart of the README, and its title.
const CHART: &str = "docs/rebuild.svg";
const CHART_TITLE: &str = "Rebuild after an edit of the program";

const README: &str = "README.md";
const MEASURED: &str = "docs/measured.md";
const GUIDE: &str = "src/doc/src/guide/faster-linking.md";
const RFC: &str = "rfcs/0001-dynamic-deps.md";

/// The program of the number that stands at the top of the README.
const EXAMPLE: &str = "bevy";

/// Programs whose rebuilds people know, as the chart calls them.
const REBUILDS: [(&str, &str); 4] = [
    ("app", "an application of 161 packages"),
    ("cargo", "Cargo itself"),
    ("bevy", "a bevy program"),
    (
        "local-heavy",
        "a program over rust-analyzer as local crates",
    ),
];

const PROGRAMS: [(&str, &str); 3] = [
    ("app", "application"),
    ("cargo", "Cargo"),
    ("bevy", "a bevy program"),
];

/// The rows of the table of programs.
const ROWS: [Column; 6] = [
    column("link of the executable", Phase::Link, Quantity::Seconds),
    column("peak memory of the link", Phase::Link, Quantity::PeakMemory),
    column(
        "rebuild after an edit of the program",
        Phase::RebuildBin,
        Quantity::Seconds,
    ),
    column("start-up", Phase::Start, Quantity::Seconds),
    column(
        "size of the executable",
        Phase::Size,
        Quantity::ExecutableBytes,
    ),
    column(
        "size of the groups, once for all executables",
        Phase::Size,
        Quantity::GroupBytes,
    ),
];

/// The rows of the table of a program whose code is mostly local.
const LOCAL_ROWS: [Column; 5] = [
    column("edit of the program", Phase::RebuildBin, Quantity::Seconds),
    column(
        "edit of a library in the upper third",
        Phase::RebuildLeaf,
        Quantity::Seconds,
    ),
    column(
        "edit of a library in the middle",
        Phase::RebuildMiddle,
        Quantity::Seconds,
    ),
    column(
        "edit of the lowest library",
        Phase::RebuildBase,
        Quantity::Seconds,
    ),
    column("start of the program", Phase::Start, Quantity::Seconds),
];

const TEST_ROWS: [Column; 3] = [
    column(
        "`cargo test --no-run` after an edit of the library",
        Phase::Tests,
        Quantity::Seconds,
    ),
    column(
        "size of the executables",
        Phase::Tests,
        Quantity::ExecutableBytes,
    ),
    column("size of their groups", Phase::Tests, Quantity::GroupBytes),
];

/// The program that decides of which run the table of all peers is.
const OF_ALL_PEERS: &str = "app";

/// The columns of the table of all peers.
const PEER_COLUMNS: [(&str, Column); 9] = [
    ("app", time_of("application: link", Phase::Link)),
    ("app", time_of("rebuild", Phase::RebuildBin)),
    ("app", time_of("start-up", Phase::Start)),
    ("cargo", time_of("Cargo: link", Phase::Link)),
    ("cargo", time_of("rebuild", Phase::RebuildBin)),
    ("cargo", time_of("start-up", Phase::Start)),
    ("bevy", time_of("bevy: link", Phase::Link)),
    ("bevy", time_of("rebuild", Phase::RebuildBin)),
    ("bevy", time_of("start-up", Phase::Start)),
];

const fn time_of(title: &'static str, phase: Phase) -> Column {
    column(title, phase, Quantity::Seconds)
}

/// Writes the chart, and the marked parts of the documents in `repository`.
pub(crate) fn write(repository: &Path) -> Result<()> {
    let runs = Runs::read(&repository.join(RUNS))?;
    let chart = repository.join(CHART);
    fs::write(&chart, draw_pairs(CHART_TITLE, &runs.rebuilds())?)
        .with_context(|| format!("failed to write `{}`", chart.display()))?;
    let number = runs.number();
    let programs = runs.programs();
    for (document, name, content) in [
        (README, "number", &number),
        (MEASURED, "programs", &programs),
        (
            MEASURED,
            "local code",
            &runs.pairs("local-heavy", &LOCAL_ROWS),
        ),
        (MEASURED, "tests", &runs.pairs("tests-150", &TEST_ROWS)),
        (MEASURED, "peers", &runs.peers()),
        (MEASURED, "newest results", &runs.newest()),
        (GUIDE, "measured", &programs),
        (RFC, "programs", &programs),
    ] {
        let path = repository.join(document);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("failed to read `{}`", path.display()))?;
        let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
        let text = with_content(&text, &begin, &end, content)
            .with_context(|| format!("in `{}`", path.display()))?;
        fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}

impl Runs {
    fn rebuilds(&self) -> Vec<Pair> {
        let rebuild = column("", Phase::RebuildBin, Quantity::Seconds);
        REBUILDS
            .iter()
            .filter_map(|(workload, title)| {
                let (of_static, of_dynamic) = self.pair(workload, &rebuild)?;
                Some(Pair {
                    title,
                    of_static,
                    of_dynamic,
                })
            })
            .collect()
    }

    fn number(&self) -> String {
        let rebuild = column("", Phase::RebuildBin, Quantity::Seconds);
        let shown = |seconds| value(Quantity::Seconds, seconds);
        self.pair(EXAMPLE, &rebuild).map_or_else(
            || "(not measured)".to_owned(),
            |(of_static, of_dynamic)| {
                format!("{} instead of {}", shown(of_dynamic), shown(of_static))
            },
        )
    }

    /// A row for each quantity, a column for each program; static first.
    fn programs(&self) -> String {
        let mut header = "|".to_owned();
        let mut rule = "|---|".to_owned();
        for (workload, title) in PROGRAMS {
            let facts = self.of(workload).and_then(|(_, view)| {
                let facts = view.0.workloads.get(workload)?;
                facts.packages
            });
            let packages = facts.map_or_else(String::new, |count| format!(", {count} packages"));
            header.push_str(&format!(" | {title}{packages}"));
            rule.push_str("---:|");
        }
        let mut text = format!("\n{header} |\n{rule}\n");
        for row in &ROWS {
            let cells = PROGRAMS.map(|(workload, _)| match self.pair(workload, row) {
                // A static program has no groups.
                Some((0.0, of_dynamic)) => value(row.quantity, of_dynamic),
                Some((of_static, of_dynamic)) => format!(
                    "{}, {}",
                    value(row.quantity, of_static),
                    value(row.quantity, of_dynamic)
                ),
                None => String::new(),
            });
            text.push_str(&format!("| {} | {} |\n", row.title, cells.join(" | ")));
        }
        text + &self.conditions(
            &PROGRAMS.map(|(program, _)| program),
            ", linked by rust-lld",
        )
    }

    /// A row for each quantity of one workload.
    fn pairs(&self, workload: &str, rows: &[Column]) -> String {
        let mut text = "\n| | static | dynamic | ratio |\n|---|---:|---:|---:|\n".to_owned();
        for row in rows {
            let Some((of_static, of_dynamic)) = self.pair(workload, row) else {
                continue;
            };
            let shown = |number: f64| match number {
                0.0 => String::new(),
                number => value(row.quantity, number),
            };
            let ratio = match of_static {
                0.0 => String::new(),
                of_static => format!("{:.2}", of_static / of_dynamic),
            };
            text.push_str(&format!(
                "| {} | {} | {} | {ratio} |\n",
                row.title,
                shown(of_static),
                shown(of_dynamic)
            ));
        }
        text + &self.conditions(&[workload], ", linked by rust-lld")
    }

    fn peers(&self) -> String {
        let Some((_, view)) = self.with_most_peers(OF_ALL_PEERS) else {
            return "\n".to_owned();
        };
        let all: Vec<&Peer> = PEERS.iter().collect();
        format!(
            "{}\nA rebuild is one after an edit of the program. In parentheses: how many times smaller than that of {BASELINE}.{}",
            table(&view, &all, &PEER_COLUMNS),
            conditions(&[view], "").replacen('\n', " ", 1)
        )
    }

    fn conditions(&self, workloads: &[&str], linker: &str) -> String {
        let runs = workloads.iter().filter_map(|workload| self.of(workload));
        let views: Vec<View<'_>> = runs.map(|(_, view)| view).collect();
        conditions(&views, linker)
    }

    /// A link to the report of each run that is shown.
    fn newest(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        let shown = REBUILDS.iter().map(|(workload, _)| *workload);
        let runs = shown.chain(["tests-150"]).map(|workload| self.of(workload));
        for (name, _) in runs.chain([self.with_most_peers(OF_ALL_PEERS)]).flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let links: Vec<String> = names
            .into_iter()
            .map(|name| format!("[{name}](../{RUNS}/{name}/{FILE})"))
            .collect();
        links.join(", ")
    }
}

/// When and where the numbers of `views` were measured, and by `linker` if it was one.
fn conditions(views: &[View<'_>], linker: &str) -> String {
    let mut runs: Vec<String> = Vec::new();
    for view in views {
        let identity = &view.0.identity;
        let rustc: Vec<&str> = identity.versions.rustc.split(' ').take(2).collect();
        let run = format!(
            "{}, {} cores of {}, {}",
            view.0.date,
            identity.machine.cores,
            identity.machine.processor,
            rustc.join(" ")
        );
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    match &runs[..] {
        [] => String::new(),
        [run] => format!("\nMedians of one run in turns, {run}{linker}.\n"),
        runs => format!(
            "\nMedians of runs in turns, one for each program: {}{linker}.\n",
            runs.join("; ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::OURS;
    use crate::results::tests::{results, seconds};

    const MARKS: [(&str, &[&str]); 4] = [
        (README, &["number"]),
        (
            MEASURED,
            &["programs", "local code", "tests", "peers", "newest results"],
        ),
        (GUIDE, &["measured"]),
        (RFC, &["programs"]),
    ];

    fn put_run(repository: &Path, name: &str, workloads: &[&str], of_dynamic: f64) {
        let mut run = results();
        for workload in workloads {
            for (peer, value) in [(BASELINE, 0.5), (OURS, of_dynamic)] {
                run.record(workload, Phase::RebuildBin, peer, seconds(value));
            }
        }
        run.write(&repository.join(RUNS).join(name)).unwrap();
    }

    #[test]
    fn each_number_is_of_the_newest_run_that_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let repository = directory.path();
        for (document, names) in MARKS {
            let path = repository.join(document);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let marks = names
                .iter()
                .map(|name| format!("<!-- {name} -->old<!-- /{name} -->\n"));
            fs::write(&path, marks.collect::<String>()).unwrap();
        }
        put_run(repository, "x", &["app", "bevy"], 0.25);
        put_run(repository, "x-2", &["app"], 0.125);
        write(repository).unwrap();

        let read = |document| fs::read_to_string(repository.join(document)).unwrap();
        assert_eq!(
            read(README),
            "<!-- number -->250 ms instead of 500 ms<!-- /number -->\n"
        );
        let measured = read(MEASURED);
        for part in [
            "| rebuild after an edit of the program | 500 ms, 125 ms |  | 500 ms, 250 ms |\n",
            "| dynamic-deps, rust-lld | 125 ms (4.00) |\n",
            "[x-2](../benches/results/x-2/README.md), [x](../benches/results/x/README.md)",
        ] {
            assert!(measured.contains(part), "{part} in {measured}");
        }
        assert!(!measured.contains("old"), "{measured}");
        assert!(read(CHART).contains("an application of 161 packages"));

        put_run(repository, "w", &["app", "cargo", "bevy"], 0.0625);
        write(repository).unwrap();
        let row = "| rebuild after an edit of the program | 500 ms, 62.5 ms | 500 ms, 62.5 ms | 500 ms, 62.5 ms |\n";
        assert!(read(MEASURED).contains(row), "{}", read(MEASURED));
        fs::remove_dir_all(repository.join(RUNS).join("w")).unwrap();

        write(repository).unwrap();
        assert_eq!(read(MEASURED), measured);

        let of_three = repository.join(RUNS).join("v");
        let mut run = results();
        for (peer, value) in [(BASELINE, 0.5), (OURS, 0.25), ("static-gnu", 1.0)] {
            run.record("app", Phase::RebuildBin, peer, seconds(value));
        }
        run.write(&of_three).unwrap();
        write(repository).unwrap();
        for part in [
            "500 ms, 125 ms |  | 500 ms, 250 ms |\n",
            "| static, GNU ld | 1.00 s (0.50) |\n",
            "[x](../benches/results/x/README.md), [v](../benches/results/v/README.md)",
        ] {
            let measured = read(MEASURED);
            assert!(measured.contains(part), "{part} in {measured}");
        }
        fs::remove_dir_all(of_three).unwrap();
        fs::write(repository.join(README), "no marks").unwrap();
        assert!(write(repository).is_err());
    }
}
