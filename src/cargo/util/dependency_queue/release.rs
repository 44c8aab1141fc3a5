//! Nodes that go on without what they wait for.

use std::collections::HashSet;
use std::hash::Hash;

use super::DependencyQueue;

impl<N: Hash + Eq + Clone, E: Eq + Hash + Clone, V> DependencyQueue<N, E, V> {
    /// Has the nodes that `goes_on` names wait no longer for what never comes now that `failed` has
    /// failed: for `failed` itself, and for the nodes that never start because they wait for it.
    ///
    /// A node that already has all that it needs of `failed` still runs, so everybody still waits
    /// for it.
    pub fn release(&mut self, failed: &N, goes_on: impl Fn(&N) -> bool) {
        let mut lost = HashSet::new();
        let mut left = vec![failed.clone()];
        while let Some(node) = left.pop() {
            for (edge, dependents) in self.reverse_dep_map.get(&node).into_iter().flatten() {
                let key = (node.clone(), edge.clone());
                for dependent in dependents {
                    let Some((edges, _)) = self.dep_map.get_mut(dependent) else {
                        // It was started, so it had what it needs.
                        continue;
                    };
                    if goes_on(dependent) {
                        edges.remove(&key);
                    } else if edges.contains(&key) && lost.insert(dependent.clone()) {
                        left.push(dependent.clone());
                    }
                }
            }
        }
    }
}
