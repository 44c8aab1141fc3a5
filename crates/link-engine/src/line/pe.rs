//! What a group would need on Windows besides a link line.
//!
//! A DLL exports what its *module definition* names, under ordinals of 16 bits, and has an *import
//! library*, which stands for it on link lines. Nothing here is used by a build: executables for
//! Windows are linked statically. Three things stand in the way, of which this module has to do
//! with the first only:
//!
//! - More than [`EXPORT_LIMIT`] symbols do not fit into a DLL, and a group of a large program
//!   defines several times as many. It would have to be cut in [`parts`], or export no more than
//!   others refer to, which has to be known when it is linked.
//! - A DLL takes nothing from the executable, while std in the group of the sysroot crates takes
//!   the allocator shim from it.
//! - Code that rustc compiled for a static link reaches the data of other crates directly. GNU ld
//!   and lld for MinGW let the start-up code patch such places; `link.exe` and `lld-link` refuse
//!   them. Thread locals cannot be reached at all.

use std::fmt::Write as _;
use std::ops::Range;

/// How many symbols a DLL can export (linker error LNK1189).
pub const EXPORT_LIMIT: usize = 65_535;

/// A symbol that a DLL exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Name of the symbol.
    pub name: String,
    /// Whether it is a variable. The linker makes a stub to call for anything else.
    pub is_data: bool,
}

/// More exports than a DLL can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{dll}` would export {count} symbols, and a DLL can export {EXPORT_LIMIT}")]
pub struct TooManyExports {
    /// File name of the DLL.
    pub dll: String,
    /// How many it would have.
    pub count: usize,
}

/// The text of the module definition (`.def`) of a DLL.
///
/// The name of the DLL is part of it, because the linker would otherwise take that of its output,
/// which is a temporary one.
///
/// # Errors
/// When there are more exports than fit.
pub fn module_definition(dll: &str, exports: &[Export]) -> Result<String, TooManyExports> {
    if exports.len() > EXPORT_LIMIT {
        return Err(TooManyExports {
            dll: dll.to_owned(),
            count: exports.len(),
        });
    }
    let mut text = format!("LIBRARY \"{dll}\"\nEXPORTS\n");
    for Export { name, is_data } in exports {
        // In quotes, because `@` and `=` mean something after a bare name.
        let data = if *is_data { " DATA" } else { "" };
        let _ = writeln!(text, "    \"{name}\"{data}");
    }
    Ok(text)
}

/// Cuts the members of a group into as few runs as fit into a DLL each, given how many symbols
/// each of them exports.
///
/// Members have to come dependencies first: a run then needs only runs before it, as one DLL has
/// to be linked before another can be linked against it. `None` if a single member does not fit.
pub fn parts(export_counts: &[usize]) -> Option<Vec<Range<usize>>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut free = 0;
    for (index, &count) in export_counts.iter().enumerate() {
        match parts.last_mut() {
            Some(part) if count <= free => part.end = index + 1,
            _ if count > EXPORT_LIMIT => return None,
            _ => {
                parts.push(index..index + 1);
                free = EXPORT_LIMIT;
            }
        }
        free -= count;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_names_the_dll_and_its_exports() {
        let exports =
            [("_ZN3dep3new17h0E", false), ("?x@@3HA", true)].map(|(name, is_data)| Export {
                name: name.to_owned(),
                is_data,
            });
        assert_eq!(
            module_definition("frozen-1.dll", &exports).unwrap(),
            "LIBRARY \"frozen-1.dll\"\nEXPORTS\n    \"_ZN3dep3new17h0E\"\n    \"?x@@3HA\" DATA\n"
        );
    }

    #[test]
    fn exports_are_counted() {
        let export = Export {
            name: "x".to_owned(),
            is_data: false,
        };
        let exports = vec![export; EXPORT_LIMIT + 1];
        assert!(module_definition("a.dll", &exports[1..]).is_ok());
        assert_eq!(
            module_definition("a.dll", &exports)
                .unwrap_err()
                .to_string(),
            "`a.dll` would export 65536 symbols, and a DLL can export 65535"
        );
    }

    #[test]
    fn members_are_cut_where_the_next_does_not_fit() {
        #[track_caller]
        fn check(export_counts: &[usize], expected: Option<&[Range<usize>]>) {
            assert_eq!(parts(export_counts).as_deref(), expected);
        }
        check(&[], Some(&[]));
        check(&[EXPORT_LIMIT, 1], Some(&[0..1, 1..2]));
        check(&[EXPORT_LIMIT, 0, 1], Some(&[0..2, 2..3]));
        check(&[30_000, 30_000, 30_000, 5], Some(&[0..2, 2..4]));
        check(&[1, EXPORT_LIMIT + 1], None);
    }
}
