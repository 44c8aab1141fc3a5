//! The record of a test program: how it ended and what it printed.
//!
//! Cargo runs each test program through this one (`target.<triple>.runner`), which puts its output into files of its own.
//! The test program has the environment and the directory that Cargo gives it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// After this time we assume that a test program hangs. The longest in the corpus take a tenth of it.
const LIMIT: Duration = Duration::from_secs(30 * 60);

const POLL: Duration = Duration::from_millis(10);

/// The record of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Exit status or signal, in words.
    pub(crate) end: String,
    pub(crate) stdout: String,
}

impl Record {
    /// Runs the program, and writes its end and its output to files in `directory`; standard error is for people.
    /// Returns the program's own exit code.
    pub(crate) fn make(directory: &Path, program: &Path, args: &[OsString]) -> Result<ExitCode> {
        let file = |extension| record_file(directory, program, extension);
        let create = |path: PathBuf| {
            File::create(&path).with_context(|| format!("failed to create `{}`", path.display()))
        };
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(create(file("stdout"))?)
            .stderr(create(file("stderr"))?)
            .spawn()
            .with_context(|| format!("failed to run `{}`", program.display()))?;
        let started = Instant::now();
        let describe = || format!("failed to wait for `{}`", program.display());
        let (end, code) = loop {
            if let Some(status) = child.try_wait().with_context(describe)? {
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                break (status.to_string(), code.unwrap_or(1));
            }
            if started.elapsed() >= LIMIT {
                child.kill().with_context(describe)?;
                child.wait().with_context(describe)?;
                break ("no end within half an hour".to_owned(), 1);
            }
            std::thread::sleep(POLL);
        };
        let path = file("end");
        fs::write(&path, end).with_context(|| format!("failed to write `{}`", path.display()))?;
        Ok(ExitCode::from(code))
    }

    /// The record of `program`; `None` if it was not run.
    pub(crate) fn read(directory: &Path, program: &Path) -> Result<Option<Record>> {
        let read = |extension| {
            let path = record_file(directory, program, extension);
            let bytes =
                fs::read(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
            Ok::<_, anyhow::Error>(String::from_utf8_lossy(&bytes).into_owned())
        };
        if !record_file(directory, program, "end").exists() {
            return Ok(None);
        }
        Ok(Some(Record {
            end: read("end")?,
            stdout: read("stdout")?,
        }))
    }
}

fn record_file(directory: &Path, program: &Path, extension: &str) -> PathBuf {
    let mut name = program
        .file_name()
        .unwrap_or(OsStr::new("program"))
        .to_owned();
    name.push(".");
    name.push(extension);
    directory.join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_and_output_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let program = Path::new("/bin/sh");
        assert_eq!(Record::read(directory.path(), program).unwrap(), None);
        let check = |script: &str, end: &str| {
            let args = [
                "-c".into(),
                format!("echo out; echo err >&2; {script}").into(),
            ];
            Record::make(directory.path(), program, &args).unwrap();
            let record = Record::read(directory.path(), program).unwrap().unwrap();
            assert_eq!((&*record.end, &*record.stdout), (end, "out\n"));
            let stderr = record_file(directory.path(), program, "stderr");
            assert_eq!(fs::read_to_string(stderr).unwrap(), "err\n");
        };
        check("exit 3", "exit status: 3");
        check("kill -KILL $$", "signal: 9 (SIGKILL)");
    }
}
