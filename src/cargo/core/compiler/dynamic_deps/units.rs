//! Units from the view of groups: which is linked into which, and their names.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::core::compiler::unit_graph::{UnitDep, UnitGraph};
use crate::core::compiler::{BuildRunner, CompileMode, CrateType, Unit};
use crate::core::{PackageId, Workspace};
use crate::util::CargoResult;

/// Whether rustc links the unit to an executable that is run from the target
/// directory. Artifact dependencies do not count, since they may end up inside of other files.
/// Neither do units for the host (proc macros and their tests, build scripts), since they run
/// inside of or beside the compiler, which has its own copy of the standard library.
pub(super) fn is_final(unit: &Unit) -> bool {
    let is_executable = match unit.mode {
        CompileMode::Test | CompileMode::Doctest => true,
        CompileMode::Build => unit.target.is_executable(),
        _ => false,
    };
    is_executable
        && !unit.target.for_host()
        && !unit.artifact.is_true()
        && !unit.skip_non_compile_time_dep
}

/// Whether rustc has to take a library as a Rust `dylib`. It takes rlibs for an executable if
/// all libraries have one (rustc 1.95, `rustc_metadata::dependency_format`).
pub(super) fn has_no_rlib(library: &Unit) -> bool {
    let crate_types = library.target.rustc_crate_types();
    let is_rlib = |kind: &CrateType| matches!(kind, CrateType::Lib | CrateType::Rlib);
    library.target.is_dylib() && !crate_types.iter().any(is_rlib)
}

/// The libraries that are linked into `unit` as its direct dependencies.
pub(super) fn linked_dependencies<'g>(
    graph: &'g UnitGraph,
    unit: &Unit,
) -> impl Iterator<Item = &'g Unit> {
    let is_linked = |dep: &&UnitDep| {
        let unit = &dep.unit;
        unit.mode == CompileMode::Build
            && unit.target.is_linkable()
            && !unit.target.for_host()
            && !unit.artifact.is_true()
    };
    graph[unit].iter().filter(is_linked).map(|dep| &dep.unit)
}

/// All libraries that are linked into `unit`, each once.
pub(super) fn reachable_libraries<'g>(graph: &'g UnitGraph, unit: &Unit) -> Vec<&'g Unit> {
    let mut reached = Vec::new();
    let mut seen = HashSet::new();
    let mut pending: Vec<_> = linked_dependencies(graph, unit).collect();
    while let Some(unit) = pending.pop() {
        if seen.insert(unit) {
            reached.push(unit);
            pending.extend(linked_dependencies(graph, unit));
        }
    }
    reached
}

/// All groups of this build.
pub(super) fn groups<'a>(build_runner: &'a BuildRunner<'_, '_>) -> impl Iterator<Item = &'a Unit> {
    let units = build_runner.bcx.unit_graph.keys();
    units.filter(|unit| unit.mode.is_link_group())
}

/// The groups that `unit` is linked against, dependents first.
pub(super) fn groups_below(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Vec<Unit> {
    let edges = build_runner.unit_deps(unit).iter();
    edges
        .filter(|dep| dep.unit.mode.is_link_group())
        .map(|dep| dep.unit.clone())
        .collect()
}

/// The package of a library as text that no other package has. It is the same in each build, even
/// after somebody moved the workspace.
pub(super) fn package_text(ws: &Workspace<'_>, unit: &Unit) -> String {
    let id = unit.pkg.package_id();
    match unit.pkg.root().strip_prefix(ws.root()) {
        Ok(path) if id.source_id().is_path() => {
            format!("{} ({})", package_name(id), path.display())
        }
        _ => id.to_string(),
    }
}

/// The name of a library for people: package and version.
pub(super) fn library_name(unit: &Unit) -> String {
    package_name(unit.pkg.package_id())
}

pub(super) fn package_name(id: PackageId) -> String {
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

/// The libraries that the plan puts into a group, dependents first.
pub(super) fn members<'a>(
    build_runner: &'a BuildRunner<'_, '_>,
    unit: &Unit,
) -> impl Iterator<Item = &'a Unit> {
    let edges = build_runner.unit_deps(unit).iter();
    let members = edges.filter(|dep| !dep.unit.mode.is_link_group());
    members.map(|dep| &dep.unit)
}
