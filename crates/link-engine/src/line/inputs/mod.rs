//! The inputs that the linker gets, in whatever form: as arguments of a driver, in words for the
//! linker alone, or named in a linker script that is an input.

mod meaning;
mod script;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use self::meaning::Meaning;
use super::search::{find_library, first_file};
use super::words::Word;

/// How many scripts one link may read: without a limit, we would read a few that name each other
/// many times without end.
const MAX_SCRIPTS: usize = 100;

/// The inputs of a link, except rlibs that are arguments of their own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Inputs {
    /// The object files.
    pub(crate) objects: Vec<PathBuf>,
    /// The archives that we find.
    pub(crate) archives: Vec<PathBuf>,
    /// Whether objects may come from an archive, so that only the linker sees their symbols: from
    /// one that is given by path, or from a library that is not settled.
    pub(crate) has_foreign_archives: bool,
    /// The link arg that brings a linker script that does more than naming inputs.
    pub(crate) script: Option<String>,
    /// The directories in which the linker looks for libraries.
    pub(crate) directories: Vec<PathBuf>,
}

impl Inputs {
    /// Reads the inputs among the words of a line. `settled` has the names of the libraries of which
    /// we know that they are shared.
    pub(crate) fn read(words: &[Word], settled: &HashSet<String>) -> Inputs {
        let mut reader = Reader {
            inputs: Inputs {
                directories: search_directories(words),
                ..Inputs::default()
            },
            settled,
            prefers_shared: true,
            saved: Vec::new(),
            is_raw: false,
            scripts: 0,
        };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            // rustc's own rlibs. The wrapper reads those by themselves.
            if word.word != word.arg || !has_extension(&word.word, b"rlib") {
                let mut next = || rest.next().map(|word| word.word.as_os_str());
                reader.read(Meaning::of(&word.word, &mut next), word);
            }
        }
        reader.inputs
    }
}

/// The directories on a line in which the linker looks for libraries, wherever they stand (ld,
/// `-L`).
pub(crate) fn search_directories(words: &[Word]) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let mut next = || rest.next().map(|word| word.word.as_os_str());
        if let Meaning::Directory(directory) = Meaning::of(&word.word, &mut next) {
            directories.push(directory.to_owned());
        }
    }
    directories
}

/// The state of a linker while it reads its inputs.
struct Reader<'a> {
    inputs: Inputs,
    settled: &'a HashSet<String>,
    prefers_shared: bool,
    saved: Vec<bool>,
    is_raw: bool,
    /// The number of scripts read so far.
    scripts: usize,
}

impl Reader<'_> {
    /// Reads an input that `word` brings, by way of a script or not.
    fn read(&mut self, meaning: Meaning<'_>, word: &Word) {
        match meaning {
            Meaning::PreferShared(shared) => self.prefers_shared = shared,
            Meaning::PushState => self.saved.push(self.prefers_shared),
            Meaning::PopState => {
                self.prefers_shared = self.saved.pop().unwrap_or(self.prefers_shared);
            }
            Meaning::Format { is_raw } => self.is_raw = is_raw,
            Meaning::Library(name) if !self.settled.contains(name) => {
                self.inputs.has_foreign_archives = true;
                let directories = &self.inputs.directories;
                if let Some(path) = find_library(directories, name, self.prefers_shared) {
                    self.read_file(path, word);
                }
            }
            Meaning::File(path) if !self.is_raw => self.read_file(path.to_owned(), word),
            Meaning::Library(_) | Meaning::File(_) | Meaning::Directory(_) | Meaning::Other => {}
        }
    }

    fn read_file(&mut self, path: PathBuf, word: &Word) {
        // Nothing else counts any more.
        if self.inputs.script.is_some() {
            return;
        }
        // There are many of these, and the wrapper reads them later.
        if has_extension(path.as_os_str(), b"o") {
            self.inputs.objects.push(path);
            return;
        }
        match Content::read(&path) {
            Ok(Content::Object) => self.inputs.objects.push(path),
            Ok(Content::Archive) => {
                self.inputs.has_foreign_archives = true;
                self.inputs.archives.push(path);
            }
            Ok(Content::Text(text)) => self.read_script(&path, &text, word),
            // The linker reports what it cannot read.
            Ok(Content::Linked | Content::Unknown) | Err(_) => {}
        }
    }

    fn read_script(&mut self, path: &Path, text: &[u8], word: &Word) {
        self.scripts += 1;
        let names = script::named_inputs(text).filter(|_| self.scripts <= MAX_SCRIPTS);
        let Some(names) = names else {
            self.inputs.script = Some(word.link_arg());
            return;
        };
        let (directories, names): (Vec<_>, Vec<_>) =
            (names.iter()).partition(|name| name.as_bytes().starts_with(b"-L"));
        for directory in directories {
            let directory = OsStr::from_bytes(&directory.as_bytes()[2..]);
            self.inputs.directories.push(directory.into());
        }
        for name in names {
            let meaning = Meaning::of(name, &mut || None);
            match meaning {
                Meaning::File(name) if !name.exists() => {
                    // Linkers differ in whether they look beside the script.
                    let mut directories = self.inputs.directories.clone();
                    directories.extend(path.parent().map(Path::to_owned));
                    if let Some(path) = first_file(&directories, &[name]) {
                        self.read_file(path, word);
                    }
                }
                Meaning::File(_) | Meaning::Library(_) => self.read(meaning, word),
                _ => {}
            }
        }
    }
}

