//! Running the real linker.

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use crate::line::link_line::{is_object, search_directories};
use crate::line::response_file;
use crate::line::syntax::{Reader, Syntax, joined};
use crate::record::manifest::LinkTemplate;
use crate::{Error, Result};

/// How a driver is told the objects of rustc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectsBy {
    /// By their names on its line.
    Name,
    /// By a file with the names, in an option for the linker (`-Wl,@<file>`), where the driver is
    /// one that is known to pass such an option on.
    ///
    /// gcc 12 looks up each directory on the path of each input, twice, and leaves options for the
    /// linker alone: 8.0 ms for 258 objects, and 4.1 ms by a file.
    File,
}

/// How many objects are worth a file with their names.
const OBJECTS_OF_A_FILE: usize = 16;

/// Runs the linker with these arguments and returns its output. Link lines that are too long
/// go through a response file in `scratch`.
pub(crate) fn run(
    mut linker: Command,
    mut args: Vec<OsString>,
    objects_by: ObjectsBy,
    scratch: &Path,
) -> Result<Output> {
    if objects_by == ObjectsBy::File
        && Syntax::of(&args).reader == Reader::Driver
        && passes_files_on(Path::new(linker.get_program()))
    {
        args = name_objects_in_file(args, &scratch.join("objects"))?;
    }
    let args = response_file::shorten(args, &scratch.join("linker-arguments"))?;
    linker.args(args).output().map_err(|source| Error::Spawn {
        program: linker.get_program().into(),
        source,
    })
}

/// Whether a program is a driver that hands `-Wl,@<file>` to the linker as it is, by its name, which
/// may say a platform and a version too. That of zig does not, under whichever name: it knows all
/// options of its linker, and before 0.11 it left out those that it did not know (ziglang/zig#11906).
fn passes_files_on(linker: &Path) -> bool {
    let name = linker.file_name().and_then(OsStr::to_str);
    let mut words = name.unwrap_or_default().split('-');
    let is_zig = words.clone().any(|word| word.starts_with("zig"));
    !is_zig && words.any(|word| ["cc", "gcc", "clang", "c++", "g++", "clang++"].contains(&word))
}

/// Whether a program is a linker or a driver by its name, and not something in its place that may
/// keep the link line for later, as tools for hot patching do.
pub fn is_known_linker(program: &Path) -> bool {
    const LINKERS: [&str; 9] = [
        "ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold", "lld", "mold", "rust-lld", "wild",
    ];
    let name = program
        .file_name()
        .and_then(OsStr::to_str)
        .unwrap_or_default();
    let is_linker = LINKERS.iter().any(|linker| {
        // Of another platform: `aarch64-linux-gnu-ld`.
        let platform = name.strip_suffix(linker);
        platform.is_some_and(|platform| platform.is_empty() || platform.ends_with('-'))
    });
    is_linker || passes_files_on(program)
}

/// Writes the names of the first objects on the line that stand side by side to the file `path`,
/// which takes their place.
fn name_objects_in_file(args: Vec<OsString>, path: &Path) -> Result<Vec<OsString>> {
    let is_object = |arg: &OsString| is_object(arg) && !arg.as_bytes().starts_with(b"@");
    let start = args.iter().position(is_object).unwrap_or(args.len());
    let count = args[start..]
        .iter()
        .take_while(|arg| is_object(arg))
        .count();
    // In an option for the linker, a comma would end the name.
    if count < OBJECTS_OF_A_FILE || path.as_os_str().as_bytes().contains(&b',') {
        return Ok(args);
    }
    let objects = start..start + count;
    let names = response_file::format(&args[objects.clone()]);
    fs::write(path, names).map_err(Error::io("write", path))?;
    let mut shortened = args;
    shortened.splice(objects, [joined("-Wl,@", path)]);
    Ok(shortened)
}

/// The run path that the linker takes from the variable `LD_RUN_PATH`. GNU ld and gold do so on a
/// line that names none; `args` is such a line.
pub(crate) fn inherited_run_path(linker: &Path, args: &[OsString]) -> Option<OsString> {
    let run_path = std::env::var_os("LD_RUN_PATH").filter(|path| !path.is_empty())?;
    takes_run_path(linker, args).then_some(run_path)
}

