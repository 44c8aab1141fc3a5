//! The libraries of a group: those of this build, and those that earlier builds put into it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::Library;
use super::archives::Archive;
use super::below::BelowGroups;
use super::effects::Users;
use crate::finish::constructors::HandedOver;
use crate::line::search::LibrarySearch;
use crate::record::facts::{StoredLibrary, directory_of};
use crate::record::{Effect, GroupFiles, Member, Stay, StayReason, read_json};
use crate::rlib::{KnownRlib, RlibFacts, Stamp, read_rlibs};
use crate::system::files;
use crate::system::threads::Threads;
use crate::{Error, Result};

/// A library and the facts about its rlib.
pub(super) struct Input {
    pub(super) library: Library,
    /// The file name of its rlib.
    pub(super) rlib: String,
    /// Hash of the content of the rlib, in hexadecimal digits.
    pub(super) hash: String,
    /// With the facts about its archives. The offsets of symbols are only those in the rlib.
    pub(super) facts: RlibFacts,
    /// The archives that are linked beside the rlib.
    pub(super) archives: Vec<Archive>,
    /// The archives that executables link for it.
    pub(super) unbundled: Vec<Archive>,
    /// The facts of the rlib alone, if there are archives.
    without_archives: Option<RlibFacts>,
    /// Size of the rlib.
    pub(super) bytes: u64,
    /// The name that its own effect has.
    pub(super) effect: Option<Effect>,
    /// Whether it is one of this build.
    is_of_build: bool,
    stamp: Option<Stamp>,
    digest: blake3::Hash,
}

/// The libraries of a group with the facts about them.
pub(super) struct Inputs(pub(super) Vec<Input>);

impl Inputs {
    /// Reads the libraries of a build, dependents first, and adds those of `carried`: the libraries
    /// with one of these keys whose rlib on disk is the one that some of the `stores` recorded.
    /// `stores` are files of [`Inputs::keep`], and earlier ones win. An rlib that was read before
    /// is not read again.
    pub(super) fn read(
        libraries: &[Library],
        carried: &HashSet<u64>,
        stores: &[PathBuf],
        directory: &Path,
        below: &BelowGroups,
        threads: &Threads,
    ) -> Result<Inputs> {
        // A file that cannot be read has no libraries.
        let kept = stores
            .iter()
            .map(|path| read_json(path).unwrap_or_default());
        let kept: Vec<StoredLibrary> = kept.flat_map(|kept: Vec<StoredLibrary>| kept).collect();
        let by_rlib: HashMap<&str, &StoredLibrary> =
            kept.iter().map(|kept| (&*kept.rlib, kept)).collect();
        let mut found: Vec<(Library, bool)> = Vec::new();
        let of_build: HashSet<String> = libraries.iter().map(Library::file_name).collect();
        let mut seen = HashSet::new();
        for kept in &kept {
            let is_wanted = carried.contains(&kept.key) && !of_build.contains(&kept.rlib);
            if is_wanted
                && let Some(rlib) = kept.rlib_path(directory)
                && rlib.is_file()
                && seen.insert(&kept.rlib)
            {
                found.push((library(kept, rlib), false));
            }
        }
        found.extend(libraries.iter().map(|library| (library.clone(), true)));
        let paths: Vec<&Path> = found.iter().map(|(library, _)| &*library.rlib).collect();
        let known = read_rlibs(
            &paths,
            |path| {
                let name = path.file_name()?.to_str()?;
                by_rlib.get(name).map(|kept| kept.known.clone())
            },
            threads,
        )?;
        let mut inputs = Inputs(Vec::new());
        for ((library, is_of_build), known) in found.iter().zip(known) {
            let rlib = library.file_name();
            let kept = by_rlib.get(&*rlib);
            let metadata = fs::metadata(&library.rlib).map_err(Error::io("read", &library.rlib))?;
            inputs.0.push(Input {
                library: library.clone(),
                effect: kept.and_then(|kept| kept.effect.clone()),
                rlib,
                hash: known.hash.to_hex().to_string(),
                bytes: metadata.len(),
                digest: known.hash,
                stamp: known.stamp,
                facts: known.facts,
                archives: Vec::new(),
                unbundled: Vec::new(),
                without_archives: None,
                is_of_build: *is_of_build,
            });
        }
        inputs.put_in_order();
        inputs.drop_stale(&by_rlib, below);
        inputs.drop_clashing();
        Ok(inputs)
    }

