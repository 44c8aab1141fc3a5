//! Final units: has rustc link them with the linker wrapper in the place of the linker, and reports
//! the outcome.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use cargo_util::ProcessBuilder;
use cargo_util_terminal::style::HEADER;
use itertools::Itertools;
use link_engine::executable::export_groups;
use link_engine::record::wrapper::{self, ExecutableInTask, KeptLibrary, LinkTask};
use link_engine::record::{Fallback, GroupFiles};
use link_plan::run_path::{AbsoluteForm, Format, beside, run_paths};
use link_plan::rustc_flags::CodegenFlags;

use super::directories::executable_directories;
use super::group_unit::{group_files, stores};
use super::kept::{Kept, kept_libraries};
use super::known::Records;
use super::linker::{DEFAULT_LINKER, located_linker};
use super::report;
use super::units::{file_name, groups_below, library_name};
use super::warnings::{fallback_warning, profile_name, records_warning, report_refusal};
use super::wrapper_program::wrapper_program;
use crate::core::compiler::build_runner::OutputFile;
use crate::core::compiler::job_queue::Work;
use crate::core::compiler::{BuildRunner, FileFlavor, Unit};
use crate::util::CargoResult;

/// Makes the linker wrapper the linker of a final unit that uses groups. Other
/// units are left alone.
///
/// `rustc` must have all flags that can choose a linker: the last one wins.
pub(in crate::core::compiler) fn add_linker_wrapper(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    rustc: &mut ProcessBuilder,
) -> CargoResult<()> {
    // Most units of most builds end here, so we read nothing before.
    let groups = groups_of(build_runner, unit);
    if groups.is_empty() {
        return Ok(());
    }
    let flags = CodegenFlags::parse(rustc.get_args());
    let linker = flags.linker().map(Path::new);
    let bcx = build_runner.bcx;
    if !link_engine::is_executable(&located_linker(bcx.ws, &bcx.target_data, linker)) {
        // rustc reports it better than we could.
        return Ok(());
    }
    if let Some(directory) = unreachable_directory(build_runner, unit, &groups)? {
        bcx.gctx.shell().warn(format_args!(
            "linking the dependencies of `{}` statically: no run path can name `{}`, where their \
             shared objects are\n\
             help: give the build directory a path without `:` and `$`",
            unit.target.name(),
            directory.display(),
        ))?;
        return Ok(());
    }
    // Somebody may run the line again by hand, or a tool may record and replay it.
    let is_known = flags
        .linker()
        .is_none_or(|linker| link_engine::is_known_linker(linker.as_ref()));
    let keep = flags.save_temps() || !is_known;
    let log = bcx.gctx.get_env("CARGO_LOG").ok().map(str::to_owned);
    let flag = wrapper::clear(&wrapper_directory(build_runner, unit))
        .map_err(anyhow::Error::from)
        .and_then(|()| linker_flag(build_runner, unit, &groups, flags.linker(), keep, log));
    match flag {
        Ok(flag) => {
            rustc.arg("-C").arg(flag);
        }
        Err(error) => warn_of_no_wrapper(build_runner, unit, &error)?,
    }
    Ok(())
}

/// Warns that `unit` is linked statically, because the linker wrapper could not be put in place.
fn warn_of_no_wrapper(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    error: &anyhow::Error,
) -> CargoResult<()> {
    let fallback = Fallback::Engine {
        error: format!("{error:#}"),
    };
    let name = unit.target.name();
    let warning = fallback_warning(name, &fallback, profile_name(&unit.profile));
    build_runner.bcx.gctx.shell().warn(warning)
}

/// Makes the linker wrapper the linker of the doctests of a unit that uses groups.
///
/// `linker` is the one from the configuration, and `args` are all other arguments
/// of rustdoc that can choose one.
pub(in crate::core::compiler) fn add_doctest_args(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    linker: Option<&Path>,
    args: &mut Vec<OsString>,
) -> CargoResult<()> {
    let groups = groups_of(build_runner, unit);
    if groups.is_empty() {
        return Ok(());
    }
    if unreachable_directory(build_runner, unit, &groups)?.is_some() {
        return Ok(());
    }
    let flags = CodegenFlags::parse(args.iter());
    let linker = flags.linker().or(linker.map(Path::as_os_str));
    // rustdoc removes the executables that it links, and no report asks for their links.
    match linker_flag(build_runner, unit, &groups, linker, false, None) {
        Ok(flag) => {
            args.extend(["-C".into(), flag]);
            Ok(())
        }
        Err(error) => warn_of_no_wrapper(build_runner, unit, &error),
    }
}

