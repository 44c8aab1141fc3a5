//! The names of symbols: which are rustc's, and which tie a program to its runtime.

/// The symbols of rustc's pseudo crate `__rustc` in older compilers, which did not mangle them yet
/// (seen with rustc 1.85). std takes some from the allocator shim, the shim takes some from std or
/// from a `#[global_allocator]`, and std and the panic runtime take some from each other.
const OF_OLDER_RUSTC: [&[u8]; 21] = [
    b"__rdl_alloc",
    b"__rdl_alloc_zeroed",
    b"__rdl_dealloc",
    b"__rdl_oom",
    b"__rdl_realloc",
    b"__rg_alloc",
    b"__rg_alloc_zeroed",
    b"__rg_dealloc",
    b"__rg_oom",
    b"__rg_realloc",
    b"__rust_alloc",
    b"__rust_alloc_error_handler",
    b"__rust_alloc_error_handler_should_panic",
    b"__rust_alloc_zeroed",
    b"__rust_dealloc",
    b"__rust_drop_panic",
    b"__rust_foreign_exception",
    b"__rust_no_alloc_shim_is_unstable",
    b"__rust_panic_cleanup",
    b"__rust_realloc",
    b"__rust_start_panic",
];

/// Whether a symbol is of rustc's pseudo crate `__rustc` (rustc 1.95: v0-mangled as
/// `_RNvCs<hash>_7___rustc<length><name>`): allocator functions and the panic handler,
/// which tie a program to its runtime.
pub(crate) fn ties_to_runtime(symbol: &[u8]) -> bool {
    const CRATE: &[u8] = b"_7___rustc";
    match symbol.starts_with(b"_R") {
        true => symbol.windows(CRATE.len()).any(|part| part == CRATE),
        false => is_of_older_rustc(symbol),
    }
}

fn is_of_older_rustc(symbol: &[u8]) -> bool {
    symbol.starts_with(b"__r") && OF_OLDER_RUSTC.binary_search(&symbol).is_ok()
}

/// Whether a name is rustc's. Most hold a hash of their crate: `_R<path>` (v0; the tags of a
/// path are in "v0 Symbol Format" of the rustc book), or `_ZN…17h<16 hexadecimal digits>E`
/// (legacy), which C++ never ends in.
pub(crate) fn is_mangled_by_rustc(symbol: &[u8]) -> bool {
    let Some(path) = symbol.strip_prefix(b"_ZN") else {
        let path = symbol.strip_prefix(b"_R");
        return path.is_some_and(is_v0_path) || is_of_older_rustc(symbol);
    };
    let Some(hash) = path
        .strip_suffix(b"E")
        .and_then(|path| path.last_chunk::<19>())
    else {
        return false;
    };
    hash.starts_with(b"17h") && hash[3..].iter().all(u8::is_ascii_hexdigit)
}

/// Whether a name behind `_R` begins with a path (rustc book, "v0 Symbol Format"). C may have names
/// such as `_RNG_seed`, so we follow the tags up to the crate, or to the first type.
fn is_v0_path(name: &[u8]) -> bool {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut path = &name[digits..];
    loop {
        path = match path {
            [b'C', root @ ..] => {
                return match without_disambiguator(root) {
                    [b'u', length, ..] | [length, ..] => length.is_ascii_digit(),
                    [] => false,
                };
            }
            // A namespace, then the path within which the name lies.
            [b'N', namespace, path @ ..] if namespace.is_ascii_alphabetic() => path,
            [b'M' | b'X', path @ ..] => without_disambiguator(path),
            [b'I', path @ ..] => path,
            // The type for which a trait is implemented: one of the standard library by a small
            // letter, or what a tag begins.
            [b'Y', ty, _, ..] => {
                return ty.is_ascii_lowercase() || b"CMXYNIBASTRQPOFDW".contains(ty);
            }
            _ => return false,
        };
    }
}

/// What follows `s<number in base 62>_`, if that is there.
fn without_disambiguator(path: &[u8]) -> &[u8] {
    let Some(number) = path.strip_prefix(b"s") else {
        return path;
    };
    let digits = number
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric());
    number[digits.count()..].strip_prefix(b"_").unwrap_or(path)
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
        check("_RNvMs0_Cs1_3foo3bar", true);
        check("_RINvNtC3foo3bar3bazlE", true);
        check("_RNvXs_NtCs1_3foo3barNtB4_3baz3run", true);
        check("_RNvYNtC3foo3barNtB2_3baz3run", true);
        check("_RNvCs1_u8gdel_5qa3bar", true);
        check("_Read_configuration", false);
        check("_RNG_seed", false);
        check("_RNG_state2", false);
        check("_RCP", false);
        check("_RBasis", false);
        check("_RMS", false);
        check("_R", false);
        check("_ZN3foo3bar17h0123456789abcdefE", true);
        check("_ZN3foo3barEv", false);
        check("_ZN3foo17h0123456789abcdefEv", false);
        check("_ZN17h0E", false);
        check("sqlite3_open", false);
        check("__rust_alloc", true);
        check("__rust_probestack", false);
    }

    #[test]
    fn what_ties_to_the_runtime_is_known_by_older_names_too() {
        assert!(OF_OLDER_RUSTC.is_sorted());
        for name in OF_OLDER_RUSTC {
            assert!(ties_to_runtime(name));
        }
        assert!(ties_to_runtime(
            b"_RNvCsfgHYwM92fyn_7___rustc12___rust_alloc"
        ));
        assert!(!ties_to_runtime(b"_RNvCsfgHYwM92fyn_3foo12___rust_alloc"));
        assert!(!ties_to_runtime(b"__rust_alloc_of_mine"));
        assert!(!ties_to_runtime(b"rust_eh_personality"));
    }
}
