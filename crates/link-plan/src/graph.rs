//! The input of [`plan`](crate::grouping::plan): libraries, their dependencies, and the final
//! units that link them.
//!
//! This is Cargo's unit graph without the units that have no say in grouping. The caller that fills
//! the graph leaves out proc macros, build scripts and artifact dependencies, because an executable
//! that uses groups links nothing of them.
//!
//! A library is a *unit*, not a package: the same crate compiled with two feature sets is two
//! libraries of one name. [`LibraryId`] identifies a library within a graph, and [`UnitKey`]
//! identifies it from build to build. Libraries of one package have the same name.

use std::fmt;

use thiserror::Error;

/// Names one library unit in the same way in every graph and every build.
///
/// Two units may have the same key only if rustc makes the same bytes of both, as long as nobody
/// edits the source: by its key, we look up a frozen library in the pools that earlier builds
/// linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitKey(u64);

/// Names one link setting in the same way in every graph and every build.
///
/// A link setting is what final units have in common if they can load the same groups, such as the
/// linker and its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SettingKey(u64);

/// A library of one [`LinkGraph`], numbered in the order of [`LinkGraph::add_library`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibraryId(usize);

/// A final unit of one [`LinkGraph`], numbered in the order of [`LinkGraph::add_final`].
///
/// Not Cargo's root unit: a bin that is built for an integration test is final and no root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FinalId(usize);

/// A group of one [`Plan`](crate::grouping::Plan), numbered so that the groups a group needs have
/// smaller numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(usize);

impl UnitKey {
    /// The key of that number, which may be a hash of everything that decides the unit's bytes.
    pub fn new(value: u64) -> UnitKey {
        UnitKey(value)
    }

    /// The number that was given to [`UnitKey::new`].
    pub fn value(self) -> u64 {
        self.0
    }
}

impl SettingKey {
    /// The key of that number, which may be a hash of everything that decides such links.
    pub fn new(value: u64) -> SettingKey {
        SettingKey(value)
    }

    /// The number that was given to [`SettingKey::new`].
    pub fn value(self) -> u64 {
        self.0
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for UnitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl LibraryId {
    /// Position in [`LinkGraph::libraries`], from 0.
    pub fn index(self) -> usize {
        self.0
    }
}

impl FinalId {
    /// Position in [`LinkGraph::final_units`] and in
    /// [`Plan::finals`](crate::grouping::Plan::finals), from 0.
    pub fn index(self) -> usize {
        self.0
    }
}

impl GroupId {
    pub(crate) fn new(index: usize) -> GroupId {
        GroupId(index)
    }

    /// Position in [`Plan::groups`](crate::grouping::Plan::groups), from 0.
    pub fn index(self) -> usize {
        self.0
    }
}

/// Whether the source of a library changes between edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// From a registry or git: the same bytes until the lock file changes.
    Frozen,
    /// A path crate: may be edited at any moment.
    Local,
}

/// One library unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// The package that it is a unit of, as text that no other package has.
    ///
    /// Units of one package with different features have the same name.
    pub name: String,
    /// Where its source comes from.
    pub origin: Origin,
    /// Whether the user asked that it stays inside the executable.
    pub opted_out: bool,
    /// The unit, the only one of its graph with this key.
    pub key: UnitKey,
    /// Size of its rlib or a guess at it, in bytes; 0 where it is unknown.
    pub bytes: u64,
    /// The libraries it depends on directly, each once.
    pub deps: Vec<LibraryId>,
}

/// One final unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalUnit {
    /// The libraries it depends on directly.
    pub deps: Vec<LibraryId>,
}

/// Libraries and final units with their dependencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkGraph {
    setting: SettingKey,
    libraries: Vec<Library>,
    final_units: Vec<FinalUnit>,
}

/// The libraries of a graph depend on each other in a cycle.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct CycleError {
    /// The names along the cycle, each dependent before its dependency, the first one not
    /// repeated at the end.
    pub crates: Vec<String>,
}

impl fmt::Display for CycleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dependency cycle: ")?;
        for name in &self.crates {
            write!(f, "`{name}` -> ")?;
        }
        match self.crates.first() {
            Some(first) => write!(f, "`{first}`"),
            None => Ok(()),
        }
    }
}

/// Every method that takes an id panics if another graph handed out the id and it is out of bounds
/// here.
impl LinkGraph {
    /// A graph without libraries and final units, for final units of that setting.
    pub fn new(setting: SettingKey) -> LinkGraph {
        LinkGraph {
            setting,
            libraries: Vec::new(),
            final_units: Vec::new(),
        }
    }

    /// Adds a library of unknown size and without dependencies that may become a group member.
    pub fn add_library(
        &mut self,
        name: impl Into<String>,
        origin: Origin,
        key: UnitKey,
    ) -> LibraryId {
        let id = LibraryId(self.libraries.len());
        self.libraries.push(Library {
            name: name.into(),
            origin,
            opted_out: false,
            key,
            bytes: 0,
            deps: Vec::new(),
        });
        id
    }

    /// Adds the dependency of `from` on `to`; adding it twice has no further effect.
    ///
    /// [`plan`](crate::grouping::plan) looks for cycles, and not this method, so that callers can
    /// add dependencies in any order at no cost.
    pub fn add_dependency(&mut self, from: LibraryId, to: LibraryId) {
        let deps = &mut self.libraries[from.0].deps;
        if !deps.contains(&to) {
            deps.push(to);
        }
    }