/// A directory of groups that no run path can name from one of the places of the executable, so
/// that it would not start there.
fn unreachable_directory(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    groups: &[GroupFiles],
) -> CargoResult<Option<PathBuf>> {
    let places = places(build_runner, unit)?;
    let absolute = absolute_form(unit);
    let has_none = |places: &[&Path], groups: &Path| {
        run_paths(Format::Elf, places, groups, absolute).is_empty()
    };
    let mut directories = groups.iter().map(|group| group.directory()).unique();
    let unreachable = directories.find(|groups| {
        // We do not know the place of a doctest.
        let mut of_one = places.iter().map(|place| has_none(&[place], groups));
        places.is_empty() && has_none(&[], groups) || of_one.any(|has_none| has_none)
    });
    Ok(unreachable.map(Path::to_owned))
}

/// Puts the linker wrapper of a final unit in place, with `linker` as the real one,
/// and returns the codegen option that makes it the linker. `keep`: whether the files of the link
/// stay; `log`: the events of the link to write for [`report_link`].
fn linker_flag(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    groups: &[GroupFiles],
    linker: Option<&OsStr>,
    keep: bool,
    log: Option<String>,
) -> CargoResult<OsString> {
    let task = LinkTask {
        executable: executable_in_task(build_runner, unit)?,
        linker: linker.unwrap_or(DEFAULT_LINKER.as_ref()).into(),
        manifests: groups.iter().map(|group| group.manifest()).collect(),
        run_paths: executable_run_paths(build_runner, unit, groups)?,
        record: build_runner.bcx.gctx.extra_verbose(),
        keep,
        log,
    };
    let directory = wrapper_directory(build_runner, unit);
    let linker = wrapper::prepare(&directory, &wrapper_program(build_runner, unit), task)?;
    Ok(wrapper::linker_flag(&linker))
}

