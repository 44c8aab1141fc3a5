//! The results of a run: every sample, with the machine and the versions of the programs.
//!
//! A run is one directory with one file, `results.json`. The harness writes the file anew after each sample, so an
//! interrupted run goes on where it stopped. It makes the report from this file alone.

mod identity;
mod kinds;
mod runs;

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

pub(crate) use crate::results::identity::{
    Identity, Load, Machine, Mode, Program, Session, Versions,
};
pub(crate) use crate::results::kinds::{Phase, Quantity, part};
pub(crate) use crate::results::runs::{find_run, new_run};

/// Name of the file in the directory of a run.
pub(crate) const FILE: &str = "results.json";

/// Grows when older files can no longer be read.
const FORMAT: u32 = 1;

/// The results of one run.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Results {
    format: u32,
    pub(crate) identity: Identity,
    /// When it was started, in UTC: `2026-11-22`.
    pub(crate) date: String,
    pub(crate) sessions: Vec<Session>,
    /// By name.
    pub(crate) workloads: BTreeMap<String, WorkloadFacts>,
    /// By name.
    pub(crate) peers: BTreeMap<String, PeerFacts>,
    /// The reasons for left-out items, by name.
    pub(crate) skipped: BTreeMap<String, String>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) cells: Vec<Cell>,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct WorkloadFacts {
    pub(crate) title: String,
    /// BLAKE3 hash of its files.
    pub(crate) sources: String,
    /// Packages that its build compiles.
    pub(crate) packages: Option<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct PeerFacts {
    pub(crate) title: String,
    /// Version of the linker, in its own words.
    pub(crate) linker: String,
    /// Cargo's options.
    pub(crate) options: Vec<String>,
}

/// Something that could not be measured.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Failure {
    pub(crate) workload: String,
    pub(crate) phase: Phase,
    pub(crate) peer: String,
    pub(crate) error: String,
}

/// Samples of one quantity.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Cell {
    pub(crate) workload: String,
    pub(crate) phase: Phase,
    pub(crate) peer: String,
    pub(crate) quantity: Quantity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

/// One measurement.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Sample {
    pub(crate) value: f64,
    /// Share of the processors that other processes used meanwhile, from 0 to 1; unknown for a command that is too
    /// short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) foreign: Option<f64>,
}

/// A measurement of one round of a phase for one peer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) quantity: Quantity,
    pub(crate) part: Option<String>,
    pub(crate) sample: Sample,
}

impl Measured {
    /// The same, of a part of what was measured.
    pub(crate) fn of_part(self, part: &str) -> Measured {
        Measured {
            part: Some(part.to_owned()),
            ..self
        }
    }

    /// A number that does not depend on other work of the machine.
    pub(crate) fn fact(quantity: Quantity, value: f64) -> Measured {
        let sample = Sample {
            value,
            foreign: None,
        };
        Measured {
            quantity,
            part: None,
            sample,
        }
    }
}

