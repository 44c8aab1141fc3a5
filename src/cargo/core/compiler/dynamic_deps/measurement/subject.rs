//! The subject of a measurement: a program of the workspace, and local libraries below it to edit.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::bail;
use itertools::Itertools as _;

use crate::core::compiler::dynamic_deps::units::package_name;
use crate::core::dependency::DepKind;
use crate::core::resolver::Resolve;
use crate::core::{Package, PackageId, PackageSet, Target, Workspace};
use crate::ops;
use crate::util::CargoResult;

/// A program, and the local libraries below it.
pub(super) struct Subject {
    /// The program, for people.
    pub(super) name: String,
    pub(super) is_example: bool,
    pub(super) target: String,
    pub(super) manifest: PathBuf,
    /// The file that has its `main`.
    pub(super) root: PathBuf,
    /// By the number of libraries above them, from few to many, then by name.
    pub(super) libraries: Vec<Library>,
    /// The directories of all local packages, which may lie outside of the workspace.
    pub(super) packages: BTreeSet<PathBuf>,
    /// Whether the user could have meant another program.
    pub(super) is_one_of_several: bool,
}

/// A local library that the program uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Library {
    /// Its package.
    pub(super) name: String,
    /// Its first source file.
    pub(super) root: PathBuf,
}

impl Subject {
    /// The program `name` of a package of the workspace; without a name, the program with the most
    /// dependencies. Writes no file, not even the lock file.
    pub(super) fn choose(ws: &Workspace<'_>, name: Option<&str>) -> CargoResult<Subject> {
        let (packages, resolve) = ops::resolve_ws(ws, true)?;
        let mut candidates: Vec<(&Package, &Target)> = programs(ws, name, Target::is_bin);
        if candidates.is_empty() {
            candidates = programs(ws, name, Target::is_exe_example);
        }
        let is_one_of_several = candidates.len() > 1;
        // If several are equal, the first.
        let chosen = candidates
            .into_iter()
            .rev()
            .max_by_key(|(package, _)| below(&resolve, package.package_id()).len());
        let Some((package, target)) = chosen else {
            match name {
                Some(name) => bail!(
                    "no package here has a program or an example `{name}`\n\
                     help: `cargo build --bin` lists those of a package"
                ),
                None => bail!(
                    "there is no program and no example to measure\n\
                     help: name the package that has one by `--manifest-path`"
                ),
            }
        };
        Ok(Subject {
            name: format!(
                "{} ({} \"{}\")",
                package_name(package.package_id()),
                target.kind().description(),
                target.name()
            ),
            is_example: target.is_exe_example(),
            target: target.name().to_owned(),
            manifest: package.manifest_path().to_owned(),
            root: source(target),
            libraries: libraries(&packages, &resolve, package)?,
            packages: directories(ws, &packages)?,
            is_one_of_several,
        })
    }
}

/// The programs of the packages that Cargo builds without further options; with a name, those of
/// all packages.
fn programs<'w>(
    ws: &'w Workspace<'_>,
    name: Option<&str>,
    is_program: impl Fn(&Target) -> bool,
) -> Vec<(&'w Package, &'w Target)> {
    let packages: Vec<&Package> = match name {
        Some(_) => ws.members().collect(),
        None => ws.default_members().collect(),
    };
    let targets = packages.into_iter().flat_map(|package| {
        let targets = package.targets().iter();
        targets.map(move |target| (package, target))
    });
    let is_meant = |target: &Target| name.is_none_or(|name| target.name() == name);
    targets
        .filter(|(_, target)| is_program(target) && is_meant(target))
        .filter(|(_, target)| name.is_some() || target.required_features().is_none())
        .collect()
}

/// The libraries of local packages that are linked into a program of the package `program`,
/// including the library of that package.
fn libraries(
    packages: &PackageSet<'_>,
    resolve: &Resolve,
    program: &Package,
) -> CargoResult<Vec<Library>> {
    let mut found = Vec::new();
    for id in below(resolve, program.package_id()) {
        let package = match id.source_id().is_path() {
            true => packages.get_one(id)?,
            false => continue,
        };
        if let Some(target) = package.library().filter(|target| !target.proc_macro()) {
            let name = package.name().to_string();
            let root = source(target);
            found.push((id, below(resolve, id), Library { name, root }));
        }
    }
    let above = |id| {
        let others = found.iter().filter(|(other, ..)| *other != id);
        others.filter(|(_, below, _)| below.contains(&id)).count()
    };
    let libraries = found.iter().map(|(id, _, library)| (above(*id), library));
    let by_height = libraries.sorted_by_key(|(above, library)| (*above, &library.name));
    Ok(by_height.map(|(_, library)| library.clone()).collect())
}

/// A package, and all that it needs at run time.
fn below(resolve: &Resolve, package: PackageId) -> BTreeSet<PackageId> {
    let mut found = BTreeSet::from([package]);
    let mut open = vec![package];
    while let Some(package) = open.pop() {
        for (id, dependencies) in resolve.deps(package) {
            let is_needed = dependencies
                .iter()
                .any(|dependency| dependency.kind() == DepKind::Normal);
            if is_needed && found.insert(id) {
                open.push(id);
            }
        }
    }
    found
}

fn directories(ws: &Workspace<'_>, packages: &PackageSet<'_>) -> CargoResult<BTreeSet<PathBuf>> {
    let mut directories = BTreeSet::from([ws.root().to_owned()]);
    for id in packages.package_ids().filter(|id| id.source_id().is_path()) {
        directories.insert(packages.get_one(id)?.root().to_owned());
    }
    Ok(directories)
}

fn source(target: &Target) -> PathBuf {
    let path = target.src_path().path();
    path.map_or_else(PathBuf::new, Path::to_owned)
}