/// Whether a linker is one of GNU, by its own words.
fn takes_run_path(linker: &Path, args: &[OsString]) -> bool {
    /// What chooses the linker on the line of a driver.
    const CHOICES: [&[u8]; 5] = [b"-fuse-ld=", b"--ld-path=", b"-B", b"--target=", b"-m"];
    let mut command = Command::new(linker);
    match Syntax::of(args).reader {
        Reader::Driver => {
            let is_choice = |arg: &&OsString| CHOICES.iter().any(|c| arg.as_bytes().starts_with(c));
            command
                .args(args.iter().filter(is_choice))
                .arg("-Wl,--version")
        }
        Reader::Linker => command.arg("--version"),
    };
    let output = command.output();
    output.is_ok_and(|output| output.stdout.starts_with(b"GNU "))
}

/// Empties and makes the directory `path`, for files that only one link needs.
pub(crate) fn scratch_directory(path: PathBuf) -> Result<PathBuf> {
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("remove", &path)(error));
        }
        _ => {}
    }
    fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
    Ok(path)
}

/// Where a linker finds the archive that `-l<name>` stands for: in the first of the
/// directories that has the library. `None` when it takes a shared one, or finds
/// neither, as with the libraries of the platform.
pub(crate) fn find_archive(
    directories: &[&Path],
    name: &str,
    prefer_shared: bool,
) -> Option<PathBuf> {
    let found = first_file(directories, &native_files(name, prefer_shared))?;
    let is_shared = found.extension() == Some(OsStr::new("so")) && !name.starts_with(':');
    (!is_shared).then_some(found)
}

/// The names of the files that a linker looks for in each directory, in order, when it is told
/// `-l<name>`.
fn native_files(name: &str, prefer_shared: bool) -> Vec<String> {
    match name.strip_prefix(':') {
        // `-l:<file>` gives the whole name.
        Some(file) => vec![file.to_owned()],
        None if prefer_shared => vec![format!("lib{name}.so"), format!("lib{name}.a")],
        None => vec![format!("lib{name}.a")],
    }
}

/// The first file with one of these names: in the first directory that has one.
fn first_file(directories: &[impl AsRef<Path>], names: &[impl AsRef<Path>]) -> Option<PathBuf> {
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
    /// The directories that the compiler knows, once it was asked.
    of_compiler: OnceCell<Vec<PathBuf>>,
}

impl<'a> LibrarySearch<'a> {
    /// For links by this template in `working_directory`, with these variables besides those
    /// that this process has.
    pub(crate) fn new(
        template: &'a LinkTemplate,
        working_directory: &'a Path,
        environment: &'a [(OsString, OsString)],
    ) -> Self {
        LibrarySearch {
            template,
            working_directory,
            environment,
            of_compiler: OnceCell::new(),
        }
    }

    /// The shared libraries with these sonames: in `native_search`, or where all links look.
    /// Compilers know the directories in which they look, and are asked if they have to be;
    /// with a bare linker, all of them are on its line.
    pub(crate) fn find(&self, native_search: &[PathBuf], sonames: &[String]) -> Vec<PathBuf> {
        let mut known = self.on_line(native_search);
        known.extend(self.of_system());
        let find = |soname| {
            let soname = [soname];
            first_file(&known, &soname).or_else(|| first_file(self.of_compiler(), &soname))
        };
        sonames.iter().filter_map(find).collect()
    }

    /// Those of the shared libraries with these sonames that lie where the loader finds them
    /// whoever asks: beside the C library.
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

    /// The file that `-l<name>` stands for: a shared library or, in a directory without one,
    /// an archive.
    pub(crate) fn find_native(&self, native_search: &[PathBuf], name: &str) -> Option<PathBuf> {
        let files = native_files(name, true);
        first_file(&self.on_line(native_search), &files)
            .or_else(|| first_file(self.of_compiler(), &files))
    }

    /// The directories that a link line names, with these.
    fn on_line(&self, native_search: &[PathBuf]) -> Vec<PathBuf> {
        let line: Vec<OsString> = self.template.args().cloned().collect();
        let native_search = native_search.iter().map(PathBuf::as_path);
        let directories = native_search.chain(search_directories(&line));
        directories
            .map(|directory| self.working_directory.join(directory))
            .collect()
    }

