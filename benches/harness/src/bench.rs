//! One run: goes through the plan, in rounds in which each peer has its turn, and writes each sample at once.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use measure::statistics::median;

use crate::machine::{self, DISTURBING};
use crate::origin;
use crate::peers::{BASELINE, Linkers, Peer};
use crate::phases::{self, Prepared, Site};
use crate::plan::{Plan, PlannedWorkload, has_system_library};
use crate::results::{Failure, PeerFacts, Phase, Quantity, Results, Session, WorkloadFacts};
use crate::runner::{Blocked, Runner};
use crate::sources::WorkingCopy;
use crate::tools::Tools;
use crate::workloads::{Origin, Workload};

/// How long a run waits for other processes to finish, before it goes on beside them.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often to try a round if another Cargo holds a lock.
const ATTEMPTS: usize = 3;

const WORTH_MENTIONING: Duration = Duration::from_secs(3);

const PAUSE: Duration = Duration::from_secs(5);

pub(crate) struct Bench<'a> {
    pub(crate) repository: &'a Path,
    pub(crate) tools: &'a Tools,
    pub(crate) linkers: &'a Linkers,
    /// Where workloads are built.
    pub(crate) work: PathBuf,
    /// Where the results go.
    pub(crate) directory: PathBuf,
    pub(crate) results: Results,
    /// What the user typed.
    pub(crate) command: String,
    /// Measure beside others, without waiting for them.
    pub(crate) tolerates_load: bool,
    /// Leave what was built when a workload is done.
    pub(crate) keeps_builds: bool,
}

/// A peer that still takes part in a phase.
struct Participant<'a> {
    site: &'a Site<'a>,
    prepared: Prepared,
}

