//! Workspaces and plans in words, for scenarios.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use link_plan::graph::{LibraryId, LinkGraph, Origin, SettingKey, UnitKey};
use link_plan::grouping::{Decision, GroupKind, KeptReason, Known, Plan, plan};

/// A target directory, and what the builds in it printed.
#[derive(Default)]
pub(crate) struct Target {
    pub(crate) known: Known,
}

/// A library of a workspace in words.
struct Line<'a> {
    name: &'a str,
    is_local: bool,
    is_opted_out: bool,
    mebibytes: u64,
    deps: Vec<&'a str>,
}

impl<'a> Line<'a> {
    /// `name`, `name!` for a path crate or `name-` for one that opted out, `=8` for its size in
    /// MiB, else 1, and after a colon its dependencies: `"core!=8: serde log"`.
    fn parse(line: &'a str) -> Line<'a> {
        let (label, deps) = line.split_once(':').unwrap_or((line, ""));
        let (label, mebibytes) = label.split_once('=').unwrap_or((label, "1"));
        Line {
            name: label.trim_end_matches(['!', '-']),
            is_local: label.ends_with('!'),
            is_opted_out: label.ends_with('-'),
            mebibytes: mebibytes.parse().unwrap(),
            deps: deps.split_whitespace().collect(),
        }
    }
}

impl Target {
    /// Builds final units that have these dependencies, and returns the plan in words.
    ///
    /// Known pools are left out in the words about decisions, unless they change.
    pub(crate) fn build(&mut self, libraries: &[&str], finals: &[&str]) -> Vec<String> {
        let lines: Vec<Line<'_>> = libraries.iter().map(|line| Line::parse(line)).collect();
        let (graph, ids) = graph(&lines, finals);
        let plan = plan(&graph, &self.known).unwrap();
        self.known = Known {
            pools: plan.living.clone(),
            cut: plan.cut.clone(),
        };
        assert_eq!(ids.len(), libraries.len());
        describe(&graph, &plan)
    }

    pub(crate) fn check(&mut self, libraries: &[&str], finals: &[&str], expected: &[&str]) {
        assert_eq!(self.build(libraries, finals), expected);
    }

    /// The numbers of members of the living pools.
    pub(crate) fn pool_sizes(&self) -> Vec<usize> {
        let pools = self.known.pools.iter();
        pools.map(|pool| pool.members.len()).collect()
    }
}

fn graph<'a>(lines: &[Line<'a>], finals: &[&str]) -> (LinkGraph, BTreeMap<&'a str, LibraryId>) {
    let mut graph = LinkGraph::new(SettingKey::new(0));
    let mut ids = BTreeMap::new();
    for line in lines {
        let origin = match line.is_local {
            true => Origin::Local,
            false => Origin::Frozen,
        };
        let id = graph.add_library(line.name, origin, key(lines, line));
        graph.set_bytes(id, line.mebibytes << 20);
        if line.is_opted_out {
            graph.opt_out(id);
        }
        ids.insert(line.name, id);
    }
    for line in lines {
        for dep in &line.deps {
            graph.add_dependency(ids[line.name], ids[dep]);
        }
    }
    for deps in finals {
        graph.add_final(deps.split_whitespace().map(|dep| ids[dep]));
    }
    (graph, ids)
}

/// Like Cargo's metadata hash, it follows from those of the dependencies too.
fn key(lines: &[Line<'_>], line: &Line<'_>) -> UnitKey {
    let mut hasher = DefaultHasher::new();
    line.name.hash(&mut hasher);
    for dep in &line.deps {
        let dep = lines.iter().find(|other| other.name == *dep).unwrap();
        key(lines, dep).hash(&mut hasher);
    }
    UnitKey::new(hasher.finish())
}

pub(crate) fn describe(graph: &LinkGraph, plan: &Plan) -> Vec<String> {
    let name = |id: &LibraryId| graph.library(*id).name.as_str();
    let mut printed = Vec::new();
    for decision in &plan.decisions {
        match decision {
            Decision::PoolsMerged { from, new, .. } => {
                printed.push(format!("merge {} pools and {new} new", from.len()));
            }
            Decision::PoolDropped { reason, .. } => printed.push(format!("drop: {reason}")),
            _ => {}
        }
    }
    for (index, group) in plan.groups.iter().enumerate() {
        let members: Vec<&str> = group.members.iter().map(name).collect();
        let needs: Vec<usize> = group.needs.iter().map(|id| id.index()).collect();
        let kind = match &group.kind {
            GroupKind::Pool(pool) if pool.from.is_empty() => "new pool".to_owned(),
            GroupKind::Pool(pool) if pool.carried.is_empty() => "pool".to_owned(),
            GroupKind::Pool(pool) => format!("pool with {} more", pool.carried.len()),
            GroupKind::Part { number } => format!("part {number}"),
        };
        let members = members.join(" ");
        printed.push(format!("{index} {kind}: {members} needs {needs:?}"));
    }
    for final_plan in &plan.finals {
        let groups: Vec<usize> = final_plan.groups.iter().map(|id| id.index()).collect();
        printed.push(format!("final {groups:?}"));
    }
    for (id, reason) in &plan.kept {
        printed.push(match reason {
            KeptReason::OptedOut => format!("{} opted out", name(id)),
            KeptReason::DependsOn(dep) => format!("{} because of {}", name(id), name(dep)),
        });
    }
    printed
}

pub(crate) fn check(libraries: &[&str], finals: &[&str], expected: &[&str]) {
    Target::default().check(libraries, finals, expected);
}
