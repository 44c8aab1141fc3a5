//! The native libraries on the line of an executable, which groups use too.

use std::cell::LazyCell;
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::groups::{Group, have_member};
use crate::Result;
use crate::elf::{DynamicInfo, definitions, references_among};
use crate::line::arguments::{LibraryState, Meaning, meaning};
use crate::line::linker::counts_in_order;
use crate::line::search::{LibrarySearch, find_native};
use crate::line::template::LinkTemplate;
use crate::record::{GroupManifest, NativeLibrary};

/// The libraries that the groups of a line already link, so that the executable need not: the
/// platform's, and those that a group was linked with.
pub(super) fn settled_libraries(groups: &[Group], manifests: &[GroupManifest]) -> HashSet<String> {
    let native = groups
        .iter()
        .flat_map(|group| &group.object.native_libraries);
    let platform = manifests
        .iter()
        .filter_map(|manifest| manifest.template.as_ref())
        .flat_map(LinkTemplate::platform_names);
    let native = native.map(|library| library.name.clone());
    native.chain(platform.map(str::to_owned)).collect()
}

/// The libraries that the executable has to load even if the linker, which does not look into
/// groups, finds no use of them: those that groups need, and those on the line that a static link
/// takes because of a library in a group. `own` are the C names that the program itself defines.
pub(super) fn libraries_to_load(
    linker: &Path,
    args: &[OsString],
    native_search: &[PathBuf],
    own: &BTreeSet<String>,
    groups: &[Group],
) -> Result<HashSet<String>> {
    let mut to_load = needed_libraries(groups)?;
    let Some(template) = groups.iter().find_map(|group| group.template.as_ref()) else {
        return Ok(to_load);
    };
    let libraries = Libraries {
        native_search,
        template,
        platform: template.platform_names().collect(),
        search: LibrarySearch::in_wrapper(template),
    };
    let counts_in_order = LazyCell::new(|| counts_in_order(linker, args));
    let asked: Vec<Asked<'_>> = shared_libraries(args, groups).collect();
    for (index, library) in asked.iter().enumerate() {
        let name = library.name;
        if libraries.platform.contains(name) || to_load.contains(name) {
            continue;
        }
        let is_taken = libraries.is_taken(library, &asked[..index], own, groups)?;
        if is_taken && !(library.before_groups && *counts_in_order) {
            to_load.insert(name.to_owned());
        }
    }
    Ok(to_load)
}

/// What the shared libraries on a line define.
struct Libraries<'a> {
    native_search: &'a [PathBuf],
    template: &'a LinkTemplate,
    platform: HashSet<&'a str>,
    search: LibrarySearch<'a>,
}

impl Libraries<'_> {
    /// Whether a static link takes a library because of one in a group, as far as we know. The linker
    /// takes a symbol from where it is defined first: `own` are those of the program, and `earlier`
    /// the libraries before this one.
    fn is_taken(
        &self,
        library: &Asked<'_>,
        earlier: &[Asked<'_>],
        own: &BTreeSet<String>,
        groups: &[Group],
    ) -> Result<bool> {
        let Some(mut definitions) = self.definitions(library.name) else {
            return Ok(true);
        };
        if !library.is_used(&definitions, groups)? {
            return Ok(false);
        }
        definitions.retain(|symbol| !own.contains(symbol));
        let (of_platform, others): (Vec<_>, Vec<_>) = earlier
            .iter()
            .map(|earlier| earlier.name)
            .partition(|name| self.platform.contains(name));
        if !of_platform.is_empty() {
            let of_platform = self.template.platform_definitions()?;
            definitions.retain(|symbol| !of_platform.contains(symbol));
        }
        for of_other in others.into_iter().filter_map(|name| self.definitions(name)) {
            definitions.retain(|symbol| !of_other.contains(symbol));
        }
        library.is_used(&definitions, groups)
    }

    /// The symbols that a library defines. `None` if we do not find it, or if it is something else,
    /// such as a linker script that names others.
    fn definitions(&self, name: &str) -> Option<BTreeSet<String>> {
        let path = find_native(self.native_search, name)
            .or_else(|| find_native(&self.search.directories(self.native_search), name))?;
        let definitions = definitions(&path).ok()?;
        (!definitions.is_empty()).then(|| BTreeSet::from_iter(definitions))
    }
}

/// A library that a linker looks for as a shared one.
struct Asked<'a> {
    name: &'a str,
    /// Whether it stands before all members of groups.
    before_groups: bool,
}

impl Asked<'_> {
    /// Whether a group refers to one of the symbols that the library defines. One before the groups
    /// also counts as used if a crate brings the same symbol: linkers that count all references
    /// then take the first definition. See [`check_shared_libraries`].
    ///
    /// [`check_shared_libraries`]: super::fit::visibility::check_shared_libraries
    fn is_used(&self, definitions: &BTreeSet<String>, groups: &[Group]) -> Result<bool> {
        let of_crates = groups.iter().filter(|group| group.template.is_none());
        let mut members = of_crates.flat_map(|group| &group.object.members);
        if self.before_groups
            && members.any(|member| !definitions.is_disjoint(&member.unmangled_definitions))
        {
            return Ok(true);
        }
        for group in groups {
            let references = group.read(|bytes| references_among(bytes, definitions))?;
            if !references.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn shared_libraries<'a>(args: &'a [OsString], groups: &[Group]) -> impl Iterator<Item = Asked<'a>> {
    let mut state = LibraryState::default();
    let mut before_groups = true;
    args.iter().filter_map(move |arg| {
        state.read(arg);
        match meaning(arg) {
            Meaning::Rlib(rlib) => before_groups &= !have_member(groups, rlib),
            Meaning::NativeLibrary(name) if state.prefer_shared => {
                return Some(Asked {
                    name,
                    before_groups,
                });
            }
            _ => {}
        }
        None
    })
}

/// The libraries that groups need. The executable has to need them too: the user's run path leads
/// to them, and the loader uses the executable's run path for no other file.
fn needed_libraries(groups: &[Group]) -> Result<HashSet<String>> {
    let mut libraries = HashSet::new();
    for group in groups {
        let native_libraries = &group.object.native_libraries;
        if native_libraries.is_empty() {
            continue;
        }
        let info = group.read(DynamicInfo::parse)?.unwrap_or_default();
        let is_needed = |library: &&NativeLibrary| match &library.soname {
            Some(soname) => info.needed.contains(soname),
            None => {
                let file_name = match library.name.strip_prefix(':') {
                    Some(file_name) => file_name.to_owned(),
                    None => format!("lib{}.so", library.name),
                };
                let mut needed = info.needed.iter();
                needed.any(|soname| soname.starts_with(&file_name))
            }
        };
        let needed = native_libraries.iter().filter(is_needed);
        libraries.extend(needed.map(|library| library.name.clone()));
    }
    Ok(libraries)
}