    /// The directories that the compiler knows, which is asked for them once.
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

/// The directories in what GCC and Clang say to `-print-search-dirs`.
fn library_directories(output: &[u8]) -> impl Iterator<Item = PathBuf> {
    let mut lines = output.split(|byte| *byte == b'\n');
    let list = lines.find_map(|line| line.strip_prefix(b"libraries: ="));
    std::env::split_paths(OsStr::from_bytes(list.unwrap_or_default()))
        .filter(|directory| directory.is_absolute())
        .collect::<Vec<_>>()
        .into_iter()
}

/// Tells one linker from another, also where an update put a new one under the
/// same name: its path, and size and time of the file that the path names now.
///
/// What cannot be found is told by its name alone: whoever runs it will say.
pub fn linker_identity(linker: &Path) -> String {
    let path = resolve(linker);
    let state = path.as_deref().and_then(|path| {
        let metadata = fs::metadata(path).ok()?;
        let modified = metadata.modified().ok()?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(format!("{} {}", metadata.len(), since.as_nanos()))
    });
    let path = path.as_deref().unwrap_or(linker).display();
    format!("{path} {}", state.as_deref().unwrap_or("unknown"))
}

/// Whether the system finds a program and may run it.
pub fn is_executable(program: &Path) -> bool {
    let metadata = resolve(program).and_then(|path| fs::metadata(path).ok());
    metadata
        .is_some_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Where the system finds a program: a name without slash is looked up in `PATH`.
fn resolve(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.to_owned());
    }
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_that_pass_files_on_are_told_by_their_names() {
        for linker in [
            "cc",
            "/usr/bin/x86_64-linux-gnu-gcc-12",
            "clang",
            "clang++-15",
            "musl-gcc",
        ] {
            assert!(passes_files_on(Path::new(linker)), "{linker}");
        }
        for linker in [
            "zig",
            "zig-cc",
            "ld.lld",
            "linker.sh",
            "/cc/tool",
            "gccx",
            "..",
        ] {
            assert!(!passes_files_on(Path::new(linker)), "{linker}");
        }
    }

    #[test]
    fn what_stands_in_the_place_of_a_linker_is_told_by_its_name() {
        for linker in [
            "cc",
            "/usr/bin/clang-15",
            "ld",
            "/opt/aarch64-linux-gnu-ld.bfd",
            "rust-lld",
        ] {
            assert!(is_known_linker(Path::new(linker)), "{linker}");
        }
        for linker in ["noting.sh", "dx", "build", "/ld/tool", ""] {
            assert!(!is_known_linker(Path::new(linker)), "{linker}");
        }
    }

    #[test]
    fn many_objects_are_named_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("objects");
        let line = |count: usize| {
            let objects = (0..count).map(|number| format!("/t d/{number}.o").into());
            let mut line: Vec<OsString> = vec!["-m64".into()];
            line.extend(objects);
            line.extend(["-Wl,--just-symbols=a.o", "-lc", "/user/own.o"].map(OsString::from));
            line
        };
        let few = line(OBJECTS_OF_A_FILE - 1);
        assert_eq!(name_objects_in_file(few.clone(), &file).unwrap(), few);
        let with_comma = directory.path().join("a,b");
        let many = line(OBJECTS_OF_A_FILE);
        assert_eq!(
            name_objects_in_file(many.clone(), &with_comma).unwrap(),
            many
        );
        assert!(!file.exists() && !with_comma.exists());

        let short = name_objects_in_file(many.clone(), &file).unwrap();
        let option = joined("-Wl,@", &file);
        assert_eq!(short[..2], ["-m64".into(), option]);
        assert_eq!(short[2..], many[many.len() - 3..]);
        let named = response_file::parse(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(named, many[1..=OBJECTS_OF_A_FILE]);
    }

