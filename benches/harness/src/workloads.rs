//! The workloads: programs to build, and the phases to measure of each.

mod table;

use crate::generate::Generator;
use crate::peers::{BASELINE, OURS, Peer, Way};
use crate::results::{Mode, Phase};
pub(crate) use crate::workloads::table::WORKLOADS;

/// Where the sources of a workload come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A directory of this repository.
    Directory(&'static str),
    /// The same, with files that are generated.
    Completed(&'static str, Generator),
    /// Nothing but files that are generated.
    Generated(Generator),
    /// Files that `cargo xtask generate` makes.
    ByXtask(&'static str),
    /// A directory of this repository, with packages that are copied out of Cargo's registry.
    Copied(&'static str),
    /// Upstream Cargo without patches, which does not change when the patches do.
    Upstream,
}

/// The workspace of which different packages are built.
pub(crate) const SELECTIONS: Origin =
    Origin::Completed("benches/workloads/selections", Generator::Programs);

/// How long a cold build takes, which decides how often it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Up to some minutes.
    Light,
    /// More.
    Heavy,
}

/// One program, or many that are built together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) origin: Origin,
    pub(crate) weight: Weight,
    /// Whether a run measures it by default.
    pub(crate) is_default: bool,
    /// Options that choose the packages to build.
    pub(crate) selection: &'static [&'static str],
    /// Its executable, which is the Cargo target of this name.
    pub(crate) program: Option<&'static str>,
    /// The arguments with which the executable prints something and ends.
    pub(crate) start: &'static [&'static str],
    pub(crate) edits: Edits,
    pub(crate) tests: Option<Tests>,
    pub(crate) has_doctests: bool,
    /// Where a dependency is added.
    pub(crate) addition: Option<Addition>,
    pub(crate) scope: Scope,
    /// Libraries of the system that it needs, as pkg-config knows them, with the packages that have them in Debian.
    pub(crate) system_libraries: &'static [(&'static str, &'static str)],
}

/// Files that are edited, relative to the workload's directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edits {
    /// Of the executable.
    pub(crate) bin: Option<&'static str>,
    /// Of a local library that few others use.
    pub(crate) leaf: Option<&'static str>,
    /// Of a local library in the middle of the graph.
    pub(crate) middle: Option<&'static str>,
    /// Of a local library that many others use.
    pub(crate) base: Option<&'static str>,
}

const NO_EDITS: Edits = Edits {
    bin: None,
    leaf: None,
    middle: None,
    base: None,
};

/// Test executables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tests {
    /// Options that choose them.
    pub(crate) selection: &'static [&'static str],
    /// The file that is edited before they are built.
    pub(crate) edit: &'static str,
    /// A file of a library below, for another edit.
    pub(crate) below: Option<&'static str>,
}

/// Files of a package that gets one more dependency, relative to the workload's directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addition {
    pub(crate) manifest: &'static str,
    /// Uses it.
    pub(crate) source: &'static str,
}

/// The phases to measure of a workload, among those that it supports.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// Everything, for all peers.
    All,
    /// Phases for [`BASELINE`] and [`OURS`], and some of them for wild, static and ours, too.
    Pair {
        phases: &'static [Phase],
        with_wild: &'static [Phase],
    },
}

impl Scope {
    fn has(self, phase: Phase, peer: &Peer) -> bool {
        let Scope::Pair { phases, with_wild } = self else {
            return true;
        };
        match peer.name {
            BASELINE | OURS => phases.contains(&phase),
            "static-wild" | "ours-wild" => with_wild.contains(&phase),
            _ => false,
        }
    }
}

/// The program whose link is the floor for all others.
pub(crate) const FLOOR: &str = "hello";

impl Workload {
    /// The workload that is called `name`.
    pub(crate) fn by_name(name: &str) -> Option<&'static Workload> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }

    /// Whether the peer can build it and has something to measure there: a Rust `dylib` is a matter of bevy.
    pub(crate) fn fits(&self, peer: &Peer) -> bool {
        (peer.way != Way::OwnDylib || self.name == "bevy")
            && Phase::ALL
                .iter()
                .any(|phase| self.is_measured(*phase, peer))
    }

