//! Where the loader looks for the groups of an executable: the entries of `DT_RUNPATH`.
//!
//! One executable file has several names. Cargo hard-links `target/debug/deps/app-1a2b` as
//! `target/debug/app`, and the loader replaces `$ORIGIN` by the directory of the name that was
//! started. So there is one relative entry for each directory that an executable may be started
//! from. Relative entries come first: they are the ones that are still right after `target/` was
//! moved as a whole. The absolute entry serves a copy of the executable elsewhere on the same
//! host, and a directory that is itself a symbolic link, where going up from `$ORIGIN` ends
//! somewhere else.
//!
//! Not every path can be said in a run path. The loader separates entries at `:` and knows no
//! escape for it, and it replaces its tokens (`$ORIGIN`, `$LIB`, `$PLATFORM`, also in braces)
//! wherever they stand (ld.so(8), "Dynamic string tokens"). An entry that would be misread is left
//! out: a missing entry makes the loader go on to the next one, a misread one makes it look in a
//! directory of someone else.
//!
//! Paths are taken as they are written; nothing is resolved or looked up.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

/// What the loader replaces by the directory of the loaded file.
const ORIGIN: &str = "$ORIGIN";

/// The beginnings of everything the loader replaces. A longer word with such a beginning counts:
/// the loader does not ask what follows an unbraced token.
const TOKENS: [&str; 6] = [
    "$ORIGIN",
    "${ORIGIN}",
    "$LIB",
    "${LIB}",
    "$PLATFORM",
    "${PLATFORM}",
];

/// One entry of a run path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunPath(OsString);

impl RunPath {
    /// The entry as it stands in `DT_RUNPATH`.
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
/// loader has to try the entries, each entry once.
///
/// `executable_dirs` are the directories the executable may be started from. All paths are
/// absolute; one that is not, or that goes up by `..` in a way that cannot be inverted without
/// looking at the disk, yields no entry.
pub fn run_paths(
    executable_dirs: &[&Path],
    groups_dir: &Path,
    absolute: AbsoluteForm,
) -> Vec<RunPath> {
    let relative = executable_dirs
        .iter()
        .filter_map(|executable_dir| relative_path(executable_dir, groups_dir))
        .filter(|path| is_read_literally(path.as_os_str()))
        .map(|path| below_origin(&path));
    let absolute = match absolute {
        AbsoluteForm::Include => Some(groups_dir),
        AbsoluteForm::Omit => None,
    };
    let absolute = absolute
        .filter(|path| path.is_absolute() && is_read_literally(path.as_os_str()))
        .map(|path| RunPath(path.as_os_str().to_owned()));

    let mut run_paths = Vec::new();
    for run_path in relative.chain(absolute) {
        if !run_paths.contains(&run_path) {
            run_paths.push(run_path);
        }
    }
    run_paths
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

fn below_origin(path: &Path) -> RunPath {
    let mut run_path = OsString::from(ORIGIN);
    if !path.as_os_str().is_empty() {
        run_path.push("/");
        run_path.push(path);
    }
    RunPath(run_path)
}

/// Whether the loader takes these bytes as one path and replaces nothing in them.
fn is_read_literally(path: &OsStr) -> bool {
    let bytes = path.as_encoded_bytes();
    let contains = |needle: &str| {
        bytes
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
    };
    !contains(":") && !TOKENS.into_iter().any(contains)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn check(
        executable_dirs: &[&str],
        groups_dir: &str,
        absolute: AbsoluteForm,
        expected: &[&str],
    ) {
        let executable_dirs: Vec<&Path> = executable_dirs.iter().map(Path::new).collect();
        let run_paths = run_paths(&executable_dirs, Path::new(groups_dir), absolute);
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
        for token in TOKENS {
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
        let run_paths = run_paths(&[Path::new("/w")], dir, AbsoluteForm::Include);
        let bytes: Vec<&[u8]> = run_paths.iter().map(|path| path.0.as_bytes()).collect();
        assert_eq!(
            bytes,
            [b"$ORIGIN/\xff\xfe/deps".as_slice(), b"/w/\xff\xfe/deps"]
        );
    }
}
