//! All workloads.

use crate::generate::Generator;
use crate::results::Phase;
use crate::workloads::{
    Addition, Edits, FLOOR, NO_EDITS, Origin, SELECTIONS, Scope, Tests, Weight, Workload,
};

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
        addition: None,
        scope: Scope::All,
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

const fn layers(name: &'static str, title: &'static str, count: usize) -> Workload {
    Workload {
        program: Some("layers"),
        start: &[],
        edits: Edits {
            bin: Some("src/main.rs"),
            base: Some("crates/local-0000/src/lib.rs"),
            ..NO_EDITS
        },
        // Hundreds of crates are compiled in an edit of the base.
        weight: Weight::Heavy,
        scope: Scope::Pair {
            phases: &[
                Phase::Size,
                Phase::Start,
                Phase::RebuildBin,
                Phase::RebuildBase,
            ],
            with_wild: &[],
        },
        ..workload(name, title, Origin::Generated(Generator::Layers(count)))
    }
}

/// All workloads, in the order in which they are measured.
pub(crate) const WORKLOADS: [Workload; 16] = [
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
            base: Some("local/src/lib.rs"),
            ..NO_EDITS
        },
        tests: Some(Tests {
            selection: &[],
            edit: "local/src/lib.rs",
            below: None,
        }),
        addition: Some(Addition {
            manifest: "Cargo.toml",
            source: "src/main.rs",
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
            base: Some("src/cargo/lib.rs"),
            ..NO_EDITS
        },
        tests: Some(Tests {
            selection: &["--test", "testsuite"],
            edit: "tests/testsuite/main.rs",
            below: None,
        }),
        addition: Some(Addition {
            manifest: "Cargo.toml",
            source: "src/bin/cargo/main.rs",
        }),
        ..workload("cargo", "Cargo itself", Origin::Upstream)
    },
    Workload {
        program: Some("app-ash"),
        start: &["1"],
        edits: Edits {
            bin: Some("crates/app-ash/src/main.rs"),
            leaf: Some("crates/api-alder/src/lib.rs"),
            middle: None,
            base: Some("crates/base-shape/src/lib.rs"),
        },
        tests: Some(Tests {
            selection: &[],
            edit: "crates/base-shape/src/lib.rs",
            below: None,
        }),
        has_doctests: true,
        ..workload(
            "workspace",
            "a workspace of 50 crates with tests",
            Origin::ByXtask("workspace"),
        )
    },
    Workload {
        tests: Some(Tests {
            selection: &[],
            edit: "src/lib.rs",
            below: None,
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
        program: Some("workload-local-heavy"),
        // Chosen by the number of their dependents. A test in `packages` checks their places in the graph.
        edits: Edits {
            bin: Some("src/main.rs"),
            leaf: Some("local/ra_ap_ide_assists/src/lib.rs"),
            middle: Some("local/ra_ap_hir_def/src/lib.rs"),
            base: Some("local/ra_ap_stdx/src/lib.rs"),
        },
        // The features of all packages are the same when this one is tested alone, so that nothing is compiled twice.
        tests: Some(Tests {
            selection: &["-p", "ra_ap_load-cargo"],
            edit: "local/ra_ap_load-cargo/src/lib.rs",
            below: Some("local/ra_ap_ide_db/src/lib.rs"),
        }),
        scope: Scope::Pair {
            phases: &[
                Phase::Size,
                Phase::NoOp,
                Phase::Start,
                Phase::RebuildBin,
                Phase::RebuildLeaf,
                Phase::RebuildMiddle,
                Phase::RebuildBase,
                Phase::Tests,
                Phase::TestsBelow,
            ],
            with_wild: &[Phase::RebuildBin, Phase::RebuildLeaf],
        },
        ..workload(
            "local-heavy",
            "33 local crates of rust-analyzer",
            Origin::Copied("benches/workloads/local-heavy"),
        )
    },
    Workload {
        addition: Some(Addition {
            manifest: "find/Cargo.toml",
            source: "find/src/main.rs",
        }),
        scope: Scope::Pair {
            phases: &[Phase::Selections],
            with_wild: &[],
        },
        ..workload(
            "selections",
            "six programs that share dependencies",
            SELECTIONS,
        )
    },
    layers("local-10", "10 local crates", 10),
    layers("local-50", "50 local crates", 50),
    layers("local-200", "200 local crates", 200),
    layers("local-500", "500 local crates", 500),
    Workload {
        weight: Weight::Heavy,
        is_default: false,
        program: Some("workload-bevy"),
        start: &[],
        edits: Edits {
            bin: Some("src/main.rs"),
            ..NO_EDITS
        },
        addition: Some(Addition {
            manifest: "Cargo.toml",
            source: "src/main.rs",
        }),
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
