//! Which shared objects of groups an executable loads, and where the loader finds them.
//!
//! The executable itself says so, by DT_NEEDED and its run path. So this module also serves
//! executables that were linked against groups that no plan contains any more, because a build of
//! another selection formed others.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::elf::DynamicInfo;
use crate::elf::layout;
use crate::record::{NAME_PREFIX, remove_unneeded_in};
use crate::system::files;
use crate::{Error, Result};

/// A shared object that an executable was linked against.
struct LoadedGroup {
    soname: String,
    /// Where the loader looks, in order.
    candidates: Vec<PathBuf>,
    /// The layout that it has to have.
    layout: Option<String>,
}

impl LoadedGroup {
    fn found(&self) -> Option<&PathBuf> {
        self.candidates.iter().find(|path| path.exists())
    }

    /// The first candidate that no earlier export left in `directory`.
    fn found_outside(&self, directory: &Path) -> Option<&PathBuf> {
        let directory = directory.canonicalize().ok();
        let is_outside = |path: &&PathBuf| {
            let of = path.parent().and_then(|parent| parent.canonicalize().ok());
            of != directory
        };
        let mut candidates = self.candidates.iter().filter(|path| path.exists());
        candidates.find(is_outside)
    }

    /// Why the loader refuses the first file that it finds, if it does. It looks no further.
    fn why_not_loadable(&self) -> Result<Option<CannotLoad>> {
        let Some(found) = self.found() else {
            let first = self.candidates.first().cloned();
            let path = first.unwrap_or_else(|| self.soname.clone().into());
            return Ok(Some(CannotLoad::Missing(path)));
        };
        let Some(layout) = &self.layout else {
            return Ok(None);
        };
        let is_other = layout::of(found)?.as_ref() != Some(layout);
        Ok(is_other.then(|| CannotLoad::OtherLayout {
            path: found.clone(),
            layout: layout.clone(),
        }))
    }
}

/// Why an executable cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CannotLoad {
    /// This shared object is not there.
    Missing(PathBuf),
    /// The loader finds a shared object that has another layout than the executable needs.
    OtherLayout {
        /// The shared object.
        path: PathBuf,
        /// The name of the version that the executable needs of it.
        layout: String,
    },
}

/// The reason why `executable` cannot load a shared object of a group. None if it is no dynamic
/// executable.
///
/// # Errors
/// When the executable or a shared object cannot be read.
pub fn why_not_loadable(executable: &Path) -> Result<Option<CannotLoad>> {
    let groups = loaded_groups(executable)?.into_iter();
    let mut reasons = groups.map(|group| group.why_not_loadable());
    reasons.find_map(Result::transpose).transpose()
}

/// Puts the shared objects of groups that `executable` loads into `directory`, and removes
/// there those that no executable in it needs any more.
///
/// # Errors
/// When a file cannot be read, made or removed.
pub fn export_groups(executable: &Path, directory: &Path) -> Result<()> {
    let groups = loaded_groups(executable)?;
    for group in &groups {
        if let Some(original) = group.found_outside(directory) {
            files::link_or_copy(original, &directory.join(&group.soname))?;
        }
    }
    let current = groups.into_iter().map(|group| group.soname);
    remove_unneeded_in(directory, &current.collect::<HashSet<_>>())
}

fn loaded_groups(executable: &Path) -> Result<Vec<LoadedGroup>> {
    let Some(info) = DynamicInfo::read(executable)? else {
        return Ok(Vec::new());
    };
    let origin = match std::path::absolute(executable) {
        Ok(path) => path.with_file_name(""),
        Err(error) => return Err(Error::io("find", executable)(error)),
    };
    let directories: Vec<PathBuf> = info
        .run_path
        .iter()
        .map(|entry| match entry.strip_prefix("$ORIGIN") {
            Some(rest) => origin.join(rest.trim_start_matches('/')),
            None => PathBuf::from(entry),
        })
        .collect();
    let mut groups = info.needed;
    groups.retain(|soname| soname.starts_with(NAME_PREFIX));
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let mut layouts = layout::needed(executable)?;
    let groups = groups.into_iter();
    Ok(groups
        .map(|soname| LoadedGroup {
            candidates: directories.iter().map(|dir| dir.join(&soname)).collect(),
            layout: layouts.remove(&soname),
            soname,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    /// A program in `bin` that is linked against a shared object in `lib`, with an option by which
    /// a linker chooses the kind of its run path.
    fn program(directory: &Path, soname: &str, dtags: &str) -> PathBuf {
        let path = |name: &str| directory.join(name);
        for name in ["bin", "lib"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path("main.c"), "int main(void) { return 0; }").unwrap();
        let library = path("lib").join(soname);
        let executable = path("bin/app");
        let cc = |command: &mut Command| assert!(command.status().unwrap().success());
        let name = format!("-Wl,-soname,{soname}");
        cc(Command::new("cc")
            .args(["-shared", &name, "-o"])
            .arg(&library));
        cc(Command::new("cc")
            .arg(format!("-Wl,--no-as-needed,{dtags},-rpath,$ORIGIN/../lib"))
            .arg("-o")
            .args([&executable, &path("main.c"), &library]));
        executable
    }

    #[test]
    fn what_the_loader_would_miss_is_told() {
        for dtags in ["--enable-new-dtags", "--disable-new-dtags"] {
            let directory = tempfile::tempdir().unwrap();
            let soname = "dynamic-deps-local-1_0123456789abcdef.so";
            let executable = program(directory.path(), soname, dtags);
            assert_eq!(why_not_loadable(&executable).unwrap(), None, "{dtags}");
            fs::remove_file(directory.path().join("lib").join(soname)).unwrap();
            let Some(CannotLoad::Missing(missing)) = why_not_loadable(&executable).unwrap() else {
                panic!("{:?}", why_not_loadable(&executable));
            };
            assert_eq!(missing.file_name().unwrap(), soname);
            assert_eq!(
                why_not_loadable(&directory.path().join("main.c")).unwrap(),
                None
            );
        }
    }

    #[test]
    fn what_the_executable_loads_goes_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let soname = "dynamic-deps-local-1_0123456789abcdef.so";
        // An executable that Cargo links looks first in the directory to which it is exported.
        let dtags = "--enable-new-dtags,-rpath,$ORIGIN/../out";
        let executable = program(directory.path(), soname, dtags);
        let library = |directory: &Path| directory.join("lib").join(soname);
        let out = directory.path().join("out");
        fs::create_dir(&out).unwrap();
        let older = out.join("dynamic-deps-local-2_0123456789abcdef.so");
        let foreign = out.join("dynamic-deps.so");
        for path in [&older, &foreign] {
            fs::write(path, "").unwrap();
        }
        fs::copy(&executable, out.join("app")).unwrap();
        export_groups(&executable, &out).unwrap();
        assert!(out.join(soname).exists() && foreign.exists());
        assert!(!older.exists());

        // A shared object that was made again takes the place of the one that was exported.
        fs::remove_file(library(directory.path())).unwrap();
        fs::write(library(directory.path()), "made again").unwrap();
        export_groups(&executable, &out).unwrap();
        assert_eq!(fs::read(out.join(soname)).unwrap(), b"made again");

        // It stays for the executable that is there, whoever exports next.
        let other = directory.path().join("main.c");
        export_groups(&other, &out).unwrap();
        assert!(out.join(soname).exists());
    }
}
