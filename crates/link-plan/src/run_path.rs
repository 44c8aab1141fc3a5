//! Where the loader looks for the groups of an executable.
//!
//! One executable file has several names: Cargo hard-links `target/debug/deps/app-1a2b` as
//! `target/debug/app`. The loader begins in the directory of the name by which the executable was
//! started. So there is one relative entry for each directory from which somebody may start the
//! executable. Relative entries come first, since only they are still right after somebody moved
//! `target/` as a whole. The absolute entry serves a copy of the executable elsewhere on the same
//! host. It also serves an executable in a directory that is a symbolic link, from which `..` leads
//! somewhere else.
//!
//! | [`Format`] | entries are | the executable's directory | what an entry cannot say |
//! |---|---|---|---|
//! | ELF | parts of `DT_RUNPATH`, between colons (ld.so(8)) | `$ORIGIN` | a colon; the loader's tokens, wherever they stand |
//! | Mach-O | one `LC_RPATH` each (dyld(1)) | `@loader_path` | nothing: a token counts at the beginning only |
//! | PE | not there: the loader looks beside the executable, then in `PATH` | | |
//!
//! We leave out an entry that the loader would misread. If an entry is missing, the loader goes on
//! to the next one; if it misreads one, it may look in somebody else's directory.
//!
//! Only ELF executables use groups so far; [`support`](crate::support) has the others linked
//! statically. We never tried the rows about them on such a machine.
//!
//! This module takes paths as they are written, and resolves none on disk.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

/// The beginnings of the tokens that the ELF loader replaces. A longer word that begins so counts
/// too, since the loader does not look at the characters after an unbraced token.
const ELF_TOKENS: [&str; 6] = [
    "$ORIGIN",
    "${ORIGIN}",
    "$LIB",
    "${LIB}",
    "$PLATFORM",
    "${PLATFORM}",
];

/// The format of executables and shared objects, which decides how one names the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Linux and most other systems.
    Elf,
    /// Apple's systems.
    MachO,
    /// Windows.
    Pe,
}

impl Format {
    /// What the loader replaces by the directory of the loaded file, if it replaces anything.
    fn origin(self) -> Option<&'static str> {
        match self {
            Format::Elf => Some("$ORIGIN"),
            Format::MachO => Some("@loader_path"),
            Format::Pe => None,
        }
    }

    /// Whether the loader takes these bytes as one path and replaces nothing in them.
    fn is_read_literally(self, path: &OsStr) -> bool {
        let bytes = path.as_encoded_bytes();
        let contains = |needle: &str| {
            bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
        };
        match self {
            Format::Elf => !contains(":") && !ELF_TOKENS.into_iter().any(contains),
            Format::MachO | Format::Pe => true,
        }
    }
}

/// One entry of a run path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunPath(OsString);

impl RunPath {
    /// The entry as it stands in the executable.
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }
}

impl AsRef<OsStr> for RunPath {
    fn as_ref(&self) -> &OsStr {
        self.as_os_str()
    }
}

/// Whether a run path may name the groups' directory as it is on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AbsoluteForm {
    /// Last entry of the run path.
    Include,
    /// Not at all: the executable must not carry paths of this host (`trim-paths`).
    Omit,
}

/// The run path of an executable whose groups lie in `groups_dir`, in the order in which the
/// loader has to try the entries, each entry once. A PE executable has none.
///
/// `executable_dirs` are the directories the executable may be started from. All paths are
/// absolute. A path yields no entry if it is not, or if it goes up by `..` in a way that only a
/// look at the disk could invert.
pub fn run_paths(
    format: Format,
    executable_dirs: &[&Path],
    groups_dir: &Path,
    absolute: AbsoluteForm,
) -> Vec<RunPath> {
    let Some(origin) = format.origin() else {
        return Vec::new();
    };
    let relative = executable_dirs
        .iter()
        .filter_map(|executable_dir| relative_path(executable_dir, groups_dir))
        .filter(|path| format.is_read_literally(path.as_os_str()))
        .map(|path| below(origin, &path));
    let absolute = match absolute {
        AbsoluteForm::Include => Some(groups_dir),
        AbsoluteForm::Omit => None,
    };
    let absolute = absolute
        .filter(|path| path.is_absolute() && format.is_read_literally(path.as_os_str()))
        .map(|path| RunPath(path.as_os_str().to_owned()));

    let mut run_paths = Vec::new();
    for run_path in relative.chain(absolute) {
        if !run_paths.contains(&run_path) {
            run_paths.push(run_path);
        }
    }
    run_paths
}

