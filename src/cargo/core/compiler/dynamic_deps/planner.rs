//! From the unit graph to groups in the unit graph.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::bail;
use cargo_platform::Cfg;
use itertools::Itertools;
use link_plan::graph::{LibraryId, LinkGraph, Origin};
use link_plan::grouping::{self, Layer, Plan};
use link_plan::rustc_flags::{self, CodegenFlags};
use link_plan::support::{FallbackReason, LinkSettings, TargetCfg, check_support};

use super::final_unit;
use super::group_job::{SYSROOT, located_linker};
use super::group_unit::{GroupUnit, edge_to};
use crate::core::Workspace;
use crate::core::compiler::unit_graph::{UnitDep, UnitGraph};
use crate::core::compiler::{
    BuildConfig, CompileKind, CompileMode, CompileTarget, CrateType, RustcTargetData, Unit,
    UnitInterner,
};
use crate::core::dependency::DepKind;
use crate::core::profiles::{Lto, PanicStrategy, Profiles, StripInner};
use crate::util::CargoResult;

/// Attaches groups to a unit graph.
pub(crate) struct Planner<'a, 'gctx> {
    pub(crate) ws: &'a Workspace<'gctx>,
    pub(crate) build_config: &'a BuildConfig,
    pub(crate) profiles: &'a Profiles,
    pub(crate) target_data: &'a RustcTargetData<'gctx>,
    pub(crate) interner: &'a UnitInterner,
    pub(crate) root_units: &'a [Unit],
    /// Arguments after `--` of `cargo rustc`, for its only root unit.
    pub(crate) root_rustc_args: &'a [String],
}

/// What all final units that share groups have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct LinkSetting {
    kind: CompileKind,
    panic: PanicStrategy,
    strip: StripInner,
    link_flags: Vec<String>,
}

impl Planner<'_, '_> {
    /// Adds a unit for each group, and an edge to it from each final unit that uses it.
    ///
    /// A final unit for which the dynamic link is not possible stays as it is, with
    /// one warning for each reason.
    ///
    /// # Errors
    /// When the user asked for it on the command line and it is not possible.
    pub(crate) fn attach_groups(&self, mut graph: UnitGraph) -> CargoResult<UnitGraph> {
        let finals = self.supported_finals(&graph)?;
        let by_setting: BTreeMap<LinkSetting, Vec<Unit>> = finals
            .into_iter()
            .map(|unit| (self.link_setting(&unit), unit))
            .into_group_map()
            .into_iter()
            .collect();
        for (index, (setting, finals)) in by_setting.into_iter().enumerate() {
            self.attach_groups_of(index, &setting, finals, &mut graph)?;
        }
        Ok(graph)
    }

    /// The final units to be linked dynamically, in a fixed order.
    fn supported_finals(&self, graph: &UnitGraph) -> CargoResult<Vec<Unit>> {
        let request = &self.build_config.dynamic_deps;
        if self.build_config.compile_time_deps_only {
            return Ok(Vec::new());
        }
        let wanted = graph
            .keys()
            .filter(|unit| is_final(unit) && request.is_on(unit.profile.dynamic_deps))
            .sorted();
        let mut reasons = Vec::new();
        let mut supported = Vec::new();
        // To look for a program in `PATH` takes a dozen system calls, and most units have
        // the same.
        let mut is_executable = HashMap::new();
        for unit in wanted {
            match self.check_support(graph, unit) {
                Ok(()) => {
                    let has_linker = is_executable
                        .entry(self.linker(unit))
                        .or_insert_with_key(|linker| link_engine::is_executable(linker));
                    // rustc says so in its own words, as soon as it has something to link.
                    if *has_linker {
                        supported.push(unit.clone());
                    }
                }
                Err(reason) if request.is_demand() => bail!(
                    "cannot link the dependencies of `{}` dynamically: {reason}\n\
                     help: {}",
                    unit.target.name(),
                    reason.help(),
                ),
                Err(reason) if !reasons.contains(&reason) => reasons.push(reason),
                Err(_) => {}
            }
        }
        for reason in reasons {
            self.ws.gctx().shell().warn(format_args!(
                "linking dependencies statically despite `dynamic-deps`: {reason}\n\
                 help: {}",
                reason.help(),
            ))?;
        }
        Ok(supported)
    }

