//! The beginning of the linker wrapper.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Instant;

use super::link::link;
use crate::line::arguments::join_library_names;
use crate::line::response_file;
use crate::record::wrapper::{LINKED_FILE, LOG_FILE, RECORD_FILE, TASK_FILE, WrapperTask};
use crate::record::{Making, read_json, write_json};
use crate::system::placement;
use crate::{Error, Result};

/// Where the events of a link go.
#[derive(Debug)]
pub struct Log {
    /// The events to write, in the syntax of the variable `CARGO_LOG`.
    pub filter: String,
    /// The file to append them to. Several doctests are linked with one wrapper at the same time,
    /// so each event has to be written in one piece.
    pub file: File,
}

/// Does the linker's work and exits, if this process was called as the linker.
/// Otherwise returns at once, after a look at its own name.
///
/// Calls `subscribe`, which has events written, if the task asks for events.
pub fn run_if_called_as_linker(subscribe: impl FnOnce(Log)) {
    let mut args = std::env::args_os();
    let Some(own_name) = args.next().map(PathBuf::from) else {
        return;
    };
    let mut directories = placement::directories_of_link(&own_name);
    let Some(directory) = directories.find(|directory| directory.join(TASK_FILE).exists()) else {
        return;
    };
    let task = directory.join(TASK_FILE);
    std::process::exit(match work(&directory, &task, args.collect(), subscribe) {
        Ok(status) => exit_code(status),
        Err(error) => {
            report_error(&error);
            1
        }
    })
}

fn work(
    directory: &Path,
    task: &Path,
    args: Vec<OsString>,
    subscribe: impl FnOnce(Log),
) -> Result<ExitStatus> {
    match read_json(task)? {
        WrapperTask::Record => {
            let args = join_library_names(response_file::expand(args)?);
            write_json(&directory.join(RECORD_FILE), &args)?;
            Ok(ExitStatus::default())
        }
        WrapperTask::Link(task) => {
            if let Some(filter) = &task.log {
                let path = directory.join(LOG_FILE);
                // A link must not fail because its events cannot be written.
                if let Ok(file) = File::options().create(true).append(true).open(path) {
                    let filter = filter.clone();
                    subscribe(Log { filter, file });
                }
            }
            let start = Instant::now();
            let status = link(directory, &task, args)?;
            if status.success() && task.executable.is_some() {
                // Reports can do without this file.
                let _ = write_json(&directory.join(LINKED_FILE), &Making::since(start));
            }
            Ok(status)
        }
    }
}

fn report_error(error: &Error) {
    let _ = writeln!(std::io::stderr(), "error: {}", error.chain());
}

/// The exit code to end with: the linker's own, or, if a signal ended it, the code that a shell
/// gives for that signal.
fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
