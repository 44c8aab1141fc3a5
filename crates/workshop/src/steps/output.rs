//! The output of commands: kept in files, read while they run, and shown in part.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::toolchain;

/// Lines of the log that are shown when a command fails.
const TAIL_LINES: usize = 40;

/// A file for the standard output of a command.
pub(super) struct Captured(File);

impl Captured {
    pub(super) fn of(command: &mut Command) -> Result<Captured> {
        let file = tempfile::tempfile().context("failed to create a temporary file")?;
        let stdout = file
            .try_clone()
            .context("failed to share a temporary file")?;
        command.stdout(stdout);
        Ok(Captured(file))
    }

    pub(super) fn text(&mut self, command: &Command) -> Result<String> {
        let mut text = String::new();
        self.0
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.0.read_to_string(&mut text))
            .with_context(|| {
                format!(
                    "failed to read what `{}` printed",
                    toolchain::display(command)
                )
            })?;
        Ok(text)
    }
}

/// Follows a log that others write.
pub(super) struct LogReader {
    file: File,
    path: PathBuf,
    last_line: String,
}

impl LogReader {
    pub(super) fn open(path: &Path, start: u64) -> Result<LogReader> {
        let describe = || format!("failed to read `{}`", path.display());
        let mut file = File::open(path).with_context(describe)?;
        file.seek(SeekFrom::Start(start)).with_context(describe)?;
        Ok(LogReader {
            file,
            path: path.to_path_buf(),
            last_line: String::new(),
        })
    }

    /// The bytes that were written since the last call.
    pub(super) fn read(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file
            .read_to_end(&mut bytes)
            .with_context(|| format!("failed to read `{}`", self.path.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        if let Some(line) = text.lines().rfind(|line| !line.trim().is_empty()) {
            self.last_line = line.to_owned();
        }
        Ok(bytes)
    }

    pub(super) fn last_line(&self) -> &str {
        &self.last_line
    }
}

pub(super) fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .context("failed to write to standard output")
}

pub(super) fn tail(log: &Path, start: u64) -> Result<String> {
    let text = read_from(log, start)?;
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

pub(super) fn read_from(log: &Path, start: u64) -> Result<String> {
    let mut reader = LogReader::open(log, start)?;
    let bytes = reader.read()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Cuts command lines that nobody reads to the end; the log has them in full.
pub(super) fn abbreviated(command: &str) -> String {
    const LIMIT: usize = 400;
    match command.char_indices().nth(LIMIT) {
        Some((at, _)) => format!("{}…", &command[..at]),
        None => command.to_owned(),
    }
}

pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
