//! What a run has measured: every sample, with the machine and the versions that it was measured on.
//!
//! A run is one directory with one file, `results.json`. It is written anew after each sample, so a run that was
//! interrupted goes on where it stopped; the report is made from this file alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Name of the file in the directory of a run.
pub(crate) const FILE: &str = "results.json";

/// Grows when older files can no longer be read.
const FORMAT: u32 = 1;

/// All of one run.
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
    /// What was left out, by name, and why.
    pub(crate) skipped: BTreeMap<String, String>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) cells: Vec<Cell>,
}

/// What must be the same for all samples of a run.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Identity {
    pub(crate) mode: Mode,
    pub(crate) machine: Machine,
    pub(crate) versions: Versions,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// As often as medians need.
    Full,
    /// Once or a few times: shows that the harness works, and nothing else.
    Quick,
}

/// The machine, as Linux describes it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) kernel: String,
    pub(crate) system: String,
}

impl Machine {
    /// For the name of a directory.
    pub(crate) fn slug(&self) -> String {
        let words: Vec<String> = self
            .processor
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        format!("{}-{}c", words.join("-"), self.cores)
    }
}

/// The programs that take part.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Versions {
    pub(crate) rustc: String,
    pub(crate) linker_driver: String,
    pub(crate) fork: Program,
    pub(crate) stock: Program,
    /// The fork as it was, if it takes part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) earlier: Option<Program>,
}

/// An executable: what it says about itself, and the BLAKE3 hash of its bytes.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Program {
    pub(crate) version: String,
    pub(crate) hash: String,
}

/// One start of the harness for this run.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Session {
    /// UTC, to the minute.
    pub(crate) started: String,
    pub(crate) command: String,
    pub(crate) load: Load,
}

/// How busy the machine was before anything was measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Load {
    /// Mean number of processes that wanted to run in the last minute.
    pub(crate) average: f64,
    /// Share of the processors that others used just then, from 0 to 1.
    pub(crate) busy: f64,
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
    /// Version of the linker, as it says itself.
    pub(crate) linker: String,
    /// What is given to Cargo.
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

/// What is done, and timed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// `cargo build` without anything built before.
    Cold,
    /// The files that are linked.
    Size,
    /// `cargo build` with nothing to do.
    NoOp,
    /// A run of the executable that ends at once.
    Start,
    /// The linker's run for the executable, alone.
    Link,
    /// `cargo build` after an edit of the executable's own source.
    RebuildBin,
    /// The same of a local library that few others use.
    RebuildLeaf,
    /// The same of one in the middle of the graph.
    RebuildMiddle,
    /// The same of a local library that many others use.
    RebuildBase,
    /// `cargo test --no-run` after an edit.
    Tests,
    /// The same after an edit of a library below the one that is tested.
    TestsBelow,
    /// The linker's runs for all test executables, one after the other.
    TestLinks,
    /// `cargo test --doc`.
    Doctests,
    /// From a static build to the peer's and back.
    Switch,
    /// `cargo build` after a dependency was added.
    Addition,
    /// `cargo build` of ever other packages of a workspace, in one target directory.
    Selections,
}

impl Phase {
    /// In the order in which they are measured.
    pub(crate) const ALL: [Phase; 16] = [
        Phase::Cold,
        Phase::Size,
        Phase::NoOp,
        Phase::Start,
        Phase::Link,
        Phase::RebuildBin,
        Phase::RebuildLeaf,
        Phase::RebuildMiddle,
        Phase::RebuildBase,
        Phase::Tests,
        Phase::TestsBelow,
        Phase::TestLinks,
        Phase::Doctests,
        Phase::Switch,
        Phase::Addition,
        Phase::Selections,
    ];