    /// Keeps a library, and so everything that depends on it, inside the executables.
    pub fn opt_out(&mut self, id: LibraryId) {
        self.libraries[id.0].opted_out = true;
    }

    /// Sets the size of a library's rlib, in bytes; 0 means unknown.
    pub fn set_bytes(&mut self, id: LibraryId, bytes: u64) {
        self.libraries[id.0].bytes = bytes;
    }

    /// Adds a final unit with its direct dependencies.
    pub fn add_final(&mut self, deps: impl IntoIterator<Item = LibraryId>) -> FinalId {
        let id = FinalId(self.final_units.len());
        self.final_units.push(FinalUnit {
            deps: deps.into_iter().collect(),
        });
        id
    }

    /// The link setting of all its final units.
    pub fn setting(&self) -> SettingKey {
        self.setting
    }

    /// All libraries, by [`LibraryId::index`].
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    /// The library of that id.
    pub fn library(&self, id: LibraryId) -> &Library {
        &self.libraries[id.0]
    }

    /// All final units, by [`FinalId::index`].
    pub fn final_units(&self) -> &[FinalUnit] {
        &self.final_units
    }

    /// All library ids, in the order of [`LinkGraph::add_library`].
    pub fn library_ids(&self) -> impl Iterator<Item = LibraryId> + use<> {
        (0..self.libraries.len()).map(LibraryId)
    }

    /// All libraries, each after everything it depends on.
    pub(crate) fn dependencies_first(&self) -> Result<Vec<LibraryId>, CycleError> {
        let mut visits = vec![Visit::New; self.libraries.len()];
        let mut order = Vec::with_capacity(self.libraries.len());
        for start in self.library_ids() {
            self.visit(start, &mut visits, &mut order)?;
        }
        Ok(order)
    }

    /// Depth-first walk with its own stack: a chain of crates may be longer than the thread's
    /// stack allows a recursion to be.
    fn visit(
        &self,
        start: LibraryId,
        visits: &mut [Visit],
        order: &mut Vec<LibraryId>,
    ) -> Result<(), CycleError> {
        if visits[start.0] != Visit::New {
            return Ok(());
        }
        visits[start.0] = Visit::Open;
        let mut path = vec![(start, 0)];
        while let Some((library, next)) = path.last_mut() {
            let library = *library;
            let Some(&dep) = self.libraries[library.0].deps.get(*next) else {
                visits[library.0] = Visit::Done;
                order.push(library);
                path.pop();
                continue;
            };
            *next += 1;
            match visits[dep.0] {
                Visit::New => {
                    visits[dep.0] = Visit::Open;
                    path.push((dep, 0));
                }
                Visit::Open => return Err(self.cycle_through(dep, &path)),
                Visit::Done => {}
            }
        }
        Ok(())
    }

    fn cycle_through(&self, closing: LibraryId, path: &[(LibraryId, usize)]) -> CycleError {
        let crates = path
            .iter()
            .skip_while(|(library, _)| *library != closing)
            .map(|(library, _)| self.library(*library).name.clone())
            .collect();
        CycleError { crates }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    /// On the path that is being walked: meeting it again closes a cycle.
    Open,
    Done,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `edges` is written `"a -> b, b -> c"`.
    fn graph(edges: &str) -> LinkGraph {
        let mut graph = LinkGraph::new(SettingKey::new(0));
        for edge in edges.split(", ") {
            let ids: Vec<LibraryId> = edge
                .split(" -> ")
                .map(|name| library_named(&mut graph, name))
                .collect();
            for pair in ids.windows(2) {
                graph.add_dependency(pair[0], pair[1]);
            }
        }
        graph
    }

    fn library_named(graph: &mut LinkGraph, name: &str) -> LibraryId {
        let known = graph
            .library_ids()
            .find(|id| graph.library(*id).name == name);
        known.unwrap_or_else(|| add_frozen(graph, name))
    }

    fn add_frozen(graph: &mut LinkGraph, name: &str) -> LibraryId {
        let key = UnitKey::new(graph.libraries().len() as u64);
        graph.add_library(name, Origin::Frozen, key)
    }

    fn check_order(edges: &str, expected: &str) {
        let graph = graph(edges);
        let names: Vec<&str> = graph
            .dependencies_first()
            .unwrap()
            .into_iter()
            .map(|id| graph.library(id).name.as_str())
            .collect();
        assert_eq!(names.join(" "), expected);
    }

    fn check_cycle(edges: &str, expected: &str) {
        let error = graph(edges).dependencies_first().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn dependencies_come_before_dependents() {
        check_order("a -> b -> c", "c b a");
        check_order("a -> b, a -> c, b -> d, c -> d", "d b c a");
    }

    #[test]
    fn a_cycle_is_an_error_that_names_only_the_crates_in_it() {
        check_cycle("a -> a", "dependency cycle: `a` -> `a`");
        check_cycle(
            "entry -> a -> b -> c -> a",
            "dependency cycle: `a` -> `b` -> `c` -> `a`",
        );
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let mut graph = LinkGraph::new(SettingKey::new(0));
        let mut previous = add_frozen(&mut graph, "0");
        for index in 1..200_000 {
            let next = add_frozen(&mut graph, &index.to_string());
            graph.add_dependency(previous, next);
            previous = next;
        }
        assert_eq!(graph.dependencies_first().unwrap().len(), 200_000);
    }

    #[test]
    fn a_repeated_dependency_is_kept_once() {
        assert_eq!(graph("a -> b, a -> b").libraries()[0].deps.len(), 1);
    }
}
