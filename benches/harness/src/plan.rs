//! Chooses the cells of workloads × peers × phases to measure, and how often.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use crate::peers::{BASELINE, Linkers, OURS, PEERS, Peer};
use crate::results::{Mode, Phase};
use crate::workloads::{FLOOR, WORKLOADS, Workload};

/// The user's choice. An empty list means everything that makes sense.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) workloads: Vec<&'static Workload>,
    pub(crate) peers: Vec<&'static Peer>,
    pub(crate) phases: Vec<Phase>,
}

/// The cells to measure, and those that are left out, with the reasons.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    pub(crate) workloads: Vec<PlannedWorkload>,
    pub(crate) phases: Vec<Phase>,
    pub(crate) skipped: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct PlannedWorkload {
    pub(crate) workload: &'static Workload,
    pub(crate) peers: Vec<&'static Peer>,
}

impl Plan {
    /// `has_earlier` says whether the fork as it was is given, `has_library` whether a library of the system is there.
    pub(crate) fn new(
        mode: Mode,
        choice: &Choice,
        linkers: &Linkers,
        has_earlier: bool,
        has_library: impl Fn(&str) -> bool,
    ) -> Plan {
        let mut skipped = BTreeMap::new();
        let mut peers = Vec::new();
        for peer in PEERS.iter().filter(|peer| choice.has_peer(peer)) {
            if peer.is_earlier && !has_earlier {
                // Somebody who did not ask for a peer does not miss it.
                if !choice.peers.is_empty() {
                    let reason = "no executable of it is given (help: `--earlier FILE`)";
                    skipped.insert(peer.name.to_owned(), reason.to_owned());
                }
                continue;
            }
            match linkers.version(peer.linker) {
                Ok(_) => peers.push(peer),
                Err(reason) => {
                    skipped.insert(peer.name.to_owned(), reason.to_owned());
                }
            }
        }
        let mut workloads = Vec::new();
        for workload in WORKLOADS
            .iter()
            .filter(|one| choice.has_workload(one, mode))
        {
            let missing: Vec<_> = workload
                .system_libraries
                .iter()
                .filter(|(library, _)| !has_library(library))
                .collect();
            if !missing.is_empty() {
                skipped.insert(workload.name.to_owned(), explain(&missing));
                continue;
            }
            let is_reduced =
                mode == Mode::Quick && workload.name != FLOOR && choice.peers.is_empty();
            let peers = peers
                .iter()
                .copied()
                .filter(|peer| workload.fits(peer))
                .filter(|peer| !is_reduced || [BASELINE, OURS].contains(&peer.name))
                .collect();
            workloads.push(PlannedWorkload { workload, peers });
        }
        let phases = Phase::ALL
            .into_iter()
            .filter(|phase| choice.phases.is_empty() || choice.phases.contains(phase))
            .collect();
        Plan {
            mode,
            workloads,
            phases,
            skipped,
        }
    }

    /// All of it, to be read by people: for each workload the phases, with their rounds by peer.
    pub(crate) fn list(&self) -> String {
        let mut text = String::new();
        for PlannedWorkload { workload, peers } in &self.workloads {
            text.push_str(&format!("{}: {}\n", workload.name, workload.title));
            for phase in &self.phases {
                let rounds: Vec<String> = peers
                    .iter()
                    .map(|peer| (peer.name, workload.rounds(self.mode, *phase, peer)))
                    .filter(|(_, rounds)| *rounds > 0)
                    .map(|(peer, rounds)| format!("{peer} {rounds}"))
                    .collect();
                if !rounds.is_empty() {
                    text.push_str(&format!("  {:14} {}\n", phase.name(), rounds.join(", ")));
                }
            }
        }
        for (name, reason) in &self.skipped {
            text.push_str(&format!("left out: {name}, since {reason}\n"));
        }
        text
    }
}

impl Choice {
    fn has_peer(&self, peer: &Peer) -> bool {
        let mut chosen = self.peers.iter();
        self.peers.is_empty() || chosen.any(|chosen| chosen.name == peer.name)
    }

    fn has_workload(&self, workload: &Workload, mode: Mode) -> bool {
        let mut chosen = self.workloads.iter();
        match (self.workloads.is_empty(), mode) {
            (false, _) => chosen.any(|chosen| chosen.name == workload.name),
            (true, Mode::Full) => workload.is_default,
            (true, Mode::Quick) => [FLOOR, "app"].contains(&workload.name),
        }
    }
}

fn explain(missing: &[&(&str, &str)]) -> String {
    let libraries: Vec<_> = missing.iter().map(|(library, _)| *library).collect();
    let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    format!(
        "pkg-config does not know {} (help: apt-get install pkg-config {})",
        libraries.join(", "),
        packages.join(" ")
    )
}

/// Whether pkg-config knows a library of the system.
pub(crate) fn has_system_library(name: &str) -> bool {
    Command::new("pkg-config")
        .args(["--exists", name])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::peers::EARLIER;

    /// Only GNU ld is there: rust-lld is looked for in no toolchain, and the others are left out for the test.
    fn plan(mode: Mode, choice: &Choice, has_libraries: bool) -> Plan {
        let linkers = Linkers::find(Path::new("/nonexistent"), PathBuf::from("/linkers"));
        Plan::new(mode, choice, &linkers, false, |_| has_libraries)
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.workloads.iter().map(|one| one.workload.name).collect()
    }

    #[test]
    fn what_is_expensive_is_measured_when_asked_for() {
        let all = plan(Mode::Full, &Choice::default(), true);
        assert!(names(&all).contains(&"cargo"));
        assert!(!names(&all).contains(&"bevy"));
        let choice = Choice {
            workloads: vec![Workload::by_name("bevy").unwrap()],
            ..Choice::default()
        };
        assert_eq!(names(&plan(Mode::Full, &choice, true)), ["bevy"]);
    }

    #[test]
    fn what_cannot_be_measured_is_named_with_a_reason() {
        let choice = Choice {
            workloads: vec![Workload::by_name("bevy").unwrap()],
            ..Choice::default()
        };
        let plan = plan(Mode::Full, &choice, false);
        assert!(plan.workloads.is_empty());
        assert_eq!(
            plan.skipped["bevy"],
            "pkg-config does not know alsa, libudev, wayland-client \
             (help: apt-get install pkg-config libasound2-dev libudev-dev libwayland-dev)"
        );
        assert!(plan.skipped["ours-lld"].starts_with("there is no `rust-lld`"));
        assert!(plan.list().contains("left out: bevy, since pkg-config"));
    }

    #[test]
    fn quick_runs_have_two_workloads() {
        let quick = plan(Mode::Quick, &Choice::default(), true);
        assert_eq!(names(&quick), ["hello", "app"]);
    }

    #[test]
    fn the_fork_as_it_was_is_missed_only_by_who_asks_for_it() {
        let all = plan(Mode::Full, &Choice::default(), true);
        assert!(!all.skipped.contains_key(EARLIER));
        let choice = Choice {
            peers: vec![Peer::by_name(EARLIER).unwrap()],
            ..Choice::default()
        };
        let reason = &plan(Mode::Full, &choice, true).skipped[EARLIER];
        assert!(reason.contains("--earlier"), "{reason}");
    }

    #[test]
    fn phases_keep_their_order() {
        let choice = Choice {
            phases: vec![Phase::Link, Phase::Cold],
            ..Choice::default()
        };
        let plan = plan(Mode::Full, &choice, true);
        assert_eq!(plan.phases, [Phase::Cold, Phase::Link]);
    }
}
