//! The path of the linker wrapper, by which the wrapper finds its task.
//!
//! rustc calls the wrapper by a path in the directory of one link. If the file system has links,
//! the path is a link to the program. If it has none (vfat, some network shares), a copy for each
//! executable would take the size of Cargo each time. So there is one copy for all, and the path
//! still leads through the directory of the link: `<directory>/../../copies/<name>`. The system
//! follows the dots, and the program reads the name by which it was called, which still contains
//! the directory. A script that calls the program would be smaller. But a shell passes on no name
//! except that of the program, and a file system without links may not let scripts run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::system::files;
use crate::{Error, Result};

/// The program that becomes the linker wrapper when it is called as one.
#[derive(Debug, Clone)]
pub struct WrapperProgram {
    /// Its file.
    pub program: PathBuf,
    /// Where a copy of it goes if there cannot be links. Only one Cargo at a time may write there.
    pub copies: PathBuf,
}

/// Gives the program a path with this file name that leads through `directory`.
pub(crate) fn place(directory: &Path, name: &OsStr, program: &WrapperProgram) -> Result<PathBuf> {
    place_by(directory, name, program, files::link)
}

/// Like [`place`], by links that `link` makes.
fn place_by(
    directory: &Path,
    name: &OsStr,
    program: &WrapperProgram,
    link: impl FnOnce(&Path, &Path) -> Result<()>,
) -> Result<PathBuf> {
    let path = directory.join(name);
    if link(&program.program, &path).is_ok() {
        return Ok(path);
    }
    let copies = &program.copies;
    fs::create_dir_all(copies).map_err(Error::io("create", copies))?;
    let copy = copies.join(name);
    if !is_copy(&program.program, &copy) {
        make_copy(&program.program, &copy)?;
    }
    // Dots go up from the directory itself, and not from a link to it.
    let canonical = |path: &Path| path.canonicalize().map_err(Error::io("find", path));
    let (directory, copies) = (canonical(directory)?, canonical(copies)?);
    Ok(through(&directory, &copies).join(name))
}

/// The directories that may be that of the link for which a wrapper is called, from the name by
/// which it is called: the one in which the name lies, and, if there are dots in the name, the one
/// through which it leads. The user may have named the target directory with dots too.
pub(crate) fn directories_of_link(own_name: &Path) -> impl Iterator<Item = PathBuf> {
    let components = own_name.components();
    let has_dots = components.clone().any(|one| one == Component::ParentDir);
    let before_dots = components.take_while(|one| *one != Component::ParentDir);
    let direct = own_name.parent().map(Path::to_owned);
    let directories = direct
        .into_iter()
        .chain(has_dots.then(|| before_dots.collect()));
    directories.filter(|directory: &PathBuf| directory.is_absolute())
}

/// A path to `to` that leads through `from`.
fn through(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components());
    let common = common.take_while(|(one, other)| one == other).count();
    let mut path = from.to_owned();
    for _ in from.components().skip(common) {
        path.push(Component::ParentDir);
    }
    path.extend(to.components().skip(common));
    path
}

/// Whether a copy was made of the program as it is now. A copy gets the program's time.
fn is_copy(program: &Path, copy: &Path) -> bool {
    let state = |path: &Path| {
        let metadata = fs::metadata(path)?;
        io::Result::Ok((metadata.len(), seconds(metadata.modified()?)))
    };
    matches!((state(program), state(copy)), (Ok(one), Ok(other)) if one == other)
}

/// The part of a time that all file systems keep: the unit of FAT is two seconds.
fn seconds(time: std::time::SystemTime) -> u64 {
    let since = time.duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() / 2)
}

fn make_copy(program: &Path, copy: &Path) -> Result<()> {
    let temporary = files::temporary_beside(copy)?;
    let make = || {
        fs::copy(program, &temporary)?;
        let modified = fs::metadata(program)?.modified()?;
        File::options()
            .write(true)
            .open(&temporary)?
            .set_modified(modified)
    };
    make().map_err(Error::io("copy the linker wrapper to", copy))?;
    files::persist(temporary, copy)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::process::Command;

    use super::*;

    fn refuse(original: &Path, _: &Path) -> Result<()> {
        Err(Error::io("link", original)(
            io::ErrorKind::Unsupported.into(),
        ))
    }

    #[test]
    fn links_lie_in_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let program = WrapperProgram {
            program: std::env::current_exe().unwrap(),
            copies: directory.path().join("copies"),
        };
        let path = place(directory.path(), "cc".as_ref(), &program).unwrap();
        assert_eq!(path, directory.path().join("cc"));
        let directories: Vec<_> = directories_of_link(&path).collect();
        assert_eq!(directories, [directory.path()]);
        assert!(!program.copies.exists());
    }

    #[test]
    fn without_links_there_is_one_copy() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let program = WrapperProgram {
            program: root.join("program"),
            copies: root.join("t/dynamic-deps/copies"),
        };
        fs::write(&program.program, "#!/bin/sh\necho \"$0\"\n").unwrap();
        let mut made = Vec::new();
        let mut check = |link: &str, inode_is_kept: bool| {
            let directory = root.join("t").join(link);
            fs::create_dir_all(&directory).unwrap();
            let path = place_by(&directory, "cc".as_ref(), &program, refuse).unwrap();
            assert_eq!(path.file_name(), Some(OsStr::new("cc")));
            assert_eq!(directories_of_link(&path).last(), Some(directory.clone()));
            assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
            assert_eq!(fs::read_dir(&program.copies).unwrap().count(), 1);
            let inode = fs::metadata(&path).unwrap().ino();
            assert_eq!(made.last() == Some(&inode), inode_is_kept, "{link}");
            made.push(inode);
            // The system runs the path, and the shell gets the name since the program is a script.
            let output = Command::new("sh").arg(&path).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(Path::new(text.trim_end()), path);
        };
        check("fingerprint/one/linker", false);
        check("fingerprint/other/linker", true);
        check("probe", true);
        // Another Cargo.
        fs::write(&program.program, "#!/bin/sh\n\necho \"$0\"\n").unwrap();
        check("probe", false);
    }

    #[test]
    fn the_directory_is_in_the_name() {
        for (name, expected) in [
            ("/t/linker/cc", &["/t/linker"][..]),
            ("/w/../t/linker/cc", &["/w/../t/linker", "/w"]),
            (
                "/t/a/linker/../../copies/cc",
                &["/t/a/linker/../../copies", "/t/a/linker"],
            ),
            ("cargo", &[]),
            ("../bin/cargo", &[]),
        ] {
            let directories: Vec<_> = directories_of_link(Path::new(name)).collect();
            let expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(directories, expected, "{name}");
        }
    }
}
