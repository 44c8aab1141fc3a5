//! What the user is told of groups that could not be made, or not with all of their libraries.

use itertools::Itertools;
use link_engine::classify::StayReason;
use link_engine::manifest::GroupManifest;

use super::group_unit::group_files;
use super::warnings::{opt_out, package_of, profile_name, refusal_warning};
use crate::core::compiler::job_queue::Work;
use crate::core::compiler::{BuildRunner, Unit};

/// Tells the user, in each build, that a group could not be made, or not with all its libraries.
pub(super) fn report_refusal(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Work {
    let manifest = group_files(build_runner, unit).manifest();
    let profile = profile_name(&unit.profile);
    Work::new(move |state| {
        let manifest = GroupManifest::read(&manifest)?;
        if let Some(refusal) = &manifest.refusal {
            state.warning(refusal_warning(&manifest.group, refusal, profile));
        }
        if let Some(warning) = unlinkable_warning(&manifest, profile) {
            state.warning(warning);
        }
        Ok(())
    })
}

/// What to say of libraries with which the linker makes no shared object. `None` if there is none.
fn unlinkable_warning(manifest: &GroupManifest, profile: &str) -> Option<String> {
    let unlinkable: Vec<(&str, &str)> = manifest
        .stays
        .iter()
        .filter_map(|stay| match &stay.reason {
            StayReason::Unlinkable { words } => Some((stay.name.as_str(), words.as_str())),
            _ => None,
        })
        .collect();
    if unlinkable.is_empty() {
        return None;
    }
    let names = unlinkable.iter().map(|(name, _)| format!("`{name}`"));
    let names = names.format(", ").to_string();
    let words = unlinkable.iter().map(|(_, words)| *words).unique();
    let words = words.format("\ncaused by: ").to_string();
    let packages = unlinkable.iter().map(|(name, _)| package_of(name));
    let opt_outs = packages.map(|package| opt_out(profile, Some(package)));
    let opt_outs = opt_outs.unique().format(" and ").to_string();
    Some(format!(
        "linking {names} and what depends on it statically, because the linker makes no shared \
         object with it\ncaused by: {words}\nhelp: to say so yourself, write {opt_outs}"
    ))
}
