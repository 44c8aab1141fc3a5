//! The directory of a linker wrapper: the program under the name of the linker, its task, and the
//! reports that it leaves.
//!
//! Cargo passes `-C linker=<directory>/<name>` to rustc: a link to the program that contains the
//! [wrapper](crate::executable) ([`placement`](crate::system::placement)). The task lies beside it
//! in [`TASK_FILE`]. The name is that of the real linker, because rustc infers the linker flavor
//! from it (`clang` and `ld.lld` mean something; rustc 1.95, `rustc_codegen_ssa::back::link`). The
//! wrapper finds its task by the name by which it was called. It reads no environment variable,
//! since test programs and nested builds would inherit that.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fallback::Fallback;
use super::json::{read_json, write_json};
use crate::system::files::scratch_directory;
use crate::system::placement::{self, WrapperProgram};
use crate::{Error, Result};

/// The task of the linker wrapper, in [`TASK_FILE`] beside the name by which it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum WrapperTask {
    /// Write the link line to [`RECORD_FILE`] in the same directory and link nothing.
    Record,
    /// Link an executable against groups.
    Link(LinkTask),
}

/// How to link one executable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTask {
    /// The description of the executable for reports. None for a doctest, which rustdoc removes
    /// after its run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<ExecutableInTask>,
    /// The real linker.
    pub linker: PathBuf,
    /// Manifests of all groups the executable uses, dependents first.
    pub manifests: Vec<PathBuf>,
    /// Entries for the run path, in order.
    pub run_paths: Vec<OsString>,
    /// Whether to leave the arguments of the linker in [`RECORD_FILE`].
    pub record: bool,
    /// Whether the files that the link line names stay, so that it can be run again.
    pub keep: bool,
    /// The events to write to [`LOG_FILE`], in the syntax of the variable `CARGO_LOG`. They are in
    /// the task, since the program that runs rustc may have another environment (sccache).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// The description of an executable in the task of its link, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutableInTask {
    /// Its name for people.
    pub name: String,
    /// Its file name, as Cargo passes it to rustc.
    pub file: String,
    /// The libraries that stay in it whatever they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptLibrary>,
}

/// A library that stays in an executable because the user says so, or because Cargo knows that it
/// has to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptLibrary {
    /// Its name for people: package and version.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Whether a profile says so.
    pub by_profile: bool,
}

/// File name of the [`WrapperTask`] in the directory of the linker wrapper. Nobody else has such a
/// file, so a Cargo that is called from another directory is not taken for a linker.
pub const TASK_FILE: &str = "dynamic-deps-task.json";
/// File name of the linker's arguments, which the wrapper writes if the task says so.
pub const RECORD_FILE: &str = "link-line.json";
/// File name of the events of the links, one line each. rustc 1.95 does not show the output of a
/// linker that succeeds (the lint `linker_messages` is allowed), so the events cannot go there.
pub const LOG_FILE: &str = "log";
/// File name of the [`Making`](super::Making) of the executable that the wrapper has linked last.
pub const LINKED_FILE: &str = "linked.json";
/// File name of the [`Fallback`] that a failed dynamic link leaves.
pub const FALLBACK_FILE: &str = "fallback.json";

/// File name of the wrapper if the user names no linker: rustc infers nothing from it, and uses its
/// defaults.
const NEUTRAL_NAME: &str = "linker";

/// Puts the wrapper into `directory` and returns the path to give to rustc.
///
/// `program` is the program that calls
/// [`run_if_called_as_linker`](crate::executable::run_if_called_as_linker); `linker` the
/// real one.
///
/// # Errors
/// When the directory cannot be written to.
pub fn install(directory: &Path, program: &WrapperProgram, linker: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
    let name = match linker.file_name() {
        // rustc infers nothing from the name of the default linker either, and a user who names it
        // gets the same.
        Some(name) if name != "cc" => name,
        _ => NEUTRAL_NAME.as_ref(),
    };
    placement::place(directory, name, program)
}

/// The codegen option that makes rustc call the wrapper.
pub fn linker_flag(path: &Path) -> OsString {
    let mut flag = OsString::from("linker=");
    flag.push(path);
    flag
}

/// Removes the files that earlier links left in `directory`: a report, or the files of a link that
/// was killed. The caller ensures that no link is under way there.
///
/// # Errors
/// When the directory cannot be removed or made.
pub fn clear(directory: &Path) -> Result<()> {
    scratch_directory(directory.to_owned()).map(drop)
}

/// Puts the wrapper and its task into `directory`. Links that are under way there go on.
///
/// # Errors
/// When the directory cannot be written to.
pub fn prepare(directory: &Path, program: &WrapperProgram, task: LinkTask) -> Result<PathBuf> {
    let path = install(directory, program, &task.linker)?;
    write_json(&directory.join(TASK_FILE), &WrapperTask::Link(task))?;
    Ok(path)
}

/// The report that the wrapper in `directory` left, if it fell back to the static link.
///
/// # Errors
/// When the report cannot be read.
pub fn fallback_report(directory: &Path) -> Result<Option<Fallback>> {
    let path = directory.join(FALLBACK_FILE);
    path.exists().then(|| read_json(&path)).transpose()
}

/// The events of the links of the wrapper in `directory`, if the task asked for them; at most once.
///
/// # Errors
/// When they cannot be read or removed.
pub fn take_log(directory: &Path) -> Result<Option<String>> {
    let path = directory.join(LOG_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let log = fs::read(&path).map_err(Error::io("read", &path))?;
    fs::remove_file(&path).map_err(Error::io("remove", path))?;
    Ok(Some(String::from_utf8_lossy(&log).into_owned()))
}

/// The linker that the wrapper in `directory` ran last and its arguments, if they were
/// recorded; at most once.
///
/// # Errors
/// When the record cannot be read or removed.
pub fn take_record(directory: &Path) -> Result<Option<(PathBuf, Vec<OsString>)>> {
    let path = directory.join(RECORD_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let args = read_json(&path)?;
    fs::remove_file(&path).map_err(Error::io("remove", path))?;
    Ok(match read_json(&directory.join(TASK_FILE))? {
        WrapperTask::Link(task) => Some((task.linker, args)),
        WrapperTask::Record => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(directory: &Path) -> WrapperProgram {
        WrapperProgram {
            program: std::env::current_exe().unwrap(),
            copies: directory.join("copies"),
        }
    }

    #[test]
    fn links_under_way_go_on_when_the_wrapper_is_prepared_again() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("linker");
        let program = program(&directory);
        let task = LinkTask {
            executable: None,
            linker: "cc".into(),
            manifests: Vec::new(),
            run_paths: Vec::new(),
            record: false,
            keep: false,
            log: None,
        };
        let path = prepare(&directory, &program, task.clone()).unwrap();
        let scratch = directory.join("link-1");
        fs::create_dir(&scratch).unwrap();
        assert_eq!(prepare(&directory, &program, task).unwrap(), path);
        assert!(scratch.exists());
        clear(&directory).unwrap();
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }

    #[test]
    fn the_name_of_the_linker_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let program = program(directory.path());
        let name = |linker: &str| {
            let path = install(directory.path(), &program, Path::new(linker)).unwrap();
            assert_eq!(fs::read_link(&path).unwrap(), program.program);
            path.file_name().unwrap().to_owned()
        };
        assert_eq!(name("/usr/bin/clang"), "clang");
        assert_eq!(name("ld.lld"), "ld.lld");
        assert_eq!(name("cc"), "linker");
    }
}
