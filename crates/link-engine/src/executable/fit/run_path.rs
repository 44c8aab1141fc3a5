//! Whether the loader finds libraries that a program opens by `dlopen` as in a static program.
//!
//! If the name has no slash, the loader searches the run path of the file that calls `dlopen`
//! (dlopen(3)). In a static program, that is the executable's run path, whichever library calls. If
//! the calling library is in a group, it is the run path of the group, which many executables
//! share.

use std::collections::BTreeSet;
use std::ffi::OsString;

use crate::elf::references_among;
use crate::executable::groups::Group;
use crate::executable::refused::references_of_members;
use crate::executable::unfit::Unfit;
use crate::record::Fallback;

const OPENERS: [&str; 2] = ["dlopen", "dlmopen"];

/// Checks the groups of an executable to which the user gave a run path.
pub(in crate::executable) fn check(args: &[OsString], groups: &[Group]) -> Result<(), Fallback> {
    let openers = OPENERS.map(str::to_owned).into();
    let mut found = BTreeSet::new();
    for group in groups {
        found.extend(group.read(|bytes| references_among(bytes, &openers))?);
    }
    if found.is_empty() {
        return Ok(());
    }
    let symbols = found.iter().map(String::as_str).collect();
    let users = references_of_members(&symbols, args, groups)?;
    let users: BTreeSet<String> = users.into_iter().map(|user| user.library).collect();
    match users.is_empty() {
        true => Ok(()),
        false => Err(Unfit::OpensLibraries {
            users: users.into_iter().collect(),
        }
        .into()),
    }
}
