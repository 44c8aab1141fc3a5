//! The warnings about static links that were to be dynamic: a group could not be made, or not with
//! all of its libraries, or the link of an executable fell back.

use itertools::Itertools;
use link_engine::record::{DanglingReference, Fallback, GroupManifest, Refusal, StayReason};

use super::group_unit::group_files;
use crate::core::compiler::job_queue::Work;
use crate::core::compiler::{BuildRunner, Unit};
use crate::core::profiles::{Profile, ProfileRoot};

/// The name of the group of the sysroot crates.
const SYSROOT: &str = "sysroot";

/// Warns in each build that a group could not be made, or not with all its libraries.
pub(super) fn report_refusal(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Work {
    let manifest = group_files(build_runner, unit).manifest();
    let profile = profile_name(&unit.profile);
    Work::new(move |state| {
        let Ok(manifest) = GroupManifest::read(&manifest) else {
            // The manifest could not be written, and the links of executables report that.
            return Ok(());
        };
        if let Some(refusal) = &manifest.refusal {
            state.warning(refusal_warning(&manifest.group, refusal, profile));
        }
        if let Some(warning) = unlinkable_warning(&manifest, profile) {
            state.warning(warning);
        }
        Ok(())
    })
}

/// The warning about libraries with which the linker makes no shared object. `None` if there are
/// none.
fn unlinkable_warning(manifest: &GroupManifest, profile: &str) -> Option<String> {
    let unlinkable: Vec<(&str, &str)> = manifest
        .stays
        .iter()
        .filter_map(|stay| match &stay.reason {
            StayReason::LinkerRefuses { words } => Some((stay.name.as_str(), words.as_str())),
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

/// The warning about a group of which no shared object could be made.
pub(super) fn refusal_warning(group: &str, refusal: &Refusal, profile: &str) -> String {
    let (what, members) = if group == SYSROOT {
        ("all dependencies".to_owned(), "the standard library")
    } else {
        (format!("the dependencies in the {group}"), "them")
    };
    // The linker names the libraries that it refuses; other errors concern the whole group.
    let help = opt_out_help(profile, refusal.libraries.iter());
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

/// The warning if records for later builds cannot be written, or files that nothing needs cannot be
/// removed. This build has all it needs.
pub(super) fn records_warning(error: &anyhow::Error) -> String {
    format!(
        "could not update the records of groups for later builds\n\
         caused by: {error:#}\n\
         help: if it happens again, run `cargo clean`"
    )
}

/// The warning about an executable that was linked statically because the dynamic link failed.
pub(super) fn fallback_warning(executable: &str, report: &Fallback, profile: &str) -> String {
    let (stderr, link_line, dangling) = match report {
        Fallback::Unfit { reason, libraries } => {
            let help = opt_out_help(profile, libraries.iter());
            return format!(
                "linked the dependencies of `{executable}` statically: {reason}\nhelp: {help}"
            );
        }
        Fallback::Engine { error } => {
            return format!(
                "linked the dependencies of `{executable}` statically, because they could not \
                 be linked dynamically\n\
                 caused by: {error}\n\
                 help: if it happens again after `cargo clean`, write {}",
                opt_out(profile, None)
            );
        }
        Fallback::Refused {
            stderr,
            link_line,
            dangling,
        } => (stderr, link_line, dangling),
    };
    let mut warning = format!(
        "linked the dependencies of `{executable}` statically, because the linker refused to \
         link them dynamically\n\
         the refused link line is in `{}`\n\
         caused by: {stderr}\n",
        link_line.display(),
    );
    for DanglingReference { symbol, library } in dangling {
        warning.push_str(&format!(
            "note: `{library}` refers to `{symbol}`, which nothing defines\n"
        ));
    }
    let libraries = dangling.iter().map(|dangling| &dangling.library);
    warning.push_str(&format!("help: {}", opt_out_help(profile, libraries)));
    warning
}

/// What to write so that the libraries at fault stay in the executable; `libraries` are
/// package and version.
fn opt_out_help<'a>(profile: &str, libraries: impl Iterator<Item = &'a String>) -> String {
    let packages = libraries.map(|library| package_of(library));
    let opt_outs: Vec<String> = packages
        .unique()
        .map(|package| opt_out(profile, Some(package)))
        .collect();
    if opt_outs.is_empty() {
        format!("write {}", opt_out(profile, None))
    } else {
        format!("keep it in the executable with {}", opt_outs.join(" and "))
    }
}

/// What to write in a manifest or configuration file to keep `package`, or else everything,
/// inside of executables.
pub(super) fn opt_out(profile: &str, package: Option<&str>) -> String {
    format!("`[{}] dynamic-deps = false`", section(profile, package))
}

/// The section of a manifest for a profile's settings of `package`, or else of everything.
pub(super) fn section(profile: &str, package: Option<&str>) -> String {
    let package = package.map_or(String::new(), |package| format!(".package.{package}"));
    format!("profile.{profile}{package}")
}

/// The name of the profile from which that of a unit inherits, `dev` or `release`, whose settings
/// hold for it.
pub(super) fn profile_name(profile: &Profile) -> &'static str {
    match profile.root {
        ProfileRoot::Debug => "dev",
        ProfileRoot::Release => "release",
    }
}

/// The name of the package of a library, from its name for people, which includes the version.
pub(super) fn package_of(library: &str) -> &str {
    library.split(' ').next().unwrap_or_default()
}
