//! The template of links: how rustc links on this platform, learned from one of its lines.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::arguments::{Meaning, meaning, output};
use crate::elf;
use crate::{Error, Result};

/// The arguments of rustc's link line for a program that every link needs.
///
/// We take them from a real line and compose none. So they include arguments that rustc adds for a
/// target triple, a linker or a flag, without our knowing these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTemplate {
    /// The real linker.
    pub linker: PathBuf,
    /// Arguments before the libraries.
    pub before: Vec<OsString>,
    /// Arguments after the libraries: platform libraries, search paths, flags.
    pub after: Vec<OsString>,
    /// Rlibs that go into every output, hidden: the compiler builtins.
    pub builtins: Vec<PathBuf>,
    /// The C names that these define.
    #[serde(default)]
    pub builtin_definitions: BTreeSet<String>,
    /// The shared libraries that every output needs, such as the C library.
    #[serde(default)]
    pub platform_libraries: Vec<PathBuf>,
    /// Whether linker and loader understand [packed relocations](crate::finish::packed).
    #[serde(default)]
    pub packs_relocations: bool,
}

impl LinkTemplate {
    /// The arguments that are on every line.
    pub fn args(&self) -> impl Iterator<Item = &OsString> {
        self.before.iter().chain(&self.after)
    }

    /// The names of the libraries of the platform on each line.
    pub(crate) fn platform_names(&self) -> impl Iterator<Item = &str> {
        let args = self.after.iter();
        args.filter_map(|arg| arg.to_str()?.strip_prefix("-l"))
    }

    /// The symbols that the libraries of the platform define.
    pub(crate) fn platform_definitions(&self) -> Result<HashSet<String>> {
        let mut definitions = HashSet::new();
        for library in &self.platform_libraries {
            definitions.extend(elf::definitions(library)?);
        }
        Ok(definitions)
    }
}

/// Divides a recorded link line of a program into template and rlibs.
///
/// Returns the template for links of the same kind and the rlibs on the line, in
/// order, without those that go into every output.
///
/// # Errors
/// When the line is not that of a Rust program.
pub fn dissect(linker: &Path, args: &[OsString]) -> Result<(LinkTemplate, Vec<PathBuf>)> {
    let output = output(args)?;
    let mut template = LinkTemplate {
        builtin_definitions: Default::default(),
        linker: linker.to_owned(),
        before: Vec::new(),
        after: Vec::new(),
        builtins: Vec::new(),
        platform_libraries: Vec::new(),
        packs_relocations: false,
    };
    let mut rlibs = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match meaning(arg) {
            Meaning::Rlib(path) if is_builtins(path) => template.builtins.push(path.to_owned()),
            Meaning::Rlib(path) => rlibs.push(path.to_owned()),
            Meaning::Object(_) | Meaning::LibraryState => {}
            Meaning::NativeLibrary(_) | Meaning::Other => {
                let value = takes_value(arg).then(|| rest.next()).flatten();
                let is_output = arg == "-o" || Path::new(arg) == output;
                if is_output || is_for_executables(arg) || value.is_some_and(|v| is_temporary(v)) {
                    continue;
                }
                let side = if rlibs.is_empty() {
                    &mut template.before
                } else {
                    &mut template.after
                };
                side.push(arg.clone());
                side.extend(value.cloned());
            }
        }
    }
    if rlibs.is_empty() {
        return Err(Error::LinkLine { missing: "rlib" });
    }
    Ok((template, rlibs))
}

fn takes_value(arg: &OsStr) -> bool {
    matches!(
        arg.as_bytes(),
        b"-L" | b"-o" | b"-l" | b"-B" | b"-m" | b"-z" | b"-T" | b"-Xlinker" | b"-target"
    )
}

/// Flags that make an executable of the output, or drop sections to which nothing refers. In a
/// shared object, every exported symbol counts as referred to, so the linker would look in vain.
fn is_for_executables(arg: &OsStr) -> bool {
    let bytes = arg.as_bytes();
    matches!(
        bytes.strip_prefix(b"-Wl,").unwrap_or(bytes),
        b"-pie" | b"--pie" | b"-no-pie" | b"--no-pie" | b"-static-pie" | b"--gc-sections"
    )
}

/// Directories that rustc makes for one link and removes afterwards.
fn is_temporary(path: &OsStr) -> bool {
    Path::new(path).file_name() == Some(OsStr::new("raw-dylibs"))
}

fn is_builtins(rlib: &Path) -> bool {
    rlib.file_name()
        .is_some_and(|name| name.as_bytes().starts_with(b"libcompiler_builtins-"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::line::for_tests::{LINE, text, words};

    #[test]
    fn a_recorded_line_becomes_a_template() {
        let (template, rlibs) = dissect(Path::new("cc"), &words(LINE)).unwrap();
        assert_eq!(text(&template.before), "-m64");
        assert_eq!(
            text(&template.after),
            "-lgcc_s -lc -B/s/gcc-ld -fuse-ld=lld -Wl,--eh-frame-hdr -L /s/lib -nodefaultlibs"
        );
        assert_eq!(
            template.builtins,
            [Path::new("/s/lib/libcompiler_builtins-3.rlib")]
        );
        assert_eq!(
            rlibs,
            [
                Path::new("/t/deps/libdep-1.rlib"),
                Path::new("/s/lib/libstd-2.rlib")
            ]
        );
    }

    #[test]
    fn a_line_without_rlib_is_an_error() {
        assert!(dissect(Path::new("cc"), &words("-o out a.o")).is_err());
    }

    proptest! {
        #[test]
        fn any_line_is_dissected_or_refused(words: Vec<String>) {
            let line: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            let _ = dissect(Path::new("cc"), &line);
        }
    }
}
