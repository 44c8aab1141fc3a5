//! The programs that are built.

use crate::generate::Generator;
use crate::peers::{Peer, Way};
use crate::results::{Mode, Phase};

/// Where the sources of a workload come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A directory of this repository.
    Directory(&'static str),
    /// The same, with files that are generated.
    Completed(&'static str, Generator),
    /// Nothing but files that are generated.
    Generated(Generator),
    /// Upstream Cargo without patches, which does not change when the patches do.
    Upstream,
}

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
    /// Measured without being asked for.
    pub(crate) is_default: bool,
    /// Options that choose what is built.
    pub(crate) selection: &'static [&'static str],
    /// Its executable, which is the Cargo target of this name.
    pub(crate) program: Option<&'static str>,
    /// What makes the executable print something and end.
    pub(crate) start: &'static [&'static str],
    pub(crate) edits: Edits,
    pub(crate) tests: Option<Tests>,
    pub(crate) has_doctests: bool,
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
    /// Of a local library that many others use.
    pub(crate) base: Option<&'static str>,
}

const NO_EDITS: Edits = Edits {
    bin: None,
    leaf: None,
    base: None,
};

/// Test executables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tests {
    /// Options that choose them.
    pub(crate) selection: &'static [&'static str],
    /// The file that is edited before they are built.
    pub(crate) edit: &'static str,
}

const fn workload(name: &'static str, title: &'static str, origin: Origin) -> Workload {
    Workload {
        name,
        title,
        origin,
        weight: Weight::Light,
        is_default: true,
        selection: &[],
        program: None,
        start: &["--help"],
        edits: NO_EDITS,
        tests: None,
        has_doctests: false,
        system_libraries: &[],
    }
}

const fn wide(name: &'static str, title: &'static str, dependencies: usize) -> Workload {
    let origin = Origin::Generated(Generator::Tree(dependencies));
    Workload {
        program: Some("wide"),
        start: &[],
        edits: Edits {
            bin: Some("src/main.rs"),
            ..NO_EDITS
        },
        ..workload(name, title, origin)
    }
}

/// The program whose link is the floor for all others.
pub(crate) const FLOOR: &str = "hello";

/// All workloads, in the order in which they are measured.
pub(crate) const WORKLOADS: [Workload; 10] = [
    Workload {
        program: Some("workload-hello"),
        edits: Edits {
            bin: Some("src/main.rs"),
            ..NO_EDITS
        },
        ..workload(
            FLOOR,
            "hello world",
            Origin::Directory("benches/workloads/hello"),
        )
    },
    Workload {
        program: Some("workload-app"),
        edits: Edits {
            bin: Some("src/main.rs"),
            leaf: None,
            base: Some("local/src/lib.rs"),
        },
        tests: Some(Tests {
            selection: &[],
            edit: "local/src/lib.rs",
        }),
        ..workload(
            "app",
            "the application",
            Origin::Directory("benches/workloads/app"),
        )
    },
    Workload {
        weight: Weight::Heavy,
        selection: &["--bin", "cargo"],
        program: Some("cargo"),
        edits: Edits {
            bin: Some("src/bin/cargo/main.rs"),
            leaf: None,
            base: Some("src/cargo/lib.rs"),
        },
        tests: Some(Tests {
            selection: &["--test", "testsuite"],
            edit: "tests/testsuite/main.rs",
        }),
        ..workload("cargo", "Cargo itself", Origin::Upstream)
    },
    Workload {
        program: Some("app-ash"),
        start: &["1"],
        edits: Edits {
            bin: Some("crates/app-ash/src/main.rs"),
            leaf: Some("crates/api-alder/src/lib.rs"),
            base: Some("crates/base-shape/src/lib.rs"),
        },
        tests: Some(Tests {
            selection: &[],
            edit: "crates/base-shape/src/lib.rs",
        }),
        has_doctests: true,
        ..workload(
            "workspace",
            "a workspace of 50 crates with tests",
            Origin::Directory("benches/workloads/workspace"),
        )
    },
    Workload {
        tests: Some(Tests {
            selection: &[],
            edit: "src/lib.rs",
        }),
        ..workload(
            "tests-150",
            "150 integration tests in one package",
            Origin::Completed("benches/workloads/tests-150", Generator::Tests(150)),
        )
    },
    Workload {
        has_doctests: true,
        ..workload(
            "doctests-200",
            "200 doctests in one crate of edition 2021",
            Origin::Completed("benches/workloads/doctests-200", Generator::Examples(200)),
        )
    },
    wide("wide-100", "100 dependencies", 100),
    wide("wide-300", "300 dependencies", 300),
    wide("wide-1000", "1,000 dependencies", 1000),
    Workload {
        weight: Weight::Heavy,
        is_default: false,
        program: Some("workload-bevy"),
        start: &[],
        edits: Edits {
            bin: Some("src/main.rs"),
            leaf: None,
            base: None,
        },
        system_libraries: &[
            ("alsa", "libasound2-dev"),
            ("libudev", "libudev-dev"),
            ("wayland-client", "libwayland-dev"),
        ],
        ..workload(
            "bevy",
            "a bevy application",
            Origin::Directory("benches/workloads/bevy"),
        )
    },
];

