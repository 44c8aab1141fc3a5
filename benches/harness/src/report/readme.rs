//! What the README of the repository shows of the newest results, between marks that are there for it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use measure::document::with_content;

use crate::peers::{BASELINE, OURS, PEERS, Peer};
use crate::report::FILE;
use crate::report::charts::LINK;
use crate::report::page::{Column, column, table};
use crate::report::view::{Of, View};
use crate::results::{Phase, Quantity, Results};

const COLUMNS: [(&str, Column); 9] = [
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

/// Puts the chart, the table and the path of the results in `directory` into `README.md`. Results without the whole of
/// the application are not shown: a part that was measured after a change would take the place of the rest.
pub(crate) fn show(results: &Results, repository: &Path, directory: &Path) -> Result<()> {
    let view = View(results);
    if !has_application(&view) {
        return Ok(());
    }
    let inside = directory
        .strip_prefix(repository)
        .context("the results lie outside of the repository")?
        .to_string_lossy();
    let path = repository.join("README.md");
    let mut text = fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    for (name, content) in [
        ("chart", chart(&inside)),
        ("peers", peers(&view)),
        ("newest results", format!("[{inside}]({inside}/{FILE})")),
    ] {
        let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
        text = with_content(&text, &begin, &end, &content)
            .with_context(|| format!("in `{}`", path.display()))?;
    }
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))
}

fn has_application(view: &View) -> bool {
    let mut columns = COLUMNS.iter().filter(|(workload, _)| *workload == "app");
    columns.all(|(workload, column)| {
        let mut pair = [BASELINE, OURS].into_iter();
        pair.all(|peer| {
            let median = view.median(Of::seconds(workload, column.phase, peer));
            median.is_some()
        })
    })
}

fn chart(directory: &str) -> String {
    format!("\n![{}]({directory}/{})\n", LINK.title, LINK.file())
}

/// All peers side by side, in programs that people know.
fn peers(view: &View) -> String {
    let all: Vec<&Peer> = PEERS.iter().collect();
    let table = table(view, &all, &COLUMNS);
    let machine = &view.0.identity.machine;
    format!(
        "\n{table}\nMedians of one run in turns, {}, {} cores of {}, {}; a rebuild is one after an edit of the executable. In \
         parentheses: how many times smaller than that of {BASELINE}.\n",
        view.0.date, machine.cores, machine.processor, view.0.identity.versions.rustc
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{results, seconds};

    const README: &str = "a <!-- newest results -->old<!-- /newest results --> b\n<!-- chart -->\n<!-- /chart -->\n\
                          <!-- peers -->old\n<!-- /peers -->\n";

    #[test]
    fn everything_is_replaced_between_its_marks() {
        let repository = tempfile::tempdir().unwrap();
        let readme = repository.path().join("README.md");
        let directory = repository.path().join("benches/results/x");
        fs::write(&readme, README).unwrap();
        let mut results = results();
        for phase in [Phase::Link, Phase::RebuildBin, Phase::Start] {
            show(&results, repository.path(), &directory).unwrap();
            assert_eq!(fs::read_to_string(&readme).unwrap(), README);
            for (peer, value) in [(BASELINE, 0.5), (OURS, 0.125)] {
                results.record("app", phase, peer, seconds(value));
            }
        }
        show(&results, repository.path(), &directory).unwrap();
        let text = fs::read_to_string(&readme).unwrap();
        for part in [
            "<!-- newest results -->[benches/results/x](benches/results/x/README.md)<!-- /newest results --> b\n",
            "<!-- chart -->\n![Link of the executable](benches/results/x/link.svg)\n<!-- /chart -->\n",
            "| | application: link | rebuild | start-up |\n|---|---:|---:|---:|\n",
            "| dynamic-deps, rust-lld | 125 ms (4.00) | 125 ms (4.00) | 125 ms (4.00) |\n",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("old"), "{text}");

        show(&results, repository.path(), &directory).unwrap();
        assert_eq!(fs::read_to_string(&readme).unwrap(), text);
        fs::write(&readme, "no marks").unwrap();
        assert!(show(&results, repository.path(), &directory).is_err());
    }
}