    /// With no other attempt, as there is in a build.
    #[test]
    fn linkers_read_the_names_of_objects_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("with space, comma");
        let scratch = directory.with_file_name("with space");
        fs::create_dir_all(&directory).unwrap();
        fs::create_dir_all(&scratch).unwrap();
        let objects: Vec<PathBuf> = (0..=OBJECTS_OF_A_FILE)
            .map(|number| {
                let source = directory.join(format!("{number}.c"));
                let code = match number {
                    0 => "int f1(void); int main(void) { return f1() - 1; }".to_owned(),
                    _ => format!("int f{number}(void) {{ return {number}; }}"),
                };
                fs::write(&source, code).unwrap();
                let object = source.with_extension("o");
                let mut cc = Command::new("cc");
                cc.args(["-c", "-o"]).args([&object, &source]);
                assert!(cc.status().unwrap().success());
                object
            })
            .collect();
        for (driver, option, linker) in [
            ("cc", "-fuse-ld=bfd", "ld.bfd"),
            ("cc", "-fuse-ld=lld", "ld.lld"),
            ("cc", "-fuse-ld=mold", "mold"),
            ("clang", "-fuse-ld=bfd", "ld.bfd"),
            ("clang", "-fuse-ld=lld", "ld.lld"),
            ("clang", "-fuse-ld=mold", "mold"),
            ("clang", "--ld-path=wild", "wild"),
        ] {
            if !is_executable(Path::new(driver)) || !is_executable(Path::new(linker)) {
                eprintln!("skipped: {driver} with {linker}");
                continue;
            }
            let program = directory.join(linker);
            let mut args: Vec<OsString> = vec![option.into(), "-Wl,--as-needed".into()];
            args.extend(objects.iter().map(Into::into));
            args.extend(["-lc".into(), "-o".into(), program.clone().into()]);
            let output = run(Command::new(driver), args, ObjectsBy::File, &scratch).unwrap();
            assert!(output.status.success(), "{driver} {option}: {output:?}");
            assert!(Command::new(&program).status().unwrap().success());
            fs::remove_file(scratch.join("objects")).expect("the names were in a file");
        }
    }

    #[test]
    fn linkers_that_take_a_run_path_from_the_environment_are_told() {
        for (linker, expected) in [
            ("bfd", true),
            ("gold", true),
            ("lld", false),
            ("mold", false),
        ] {
            let program = format!("ld.{linker}");
            if !is_executable(Path::new(&program)) {
                eprintln!("skipped: {program}");
                continue;
            }
            let line = [
                "-Wl,--as-needed".into(),
                format!("-fuse-ld={linker}").into(),
            ];
            assert_eq!(takes_run_path(Path::new("cc"), &line), expected, "{linker}");
            let line = ["--as-needed".into()];
            assert_eq!(
                takes_run_path(Path::new(&program), &line),
                expected,
                "{linker}"
            );
        }
    }

    #[test]
    fn a_new_file_under_the_same_name_is_another_linker() {
        let directory = tempfile::tempdir().unwrap();
        let linker = directory.path().join("ld");
        fs::write(&linker, "one").unwrap();
        let one = linker_identity(&linker);
        assert_eq!(linker_identity(&linker), one);
        fs::write(&linker, "another").unwrap();
        assert_ne!(linker_identity(&linker), one);
        assert!(!is_executable(&linker));
    }

    #[test]
    fn archives_are_found_as_linkers_do() {
        let directory = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&other).unwrap();
        for file in ["one/libboth.so", "one/libboth.a", "other/libown.a"] {
            fs::write(directory.path().join(file), "").unwrap();
        }
        let find = |name, prefer_shared| find_archive(&[&one, &other], name, prefer_shared);
        assert_eq!(find("both", true), None);
        assert_eq!(find("both", false), Some(one.join("libboth.a")));
        assert_eq!(find("own", true), Some(other.join("libown.a")));
        assert_eq!(find(":libown.a", false), Some(other.join("libown.a")));
        assert_eq!(find("missing", false), None);
    }

    #[test]
    fn the_c_library_is_found() {
        let template = LinkTemplate {
            linker: "cc".into(),
            before: Vec::new(),
            after: vec!["-lc".into()],
            builtins: Vec::new(),
            builtin_definitions: Default::default(),
            platform_libraries: Vec::new(),
            packs_relocations: false,
        };
        let sonames = ["libc.so.6", "libno-such-library.so.1"].map(str::to_owned);
        let search = LibrarySearch::new(&template, Path::new("/"), &[]);
        let found = search.find(&[], &sonames);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with("libc.so.6"), "{found:?}");
    }

    #[test]
    fn directories_are_read_in_the_words_of_a_compiler() {
        let output = b"install: /usr/lib/gcc/\nprograms: =/usr/bin\nlibraries: =/a/b/:/c/../d:e\n";
        let directories: Vec<_> = library_directories(output).collect();
        assert_eq!(directories, ["/a/b/", "/c/../d"].map(PathBuf::from));
        assert_eq!(library_directories(b"ld: no input files\n").count(), 0);
    }

    #[test]
    fn a_name_is_looked_up_and_may_be_unknown() {
        assert!(linker_identity(Path::new("cc")).contains("/cc "));
        assert!(is_executable(Path::new("cc")));
        assert!(!is_executable(Path::new("no-such-ld")));
        assert_eq!(
            linker_identity(Path::new("no-such-ld")),
            "no-such-ld unknown"
        );
    }
}