impl Workload {
    /// The workload that is called `name`.
    pub(crate) fn by_name(name: &str) -> Option<&'static Workload> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }

    /// Whether the peer can build it: a Rust `dylib` is a matter of bevy.
    pub(crate) fn fits(&self, peer: &Peer) -> bool {
        peer.way != Way::OwnDylib || self.name == "bevy"
    }

    /// The file that is edited before each round of `phase`.
    pub(crate) fn edit(&self, phase: Phase) -> Option<&'static str> {
        match phase {
            Phase::Link | Phase::RebuildBin => self.edits.bin,
            Phase::RebuildLeaf => self.edits.leaf,
            Phase::RebuildBase => self.edits.base,
            Phase::Tests | Phase::TestLinks => self.tests.map(|tests| tests.edit),
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
            | Phase::RebuildBase
            | Phase::Tests
            | Phase::TestLinks => self.edit(phase).is_some(),
            Phase::Doctests => self.has_doctests,
        }
    }

    /// How often a phase is measured for a peer; 0 if it does not apply.
    pub(crate) fn rounds(&self, mode: Mode, phase: Phase, peer: &Peer) -> usize {
        let is_pair = [crate::peers::BASELINE, crate::peers::OURS].contains(&peer.name);
        if !self.has(phase) || (phase == Phase::Switch && peer.static_options().is_none()) {
            return 0;
        }
        // Others than the one that users get first need not be switched to: what is compiled is the same.
        if phase == Phase::Switch && peer.way == Way::Groups && !is_pair {
            return 0;
        }
        match (mode, phase, self.weight) {
            // Cold builds of anything but the floor would take more than a minute.
            (Mode::Quick, Phase::Cold | Phase::Switch, _) => usize::from(self.name == FLOOR),
            (Mode::Quick, Phase::Start, _) => 5,
            (Mode::Quick, Phase::Link | Phase::NoOp, _) => 3,
            (Mode::Quick, _, _) => 1,
            (Mode::Full, Phase::Cold, _) if is_pair => 3,
            (Mode::Full, Phase::Cold | Phase::Size | Phase::Switch, _) => 1,
            (Mode::Full, Phase::Start, _) => 30,
            (Mode::Full, Phase::Link | Phase::NoOp, _) => 15,
            (Mode::Full, Phase::RebuildBin, _) => 7,
            (Mode::Full, Phase::TestLinks | Phase::Doctests, _) => 3,
            (Mode::Full, _, Weight::Heavy) => 3,
            (Mode::Full, Phase::Tests, _) => 5,
            (Mode::Full, _, _) => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{BASELINE, OURS, PEERS};

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
    fn the_pair_that_is_compared_is_built_from_scratch_more_often() {
        let cold = |peer| rounds("app", Mode::Full, Phase::Cold, peer);
        assert_eq!((cold(BASELINE), cold(OURS), cold("static-gnu")), (3, 3, 1));
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
