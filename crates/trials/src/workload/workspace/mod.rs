//! A workspace of 50 crates in layers, with 60 from crates.io below them.
//!
//! We wrote the lowest layer by hand, a crate for each thing that a workspace can have: shared state, a trait with
//! generic code, a procedural macro, build scripts, features, C, a crate for tests. The seed decides the layers above
//! it: the crates and libraries that each crate uses, and its programs, tests and examples.
//!
//! Each crate above the lowest layer has a function `score`. It visits all crates below, each as often as there are
//! paths to it, and counts the visits in the shared state. The generator knows the result and writes it into the tests
//! of the crate. So tests fail if a process has a state twice, or a wrong symbol.

mod base;
mod member;
mod texts;

use std::collections::BTreeSet;

use crate::workload::carriers::{CARRIERS, Carrier, REGISTRY};
use crate::workload::manifest::Manifest;
use crate::workload::random::Random;
use workshop::sources::{Entries, Sources};

/// The seed of the workspace that we measure.
pub(crate) const SEED: u64 = 3;

/// Layers above the lowest, with the number of their crates.
const LAYERS: [(&str, usize); 5] = [
    ("model", 10),
    ("store", 10),
    ("service", 10),
    ("api", 6),
    ("app", 6),
];

const SERVICES: usize = 2;
const APIS: usize = 3;
const APPS: usize = 4;

/// Second halves of the names of crates.
const TREES: [&str; 42] = [
    "alder", "apple", "ash", "aspen", "bay", "beech", "birch", "box", "cedar", "cherry",
    "chestnut", "cypress", "ebony", "elder", "elm", "fig", "fir", "gum", "hawthorn", "hazel",
    "hickory", "holly", "ivy", "juniper", "larch", "laurel", "lemon", "lime", "linden", "maple",
    "oak", "olive", "palm", "pear", "pine", "plane", "plum", "poplar", "rowan", "spruce", "willow",
    "yew",
];

/// Crates of the lowest layer that have a function `carry`, as the modules of [`CARRIERS`] do.
const BASE_CARRIERS: [&str; 3] = ["base-native", "base-palette", "base-stamp"];

/// Features of `base-palette`, of which each of its users asks for some.
const PALETTE_FEATURES: [&[&str]; 4] = [&[], &["bright"], &["deep"], &["bright", "hex"]];

/// The files and directories at the top of the workspace.
const ENTRIES: Entries = &["Cargo.lock", "Cargo.toml", "rustfmt.toml", CRATES];

/// Directory of the crates, in the workspace.
const CRATES: &str = "crates";

/// The kind of a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Library,
    LibraryAndProgram,
    Program,
}

/// A crate above the lowest layer.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    layer: usize,
    kind: Kind,
    edition: u16,
    /// Numbers in [`Plan::members`] of the crates that it uses.
    below: Vec<usize>,
    /// A crate of [`BASE_CARRIERS`].
    base: Option<&'static str>,
    palette_features: &'static [&'static str],
    carriers: Vec<&'static Carrier>,
    /// The carrier in one of its integration tests.
    tested: Option<&'static Carrier>,
    /// Whether its name comes from the procedural macro.
    is_derived: bool,
    /// Its own part of the score.
    own: u64,
    /// The number that its tests use.
    number: u64,
    reach: Reach,
}

/// The result of a call of `score`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reach {
    /// Sum of all parts of the score, without the argument.
    own: u64,
    visits: u64,
    /// Records that are logged.
    records: u64,
    /// Numbers in [`Plan::members`].
    crates: BTreeSet<usize>,
}

impl Reach {
    fn score(&self, number: u64) -> u64 {
        self.own + self.visits * number
    }
}

/// The crates above the lowest layer, those of lower layers first.
#[derive(Clone, Debug)]
struct Plan {
    members: Vec<Member>,
}

/// The files of the workspace. Its lock file is the one that Cargo made for [`SEED`].
pub(crate) fn sources(seed: u64) -> Sources {
    let plan = Plan::new(&mut Random::new(seed));
    let mut files = Files {
        header: format!(
            "Made by `cargo xtask generate workspace` with the seed {seed}: edit the generator, not this file."
        ),
        sources: Sources::new(ENTRIES),
    };
    base::write(&mut files);
    for member in &plan.members {
        member::write(&mut files, &plan, member);
    }
    write_root(&mut files, &plan);
    let lock = include_str!("Cargo.lock").to_owned();
    files.sources.insert("Cargo.lock", lock);
    files.sources
}

impl Plan {
    fn new(random: &mut Random) -> Plan {
        let mut trees = TREES;
        random.shuffle(&mut trees);
        let mut trees = trees.into_iter();
        let mut deck = Deck::default();
        let mut plan = Plan {
            members: Vec::new(),
        };
        for (layer, (layer_name, size)) in LAYERS.into_iter().enumerate() {
            let lower = 0..plan.members.len();
            let belows = plan.belows(random, layer, size);
            for (index, mut below) in belows.into_iter().enumerate() {
                let tree = trees.next().unwrap_or_default();
                if layer > 1 && random.below(2) == 0 {
                    below.push(random.below(lower.len()));
                }
                below.sort();
                below.dedup();
                let mut member = Member {
                    name: format!("{layer_name}-{tree}"),
                    layer,
                    kind: match (layer, index) {
                        (APPS, 4..) => Kind::Program,
                        (APPS, _) | (SERVICES, ..2) => Kind::LibraryAndProgram,
                        _ => Kind::Library,
                    },
                    edition: if index == 3 { 2021 } else { 2024 },
                    below,
                    base: (random.below(3) == 0).then(|| choose(random, &BASE_CARRIERS)),
                    palette_features: choose(random, &PALETTE_FEATURES),
                    carriers: deck.deal(random, 2),
                    tested: (layer >= SERVICES && index % 2 == 0).then(|| deck.deal(random, 1)[0]),
                    is_derived: random.below(3) > 0,
                    own: 100 + random.below(900) as u64,
                    number: 2 + random.below(98) as u64,
                    reach: Reach::default(),
                };
                member.carriers.sort_by_key(|carrier| carrier.name);
                member.reach = plan.reach(&member);
                plan.members.push(member);
            }
        }
        plan
    }