/// What a file is for a linker.
enum Content {
    /// An ELF file that is not linked yet.
    Object,
    /// Any other ELF file.
    Linked,
    Archive,
    /// A linker script, as the only other kind with text.
    Text(Vec<u8>),
    /// Neither, such as LLVM bitcode.
    Unknown,
}

impl Content {
    fn read(path: &Path) -> std::io::Result<Content> {
        /// A script is shorter.
        const MAX_BYTES: u64 = 1024 * 1024;
        /// Up to the type of an ELF file (gABI, "ELF Header").
        const START: u64 = 18;
        // Whoever opens a pipe might wait without end.
        if !path.is_file() {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        let mut file = File::open(path)?;
        let mut bytes = Vec::new();
        file.by_ref().take(START).read_to_end(&mut bytes)?;
        Ok(match &bytes[..] {
            // The type is in the byte order of the file, and 1 in an object.
            [0x7f, b'E', b'L', b'F', .., 1, 0] | [0x7f, b'E', b'L', b'F', .., 0, 1] => {
                Content::Object
            }
            [0x7f, b'E', b'L', b'F', ..] => Content::Linked,
            start if start.starts_with(b"!<arch>\n") || start.starts_with(b"!<thin>\n") => {
                Content::Archive
            }
            _ => {
                file.take(MAX_BYTES).read_to_end(&mut bytes)?;
                match bytes.contains(&0) {
                    true => Content::Unknown,
                    false => Content::Text(bytes),
                }
            }
        })
    }
}

fn has_extension(path: &OsStr, extension: &[u8]) -> bool {
    let of_path = Path::new(path).extension();
    of_path.is_some_and(|of_path| of_path.as_bytes() == extension)
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;
    use std::fs;

    use super::*;
    use crate::line::for_tests;
    use crate::line::words::words;

    /// A directory with an archive, an object without an extension, and such scripts.
    struct Files(tempfile::TempDir);

    impl Files {
        fn new(scripts: &[(&str, &str)]) -> Files {
            let files = Files(tempfile::tempdir().unwrap());
            for name in ["libown.a", "own.so"] {
                fs::write(files.path(name), "!<arch>\n").unwrap();
            }
            let program = fs::read(std::env::current_exe().unwrap()).unwrap();
            fs::write(files.path("libown.so"), &program[..64]).unwrap();
            let mut object = program[..64].to_vec();
            object[16..18].copy_from_slice(&object::elf::ET_REL.0.to_ne_bytes());
            fs::write(files.path("object"), object).unwrap();
            for (name, text) in scripts {
                fs::write(files.path(name), text).unwrap();
            }
            files
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// Reads a line, with this directory in the place of `$`.
        fn read(&self, line: impl Display) -> Inputs {
            let line = line
                .to_string()
                .replace('$', self.0.path().to_str().unwrap());
            let words = words(&for_tests::words(&line)).unwrap();
            Inputs::read(&words, &["c".to_owned()].into())
        }

        #[track_caller]
        fn check(&self, line: &str, objects: &[&str], archives: &[&str]) {
            let inputs = self.read(line);
            let paths = |names: &[&str]| names.iter().map(|name| self.path(name)).collect();
            let (objects, archives): (Vec<_>, Vec<_>) = (paths(objects), paths(archives));
            assert_eq!(inputs.objects, objects, "{line}");
            assert_eq!(inputs.archives, archives, "{line}");
            assert_eq!(inputs.has_foreign_archives, !archives.is_empty(), "{line}");
            assert_eq!(inputs.script, None, "{line}");
        }
    }

    #[test]
    fn inputs_are_read_wherever_they_stand() {
        let files = Files::new(&[("response", "--whole-archive libmissing.a")]);
        let names = format!("{} -l own", files.path("a.o").display());
        fs::write(files.path("response"), names).unwrap();
        files.check("$/a.o $/libown.a -lc", &["a.o"], &["libown.a"]);
        files.check(
            "-Wl,--whole-archive,$/libown.a,$/a.o,--no-whole-archive",
            &["a.o"],
            &["libown.a"],
        );
        files.check(
            "-Xlinker $/libown.a -Xlinker $/a.o",
            &["a.o"],
            &["libown.a"],
        );
        files.check("-Wl,-L,$ -Wl,-Bstatic,@$/response", &["a.o"], &["libown.a"]);
        // As their contents tell.
        files.check("$/object $/own.so", &["object"], &["own.so"]);
        // rustc's own, unless someone hides it from the wrapper.
        files.check("$/std.rlib", &[], &[]);
    }

    #[test]
    fn libraries_are_found_by_name() {
        let files = Files::new(&[]);
        for line in [
            "-L$ -Wl,-Bstatic -lown",
            "-Wl,-Bstatic,-lown,--library-path=$",
            "-Wl,--library-path,$,-dn,--library,own",
            "-L $ -Wl,-static -Wl,-l,own",
            "-L$ -l:libown.a",
            "-Wl,-L$,--push-state,-Bstatic,-lown,--pop-state -lc",
            "-L$ -Wl,-Bstatic,--push-state,-Bdynamic,--pop-state,-lown",
        ] {
            files.check(line, &[], &["libown.a"]);
        }
        for line in [
            "-L$ -lown",
            "-L$ -Wl,--push-state,-Bstatic,--pop-state,-lown",
            "-L$ -Wl,-Bstatic,-Bdynamic,--pop-state,-lown",
            "-lmissing",
        ] {
            let inputs = files.read(line);
            assert!(inputs.archives.is_empty(), "{line}");
            // We do not know that the linker finds the same file.
            assert!(inputs.has_foreign_archives, "{line}");
        }
    }

    #[test]
    fn values_of_options_are_no_inputs() {
        let files = Files::new(&[("text", "now = fast_now;")]);
        for line in [
            "-o $/text",
            "-Wl,-Map,$/text",
            "-Wl,--version-script,$/text -Wl,--dynamic-list=$/text",
            "-u $/libown.a -Wl,-y,$/a.o",
            "-Wl,-soname,$/text,-init,$/text",
            // Data for the program, and not a script.
            "-Wl,-b,binary,$/text,-b,elf64-x86-64",
            "-Wl,--format=binary,$/text,--format=default",
            "$/missing $ -Wl,@$/missing",
        ] {
            files.check(line, &[], &[]);
        }
    }

    #[test]
    fn scripts_are_told_from_other_files() {
        let files = Files::new(&[
            ("alias.ld", "now = fast_now;"),
            ("libalias.so", "PROVIDE(now = fast_now);"),
            ("libalias.a", "now = fast_now;"),
            ("by-way", "INPUT(alias.ld)"),
            ("itself", "INPUT(itself itself)"),
        ]);
        for line in [
            "$/alias.ld",
            "$/libalias.so",
            "$/libalias.a",
            "-Wl,$/alias.ld",
            "-L$ -lalias",
            "-Wl,-L$,-Bstatic,-lalias",
            "$/by-way",
            "$/itself",
            "-Wl,-b,binary,-b,elf64-x86-64,$/alias.ld",
        ] {
            assert!(files.read(line).script.is_some(), "{line}");
        }
        let program = std::env::current_exe().unwrap();
        let inputs = files.read(format!("{} $/libown.so", program.display()));
        assert_eq!(inputs.script, None);
    }

    #[test]
    fn the_inputs_that_a_script_names_are_read() {
        let files = Files::new(&[("names.so", "INPUT(object) GROUP(-lc AS_NEEDED(libown.a))")]);
        files.check("$/names.so", &["object"], &["libown.a"]);
        fs::write(files.path("libnames.so"), "INPUT(-l:libown.a)").unwrap();
        files.check("-Wl,-L$,-lnames", &[], &["libown.a"]);
        let searched = Files::new(&[]);
        let script = format!("SEARCH_DIR({}) INPUT(own.so)", searched.0.path().display());
        fs::write(files.path("elsewhere"), script).unwrap();
        fs::remove_file(files.path("own.so")).unwrap();
        assert_eq!(
            files.read("$/elsewhere").archives,
            [searched.path("own.so")]
        );
    }
}
