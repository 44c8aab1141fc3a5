//! The lowest layer of the workspace: crates that are the same with every seed.

use crate::workload::manifest::{Manifest, Table};
use crate::workload::workspace::Files;

/// A crate of the lowest layer.
pub(super) struct Base {
    pub(super) name: &'static str,
    manifest: fn(&mut Manifest),
    /// Path and content.
    files: &'static [(&'static str, &'static str)],
}

pub(super) const BASE: &[Base] = &[
    Base {
        name: "base-derive",
        manifest: |manifest| {
            manifest.section("[lib]\nproc-macro = true");
            for name in ["base-wording", "proc-macro2", "quote", "syn"] {
                manifest.depend(Table::Normal, name);
            }
        },
        files: &[
            ("src/lib.rs", include_str!("base/derive/lib.rs")),
            ("tests/outside.rs", include_str!("base/derive/tests.rs")),
        ],
    },
    Base {
        name: "base-native",
        manifest: |manifest| manifest.depend(Table::Build, "cc"),
        files: &[
            ("build.rs", include_str!("base/native/build.rs")),
            ("src/lib.rs", include_str!("base/native/lib.rs")),
            ("src/native.c", include_str!("base/native/native.c")),
        ],
    },
    Base {
        name: "base-palette",
        manifest: |manifest| {
            manifest.section("[features]\nbright = []\ndeep = []\nhex = [\"dep:hex\"]");
            manifest.depend_optionally("hex");
        },
        files: &[("src/lib.rs", include_str!("base/palette/lib.rs"))],
    },
    Base {
        name: "base-shape",
        manifest: |_| {},
        files: &[("src/lib.rs", include_str!("base/shape/lib.rs"))],
    },
    Base {
        name: "base-stamp",
        manifest: |manifest| manifest.depend(Table::Build, "base-wording"),
        files: &[
            ("build.rs", include_str!("base/stamp/build.rs")),
            ("src/lib.rs", include_str!("base/stamp/lib.rs")),
        ],
    },
    Base {
        name: "base-tally",
        // It tests with a crate that depends on it.
        manifest: |manifest| manifest.depend(Table::Dev, "base-testkit"),
        files: &[("src/lib.rs", include_str!("base/tally/lib.rs"))],
    },
    Base {
        name: "base-testkit",
        manifest: |manifest| {
            manifest.depend(Table::Normal, "base-shape");
            manifest.depend(Table::Normal, "base-tally");
        },
        files: &[("src/lib.rs", include_str!("base/testkit/lib.rs"))],
    },
    Base {
        name: "base-wording",
        manifest: |manifest| manifest.section("[features]\nplural = []"),
        files: &[("src/lib.rs", include_str!("base/wording/lib.rs"))],
    },
];

pub(super) fn write(files: &mut Files) {
    for base in BASE {
        let mut manifest = Manifest::new(base.name, 2024);
        (base.manifest)(&mut manifest);
        files.manifest(&manifest);
        for (path, content) in base.files {
            files.rust(base.name, path, content);
        }
    }
}