    fn check_support(&self, graph: &UnitGraph, unit: &Unit) -> Result<(), FallbackReason> {
        let cfg = self.target_data.info(unit.kind).cfg();
        let target_cfg = TargetCfg::new(
            self.target_data.short_name(&unit.kind),
            cfg.iter().map(|cfg| match cfg {
                Cfg::Name(name) => (name.name.as_str(), None),
                Cfg::KeyPair(name, value) => (name.name.as_str(), Some(value.as_str())),
            }),
        );
        let libraries = reachable_libraries(graph, unit);
        let rust_dylib = libraries.iter().find(|library| has_no_rlib(library));
        let check = |flags: CodegenFlags| {
            check_support(&LinkSettings {
                target_cfg: &target_cfg,
                flags: &flags,
                profile_lto: matches!(unit.profile.lto, Lto::Bool(true))
                    || matches!(unit.profile.lto, Lto::Named(name) if name != "off"),
                has_linker_wrapper: final_unit::is_wrapper_available(),
                builds_std: libraries.iter().any(|library| library.is_std),
                rust_dylib: rust_dylib.map(|library| library.pkg.name().as_str()),
            })
        };
        if unit.mode.is_doc_test() {
            // The libraries below a doctest were not compiled with the flags of rustdoc.
            check(CodegenFlags::parse(self.compiler_flags(unit)))?;
        }
        check(CodegenFlags::parse(self.rustc_flags(unit)))
    }

    /// The linker of a unit, as far as it is known here.
    fn linker(&self, unit: &Unit) -> PathBuf {
        let gctx = self.ws.gctx();
        let kind = if unit.kind.is_host() && !gctx.target_applies_to_host().unwrap_or(true) {
            // `host.linker` is for build scripts and proc macros only.
            CompileTarget::new(&self.target_data.rustc.host, false)
                .map_or(unit.kind, CompileKind::Target)
        } else {
            unit.kind
        };
        let configured = self.target_data.target_config(kind).linker.as_ref();
        let configured = configured.map(|linker| linker.val.clone().resolve_program(gctx));
        let flags = CodegenFlags::parse(self.rustc_flags(unit));
        let linker = flags.linker().map(Path::new).or(configured.as_deref());
        located_linker(self.ws, self.target_data, linker)
    }

    fn link_setting(&self, unit: &Unit) -> LinkSetting {
        LinkSetting {
            kind: unit.kind,
            panic: unit.profile.panic,
            strip: unit.profile.strip.into_inner(),
            link_flags: rustc_flags::link_flags(self.rustc_flags(unit))
                .into_iter()
                .filter_map(|flag| OsString::into_string(flag).ok())
                .collect(),
        }
    }

