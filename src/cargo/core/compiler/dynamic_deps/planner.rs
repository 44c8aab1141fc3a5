//! The planner: adds groups to the unit graph.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::bail;
use cargo_platform::Cfg;
use itertools::Itertools;
use link_plan::graph::{LibraryId, LinkGraph, Origin, SettingKey};
use link_plan::grouping::{self, Cut, Decision, GroupKind, Known, Plan};
use link_plan::rustc_flags::{self, CodegenFlags};
use link_plan::support::{FallbackReason, LinkSettings, TargetCfg, check_support};

use tracing::debug;

use super::base::check_base;
use super::group_unit::{GroupRole, GroupUnit, PoolRole, edge_to};
use super::kept::kept;
use super::known::Records;
use super::linker::located_linker;
use super::unit_keys::UnitKeys;
use super::units::{has_no_rlib, is_final, linked_dependencies, package_text, reachable_libraries};
use super::wrapper_program::{is_wrapper_available, own_program};
use crate::core::Workspace;
use crate::core::compiler::unit_graph::UnitGraph;
use crate::core::compiler::{
    BuildConfig, CompileKind, CompileTarget, RustcTargetData, Unit, UnitInterner,
};
use crate::core::profiles::{Lto, PanicStrategy, Profiles, StripInner};
use crate::util::{CargoResult, StableHasher};

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

