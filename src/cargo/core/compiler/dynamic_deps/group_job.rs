//! The job of a group.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use cargo_util::{ProcessBuilder, paths};
use itertools::Itertools;
use link_engine::Threads;
use link_engine::group::{GroupJob, Lasting, Library, Strip, Users, sysroot};
use link_engine::record::GroupFiles;
use link_plan::run_path::{AbsoluteForm, Format, run_paths};
use tracing::debug;

use super::after_link::AfterLink;
use super::directories::executable_directories;
use super::group_unit::{GroupRole, PoolRole, group_files, group_name};
use super::job_members::{Member, add_native_libraries, leave_out_failed};
use super::known::Records;
use super::linker::{environment, sysroot_probe};
use super::unit_keys::UnitKeys;
use super::units::{
    file_name, groups_below, is_final, library_name, members, reachable_libraries, rlib,
};
use super::warnings::records_warning;
use crate::core::compiler::job_queue::Work;
use crate::core::compiler::{BuildRunner, Unit};
use crate::core::profiles::StripInner;
use crate::util::{CargoResult, StableHasher};

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
    let after = AfterLink::new(build_runner, unit, &job);
    let name = group_name(unit);
    let scripts = build_runner.build_scripts.get(unit).cloned();
    let script_outputs = Arc::clone(&build_runner.build_script_outputs);
    let failed_units = Arc::clone(&build_runner.failed_units);

    Ok(Work::new(move |state| {
        // Cargo makes only the directories of units.
        paths::create_dir_all(job.files.directory())?;
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
        let made = match probe {
            Some(probe) => sysroot::run(&job, &probe, &mut before_link),
            None => job.run(&mut before_link),
        };
        let outcome = match made {
            Ok(outcome) => outcome,
            // Executables are then linked statically, and `report_link` says so.
            Err(error) => return Ok(job.give_up(&error).map(drop)?),
        };
        for step in &outcome.steps {
            debug!("group {name}: {step}");
        }
        if let Err(error) = after.run(&job, &role, &members, &outcome) {
            state.warning(records_warning(&error));
        }
        Ok(())
    }))
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

/// The libraries of a pool that this build does not have, and the files that describe them.
fn lasting(pool: &PoolRole, files: &GroupFiles, libraries: &[Library]) -> Lasting {
    let records = Records::beside(files.directory());
    let own: HashSet<u64> = libraries.iter().map(|library| library.key).collect();
    let mut carried = HashSet::new();
    let mut facts = Vec::new();
    // The newest first: a dependent is never in an older pool than its dependency.
    for id in pool.from.iter().rev() {
        carried.extend(records.pool_members(*id));
        facts.push(files.clone().of_pool(id).facts());
    }
    carried.retain(|key| !own.contains(key));
    Lasting::Pool { carried, facts }
}

/// For each library, the executables that depend on it.
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

fn library(build_runner: &BuildRunner<'_, '_>, unit: &Unit, users: Users) -> CargoResult<Library> {
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