    /// As it is called on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Cold => "cold",
            Phase::Size => "size",
            Phase::NoOp => "no-op",
            Phase::Start => "start",
            Phase::Link => "link",
            Phase::RebuildBin => "rebuild-bin",
            Phase::RebuildLeaf => "rebuild-leaf",
            Phase::RebuildMiddle => "rebuild-middle",
            Phase::RebuildBase => "rebuild-base",
            Phase::Tests => "tests",
            Phase::TestsBelow => "tests-below",
            Phase::TestLinks => "test-links",
            Phase::Doctests => "doctests",
            Phase::Switch => "switch",
            Phase::Addition => "addition",
            Phase::Selections => "selections",
        }
    }

    /// The quantity of which each sample of the phase has one.
    pub(crate) fn main_quantity(self) -> Quantity {
        match self {
            Phase::Size => Quantity::ExecutableBytes,
            _ => Quantity::Seconds,
        }
    }
}

/// What a sample is a number of.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Quantity {
    /// From the start of the command to its end.
    Seconds,
    /// Largest resident set of a process of the command, in bytes.
    PeakMemory,
    /// Seconds of a link of the executable's own objects and nothing else.
    OwnObjectsSeconds,
    /// Bytes of everything in the target directory.
    TargetBytes,
    /// Bytes of the executables.
    ExecutableBytes,
    /// Bytes of the groups.
    GroupBytes,
    /// Seconds in which a group, the part, was linked.
    GroupSeconds,
    /// Seconds of the critical path of the build in which groups were linked.
    GroupCriticalSeconds,
    /// Dependencies and build scripts that were compiled.
    CompiledDependencies,
    /// Seconds of processor time of the command and of all that it has started and waited for.
    ProcessorSeconds,
    /// Seconds from the moment at which the last library was there to that at which the executable was.
    AfterLibrariesSeconds,
    /// Groups of local crates that the executable loads.
    LoadedParts,
    /// Groups that a build has made anew.
    GroupsMade,
    /// How often that crate was linked into a group that was linked most often.
    MostLinks,
}

/// Parts of the phase [`Phase::Selections`]: builds, by what was built before in the same directory.
pub(crate) mod part {
    pub(crate) const EACH: &str = "each program";
    pub(crate) const ALL_AFTER_EACH: &str = "all after each program";
    pub(crate) const ALL: &str = "all";
    pub(crate) const EACH_AFTER_ALL: &str = "each program after all";
    pub(crate) const ADDED: &str = "all after a dependency was added";
    pub(crate) const UPDATED: &str = "all after a dependency was updated";

    /// In the order in which they are built.
    pub(crate) const PARTS: [&str; 6] = [EACH, ALL_AFTER_EACH, ALL, EACH_AFTER_ALL, ADDED, UPDATED];
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
    /// Share of the processors that others used meanwhile, from 0 to 1; unknown for what is too short to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) foreign: Option<f64>,
}

/// What one round of a phase gives for one peer.
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

    /// A number that does not depend on what else the machine does.
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

/// The directory of the newest run in `parent` that may go on: one of the same mode, machine and versions.
pub(crate) fn find_run(parent: &Path, identity: &Identity) -> Result<Option<PathBuf>> {
    let describe = || format!("failed to read `{}`", parent.display());
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries.with_context(describe)?,
    };
    let mut newest: Option<(String, PathBuf)> = None;
    for entry in entries {
        let path = entry.with_context(describe)?.path();
        let Some(results) = Results::read(&path)? else {
            continue;
        };
        let candidate = (results.date, path);
        if results.identity == *identity && newest.as_ref().is_none_or(|best| *best < candidate) {
            newest = Some(candidate);
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// A directory in `parent` for a new run, which does not exist yet.
pub(crate) fn new_run(parent: &Path, date: &str, machine: &Machine) -> PathBuf {
    let name = format!("{date}-{}", machine.slug());
    let mut directory = parent.join(&name);
    let mut number = 2;
    while directory.exists() {
        directory = parent.join(format!("{name}-{number}"));
        number += 1;
    }
    directory
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
