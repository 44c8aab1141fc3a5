//! The kinds of measurements: phases, quantities, and parts of them.

use serde::{Deserialize, Serialize};

/// The commands that a round runs and times.
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

    /// Its name on the command line.
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

/// The quantity of a sample.
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
    /// Seconds from the completion of the last library to that of the last executable.
    AfterLibrariesSeconds,
    /// Groups of local crates that the executable loads.
    LoadedParts,
    /// Groups that a build has made anew.
    GroupsMade,
    /// The largest number of times that a crate was linked into a group.
    MostLinks,
}

/// Parts of the phase [`Phase::Selections`]: builds, by the earlier builds in the same directory.
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
