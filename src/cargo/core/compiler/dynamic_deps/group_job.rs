//! The job of a group.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cargo_util::ProcessBuilder;
use filetime::FileTime;
use itertools::Itertools;
use link_engine::content::GroupFiles;
use link_engine::group::{FORMAT, GroupJob, Library, Strip};
use link_engine::loaded;
use link_engine::manifest::{GroupManifest, Refusal};
use link_engine::sysroot::{self, Probe};
use link_plan::run_path::{AbsoluteForm, Format, run_paths};
use link_plan::rustc_flags::CodegenFlags;

use super::final_unit::{DEFAULT_LINKER, opt_out, wrapper_program};
use super::group_unit::{group_files, group_name, has_bystanders};
use super::planner::{is_final, is_native};
use crate::GlobalContext;
use crate::core::compiler::job_queue::Work;
use crate::core::compiler::{BuildRunner, CompileKind, FileFlavor, RustcTargetData, Unit};
use crate::core::profiles::{Profile, StripInner};
use crate::core::{PackageId, Workspace};
use crate::util::CargoResult;

/// The name of the group of the sysroot crates.
pub(super) const SYSROOT: &str = "sysroot";

/// The work of linking a group.
pub(in crate::core::compiler) fn link_group(
    build_runner: &mut BuildRunner<'_, '_>,
    unit: &Unit,
) -> CargoResult<Work> {
    let mut job = group_job(build_runner, unit)?;
    let probe = is_sysroot(unit).then(|| sysroot_probe(build_runner, unit));
    // A bystander loads no library of the platform.
    let bystanders: HashSet<PackageId> = members(build_runner, unit)
        .filter(|member| is_bystander(unit, member))
        .map(|member| member.pkg.package_id())
        .collect();
    let scripts = build_runner.build_scripts.get(unit).cloned();
    let script_outputs = Arc::clone(&build_runner.build_script_outputs);

    Ok(Work::new(move |state| {
        if let Some(scripts) = scripts {
            let outputs = script_outputs.lock().unwrap();
            let to_link = scripts.to_link.iter();
            for (_, metadata) in to_link.filter(|(id, _)| !bystanders.contains(id)) {
                let Some(output) = outputs.get(*metadata) else {
                    continue;
                };
                let paths = output.library_paths.iter();
                job.native_search
                    .extend(paths.map(|path| search_directory(path.as_ref())));
                job.native_libraries
                    .extend(output.library_links.iter().cloned());
            }
        }
        let mut is_running = false;
        let mut before_link = |linker: &Path, args: &[OsString]| {
            // A group may be linked more than once; a unit starts once.
            if !std::mem::replace(&mut is_running, true) {
                let mut command = ProcessBuilder::new(linker);
                command.args(args);
                state.running(&command);
            }
        };
        match probe {
            Some(probe) => sysroot::run(&job, &probe, &mut before_link)?,
            None => job.run(&mut before_link)?,
        };
        Ok(())
    }))
}

