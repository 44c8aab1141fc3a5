//! Response files.
//!
//! rustc puts a long link line into a *response file* and passes `@file`. Such a file may name
//! others. Drivers and linkers read it as libiberty's `buildargv` does: white space separates, a
//! backslash takes the next character as it is (also inside of quotes), and single or double quotes
//! group.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::system::files;
use crate::{Error, Result};

/// How deep response files may name each other.
const MAX_DEPTH: usize = 16;

/// How many response files one command may have: without a limit, we would read a few that name
/// each other many times without end. libiberty has the same limit.
const MAX_FILES: usize = 2000;

/// Argument bytes above which a command gets a response file instead.
///
/// Linux allows about 2 MiB for arguments and environment together (execve(2));
/// this leaves the environment ample room.
const MAX_INLINE_BYTES: usize = 256 * 1024;

/// Replaces each `@file` among `args` by the arguments in that file.
///
/// As in GNU tools, an `@file` that cannot be opened is an ordinary argument.
///
/// # Errors
/// When a file ends inside of quotes or response files name each other without end.
pub fn expand(args: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>> {
    let mut expansion = Expansion::default();
    for arg in args {
        expansion.add(arg, 0)?;
    }
    Ok(expansion.args)
}

#[derive(Default)]
struct Expansion {
    args: Vec<OsString>,
    /// The number of response files read so far.
    files: usize,
}

impl Expansion {
    fn add(&mut self, arg: OsString, depth: usize) -> Result<()> {
        let contents = arg
            .as_bytes()
            .strip_prefix(b"@")
            .map(|name| Path::new(OsStr::from_bytes(name)))
            .and_then(|path| Some((path, std::fs::read(path).ok()?)));
        let Some((path, contents)) = contents else {
            self.args.push(arg);
            return Ok(());
        };
        let fail = |reason| Error::ResponseFile {
            path: path.to_owned(),
            reason,
        };
        if depth == MAX_DEPTH {
            return Err(fail("response files name each other too deeply"));
        }
        self.files += 1;
        if self.files > MAX_FILES {
            return Err(fail("there are too many response files"));
        }
        for arg in parse(&contents).map_err(fail)? {
            self.add(arg, depth + 1)?;
        }
        Ok(())
    }
}

/// Splits the text of a response file into arguments.
///
/// # Errors
/// The reason, when the text ends inside of quotes or after a backslash.
pub fn parse(text: &[u8]) -> Result<Vec<OsString>, &'static str> {
    let mut args = Vec::new();
    let mut arg: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            let escaped = bytes.next().ok_or("ends after a backslash")?;
            arg.get_or_insert_default().push(escaped);
        } else if quote == Some(byte) {
            quote = None;
        } else if quote.is_some() {
            arg.get_or_insert_default().push(byte);
        } else if byte == b'\'' || byte == b'"' {
            quote = Some(byte);
            arg.get_or_insert_default();
        } else if is_space(byte) {
            args.extend(arg.take().map(OsString::from_vec));
        } else {
            arg.get_or_insert_default().push(byte);
        }
    }
    if quote.is_some() {
        return Err("ends inside of quotes");
    }
    args.extend(arg.map(OsString::from_vec));
    Ok(args)
}

