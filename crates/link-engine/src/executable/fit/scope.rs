//! The definitions that the loader will find for references of groups in other shared libraries.
//!
//! When a linker finds the definition of a reference in a library, it writes down the version that
//! the library shows by default. A library that only an attribute names (`#[link(name = "foo")]`)
//! is unknown when the group is linked. The reference then has no version, and the loader takes the
//! oldest one (`do_lookup_x` in `elf/dl-lookup.c` of glibc 2.36: index 2 or less, hidden or not).
//! In addition, some linkers do not check whether a definition exists for each reference of a
//! shared object. So we look these references up when the executable is finished.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use memmap2::Mmap;
use object::elf;
use object::read::elf::Sym;

use crate::elf::{DynamicInfo, ElfClass, with_class};
use crate::line::search::LibrarySearch;
use crate::system::files;
use crate::{Error, Result};

/// The shared libraries that a program loads besides groups.
pub(super) struct Scope {
    /// In the order in which the loader searches them.
    libraries: Vec<(PathBuf, Mmap)>,
    /// Whether we found all of them.
    is_complete: bool,
}

/// A problem with references of groups.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing defines these symbols.
    Undefined(Vec<String>),
    /// In a library, the loader takes an older version of a symbol than a linker does.
    OlderVersion {
        /// Name of the symbol.
        symbol: String,
        /// File name of the library.
        library: String,
    },
}

/// How a library defines a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definition {
    /// For a reference without a version, the loader takes the definition that a linker takes.
    Same,
    /// It takes an older version.
    Older,
}

/// The highest index of a version at which the loader takes a symbol for a reference without a
/// version.
const OLDEST: u16 = 2;

impl Scope {
    /// Finds the libraries with these sonames and those that they need.
    pub(super) fn read(
        sonames: Vec<String>,
        search: &LibrarySearch<'_>,
        native_search: &[PathBuf],
    ) -> Result<Scope> {
        let mut scope = Scope {
            libraries: Vec::new(),
            is_complete: true,
        };
        let mut seen = HashSet::new();
        let mut sonames = sonames;
        while !sonames.is_empty() {
            let mut next = Vec::new();
            for soname in sonames {
                if !seen.insert(soname.clone()) {
                    continue;
                }
                let Some(path) = search.find(native_search, &[soname]).pop() else {
                    scope.is_complete = false;
                    continue;
                };
                let bytes = files::map(&path)?;
                let info = DynamicInfo::parse(&bytes).map_err(Error::object(&path))?;
                next.extend(info.unwrap_or_default().needed);
                scope.libraries.push((path, bytes));
            }
            sonames = next;
        }
        Ok(scope)
    }

    /// The problem with references to these symbols, which neither a group nor the executable
    /// defines. If a library was not found, it may define the missing ones.
    pub(super) fn fault(&self, mut missing: BTreeSet<&str>) -> Result<Option<Fault>> {
        for (path, bytes) in &self.libraries {
            let found = definitions(bytes, &missing).map_err(Error::object(path))?;
            let older = found
                .iter()
                .filter(|(_, definition)| **definition == Definition::Older)
                .map(|(name, _)| name);
            if let Some(symbol) = older.min() {
                let library = path.file_name().unwrap_or_default();
                return Ok(Some(Fault::OlderVersion {
                    symbol: (*symbol).to_owned(),
                    library: library.to_string_lossy().into_owned(),
                }));
            }
            missing.retain(|name| !found.contains_key(name));
        }
        let is_known = self.is_complete && !missing.is_empty();
        Ok(is_known.then(|| Fault::Undefined(missing.into_iter().map(str::to_owned).collect())))
    }
}

/// Those of `names` that a shared library with these bytes defines, with the kind of definition.
///
/// # Errors
/// When these are malformed.
pub fn definitions<'a>(
    data: &[u8],
    names: &BTreeSet<&'a str>,
) -> object::read::Result<HashMap<&'a str, Definition>> {
    with_class!(data, definitions_in(data, names)).map(Option::unwrap_or_default)
}