    /// Finds the archives that build scripts ask for, and adds those to the libraries that are
    /// linked with them.
    pub(super) fn add_archives(&mut self, search: &LibrarySearch<'_>) {
        for input in &mut self.0 {
            let Library {
                native_libraries,
                native_search,
                ..
            } = &input.library;
            let requests = native_libraries.iter();
            input.unbundled = requests
                .filter_map(|request| Archive::find_unbundled(request, native_search, search))
                .collect();
            for request in native_libraries {
                let Some(archive) = Archive::find(request, native_search, search) else {
                    continue;
                };
                let without = &mut input.without_archives;
                without.get_or_insert_with(|| input.facts.clone());
                input.facts.add_archive(&archive.facts);
                input.archives.push(archive);
            }
        }
        self.drop_clashing();
    }

    /// Puts dependents first, and otherwise goes by name: the same libraries have the same order
    /// whichever of them are of this build.
    fn put_in_order(&mut self) {
        let mut dependents: HashMap<&str, usize> = HashMap::new();
        for input in &self.0 {
            for dependency in &input.library.dependencies {
                *dependents.entry(dependency).or_default() += 1;
            }
        }
        let by_rlib: BTreeMap<&str, &Input> =
            self.0.iter().map(|input| (&*input.rlib, input)).collect();
        let is_free = |rlib: &str, dependents: &HashMap<&str, usize>| {
            dependents.get(rlib).copied().unwrap_or_default() == 0
        };
        let free = by_rlib.keys().copied();
        let mut ready: BTreeSet<&str> = free.filter(|rlib| is_free(rlib, &dependents)).collect();
        let mut order: HashMap<String, usize> = HashMap::new();
        while let Some(rlib) = ready.pop_first() {
            order.insert(rlib.to_owned(), order.len());
            for dependency in &by_rlib[rlib].library.dependencies {
                if let Some(left) = dependents.get_mut(&**dependency) {
                    *left -= 1;
                }
                if by_rlib.contains_key(&**dependency) && is_free(dependency, &dependents) {
                    ready.insert(dependency);
                }
            }
        }
        self.0.sort_by_key(|input| order.get(&input.rlib).copied());
    }

    /// Drops libraries that earlier builds made against other libraries than those that are there
    /// now.
    fn drop_stale(&mut self, kept: &HashMap<&str, &StoredLibrary>, below: &BelowGroups) {
        let mut hashes: HashMap<String, String> = below
            .hashes()
            .map(|(rlib, hash)| (rlib.to_owned(), hash.to_owned()))
            .collect();
        // Dependencies come later in the list.
        let mut is_fresh = vec![true; self.0.len()];
        for (input, is_fresh) in self.0.iter().zip(&mut is_fresh).rev() {
            if !input.is_of_build {
                let kept = kept[&*input.rlib];
                let mut dependencies = kept.dependencies.iter();
                *is_fresh = kept.known.hash == input.digest
                    && dependencies.all(|(rlib, hash)| hashes.get(rlib) == Some(hash));
            }
            if *is_fresh {
                hashes.insert(input.rlib.clone(), input.hash.clone());
            }
        }
        let mut is_fresh = is_fresh.into_iter();
        self.0.retain(|_| is_fresh.next().unwrap_or_default());
    }

    /// Drops libraries that earlier builds put into the group and that define a C name that another
    /// library in it defines, such as another version of the same C library: neither of two such
    /// libraries could be a member.
    fn drop_clashing(&mut self) {
        let mut definers: HashMap<&str, usize> = HashMap::new();
        let mut dropped: HashSet<String> = HashSet::new();
        for (index, input) in self.0.iter().enumerate().rev() {
            let definitions = &input.facts.unmangled_definitions;
            let clashes = definitions
                .iter()
                .any(|name| definers.contains_key(&**name));
            let mut dependencies = input.library.dependencies.iter();
            let is_dropped = clashes || dependencies.any(|rlib| dropped.contains(rlib));
            if !input.is_of_build && is_dropped {
                dropped.insert(input.rlib.clone());
                continue;
            }
            definers.extend(definitions.iter().map(|name| (name.as_str(), index)));
        }
        self.0.retain(|input| !dropped.contains(&input.rlib));
    }

