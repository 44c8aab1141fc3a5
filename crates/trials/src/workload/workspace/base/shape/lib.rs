//! What the crates of the workspace have in common: a trait, and code that is generic over it.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;

/// A crate, as the crates above see it.
pub trait Part: Any {
    /// Name of the crate.
    fn name(&self) -> &'static str;

    /// The crates that it uses.
    fn parts(&self) -> Vec<Box<dyn Part>>;

    /// How many crates are reached from here, each as often as it is.
    fn weight(&self) -> u64 {
        let parts = self.parts();
        1 + parts.iter().map(|part| part.weight()).sum::<u64>()
    }
}

/// How often each crate is reached.
#[derive(Clone, Debug)]
pub struct Ledger<K> {
    counts: BTreeMap<K, u64>,
}

impl<K: Ord> Default for Ledger<K> {
    fn default() -> Self {
        Ledger {
            counts: BTreeMap::new(),
        }
    }
}

impl<K: Ord> Ledger<K> {
    /// Counts what `key` makes of each crate below `part`, and of `part` itself.
    ///
    /// ```
    /// use base_shape::{Ledger, Part};
    ///
    /// struct Leaf;
    ///
    /// impl Part for Leaf {
    ///     fn name(&self) -> &'static str {
    ///         "leaf"
    ///     }
    ///
    ///     fn parts(&self) -> Vec<Box<dyn Part>> {
    ///         Vec::new()
    ///     }
    /// }
    ///
    /// let mut ledger = Ledger::default();
    /// ledger.add(&Leaf, &|part| part.name());
    /// assert_eq!(ledger.total(), 1);
    /// ```
    ///
    /// A part has to be one:
    ///
    /// ```compile_fail
    /// base_shape::Ledger::default().add(&1, &|part| part.name());
    /// ```
    pub fn add(&mut self, part: &dyn Part, key: &impl Fn(&dyn Part) -> K) {
        *self.counts.entry(key(part)).or_default() += 1;
        for part in part.parts() {
            self.add(&*part, key);
        }
    }

    /// How many different keys there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The sum of all counts.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// How many crates are reached from `part`, told apart by name and by type.
pub fn reached(part: &dyn Part) -> (usize, usize) {
    let mut names: Ledger<&'static str> = Ledger::default();
    names.add(part, &|part| part.name());
    let mut types: Ledger<TypeId> = Ledger::default();
    types.add(part, &|part| part.type_id());
    (names.len(), types.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Leaf;

    impl Part for Leaf {
        fn name(&self) -> &'static str {
            "leaf"
        }

        fn parts(&self) -> Vec<Box<dyn Part>> {
            Vec::new()
        }
    }

    struct Root;

    impl Part for Root {
        fn name(&self) -> &'static str {
            "root"
        }

        fn parts(&self) -> Vec<Box<dyn Part>> {
            vec![Box::new(Leaf), Box::new(Leaf)]
        }
    }

    #[test]
    fn parts_weigh_as_often_as_they_are_reached() {
        assert_eq!(Root.weight(), 3);
        assert_eq!(reached(&Root), (2, 2));
    }

    #[test]
    fn a_new_ledger_is_empty() {
        assert!(Ledger::<u8>::default().is_empty());
    }
}
