//! The job of a group.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cargo_util::ProcessBuilder;
use filetime::FileTime;
use itertools::Itertools;
use link_engine::classify::StayReason;
use link_engine::content::GroupFiles;
use link_engine::effects::Users;
use link_engine::group::{FORMAT, GroupJob, Lasting, Library, Outcome, Strip};
use link_engine::{loaded, sweep};
use link_engine::manifest::{GroupManifest, Refusal};
use link_engine::sysroot::{self, Probe};
use link_engine::threads::Threads;
use link_plan::graph::UnitKey;
use link_plan::grouping::{KnownPool, PoolId};
use link_plan::run_path::{AbsoluteForm, Format, run_paths};
use link_plan::rustc_flags::CodegenFlags;
use tracing::debug;

use super::final_unit::{DEFAULT_LINKER, opt_out, wrapper_program};
use super::group_unit::{GroupRole, PoolRole, group_files, group_name};
use super::known::Records;
use super::planner::{is_final, reachable_libraries};
use super::unit_keys::UnitKeys;
use crate::GlobalContext;
use crate::core::compiler::job_queue::Work;
use crate::core::compiler::{
    BuildOutput, BuildRunner, CompileKind, FileFlavor, RustcTargetData, Unit, UnitHash,
};
use crate::core::profiles::{Profile, StripInner};
use crate::core::{PackageId, Workspace};
use crate::util::{CargoResult, DependencyQueue, StableHasher};

/// The name of the group of the sysroot crates.
const SYSROOT: &str = "sysroot";

