//! The unit of a group.
//!
//! Every unit has a package and a Cargo target. Those of a group are made up: a
//! package without Cargo targets, of a source that nobody can have. It must not
//! be a path source, because those are looked up for dep-info files, and no
//! package of the workspace, because those may have build scripts.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::LazyLock;

use cargo_util_schemas::manifest::TomlManifest;
use link_engine::content::{GroupFiles, NAME_PREFIX};
use url::Url;

use crate::core::compiler::build_runner::OutputFile;
use crate::core::compiler::unit_dependencies::IsArtifact;
use crate::core::compiler::unit_graph::UnitDep;
use crate::core::compiler::{
    BuildRunner, CompileKind, CompileMode, CrateType, FileFlavor, Metadata, Unit, UnitInterner,
};
use crate::core::manifest::{ManifestMetadata, Target};
use crate::core::profiles::{Profile, UnitFor};
use crate::core::{
    Edition, Features, Manifest, Package, PackageId, SourceId, Summary, Workspace, WorkspaceConfig,
};
use crate::util::CargoResult;
use crate::util::Unhashed;
use crate::util::interning::InternedString;

/// The crate type of groups, which rustc does not know: it needs the objects of
/// its dependencies, and nobody can name it as an `--extern`.
static CRATE_TYPE: LazyLock<CrateType> =
    LazyLock::new(|| CrateType::Other("dynamic-deps-group".to_owned()));

/// What makes a group unit, besides its dependencies.
pub(super) struct GroupUnit<'a> {
    /// `frozen`, `local` or `sysroot`.
    pub(super) name: &'static str,
    /// Whether some executables load the group that do not reach all its members.
    pub(super) has_bystanders: bool,
    pub(super) kind: CompileKind,
    /// Holds what decides on the link: panic strategy and stripping.
    pub(super) profile: &'a Profile,
    /// The flags that decide which linker runs and how.
    pub(super) link_flags: &'a [String],
    /// Tells groups of one name apart.
    pub(super) index: u64,
}

impl GroupUnit<'_> {
    pub(super) fn intern(&self, ws: &Workspace<'_>, interner: &UnitInterner) -> CargoResult<Unit> {
        let package = package(self.name, ws)?;
        let mut target = Target::lib_target(
            package.name().as_str(),
            vec![CRATE_TYPE.clone()],
            // A path must be given, and one in the project would make the group stale when
            // the project moves.
            Path::new("/").join(package.name()),
            Edition::LATEST_STABLE,
        );
        target.set_tested(false).set_doctest(false).set_doc(false);
        let profile = Profile {
            name: self.profile.name,
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
            // The same members are another group where some are bystanders.
            Vec::from_iter(self.has_bystanders.then(|| "bystanders".into())),
            Rc::from(self.link_flags),
            Rc::from([]),
            Rc::new(BTreeMap::new()),
            false,
            self.index,
            IsArtifact::No,
            None,
            false,
        ))
    }
}

/// Whether some executables load the group that do not reach all its members.
pub(super) fn has_bystanders(unit: &Unit) -> bool {
    !unit.features.is_empty()
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
pub(super) fn group_name(unit: &Unit) -> &str {
    let name = unit.pkg.name().as_str();
    name.strip_prefix(NAME_PREFIX).unwrap_or(name)
}

/// Where the files of a group lie.
pub(super) fn group_files(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> GroupFiles {
    let files = build_runner.files();
    files_in(unit, files.deps_dir(unit), files.metadata(unit))
}

/// What the job of a group makes under names that are known before it runs.
pub(in crate::core::compiler) fn group_outputs(
    unit: &Unit,
    directory: PathBuf,
    metadata: Metadata,
) -> Vec<OutputFile> {
    let files = files_in(unit, directory, metadata);
    [files.shared_object(), files.manifest()]
        .map(|path| OutputFile {
            path,
            hardlink: None,
            export_path: None,
            flavor: FileFlavor::Normal,
        })
        .into()
}

fn files_in(unit: &Unit, directory: PathBuf, metadata: Metadata) -> GroupFiles {
    GroupFiles::new(
        directory,
        format!("{}-{}", unit.pkg.name(), metadata.unit_id()),
    )
}

fn package(group: &str, ws: &Workspace<'_>) -> CargoResult<Package> {
    let source = SourceId::for_registry(&Url::parse("https://dynamic-deps.invalid/")?)?;
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
        HashMap::new(),
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
