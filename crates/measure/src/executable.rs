//! The facts in a linked file about its link.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use link_engine::DynamicInfo;
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

/// The files of all groups that the system's loader maps for an executable, including those that
/// only other groups need.
///
/// # Errors
/// When the loader cannot be asked.
pub fn loaded_groups(executable: &Path) -> Result<Vec<PathBuf>> {
    // See `man 8 ld.so`: the loader lists the files that it would load, and runs nothing.
    let listed = Command::new(executable)
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .with_context(|| format!("failed to run `{}`", executable.display()))?;
    ensure!(
        listed.status.success(),
        "the loader does not say what `{}` loads",
        executable.display()
    );
    listed_groups(&String::from_utf8_lossy(&listed.stdout))
}

/// A line of the list is `name => path (address)`, or `name => not found`.
fn listed_groups(listed: &str) -> Result<Vec<PathBuf>> {
    let lines = listed.lines().map(str::trim);
    lines
        .filter(|line| is_group(line))
        .map(|line| {
            let path = line.split_once(" => ").and_then(|(_, place)| {
                let (path, _address) = place.rsplit_once(" (")?;
                Some(PathBuf::from(path))
            });
            path.with_context(|| format!("the loader does not find a group: `{line}`"))
        })
        .collect()
}

/// The name that a linker writes into the files that it links: lld, mold and wild write one, GNU ld
/// does not.
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
    fn groups_are_those_that_the_loader_finds() {
        let listed = "\tlinux-vdso.so.1 (0x7ff)\n\tdynamic-deps-local-1_2.so => /d (e)/dynamic-deps-local-1_2.so (0x7f)\n\
                      \tdynamic-deps-frozen-5_6.so => /d/5.so (0x7f)\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n";
        assert_eq!(
            listed_groups(listed).unwrap(),
            ["/d (e)/dynamic-deps-local-1_2.so", "/d/5.so"].map(PathBuf::from)
        );
        let error = listed_groups("\tdynamic-deps-local-1_2.so => not found\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the loader does not find a group: `dynamic-deps-local-1_2.so => not found`"
        );
        let program = std::env::current_exe().unwrap();
        assert!(loaded_groups(&program).unwrap().is_empty());
    }

    #[test]
    fn the_program_that_runs_this_test_was_linked() {
        assert!(linker(&std::env::current_exe().unwrap()).is_ok());
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(linker(&manifest).is_err());
    }
}