impl Results {
    pub(crate) fn new(identity: Identity, date: String) -> Results {
        Results {
            format: FORMAT,
            identity,
            date,
            sessions: Vec::new(),
            workloads: BTreeMap::new(),
            peers: BTreeMap::new(),
            skipped: BTreeMap::new(),
            failures: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// Reads the results in `directory`; `None` if there are none.
    pub(crate) fn read(directory: &Path) -> Result<Option<Results>> {
        let path = directory.join(FILE);
        let describe = || format!("failed to read `{}`", path.display());
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.with_context(describe)?,
        };
        let results: Results = serde_json::from_str(&text).with_context(describe)?;
        ensure!(
            results.format == FORMAT,
            "`{}` has format {}, but only format {FORMAT} can be read",
            path.display(),
            results.format
        );
        Ok(Some(results))
    }

    /// Writes the results to `directory`, all or nothing.
    pub(crate) fn write(&self, directory: &Path) -> Result<()> {
        let path = directory.join(FILE);
        let describe = || format!("failed to write `{}`", path.display());
        let mut text = serde_json::to_string_pretty(self).with_context(describe)?;
        text.push('\n');
        fs::create_dir_all(directory).with_context(describe)?;
        let mut temporary = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(directory)
            .with_context(describe)?;
        temporary
            .write_all(text.as_bytes())
            .with_context(describe)?;
        temporary.persist(&path).with_context(describe)?;
        Ok(())
    }

    /// Adds a sample to its cell.
    pub(crate) fn record(&mut self, workload: &str, phase: Phase, peer: &str, measured: Measured) {
        let Measured {
            quantity,
            part,
            sample,
        } = measured;
        let cell = self
            .cells
            .iter_mut()
            .find(|cell| cell.is(workload, phase, peer, quantity) && cell.part == part);
        match cell {
            Some(cell) => cell.samples.push(sample),
            None => self.cells.push(Cell {
                workload: workload.to_owned(),
                phase,
                peer: peer.to_owned(),
                quantity,
                part,
                samples: vec![sample],
            }),
        }
    }

    /// How many rounds of the phase were measured.
    pub(crate) fn rounds(&self, workload: &str, phase: Phase, peer: &str) -> usize {
        self.values(workload, phase, peer, phase.main_quantity())
            .len()
    }

    /// The samples of a quantity, in the order of the rounds; of all parts, if it has such.
    pub(crate) fn values(
        &self,
        workload: &str,
        phase: Phase,
        peer: &str,
        quantity: Quantity,
    ) -> Vec<f64> {
        self.cells
            .iter()
            .filter(|cell| cell.is(workload, phase, peer, quantity))
            .flat_map(|cell| &cell.samples)
            .map(|sample| sample.value)
            .collect()
    }

    /// The samples of one part of a quantity, in the order of the rounds.
    pub(crate) fn values_of_part(
        &self,
        workload: &str,
        phase: Phase,
        peer: &str,
        quantity: Quantity,
        part: &str,
    ) -> Vec<f64> {
        self.cells
            .iter()
            .filter(|cell| cell.is(workload, phase, peer, quantity))
            .filter(|cell| cell.part.as_deref() == Some(part))
            .flat_map(|cell| &cell.samples)
            .map(|sample| sample.value)
            .collect()
    }

    /// Forgets failures of the phase, which is tried again.
    pub(crate) fn forgive(&mut self, workload: &str, phase: Phase, peer: &str) {
        self.failures.retain(|failure| {
            (&*failure.workload, failure.phase, &*failure.peer) != (workload, phase, peer)
        });
    }
}

impl Cell {
    fn is(&self, workload: &str, phase: Phase, peer: &str, quantity: Quantity) -> bool {
        (&*self.workload, self.phase, &*self.peer, self.quantity)
            == (workload, phase, peer, quantity)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn identity(mode: Mode) -> Identity {
        let program = |name: &str| Program {
            version: format!("{name} 0.98.0"),
            hash: "00".to_owned(),
        };
        Identity {
            mode,
            machine: Machine {
                processor: "Some(R) CPU @ 2.0GHz".to_owned(),
                cores: 2,
                memory: "24 GB".to_owned(),
                kernel: "6.1".to_owned(),
                system: "Debian".to_owned(),
            },
            versions: Versions {
                rustc: "rustc 1.95.0".to_owned(),
                linker_driver: "cc 12".to_owned(),
                fork: program("fork"),
                stock: program("stock"),
                earlier: None,
            },
        }
    }

    pub(crate) fn results() -> Results {
        Results::new(identity(Mode::Full), "2026-11-22".to_owned())
    }

    pub(crate) fn seconds(value: f64) -> Measured {
        Measured::fact(Quantity::Seconds, value)
    }

    #[test]
    fn samples_are_counted_by_round() {
        let mut results = results();
        assert_eq!(results.rounds("app", Phase::Link, "ours-lld"), 0);
        for value in [1.0, 2.0] {
            results.record("app", Phase::Link, "ours-lld", seconds(value));
            let memory = Measured::fact(Quantity::PeakMemory, 1e6);
            results.record("app", Phase::Link, "ours-lld", memory);
        }
        results.record("app", Phase::Link, "static-lld", seconds(3.0));
        assert_eq!(results.rounds("app", Phase::Link, "ours-lld"), 2);
        assert_eq!(results.rounds("app", Phase::Cold, "ours-lld"), 0);
        assert_eq!(
            results.values("app", Phase::Link, "ours-lld", Quantity::Seconds),
            [1.0, 2.0]
        );
        assert_eq!(results.cells.len(), 3);
    }

    #[test]
    fn size_is_counted_by_its_bytes() {
        let mut results = results();
        let bytes = Measured::fact(Quantity::ExecutableBytes, 5.0);
        results.record("app", Phase::Size, "ours-lld", bytes);
        assert_eq!(results.rounds("app", Phase::Size, "ours-lld"), 1);
    }

    #[test]
    fn phases_are_written_as_they_are_called() {
        for phase in Phase::ALL {
            let written = serde_json::to_value(phase).unwrap();
            assert_eq!(written, phase.name());
        }
    }

    #[test]
    fn results_are_read_as_they_were_written() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Results::read(directory.path()).unwrap(), None);
        let mut results = results();
        results.record("app", Phase::Link, "ours-lld", seconds(0.1));
        results.write(directory.path()).unwrap();
        results.write(directory.path()).unwrap();
        assert_eq!(Results::read(directory.path()).unwrap(), Some(results));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

        let path = directory.path().join(FILE);
        let newer = fs::read_to_string(&path).unwrap();
        fs::write(&path, newer.replace("\"format\": 1", "\"format\": 2")).unwrap();
        let error = Results::read(directory.path()).unwrap_err().to_string();
        assert!(error.ends_with("has format 2, but only format 1 can be read"));
    }

    #[test]
    fn newest_run_of_the_same_identity_goes_on() {
        let parent = tempfile::tempdir().unwrap();
        let machine = identity(Mode::Full).machine;
        assert_eq!(machine.slug(), "some-r-cpu-2-0ghz-2c");
        let find = || find_run(parent.path(), &identity(Mode::Full)).unwrap();
        assert_eq!(find(), None);

        let mut expected = None;
        for (date, mode) in [
            ("2026-11-21", Mode::Full),
            ("2026-11-22", Mode::Full),
            ("2026-11-22", Mode::Quick),
        ] {
            let directory = new_run(parent.path(), date, &machine);
            let results = Results::new(identity(mode), date.to_owned());
            results.write(&directory).unwrap();
            if (date, mode) == ("2026-11-22", Mode::Full) {
                expected = Some(directory);
            }
        }
        assert_eq!(find(), expected);
        assert_eq!(
            new_run(parent.path(), "2026-11-22", &machine).file_name(),
            Some("2026-11-22-some-r-cpu-2-0ghz-2c-3".as_ref())
        );
    }

    #[test]
    fn what_is_tried_again_is_forgiven() {
        let mut results = results();
        for peer in ["ours-lld", "ours-wild"] {
            results.failures.push(Failure {
                workload: "app".to_owned(),
                phase: Phase::Cold,
                peer: peer.to_owned(),
                error: "no".to_owned(),
            });
        }
        results.forgive("app", Phase::Cold, "ours-wild");
        assert_eq!(results.failures.len(), 1);
        assert_eq!(results.failures[0].peer, "ours-lld");
    }
}
