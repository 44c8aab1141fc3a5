//! Running the real linker.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output};

use super::arguments::is_object;
use super::linker::passes_files_on;
use super::response_file;
use super::syntax::{Reader, joined};
use crate::{Error, Result};

/// How a driver gets the names of rustc's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectsBy {
    /// By their names on its line.
    Name,
    /// By a file with the names, in an option for the linker (`-Wl,@<file>`), if the driver is
    /// known to pass such an option on.
    ///
    /// gcc 12 looks up each directory on the path of each input twice, but does not look into
    /// options for the linker: it takes 8.0 ms for 258 objects by name, and 4.1 ms by a file.
    File,
}

/// The number of objects from which on a file with their names pays.
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
        && Reader::of(&args) == Reader::Driver
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

/// Writes the names of the first run of adjacent objects on the line to the file `path`, and puts
/// the option that names this file in their place.
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::line::linker::is_executable;

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

    /// Without the second attempt that a build makes.
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
}
