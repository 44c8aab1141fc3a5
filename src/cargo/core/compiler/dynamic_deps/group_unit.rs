//! The unit of a group.
//!
//! Every unit has a package and a Cargo target, and a group has neither: [`made_up`] makes them, and
//! says what holds of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::LazyLock;

use cargo_util_schemas::manifest::TomlManifest;
use link_engine::record::{GroupFiles, NAME_PREFIX};
use link_plan::graph::SettingKey;
use link_plan::grouping::PoolId;
use url::Url;

use super::directories::group_directory;
use super::units::{groups, members};
use crate::GlobalContext;
use crate::core::compiler::build_runner::OutputFile;
use crate::core::compiler::unit_dependencies::IsArtifact;
use crate::core::compiler::unit_graph::UnitDep;
use crate::core::compiler::{
    BuildRunner, CompileKind, CompileMode, CrateType, FileFlavor, Metadata, Unit, UnitHash,
    UnitInterner,
};
use crate::core::manifest::{ManifestMetadata, Target};
use crate::core::profiles::{Profile, UnitFor};
use crate::core::{
    Edition, Features, Manifest, Package, PackageId, SourceId, Summary, Workspace, WorkspaceConfig,
};
use crate::util::interning::InternedString;
use crate::util::{CargoResult, StableHasher, Unhashed};

/// The crate type of groups, which rustc does not know. To Cargo, a unit of this type needs the
/// objects of its dependencies, and no unit names it as an `--extern`.
static CRATE_TYPE: LazyLock<CrateType> =
    LazyLock::new(|| CrateType::Other("dynamic-deps-group".to_owned()));

/// A name that is reserved for what does not exist (RFC 2606).
const NOWHERE: &str = "dynamic-deps.invalid";

/// The properties of a group unit, besides its dependencies.
pub(super) struct GroupUnit<'a> {
    pub(super) role: GroupRole,
    pub(super) kind: CompileKind,
    /// Its panic strategy and stripping decide the link.
    pub(super) profile: &'a Profile,
    /// The flags that decide which linker runs and how.
    pub(super) link_flags: &'a [String],
    /// A number that differs between groups of one name.
    pub(super) index: u64,
}

/// The role of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GroupRole {
    /// The sysroot crates.
    Sysroot,
    /// Frozen crates, for this build and others.
    Pool(PoolRole),
    /// Local crates.
    Part {
        /// Counted from the lowest, from 0.
        number: usize,
    },
}

/// The facts that the job of a pool needs besides its edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PoolRole {
    pub(super) id: PoolId,
    pub(super) generation: u64,
    /// The pools whose libraries it holds: itself, or those that it replaces.
    pub(super) from: Vec<PoolId>,
    /// The link setting that all users of the pool share.
    pub(super) setting: SettingKey,
}

impl GroupRole {
    /// The name of the group's package, less the prefix.
    fn package(&self) -> &'static str {
        match self {
            GroupRole::Sysroot => "sysroot",
            GroupRole::Pool(_) => "frozen",
            GroupRole::Part { .. } => "local",
        }
    }

    /// The part of the role that is in the metadata hash of the group's unit.
    fn identity(&self) -> Vec<InternedString> {
        match self {
            GroupRole::Pool(pool) => vec![pool.id.to_string().into()],
            GroupRole::Sysroot | GroupRole::Part { .. } => Vec::new(),
        }
    }

    /// The rest of the role, as the job reads it: the numbers in the order of the fields. The next
    /// build may have others for the same group, so they must not be part of a hash.
    fn details(&self) -> Vec<String> {
        match self {
            GroupRole::Sysroot => Vec::new(),
            GroupRole::Pool(pool) => {
                let from = pool.from.iter().map(|id| id.value());
                let numbers = [pool.id.value(), pool.generation, pool.setting.value()];
                numbers
                    .into_iter()
                    .chain(from)
                    .map(|n| n.to_string())
                    .collect()
            }
            GroupRole::Part { number } => vec![number.to_string()],
        }
    }

    /// The role of the group that `unit` is.
    pub(super) fn of(unit: &Unit) -> GroupRole {
        let numbers = unit.rustdocflags.iter().map(|number| number.parse());
        let numbers: Vec<u64> = numbers
            .collect::<Result<_, _>>()
            .expect("`details` writes numbers");
        match (numbers.as_slice(), unit.features.is_empty()) {
            ([], _) => GroupRole::Sysroot,
            ([number, ..], true) => GroupRole::Part {
                number: *number as usize,
            },
            (numbers, false) => {
                let [id, generation, setting, from @ ..] = numbers else {
                    unreachable!("`details` writes three numbers for a pool");
                };
                GroupRole::Pool(PoolRole {
                    id: PoolId::new(*id),
                    generation: *generation,
                    setting: SettingKey::new(*setting),
                    from: from.iter().copied().map(PoolId::new).collect(),
                })
            }
        }
    }
}

