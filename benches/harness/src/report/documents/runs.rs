//! The run that each number of the documents is from.
//!
//! It is the newest run that measured the workload, since a run need not have all workloads. Programs in one table are
//! from one run, the newest that has all of them, if there is one. The table of all peers is from the run that measured
//! most of them, since many runs compare two.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::PROGRAMS;
use crate::peers::{BASELINE, OURS, PEERS, Peer};
use crate::report::page::Column;
use crate::report::view::{Of, View};
use crate::results::{Phase, Results};

/// All runs with the names of their directories, the newest first.
pub(super) struct Runs(Vec<(String, Results)>);

impl Runs {
    pub(super) fn read(directory: &Path) -> Result<Runs> {
        let describe = || format!("failed to read `{}`", directory.display());
        let mut runs = Vec::new();
        for entry in fs::read_dir(directory).with_context(describe)? {
            let path = entry.with_context(describe)?.path();
            if let Some(results) = Results::read(&path)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                runs.push((name.into_owned(), results));
            }
        }
        // Runs of one day are numbered, and the names of those from 10 on are longer.
        runs.sort_by_cached_key(|(name, results)| (results.date.clone(), name.len(), name.clone()));
        runs.reverse();
        Ok(Runs(runs))
    }

    /// The run of which a workload is shown.
    pub(super) fn of(&self, workload: &str) -> Option<(&str, View<'_>)> {
        let programs = PROGRAMS.map(|(program, _)| program);
        let side_by_side = match programs.contains(&workload) {
            true => self.newest_with(&programs),
            false => None,
        };
        side_by_side.or_else(|| self.newest_with(&[workload]))
    }

    /// The newest run that has both ways to link of all these workloads.
    fn newest_with(&self, workloads: &[&str]) -> Option<(&str, View<'_>)> {
        let has = |results: &Results, workload: &str, peer: &str| {
            let view = View(results);
            view.median(Of::seconds(workload, Phase::RebuildBin, peer))
                .or(view.median(Of::seconds(workload, Phase::Tests, peer)))
                .is_some()
        };
        let has_both = |results: &Results, workload: &&str| {
            has(results, workload, BASELINE) && has(results, workload, OURS)
        };
        self.0
            .iter()
            .find(|(_, results)| workloads.iter().all(|one| has_both(results, one)))
            .map(|(name, results)| (name.as_str(), View(results)))
    }

    /// The run that measured rebuilds of `workload` with most peers, the newest of these.
    pub(super) fn with_most_peers(&self, workload: &str) -> Option<(&str, View<'_>)> {
        let peers = |results: &Results| {
            let is_measured = |peer: &&Peer| {
                let rebuild = Of::seconds(workload, Phase::RebuildBin, peer.name);
                View(results).median(rebuild).is_some()
            };
            PEERS.iter().filter(is_measured).count()
        };
        let oldest_first = self.0.iter().rev();
        let counted = oldest_first.map(|(name, results)| (peers(results), name, results));
        let (_, name, results) = counted
            .filter(|(peers, ..)| *peers > 0)
            .max_by_key(|(peers, ..)| *peers)?;
        Some((name, View(results)))
    }

    /// Medians of both ways.
    pub(super) fn pair(&self, workload: &str, column: &Column) -> Option<(f64, f64)> {
        let (_, view) = self.of(workload)?;
        let median = |peer| {
            view.median(Of {
                workload,
                phase: column.phase,
                peer,
                quantity: column.quantity,
            })
        };
        Some((median(BASELINE)?, median(OURS)?))
    }
}
