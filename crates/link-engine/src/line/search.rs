//! Where linkers look for libraries.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::inputs::search_directories;
use super::template::LinkTemplate;
use super::words::words;

/// The file that a linker takes for `-l<name>`, from the first of the directories that has the
/// library. `None` if it is in none of them, as with the libraries of the platform.
pub(super) fn find_library(
    directories: &[impl AsRef<Path>],
    name: &str,
    prefer_shared: bool,
) -> Option<PathBuf> {
    first_file(directories, &native_files(name, prefer_shared))
}

/// The file that a linker takes for `-l<name>`: a shared library or, in a directory without one, an
/// archive.
pub(crate) fn find_native(directories: &[PathBuf], name: &str) -> Option<PathBuf> {
    first_file(directories, &native_files(name, true))
}

/// The names of the files that a linker looks for in each directory for `-l<name>`, in order.
fn native_files(name: &str, prefer_shared: bool) -> Vec<String> {
    match name.strip_prefix(':') {
        // `-l:<file>` gives the whole name.
        Some(file) => vec![file.to_owned()],
        None if prefer_shared => vec![format!("lib{name}.so"), format!("lib{name}.a")],
        None => vec![format!("lib{name}.a")],
    }
}

/// The first file with one of these names: in the first directory that has one.
pub(super) fn first_file(
    directories: &[impl AsRef<Path>],
    names: &[impl AsRef<Path>],
) -> Option<PathBuf> {
    let mut paths = directories
        .iter()
        .flat_map(|directory| names.iter().map(|name| directory.as_ref().join(name)));
    paths.find(|path| path.is_file())
}

/// Where links find shared libraries.
pub(crate) struct LibrarySearch<'a> {
    template: &'a LinkTemplate,
    working_directory: &'a Path,
    environment: &'a [(OsString, OsString)],
    /// The directories that the line of each link names, if we have read it.
    of_line: OnceCell<Vec<PathBuf>>,
    /// The directories that the compiler knows, if we have asked it.
    of_compiler: OnceCell<Vec<PathBuf>>,
}

impl<'a> LibrarySearch<'a> {
    /// A search for links by this template in `working_directory`, with these variables besides
    /// those of this process.
    pub(crate) fn new(
        template: &'a LinkTemplate,
        working_directory: &'a Path,
        environment: &'a [(OsString, OsString)],
    ) -> Self {
        LibrarySearch {
            template,
            working_directory,
            environment,
            of_line: OnceCell::new(),
            of_compiler: OnceCell::new(),
        }
    }

    /// A search for the link of this process, which rustc calls where the linker is to run.
    pub(crate) fn in_wrapper(template: &'a LinkTemplate) -> Self {
        LibrarySearch::new(template, Path::new("."), &[])
    }

    /// The shared libraries with these sonames, in `native_search` or in the directories of all
    /// links. A compiler knows the directories in which it looks, and we ask it if necessary. With
    /// a bare linker, all directories are on its line.
    pub(crate) fn find(&self, native_search: &[PathBuf], sonames: &[String]) -> Vec<PathBuf> {
        let mut known = self.on_line(native_search);
        known.extend(self.of_system());
        let find = |soname| {
            let soname = [soname];
            first_file(&known, &soname).or_else(|| first_file(self.of_compiler(), &soname))
        };
        sonames.iter().filter_map(find).collect()
    }

    /// Those of the shared libraries with these sonames that the loader finds for every program,
    /// since they are beside the C library.
    pub(crate) fn find_in_system(&self, sonames: &[String]) -> Vec<PathBuf> {
        let directories: Vec<PathBuf> = self.of_system().collect();
        let sonames = sonames.iter();
        sonames
            .filter_map(|soname| first_file(&directories, &[soname]))
            .collect()
    }

    fn of_system(&self) -> impl Iterator<Item = PathBuf> {
        let of_platform = self.template.platform_libraries.iter();
        let directories = of_platform.filter_map(|library| library.parent());
        directories.map(|directory| self.working_directory.join(directory))
    }

    /// All directories in which a linker looks for libraries, each once and in order:
    /// `native_search`, and those of all links.
    pub(crate) fn directories(&self, native_search: &[PathBuf]) -> Vec<PathBuf> {
        let mut directories = self.on_line(native_search);
        directories.extend_from_slice(self.of_compiler());
        let mut seen = HashSet::new();
        directories.retain(|directory| seen.insert(directory.clone()));
        directories
    }