impl GroupUnit<'_> {
    pub(super) fn intern(&self, ws: &Workspace<'_>, interner: &UnitInterner) -> CargoResult<Unit> {
        let (package, target) = made_up(self.role.package(), ws)?;
        let profile = Profile {
            name: self.profile.name,
            root: self.profile.root,
            panic: self.profile.panic,
            strip: self.profile.strip,
            ..Profile::default()
        };
        Ok(interner.intern(
            &package,
            &target,
            profile,
            self.kind,
            CompileMode::LinkGroup,
            self.role.identity(),
            Rc::from(self.link_flags),
            // Units have no other place for values that only their job reads: flags of rustdoc are
            // part only of the hashes of rustdoc's units.
            Rc::from(self.role.details()),
            Rc::new(BTreeMap::new()),
            false,
            self.index,
            IsArtifact::No,
            None,
            false,
        ))
    }
}

/// An edge of the unit graph that ends in `unit`, for a dependent that only
/// waits for it.
pub(super) fn edge_to(unit: &Unit) -> UnitDep {
    UnitDep {
        unit: unit.clone(),
        unit_for: UnitFor::new_normal(unit.kind),
        extern_crate_name: unit.pkg.name(),
        dep_name: None,
        public: false,
        noprelude: false,
        nounused: true,
        manifest_deps: Unhashed(None),
    }
}

/// The group's name for people.
pub(super) fn group_name(unit: &Unit) -> String {
    match GroupRole::of(unit) {
        GroupRole::Sysroot => "sysroot".to_owned(),
        GroupRole::Pool(pool) => format!("frozen pool {}", pool.generation + 1),
        GroupRole::Part { number } => format!("local part {}", number + 1),
    }
}

pub(super) fn is_sysroot(unit: &Unit) -> bool {
    GroupRole::of(unit) == GroupRole::Sysroot
}

/// Prints a step of a group, only with `-v`: a user who asked for an executable need not know of
/// groups.
pub(in crate::core::compiler) fn note_group(
    gctx: &GlobalContext,
    status: &str,
    unit: &Unit,
) -> CargoResult<()> {
    let name = group_name(unit);
    gctx.shell().verbose(|shell| shell.status(status, &name))
}

