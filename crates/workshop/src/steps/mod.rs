//! Runs long commands as named steps.
//!
//! On a terminal, a step rewrites one line while it runs. Elsewhere (a pipe, or `CI=true`) it says
//! when it begins and ends, prints a sign of life in between, and shows the output of test programs
//! in full. Either way, the log of the step has everything that its commands print. If one of them
//! fails, the step shows the end of the log.
//!
//! Commands write to the log directly, and the step reads it after them. A pipe would stay open as
//! long as any background process holds it, such as the server of a compiler cache.

mod output;

use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::steps::output::{
    Captured, LogReader, abbreviated, print_bytes, read_from, seconds, tail,
};
use crate::toolchain;

const POLL: Duration = Duration::from_millis(50);
const REDRAW: Duration = Duration::from_millis(250);
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The part of a command's output to show if there is no terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Signs of life only.
    Progress,
    /// All of it, for test programs.
    Everything,
}

/// How much to print about steps that go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chatter {
    /// A line when a step begins and when it ends.
    Steps,
    /// Nothing: in `cargo xtask run`, the output belongs to the program that runs.
    None,
}

/// The steps of one command of xtask.
pub struct Steps {
    logs: PathBuf,
    on_terminal: bool,
    chatter: Chatter,
    finished: Vec<Finished>,
}

struct Finished {
    name: String,
    passed: bool,
    elapsed: Duration,
}

/// A step that is running.
pub struct Step<'a> {
    name: &'a str,
    log: File,
    log_path: PathBuf,
    started: Instant,
    on_terminal: bool,
    chatter: Chatter,
}

/// The outcome of a command.
#[derive(Debug)]
pub struct Observed {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Whether this is a machine of CI.
pub fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

impl Steps {
    /// Logs go to the directory `logs`.
    pub fn new(logs: PathBuf, chatter: Chatter) -> Steps {
        Steps {
            logs,
            on_terminal: !is_ci() && std::io::stderr().is_terminal(),
            chatter,
            finished: Vec::new(),
        }
    }

    /// Runs `body` as the step `name`.
    pub fn run<T>(&mut self, name: &str, body: impl FnOnce(&mut Step) -> Result<T>) -> Result<T> {
        let log_path = self.logs.join(format!("{name}.log"));
        let describe = || format!("failed to write `{}`", log_path.display());
        fs::create_dir_all(&self.logs).with_context(describe)?;
        fs::write(&log_path, "").with_context(describe)?;
        let log = File::options()
            .append(true)
            .open(&log_path)
            .with_context(describe)?;
        let mut step = Step {
            name,
            log,
            log_path,
            started: Instant::now(),
            on_terminal: self.on_terminal,
            chatter: self.chatter,
        };
        if !step.on_terminal {
            step.say("begins");
        }
        let result = body(&mut step);
        let elapsed = step.started.elapsed();
        step.erase_line();
        if result.is_ok() {
            step.say(&format!("done in {}", seconds(elapsed)));
        }
        self.finished.push(Finished {
            name: name.to_owned(),
            passed: result.is_ok(),
            elapsed,
        });
        result.with_context(|| format!("step `{name}` failed"))
    }

    /// Names, results and times of the steps that were run.
    pub fn table(&self) -> String {
        let width = self
            .finished
            .iter()
            .map(|step| step.name.len())
            .max()
            .unwrap_or(0);
        let mut table = String::new();
        for step in &self.finished {
            let result = if step.passed { "ok" } else { "FAILED" };
            let line = format!(
                "{:width$}  {result:6}  {:>9}\n",
                step.name,
                seconds(step.elapsed)
            );
            table.push_str(&line);
        }
        table
    }
}

impl Step<'_> {
    /// Runs `command`; its output goes to the log.
    pub fn command(&mut self, command: &mut Command, show: Show) -> Result<()> {
        let start = self.begin(command)?;
        let stdout = self.log_handle()?;
        command.stdout(stdout);
        self.finish(command, start, show)
    }

    /// Runs `command` and gives what it prints to standard output; the rest goes to the log.
    pub fn capture(&mut self, command: &mut Command) -> Result<String> {
        let start = self.begin(command)?;
        let mut captured = Captured::of(command)?;
        self.finish(command, start, Show::Progress)?;
        captured.text(command)
    }

    /// Runs `command`, which may fail, and returns what it prints, standard error included, and
    /// whether it succeeded.
    pub fn transcript(&mut self, command: &mut Command) -> Result<(String, bool)> {
        let start = self.begin(command)?;
        let stdout = self.log_handle()?;
        command.stdout(stdout);
        let reader = LogReader::open(&self.log_path, start)?;
        let status = self.wait(command, reader, false)?;
        Ok((read_from(&self.log_path, start)?, status.success()))
    }

