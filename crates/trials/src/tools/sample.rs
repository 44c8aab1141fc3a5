//! The workspace on which we try tools: a program with a library in each layer, tests, and code at which tools can
//! stop, which they can measure, and which can fail.

use workshop::sources::{Entries, Sources};

/// Name of its program.
pub(super) const PROGRAM: &str = "sample";

/// The output of the program.
pub(super) const GREETING: &str = "hello 1\n";

/// The file of the path dependency, in which tools and edits change something.
pub(super) const LOCAL: &str = "local/src/lib.rs";

/// The files and directories of the workspace, without those that tools leave there.
const ENTRIES: Entries = &[
    ".config",
    "Cargo.lock",
    "Cargo.toml",
    "local",
    "src",
    "tests",
];

const MANIFEST: &str = r#"[package]
name = "sample"
version = "1.0.0"
edition = "2024"

[dependencies]
itoa = "=1.0.19"
local = { path = "local" }

[workspace]
members = ["local"]
"#;

const LOCAL_MANIFEST: &str = r#"[package]
name = "local"
version = "1.0.0"
edition = "2024"

[dependencies]
itoa = "=1.0.19"
"#;

/// xtask has the same dependency, so Cargo has fetched it already.
const LOCK: &str = r#"version = 4

[[package]]
name = "itoa"
version = "1.0.19"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "3bd1574e617a9a6c1f8f8181bd7e841e1f20e4277607ef28945765188d6284d4"

[[package]]
name = "local"
version = "1.0.0"
dependencies = [
 "itoa",
]

[[package]]
name = "sample"
version = "1.0.0"
dependencies = [
 "itoa",
 "local",
]
"#;

pub(super) fn sources() -> Sources {
    let mut sources = Sources::new(ENTRIES);
    for (path, text) in [
        ("Cargo.lock", LOCK),
        ("Cargo.toml", MANIFEST),
        ("local/Cargo.toml", LOCAL_MANIFEST),
        (LOCAL, include_str!("sample/local.rs")),
        ("src/main.rs", include_str!("sample/main.rs")),
        ("tests/greet.rs", include_str!("sample/greet.rs")),
    ] {
        sources.insert(path, text.to_owned());
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dependency_is_one_of_ours() {
        let root = workshop::paths::Repository::of_this_build();
        let lock = std::fs::read_to_string(root.root().join("Cargo.lock")).unwrap();
        let package = LOCK
            .split("\n\n")
            .find(|part| part.contains("itoa\"\nversion"));
        assert!(
            lock.contains(package.unwrap()),
            "take version and checksum of itoa from Cargo.lock"
        );
    }
}