impl Bench<'_> {
    /// Takes the samples of the plan that the results lack.
    pub(crate) fn run(&mut self, plan: &Plan) -> Result<()> {
        for (name, reason) in &plan.skipped {
            self.skip(name, reason);
        }
        for planned in &plan.workloads {
            self.results.skipped.remove(planned.workload.name);
            for peer in &planned.peers {
                self.results.skipped.remove(peer.name);
                let facts = self.peer_facts(peer)?;
                self.results.peers.insert(peer.name.to_owned(), facts);
            }
        }
        self.save()?;
        let missing: Vec<_> = plan
            .workloads
            .iter()
            .filter(|planned| self.has_missing(plan, planned))
            .collect();
        if missing.is_empty() {
            eprintln!("all samples are there (help: `--fresh` starts a new run)");
            return Ok(());
        }
        self.begin_session()?;
        for planned in missing {
            self.workload(plan, planned)?;
        }
        Ok(())
    }

    fn skip(&mut self, name: &str, reason: &str) {
        eprintln!("left out: {name}, since {reason}");
        self.results
            .skipped
            .insert(name.to_owned(), reason.to_owned());
    }

    fn begin_session(&mut self) -> Result<()> {
        let load = machine::load()?;
        machine::require_quiet(load, self.tolerates_load)?;
        self.results.sessions.push(Session {
            started: machine::now(),
            command: self.command.clone(),
            load,
        });
        self.save()
    }

    fn has_missing(&self, plan: &Plan, planned: &PlannedWorkload) -> bool {
        plan.phases.iter().any(|phase| {
            let mut peers = planned.peers.iter();
            peers.any(|peer| self.missing(plan, planned.workload, *phase, peer) > 0)
        })
    }

    fn missing(&self, plan: &Plan, workload: &Workload, phase: Phase, peer: &Peer) -> usize {
        let wanted = workload.rounds(plan.mode, phase, peer);
        let there = self.results.rounds(workload.name, phase, peer.name);
        wanted.saturating_sub(there)
    }

    fn workload(&mut self, plan: &Plan, planned: &PlannedWorkload) -> Result<()> {
        let workload = planned.workload;
        let work = self.work.join(workload.name);
        let mut runner = Runner::new(work.join("commands.log"))?;
        let copy = match self.working_copy(workload, &work, &mut runner) {
            Ok(copy) => copy,
            // Hours of other workloads may come after this one.
            Err(error) => {
                self.skip(workload.name, &format!("{error:#}"));
                return self.save();
            }
        };
        let machine_options = machine_options(workload);
        let mut sites = Vec::new();
        for peer in &planned.peers {
            sites.push(Site {
                workload,
                peer,
                tools: self.tools,
                copy: &copy,
                machine_options: &machine_options,
                configuration: peer.configuration(self.linkers, &self.tools.host)?,
                directory: work.join(peer.name),
            });
        }
        for phase in &plan.phases {
            self.phase(plan, *phase, &sites, &mut runner)?;
        }
        if !self.keeps_builds {
            for site in &sites {
                phases::remove(&site.directory)?;
            }
        }
        Ok(())
    }

    /// Makes the working copy, downloads its dependencies, and checks that earlier samples of this run were taken of the
    /// same sources.
    fn working_copy(
        &mut self,
        workload: &Workload,
        work: &Path,
        runner: &mut Runner,
    ) -> Result<WorkingCopy> {
        let files = origin::files(workload, self.repository, work, self.tools, runner)?;
        let copy = WorkingCopy::lay_down(&files, &work.join("source"))?;
        let facts = self
            .results
            .workloads
            .entry(workload.name.to_owned())
            .or_insert_with(|| WorkloadFacts {
                title: workload.title.to_owned(),
                sources: copy.hash.clone(),
                packages: None,
            });
        ensure!(
            facts.sources == copy.hash,
            "the workload `{}` has changed since this run was started (help: start a new one with `--fresh`)",
            workload.name
        );
        let mut cargo = self.tools.stock(copy.directory());
        runner.run(cargo.args(["fetch", "--locked"]))?;
        Ok(copy)
    }

    /// Takes the missing samples of a phase, round after round. Every peer has its turn in each round.
    fn phase(
        &mut self,
        plan: &Plan,
        phase: Phase,
        sites: &[Site],
        runner: &mut Runner,
    ) -> Result<()> {
        let mut participants = self.prepare(plan, phase, sites, runner)?;
        if participants.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        for round in 0.. {
            self.wait_until_quiet()?;
            // No peer is always the first after a pause.
            let first = round % participants.len();
            participants.rotate_left(first);
            let mut remaining = Vec::new();
            for participant in participants {
                let site = participant.site;
                // Peers with more samples from an earlier session wait for the others.
                let there = self
                    .results
                    .rounds(site.workload.name, phase, site.peer.name);
                if there <= round
                    && let Err(error) = self.round(phase, &participant, runner)
                {
                    self.fail(site, phase, &error)?;
                } else if self.missing_rounds(plan, phase, site) > 0 {
                    remaining.push(participant);
                }
            }
            participants = remaining;
            if participants.is_empty() {
                break;
            }
        }
        self.say_medians(phase, sites, started.elapsed());
        Ok(())
    }

    /// The peers that have rounds to do and could be prepared for them.
    fn prepare<'s>(
        &mut self,
        plan: &Plan,
        phase: Phase,
        sites: &'s [Site<'s>],
        runner: &mut Runner,
    ) -> Result<Vec<Participant<'s>>> {
        let mut participants = Vec::new();
        for site in sites {
            if self.missing_rounds(plan, phase, site) == 0 {
                continue;
            }
            let (workload, peer) = (site.workload.name, site.peer.name);
            self.results.forgive(workload, phase, peer);
            let started = Instant::now();
            match site.prepare(phase, runner) {
                Ok(prepared) => {
                    let elapsed = started.elapsed();
                    if elapsed >= WORTH_MENTIONING {
                        let seconds = elapsed.as_secs_f64();
                        let phase = phase.name();
                        eprintln!("{workload}: {phase}, {peer} prepared in {seconds:.0} s");
                    }
                    self.note_packages(site, &prepared);
                    participants.push(Participant { site, prepared });
                }
                Err(error) => self.fail(site, phase, &error)?,
            }
        }
        Ok(participants)
    }

    fn round(
        &mut self,
        phase: Phase,
        participant: &Participant,
        runner: &mut Runner,
    ) -> Result<()> {
        let site = participant.site;
        let mut attempts = 1;
        let all_measured = loop {
            match site.round(phase, &participant.prepared, runner) {
                Err(error) if error.is::<Blocked>() && attempts < ATTEMPTS => attempts += 1,
                result => break result?,
            }
        };
        for measured in all_measured {
            self.results
                .record(site.workload.name, phase, site.peer.name, measured);
        }
        self.save()
    }

    fn missing_rounds(&self, plan: &Plan, phase: Phase, site: &Site) -> usize {
        self.missing(plan, site.workload, phase, site.peer)
    }

    fn note_packages(&mut self, site: &Site, prepared: &Prepared) {
        let facts = self.results.workloads.get_mut(site.workload.name);
        if let Some(facts) = facts
            && site.peer.name == BASELINE
            && facts.packages.is_none()
        {
            facts.packages = site.package_count(prepared);
        }
    }

    fn fail(&mut self, site: &Site, phase: Phase, error: &anyhow::Error) -> Result<()> {
        let (workload, peer) = (site.workload.name, site.peer.name);
        eprintln!("{workload}: {}, {peer} FAILED: {error:#}", phase.name());
        self.results.failures.push(Failure {
            workload: workload.to_owned(),
            phase,
            peer: peer.to_owned(),
            error: format!("{error:#}"),
        });
        self.save()
    }

    fn say_medians(&self, phase: Phase, sites: &[Site], elapsed: Duration) {
        let mut line = String::new();
        for site in sites {
            let (workload, peer) = (site.workload.name, site.peer.name);
            let quantity = phase.main_quantity();
            let values = self.results.values(workload, phase, peer, quantity);
            if let Some(value) = median(&values) {
                let shown = match quantity {
                    Quantity::Seconds => format!("{value:.3} s"),
                    _ => format!("{:.1} MB", value / 1e6),
                };
                // Writing to a string does not fail.
                let _ = write!(line, ", {peer} {shown}");
            }
        }
        if let Some(site) = sites.first() {
            eprintln!(
                "{}: {} ({:.0} s){line}",
                site.workload.name,
                phase.name(),
                elapsed.as_secs_f64()
            );
        }
    }

    /// Waits until other processes leave the machine alone, or for [`PATIENCE`].
    fn wait_until_quiet(&self) -> Result<()> {
        if self.tolerates_load {
            return Ok(());
        }
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let load = machine::load()?;
            if load.busy < DISTURBING {
                return Ok(());
            }
            eprintln!(
                "waiting: others use {:.0} % of the machine",
                load.busy * 100.0
            );
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn peer_facts(&self, peer: &Peer) -> Result<PeerFacts> {
        let mut options: Vec<String> = peer
            .configuration(self.linkers, &self.tools.host)?
            .into_iter()
            .map(|option| option.replace(&*self.work.to_string_lossy(), "<work>"))
            .collect();
        options.extend(peer.build_options().iter().map(|&option| option.to_owned()));
        let linker = self.linkers.version(peer.linker).unwrap_or_default();
        Ok(PeerFacts {
            title: peer.title.to_owned(),
            linker: linker.to_owned(),
            options,
        })
    }

    fn save(&self) -> Result<()> {
        self.results.write(&self.directory)
    }
}

/// Cargo needs OpenSSL, and can bring its own.
fn machine_options(workload: &Workload) -> Vec<String> {
    if workload.origin == Origin::Upstream && !has_system_library("openssl") {
        return vec!["--features".to_owned(), "vendored-openssl".to_owned()];
    }
    Vec::new()
}
