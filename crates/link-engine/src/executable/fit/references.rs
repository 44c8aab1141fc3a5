//! Whether everything that groups refer to is defined.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output};

use crate::Result;
use crate::elf::undefined_references;
use crate::executable::groups::Group;
use crate::line::arguments::{self, NativeArchive, native_archives};

/// Whether a library that is neither a group nor the platform's may define what a group
/// refers to.
fn has_native_libraries(args: &[OsString], groups: &[Group]) -> bool {
    let templates = groups.iter().filter_map(|group| group.template.as_ref());
    let platform: HashSet<&str> = templates
        .flat_map(|template| &template.after)
        .filter_map(|arg| arg.to_str()?.strip_prefix("-l"))
        .collect();
    let objects = groups.iter().map(|group| &group.object);
    let of_groups = objects.flat_map(|object| &object.native_libraries);
    let on_line = native_archives(args)
        .into_iter()
        .filter_map(|archive| match archive {
            NativeArchive::Named { name, .. } => Some(name),
            NativeArchive::File(_) => None,
        });
    of_groups
        .map(|library| library.name.as_str())
        .chain(on_line)
        .any(|name| !platform.contains(name))
}

/// Makes a failure of a link that leaves references of groups undefined. Linkers were
/// asked to look (`--no-allow-shlib-undefined`), but mold 1.10 does not, and the loader
/// would refuse the program.
pub(in crate::executable) fn check(
    args: &[OsString],
    groups: &[Group],
    output: &mut Output,
) -> Result<()> {
    if has_native_libraries(args, groups) {
        return Ok(());
    }
    let groups: Vec<(&[u8], _)> = groups
        .iter()
        .map(|group| (&group.bytes[..], &group.object.open_references[..]))
        .collect();
    let undefined = undefined_references(arguments::output(args)?, &groups)?;
    if !undefined.is_empty() {
        output.status = ExitStatus::from_raw(1 << 8);
        for symbol in undefined {
            let words = format!("error: undefined symbol: {symbol}\n");
            output.stderr.extend(words.into_bytes());
        }
    }
    Ok(())
}