/// The description of an executable for reports. None for a doctest.
fn executable_in_task(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> CargoResult<Option<ExecutableInTask>> {
    let Some(path) = report::executable(build_runner, unit)? else {
        return Ok(None);
    };
    let bcx = build_runner.bcx;
    let mut kept: Vec<KeptLibrary> = kept_libraries(&bcx.unit_graph, &bcx.profiles, unit)
        .map(|(library, reason)| KeptLibrary {
            name: library_name(library),
            reason: reason.to_string(),
            by_profile: reason == Kept::ByProfile,
        })
        .collect();
    kept.sort();
    Ok(Some(ExecutableInTask {
        name: report::executable_name(unit),
        file: file_name(&path),
        kept,
    }))
}

/// The function that puts the shared objects of a unit beside an exported output of it.
pub(in crate::core::compiler) fn group_export(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> impl Fn(&OutputFile, &Path) -> CargoResult<()> + use<> {
    let uses_groups = !groups_of(build_runner, unit).is_empty();
    move |output, directory| {
        if uses_groups && output.flavor == FileFlavor::Normal {
            export_groups(&output.path, directory)?;
        }
        Ok(())
    }
}

/// The files of the groups that a final unit uses, dependents first; none for any
/// other unit.
fn groups_of(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Vec<GroupFiles> {
    if unit.mode.is_link_group() {
        return Vec::new();
    }
    groups_below(build_runner, unit)
        .iter()
        .map(|group| group_files(build_runner, group))
        .collect()
}

/// Tells the user how `unit` was linked. It warns if the dynamic link failed and the static one did
/// not, or if a group could not be made. With `-v` or `-vv`, it shows the linker's command and
/// where each library is.
pub(in crate::core::compiler) fn report_link(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> Work {
    if unit.mode.is_link_group() {
        let work = report_refusal(build_runner, unit);
        return work.then(report::describe_group(build_runner, unit));
    }
    let Some(group) = groups_of(build_runner, unit).into_iter().next() else {
        return Work::noop();
    };
    let records = Records::beside(group.directory());
    let stores = records.has_replaced_pools().then(|| stores(build_runner));
    let directories = executable_directories(build_runner, unit.kind, &group);
    let directory = wrapper_directory(build_runner, unit);
    let name = unit.target.name().to_owned();
    let profile = profile_name(&unit.profile);
    let work = Work::new(move |state| {
        // Only somebody who wants to see each step misses a record that cannot be read.
        if let Ok(Some((linker, args))) = wrapper::take_record(&directory) {
            // `state.running` would start the unit a second time, which rustc has done.
            let mut command = ProcessBuilder::new(linker);
            state.stderr(running_line(command.args(&args)))?;
        }
        if let Ok(Some(log)) = wrapper::take_log(&directory) {
            state.stderr(log.trim_end().to_owned())?;
        }
        let fallback = wrapper::fallback_report(&directory).unwrap_or_else(|error| {
            let error = error.to_string();
            Some(Fallback::Engine { error })
        });
        if let Some(fallback) = fallback {
            state.warning(fallback_warning(&name, &fallback, profile));
        }
        // This executable may have been the last that needed these pools.
        if let Some(stores) = stores
            && let Err(error) = records.sweep_pools(&group, &stores, &directories)
        {
            state.warning(records_warning(&error));
        }
        Ok(())
    });
    let description = report::describe_final(build_runner, unit);
    work.then(description.unwrap_or_else(|error| Work::new(|_| Err(error))))
}

/// The line by which Cargo shows that it runs a command.
fn running_line(command: &ProcessBuilder) -> String {
    format!("{HEADER}{:>12}{HEADER:#} {command}", "Running")
}

/// The directory of the wrapper of a final unit and of its task: the one in which Cargo keeps
/// everything about the unit.
fn wrapper_directory(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> PathBuf {
    build_runner.files().fingerprint_dir(unit).join("linker")
}

/// The run path of an executable: its own directory, and the groups from all places where Cargo
/// puts it.
///
/// A later build may export the executable, to a directory that is in no hash. The groups go with
/// it, so every executable also looks beside itself.
fn executable_run_paths(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    groups: &[GroupFiles],
) -> CargoResult<Vec<OsString>> {
    let places = places(build_runner, unit)?;
    let places: Vec<&Path> = places.iter().map(PathBuf::as_path).collect();
    let itself = match places.is_empty() {
        true => None,
        false => beside(Format::Elf),
    };
    let directories = groups.iter().map(|group| group.directory()).unique();
    let to_groups =
        directories.flat_map(|groups| run_paths(Format::Elf, &places, groups, absolute_form(unit)));
    let entries = itself.into_iter().chain(to_groups).unique();
    Ok(entries.map(|entry| entry.as_os_str().to_owned()).collect())
}

/// The directories in the target directory in which Cargo puts the executable. The one from which
/// people start it comes first. In the new layout, the relative path from the other directory to
/// the groups would lead out of the project if the loader began in `target/debug`.
fn places(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> CargoResult<Vec<PathBuf>> {
    let outputs = build_runner.outputs(unit)?;
    Ok(outputs
        .iter()
        .flat_map(|output| [output.hardlink.as_ref(), Some(&output.path)])
        .flatten()
        .filter_map(|path| path.parent())
        .map(Path::to_owned)
        .unique()
        .collect())
}

/// Whether the run path has the absolute path of the groups. It lets a copy elsewhere on this host
/// run. We leave it out if the user wants no paths of this host in the executable. Doctests have
/// only this path: rustdoc runs them from a temporary directory, and removes them.
fn absolute_form(unit: &Unit) -> AbsoluteForm {
    if unit.profile.trim_paths.is_some() && !unit.mode.is_doc_test() {
        AbsoluteForm::Omit
    } else {
        AbsoluteForm::Include
    }
}
