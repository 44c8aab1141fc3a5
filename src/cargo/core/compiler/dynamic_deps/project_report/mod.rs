//! `cargo report dynamic-deps`: lists the files that builds have left in the target directory of a
//! project.
//!
//! Without `--measure`, the command builds nothing and takes no lock, so people can run it at any
//! time. It does not resolve dependencies either. The builds themselves have written everything
//! that it reports, into manifests of groups and beside the linker wrappers. A build that failed or
//! was killed may have left less.
//!
//! | module   | what it does                                                  |
//! |----------|---------------------------------------------------------------|
//! | `places` | finds the directories of each profile and target triple       |
//! | `stays`  | lists the libraries in executables, the reasons, and the help |
//! | `json`   | prints the report as JSON                                     |
//! | `text`   | prints the report for people                                  |

mod json;
mod places;
mod stays;
mod text;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use clap::Command;
use link_engine::record::inventory::Inventory;

use self::places::ProfileDirectory;
pub(super) use self::stays::fallback;
use super::measurement;
use crate::core::Workspace;
use crate::drop_println;
use crate::util::CargoResult;
use crate::util::command_prelude::{ArgMatches, ArgMatchesExt, CommandExt, opt, subcommand};
use crate::{CliResult, GlobalContext};

/// The help if there is nothing to report.
const HELP: &str = "build first, for example with `cargo build --dynamic-deps`";

/// The findings in the directory of a profile.
pub(super) struct Found {
    directory: ProfileDirectory,
    pub(super) inventory: Inventory,
}

impl Found {
    /// The name of the profile in a manifest.
    pub(super) fn profile_name(&self) -> &str {
        self.directory.profile_name()
    }
}

/// The subcommand of `cargo report`.
pub fn report_command() -> Command {
    let command = subcommand("dynamic-deps")
        .about("Reports executables and the shared objects of their dependencies")
        .arg_manifest_path()
        .arg(
            opt("format", "Output format")
                .value_name("FMT")
                .value_parser(["human", "json"])
                .default_value("human"),
        );
    measurement::add_options(command).after_help(color_print::cstr!(
        "Run `<bright-cyan,bold>cargo help report dynamic-deps</>` for more detailed information.\n"
    ))
}

/// Runs the subcommand.
pub fn report(gctx: &GlobalContext, args: &ArgMatches) -> CliResult {
    let ws = args.workspace(gctx)?;
    if args.flag("measure") {
        measurement::measure(gctx, args, &ws)?;
        return Ok(());
    }
    let found = find(&ws)?;
    for error in found.iter().flat_map(|found| &found.inventory.damaged) {
        let cause = std::error::Error::source(error);
        let cause = cause.map_or_else(String::new, |cause| format!("\ncaused by: {cause}"));
        gctx.shell().warn(format_args!(
            "{error}, so the report is without it{cause}\n\
             help: it is written anew when what it describes is built again"
        ))?;
    }
    if args._value_of("format") == Some("json") {
        gctx.shell().print_json(&json::Report::new(&ws, &found))?;
        return Ok(());
    }
    let is_verbose = gctx.shell().verbosity() == cargo_util_terminal::Verbosity::Verbose;
    for found in &found {
        let text = text::Text {
            root: ws.root(),
            found,
            now: now(),
            is_verbose,
        };
        drop_println!(gctx, "{text}");
    }
    Ok(())
}

/// The findings in the target directory, for each profile and target triple.
fn find(ws: &Workspace<'_>) -> CargoResult<Vec<Found>> {
    let build_directory = ws.build_dir().into_path_unlocked();
    if !build_directory.is_dir() {
        bail!(
            "there is no target directory `{}`\nhelp: {HELP}",
            build_directory.display()
        );
    }
    let target_directory = ws.target_dir().into_path_unlocked();
    let found = find_in(&build_directory, &target_directory)?;
    if found.is_empty() {
        bail!(
            "nothing in `{}` was linked dynamically\nhelp: {HELP}",
            build_directory.display()
        );
    }
    Ok(found)
}

/// The same in directories that may belong to no workspace.
pub(super) fn find_in(build_directory: &Path, target_directory: &Path) -> CargoResult<Vec<Found>> {
    let directories = places::profile_directories(build_directory, target_directory)
        .with_context(|| format!("failed to list `{}`", build_directory.display()))?;
    let mut found: Vec<Found> = directories
        .into_iter()
        .map(|directory| Found {
            inventory: Inventory::take(&directory.places),
            directory,
        })
        .collect();
    found.retain(|found| !found.inventory.is_empty());
    Ok(found)
}

/// Seconds since 1970 (UTC).
pub(super) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