    /// The directories that a link line names, with these.
    fn on_line(&self, native_search: &[PathBuf]) -> Vec<PathBuf> {
        let of_line = self.of_line.get_or_init(|| {
            let line: Vec<OsString> = self.template.args().cloned().collect();
            // The linker reports a response file that is malformed.
            search_directories(&words(&line).unwrap_or_default())
        });
        let directories = native_search.iter().chain(of_line);
        directories
            .map(|directory| self.working_directory.join(directory))
            .collect()
    }

    /// The directories that the compiler knows. We ask it once.
    fn of_compiler(&self) -> &[PathBuf] {
        self.of_compiler.get_or_init(|| self.ask_compiler())
    }

    fn ask_compiler(&self) -> Vec<PathBuf> {
        let output = Command::new(&self.template.linker)
            .current_dir(self.working_directory)
            .envs(self.environment.iter().cloned())
            .args(self.template.args())
            .arg("-print-search-dirs")
            .output();
        let output = output.map_or_else(|_| Vec::new(), |output| output.stdout);
        library_directories(&output).collect()
    }
}

/// The directories in the output of GCC and Clang for `-print-search-dirs`.
pub fn library_directories(output: &[u8]) -> impl Iterator<Item = PathBuf> {
    let mut lines = output.split(|byte| *byte == b'\n');
    let list = lines.find_map(|line| line.strip_prefix(b"libraries: ="));
    std::env::split_paths(OsStr::from_bytes(list.unwrap_or_default()))
        .filter(|directory| directory.is_absolute())
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::line::for_tests::template;

    #[test]
    fn libraries_are_found_as_linkers_do() {
        let directory = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&other).unwrap();
        for file in ["one/libboth.so", "one/libboth.a", "other/libown.a"] {
            fs::write(directory.path().join(file), "").unwrap();
        }
        let find = |name, prefer_shared| find_library(&[&one, &other], name, prefer_shared);
        assert_eq!(find("both", true), Some(one.join("libboth.so")));
        assert_eq!(find("both", false), Some(one.join("libboth.a")));
        assert_eq!(find("own", true), Some(other.join("libown.a")));
        assert_eq!(find(":libown.a", false), Some(other.join("libown.a")));
        assert_eq!(find("missing", false), None);
    }

    #[test]
    fn the_c_library_is_found() {
        let template = template();
        let sonames = ["libc.so.6", "libno-such-library.so.1"].map(str::to_owned);
        let search = LibrarySearch::new(&template, Path::new("/"), &[]);
        let found = search.find(&[], &sonames);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with("libc.so.6"), "{found:?}");
    }

    #[test]
    fn directories_of_a_link_are_those_of_its_libraries_and_of_the_compiler() {
        let mut template = template();
        template.after.extend(["-L".into(), "/line".into()]);
        let search = LibrarySearch::new(&template, Path::new("/work"), &[]);
        let directories = search.directories(&["own".into(), "/line".into(), "own".into()]);
        assert_eq!(directories[..2], ["/work/own", "/line"].map(PathBuf::from));
        let (of_line, of_compiler) = directories.split_at(2);
        assert!(!of_line.iter().any(|one| of_compiler.contains(one)));
        let c_library = find_native(&directories, "c");
        assert!(c_library.is_some_and(|path| path.ends_with("libc.so")));
    }

    #[test]
    fn the_wrapper_asks_the_compiler() {
        let template = template();
        let directories = LibrarySearch::in_wrapper(&template).directories(&[]);
        let c_library = find_native(&directories, "c");
        assert!(c_library.is_some_and(|path| path.ends_with("libc.so")));
    }

    #[test]
    fn directories_are_read_in_the_words_of_a_compiler() {
        let output = b"install: /usr/lib/gcc/\nprograms: =/usr/bin\nlibraries: =/a/b/:/c/../d:e\n";
        let directories: Vec<_> = library_directories(output).collect();
        assert_eq!(directories, ["/a/b/", "/c/../d"].map(PathBuf::from));
        assert_eq!(library_directories(b"ld: no input files\n").count(), 0);
    }
}