/// The entry by which an executable finds shared objects beside it. The loader for PE executables
/// looks there by itself.
pub fn beside(format: Format) -> Option<RunPath> {
    format.origin().map(|origin| below(origin, Path::new("")))
}

/// The directories that have to be in `PATH` for a PE executable to find groups in `groups_dirs`,
/// in order, each once. The directory of the executable is not among them, since the loader looks
/// there by itself.
///
/// `cargo run` and `cargo test` already put the directory of the groups into `PATH`, for `dylib`
/// crates (Cargo 0.98, `Compilation::fill_env`).
pub fn search_path<'a>(
    format: Format,
    executable_dirs: &[&Path],
    groups_dirs: &[&'a Path],
) -> Vec<&'a Path> {
    let mut search_path = Vec::new();
    for &groups_dir in groups_dirs {
        let is_beside = executable_dirs.iter().all(|&dir| dir == groups_dir);
        if format == Format::Pe && !is_beside && !search_path.contains(&groups_dir) {
            search_path.push(groups_dir);
        }
    }
    search_path
}

/// The way from one absolute directory to another; empty when they are equal.
fn relative_path(from: &Path, to: &Path) -> Option<PathBuf> {
    if !from.is_absolute() || !to.is_absolute() {
        return None;
    }
    let mut from = from.components().peekable();
    let mut to = to.components().peekable();
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    let mut path = PathBuf::new();
    for component in from {
        match component {
            Component::Normal(_) => path.push(Component::ParentDir),
            _ => return None,
        }
    }
    path.extend(to);
    Some(path)
}

