//! What the name of a symbol tells.

/// Whether a symbol is of rustc's pseudo crate `__rustc` (rustc 1.95: v0-mangled as
/// `_RNvCs<hash>_7___rustc<length><name>`): allocator functions and the panic handler,
/// which tie a program to its runtime.
pub(crate) fn ties_to_runtime(symbol: &[u8]) -> bool {
    const CRATE: &[u8] = b"_7___rustc";
    symbol.starts_with(b"_R") && symbol.windows(CRATE.len()).any(|part| part == CRATE)
}

/// Whether a name is rustc's, and so holds a hash of its crate: `_R<path>` (v0; the tags of a
/// path are in "v0 Symbol Format" of the rustc book), or `_ZN…17h<16 hexadecimal digits>E`
/// (legacy), which C++ never ends in.
pub(crate) fn is_mangled_by_rustc(symbol: &[u8]) -> bool {
    let Some(path) = symbol.strip_prefix(b"_ZN") else {
        let path = symbol.strip_prefix(b"_R").unwrap_or_default();
        let tag = path.iter().find(|byte| !byte.is_ascii_digit());
        return tag.is_some_and(|tag| b"CMXYNIB".contains(tag));
    };
    let Some(hash) = path
        .strip_suffix(b"E")
        .and_then(|path| path.last_chunk::<19>())
    else {
        return false;
    };
    hash.starts_with(b"17h") && hash[3..].iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_rustc_mangles_are_told_from_those_of_cpp() {
        #[track_caller]
        fn check(name: &str, expected: bool) {
            assert_eq!(is_mangled_by_rustc(name.as_bytes()), expected);
        }
        check("_RNvCs1_3foo3bar", true);
        check("_R0NvCs1_3foo3bar", true);
        check("_Read_configuration", false);
        check("_R", false);
        check("_ZN3foo3bar17h0123456789abcdefE", true);
        check("_ZN3foo3barEv", false);
        check("_ZN3foo17h0123456789abcdefEv", false);
        check("_ZN17h0E", false);
        check("sqlite3_open", false);
    }
}
