//! The group of the crates that come with rustc, and how rustc links at all.
//!
//! Only rustc knows which rlibs of the sysroot a program needs, which platform libraries follow
//! them, and which arguments the linker gets for this target triple and these flags. So we ask
//! rustc: it links an empty program with the linker wrapper in the place of the linker, and the
//! wrapper writes down the line.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::group::effects::Users;
use crate::group::{BeforeLink, GroupJob, Library, Outcome};
use crate::line::template::{LinkTemplate, dissect};
use crate::record::wrapper::{self, RECORD_FILE, TASK_FILE, WrapperTask};
use crate::record::{Refusal, read_json, write_json};
use crate::system::files::scratch_directory;
use crate::system::placement::WrapperProgram;
use crate::{Error, Result};

/// How to ask rustc.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The compiler.
    pub rustc: PathBuf,
    /// Flags that decide on the link: target, linker, link arguments, panic strategy.
    pub flags: Vec<OsString>,
    /// Whether to ask for a test harness, which has the most crates of the
    /// sysroot. rustc makes none for `-C panic=abort`.
    pub harness: bool,
    /// The real linker.
    pub linker: PathBuf,
    /// The program that contains the linker wrapper.
    pub wrapper: WrapperProgram,
}

/// Makes the shared object of the sysroot crates. `job` has no libraries of its
/// own and no groups below.
///
/// If rustc fails to link the program, or the linker refuses the group, the group has no members,
/// and the manifest says why.
///
/// # Errors
/// When a file cannot be read or written.
pub fn run(job: &GroupJob, probe: &Probe, before_link: BeforeLink<'_>) -> Result<Outcome> {
    let (template, rlibs) = match probe.ask(job) {
        Err(error) => return job.refuse(Refusal::of(error)?),
        Ok(asked) => asked,
    };
    let job = GroupJob {
        libraries: rlibs.into_iter().map(library).collect(),
        ..job.clone()
    };
    job.run_as_sysroot(template, before_link)
}

impl Probe {
    /// Has rustc link a program, and returns the template of its link and the rlibs on it.
    fn ask(&self, job: &GroupJob) -> Result<(LinkTemplate, Vec<PathBuf>)> {
        let scratch = scratch_directory(job.scratch.clone())?;
        let source = scratch.join("probe.rs");
        // Not only macros use `proc_macro`: a library may use it at run time.
        let text = "extern crate proc_macro;\nfn main() {}\n";
        fs::write(&source, text).map_err(Error::io("write", &source))?;
        let linker = wrapper::install(&scratch, &self.wrapper, &self.linker)?;
        write_json(&scratch.join(TASK_FILE), &WrapperTask::Record)?;

        let mut command = Command::new(&self.rustc);
        command.args([
            "--crate-name",
            "probe",
            "--edition",
            "2021",
            "--cap-lints",
            "allow",
        ]);
        command.args(if self.harness {
            ["--test", "-Awarnings"]
        } else {
            ["--crate-type", "bin"]
        });
        let output = command
            .current_dir(&job.working_directory)
            .envs(job.environment.iter().cloned())
            .arg(&source)
            .arg("-o")
            .arg(scratch.join("probe"))
            .args(&self.flags)
            .arg("-C")
            .arg(wrapper::linker_flag(&linker))
            .output()
            .map_err(|source| Error::Spawn {
                program: self.rustc.clone(),
                source,
            })?;
        let record = scratch.join(RECORD_FILE);
        if !output.status.success() || !record.exists() {
            return Err(Error::Probe {
                rustc: self.rustc.clone(),
                status: output.status,
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
        }
        let args: Vec<OsString> = read_json(&record)?;
        dissect(&self.linker, &args)
    }
}

fn library(rlib: PathBuf) -> Library {
    let name = rlib.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_prefix("lib").unwrap_or(&name);
    let name = name.rsplit_once('-').map_or(name, |(name, _hash)| name);
    Library {
        name: name.to_owned(),
        key: 0,
        rlib,
        dependencies: Vec::new(),
        users: Users::default(),
        native_search: Vec::new(),
        native_libraries: Vec::new(),
    }
}
