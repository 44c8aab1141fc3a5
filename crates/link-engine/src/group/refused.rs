//! Libraries that the linker refuses.

use std::collections::HashMap;

use super::inputs::Input;
use crate::Error;
use crate::record::StayReason;

/// The number of libraries that a job takes out of a group, until the linker makes a shared object
/// of the rest.
pub(super) const MOST_REFUSED: usize = 8;

/// The members that the linker names when it refuses a group, with its message.
pub(super) fn refused_libraries(
    error: &Error,
    inputs: &[Input],
    verdicts: &[Option<StayReason>],
) -> HashMap<String, String> {
    let Error::GroupLink { stderr, .. } = error else {
        return HashMap::new();
    };
    let named = |is_counted: fn(&&str) -> bool| -> HashMap<String, String> {
        let members = inputs.iter().zip(verdicts);
        members
            .filter(|(input, verdict)| {
                let mut lines = stderr.lines().filter(is_counted);
                verdict.is_none() && lines.any(|line| input.is_named_in(line))
            })
            .map(|(input, _)| (input.rlib.clone(), stderr.clone()))
            .collect()
    };
    // GNU ld 2.40 names the file of a relocation that it refuses in a warning only.
    let of_errors = named(|line| !line.contains("warning:"));
    if of_errors.is_empty() {
        named(|_| true)
    } else {
        of_errors
    }
}
