//! What the user is told of groups that could not be made, or not with all of their libraries.

use itertools::Itertools;
use link_engine::group::classify::StayReason;
use link_engine::record::manifest::{GroupManifest, Refusal};

use super::final_unit::opt_out;
use super::group_unit::group_files;
use crate::core::compiler::job_queue::Work;
use crate::core::compiler::{BuildRunner, Unit};
use crate::core::profiles::Profile;

/// The name of the group of the sysroot crates.
const SYSROOT: &str = "sysroot";

/// Tells the user, in each build, that a group could not be made, or not with all its libraries.
pub(super) fn report_refusal(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Work {
    let manifest = group_files(build_runner, unit).manifest();
    let profile = unit.profile.clone();
    Work::new(move |state| {
        let manifest = GroupManifest::read(&manifest)?;
        if let Some(refusal) = &manifest.refusal {
            state.warning(refusal_warning(&manifest.group, refusal, &profile));
        }
        if let Some(warning) = unlinkable_warning(&manifest, &profile) {
            state.warning(warning);
        }
        Ok(())
    })
}

/// What to say of libraries with which the linker makes no shared object. `None` if there is none.
fn unlinkable_warning(manifest: &GroupManifest, profile: &Profile) -> Option<String> {
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
    let opt_outs = unlinkable.iter().map(|(name, _)| {
        let package = name.split(' ').next().unwrap_or_default();
        opt_out(profile, Some(package))
    });
    let opt_outs = opt_outs.unique().format(" and ").to_string();
    Some(format!(
        "linking {names} and what depends on it statically, because the linker makes no shared \
         object with it\ncaused by: {words}\nhelp: to say so yourself, write {opt_outs}"
    ))
}

fn refusal_warning(group: &str, refusal: &Refusal, profile: &Profile) -> String {
    let (what, members) = if group == SYSROOT {
        ("all dependencies".to_owned(), "the standard library")
    } else {
        (format!("the dependencies in the {group}"), "them")
    };
    // The linker names what it refuses; other errors are about all of the group.
    let help = if group == SYSROOT || refusal.link_line.is_none() {
        format!("write {}", opt_out(profile, None))
    } else {
        format!(
            "keep a crate that is named above in the executable with {}",
            opt_out(profile, Some("<name>"))
        )
    };
    let link_line = refusal
        .link_line
        .as_deref()
        .map_or_else(String::new, |path| {
            format!("the refused link line is in `{}`\n", path.display())
        });
    let stderr = &refusal.stderr;
    format!(
        "linking {what} statically, because no shared object could be made of {members}\n\
         {link_line}caused by: {stderr}\nhelp: {help}"
    )
}
