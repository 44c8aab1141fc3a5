//! Columns of the tables about a workload.

use crate::results::{Phase, Quantity};

/// A column of a table.
#[derive(Clone, Copy)]
pub(in crate::report) struct Column {
    pub(in crate::report) title: &'static str,
    pub(in crate::report) phase: Phase,
    pub(in crate::report) quantity: Quantity,
}

pub(in crate::report) const fn column(
    title: &'static str,
    phase: Phase,
    quantity: Quantity,
) -> Column {
    Column {
        title,
        phase,
        quantity,
    }
}

pub(super) const BUILDS: [Column; 12] = [
    column("cold build", Phase::Cold, Quantity::Seconds),
    column("no-op", Phase::NoOp, Quantity::Seconds),
    column("edit of the bin", Phase::RebuildBin, Quantity::Seconds),
    column("edit of a leaf", Phase::RebuildLeaf, Quantity::Seconds),
    column("edit of a middle", Phase::RebuildMiddle, Quantity::Seconds),
    column("edit of a base", Phase::RebuildBase, Quantity::Seconds),
    column("tests after an edit", Phase::Tests, Quantity::Seconds),
    column(
        "after an edit below them",
        Phase::TestsBelow,
        Quantity::Seconds,
    ),
    column("doctests", Phase::Doctests, Quantity::Seconds),
    column("first after switching", Phase::Switch, Quantity::Seconds),
    column(
        "compiled by switching",
        Phase::Switch,
        Quantity::CompiledDependencies,
    ),
    column("after adding one", Phase::Addition, Quantity::Seconds),
];

/// The quantities of builds besides the time of the whole build.
pub(super) const MORE: [Column; 10] = [
    column(
        "cold: processor time",
        Phase::Cold,
        Quantity::ProcessorSeconds,
    ),
    column(
        "leaf: after the libraries",
        Phase::RebuildLeaf,
        Quantity::AfterLibrariesSeconds,
    ),
    column(
        "middle: after them",
        Phase::RebuildMiddle,
        Quantity::AfterLibrariesSeconds,
    ),
    column(
        "base: after them",
        Phase::RebuildBase,
        Quantity::AfterLibrariesSeconds,
    ),
    column(
        "bin: processor time",
        Phase::RebuildBin,
        Quantity::ProcessorSeconds,
    ),
    column(
        "leaf: processor time",
        Phase::RebuildLeaf,
        Quantity::ProcessorSeconds,
    ),
    column(
        "base: processor time",
        Phase::RebuildBase,
        Quantity::ProcessorSeconds,
    ),
    column(
        "leaf: groups made",
        Phase::RebuildLeaf,
        Quantity::GroupsMade,
    ),
    column(
        "base: groups made",
        Phase::RebuildBase,
        Quantity::GroupsMade,
    ),
    column(
        "added: links of groups",
        Phase::Addition,
        Quantity::GroupSeconds,
    ),
];

pub(super) const FILES: [Column; 12] = [
    column("link", Phase::Link, Quantity::Seconds),
    column(
        "of own objects only",
        Phase::Link,
        Quantity::OwnObjectsSeconds,
    ),
    column("its memory", Phase::Link, Quantity::PeakMemory),
    column("links of tests", Phase::TestLinks, Quantity::Seconds),
    column("their memory", Phase::TestLinks, Quantity::PeakMemory),
    column("start-up", Phase::Start, Quantity::Seconds),
    column("target directory", Phase::Cold, Quantity::TargetBytes),
    column("executables", Phase::Size, Quantity::ExecutableBytes),
    column("groups", Phase::Size, Quantity::GroupBytes),
    column("parts loaded", Phase::Size, Quantity::LoadedParts),
    column("test executables", Phase::Tests, Quantity::ExecutableBytes),
    column("their groups", Phase::Tests, Quantity::GroupBytes),
];
