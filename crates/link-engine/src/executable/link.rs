//! The link of one executable, from rustc's line to the finished file.
//!
//! If linking against the groups fails, the wrapper runs rustc's original line. So a build that
//! works statically never fails because of the wrapper.

use std::any::Any;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::io::Write as _;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};

use serde::Serialize;
use tracing::{debug, debug_span};

use super::constructors::constructor_objects;
use super::fit;
use super::groups::{Group, OnLine, stubs};
use super::inputs::{Objects, libraries_outside, named_symbols, replaced_symbols};
use super::libraries::{libraries_to_load, settled_libraries};
use super::refused::dangling_references;
use super::rewrite::{GroupInput, Rewrite};
use super::unfit::Unfit;
use crate::finish::{bind, finish_executable};
use crate::line::arguments::{self, join_library_names, rlibs};
use crate::line::inputs::Inputs;
use crate::line::response_file;
use crate::line::run::{self, ObjectsBy};
use crate::line::{linker, words};
use crate::record::wrapper::{FALLBACK_FILE, LinkTask, RECORD_FILE};
use crate::record::{Fallback, write_json};
use crate::stub::Wanted;
use crate::system::files;
use crate::{Error, Result};

/// Prefix of the names of directories for files that only one link needs.
const SCRATCH_PREFIX: &str = "link-";

/// Links one executable: against the groups, or, if that fails, as rustc asked.
pub(super) fn link(
    directory: &Path,
    task: &LinkTask,
    original: Vec<OsString>,
) -> Result<ExitStatus> {
    // A panic is our fault, and must not make the build fail either.
    let linked = panic::catch_unwind(|| link_against_groups(directory, task, &original));
    let fallback = match linked.unwrap_or_else(|payload| Err(panicked(&*payload))) {
        Ok(linked) => {
            record(directory, task, &linked.args);
            forward(&linked.output);
            return Ok(linked.output.status);
        }
        Err(fallback) => fallback,
    };
    debug!(?fallback, "linking as rustc asks");
    record(directory, task, &original);
    let output = run_original(task, &original)?;
    forward(&output);
    // If the line fails either way, the user has to mend it, and needs the linker's message about
    // the original line.
    if output.status.success() {
        leave(&directory.join(FALLBACK_FILE), &fallback);
    }
    Ok(output.status)
}

fn panicked(payload: &(dyn Any + Send)) -> Fallback {
    let message = payload.downcast_ref::<String>().map(String::as_str);
    let message = message.or(payload.downcast_ref::<&str>().copied());
    Fallback::Engine {
        error: format!("the linker wrapper panicked: {}", message.unwrap_or("?")),
    }
}

/// The linker's arguments and its output.
struct Linked {
    args: Vec<OsString>,
    output: Output,
}

fn link_against_groups(
    directory: &Path,
    task: &LinkTask,
    original: &[OsString],
) -> Result<Linked, Fallback> {
    let reading = debug_span!("read").entered();
    let args = join_library_names(response_file::expand(original.iter().cloned())?);
    let on_line: HashSet<String> = rlibs(&args)
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    let OnLine { groups, manifests } = OnLine::read(task, &on_line)?;
    for group in &groups {
        let soname = &group.object.soname;
        debug!(group = group.name, soname, "the line uses a shared object");
    }
    if groups.is_empty() {
        debug!("no library on the line is in a group");
        return Ok(Linked {
            args: original.to_vec(),
            output: run_original(task, original)?,
        });
    }
    let words = words::words(&args)?;
    fit::options::check(&words)?;
    let settled = settled_libraries(&groups, &manifests);
    let inputs = Inputs::read(&words, &settled);
    fit::options::check_inputs(&inputs)?;
    // Each link has its own, because rustdoc links many doctests with one wrapper at the same time.
    let mut scratch_directory = tempfile::Builder::new()
        .prefix(SCRATCH_PREFIX)
        .disable_cleanup(task.keep)
        .tempdir_in(directory)
        .map_err(Error::io("create a directory in", directory))?;
    let scratch = &scratch_directory.path().to_owned();
    let objects = Objects::read(&inputs, scratch)?;
    let outside = libraries_outside(&args, &groups, &manifests)?;
    for library in &outside {
        debug!(
            library = library.name,
            "a library is linked into the executable"
        );
    }
    drop(reading);
    let checking = debug_span!("check").entered();
    fit::definitions::check(&groups, &objects, &outside)?;
    fit::options::check_called(&words, &groups)?;
    fit::visibility::check_shown(&words, &groups)?;
    fit::visibility::check_open_references(&groups)?;
    drop(checking);
    let mut run_paths = task.run_paths.clone();
    let has_run_path = words::have_run_path(&words);
    if !has_run_path {
        run_paths.extend(linker::inherited_run_path(&task.linker, &args));
    }
    if has_run_path || run_paths.len() > task.run_paths.len() {
        fit::run_path::check(&args, &groups)?;
    }
    let link = Link {
        linker: &task.linker,
        args: &args,
        search_directories: &inputs.directories,
        groups: &groups,
        constructors: constructor_objects(&on_line, &groups, &objects, scratch)?,
        to_load: libraries_to_load(
            &task.linker,
            &args,
            &inputs.directories,
            &objects.shared.unmangled_definitions,
            &groups,
        )?,
        run_paths,
        replaced: replaced_symbols(&groups, &objects, &outside)?,
        objects: &objects.copies,
        scratch,
    };
    if !inputs.has_foreign_archives {
        let names = named_symbols(&objects, &outside);
        if let Some(stubs) = stubs(Wanted::Named(&names), &groups, scratch)? {
            let linked = link.run(&stubs, ObjectsBy::File)?;
            if linked.output.status.success() {
                return Ok(linked);
            }
            debug!("the linker refuses stubs with the symbols that the line names");
            // The last attempt shows the linker all symbols of the groups, and any driver can read its line.
        }
    }
    let whole = match stubs(Wanted::All, &groups, scratch)? {
        Some(stubs) => stubs,
        None => groups.iter().map(|group| group.input.clone()).collect(),
    };
    let linked = link.run(&whole, ObjectsBy::Name)?;
    match linked.output.status.success() {
        true => Ok(linked),
        false => {
            let refused = link.refused(directory, &linked)?;
            // So somebody can run the line again until the next link of the executable.
            scratch_directory.disable_cleanup(task.executable.is_some() || task.keep);
            Err(refused)
        }
    }
}

