//! Symbols that the linker, or an object that the compiler driver adds, defines for each
//! output on its own.
//!
//! A library that names such a symbol gets that of the program in a static link, and that of the
//! shared object in a shared object. That makes a difference if the code means the program: for
//! example, if it asks where the program's code ends, or reads the program's header.

use Whose::{Output, Program};

/// Whose symbol the code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// That of the output in which the code is. Compilers write such references.
    Output,
    /// That of the program. People write such references.
    Program,
}

/// The symbols, by their meanings. `lld/ELF/Writer.cpp` (`addReservedSymbols`,
/// `addStartEndSymbols`) and `ld --verbose` (the script of GNU ld) list those of linkers.
const TABLE: [(&[&str], Whose); 15] = [
    // The global offset table of x86, ARM and others: assemblers write a reference into nearly
    // every object of position independent C code (System V psABI, "Global Offset Table"). Code
    // means the table of its own output.
    (&["_GLOBAL_OFFSET_TABLE_"], Output),
    // The same of PowerPC (ELFv2 ABI, `.TOC.`; System V psABI, "Small Data Area") and of MIPS
    // (psABI, "Global Data Symbols").
    (&[".TOC.", "_SDA_BASE_", "_SDA2_BASE_"], Output),
    (&["_gp", "_gp_disp", "__gnu_local_gp"], Output),
    // Where the thread locals of the output begin, for TLS descriptors of local symbols ("ELF
    // Handling For Thread-Local Storage"; compilers for AArch64 use them throughout).
    (&["_TLS_MODULE_BASE_"], Output),
    // Compilers give it to `__cxa_atexit` for variables of C++ functions, to say with which
    // output a destructor goes (Itanium C++ ABI, 3.3.6 "DSO Object Destruction API"). Groups
    // stay loaded until the program ends, and `exit` calls all destructors in one order
    // whatever the handle.
    (&["__dso_handle"], Output),
    // The ELF header: code that reads it looks for the entry or the segments of the program.
    (&["__ehdr_start", "__executable_start"], Program),
    // The bounds of code and variables (etext(3)).
    (&["etext", "_etext", "__etext", "edata", "_edata"], Program),
    (&["end", "_end", "__bss_start", "__tdata_start"], Program),
    // The bounds of the functions to call before `main` and after it. In a group they are not those
    // of the program; in a static program, start-up code uses them.
    (
        &[
            "__preinit_array_start",
            "__preinit_array_end",
            "__init_array_start",
            "__init_array_end",
            "__fini_array_start",
            "__fini_array_end",
        ],
        Program,
    ),
    // The dynamic section. That of the program alone has DT_DEBUG, by which debuggers and
    // profilers find what is loaded (gABI, "Dynamic Section").
    (&["_DYNAMIC"], Program),
    // Relocations that start-up code of a program without a loader applies.
    (
        &[
            "__rela_iplt_start",
            "__rela_iplt_end",
            "__rel_iplt_start",
            "__rel_iplt_end",
        ],
        Program,
    ),
    // Unwinding tables: mold and GNU ld name those of the output, and for ARM all linkers do
    // ("Exception Handling ABI for the Arm Architecture"). An unwinder that is linked in
    // looks for those of all code there.
    (
        &["__GNU_EH_FRAME_HDR", "__exidx_start", "__exidx_end"],
        Program,
    ),
    // The base of small variables for RISC-V, which only programs have (RISC-V psABI).
    (&["__global_pointer$"], Program),
    // The symbols of `crt1.o` of the C library, which goes into programs only.
    (&["_start", "__data_start", "data_start"], Program),
    // The symbols of `crti.o`, which goes into each output.
    (&["_init", "_fini"], Program),
];

/// The bounds of a section that the linker gathers, as `<prefix><name of the section>`, in
/// outputs that have one (GNU ld manual, "Orphan Sections").
const BOUNDS: [&[u8]; 2] = [b"__start_", b"__stop_"];

/// Whose a symbol of this name is, if the linker defines it for each output.
pub(super) fn whose(symbol: &[u8]) -> Option<Whose> {
    let is_bound = |prefix: &&[u8]| symbol.strip_prefix(*prefix).is_some_and(is_c_identifier);
    if BOUNDS.iter().any(is_bound) {
        return Some(Program);
    }
    let mut rows = TABLE.iter();
    let is_symbol = |name: &&str| name.as_bytes() == symbol;
    let (_, whose) = rows.find(|(names, _)| names.iter().any(is_symbol))?;
    Some(*whose)
}

pub(super) fn is_c_identifier(name: &[u8]) -> bool {
    let (first, rest) = match name.split_first() {
        Some(split) => split,
        None => return false,
    };
    (first.is_ascii_alphabetic() || *first == b'_')
        && rest
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_symbol_is_in_one_row() {
        let mut seen = HashSet::new();
        for name in TABLE.iter().flat_map(|(names, _)| *names) {
            assert!(seen.insert(name), "{name}");
        }
    }

    #[test]
    fn bounds_are_those_of_names_that_c_can_write() {
        #[track_caller]
        fn check(symbol: &str, expected: Option<Whose>) {
            assert_eq!(whose(symbol.as_bytes()), expected, "{symbol}");
        }
        check("__start_linkme_ROUTES", Some(Program));
        check("__stop___llvm_prf_cnts", Some(Program));
        check("__start_", None);
        check("__start_1", None);
        check("__start_.text", None);
        check("start_list", None);
        check("end", Some(Program));
        check("ended", None);
        check("__dso_handle", Some(Output));
    }
}
