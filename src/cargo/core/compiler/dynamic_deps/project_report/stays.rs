//! The libraries that stay in executables although shared objects are possible, and the help for
//! each.

use std::collections::BTreeSet;

use link_engine::record::StayReason;
use link_engine::record::inventory::{Executable, Inventory};

use crate::core::compiler::dynamic_deps::warnings::{
    fallback_warning, opt_out, package_of, refusal_warning, section,
};

/// A library that stays in the executables that use it.
#[derive(PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub(super) struct StayingLibrary {
    /// Package and version.
    pub(super) name: String,
    pub(super) reason: String,
    /// What to write or do. None if only other code would change it.
    pub(super) help: Option<String>,
}

/// The libraries that stay, by name. `profile` is the name of the profile in manifests.
pub(super) fn staying_libraries(inventory: &Inventory, profile: &str) -> BTreeSet<StayingLibrary> {
    let of_groups = inventory.groups.iter().flat_map(|group| {
        let stays = group.manifest.stays.iter();
        stays.map(|stay| StayingLibrary {
            name: stay.name.clone(),
            reason: stay.reason.to_string(),
            help: help(&stay.name, &stay.reason, profile),
        })
    });
    let links = inventory.executables.iter().flat_map(|one| &one.link);
    let executables = links.flat_map(|link| &link.task.executable);
    let of_executables = executables.flat_map(|executable| {
        let kept = executable.kept.iter();
        kept.map(|kept| {
            let section = section(profile, Some(package_of(&kept.name)));
            StayingLibrary {
                name: kept.name.clone(),
                reason: kept.reason.clone(),
                help: Some(if kept.by_profile {
                    "remove `dynamic-deps = false` of the package from the profile".to_owned()
                } else {
                    format!("`[{section}] dynamic-deps = true` puts it into a shared object")
                }),
            }
        })
    });
    of_groups.chain(of_executables).collect()
}

/// What to write so that a library does not stay, or so that the build does not warn of it.
fn help(name: &str, reason: &StayReason, profile: &str) -> Option<String> {
    match reason {
        StayReason::LinkerRefuses { .. } | StayReason::Refused => Some(format!(
            "{} ends the warning in each build",
            opt_out(profile, Some(package_of(name)))
        )),
        StayReason::NotCompiled => Some("build again when it compiles".to_owned()),
        StayReason::RunsByItself
        | StayReason::LargeThreadLocals
        | StayReason::GatheredSection { .. }
        | StayReason::LinkerDefined { .. }
        | StayReason::ForeignMember { .. }
        | StayReason::ProvidesAllocator
        | StayReason::HidesSymbols
        | StayReason::WeakDefinition { .. }
        | StayReason::WeakReference { .. }
        | StayReason::UndeclaredReference { .. }
        | StayReason::Clash { .. }
        | StayReason::Replaces { .. }
        | StayReason::DependsOn { .. } => None,
    }
}

/// The warnings of each build about groups of which no shared object could be made.
pub(super) fn refusals(inventory: &Inventory, profile: &str) -> Vec<String> {
    let groups = inventory.groups.iter().map(|group| &group.manifest);
    groups
        .filter_map(|group| {
            let refusal = group.refusal.as_ref()?;
            Some(refusal_warning(&group.group, refusal, profile))
        })
        .collect()
}

/// Why an executable that was to be linked dynamically is static.
pub(in crate::core::compiler::dynamic_deps) fn fallback(
    executable: &Executable,
    profile: &str,
) -> Option<String> {
    let link = executable.link.as_ref()?;
    let fallback = link.fallback.as_ref()?;
    Some(fallback_warning(executable.name()?, fallback, profile))
}
