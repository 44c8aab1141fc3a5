//! What a linked file says about how it was linked.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use link_engine::elf::DynamicInfo;
use object::{Object, ObjectSection};

/// Files of groups are named `dynamic-deps-<group>-…`, and so are their sonames and Cargo targets.
pub const GROUP_PREFIX: &str = "dynamic-deps-";

/// Whether a file, soname or Cargo target is named like a group.
pub fn is_group(name: &str) -> bool {
    name.starts_with(GROUP_PREFIX)
}

/// Names of the libraries that an executable or a shared object needs.
///
/// # Errors
/// When the file cannot be read, or is not an ELF file.
pub fn needed(file: &Path) -> Result<Vec<String>> {
    let info = DynamicInfo::read(file)?;
    let info = info.with_context(|| format!("`{}` is not an ELF file", file.display()))?;
    Ok(info.needed)
}

/// Those of them that are groups, by soname.
///
/// # Errors
/// When the file cannot be read, or is not an ELF file.
pub fn groups_needed(file: &Path) -> Result<Vec<String>> {
    let mut sonames = needed(file)?;
    sonames.retain(|soname| is_group(soname));
    Ok(sonames)
}

/// The linker as it names itself in what it has linked: lld, mold and wild do, GNU ld does not.
///
/// # Errors
/// When the file cannot be read, or is not an object file.
pub fn linker(file: &Path) -> Result<Option<String>> {
    let describe = || format!("failed to read `{}`", file.display());
    let content = fs::read(file).with_context(describe)?;
    let object = object::File::parse(&*content).with_context(describe)?;
    let Some(section) = object.section_by_name(".comment") else {
        return Ok(None);
    };
    let data = section.data().with_context(describe)?;
    let comment = String::from_utf8_lossy(data);
    Ok(comment.split('\0').find_map(linker_name))
}

fn linker_name(comment: &str) -> Option<String> {
    let name = match comment.strip_prefix("Linker: ") {
        Some(name) => name,
        None if comment.starts_with("mold ") => comment,
        None => return None,
    };
    let name = name.split(" (").next().unwrap_or(name);
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linkers_name_themselves() {
        #[track_caller]
        fn check(comment: &str, expected: Option<&str>) {
            assert_eq!(linker_name(comment).as_deref(), expected);
        }
        check(
            "Linker: LLD 22.1.2 (/checkout/llvm 1cb4)",
            Some("LLD 22.1.2"),
        );
        check("mold 2.40.4 (compatible with GNU ld)", Some("mold 2.40.4"));
        check("rustc version 1.95.0 (59807616e 2026-04-14)", None);
        check("GCC: (Debian 12.2.0-14) 12.2.0", None);
    }

    #[test]
    fn the_program_that_runs_this_test_was_linked() {
        assert!(linker(&std::env::current_exe().unwrap()).is_ok());
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(linker(&manifest).is_err());
    }
}
