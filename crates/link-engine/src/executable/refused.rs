//! The messages of a linker that refuses to link against groups.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;

use super::groups::Group;
use crate::Result;
use crate::line::arguments::rlibs;
use crate::record::DanglingReference;
use crate::rlib;

/// The group members that refer to symbols that the linker reports as undefined.
pub(super) fn dangling_references(
    stderr: &str,
    args: &[OsString],
    groups: &[Group],
) -> Result<Vec<DanglingReference>> {
    let symbols = undefined_symbols(stderr);
    if symbols.is_empty() {
        return Ok(Vec::new());
    }
    references_of_members(&symbols, args, groups)
}

/// The references of group members on the line to these symbols.
pub(super) fn references_of_members(
    symbols: &BTreeSet<&str>,
    args: &[OsString],
    groups: &[Group],
) -> Result<Vec<DanglingReference>> {
    let members = groups.iter().flat_map(|group| &group.object.members);
    let names: HashMap<&str, &str> = members
        .map(|member| (member.rlib.as_str(), member.name.as_str()))
        .collect();
    let mut dangling = Vec::new();
    for rlib in rlibs(args) {
        let file_name = rlib.file_name().unwrap_or_default().to_string_lossy();
        let Some(&library) = names.get(&*file_name) else {
            continue;
        };
        let referred = rlib::undefined_among(rlib, symbols)?;
        dangling.extend(referred.into_iter().map(|symbol| DanglingReference {
            symbol,
            library: library.to_owned(),
        }));
    }
    Ok(dangling)
}

/// The symbols that a linker reports as undefined: lld and mold write `undefined
/// symbol: x` and `undefined reference: x`, GNU ld `undefined reference to `x'`, and
/// wild the same with two backticks.
pub fn undefined_symbols(stderr: &str) -> BTreeSet<&str> {
    const PHRASES: [&str; 3] = [
        "undefined symbol: ",
        "undefined reference: ",
        "undefined reference to ",
    ];
    let in_line = |line| {
        let find = |phrase| str::split_once(line, phrase).map(|(_, rest)| rest);
        let rest = PHRASES.into_iter().find_map(find)?;
        let quoted = rest.trim_start_matches(['`', '\'']);
        quoted.split([' ', '`', '\'']).next()
    };
    stderr.lines().filter_map(in_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_symbols_are_found_in_the_words_of_each_linker() {
        #[track_caller]
        fn check(stderr: &str, expected: &[&str]) {
            let symbols: Vec<_> = undefined_symbols(stderr).into_iter().collect();
            assert_eq!(symbols, expected);
        }
        // rust-lld 22
        check(
            "rust-lld: error: undefined reference: missing\n\
             >>> referenced by /t/deps/local.so (disallowed by --no-allow-shlib-undefined)\n\
             collect2: error: ld returned 1 exit status",
            &["missing"],
        );
        check(
            "rust-lld: error: undefined symbol: missing\n>>> referenced by a.o",
            &["missing"],
        );
        // GNU ld 2.40
        check(
            "/usr/bin/ld: /t/deps/local.so: undefined reference to `missing'\n\
             /usr/bin/ld: /t/deps/local.so: undefined reference to `other'",
            &["missing", "other"],
        );
        // wild 0.10
        check(
            "wild: error: Failed to activate /t/deps/local.so (769 (3/1))\n  Caused by:\n    \
             undefined reference to `missing` from /t/deps/local.so (769 (3/1))",
            &["missing"],
        );
        check("cc: error: no such file", &[]);
    }
}