/// The work of linking a group.
pub(in crate::core::compiler) fn link_group(
    build_runner: &mut BuildRunner<'_, '_>,
    unit: &Unit,
) -> CargoResult<Work> {
    let mut job = group_job(build_runner, unit)?;
    let role = GroupRole::of(unit);
    let probe = (role == GroupRole::Sysroot).then(|| sysroot_probe(build_runner, unit));
    let members: Vec<Member> = members(build_runner, unit)
        .map(|member| Member::new(build_runner, member))
        .collect::<CargoResult<_>>()?;
    let needs = groups_below(build_runner, unit)
        .iter()
        .filter_map(|below| match GroupRole::of(below) {
            GroupRole::Pool(pool) => Some(pool.id),
            GroupRole::Sysroot | GroupRole::Part { .. } => None,
        })
        .collect();
    let after = AfterLink {
        records: Records::beside(job.files.directory()),
        is_last: groups(build_runner).all(|group| group.dep_hash <= unit.dep_hash),
        manifests: groups(build_runner)
            .map(|group| group_files(build_runner, group).manifest())
            .collect(),
        needs,
    };
    let name = group_name(unit);
    let scripts = build_runner.build_scripts.get(unit).cloned();
    let script_outputs = Arc::clone(&build_runner.build_script_outputs);
    let failed_units = Arc::clone(&build_runner.failed_units);

    Ok(Work::new(move |state| {
        leave_out_failed(&mut job, &members, &failed_units.lock().unwrap());
        if let Some(scripts) = scripts {
            let outputs = script_outputs.lock().unwrap();
            for (package, metadata) in &scripts.to_link {
                if let Some(output) = outputs.get(*metadata) {
                    add_native_libraries(&mut job, &members, *package, output);
                }
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
        let outcome = match probe {
            Some(probe) => sysroot::run(&job, &probe, &mut before_link)?,
            None => job.run(&mut before_link)?,
        };
        for step in &outcome.steps {
            debug!("group {name}: {step}");
        }
        after.run(&job, &role, &members, &outcome)
    }))
}

/// A library of a group, as far as its job asks after it when others have run.
struct Member {
    package: PackageId,
    hash: UnitHash,
    rlib: String,
}

impl Member {
    fn new(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> CargoResult<Member> {
        Ok(Member {
            package: unit.pkg.package_id(),
            hash: build_runner.files().metadata(unit).unit_id(),
            rlib: rlib(build_runner, unit)?.map_or(String::new(), |path| file_name(&path)),
        })
    }
}

/// Takes those libraries out of a job that were not compiled, with `--keep-going`: what lies on disk
/// in their place is from an earlier build.
fn leave_out_failed(job: &mut GroupJob, members: &[Member], failed: &HashSet<UnitHash>) {
    let libraries = std::mem::take(&mut job.libraries);
    for (library, member) in libraries.into_iter().zip(members) {
        if failed.contains(&member.hash) {
            job.missing.push(library.name);
        } else {
            job.libraries.push(library);
        }
    }
}

/// Gives what a build script asks for to the library of its package, or else to the job.
fn add_native_libraries(
    job: &mut GroupJob,
    members: &[Member],
    package: PackageId,
    output: &BuildOutput,
) {
    let search = output.library_paths.iter();
    let search = search.map(|path| search_directory(path.as_ref()));
    let libraries = output.library_links.iter().cloned();
    let names: Vec<String> = members
        .iter()
        .filter(|member| member.package == package)
        .map(|member| package_name(member.package))
        .collect();
    let mut own = job.libraries.iter_mut();
    match own.find(|library| names.contains(&library.name)) {
        Some(library) => {
            library.native_search.extend(search);
            library.native_libraries.extend(libraries);
        }
        None => {
            job.native_search.extend(search);
            job.native_libraries.extend(libraries);
        }
    }
}

/// What is left to do when a group was linked.
struct AfterLink {
    records: Records,
    /// Whether the build has no group that is made later, so that one job looks after the rest.
    is_last: bool,
    /// The manifests of all groups of this build.
    manifests: Vec<PathBuf>,
    /// The pools that it needs, if it is one.
    needs: BTreeSet<PoolId>,
}

impl AfterLink {
    /// Tells the next plan what is there, and removes what nothing needs any more.
    fn run(
        self,
        job: &GroupJob,
        role: &GroupRole,
        members: &[Member],
        outcome: &Outcome,
    ) -> CargoResult<()> {
        match role {
            GroupRole::Sysroot => return Ok(()),
            GroupRole::Pool(pool) => {
                let libraries = outcome.libraries.iter();
                let libraries = libraries.map(|one| (UnitKey::new(one.key), one.bytes));
                let record = KnownPool {
                    id: pool.id,
                    generation: pool.generation,
                    members: libraries.collect(),
                    needs: self.needs,
                };
                self.records.write_pool(pool.setting, &record)?;
                for id in pool.from.iter().filter(|id| **id != pool.id) {
                    self.records.remove_pool(*id);
                }
                let pools = self.records.pools().into_iter().map(PoolId::new);
                let files = |id| job.files.clone().of_pool(id).store().to_owned();
                let living = pools.map(files).collect();
                sweep::pools(job.files.directory(), &living, &job.executable_directories)?;
            }
            GroupRole::Part { .. } => {
                let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
                for library in &outcome.libraries {
                    let mut members = members.iter();
                    if let Some(member) = members.find(|member| member.rlib == library.rlib) {
                        *sizes.entry(member.package.to_string()).or_default() += library.bytes;
                    }
                }
                self.records.write_sizes(job.files.stem(), &sizes)?;
            }
        }
        if self.is_last {
            let directories = &job.executable_directories;
            sweep::other_builds(job.files.directory(), &self.manifests, directories)?;
        }
        Ok(())
    }
}

/// All groups of this build.
fn groups<'a>(build_runner: &'a BuildRunner<'_, '_>) -> impl Iterator<Item = &'a Unit> {
    let units = build_runner.bcx.unit_graph.keys();
    units.filter(|unit| unit.mode.is_link_group())
}

/// Has the groups that wait for a unit, or for what depends on it, go on without these, when that
/// unit has failed and the build goes on (`--keep-going`): an executable that does not depend on
/// the unit is to be built, as in a static build.
pub(in crate::core::compiler) fn release_groups<E: Clone + Eq + Hash, V>(
    build_runner: &BuildRunner<'_, '_>,
    failed: &Unit,
    queue: &mut DependencyQueue<Unit, E, V>,
) {
    let lost = lost_with(build_runner, failed);
    let hashes = lost
        .iter()
        .map(|unit| build_runner.files().metadata(unit).unit_id());
    build_runner.failed_units.lock().unwrap().extend(hashes);
    for group in groups(build_runner) {
        queue.release(group, failed, &lost);
    }
}

/// A unit that has failed, and all that depend on it, but for groups, which can do without.
fn lost_with(build_runner: &BuildRunner<'_, '_>, failed: &Unit) -> HashSet<Unit> {
    let graph = &build_runner.bcx.unit_graph;
    let mut dependents: HashMap<&Unit, Vec<&Unit>> = HashMap::new();
    for (unit, deps) in graph.iter().filter(|(unit, _)| !unit.mode.is_link_group()) {
        for dep in deps {
            dependents.entry(&dep.unit).or_default().push(unit);
        }
    }
    let mut lost = HashSet::new();
    let mut left = vec![failed];
    while let Some(unit) = left.pop() {
        if lost.insert(unit.clone()) {
            left.extend(dependents.get(unit).into_iter().flatten());
        }
    }
    lost
}

/// Tells the user, in each build, that a group could not be made, or not with all its libraries.
pub(super) fn report_refusal(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Work {
    let manifest = group_files(build_runner, unit).manifest();
    let profile = unit.profile.clone();
    Work::new(move |state| {
        let manifest = GroupManifest::read(&manifest)?;
        if let Some(refusal) = &manifest.refusal {
            state.warning(refusal_warning(&manifest.group, refusal, &profile));
        }
        if let Some(warning) = unlinkable_warning(&manifest, &profile) {
            state.warning(warning);
        }
        Ok(())
    })
}

/// What to say of libraries with which the linker makes no shared object. `None` if there is none.
fn unlinkable_warning(manifest: &GroupManifest, profile: &Profile) -> Option<String> {
    let unlinkable: Vec<(&str, &str)> = manifest
        .stays
        .iter()
        .filter_map(|stay| match &stay.reason {
            StayReason::Unlinkable { words } => Some((stay.name.as_str(), words.as_str())),
            _ => None,
        })
        .collect();
    if unlinkable.is_empty() {
        return None;
    }
    let names = unlinkable.iter().map(|(name, _)| format!("`{name}`"));
    let names = names.format(", ").to_string();
    let words = unlinkable.iter().map(|(_, words)| *words).unique();
    let words = words.format("\ncaused by: ").to_string();
    let opt_outs = unlinkable.iter().map(|(name, _)| {
        let package = name.split(' ').next().unwrap_or_default();
        opt_out(profile, Some(package))
    });
    let opt_outs = opt_outs.unique().format(" and ").to_string();
    Some(format!(
        "linking {names} and what depends on it statically, because the linker makes no shared \
         object with it\ncaused by: {words}\nhelp: to say so yourself, write {opt_outs}"
    ))
}

fn refusal_warning(group: &str, refusal: &Refusal, profile: &Profile) -> String {
    let (what, members) = if group == SYSROOT {
        ("all dependencies".to_owned(), "the standard library")
    } else {
        (format!("the dependencies in the {group}"), "them")
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
    let name = group_name(unit);
    gctx.shell().verbose(|shell| shell.status(status, &name))
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
        return Ok(match GroupManifest::read(&path) {
            Ok(manifest) if manifest.refusal.as_ref().is_some_and(|r| r.may_pass) => {
                Some(path.join("refused"))
            }
            Ok(manifest) => {
                let objects = manifest.objects.iter().map(|object| object.path(&path));
                objects.into_iter().find(|object| !object.exists())
            }
            // What cannot be read is linked anew: there is no file below a file.
            Err(_) => Some(path.join("unreadable")),
        });
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
    let users = users(build_runner);
    let mut libraries = members(build_runner, unit)
        .map(|member| {
            let users = users.get(member).copied().unwrap_or_default();
            library(build_runner, member, users)
        })
        .collect::<CargoResult<Vec<_>>>()?;
    let lasting = match GroupRole::of(unit) {
        GroupRole::Sysroot => Lasting::Toolchain,
        GroupRole::Part { .. } => Lasting::Build,
        GroupRole::Pool(pool) => {
            let mut keys = UnitKeys::new(build_runner.bcx.ws, &build_runner.bcx.target_data);
            for (library, member) in libraries.iter_mut().zip(members(build_runner, unit)) {
                library.key = keys.of(member, &build_runner.bcx.unit_graph).value();
            }
            lasting(&pool, &group_files, &libraries)
        }
    };
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
        group: group_name(unit),
        libraries,
        missing: Vec::new(),
        lasting,
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
        threads: Threads::new(Some(build_runner.jobserver.clone())),
        scratch: files.fingerprint_dir(unit).join("link"),
        files: group_files,
    })
}

/// Which libraries a pool has that this build does not, and where it was kept what they are.
fn lasting(pool: &PoolRole, files: &GroupFiles, libraries: &[Library]) -> Lasting {
    let records = Records::beside(files.directory());
    let own: HashSet<u64> = libraries.iter().map(|library| library.key).collect();
    let mut carried = HashSet::new();
    let mut facts = Vec::new();
    // The newest first: what depends on another is not in an older one.
    for id in pool.from.iter().rev() {
        carried.extend(records.pool_members(*id));
        facts.push(files.clone().of_pool(id).facts());
    }
    carried.retain(|key| !own.contains(key));
    Lasting::Pool { carried, facts }
}

/// For each library, which executables depend on it.
fn users(build_runner: &BuildRunner<'_, '_>) -> HashMap<Unit, Users> {
    let graph = &build_runner.bcx.unit_graph;
    let finals = graph.keys().filter(|unit| is_final(unit)).sorted();
    let mut hashers: HashMap<&Unit, StableHasher> = HashMap::new();
    for (index, unit) in finals.enumerate() {
        for library in reachable_libraries(graph, unit) {
            index.hash(hashers.entry(library).or_insert_with(StableHasher::new));
        }
    }
    hashers
        .into_iter()
        .map(|(unit, hasher)| (unit.clone(), Users(Hasher::finish(&hasher))))
        .collect()
}

fn library(
    build_runner: &BuildRunner<'_, '_>,
    unit: &Unit,
    users: Users,
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
        key: 0,
        users,
        native_search: Vec::new(),
        native_libraries: Vec::new(),
    })
}

/// The name of a library for people: package and version.
pub(super) fn library_name(unit: &Unit) -> String {
    package_name(unit.pkg.package_id())
}

fn package_name(id: PackageId) -> String {
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
    GroupRole::of(unit) == GroupRole::Sysroot
}
