//! Runs one command after the other, takes time and memory of each, and keeps a log.

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use measure::machine::cores;
use wait4::Wait4;

use crate::machine;
use crate::results::{Measured, Quantity, Sample};

/// Lines of the log that are part of the error when a command fails.
const TAIL_LINES: usize = 30;

/// The shortest command, in seconds, for which the load by other processes is known: the kernel counts in hundredths of
/// a second.
const SHORTEST_TO_JUDGE: f64 = 0.5;

pub(crate) struct Runner {
    log: File,
    log_path: PathBuf,
}

/// A command that has ended well.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    /// From its start to its end.
    pub(crate) seconds: f64,
    /// Processor time of it and of all that it has started and waited for, in seconds.
    pub(crate) processor_seconds: f64,
    /// Largest resident set of it and of all that it has started, in bytes.
    pub(crate) peak_memory: u64,
    /// See [`Sample::foreign`].
    foreign: Option<f64>,
    /// Whether it waited for another Cargo, which holds a lock while it downloads or builds.
    was_blocked: bool,
}

/// A command waited for another Cargo, so its time says nothing; it can be run again.
#[derive(Debug)]
pub(crate) struct Blocked;

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "another Cargo kept this one waiting\nhelp: measure when nobody else uses Cargo",
        )
    }
}

impl Error for Blocked {}

/// What Cargo 0.98 prints when it waits for a lock.
const BLOCKING: &str = "Blocking waiting for file lock";

impl Ran {
    /// The time as a sample.
    ///
    /// # Errors
    /// [`Blocked`]
    pub(crate) fn time(&self) -> Result<Measured, Blocked> {
        if self.was_blocked {
            return Err(Blocked);
        }
        Ok(Measured {
            quantity: Quantity::Seconds,
            part: None,
            sample: Sample {
                value: self.seconds,
                foreign: self.foreign,
            },
        })
    }
}

impl Runner {
    /// Notes go to the end of the file at `log_path`.
    pub(crate) fn new(log_path: PathBuf) -> Result<Runner> {
        let log = log_path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| File::options().append(true).create(true).open(&log_path))
            .with_context(|| format!("failed to write `{}`", log_path.display()))?;
        Ok(Runner { log, log_path })
    }

    /// Runs `command` and nothing beside it. Its standard error goes to the log.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<Ran> {
        let describe_log = || format!("failed to write `{}`", self.log_path.display());
        let shown = display(command);
        let line = format!("$ {shown}\n");
        self.log
            .write_all(line.as_bytes())
            .with_context(describe_log)?;
        let log_length = self.log.metadata().with_context(describe_log)?.len();
        let stderr = self.log.try_clone().with_context(describe_log)?;
        let mut stdout = tempfile::tempfile().context("failed to create a temporary file")?;
        let handle = stdout
            .try_clone()
            .context("failed to share a temporary file")?;
        command.stdin(Stdio::null()).stdout(handle).stderr(stderr);

        forget_own_peak();
        let describe = || format!("failed to run `{shown}`");
        let busy_before = machine::busy_seconds()?;
        let started = Instant::now();
        let child = command.spawn().with_context(describe)?;
        let ended = child.wait4().with_context(describe)?;
        let seconds = started.elapsed().as_secs_f64();
        let busy = machine::busy_seconds()? - busy_before;

        let stderr = read_from(&self.log_path, log_length)?;
        if !ended.status.success() {
            bail!(
                "`{}` failed ({})\n{}\nlog: `{}`",
                abbreviated(&shown),
                ended.status,
                tail(&stderr),
                self.log_path.display()
            );
        }
        let mut text = String::new();
        stdout
            .seek(SeekFrom::Start(0))
            .and_then(|_| stdout.read_to_string(&mut text))
            .with_context(|| format!("failed to read what `{shown}` printed"))?;
        let own = (ended.rusage.utime + ended.rusage.stime).as_secs_f64();
        Ok(Ran {
            stdout: text,
            seconds,
            processor_seconds: own,
            peak_memory: ended.rusage.maxrss,
            foreign: foreign(busy - own, seconds, cores()),
            was_blocked: stderr.contains(BLOCKING),
        })
    }
}

/// The kernel reports the peak of this process for a command until the command's own is higher, since the two share
/// their memory up to `exec`. `man 5 proc` has the number that resets the peak; a kernel without the file leaves it.
fn forget_own_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn foreign(seconds_of_others: f64, seconds: f64, cores: usize) -> Option<f64> {
    let share = seconds_of_others / (seconds * cores as f64);
    (seconds >= SHORTEST_TO_JUDGE).then_some((share.max(0.0) * 1000.0).round() / 1000.0)
}

/// Program and arguments, to be read by people.
pub(crate) fn display(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// Cuts command lines that nobody reads to the end; the log has them in full.
fn abbreviated(command: &str) -> String {
    const LIMIT: usize = 400;
    match command.char_indices().nth(LIMIT) {
        Some((at, _)) => format!("{}…", &command[..at]),
        None => command.to_owned(),
    }
}

fn read_from(log: &Path, start: u64) -> Result<String> {
    let describe = || format!("failed to read `{}`", log.display());
    let mut bytes = Vec::new();
    let mut file = File::open(log).with_context(describe)?;
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.read_to_end(&mut bytes))
        .with_context(describe)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn commands_are_captured_logged_and_accounted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log/app.log");
        let mut runner = Runner::new(path.clone()).unwrap();
        let ran = runner.run(&mut shell("echo out; echo err >&2")).unwrap();
        assert_eq!(ran.stdout, "out\n");
        assert!(ran.peak_memory > 100_000, "{ran:?}");
        assert_eq!(ran.foreign, None);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "$ sh -c echo out; echo err >&2\nerr\n"
        );
    }

    #[test]
    fn memory_is_that_of_the_command() {
        let directory = tempfile::tempdir().unwrap();
        let mut runner = Runner::new(directory.path().join("app.log")).unwrap();
        const SIZE: usize = 200_000_000;
        let large = vec![1_u8; SIZE];
        assert!(large.iter().all(|byte| *byte == 1));
        drop(large);
        // By its path, since the standard library starts such programs in another way.
        let ran = runner.run(&mut Command::new("/bin/true")).unwrap();
        assert!(ran.peak_memory < SIZE as u64, "{ran:?}");
    }

    #[test]
    fn waiting_for_another_cargo_is_no_time() {
        let directory = tempfile::tempdir().unwrap();
        let mut runner = Runner::new(directory.path().join("app.log")).unwrap();
        let mut run = |script| runner.run(&mut shell(script)).unwrap().time();
        assert!(run("echo '    Blocking waiting for file lock on package cache' >&2").is_err());
        assert!(run("echo Finished >&2").is_ok());
    }

    #[test]
    fn failure_shows_the_end_of_its_own_log() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let mut runner = Runner::new(path.clone()).unwrap();
        runner.run(&mut shell("echo before >&2")).unwrap();
        let error = runner.run(&mut shell("seq 50 >&2; exit 3")).unwrap_err();
        let text = error.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "`sh -c seq 50 >&2; exit 3` failed (exit status: 3)"
        );
        assert_eq!((lines[1], lines[30], lines.len()), ("21", "50", 32));
        assert_eq!(lines[31], format!("log: `{}`", path.display()));
    }

    #[test]
    fn what_others_use_is_a_share_of_all_processors() {
        assert_eq!(foreign(1.0, 2.0, 2), Some(0.25));
        assert_eq!(foreign(-0.02, 2.0, 2), Some(0.0));
        assert_eq!(foreign(0.1, 0.4, 2), None);
    }
}