    /// Writes the facts beside the contents of the group.
    pub(super) fn keep(&self, group: &GroupFiles, below: &BelowGroups) -> Result<()> {
        let path = group.facts();
        let own = self.0.iter().map(|input| (&*input.rlib, &*input.hash));
        let hashes: HashMap<&str, &str> = own.chain(below.hashes()).collect();
        let kept: Vec<StoredLibrary> = self
            .0
            .iter()
            .map(|input| StoredLibrary {
                key: input.library.key,
                name: input.library.name.clone(),
                rlib: input.rlib.clone(),
                directory: directory_of(&input.library.rlib, group.directory()),
                dependencies: input
                    .library
                    .dependencies
                    .iter()
                    .map(|rlib| {
                        let hash = hashes.get(&**rlib).copied().unwrap_or_default();
                        (rlib.clone(), hash.to_owned())
                    })
                    .collect(),
                native_search: input.library.native_search.clone(),
                native_libraries: input.library.native_libraries.clone(),
                effect: input.effect.clone(),
                known: KnownRlib {
                    stamp: input.stamp,
                    hash: input.digest,
                    facts: input
                        .without_archives
                        .as_ref()
                        .unwrap_or(&input.facts)
                        .clone(),
                },
            })
            .collect();
        let bytes = serde_json::to_vec(&kept).map_err(|source| Error::Json {
            path: path.clone(),
            source,
        })?;
        if fs::read(&path).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        files::write(&path, &bytes)
    }
}

/// The recorded library, whose rlib is `rlib`.
fn library(kept: &StoredLibrary, rlib: PathBuf) -> Library {
    Library {
        name: kept.name.clone(),
        key: kept.key,
        rlib,
        dependencies: kept
            .dependencies
            .iter()
            .map(|(rlib, _)| rlib.clone())
            .collect(),
        users: Users::default(),
        native_search: kept.native_search.clone(),
        native_libraries: kept.native_libraries.clone(),
    }
}

impl Input {
    /// The requests of its build script for which the linker takes no archive.
    pub(super) fn library_requests(&self) -> impl Iterator<Item = &String> {
        let is_archive = |text: &String| self.archives.iter().any(|one| one.request == *text);
        let requests = self.library.native_libraries.iter();
        requests.filter(move |text| !is_archive(text))
    }

    /// Whether the rlib, or an archive that goes into the group with it, hides symbols in code that
    /// rustc did not make.
    pub(super) fn hides_symbols(&self) -> bool {
        let archives = self.archives.iter().map(|archive| &archive.facts);
        let mut facts = archives.chain([&self.facts]);
        facts.any(|facts| !facts.hidden_definitions.is_empty())
    }

    /// Whether a line of the linker names the rlib, or an archive that goes with it.
    pub(super) fn is_named_in(&self, line: &str) -> bool {
        let mut archives = self.archives.iter();
        line.contains(&*self.rlib)
            || archives.any(|archive| line.contains(&*archive.path.to_string_lossy()))
    }

    pub(super) fn stay(&self, reason: StayReason) -> Stay {
        Stay {
            name: self.library.name.clone(),
            rlib: self.rlib.clone(),
            hash: self.hash.clone(),
            reason,
            shared_state: self.facts.shared_state.clone(),
        }
    }

    /// The member for the manifest. `distances` are those of the functions of constructors from
    /// their entries.
    pub(super) fn member(&self, distances: &HashMap<String, i64>) -> Member {
        let facts = &self.facts;
        let constructors = facts.constructors.iter();
        let constructors = constructors.filter_map(|constructor| {
            Some(HandedOver {
                distance: *distances.get(&constructor.entry)?,
                section: constructor.section.clone(),
                entry: constructor.entry.clone(),
            })
        });
        Member {
            constructors: constructors.collect(),
            name: self.library.name.clone(),
            rlib: self.rlib.clone(),
            hash: self.hash.clone(),
            dependencies: self.library.dependencies.clone(),
            protected_symbols: facts.hidden_definitions.len(),
            unmangled_definitions: facts.unmangled_definitions.clone(),
            shared_state: facts.shared_state.clone(),
        }
    }
}
