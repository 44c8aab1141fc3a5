//! Private definitions: those that a group defines only for files that are linked against it.
//!
//! A static program shows its definitions to no library that it loads later (`dlopen`, NSS, PAM): a
//! plugin that has a C library of its own uses that one, even if the program has another version of
//! it inside. A shared object shows all of its definitions. So we hide those with a name of Rust,
//! and those of C and of `#[no_mangle]` functions, behind the version of the
//! [layout](crate::elf::layout).
//!
//! These definitions of a group are not private:
//!
//! - weak ones, such as inline functions of C++, since the process should have one of each;
//! - those to which a group below refers, since it was linked before the version was there;
//! - those that a shared library of the group names, since in a static link, the linker shows these
//!   to that library;
//! - all, if [`shows_symbols`] holds for the link args that every program has.

use std::ffi::OsStr;

use crate::line::syntax::names_option;

/// Whether an argument shows symbols of a program to libraries that it loads later, or gives
/// versions to symbols.
pub(crate) fn shows_symbols(arg: &OsStr) -> bool {
    const OPTIONS: [&[u8]; 10] = [
        b"rdynamic",
        b"E",
        b"export-dynamic",
        b"export-dynamic-symbol",
        b"export-dynamic-symbol-list",
        b"dynamic-list",
        b"dynamic-list-data",
        b"dynamic-list-cpp-new",
        b"dynamic-list-cpp-typeinfo",
        b"version-script",
    ];
    names_option(arg, &OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_args_that_show_symbols_are_told() {
        for arg in [
            "-rdynamic",
            "-Wl,-E",
            "-Wl,-O1,--export-dynamic",
            "--export-dynamic",
            "-Wl,--dynamic-list=symbols",
            "-Wl,--dynamic-list,symbols",
            "-Wl,--dynamic-list-data",
            "-Wl,--dynamic-list-cpp-new",
            "-Wl,--dynamic-list-cpp-typeinfo",
            "-Wl,--export-dynamic-symbol=hook",
            "-Wl,--version-script=versions",
        ] {
            assert!(shows_symbols(OsStr::new(arg)), "{arg}");
        }
        for arg in [
            "-Wl,-rpath,/E",
            "-Wl,--exclude-libs,ALL",
            "E",
            "-l",
            "-export",
        ] {
            assert!(!shows_symbols(OsStr::new(arg)), "{arg}");
        }
    }
}
