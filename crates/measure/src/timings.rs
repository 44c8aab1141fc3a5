//! The report of `cargo build --timings`.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::executable::GROUP_PREFIX;

/// A unit in the data of the report. Times are in seconds, from the start of the build.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Unit {
    /// Its number, by which other units name it.
    #[serde(rename = "i")]
    pub index: usize,
    /// Name of its package; of a group, the name of its Cargo target.
    pub name: String,
    /// When it was started.
    pub start: f64,
    /// How long it took.
    pub duration: f64,
    /// Units that waited for this one last, until its end.
    #[serde(default)]
    pub unblocked_units: Vec<usize>,
    /// Units that waited for this one last, until its metadata was there.
    #[serde(default)]
    pub unblocked_rmeta_units: Vec<usize>,
}

impl Unit {
    /// The name of the group that was linked, if this unit is one.
    pub fn group(&self) -> Option<&str> {
        self.name.strip_prefix(GROUP_PREFIX)
    }

    fn end(&self) -> f64 {
        self.start + self.duration
    }
}

/// All units that were built, in the order of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct Timings(Vec<Unit>);

impl Timings {
    /// Reads the report, a page that has the data as a JavaScript constant in JSON.
    ///
    /// # Errors
    /// When the page has no such data.
    pub fn parse(report: &str) -> Result<Timings> {
        let describe = "the report has no data about units";
        let (_, data) = report.split_once("const UNIT_DATA = ").context(describe)?;
        let units = serde_json::Deserializer::from_str(data)
            .into_iter()
            .next()
            .context(describe)?
            .context(describe)?;
        Ok(Timings(units))
    }

    /// Names of the groups that were linked, each with the seconds that it took. It leaves out
    /// fresh groups.
    pub fn groups(&self) -> Vec<(&str, f64)> {
        self.0
            .iter()
            .filter_map(|unit| Some((unit.group()?, unit.duration)))
            .filter(|(_, duration)| *duration > 0.0)
            .collect()
    }

    /// The units of which each waited for the one before, up to the one that ended last.
    pub fn critical_path(&self) -> Vec<&Unit> {
        let last = self
            .0
            .iter()
            .max_by(|one, other| one.end().total_cmp(&other.end()));
        let mut path: Vec<&Unit> = last.into_iter().collect();
        while let Some(unit) = path.last()
            && let Some(before) = self.unblocker(unit)
            && path.len() <= self.0.len()
        {
            path.push(before);
        }
        path.reverse();
        path
    }

    fn unblocker(&self, unit: &Unit) -> Option<&Unit> {
        self.0.iter().find(|before| {
            let mut unblocked = before
                .unblocked_units
                .iter()
                .chain(&before.unblocked_rmeta_units);
            unblocked.any(|index| *index == unit.index)
        })
    }

    /// Seconds of the critical path in which groups were linked.
    pub fn groups_on_critical_path(&self) -> f64 {
        self.critical_path()
            .iter()
            .filter(|unit| unit.group().is_some())
            .map(|unit| unit.duration)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"<script>
DURATION = 5;
const UNIT_DATA = [
  {"i": 0, "name": "regex", "target": "", "start": 0.0, "duration": 3.5, "unblocked_units": [1], "unblocked_rmeta_units": []},
  {"i": 1, "name": "dynamic-deps-frozen", "start": 3.5, "duration": 1.25, "unblocked_units": [3], "unblocked_rmeta_units": []},
  {"i": 2, "name": "dynamic-deps-local", "start": 0.0, "duration": 0.0, "unblocked_units": [], "unblocked_rmeta_units": []},
  {"i": 3, "name": "app", "start": 4.75, "duration": 0.5, "unblocked_units": [], "unblocked_rmeta_units": []},
  {"i": 4, "name": "serde", "start": 0.0, "duration": 4.0, "unblocked_units": [], "unblocked_rmeta_units": []}
];
const CONCURRENCY_DATA = [];
"#;

    #[test]
    fn report_of_cargo_has_the_times_of_groups() {
        let timings = Timings::parse(REPORT).unwrap();
        assert_eq!(timings.groups(), [("frozen", 1.25)]);
        assert!(Timings::parse("<html>").is_err());
        assert!(Timings::parse("const UNIT_DATA = {}").is_err());
    }

    #[test]
    fn critical_path_leads_to_the_last_unit() {
        let timings = Timings::parse(REPORT).unwrap();
        let names: Vec<_> = timings
            .critical_path()
            .iter()
            .map(|unit| unit.name.as_str())
            .collect();
        assert_eq!(names, ["regex", "dynamic-deps-frozen", "app"]);
        assert_eq!(timings.groups_on_critical_path(), 1.25);
    }
}