fn below(origin: &str, path: &Path) -> RunPath {
    let mut run_path = OsString::from(origin);
    if !path.as_os_str().is_empty() {
        run_path.push("/");
        run_path.push(path);
    }
    RunPath(run_path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[track_caller]
    fn check(
        executable_dirs: &[&str],
        groups_dir: &str,
        absolute: AbsoluteForm,
        expected: &[&str],
    ) {
        check_format(Format::Elf, executable_dirs, groups_dir, absolute, expected);
    }

    #[track_caller]
    fn check_format(
        format: Format,
        executable_dirs: &[&str],
        groups_dir: &str,
        absolute: AbsoluteForm,
        expected: &[&str],
    ) {
        let executable_dirs: Vec<&Path> = executable_dirs.iter().map(Path::new).collect();
        let run_paths = run_paths(format, &executable_dirs, Path::new(groups_dir), absolute);
        let actual: Vec<&OsStr> = run_paths.iter().map(RunPath::as_os_str).collect();
        assert_eq!(actual, expected, "{executable_dirs:?} -> {groups_dir}");
    }

    #[test]
    fn one_relative_entry_for_each_directory_then_the_absolute_one() {
        check(
            &[
                "/w/target/debug",
                "/w/target/debug/deps",
                "/w/target/debug/examples",
            ],
            "/w/target/debug/deps",
            AbsoluteForm::Include,
            &[
                "$ORIGIN/deps",
                "$ORIGIN",
                "$ORIGIN/../deps",
                "/w/target/debug/deps",
            ],
        );
        check(
            &["/w/target/debug"],
            "/w/target/debug/deps",
            AbsoluteForm::Omit,
            &["$ORIGIN/deps"],
        );
        check(&[], "/groups", AbsoluteForm::Include, &["/groups"]);
    }

    #[test]
    fn an_executable_finds_what_lies_beside_it() {
        let entry = |format| beside(format).map(|entry| entry.as_os_str().to_owned());
        assert_eq!(entry(Format::Elf), Some("$ORIGIN".into()));
        assert_eq!(entry(Format::MachO), Some("@loader_path".into()));
        assert_eq!(entry(Format::Pe), None);
    }

    #[test]
    fn directories_far_apart_meet_at_the_root() {
        check(
            &["/home/user/bin", "/"],
            "/build/app/deps",
            AbsoluteForm::Omit,
            &["$ORIGIN/../../../build/app/deps", "$ORIGIN/build/app/deps"],
        );
        check(&["/a/b"], "/", AbsoluteForm::Omit, &["$ORIGIN/../.."]);
        // A common beginning of the name is no common directory.
        check(
            &["/w/deps-old"],
            "/w/deps",
            AbsoluteForm::Omit,
            &["$ORIGIN/../deps"],
        );
    }

    #[test]
    fn equal_entries_are_given_once() {
        check(
            &[
                "/w/target/debug/examples",
                "/w/target/debug/artifact",
                "/w/target/debug/./examples/",
            ],
            "/w/target/debug/deps",
            AbsoluteForm::Include,
            &["$ORIGIN/../deps", "/w/target/debug/deps"],
        );
    }

    #[test]
    fn what_the_loader_would_misread_is_left_out() {
        // Only the absolute form contains the separator.
        check(
            &["/a:b/bin"],
            "/a:b/deps",
            AbsoluteForm::Include,
            &["$ORIGIN/../deps"],
        );
        check(&["/w/bin"], "/w/a:b", AbsoluteForm::Include, &[]);
        for token in ELF_TOKENS {
            let dir = format!("/{token}/deps");
            check(&["/w/bin"], &dir, AbsoluteForm::Include, &[]);
            let inside = format!("/{token}/bin");
            check(
                &[&inside],
                &dir,
                AbsoluteForm::Include,
                &["$ORIGIN/../deps"],
            );
        }
        check(&["/w/bin"], "/w/$LIBRARY", AbsoluteForm::Include, &[]);
        check(
            &["/w/bin"],
            "/w/$HOME,{LIB}",
            AbsoluteForm::Include,
            &["$ORIGIN/../$HOME,{LIB}", "/w/$HOME,{LIB}"],
        );
    }

    #[test]
    fn a_path_that_cannot_be_inverted_yields_no_entry() {
        check(
            &["/w/link/../bin"],
            "/w/deps",
            AbsoluteForm::Include,
            &["/w/deps"],
        );
        check(
            &["/w/../bin"],
            "/w/../deps",
            AbsoluteForm::Omit,
            &["$ORIGIN/../deps"],
        );
        check(&["bin"], "/w/deps", AbsoluteForm::Omit, &[]);
        check(&["/w/bin", "bin"], "deps", AbsoluteForm::Include, &[]);
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let dir = Path::new(OsStr::from_bytes(b"/w/\xff\xfe/deps"));
        let run_paths = run_paths(Format::Elf, &[Path::new("/w")], dir, AbsoluteForm::Include);
        let bytes: Vec<&[u8]> = run_paths.iter().map(|path| path.0.as_bytes()).collect();
        assert_eq!(
            bytes,
            [b"$ORIGIN/\xff\xfe/deps".as_slice(), b"/w/\xff\xfe/deps"]
        );
    }

    #[test]
    fn mach_o_has_a_word_of_its_own_and_no_separator() {
        let format = Format::MachO;
        check_format(
            format,
            &["/w/target/debug", "/w/target/debug/deps"],
            "/w/target/debug/deps",
            AbsoluteForm::Include,
            &["@loader_path/deps", "@loader_path", "/w/target/debug/deps"],
        );
        check_format(
            format,
            &["/a:b/@rpath/$ORIGIN/bin"],
            "/a:b/@rpath/$ORIGIN/deps",
            AbsoluteForm::Include,
            &["@loader_path/../deps", "/a:b/@rpath/$ORIGIN/deps"],
        );
    }

    #[test]
    fn pe_has_no_run_path() {
        check_format(
            Format::Pe,
            &["/w/target/debug"],
            "/w/target/debug/deps",
            AbsoluteForm::Include,
            &[],
        );
    }

    #[test]
    fn only_pe_executables_that_lie_elsewhere_need_a_search_path() {
        let [debug, deps, other] = ["/t/debug", "/t/debug/deps", "/o/deps"].map(Path::new);
        for (format, executable_dirs, groups_dirs, expected) in [
            (Format::Pe, &[debug, deps][..], &[deps][..], &[deps][..]),
            (Format::Pe, &[deps], &[deps], &[]),
            (Format::Pe, &[deps], &[other, deps, other], &[other]),
            (Format::Elf, &[debug], &[deps], &[]),
            (Format::MachO, &[debug], &[deps], &[]),
        ] {
            assert_eq!(
                search_path(format, executable_dirs, groups_dirs),
                expected,
                "{format:?}"
            );
        }
    }
}