    /// All flags for rustc, or for doctests rustdoc, that come from the user, in the
    /// order in which it gets them.
    fn rustc_flags<'u>(&'u self, unit: &'u Unit) -> Box<dyn Iterator<Item = &'u str> + 'u> {
        if unit.mode.is_doc_test() {
            Box::new(unit.rustdocflags.iter().map(String::as_str))
        } else {
            Box::new(self.compiler_flags(unit))
        }
    }

    /// All flags for rustc that come from the user, in the order in which it gets them.
    fn compiler_flags<'u>(&'u self, unit: &'u Unit) -> impl Iterator<Item = &'u str> {
        let root_args = match self.root_units {
            [root] if root == unit => self.root_rustc_args,
            _ => &[],
        };
        let profile_flags = unit.profile.rustflags.iter().map(|flag| flag.as_str());
        profile_flags
            .chain(root_args.iter().map(String::as_str))
            .chain(unit.rustflags.iter().map(String::as_str))
    }

    fn attach_groups_of(
        &self,
        setting_index: usize,
        setting: &LinkSetting,
        finals: Vec<Unit>,
        graph: &mut UnitGraph,
    ) -> CargoResult<()> {
        let (link_graph, libraries) = self.link_graph(&finals, graph);
        let plan = grouping::plan(&link_graph)?;
        let profile = &finals[0].profile;
        let group_unit = |name, has_bystanders, index| {
            GroupUnit {
                name,
                has_bystanders,
                kind: setting.kind,
                profile,
                link_flags: &setting.link_flags,
                index,
            }
            .intern(self.ws, self.interner)
        };

        let sysroot = group_unit(SYSROOT, false, setting_index as u64)?;
        graph.insert(sysroot.clone(), Vec::new());
        let mut groups: Vec<Unit> = Vec::new();
        for group in &plan.groups {
            let name = match group.layer {
                Layer::Frozen => "frozen",
                Layer::Local => "local",
            };
            let index = unique_index(setting_index, groups.len());
            let unit = group_unit(name, !group.bystanders.is_empty(), index)?;
            let below = group.needs.iter().map(|need| &groups[need.index()]);
            let edges = members_of(&plan, groups.len(), &libraries)
                .map(edge_to)
                .chain(below.map(edge_to))
                .chain([edge_to(&sysroot)])
                .collect();
            graph.insert(unit.clone(), edges);
            groups.push(unit);
        }
        for (unit, final_plan) in finals.iter().zip(&plan.finals) {
            let edges = graph.get_mut(unit).expect("final units are in the graph");
            let used = final_plan.groups.iter().map(|group| &groups[group.index()]);
            edges.extend(used.map(edge_to));
            edges.push(edge_to(&sysroot));
        }
        Ok(())
    }

    /// The libraries below `finals` as `link_plan` wants them, and their units by id.
    fn link_graph(&self, finals: &[Unit], graph: &UnitGraph) -> (LinkGraph, Vec<Unit>) {
        let mut link_graph = LinkGraph::new();
        let mut ids: HashMap<&Unit, LibraryId> = HashMap::new();
        let libraries: Vec<&Unit> = finals
            .iter()
            .flat_map(|unit| reachable_libraries(graph, unit))
            .unique()
            .collect();
        for &unit in &libraries {
            let origin = if unit.is_local() {
                Origin::Local
            } else {
                Origin::Frozen
            };
            let id = link_graph.add_library(unit.pkg.package_id().to_string(), origin);
            if is_opted_out(self.profiles, unit) {
                link_graph.opt_out(id);
            }
            if is_native(unit) {
                link_graph.mark_native(id);
            }
            ids.insert(unit, id);
        }
        for &unit in &libraries {
            for dependency in linked_dependencies(graph, unit) {
                link_graph.add_dependency(ids[unit], ids[dependency]);
            }
        }
        for unit in finals {
            link_graph.add_final(linked_dependencies(graph, unit).map(|unit| ids[unit]));
        }
        (link_graph, libraries.into_iter().cloned().collect())
    }
}

/// Whether a library is to stay in the executable: `false` in the profile of a
/// package counts, `false` for the whole profile does not, since a demand on
/// the command line overrides that.
pub(super) fn is_opted_out(profiles: &Profiles, library: &Unit) -> bool {
    library.profile.dynamic_deps == Some(false)
        && profiles.base_profile().dynamic_deps != Some(false)
}

fn members_of<'a>(
    plan: &'a Plan,
    group: usize,
    libraries: &'a [Unit],
) -> impl Iterator<Item = &'a Unit> {
    let members = &plan.groups[group].members;
    members.iter().map(|member| &libraries[member.index()])
}

/// Interning does not look at dependencies, by which groups differ.
fn unique_index(setting: usize, group: usize) -> u64 {
    ((setting as u64) << 32) | (group as u64 + 1)
}

/// Whether rustc links the unit to an executable that is run from the target
/// directory. Artifact dependencies may end up inside of other files, and what is
/// for the host (proc macros and their tests, build scripts) runs inside of or
/// beside the compiler, which has an own copy of the standard library.
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
fn has_no_rlib(library: &Unit) -> bool {
    let crate_types = library.target.rustc_crate_types();
    let is_rlib = |kind: &CrateType| matches!(kind, CrateType::Lib | CrateType::Rlib);
    library.target.is_dylib() && !crate_types.iter().any(is_rlib)
}

/// Whether a library probably brings code of another language or a library of the
/// platform: whether its build script uses what such build scripts use. Not whether
/// its package has a `links` key, which many set for other reasons.
pub(super) fn is_native(library: &Unit) -> bool {
    const BUILDERS: [&str; 6] = [
        "autotools",
        "cc",
        "cmake",
        "pkg-config",
        "system-deps",
        "vcpkg",
    ];
    library.pkg.dependencies().iter().any(|dependency| {
        dependency.kind() == DepKind::Build
            && BUILDERS.contains(&dependency.package_name().as_str())
    })
}

/// The libraries that are linked into `unit` by an edge of its own.
fn linked_dependencies<'g>(graph: &'g UnitGraph, unit: &Unit) -> impl Iterator<Item = &'g Unit> {
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
