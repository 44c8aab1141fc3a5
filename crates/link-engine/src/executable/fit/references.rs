//! Whether each reference of a group has a definition, and the loader takes the same one as a
//! linker.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Output};

use super::scope::{Fault, Scope};
use crate::elf::{DynamicInfo, undefined_references};
use crate::executable::groups::Group;
use crate::executable::refused::references_of_members;
use crate::executable::unfit::Unfit;
use crate::line::arguments;
use crate::line::search::LibrarySearch;
use crate::record::Fallback;

/// Treats a link as failed if it leaves references of groups undefined. We ask linkers to check
/// (`--no-allow-shlib-undefined`), but mold 1.10 does not, and the loader would refuse the program.
pub(in crate::executable) fn check(
    args: &[OsString],
    native_search: &[PathBuf],
    groups: &[Group],
    output: &mut Output,
) -> Result<(), Fallback> {
    let executable = arguments::output(args)?;
    let open: Vec<(&[u8], _)> = groups
        .iter()
        .map(|group| (&group.bytes[..], &group.object.open_references[..]))
        .collect();
    let open = undefined_references(executable, &open)?;
    let template = groups.iter().find_map(|group| group.template.as_ref());
    let Some(template) = template.filter(|_| !open.is_empty()) else {
        return Ok(());
    };
    let is_group = |soname: &str| groups.iter().any(|group| group.object.soname == soname);
    let mut sonames = DynamicInfo::read(executable)?.unwrap_or_default().needed;
    for group in groups {
        sonames.extend(group.read(DynamicInfo::parse)?.unwrap_or_default().needed);
    }
    sonames.retain(|soname| !is_group(soname));
    let search = LibrarySearch::in_wrapper(template);
    match Scope::read(sonames, &search, native_search)?.fault(open)? {
        None => Ok(()),
        Some(Fault::Undefined(symbols)) => {
            output.status = ExitStatus::from_raw(1 << 8);
            for symbol in symbols {
                let words = format!("error: undefined symbol: {symbol}\n");
                output.stderr.extend(words.into_bytes());
            }
            Ok(())
        }
        Some(Fault::OlderVersion { symbol, library }) => {
            let symbols = BTreeSet::from([&*symbol]);
            let users = references_of_members(&symbols, args, groups)?;
            Err(Unfit::OlderVersion {
                users: users.into_iter().map(|user| user.library).collect(),
                symbol,
                library,
            }
            .into())
        }
    }
}
