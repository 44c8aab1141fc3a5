//! The inputs of a link besides the groups.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use object::elf;

use super::groups::{Group, have_member};
use crate::elf::symbol_tables::SymbolTables;
use crate::elf::{Names, global_symbols, references_among, set_visibility, with_class};
use crate::line::arguments::rlibs;
use crate::line::inputs::Inputs;
use crate::record::GroupManifest;
use crate::rlib::{self, Shared};
use crate::system::parallel;
use crate::{Error, Result};

/// A library on the line that is in no group.
pub(super) struct Outside {
    /// Its name for people.
    pub(super) name: String,
    pub(super) shared: Shared,
}

/// Reads the libraries on a line that are in no group: those that stay, and those that
/// the user keeps in the executable.
pub(super) fn libraries_outside(
    args: &[OsString],
    groups: &[Group],
    manifests: &[GroupManifest],
) -> Result<Vec<Outside>> {
    let stays = manifests.iter().flat_map(|group| &group.stays);
    let names: HashMap<&str, &str> = stays
        .map(|stay| (stay.rlib.as_str(), stay.name.as_str()))
        .collect();
    let mut outside = Vec::new();
    for rlib in rlibs(args) {
        let file_name = rlib.file_name().unwrap_or_default().to_string_lossy();
        if !have_member(groups, rlib) && !file_name.starts_with("libcompiler_builtins-") {
            outside.push(Outside {
                name: names.get(&*file_name).unwrap_or(&&*file_name).to_string(),
                shared: Shared::read(rlib)?,
            });
        }
    }
    Ok(outside)
}

/// The symbols that the objects and rlibs on the line name. Archives that only the linker reads do
/// not count.
pub(super) fn named_symbols<'a>(objects: &'a Objects, outside: &'a [Outside]) -> Names<'a> {
    let names = outside.iter().map(|outside| &outside.shared.names);
    let names = names.chain([&objects.shared.names]).flatten();
    names.map(Vec::as_slice).collect()
}

/// The number of objects for which a further thread that reads them pays.
const OBJECTS_OF_A_THREAD: usize = 32;

/// The facts about the objects on the line.
#[derive(Default)]
pub(super) struct Objects {
    /// Copies of the objects that we had to change, by path on the line.
    pub(super) copies: HashMap<PathBuf, PathBuf>,
    /// The symbols that they share with other files; except for the names, also those of the
    /// archives beside them, which are in no rlib: static libraries of the program itself, or of a
    /// crate that does not bundle them.
    pub(super) shared: Shared,
}

impl Objects {
    /// Reads the objects and archives among the inputs of a line, and copies into `scratch` the
    /// objects that hide a symbol which ties the program to the runtime in the groups.
    ///
    /// rustc makes the allocator shim for one output, and hides the symbols that the shim takes
    /// from std (`__rdl_alloc`). If the program has a `#[global_allocator]`, it hides
    /// `__rust_alloc` itself too. std in its group takes that symbol from the executable. So both
    /// sides must be visible, or there would be two allocators in the process.
    pub(super) fn read(inputs: &Inputs, scratch: &Path) -> Result<Objects> {
        let paths: Vec<&Path> = inputs.objects.iter().map(PathBuf::as_path).collect();
        let threads = available_parallelism().map_or(1, usize::from);
        let of_a_thread = paths.len().div_ceil(threads).max(OBJECTS_OF_A_THREAD);
        let chunks: Vec<&[&Path]> = paths.chunks(of_a_thread).collect();
        let mut objects = Objects::default();
        for ReadObjects { shared, to_show } in
            parallel::map(&chunks, |paths| ReadObjects::read(paths))
        {
            objects.shared.add(shared);
            for (path, to_show) in to_show {
                let mut bytes = fs::read(path).map_err(Error::io("read", path))?;
                set_visibility(&mut bytes, &to_show, elf::STV_DEFAULT);
                let copy = scratch.join(format!("{}.o", objects.copies.len()));
                fs::write(&copy, bytes).map_err(Error::io("write", &copy))?;
                objects.copies.insert(path.to_owned(), copy);
            }
        }
        for archive in &inputs.archives {
            objects.shared.add_without_names(Shared::read(archive)?);
        }
        Ok(objects)
    }
}

/// The facts that one thread has read of the objects on a line.
#[derive(Default)]
struct ReadObjects<'a> {
    shared: Shared,
    /// Those that hide a symbol which ties the program to its runtime, with the offsets of the
    /// `st_other` bytes of such symbols.
    to_show: Vec<(&'a Path, Vec<u64>)>,
}

impl<'a> ReadObjects<'a> {
    fn read(paths: &[&'a Path]) -> ReadObjects<'a> {
        let mut objects = ReadObjects::default();
        for path in paths {
            // Objects that rustc did not make may be missing, or be no ELF files. The linker
            // reports that.
            let Ok(tables) = SymbolTables::read(path) else {
                continue;
            };
            let Ok(Some(symbols)) = with_class!(&tables, global_symbols(&tables)) else {
                continue;
            };
            let is_rust = path.as_os_str().as_bytes().ends_with(rlib::RUST_OBJECT);
            for symbol in &symbols {
                objects.shared.see(symbol, is_rust);
            }
            let to_show: Vec<u64> = symbols
                .iter()
                .filter(|symbol| symbol.is_hidden && symbol.ties_to_runtime())
                .map(|symbol| symbol.st_other)
                .collect();
            if !to_show.is_empty() {
                objects.to_show.push((path, to_show));
            }
        }
        objects
    }
}

/// The symbols of the platform that groups use and that a library on the line defines in
/// its place.
pub(super) fn replaced_symbols(
    groups: &[Group],
    objects: &Objects,
    outside: &[Outside],
) -> Result<BTreeSet<String>> {
    let shared = outside.iter().map(|outside| &outside.shared);
    let defined = shared.chain([&objects.shared]);
    let defined: BTreeSet<String> = defined
        .flat_map(|shared| shared.unmangled_definitions.iter().cloned())
        .collect();
    let mut replaced = BTreeSet::new();
    for group in groups {
        replaced.extend(group.read(|bytes| references_among(bytes, &defined))?);
    }
    Ok(replaced)
}