    /// Runs `command`, which may fail; what it prints to standard output goes to the file `stdout`, the rest to the log.
    pub fn attempt(&mut self, command: &mut Command, stdout: &Path) -> Result<ExitStatus> {
        self.begin(command)?;
        let file = File::create(stdout)
            .with_context(|| format!("failed to create `{}`", stdout.display()))?;
        command.stdout(file);
        self.wait(command, LogReader::open(stdout, 0)?, false)
    }

    /// Runs `command`, which may fail, and returns how it ended and what it printed. Standard error
    /// goes to the log too.
    pub fn observe(&mut self, command: &mut Command) -> Result<Observed> {
        let start = self.begin(command)?;
        let mut captured = Captured::of(command)?;
        let reader = LogReader::open(&self.log_path, start)?;
        let status = self.wait(command, reader, false)?;
        Ok(Observed {
            status,
            stdout: captured.text(command)?,
            stderr: read_from(&self.log_path, start)?,
        })
    }

    /// Writes one line to the log.
    pub fn note(&mut self, text: &str) -> Result<()> {
        self.log
            .write_all(format!("{text}\n").as_bytes())
            .with_context(|| format!("failed to write `{}`", self.log_path.display()))
    }

    /// The log of the step.
    pub fn log_path(&self) -> &Path {
        &self.log_path
    }

    /// Prints one line about the step.
    pub fn say(&self, text: &str) {
        if self.chatter == Chatter::Steps {
            self.erase_line();
            eprintln!("{}: {text}", self.name);
        }
    }

    /// Notes the command in the log, and returns the length of the log behind it.
    fn begin(&mut self, command: &mut Command) -> Result<u64> {
        let line = format!("$ {}\n", toolchain::display(command));
        let describe = || format!("failed to write `{}`", self.log_path.display());
        self.log.write_all(line.as_bytes()).with_context(describe)?;
        let start = self.log.metadata().with_context(describe)?.len();
        let stderr = self.log_handle()?;
        command.stdin(Stdio::null()).stderr(stderr);
        Ok(start)
    }

    fn log_handle(&self) -> Result<File> {
        self.log
            .try_clone()
            .with_context(|| format!("failed to share `{}`", self.log_path.display()))
    }

    fn finish(&mut self, command: &mut Command, start: u64, show: Show) -> Result<()> {
        let reader = LogReader::open(&self.log_path, start)?;
        let echo = show == Show::Everything && !self.on_terminal;
        let status = self.wait(command, reader, echo)?;
        self.require_success(command, status, start)?;
        if show == Show::Everything && self.on_terminal {
            self.say_results(start)?;
        }
        Ok(())
    }

    /// Runs `command` to its end and prints signs of life, for which `reader` follows its output.
    fn wait(&self, command: &mut Command, mut reader: LogReader, echo: bool) -> Result<ExitStatus> {
        let mut child = command
            .spawn()
            .with_context(|| format!("failed to run `{}`", toolchain::display(command)))?;
        let mut last_sign = Instant::now();
        let status = loop {
            let status = child
                .try_wait()
                .with_context(|| format!("failed to wait for `{}`", toolchain::display(command)))?;
            let text = reader.read()?;
            if echo && !text.is_empty() {
                print_bytes(&text)?;
                last_sign = Instant::now();
            }
            if let Some(status) = status {
                break status;
            }
            let interval = if self.on_terminal { REDRAW } else { HEARTBEAT };
            if last_sign.elapsed() >= interval {
                self.sign_of_life(reader.last_line());
                last_sign = Instant::now();
            }
            std::thread::sleep(POLL);
        };
        let rest = reader.read()?;
        if echo {
            print_bytes(&rest)?;
        }
        Ok(status)
    }

    fn require_success(&self, command: &Command, status: ExitStatus, start: u64) -> Result<()> {
        if !status.success() {
            self.erase_line();
            bail!(
                "`{command}` failed ({status})\n{tail}\nlog: `{log}`",
                command = abbreviated(&toolchain::display(command)),
                tail = tail(&self.log_path, start)?,
                log = self.log_path.display(),
            );
        }
        Ok(())
    }

    /// Prints the progress of the step, for which `last_line` stands.
    pub fn sign_of_life(&self, last_line: &str) {
        let elapsed = seconds(self.started.elapsed());
        if !self.on_terminal {
            eprintln!("{}: {elapsed}, {}", self.name, last_line.trim());
            return;
        }
        let line: String = format!("{}: {elapsed}  {}", self.name, last_line.trim())
            .chars()
            .filter(|character| !character.is_control())
            .take(100)
            .collect();
        eprint!("\r\x1b[2K{line}");
    }

    fn erase_line(&self) {
        if self.on_terminal {
            eprint!("\r\x1b[2K");
        }
    }

    /// Prints the closing lines of the test programs in the log.
    fn say_results(&self, start: u64) -> Result<()> {
        let text = read_from(&self.log_path, start)?;
        self.erase_line();
        for line in text
            .lines()
            .filter(|line| line.starts_with("test result: "))
        {
            println!("{}: {line}", self.name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