/// The text of a response file that holds `args`; [`parse`] gives them
/// back.
pub fn format(args: &[OsString]) -> Vec<u8> {
    let mut text = Vec::new();
    for arg in args {
        if arg.is_empty() {
            text.extend(b"\"\"");
        }
        for &byte in arg.as_bytes() {
            if is_space(byte) || matches!(byte, b'\\' | b'\'' | b'"') {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.push(b'\n');
    }
    text
}

/// The arguments to call a program with: `args` themselves, or an `@file` if they are too long for
/// the system. That file is written to `path`.
///
/// `-flavor <name>` at the beginning stays outside: it tells lld which linker to be, and only that
/// linker reads the file.
///
/// # Errors
/// When the file cannot be written.
pub fn shorten(args: Vec<OsString>, path: &Path) -> Result<Vec<OsString>> {
    let bytes: usize = args.iter().map(|arg| arg.len() + 1).sum();
    if bytes <= MAX_INLINE_BYTES {
        return Ok(args);
    }
    let outside = match &args[..] {
        [option, _, ..] if option == "-flavor" => 2,
        _ => 0,
    };
    let text = format(&args[outside..]);
    files::write(path, &text)?;
    let mut shortened = args;
    shortened.truncate(outside);
    let mut reference = OsString::from("@");
    reference.push(path);
    shortened.push(reference);
    Ok(shortened)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(parse(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn splits_at_white_space() {
        check("", &[]);
        check("-o  out\n-lc\r\n", &["-o", "out", "-lc"]);
    }

    #[test]
    fn reads_quotes_and_backslashes() {
        check(r"a\ b 'c d' \\", &["a b", "c d", r"\"]);
        check(
            r#""it's" 'say "x"' x"y z"w"#,
            &["it's", r#"say "x""#, "xy zw"],
        );
        check(r"'it\'s' '' x", &["it's", "", "x"]);
    }

    #[test]
    fn refuses_an_open_end() {
        assert_eq!(parse(b"'a"), Err("ends inside of quotes"));
        assert_eq!(parse(b"a\\"), Err("ends after a backslash"));
    }

    #[test]
    fn a_long_line_is_shortened_behind_the_flavor() {
        #[track_caller]
        fn check(before: &[&str], outside: usize) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("linker-arguments");
            let mut args: Vec<OsString> = before.iter().map(OsString::from).collect();
            assert_eq!(shorten(args.clone(), &path).unwrap(), args);
            args.push("x".repeat(MAX_INLINE_BYTES).into());
            let shortened = shorten(args.clone(), &path).unwrap();
            assert_eq!(shortened.len(), outside + 1);
            assert_eq!(shortened[..outside], args[..outside]);
            assert_eq!(expand(shortened).unwrap(), args);
        }
        check(&["-o", "out"], 0);
        check(&["-flavor", "gnu", "--as-needed"], 2);
    }

    #[test]
    fn expands_nested_files_and_leaves_unknown_ones() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("inner");
        let outer = directory.path().join("outer");
        std::fs::write(&inner, "-lc").unwrap();
        std::fs::write(&outer, format!("x @{} y", inner.display())).unwrap();
        let args = [format!("@{}", outer.display()), "@no-such-file".into()];
        let expanded = expand(args.map(OsString::from)).unwrap();
        assert_eq!(expanded, ["x", "-lc", "y", "@no-such-file"]);
    }

    #[test]
    fn a_file_that_names_itself_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("loop");
        let reference = format!("@{}", path.display());
        std::fs::write(&path, &reference).unwrap();
        let error = expand([OsString::from(reference)]).unwrap_err();
        assert!(error.to_string().contains("too deeply"), "{error}");
    }

    #[test]
    fn files_that_name_others_many_times_are_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let reference =
            |depth: usize| format!("@{}", directory.path().join(depth.to_string()).display());
        for depth in 0..10 {
            let text = format!("{} ", reference(depth + 1)).repeat(10);
            std::fs::write(directory.path().join(depth.to_string()), text).unwrap();
        }
        let error = expand([OsString::from(reference(0))]).unwrap_err();
        assert!(error.to_string().contains("too many"), "{error}");
    }

    proptest! {
        #[test]
        fn format_then_parse_gives_the_same(args: Vec<Vec<u8>>) {
            let args: Vec<_> = args.into_iter().map(OsString::from_vec).collect();
            prop_assert_eq!(parse(&format(&args)).unwrap(), args);
        }

        #[test]
        fn any_bytes_are_parsed_or_refused(text: Vec<u8>) {
            let _ = parse(&text);
        }
    }
}
