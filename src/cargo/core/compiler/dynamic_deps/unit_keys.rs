//! Keys that identify units before their metadata hashes are known, and are the same in each build.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use link_plan::graph::UnitKey;

use crate::core::Workspace;
use crate::core::compiler::unit_graph::UnitGraph;
use crate::core::compiler::{RustcTargetData, Unit};
use crate::util::StableHasher;

/// The keys of the units of a graph.
///
/// A key covers what the metadata hash of a unit does (`compute_metadata` in `compilation_files`),
/// so that units with one key have one rlib.
pub(super) struct UnitKeys<'a, 'gctx> {
    ws: &'a Workspace<'gctx>,
    target_data: &'a RustcTargetData<'gctx>,
    keys: HashMap<Unit, UnitKey>,
}

impl<'a, 'gctx> UnitKeys<'a, 'gctx> {
    pub(super) fn new(ws: &'a Workspace<'gctx>, target_data: &'a RustcTargetData<'gctx>) -> Self {
        UnitKeys {
            ws,
            target_data,
            keys: HashMap::new(),
        }
    }

    /// The key of a unit. The graph has no groups yet.
    pub(super) fn of(&mut self, unit: &Unit, graph: &UnitGraph) -> UnitKey {
        if let Some(key) = self.keys.get(unit) {
            return *key;
        }
        let mut dependencies: Vec<u64> = graph[unit]
            .iter()
            .map(|dep| self.of(&dep.unit, graph).value())
            .collect();
        dependencies.sort();
        let mut hasher = StableHasher::new();
        self.target_data.rustc.verbose_version.hash(&mut hasher);
        unit.pkg
            .package_id()
            .stable_hash(self.ws.root())
            .hash(&mut hasher);
        unit.features.hash(&mut hasher);
        unit.profile.hash(&mut hasher);
        unit.mode.hash(&mut hasher);
        unit.kind.fingerprint_hash().hash(&mut hasher);
        unit.target.name().hash(&mut hasher);
        unit.target.kind().hash(&mut hasher);
        unit.rustflags.hash(&mut hasher);
        unit.is_std.hash(&mut hasher);
        dependencies.hash(&mut hasher);
        let key = UnitKey::new(Hasher::finish(&hasher));
        self.keys.insert(unit.clone(), key);
        key
    }
}