/// A link that can be tried with several forms of the groups.
struct Link<'a> {
    linker: &'a Path,
    /// rustc's line, with its response files expanded.
    args: &'a [OsString],
    /// Where the linker looks for native libraries.
    search_directories: &'a [PathBuf],
    groups: &'a [Group],
    /// See [`Rewrite`], as of the others.
    objects: &'a HashMap<PathBuf, PathBuf>,
    constructors: HashMap<String, PathBuf>,
    to_load: HashSet<String>,
    run_paths: Vec<OsString>,
    replaced: BTreeSet<String>,
    /// Directory for files that only this link needs.
    scratch: &'a Path,
}

impl Link<'_> {
    /// Has the linker link the program against `inputs`, and finishes the executable.
    fn run(&self, inputs: &[GroupInput], objects_by: ObjectsBy) -> Result<Linked, Fallback> {
        let args = Rewrite {
            groups: inputs,
            objects: self.objects,
            constructors: &self.constructors,
            to_load: &self.to_load,
            run_paths: &self.run_paths,
            replaced: &self.replaced,
        }
        .apply(self.args)?;
        debug!(linker = %self.linker.display(), ?args, "running the linker");
        let command = Command::new(self.linker);
        let mut output = debug_span!("linker")
            .in_scope(|| run::run(command, args.clone(), objects_by, self.scratch))?;
        debug!(status = %output.status, "the linker has ended");
        let _finishing = debug_span!("finish").entered();
        if output.status.success() {
            fit::visibility::check_shared_libraries(
                self.args,
                self.search_directories,
                self.groups,
            )?;
        }
        if output.status.success() {
            let directories = self.search_directories;
            fit::references::check(self.args, directories, self.groups, &mut output)?;
        }
        if output.status.success() {
            let executable = arguments::output(self.args)?;
            if let Some(symbol) = bind::referred_to_by_distance(executable)? {
                return Err(Unfit::ByDistance { symbol }.into());
            }
            self.finish(executable)?;
        }
        Ok(Linked { args, output })
    }

    /// Binds an executable to the groups that it was linked against, and ties it to the runtime in
    /// them.
    fn finish(&self, executable: &Path) -> Result<()> {
        let by_soname: Vec<(&str, &[u8])> = self
            .groups
            .iter()
            .map(|group| (&*group.object.soname, &group.bytes[..]))
            .collect();
        let mut groups = self.groups.iter();
        let sysroot = groups.find(|group| group.template.is_some());
        let sysroot = sysroot.map(|group| &*group.object.soname);
        finish_executable(executable, &by_soname, sysroot)
    }

    /// The fallback to report for a line that the linker refused.
    fn refused(&self, directory: &Path, linked: &Linked) -> Result<Fallback> {
        let link_line = directory.join("refused-link-line");
        files::write(&link_line, &response_file::format(&linked.args))?;
        let stderr = String::from_utf8_lossy(&linked.output.stderr);
        let stderr = stderr.trim().to_owned();
        Ok(Fallback::Refused {
            dangling: dangling_references(&stderr, self.args, self.groups)?,
            link_line,
            stderr,
        })
    }
}

fn record(directory: &Path, task: &LinkTask, args: &[OsString]) {
    if task.record {
        leave(&directory.join(RECORD_FILE), &args);
    }
}

/// Writes something for Cargo to report. A link must not fail because that cannot be written.
fn leave(path: &Path, value: &impl Serialize) {
    if let Err(error) = write_json(path, value) {
        debug!(%error, "nothing is left to be told");
    }
}

fn run_original(task: &LinkTask, original: &[OsString]) -> Result<Output> {
    Command::new(&task.linker)
        .args(original)
        .output()
        .map_err(|source| Error::Spawn {
            program: task.linker.clone(),
            source,
        })
}

/// Passes the linker's output on to rustc.
fn forward(output: &Output) {
    // If rustc does not listen, there is nobody else to tell.
    let _ = std::io::stdout().write_all(&output.stdout);
    let _ = std::io::stderr().write_all(&output.stderr);
}