fn definitions_in<'a, Class: ElfClass>(
    data: &[u8],
    names: &BTreeSet<&'a str>,
) -> object::read::Result<HashMap<&'a str, Definition>> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions = sections.gnu_versym(endian, data)?.map(|(table, _)| table);
    // For each name: the address of a hidden old version, and that of the version for linkers.
    let mut found: HashMap<&str, (Option<u64>, Option<u64>)> = HashMap::new();
    for (index, symbol) in symbols.enumerate() {
        if symbol.st_shndx(endian) == elf::SHN_UNDEF || symbol.st_bind() == elf::STB_LOCAL {
            continue;
        }
        let name = str::from_utf8(symbols.symbol_name(endian, symbol)?).unwrap_or_default();
        let Some(name) = names.get(name) else {
            continue;
        };
        let version = versions.and_then(|table| table.get(index.0));
        let version = version.map(|version| version.0.get(endian));
        let is_hidden = version.is_some_and(|version| version.is_hidden());
        let is_oldest = version.is_none_or(|version| version.index().0 <= OLDEST);
        let (old, shown) = found.entry(name).or_default();
        let place = Some(symbol.st_value(endian).into());
        match is_hidden {
            true if is_oldest => *old = place,
            true => {}
            false => *shown = place,
        }
    }
    let found = found.into_iter();
    Ok(found
        .map(|(name, kinds)| match kinds {
            // Often an old version is another name of the same function.
            (Some(old), Some(shown)) if old != shown => (name, Definition::Older),
            _ => (name, Definition::Same),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::line::for_tests::template;

    /// Makes `lib<name>.so` of C code.
    fn library(directory: &Path, name: &str, source: &str, flags: &[String]) {
        let c = directory.join(format!("{name}.c"));
        fs::write(&c, source).unwrap();
        let file = format!("lib{name}.so");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"])
            .arg(directory.join(&file))
            .arg(&c)
            .arg(format!("-Wl,-soname,{file}"))
            .args(flags);
        assert!(cc.status().unwrap().success());
    }

    fn fault(directory: &Path, sonames: &[&str], references: &[&str]) -> Option<Fault> {
        let template = template();
        let search = LibrarySearch::new(&template, Path::new("/"), &[]);
        let sonames = sonames.iter().map(|name| name.to_string()).collect();
        let scope = Scope::read(sonames, &search, &[directory.to_owned()]).unwrap();
        scope.fault(references.iter().copied().collect()).unwrap()
    }

    #[test]
    fn an_older_version_is_told_from_the_one_that_linkers_take() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let script = directory.join("versions");
        fs::write(&script, "ONE { global: greet; only; };\nTWO { };\n").unwrap();
        let source = r#"
            int old_greet(void) { return 1; }
            int new_greet(void) { return 2; }
            int only(void) { return 3; }
            int same(void) { return 4; }
            __asm__(".symver old_greet, greet@ONE");
            __asm__(".symver new_greet, greet@@TWO");
            __asm__(".symver same, alias@ONE");
            __asm__(".symver same, alias@@TWO");
        "#;
        let flags = [format!("-Wl,--version-script={}", script.display())];
        library(directory, "greet", source, &flags);
        let greet = |references: &[&str]| fault(directory, &["libgreet.so"], references);
        assert_eq!(
            greet(&["only", "greet"]),
            Some(Fault::OlderVersion {
                symbol: "greet".to_owned(),
                library: "libgreet.so".to_owned(),
            })
        );
        assert_eq!(greet(&["only", "alias"]), None);
    }

    #[test]
    fn what_no_library_defines_is_told_if_all_are_known() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        library(directory, "below", "int below(void) { return 1; }", &[]);
        let flags = [format!("-L{}", directory.display()), "-lbelow".to_owned()];
        let source = "int below(void); int above(void) { return below(); }";
        library(directory, "above", source, &flags);
        let check = |sonames: &[&str], references: &[&str], expected: Option<&[&str]>| {
            let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
            let expected = expected.map(|expected| Fault::Undefined(names(expected)));
            assert_eq!(fault(directory, sonames, references), expected);
        };
        let references = ["below", "gone"];
        check(&["libabove.so"], &references, Some(&["gone"]));
        check(&["libabove.so"], &references[..1], None);
        check(&["libabove.so", "libgone.so"], &references, None);
    }
}
