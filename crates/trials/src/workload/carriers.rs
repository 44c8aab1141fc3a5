//! Ordinary uses of popular libraries, as modules for generated crates.
//!
//! Each has tests and the function `carry`, which passes a number through the library and returns the same number. So
//! the *score* of a crate, the result that its tests expect, does not depend on the libraries that it uses, and the
//! generator knows it.

/// A module of a generated crate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carrier {
    /// Name of the module.
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    /// Names in [`REGISTRY`].
    pub(crate) dependencies: &'static [&'static str],
}

/// A library from crates.io.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registry {
    /// How a manifest names it.
    pub(crate) name: &'static str,
    /// The requirement of a manifest, as an inline table or a string of TOML.
    pub(crate) requirement: &'static str,
}

macro_rules! carriers {
    ($($name:literal: $($dependency:literal),+;)+) => {
        &[$(Carrier {
            name: $name,
            source: include_str!(concat!("carriers/", $name, ".rs")),
            dependencies: &[$($dependency),+],
        }),+]
    };
}

/// In alphabetical order.
pub(crate) const CARRIERS: &[Carrier] = carriers! {
    "archive": "flate2";
    "bag": "hashbrown";
    "buffer": "bytes";
    "crowd": "rayon";
    "digits": "itertools";
    "fault": "anyhow";
    "gate": "parking_lot";
    "json": "serde", "serde_json";
    "letters": "base64";
    "mail": "base64-old";
    "needle": "memchr";
    "nibbles": "hex";
    "pattern": "regex";
    "queue": "crossbeam-channel";
    "record": "log";
    "seal": "blake3";
    "stack": "smallvec";
    "sum": "libz-sys";
    "swap": "arc-swap";
    "table": "indexmap";
    "task": "tokio";
    "trouble": "thiserror";
    "words": "aho-corasick";
};

const fn registry(name: &'static str, requirement: &'static str) -> Registry {
    Registry { name, requirement }
}

/// In alphabetical order. Versions are those that the fork has in its own lock file where it uses the library too.
pub(crate) const REGISTRY: &[Registry] = &[
    registry("aho-corasick", r#""1.1.4""#),
    registry("anyhow", r#""1.0.102""#),
    registry("arc-swap", r#""1.9.1""#),
    registry("base64", r#""0.23.1""#),
    registry(
        "base64-old",
        r#"{ package = "base64", version = "0.22.1" }"#,
    ),
    registry("blake3", r#""1.8.5""#),
    registry("bytes", r#""1.11.1""#),
    registry("cc", r#""1.2.61""#),
    registry("crossbeam-channel", r#""0.5.15""#),
    registry("flate2", r#""1.1.9""#),
    registry(
        "hashbrown",
        r#"{ version = "0.17.0", default-features = false }"#,
    ),
    registry("hex", r#""0.4.3""#),
    registry("indexmap", r#""2.14.0""#),
    registry("itertools", r#""0.14.0""#),
    registry(
        "libz-sys",
        r#"{ version = "1.1.28", default-features = false, features = ["libc", "static"] }"#,
    ),
    registry("log", r#""0.4.29""#),
    registry("memchr", r#""2.8.0""#),
    registry("parking_lot", r#""0.12.5""#),
    registry("proc-macro2", r#""1.0.106""#),
    registry("quote", r#""1.0.45""#),
    registry("rayon", r#""1.12.0""#),
    registry("regex", r#""1.12.3""#),
    registry("serde", r#"{ version = "1.0.228", features = ["derive"] }"#),
    registry("serde_json", r#""1.0.149""#),
    registry("smallvec", r#""1.15.1""#),
    registry("syn", r#""3.0.10""#),
    registry("thiserror", r#""2.0.18""#),
    registry(
        "tokio",
        r#"{ version = "1.52.1", features = ["rt", "sync"] }"#,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_use_libraries_that_are_listed() {
        assert!(CARRIERS.is_sorted_by_key(|carrier| carrier.name));
        assert!(REGISTRY.is_sorted_by_key(|registry| registry.name));
        for carrier in CARRIERS {
            assert!(carrier.source.contains("pub fn carry(number: u64) -> u64"));
            for dependency in carrier.dependencies {
                let is_listed = REGISTRY.iter().any(|listed| listed.name == *dependency);
                assert!(is_listed, "{dependency}");
            }
        }
    }
}