    /// For each crate of a layer, the crates of the layer below that it uses. Each of the latter has a user.
    fn belows(&self, random: &mut Random, layer: usize, size: usize) -> Vec<Vec<usize>> {
        let mut belows = vec![Vec::new(); size];
        let mut candidates: Vec<usize> = (0..self.members.len())
            .filter(|index| self.members[*index].layer + 1 == layer)
            .collect();
        if candidates.is_empty() {
            return belows;
        }
        random.shuffle(&mut candidates);
        for (turn, candidate) in candidates.iter().enumerate() {
            belows[turn % size].push(*candidate);
        }
        for below in &mut belows {
            below.push(choose(random, &candidates));
        }
        belows
    }

    /// The reach of `member`, which comes after all crates that it uses.
    fn reach(&self, member: &Member) -> Reach {
        let logs = member
            .carriers
            .iter()
            .any(|carrier| carrier.name == "record");
        let mut reach = Reach {
            own: member.own,
            visits: 1,
            records: logs.into(),
            crates: [self.members.len()].into(),
        };
        for below in &member.below {
            let below = &self.members[*below].reach;
            reach.own += below.own;
            reach.visits += below.visits;
            reach.records += below.records;
            reach.crates.extend(&below.crates);
        }
        reach
    }
}

fn choose<T: Copy>(random: &mut Random, items: &[T]) -> T {
    items[random.below(items.len())]
}

/// Deals carriers at random, and none a second time before all were dealt.
#[derive(Default)]
struct Deck {
    cards: Vec<&'static Carrier>,
}

impl Deck {
    /// `count` different carriers.
    fn deal(&mut self, random: &mut Random, count: usize) -> Vec<&'static Carrier> {
        if self.cards.len() < count {
            self.cards = CARRIERS.iter().collect();
            random.shuffle(&mut self.cards);
        }
        self.cards.split_off(self.cards.len() - count)
    }
}

/// Files to which the header is added.
struct Files {
    header: String,
    sources: Sources,
}

impl Files {
    fn manifest(&mut self, manifest: &Manifest) {
        let text = manifest.render(&format!("# {}\n", self.header));
        self.write(&manifest.name, "Cargo.toml", text);
    }

    fn rust(&mut self, package: &str, path: &str, text: &str) {
        let text = format!("// {}\n\n{text}", self.header);
        self.write(package, path, text);
    }

    fn write(&mut self, package: &str, path: &str, text: String) {
        let path = format!("{CRATES}/{package}/{path}");
        self.sources.insert(&path, text);
    }
}

fn write_root(files: &mut Files, plan: &Plan) {
    let mut text = format!(
        "# {}\n
[workspace]
resolver = \"3\"
members = [\"{CRATES}/*\"]

[workspace.package]
rust-version = \"1.95\"
license = \"MIT OR Apache-2.0\"
publish = false

[workspace.lints.rust]
unsafe_code = \"deny\"

[workspace.dependencies]
",
        files.header
    );
    for registry in REGISTRY {
        text.push_str(&format!("{} = {}\n", registry.name, registry.requirement));
    }
    text.push('\n');
    let base = base::BASE.iter().map(|base| base.name);
    let members = plan.members.iter();
    for name in base.chain(members.map(|member| member.name.as_str())) {
        text.push_str(&format!("{name} = {{ path = \"{CRATES}/{name}\" }}\n"));
    }
    files.sources.insert("Cargo.toml", text);
    // Generated code has one style, whatever the edition.
    let text = format!("# {}\nstyle_edition = \"2024\"\n", files.header);
    files.sources.insert("rustfmt.toml", text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64) -> Plan {
        Plan::new(&mut Random::new(seed))
    }

    #[test]
    fn everything_is_used() {
        for seed in 0..20 {
            let plan = plan(seed);
            assert_eq!(plan.members.len() + base::BASE.len(), 50);
            let used: BTreeSet<usize> = plan
                .members
                .iter()
                .flat_map(|member| &member.below)
                .copied()
                .collect();
            let unused = (0..plan.members.len()).filter(|index| !used.contains(index));
            assert!(
                unused
                    .into_iter()
                    .all(|index| plan.members[index].layer == APPS)
            );
            let carriers: BTreeSet<&str> = plan
                .members
                .iter()
                .flat_map(|member| &member.carriers)
                .map(|carrier| carrier.name)
                .collect();
            assert_eq!(carriers.len(), CARRIERS.len());
        }
    }

    #[test]
    fn seeds_decide() {
        assert_eq!(sources(1), sources(1));
        assert_ne!(sources(1), sources(2));
    }

    #[test]
    fn a_crate_is_reached_once_for_each_way_to_it() {
        let plan = plan(SEED);
        for (index, member) in plan.members.iter().enumerate() {
            let mut visits = 0;
            let mut crates = BTreeSet::new();
            let mut own = 0;
            let mut ways = vec![index];
            while let Some(here) = ways.pop() {
                visits += 1;
                crates.insert(here);
                own += plan.members[here].own;
                ways.extend(&plan.members[here].below);
            }
            assert_eq!(
                (member.reach.visits, &member.reach.crates),
                (visits, &crates)
            );
            assert_eq!(member.reach.score(3), own + 3 * visits);
        }
    }
}
