//! Builds after an edit: both ways must make the same units, and groups only if something in them changed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::time::{Duration, Instant};

use anyhow::Result;
use link_engine::record::GroupManifest;
use measure::messages::Artifact;

use crate::workspace::findings::Findings;
use crate::workspace::groups::manifest_path;
use crate::workspace::unit::{self, Unit};
use crate::workspace::{EDITS, Workspace};
use workshop::linking::Linking;
use workshop::steps::Step;

/// The units that a build after an edit made again.
pub(super) struct Rebuild {
    units: BTreeMap<Unit, usize>,
    groups: usize,
    /// Groups that were made although none of their inputs was made again.
    idle_groups: Vec<String>,
    elapsed: Duration,
}

/// Edits each library and builds after each edit.
///
/// The first edit makes stale everything that the others do. So the edits of one way leave no work to the other way
/// beyond that of the other's own first edit.
pub(super) fn rebuilds(
    workspace: &mut Workspace,
    step: &mut Step,
    linking: Linking,
) -> Result<Vec<Rebuild>> {
    EDITS
        .iter()
        .map(|(_, path)| {
            workspace.edit(path)?;
            let started = Instant::now();
            let artifacts = workspace.build(step, linking)?;
            Rebuild::of(&artifacts, started.elapsed())
        })
        .collect()
}

impl Rebuild {
    /// Reads the manifests of the groups too, so it has to be called before the next build.
    fn of(artifacts: &[Artifact], elapsed: Duration) -> Result<Rebuild> {
        let rlibs: BTreeSet<&OsStr> = artifacts
            .iter()
            .filter(|artifact| !artifact.fresh)
            .flat_map(|artifact| &artifact.filenames)
            .filter_map(|file| file.file_name())
            .collect();
        let mut groups = 0;
        let mut idle_groups = Vec::new();
        for artifact in artifacts.iter().filter(|artifact| !artifact.fresh) {
            let Some(path) = manifest_path(artifact) else {
                continue;
            };
            let manifest = GroupManifest::read(path)?;
            let members = manifest.members().map(|member| &member.rlib);
            let stays = manifest.stays.iter().map(|stay| &stay.rlib);
            groups += 1;
            if !members
                .chain(stays)
                .any(|rlib| rlibs.contains(OsStr::new(rlib)))
            {
                idle_groups.push(manifest.group.clone());
            }
        }
        Ok(Rebuild {
            units: unit::made(artifacts),
            groups,
            idle_groups,
            elapsed,
        })
    }
}

pub(super) fn compare_rebuilds(
    findings: &mut Findings,
    name: &str,
    of_static: &Rebuild,
    of_dynamic: &Rebuild,
) {
    let table = &mut findings.table;
    let count = |rebuild: &Rebuild| rebuild.units.values().sum::<usize>().to_string();
    let seconds = |rebuild: &Rebuild| format!("{:.1} s", rebuild.elapsed.as_secs_f64());
    table.row(
        &format!("units made after an edit of the {name}"),
        count(of_static),
        count(of_dynamic),
    );
    table.row(
        &format!("groups made after an edit of the {name}"),
        String::new(),
        of_dynamic.groups.to_string(),
    );
    table.row(
        &format!("time of the build after an edit of the {name}"),
        seconds(of_static),
        seconds(of_dynamic),
    );
    findings.require(
        !of_static.units.is_empty(),
        format!("an edit of the {name} makes nothing stale"),
    );
    findings.require_none(
        &format!("after an edit of the {name}, the two ways to link make other units"),
        &differences(&of_static.units, &of_dynamic.units),
    );
    findings.require_none(
        &format!("after an edit of the {name}, groups are made of which nothing has changed"),
        &of_dynamic.idle_groups,
    );
}

fn differences(
    of_static: &BTreeMap<Unit, usize>,
    of_dynamic: &BTreeMap<Unit, usize>,
) -> Vec<String> {
    let units: BTreeSet<&Unit> = of_static.keys().chain(of_dynamic.keys()).collect();
    let count = |units: &BTreeMap<Unit, usize>, unit| units.get(unit).copied().unwrap_or_default();
    units
        .into_iter()
        .map(|unit| (unit, count(of_static, unit), count(of_dynamic, unit)))
        .filter(|(_, of_static, of_dynamic)| of_static != of_dynamic)
        .map(|(unit, of_static, of_dynamic)| {
            format!("{unit}: {of_static} static, {of_dynamic} dynamic")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::unit::tests::unit;

    #[test]
    fn units_that_only_one_way_makes_are_told() {
        let made = |units: &[(&str, usize)]| -> BTreeMap<Unit, usize> {
            let units = units.iter();
            units
                .map(|(name, count)| (unit("elm", "lib", name), *count))
                .collect()
        };
        let of_static = made(&[("a", 1), ("b", 2), ("c", 1)]);
        let of_dynamic = made(&[("b", 1), ("c", 1), ("d", 1)]);
        assert_eq!(
            differences(&of_static, &of_dynamic),
            [
                "elm lib a (tests): 1 static, 0 dynamic",
                "elm lib b (tests): 2 static, 1 dynamic",
                "elm lib d (tests): 0 static, 1 dynamic",
            ]
        );
    }
}