/// The link setting: the properties that all final units which share groups have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct LinkSetting {
    kind: CompileKind,
    panic: PanicStrategy,
    strip: StripInner,
    link_flags: Vec<String>,
    /// The flags of the user for all libraries. Other flags change the file name of an rlib but not
    /// its symbols, so a pool with both would define each symbol twice.
    library_flags: Vec<String>,
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
        if !finals.is_empty() {
            check_base(self.ws.gctx(), own_program(), &self.target_data.rustc)?;
        }
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
        // Looking for a program in `PATH` takes a dozen system calls, and most units have the same
        // linker.
        let mut is_executable = HashMap::new();
        for unit in wanted {
            match self.check_support(graph, unit) {
                Ok(()) => {
                    let has_linker = is_executable
                        .entry(self.linker(unit))
                        .or_insert_with_key(|linker| link_engine::is_executable(linker));
                    // If there is no linker, rustc reports that as soon as it links something.
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
        let rustc = &self.target_data.rustc.version;
        let libraries = reachable_libraries(graph, unit);
        let rust_dylib = libraries.iter().find(|library| has_no_rlib(library));
        let check = |flags: CodegenFlags| {
            check_support(&LinkSettings {
                rustc: (rustc.major, rustc.minor),
                target_cfg: &target_cfg,
                flags: &flags,
                profile_lto: matches!(unit.profile.lto, Lto::Bool(true))
                    || matches!(unit.profile.lto, Lto::Named(name) if name != "off"),
                has_linker_wrapper: is_wrapper_available(),
                builds_std: libraries.iter().any(|library| library.is_std),
                rust_dylib: rust_dylib.map(|library| library.pkg.name().as_str()),
            })
        };
        if unit.mode.is_doc_test() {
            // The libraries below a doctest are compiled with the flags of rustc, not of rustdoc.
            check(CodegenFlags::parse(self.compiler_flags(unit)))?;
        }
        check(CodegenFlags::parse(self.rustc_flags(unit)))
    }

    /// The linker of a unit, as far as it is known while planning.
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
            library_flags: unit.rustflags.to_vec(),
        }
    }

    /// All flags of the user for rustc, or for rustdoc in case of doctests, in the order in which
    /// it gets them.
    fn rustc_flags<'u>(&'u self, unit: &'u Unit) -> Box<dyn Iterator<Item = &'u str> + 'u> {
        if unit.mode.is_doc_test() {
            Box::new(unit.rustdocflags.iter().map(String::as_str))
        } else {
            Box::new(self.compiler_flags(unit))
        }
    }

    /// All flags of the user for rustc, in the order in which it gets them.
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
        let setting_key = setting.key();
        let profile_directory = self.profiles.get_dir_name();
        let records = Records::of_workspace(self.ws, setting.kind, profile_directory);
        let (known, sizes) = match &records {
            Some(records) => records.read(setting_key),
            None => Default::default(),
        };
        let (link_graph, libraries) =
            self.link_graph(setting_key, &finals, graph, &known.cut, &sizes);
        let plan = grouping::plan(&link_graph, &known)?;
        for decision in &plan.decisions {
            debug!("{decision}");
        }
        if let Some(records) = records.filter(|_| !self.build_config.unit_graph) {
            self.keep(&records, &known, &plan);
        }
        let profile = &finals[0].profile;
        let group_unit = |role, index| {
            GroupUnit {
                role,
                kind: setting.kind,
                profile,
                link_flags: &setting.link_flags,
                index,
            }
            .intern(self.ws, self.interner)
        };

        let sysroot = group_unit(GroupRole::Sysroot, setting_index as u64)?;
        graph.insert(sysroot.clone(), Vec::new());
        let mut groups: Vec<Unit> = Vec::new();
        for group in &plan.groups {
            let role = match &group.kind {
                GroupKind::Part { number } => GroupRole::Part { number: *number },
                GroupKind::Pool(pool) => GroupRole::Pool(PoolRole {
                    id: pool.id,
                    generation: pool.generation,
                    from: pool.from.clone(),
                    setting: setting_key,
                }),
            };
            let unit = group_unit(role, unique_index(setting_index, groups.len()))?;
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

    /// Writes the records of the plan for the next build. A target directory that cannot be written
    /// to has to have everything already, and then the plan does not differ from its records.
    fn keep(&self, records: &Records, known: &Known, plan: &Plan) {
        if plan.cut != known.cut
            && let Err(error) = records.write_cut(self.ws, &plan.cut)
        {
            debug!("the cut is not kept: {error:#}");
        }
        for decision in &plan.decisions {
            if let Decision::PoolDropped { pool, .. } = decision {
                records.remove_pool(pool.id);
            }
        }
    }

    /// The libraries below `finals` as a graph for `link_plan`, and their units by id.
    fn link_graph(
        &self,
        setting: SettingKey,
        finals: &[Unit],
        graph: &UnitGraph,
        cut: &Cut,
        sizes: &BTreeMap<String, u64>,
    ) -> (LinkGraph, Vec<Unit>) {
        let mut link_graph = LinkGraph::new(setting);
        let mut keys = UnitKeys::new(self.ws, self.target_data);
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
            let name = package_text(self.ws, unit);
            let known = sizes.get(&name).copied();
            let id = link_graph.add_library(&name, origin, keys.of(unit, graph));
            if let Some(bytes) = known {
                link_graph.set_bytes(id, bytes);
            } else if origin == Origin::Local
                && !cut.parts.iter().any(|part| part.contains_key(&name))
            {
                link_graph.set_bytes(id, guessed_size(unit));
            }
            if kept(self.profiles, unit).is_some() {
                link_graph.opt_out(id);
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

impl LinkSetting {
    /// Its key: a hash that is the same for the same setting in each build.
    fn key(&self) -> SettingKey {
        let mut hasher = StableHasher::new();
        self.kind.fingerprint_hash().hash(&mut hasher);
        self.panic.hash(&mut hasher);
        self.strip.hash(&mut hasher);
        self.link_flags.hash(&mut hasher);
        self.library_flags.hash(&mut hasher);
        SettingKey::new(Hasher::finish(&hasher))
    }
}

/// Roughly how many times larger the rlib of a crate is than its sources: 60 times for Cargo, with
/// full debugging information (rustc 1.95). Mostly, only relative sizes matter.
const RLIB_FOR_SOURCE: u64 = 50;

/// A guess at the size of an rlib that was never seen, in bytes.
fn guessed_size(library: &Unit) -> u64 {
    let Some(directory) = library.target.src_path().path().and_then(Path::parent) else {
        return 0;
    };
    let sources = walkdir::WalkDir::new(directory).into_iter().flatten();
    let sizes = sources
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "rs"))
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len());
    sizes.sum::<u64>() * RLIB_FOR_SOURCE
}

fn members_of<'a>(
    plan: &'a Plan,
    group: usize,
    libraries: &'a [Unit],
) -> impl Iterator<Item = &'a Unit> {
    let members = &plan.groups[group].members;
    members.iter().map(|member| &libraries[member.index()])
}

/// A number for each group, since the interning of units does not look at dependencies, by which
/// groups differ.
fn unique_index(setting: usize, group: usize) -> u64 {
    ((setting as u64) << 32) | (group as u64 + 1)
}