    fn is_measured(&self, phase: Phase, peer: &Peer) -> bool {
        let is_pair = [BASELINE, OURS].contains(&peer.name);
        let is_for_peer = match phase {
            // The processor time of an edit, where the fork as it was had one group of all local crates.
            _ if peer.is_earlier => self.name == "workspace" && phase == Phase::RebuildBase,
            // Only the default linker needs a switch: with the others, Cargo compiles the same.
            Phase::Switch => match peer.way {
                Way::Groups => is_pair,
                _ => peer.static_options().is_some(),
            },
            Phase::Addition | Phase::Selections => peer.name == OURS,
            _ => true,
        };
        is_for_peer && self.has(phase) && self.scope.has(phase, peer)
    }

    /// The file that is edited before each round of `phase`.
    pub(crate) fn edit(&self, phase: Phase) -> Option<&'static str> {
        match phase {
            Phase::Link | Phase::RebuildBin => self.edits.bin,
            Phase::RebuildLeaf => self.edits.leaf,
            Phase::RebuildMiddle => self.edits.middle,
            Phase::RebuildBase => self.edits.base,
            Phase::Tests | Phase::TestLinks => self.tests.map(|tests| tests.edit),
            Phase::TestsBelow => self.tests.and_then(|tests| tests.below),
            _ => None,
        }
    }

    fn has(&self, phase: Phase) -> bool {
        match phase {
            Phase::Cold | Phase::Size | Phase::NoOp | Phase::Switch => true,
            Phase::Start => self.program.is_some(),
            Phase::Link
            | Phase::RebuildBin
            | Phase::RebuildLeaf
            | Phase::RebuildMiddle
            | Phase::RebuildBase
            | Phase::Tests
            | Phase::TestsBelow
            | Phase::TestLinks => self.edit(phase).is_some(),
            Phase::Doctests => self.has_doctests,
            Phase::Addition => self.addition.is_some(),
            Phase::Selections => self.origin == SELECTIONS,
        }
    }

    /// How often a phase is measured for a peer; 0 if it does not apply.
    pub(crate) fn rounds(&self, mode: Mode, phase: Phase, peer: &Peer) -> usize {
        let is_pair = [BASELINE, OURS].contains(&peer.name);
        if !self.is_measured(phase, peer) {
            return 0;
        }
        match (mode, phase, self.weight) {
            // Cold builds of anything but the floor would take more than a minute.
            (Mode::Quick, Phase::Cold | Phase::Switch, _) => usize::from(self.name == FLOOR),
            (Mode::Quick, Phase::Start, _) => 5,
            (
                Mode::Quick,
                Phase::Link
                | Phase::NoOp
                | Phase::RebuildBin
                | Phase::RebuildLeaf
                | Phase::RebuildMiddle
                | Phase::RebuildBase,
                _,
            ) => 3,
            (Mode::Quick, _, _) => 1,
            (Mode::Full, Phase::Cold, Weight::Light) if is_pair => 3,
            (Mode::Full, Phase::Cold | Phase::Size | Phase::Switch | Phase::Selections, _) => 1,
            (Mode::Full, Phase::Start, _) => 30,
            (Mode::Full, Phase::Link | Phase::NoOp, _) => 15,
            (Mode::Full, Phase::RebuildBin, _) => 7,
            (Mode::Full, Phase::TestLinks | Phase::Doctests | Phase::Addition, _) => 3,
            (Mode::Full, _, Weight::Heavy) => 3,
            (Mode::Full, Phase::Tests, _) => 5,
            (Mode::Full, _, _) => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{EARLIER, PEERS};

    fn rounds(workload: &str, mode: Mode, phase: Phase, peer: &str) -> usize {
        let peer = Peer::by_name(peer).unwrap();
        Workload::by_name(workload)
            .unwrap()
            .rounds(mode, phase, peer)
    }

    #[test]
    fn phases_follow_from_what_a_workload_has() {
        let full = |workload, phase| rounds(workload, Mode::Full, phase, OURS);
        assert_eq!(full("hello", Phase::Link), 15);
        assert_eq!(full("hello", Phase::RebuildBase), 0);
        assert_eq!(full("app", Phase::RebuildBase), 7);
        assert_eq!(full("cargo", Phase::RebuildBase), 3);
        assert_eq!(full("hello", Phase::Doctests), 0);
        assert_eq!(full("doctests-200", Phase::Start), 0);
    }

    #[test]
    fn quick_runs_build_nothing_but_the_floor_from_scratch() {
        let quick = |workload, phase| rounds(workload, Mode::Quick, phase, OURS);
        assert_eq!(quick("hello", Phase::Cold), 1);
        assert_eq!(quick("app", Phase::Cold), 0);
        assert_eq!(quick("app", Phase::Switch), 0);
    }

    #[test]
    fn the_pair_that_is_compared_is_built_from_scratch_more_often_if_that_is_quick() {
        let cold = |workload, peer| rounds(workload, Mode::Full, Phase::Cold, peer);
        assert_eq!(cold("app", BASELINE), 3);
        assert_eq!(cold("app", OURS), 3);
        assert_eq!(cold("app", "static-gnu"), 1);
        assert_eq!(cold("cargo", OURS), 1);
    }

    #[test]
    fn switching_is_for_those_that_share_with_a_static_build() {
        let switching: Vec<_> = PEERS
            .iter()
            .map(|peer| peer.name)
            .filter(|peer| rounds("bevy", Mode::Full, Phase::Switch, peer) > 0)
            .collect();
        assert_eq!(switching, ["bevy-dynamic", OURS]);
    }

    #[test]
    fn a_scope_has_phases_for_the_pair_and_for_wild() {
        let full = |phase, peer| rounds("local-heavy", Mode::Full, phase, peer);
        for (phase, of_pair, with_wild) in [
            (Phase::RebuildBin, 7, 7),
            (Phase::RebuildLeaf, 3, 3),
            (Phase::RebuildBase, 3, 0),
            (Phase::TestsBelow, 3, 0),
            (Phase::Cold, 0, 0),
        ] {
            for peer in [BASELINE, OURS] {
                assert_eq!(full(phase, peer), of_pair, "{phase:?} {peer}");
            }
            for peer in ["static-wild", "ours-wild"] {
                assert_eq!(full(phase, peer), with_wild, "{phase:?} {peer}");
            }
            assert_eq!(full(phase, "static-gnu"), 0);
        }
        let local_heavy = Workload::by_name("local-heavy").unwrap();
        assert!(!local_heavy.fits(Peer::by_name("static-gnu").unwrap()));
    }

    #[test]
    fn selections_and_additions_are_for_ours() {
        let measured = |workload, phase| -> Vec<&str> {
            let names = PEERS.iter().map(|peer| peer.name);
            names
                .filter(|peer| rounds(workload, Mode::Full, phase, peer) > 0)
                .collect()
        };
        assert_eq!(measured("selections", Phase::Selections), [OURS]);
        assert_eq!(measured("app", Phase::Addition), [OURS]);
        assert_eq!(measured("hello", Phase::Addition), [""; 0]);
        assert_eq!(measured("app", Phase::Selections), [""; 0]);
    }

    #[test]
    fn the_fork_as_it_was_is_measured_in_one_place() {
        let peer = Peer::by_name(EARLIER).unwrap();
        for workload in &WORKLOADS {
            assert_eq!(workload.fits(peer), workload.name == "workspace");
        }
        assert_eq!(
            rounds("workspace", Mode::Full, Phase::RebuildBase, EARLIER),
            7
        );
        assert_eq!(
            rounds("workspace", Mode::Full, Phase::RebuildBin, EARLIER),
            0
        );
    }

    #[test]
    fn names_and_files_are_well_formed() {
        for workload in &WORKLOADS {
            assert_eq!(
                Workload::by_name(workload.name).unwrap().title,
                workload.title
            );
            for phase in Phase::ALL {
                let edit = workload.edit(phase);
                assert!(edit.is_none_or(|path| !path.starts_with('/')), "{edit:?}");
            }
        }
    }
}
