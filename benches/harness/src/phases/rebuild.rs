//! Builds after an edit: of executables, and of tests.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use measure::messages::Artifacts;

use super::Site;
use super::sizes::sizes;
use crate::peers::Way;
use crate::results::{Measured, Phase, Quantity};
use crate::runner::Runner;

impl Site<'_> {
    /// One round of the phases that build executables after an edit.
    pub(super) fn rebuild(&self, phase: Phase, runner: &mut Runner) -> Result<Vec<Measured>> {
        self.edit(phase)?;
        let build = self.run(runner, &mut self.build())?;
        let artifacts = &build.artifacts;
        let compiled = artifacts.compiled_dependencies();
        ensure!(
            (compiled == 0) == (phase == Phase::RebuildBin),
            "a build after an edit of `{}` compiled {:?}",
            self.workload.edit(phase).unwrap_or_default(),
            artifacts.compiled()
        );
        let mut measured = self.times(&build.ran)?;
        if self.peer.way == Way::Groups {
            let groups = artifacts.groups_made() as f64;
            measured.push(Measured::fact(Quantity::GroupsMade, groups));
        }
        if let Some(program) = self.workload.program {
            ensure!(
                artifacts.compiled().contains(program),
                "`{program}` was not linked after an edit"
            );
            let executable = artifacts.executable(program)?;
            self.peer.require(&executable)?;
            measured.extend(after_libraries(artifacts)?);
        }
        Ok(measured)
    }

    /// One round of the phases that build tests after an edit.
    pub(super) fn tests(&self, phase: Phase, runner: &mut Runner) -> Result<Vec<Measured>> {
        self.edit(phase)?;
        let build = self.run(runner, &mut self.build_tests())?;
        ensure!(
            !build.artifacts.compiled().is_empty(),
            "no test was built after an edit"
        );
        if phase == Phase::TestsBelow {
            ensure!(
                build.artifacts.compiled_dependencies() > 0,
                "no library was compiled after an edit of one below the tests"
            );
        }
        for executable in build.artifacts.executables() {
            self.peer.require(executable)?;
        }
        let mut measured = vec![self.time(&build.ran)?];
        measured.extend(sizes(&build.artifacts, self.peer)?);
        Ok(measured)
    }
}

/// The time from the completion of a build's last rlib to that of its last executable. None if no library was compiled,
/// or if the last one was complete after all executables, which then do not depend on it.
///
/// rustc writes an rlib last of all, so the rlib's modification time is that of its completion. A linker may map an
/// executable into memory, so the modification time of an executable may be too early. But when it is complete, Cargo
/// hard-links it to the name that users know, which sets its status change time.
fn after_libraries(artifacts: &Artifacts) -> Result<Option<Measured>> {
    let metadata = |file: &Path| {
        fs::metadata(file).with_context(|| format!("failed to read `{}`", file.display()))
    };
    let (mut compiled, mut finished) = (f64::MIN, f64::MIN);
    for library in artifacts.compiled_libraries() {
        let library = metadata(library)?;
        compiled = compiled.max(seconds(library.mtime(), library.mtime_nsec()));
    }
    if compiled == f64::MIN {
        return Ok(None);
    }
    for executable in artifacts.linked() {
        let executable = metadata(executable)?;
        finished = finished.max(seconds(executable.ctime(), executable.ctime_nsec()));
    }
    let after = finished - compiled;
    Ok((after >= 0.0).then(|| Measured::fact(Quantity::AfterLibrariesSeconds, after)))
}

fn seconds(seconds: i64, nanoseconds: i64) -> f64 {
    seconds as f64 + nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};
    use std::time::{Duration, SystemTime};

    use super::*;

    fn message(name: &str, file: &Path, is_fresh: bool, is_executable: bool) -> String {
        let message = serde_json::json!({
            "reason": "compiler-artifact", "package_id": name, "fresh": is_fresh,
            "filenames": [file], "executable": is_executable.then_some(file),
            "target": { "name": name, "kind": ["lib"], "doctest": true },
            "profile": { "test": false },
        });
        format!("{message}\n")
    }

    #[test]
    fn time_after_libraries_is_that_of_the_last_that_was_compiled() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let ago = |seconds| now - Duration::from_secs(seconds);
        let write = |name: &str, modified: SystemTime| {
            let path = directory.path().join(name);
            let times = FileTimes::new().set_modified(modified);
            File::create(&path).unwrap().set_times(times).unwrap();
            path
        };
        let library = |name: &str, modified: SystemTime, is_fresh: bool| {
            message(
                name,
                &write(&format!("lib{name}.rlib"), modified),
                is_fresh,
                false,
            )
        };
        let early = library("early", ago(9), false);
        let late = library("late", ago(5), false);
        let fresh = library("fresh", ago(1), true);
        // Whatever its modification time, the executable was completed now.
        let app = message("app", &write("app", ago(30)), false, true);
        let of = |messages: &[&str]| {
            let artifacts = Artifacts::parse(&messages.concat()).unwrap();
            after_libraries(&artifacts)
        };
        let measured = of(&[&early, &late, &fresh, &app]).unwrap().unwrap();
        let value = measured.sample.value;
        assert!((4.9..6.0).contains(&value), "{value}");

        assert_eq!(of(&[&fresh, &app]).unwrap(), None);
        let unused = library("unused", now + Duration::from_secs(60), false);
        assert_eq!(of(&[&early, &unused, &app]).unwrap(), None);
    }
}
