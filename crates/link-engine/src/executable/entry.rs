//! Where the linker wrapper begins.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use super::link::link;
use crate::line::arguments::join_library_names;
use crate::line::response_file;
use crate::record::wrapper::{RECORD_FILE, TASK_FILE, WrapperTask};
use crate::record::{read_json, write_json};
use crate::{Error, Result};

/// Does the linker's work and exits, if this process was called as the linker.
/// Otherwise returns at once, at the cost of looking at its own name.
pub fn run_if_called_as_linker() {
    let mut args = std::env::args_os();
    let Some(own_name) = args.next().map(PathBuf::from) else {
        return;
    };
    let Some(directory) = own_name.parent().filter(|parent| parent.is_absolute()) else {
        return;
    };
    let task = directory.join(TASK_FILE);
    if !task.exists() {
        return;
    }
    std::process::exit(match work(directory, &task, args.collect()) {
        Ok(status) => exit_code(status),
        Err(error) => {
            report_error(&error);
            1
        }
    })
}

fn work(directory: &Path, task: &Path, args: Vec<OsString>) -> Result<ExitStatus> {
    match read_json(task)? {
        WrapperTask::Record => {
            let args = join_library_names(response_file::expand(args)?);
            write_json(&directory.join(RECORD_FILE), &args)?;
            Ok(ExitStatus::default())
        }
        WrapperTask::Link(task) => link(directory, &task, args),
    }
}

fn report_error(error: &Error) {
    let _ = writeln!(std::io::stderr(), "error: {}", error.chain());
}

/// The exit code to end with: the linker's own, or, if a signal ended it, the
/// code by which a shell tells of that signal.
fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