/// Tells the user, in each build, that a group could not be made.
pub(super) fn report_refusal(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Work {
    let manifest = group_files(build_runner, unit).manifest();
    let profile = unit.profile.clone();
    Work::new(move |state| {
        let manifest = GroupManifest::read(&manifest)?;
        if let Some(refusal) = &manifest.refusal {
            state.warning(refusal_warning(&manifest.group, refusal, &profile));
        }
        Ok(())
    })
}

fn refusal_warning(group: &str, refusal: &Refusal, profile: &Profile) -> String {
    let (what, members) = if group == SYSROOT {
        ("all dependencies".to_owned(), "the standard library")
    } else {
        (format!("the dependencies in the {group} group"), "them")
    };
    // The linker names what it refuses; other errors are about all of the group.
    let help = if group == SYSROOT || refusal.link_line.is_none() {
        format!("write {}", opt_out(profile, None))
    } else {
        format!(
            "keep a crate that is named above in the executable with {}",
            opt_out(profile, Some("<name>"))
        )
    };
    let link_line = refusal
        .link_line
        .as_deref()
        .map_or_else(String::new, |path| {
            format!("the refused link line is in `{}`\n", path.display())
        });
    let stderr = &refusal.stderr;
    format!(
        "linking {what} statically, because no shared object could be made of {members}\n\
         {link_line}caused by: {stderr}\nhelp: {help}"
    )
}

/// Says what is done with a group. Only to those who want to see each step: a user
/// who asked for an executable is not asked to know of groups.
pub(in crate::core::compiler) fn note_group(
    gctx: &GlobalContext,
    status: &str,
    unit: &Unit,
) -> CargoResult<()> {
    let message = format!("{} group", group_name(unit));
    gctx.shell().verbose(|shell| shell.status(status, &message))
}

/// What a group is made from, besides what the unit itself and its dependencies
/// tell: for the sysroot, the linker and the toolchain on disk. An update of a
/// toolchain may keep the version and change the files. The other groups of a link
/// setting have the same linker, and depend on the one of the sysroot.
pub(in crate::core::compiler) fn group_inputs(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> String {
    if !is_sysroot(unit) {
        return FORMAT.to_owned();
    }
    let linker = link_engine::linker_identity(&linker(build_runner, unit));
    let directory = &build_runner
        .bcx
        .target_data
        .info(unit.kind)
        .sysroot_target_libdir;
    let changed = directory
        .metadata()
        .map(|m| FileTime::from_last_modification_time(&m));
    let sysroot = directory.display();
    format!("{FORMAT}, linker {linker}, sysroot {sysroot} {changed:?}")
}

/// Whether `unit` is another one, and has to be built again, when `dependency` is.
///
/// A final unit does not follow the groups of libraries: what it reaches in them are
/// dependencies of its own, as in a static build, and the older content stays for it
/// where only others change. So it is built again exactly when it would be if it was
/// linked statically, whatever else is built and shares groups with it. It follows the
/// group of the sysroot, which stands for toolchain and linker.
pub(in crate::core::compiler) fn follows(unit: &Unit, dependency: &Unit) -> bool {
    unit.mode.is_link_group() || !dependency.mode.is_link_group() || is_sysroot(dependency)
}

/// Files besides the outputs of a unit without which it is not fresh. For a group, the
/// shared object under its soname: it is what executables load. For a final unit, one
/// that it loads, if that is missing.
pub(in crate::core::compiler) fn needed_files(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> CargoResult<Option<PathBuf>> {
    if unit.mode.is_link_group() {
        let path = group_files(build_runner, unit).manifest();
        return Ok(Some(match GroupManifest::read(&path) {
            Ok(manifest) if manifest.refusal.as_ref().is_some_and(|r| r.may_pass) => {
                path.join("refused")
            }
            Ok(manifest) => manifest.shared_object(&path),
            // What cannot be read is linked anew: there is no file below a file.
            Err(_) => path.join("unreadable"),
        }));
    }
    if groups_below(build_runner, unit).is_empty() {
        return Ok(None);
    }
    // An executable that cannot be read is stale or not by what a static build looks at.
    let outputs = build_runner.outputs(unit)?;
    Ok(outputs
        .iter()
        .filter(|output| output.flavor == FileFlavor::Normal && output.path.exists())
        .find_map(|output| loaded::missing_group(&output.path).ok().flatten()))
}

/// The groups that `unit` is linked against, dependents first.
pub(super) fn groups_below(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Vec<Unit> {
    let edges = build_runner.unit_deps(unit).iter();
    edges
        .filter(|dep| dep.unit.mode.is_link_group())
        .map(|dep| dep.unit.clone())
        .collect()
}

/// Whether executables load this member that do not depend on it: all members of a group
/// with bystanders, but for the native ones, which are only in groups of those who reach
/// them.
fn is_bystander(group: &Unit, member: &Unit) -> bool {
    has_bystanders(group) && !is_native(member)
}

/// The libraries that are planned to be in a group, dependents first.
fn members<'a>(
    build_runner: &'a BuildRunner<'_, '_>,
    unit: &Unit,
) -> impl Iterator<Item = &'a Unit> {
    let edges = build_runner.unit_deps(unit).iter();
    let members = edges.filter(|dep| !dep.unit.mode.is_link_group());
    members.map(|dep| &dep.unit)
}

fn group_job(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> CargoResult<GroupJob> {
    let files = build_runner.files();
    let group_files = self::group_files(build_runner, unit);
    let libraries = members(build_runner, unit)
        .map(|member| library(build_runner, member, is_bystander(unit, member)))
        .collect::<CargoResult<_>>()?;
    let below: Vec<_> = groups_below(build_runner, unit)
        .iter()
        .map(|group| self::group_files(build_runner, group))
        .collect();
    let mut run_path: Vec<OsString> = [&group_files]
        .into_iter()
        .chain(&below)
        .flat_map(|to| {
            run_paths(
                Format::Elf,
                &[group_files.directory()],
                to.directory(),
                AbsoluteForm::Omit,
            )
        })
        .map(|entry| entry.as_os_str().to_owned())
        .collect();
    run_path.dedup();
    Ok(GroupJob {
        group: group_name(unit).to_owned(),
        libraries,
        below: below.iter().map(|files| files.manifest()).collect(),
        native_search: Vec::new(),
        native_libraries: Vec::new(),
        run_paths: run_path,
        strip: match unit.profile.strip.into_inner() {
            StripInner::None => Strip::None,
            StripInner::Named(name) if name == "debuginfo" => Strip::DebugInfo,
            StripInner::Named(_) => Strip::Symbols,
        },
        executable_directories: executable_directories(build_runner, unit.kind, &group_files),
        working_directory: build_runner.bcx.ws.root().to_owned(),
        environment: environment(build_runner)?,
        scratch: files.fingerprint_dir(unit).join("link"),
        files: group_files,
    })
}

fn library(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    is_bystander: bool,
) -> CargoResult<Library> {
    let dependencies = build_runner
        .unit_deps(unit)
        .iter()
        .filter(|dep| dep.unit.target.is_linkable() && !dep.unit.target.for_host())
        .map(|dep| Ok(rlib(build_runner, &dep.unit)?.map(|path| file_name(&path))))
        .flatten_ok()
        .collect::<CargoResult<_>>()?;
    let id = unit.pkg.package_id();
    let rlib = rlib(build_runner, unit)?;
    Ok(Library {
        name: library_name(unit),
        rlib: rlib.ok_or_else(|| anyhow::format_err!("library `{id}` has no rlib"))?,
        dependencies,
        is_bystander,
    })
}

/// The name of a library for people: package and version.
pub(super) fn library_name(unit: &Unit) -> String {
    let id = unit.pkg.package_id();
    format!("{} v{}", id.name(), id.version())
}

pub(super) fn rlib(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
) -> CargoResult<Option<PathBuf>> {
    let outputs = build_runner.outputs(unit)?;
    let mut paths = outputs.iter().map(|output| &output.path);
    Ok(paths
        .find(|path| path.extension().is_some_and(|e| e == "rlib"))
        .cloned())
}

pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// How to ask rustc for the link line of a program that is linked as the users of
/// this group are.
fn sysroot_probe(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Probe {
    let mut rustc = ProcessBuilder::new(&build_runner.bcx.rustc().path);
    unit.kind.add_target_arg(&mut rustc);
    let mut flags: Vec<OsString> = rustc.get_args().cloned().collect();
    // As for a final unit, the profile comes first and the flags have the last word.
    let panic = unit.profile.panic.to_string();
    flags.extend(["-C".into(), format!("panic={panic}").into()]);
    flags.extend(unit.rustflags.iter().map(OsString::from));
    let chosen_panic = CodegenFlags::parse(&flags).panic().map(str::to_owned);
    Probe {
        rustc: build_runner.bcx.rustc().path.clone(),
        flags,
        harness: chosen_panic.as_deref() == Some("unwind"),
        linker: linker(build_runner, unit),
        wrapper: wrapper_program(),
    }
}

/// The linker for a group: as for a final unit, the flags have the last word.
fn linker(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> PathBuf {
    let flags = CodegenFlags::parse(unit.rustflags.iter());
    let configured = build_runner.compilation.target_linker(unit.kind);
    let linker = flags.linker().map(Path::new).or(configured);
    located_linker(build_runner.bcx.ws, &build_runner.bcx.target_data, linker)
}

/// Where the linker is to be found: a relative path starts from the directory in which
/// rustc runs.
pub(super) fn located_linker(
    ws: &Workspace<'_>,
    target_data: &RustcTargetData<'_>,
    linker: Option<&Path>,
) -> PathBuf {
    let linker = linker.unwrap_or(Path::new(DEFAULT_LINKER));
    if linker.components().count() > 1 {
        return ws.root().join(linker);
    }
    // As rustc does, which has `rust-lld` there and nowhere in `PATH`.
    let libraries = &target_data.info(CompileKind::Host).sysroot_target_libdir;
    let of_toolchain = libraries.with_file_name("bin").join(linker);
    if of_toolchain.is_file() {
        of_toolchain
    } else {
        linker.to_owned()
    }
}

/// What the user's configuration adds to the environment of rustc, and so of its linker.
fn environment(build_runner: &BuildRunner<'_, '_>) -> CargoResult<Vec<(OsString, OsString)>> {
    let variables = build_runner.bcx.gctx.env_config()?.iter();
    Ok(variables
        .map(|(name, value)| (name.into(), value.clone()))
        .collect())
}

/// Where the executables of this build directory are, whoever built them.
fn executable_directories(
    build_runner: &BuildRunner<'_, '_>,
    kind: CompileKind,
    group: &GroupFiles,
) -> Vec<PathBuf> {
    let files = build_runner.files();
    let units = build_runner.bcx.unit_graph.keys();
    let mut directories: Vec<PathBuf> = units
        .filter(|unit| unit.kind == kind && is_final(unit) && !unit.mode.is_doc_test())
        .map(|unit| files.output_dir(unit))
        .collect();
    let layout = files.layout(kind);
    // Tests of other invocations lie beside the groups.
    directories.push(group.directory().to_owned());
    directories.push(layout.build_dir().examples().to_owned());
    if let Some(artifacts) = layout.artifact_dir() {
        directories.push(artifacts.dest().to_owned());
        directories.push(artifacts.examples().to_owned());
    }
    directories.extend(files.export_dir());
    if build_runner.bcx.gctx.cli_unstable().build_dir_new_layout {
        directories.extend(unit_directories(layout.build_dir().build()));
    }
    directories.sort();
    directories.dedup();
    directories
}

/// The output directories of all units that were ever built, in a layout that has one
/// for each: `build/<package>/<hash>/out`.
fn unit_directories(build: &Path) -> impl Iterator<Item = PathBuf> {
    let packages = entries(build);
    packages
        .flat_map(|package| entries(&package))
        .map(|unit| unit.join("out"))
}

/// What is in a directory; nothing if it cannot be listed.
fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

/// `-L` of a build script without its kind, as in `native=/usr/lib`.
fn search_directory(path: &Path) -> PathBuf {
    match path.to_str().and_then(|path| path.split_once('=')) {
        Some(("native" | "all" | "dependency" | "crate" | "framework", directory)) => {
            directory.into()
        }
        _ => path.to_owned(),
    }
}

fn is_sysroot(unit: &Unit) -> bool {
    group_name(unit) == SYSROOT
}
