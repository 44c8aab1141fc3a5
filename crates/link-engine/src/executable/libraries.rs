//! The native libraries on the line of an executable, which groups use too.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::groups::Group;
use crate::Result;
use crate::elf::{DynamicInfo, definitions, references_among};
use crate::line::arguments::{Meaning, meaning};
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
/// groups, finds no use of them. Those are the libraries that groups need, and others on the line
/// to which a group refers.
pub(super) fn libraries_to_load(
    linker: &Path,
    args: &[OsString],
    settled: &HashSet<String>,
    native_search: &[PathBuf],
    groups: &[Group],
) -> Result<HashSet<String>> {
    let mut libraries = needed_libraries(groups)?;
    let template = groups.iter().find_map(|group| group.template.as_ref());
    let search = template.map(|template| LibrarySearch::new(template, Path::new(""), &[]));
    let find = |name: &str| {
        let on_line = find_native(native_search, name);
        on_line.or_else(|| find_native(&search.as_ref()?.directories(native_search), name))
    };
    for Asked {
        name,
        before_groups,
    } in shared_libraries(args, groups)
    {
        if !settled.contains(name)
            && is_used(find(name).as_deref(), groups)?
            && !(before_groups && counts_in_order(linker, args))
        {
            libraries.insert(name.to_owned());
        }
    }
    Ok(libraries)
}

/// A library that a linker looks for as a shared one.
struct Asked<'a> {
    name: &'a str,
    /// Whether it stands before all members of groups.
    before_groups: bool,
}

fn shared_libraries<'a>(args: &'a [OsString], groups: &[Group]) -> impl Iterator<Item = Asked<'a>> {
    let is_member = |rlib: &Path| {
        let name = rlib.file_name().unwrap_or_default().to_string_lossy();
        let mut groups = groups.iter();
        groups.any(|group| group.input.members.contains(&*name))
    };
    let mut prefer_shared = true;
    let mut before_groups = true;
    args.iter().filter_map(move |arg| {
        match meaning(arg) {
            Meaning::PreferShared(shared) => prefer_shared = shared,
            Meaning::Rlib(rlib) => before_groups &= !is_member(rlib),
            Meaning::NativeLibrary(name) if prefer_shared => {
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

/// Whether a group refers to a symbol of a library, as far as we know. A linker script may name a
/// library to which one does.
fn is_used(library: Option<&Path>, groups: &[Group]) -> Result<bool> {
    let Some(Ok(definitions)) = library.map(definitions) else {
        return Ok(true);
    };
    let definitions = BTreeSet::from_iter(definitions);
    for group in groups {
        if !group
            .read(|bytes| references_among(bytes, &definitions))?
            .is_empty()
        {
            return Ok(true);
        }
    }
    Ok(false)
}
