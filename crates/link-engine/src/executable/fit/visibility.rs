//! Whether each user of a symbol sees the definition that a static link would give to it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;

use super::options;
use crate::Error;
use crate::elf::{DynamicInfo, has_private, names, private_among};
use crate::executable::groups::Group;
use crate::executable::unfit::{Definer, Unfit};
use crate::line::arguments;
use crate::line::search::LibrarySearch;
use crate::line::words::Word;
use crate::record::Fallback;
use crate::system::files;

/// Checks that no link arg of this program alone shows definitions that are private in the groups.
/// The group of the sysroot crates does not count, since nobody means to show its symbols.
pub(in crate::executable) fn check_shown(words: &[Word], groups: &[Group]) -> Result<(), Fallback> {
    let Some(link_arg) = options::showing(words) else {
        return Ok(());
    };
    for group in groups {
        let members = group.object.members.iter();
        let mut names = members.flat_map(|member| &member.unmangled_definitions);
        if group.template.is_none() && names.next().is_some() && group.read(has_private)? {
            return Err(Unfit::Shown { link_arg }.into());
        }
    }
    Ok(())
}

/// Checks that no group refers to a private definition of a group that is not below it.
pub(in crate::executable) fn check_open_references(groups: &[Group]) -> Result<(), Fallback> {
    for Group { name, object, .. } in groups {
        let open = object.open_references.iter();
        let open = open.map(|reference| reference.name.as_bytes()).collect();
        let user = format!("the {name}");
        check_seen(&open, &user, groups)?;
    }
    Ok(())
}

/// Checks that no shared library that the executable needs names a private definition. In a static
/// link, the linker shows such a library the symbols that it names.
pub(in crate::executable) fn check_shared_libraries(
    args: &[OsString],
    native_search: &[PathBuf],
    groups: &[Group],
) -> Result<(), Fallback> {
    let template = groups.iter().find_map(|group| group.template.as_ref());
    // A library that names a C symbol never means that of the sysroot crates.
    let of_crates = groups.iter().filter(|group| group.template.is_none());
    let mut members = of_crates.flat_map(|group| &group.object.members);
    let has_private = members.any(|member| !member.unmangled_definitions.is_empty());
    let Some(template) = template.filter(|_| has_private) else {
        return Ok(());
    };
    let is_group = |soname: &str| groups.iter().any(|group| group.object.soname == soname);
    let is_platform = |soname: &str| {
        let mut libraries = template.platform_libraries.iter();
        libraries.any(|library| library.ends_with(soname))
    };
    let info = DynamicInfo::read(arguments::output(args)?)?.unwrap_or_default();
    let mut libraries = info.needed;
    libraries.retain(|soname| !is_group(soname) && !is_platform(soname));
    if libraries.is_empty() {
        return Ok(());
    }
    for library in LibrarySearch::in_wrapper(template).find(native_search, &libraries) {
        let user = format!("`{}`", library.file_name().unwrap_or_default().display());
        let bytes = files::map(&library)?;
        let names = names(&bytes).map_err(Error::object(&library))?;
        check_seen(&names, &user, groups)?;
    }
    Ok(())
}

/// Checks that none of the symbols that `user` names is a private definition of a group.
fn check_seen(names: &HashSet<&[u8]>, user: &str, groups: &[Group]) -> Result<(), Fallback> {
    for group in groups {
        for member in &group.object.members {
            let definitions = member.unmangled_definitions.iter();
            let named: Vec<&str> = definitions
                .filter(|symbol| names.contains(symbol.as_bytes()))
                .map(String::as_str)
                .collect();
            if named.is_empty() {
                continue;
            }
            let private = group.read(|bytes| private_among(bytes, named))?;
            if let Some(symbol) = private {
                return Err(Unfit::Unseen {
                    symbol: symbol.to_owned(),
                    definer: Definer::Member(member.name.clone()),
                    user: user.to_owned(),
                }
                .into());
            }
        }
    }
    Ok(())
}
