//! The findings of the step: numbers, and promises that are broken.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::workspace::table::Table;
use workshop::steps::Step;

/// Lines of a list that are shown; the log has the others.
const SHOWN: usize = 10;

/// Numbers, and promises that are broken.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) table: Table,
    broken: Vec<String>,
}

impl Findings {
    pub(super) fn require(&mut self, is_kept: bool, promise: String) {
        if !is_kept {
            self.broken.push(promise);
        }
    }

    /// Adds a promise that each of `lines` breaks.
    pub(super) fn require_none(&mut self, what: &str, lines: &[String]) {
        self.require(lines.is_empty(), listed(what, lines));
    }

    /// Writes and shows the table; fails if a promise is broken.
    pub(super) fn report(&self, step: &mut Step, path: &Path) -> Result<()> {
        let table = self.table.to_string();
        fs::write(path, &table).with_context(|| format!("failed to write `{}`", path.display()))?;
        step.say(&format!("`{}`\n{}", path.display(), table.trim_end()));
        for promise in &self.broken {
            step.note(promise)?;
        }
        let broken: Vec<String> = self
            .broken
            .iter()
            .map(|promise| shortened(promise))
            .collect();
        ensure!(
            broken.is_empty(),
            "what is promised of a workspace does not hold\n{}\nlog: `{}`",
            broken.join("\n"),
            step.log_path().display()
        );
        Ok(())
    }
}

/// A heading and the list below it.
fn listed(heading: &str, lines: &[String]) -> String {
    let mut text = format!("{heading}:");
    for line in lines {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

/// The heading and the first lines below it.
fn shortened(list: &str) -> String {
    let lines: Vec<&str> = list.lines().collect();
    match lines.len().checked_sub(SHOWN + 1) {
        None | Some(0) => list.to_owned(),
        Some(left_out) => format!("{}\n  and {left_out} more", lines[..=SHOWN].join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use workshop::steps::{Chatter, Steps};

    #[test]
    fn long_lists_are_cut() {
        let lines = |count: usize| (0..count).map(|line| line.to_string()).collect::<Vec<_>>();
        let short = listed("units", &lines(SHOWN));
        assert_eq!(shortened(&short), short);
        let long = shortened(&listed("units", &lines(SHOWN + 5)));
        assert!(long.ends_with("\n  9\n  and 5 more"), "{long}");
    }

    #[test]
    fn promise_that_is_broken_fails_after_the_report() {
        let directory = tempfile::tempdir().unwrap();
        let mut steps = Steps::new(directory.path().to_path_buf(), Chatter::None);
        let path = directory.path().join("report.md");
        let mut findings = Findings::default();
        findings.table.row("tests", "3".to_owned(), "2".to_owned());
        findings.require_none("nothing", &[]);
        findings.require(true, "kept".to_owned());
        let report = |findings: &Findings, steps: &mut Steps| {
            steps.run("workspace", |step| findings.report(step, &path))
        };
        report(&findings, &mut steps).unwrap();
        findings.require_none("tests fail", &["a".to_owned()]);
        let error = format!("{:#}", report(&findings, &mut steps).unwrap_err());
        assert!(
            error.contains("does not hold\ntests fail:\n  a\nlog: `"),
            "{error}"
        );
        let report = fs::read_to_string(&path).unwrap();
        assert_eq!(report, findings.table.to_string());
    }
}
