//! Units of a build, by package and Cargo target: both ways to link have the same units, under other file names.

use std::collections::BTreeMap;
use std::fmt;

use measure::messages::Artifact;

/// A Cargo target of a package, and how it is compiled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unit {
    package: String,
    kind: String,
    name: String,
    /// Whether it has the unit tests of its Cargo target.
    is_test: bool,
}

impl Unit {
    pub(super) fn of(artifact: &Artifact) -> Unit {
        Unit {
            package: package_name(&artifact.package_id).to_owned(),
            kind: artifact.target.kind.join(", "),
            name: artifact.target.name.clone(),
            is_test: artifact.profile.test,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.package, self.kind, self.name)?;
        if self.is_test && self.kind != "test" {
            f.write_str(" (tests)")?;
        }
        Ok(())
    }
}

/// How often each unit except groups was made. If two units ask it for different features, it is made twice.
pub(super) fn made(artifacts: &[Artifact]) -> BTreeMap<Unit, usize> {
    let mut counts = BTreeMap::new();
    for artifact in artifacts {
        if !artifact.fresh && !artifact.is_group() {
            *counts.entry(Unit::of(artifact)).or_default() += 1;
        }
    }
    counts
}

/// The name in a package id: the text after the `#`, unless that is only the version.
fn package_name(id: &str) -> &str {
    let (source, rest) = id.rsplit_once('#').unwrap_or(("", id));
    match rest.split_once('@') {
        Some((name, _)) => name,
        None => source.rsplit('/').next().unwrap_or(source),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The unit tests of a library if `kind` is `lib`, else an integration test or the like.
    pub(in crate::workspace) fn unit(package: &str, kind: &str, name: &str) -> Unit {
        Unit {
            package: package.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            is_test: true,
        }
    }

    #[test]
    fn packages_are_known_by_name() {
        #[track_caller]
        fn check(id: &str, expected: &str) {
            assert_eq!(package_name(id), expected);
        }
        check("path+file:///w/crates/base-shape#0.1.0", "base-shape");
        check("path+file:///w/dir#name@0.1.0", "name");
        check(
            "registry+https://github.com/rust-lang/crates.io-index#regex@1.12.3",
            "regex",
        );
    }

    #[test]
    fn units_are_told_apart_for_readers() {
        let threads = unit("api-elm", "test", "threads");
        assert_eq!(threads.to_string(), "api-elm test threads");
        let tests = unit("api-elm", "lib", "api_elm");
        assert_eq!(tests.to_string(), "api-elm lib api_elm (tests)");
    }
}
