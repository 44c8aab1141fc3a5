//! What users are told of links, and what to write in a profile.

use itertools::Itertools;
use link_engine::manifest::{DanglingReference, FallbackReport, Refusal};

use crate::core::profiles::{Profile, ProfileRoot};

/// The name of the group of the sysroot crates.
const SYSROOT: &str = "sysroot";

/// What to say of an executable that was linked statically, because the dynamic link failed.
pub(super) fn fallback_warning(executable: &str, report: &FallbackReport, profile: &str) -> String {
    let (stderr, link_line, dangling) = match report {
        FallbackReport::Unfit { reason, libraries } => {
            let help = opt_out_help(profile, libraries.iter());
            return format!(
                "linked the dependencies of `{executable}` statically: {reason}\nhelp: {help}"
            );
        }
        FallbackReport::Engine { error } => {
            return format!(
                "linked the dependencies of `{executable}` statically, because they could not \
                 be linked dynamically\n\
                 caused by: {error}\n\
                 help: if it happens again after `cargo clean`, write {}",
                opt_out(profile, None)
            );
        }
        FallbackReport::Refused {
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

/// The section of a manifest in which a profile says something of `package`, or else of everything.
pub(super) fn section(profile: &str, package: Option<&str>) -> String {
    let package = package.map_or(String::new(), |package| format!(".package.{package}"));
    format!("profile.{profile}{package}")
}

/// The name of the profile that a unit's inherits: what is said for `dev` or `release` holds for it.
pub(super) fn profile_name(profile: &Profile) -> &'static str {
    match profile.root {
        ProfileRoot::Debug => "dev",
        ProfileRoot::Release => "release",
    }
}

/// The name of the package of a library, of which people are told name and version.
pub(super) fn package_of(library: &str) -> &str {
    library.split(' ').next().unwrap_or_default()
}

/// What to say of a group of which no shared object could be made.
pub(super) fn refusal_warning(group: &str, refusal: &Refusal, profile: &str) -> String {
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