/// The files of a group.
pub(super) fn group_files(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> GroupFiles {
    let files = build_runner.files();
    let directory = group_directory(build_runner.bcx.ws, files.deps_dir(unit));
    let group_files = files_in(unit, directory, files.metadata(unit));
    match GroupRole::of(unit) {
        GroupRole::Sysroot => group_files,
        GroupRole::Pool(pool) => group_files.of_pool(pool.id),
        GroupRole::Part { .. } => group_files.of_part(part_name(build_runner, unit)),
    }
}

/// The stores of all groups of this build.
pub(super) fn stores(build_runner: &BuildRunner<'_, '_>) -> HashSet<String> {
    groups(build_runner)
        .map(|group| group_files(build_runner, group).store().to_owned())
        .collect()
}

/// A name of a part that follows from its libraries. The hash of the unit does not serve: in a
/// build of another selection, the same part may have other groups below it, and so be another
/// unit.
fn part_name(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> String {
    let members = members(build_runner, unit);
    let mut ids: Vec<UnitHash> = members
        .map(|member| build_runner.files().metadata(member).unit_id())
        .collect();
    ids.sort();
    let mut hasher = StableHasher::new();
    (ids, &unit.rustflags, &unit.profile).hash(&mut hasher);
    format!("{:016x}", Hasher::finish(&hasher))
}

/// The files that the job of a group makes under names that are known before it runs.
pub(in crate::core::compiler) fn group_outputs(
    ws: &Workspace<'_>,
    unit: &Unit,
    output: PathBuf,
    metadata: Metadata,
) -> Vec<OutputFile> {
    let files = files_in(unit, group_directory(ws, output), metadata);
    vec![OutputFile {
        path: files.manifest(),
        hardlink: None,
        export_path: None,
        flavor: FileFlavor::Normal,
    }]
}

fn files_in(unit: &Unit, directory: PathBuf, metadata: Metadata) -> GroupFiles {
    let name = unit.pkg.name();
    GroupFiles::new(directory, format!("{name}-{}", metadata.unit_id()))
}

/// The package and the Cargo target of a group.
///
/// - The package is of a registry that does not exist. So it is of no path, where Cargo would look
///   for dep-info files, and not of the workspace, whose packages may have build scripts. No source
///   has it, and `prepare_target` asks none for it.
/// - Its manifest is that of the workspace, which is what messages name. It declares no Cargo
///   targets, no lints and no `links`.
/// - The target has a [`CRATE_TYPE`] that is not linkable. That, or the mode, keeps groups out of
///   whatever goes through libraries.
/// - The source file does not exist, nor does its directory, so that whoever lists it finds nothing.
///   Cargo looks for the sources of root units, and a group is no root; nothing runs rustc for one.
///   The path itself is in the fingerprint: with one in the project, a group would be stale after
///   somebody moved the project.
fn made_up(group: &str, ws: &Workspace<'_>) -> CargoResult<(Package, Target)> {
    let package = package(group, ws)?;
    let mut target = Target::lib_target(
        package.name().as_str(),
        vec![CRATE_TYPE.clone()],
        Path::new("/").join(NOWHERE).join(package.name()),
        Edition::LATEST_STABLE,
    );
    target.set_tested(false).set_doctest(false).set_doc(false);
    Ok((package, target))
}

fn package(group: &str, ws: &Workspace<'_>) -> CargoResult<Package> {
    let source = SourceId::for_registry(&Url::parse(&format!("https://{NOWHERE}/"))?)?;
    let id = PackageId::try_new(format!("{NAME_PREFIX}{group}"), "0.0.0", source)?;
    let no_links: Option<InternedString> = None;
    let summary = Summary::new(id, Vec::new(), &BTreeMap::new(), no_links, None)?;
    let manifest = Manifest::new(
        None,
        None,
        None,
        Rc::new(TomlManifest::default()),
        summary,
        None,
        None,
        Vec::new(),
        Vec::new(),
        Vec::new(),
        None,
        ManifestMetadata {
            authors: Vec::new(),
            keywords: Vec::new(),
            categories: Vec::new(),
            license: None,
            license_file: None,
            description: None,
            readme: None,
            homepage: None,
            repository: None,
            documentation: None,
            badges: BTreeMap::new(),
            links: None,
            rust_version: None,
        },
        None,
        None,
        Vec::new(),
        HashMap::default(),
        WorkspaceConfig::Member { root: None },
        Features::default(),
        Edition::LATEST_STABLE,
        None,
        None,
        None,
        None,
        None,
        Vec::new(),
        None,
        false,
    );
    Ok(Package::new(manifest, ws.root_manifest()))
}
