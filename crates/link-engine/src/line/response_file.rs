//! Response files.
//!
//! rustc puts a long link line into a file and passes `@file`. Who reads it decides
//! on the [`Quoting`]. A response file may name others.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::line::syntax::{Family, Syntax};
use crate::system::files;
use crate::{Error, Result};

/// How deep response files may name each other.
const MAX_DEPTH: usize = 16;

/// How many response files one command may have: a few that name each other many
/// times would be read without end. libiberty has the same limit.
const MAX_FILES: usize = 2000;

/// Argument bytes above which a command gets a response file instead.
///
/// Linux allows about 2 MiB for arguments and environment together (execve(2));
/// this leaves the environment ample room.
const MAX_INLINE_BYTES: usize = 256 * 1024;

/// How the text of a response file is cut into arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// As libiberty's `buildargv` does, and with it drivers, and linkers that come from
    /// Unix: white space separates, a backslash takes the next character as it is (also
    /// inside of quotes), and single or double quotes group.
    Gnu,
    /// As `lld-link` does, in UTF-16 as rustc writes it for linkers in the manner of
    /// MSVC: white space separates, double quotes group, and a backslash is an ordinary
    /// character except before a double quote (the rules of `CommandLineToArgvW`).
    Msvc,
}

impl Quoting {
    /// The quoting of a file: UTF-16 begins with a mark of its byte order.
    fn of_text(text: &[u8]) -> Quoting {
        if text.starts_with(&UTF_16_MARK) {
            Quoting::Msvc
        } else {
            Quoting::Gnu
        }
    }

    /// The quoting that the reader of a link line knows.
    fn of_link_line(args: &[OsString]) -> Quoting {
        match Syntax::of(args).family {
            Family::Elf | Family::Darwin | Family::Mingw => Quoting::Gnu,
            Family::Msvc => Quoting::Msvc,
        }
    }

    /// Splits the text of a response file into arguments.
    ///
    /// # Errors
    /// The reason, when the text ends inside of quotes or after a backslash, or is no
    /// UTF-16.
    pub fn parse(self, text: &[u8]) -> Result<Vec<OsString>, &'static str> {
        match self {
            Quoting::Gnu => parse(text),
            Quoting::Msvc => parse_msvc(text),
        }
    }

    /// The text of a response file that holds `args`; [`parse`](Quoting::parse) gives
    /// them back, but for what UTF-16 cannot say.
    pub fn format(self, args: &[OsString]) -> Vec<u8> {
        match self {
            Quoting::Gnu => format(args),
            Quoting::Msvc => format_msvc(args),
        }
    }
}

/// U+FEFF in little-endian UTF-16.
const UTF_16_MARK: [u8; 2] = [0xff, 0xfe];

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
    /// How many response files were read.
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
        for arg in Quoting::of_text(&contents).parse(&contents).map_err(fail)? {
            self.add(arg, depth + 1)?;
        }
        Ok(())
    }
}

/// Splits the text of a response file in GNU quoting into arguments.
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

/// The text of a response file in GNU quoting that holds `args`; [`parse`] gives them
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

fn parse_msvc(text: &[u8]) -> Result<Vec<OsString>, &'static str> {
    let units: Vec<u16> = text
        .strip_prefix(&UTF_16_MARK)
        .unwrap_or(text)
        .chunks(2)
        .map(|bytes| match bytes {
            [low, high] => Ok(u16::from_le_bytes([*low, *high])),
            _ => Err("ends inside of a character"),
        })
        .collect::<Result<_, _>>()?;
    let text = String::from_utf16(&units).map_err(|_| "is no UTF-16")?;

    let mut args = Vec::new();
    let mut arg: Option<String> = None;
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                let mut backslashes = 1;
                while chars.next_if_eq(&'\\').is_some() {
                    backslashes += 1;
                }
                let before_quote = chars.peek() == Some(&'"');
                let kept = if before_quote {
                    backslashes / 2
                } else {
                    backslashes
                };
                let arg = arg.get_or_insert_default();
                arg.extend(std::iter::repeat_n('\\', kept));
                if before_quote && backslashes % 2 == 1 {
                    arg.extend(chars.next());
                }
            }
            '"' => {
                is_quoted = !is_quoted;
                arg.get_or_insert_default();
            }
            ' ' | '\t' | '\n' | '\r' if !is_quoted => {
                args.extend(arg.take().map(OsString::from));
            }
            char => arg.get_or_insert_default().push(char),
        }
    }
    if is_quoted {
        return Err("ends inside of quotes");
    }
    args.extend(arg.map(OsString::from));
    Ok(args)
}

fn format_msvc(args: &[OsString]) -> Vec<u8> {
    let mut text = String::from('\u{feff}');
    for arg in args {
        text.push('"');
        let mut backslashes = 0;
        for char in arg.to_string_lossy().chars() {
            if char == '"' {
                // Those before it mean two in one now, and one more is for itself.
                text.extend(std::iter::repeat_n('\\', backslashes + 1));
            }
            backslashes = if char == '\\' { backslashes + 1 } else { 0 };
            text.push(char);
        }
        text.extend(std::iter::repeat_n('\\', backslashes));
        text.push_str("\"\n");
    }
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The arguments to call a program with: `args` themselves, or an `@file` when they are
/// too long for the system. `path` is where that file would be written.
///
/// `-flavor <name>` at the beginning stays outside: it tells lld which linker it is, and
/// what is in the file only that linker reads.
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
    let text = Quoting::of_link_line(&args).format(&args[outside..]);
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

    #[track_caller]
    fn check_msvc(text: &str, expected: &[&str]) {
        let text = utf_16(text);
        assert_eq!(Quoting::of_text(&text), Quoting::Msvc);
        assert_eq!(Quoting::Msvc.parse(&text).unwrap(), expected);
    }

    fn utf_16(text: &str) -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
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
    fn reads_quotes_and_backslashes_of_windows() {
        check_msvc("", &[]);
        check_msvc(
            "\"/NOLOGO\"\n\"/OUT:C:\\a b\\ä.exe\"\r\n",
            &["/NOLOGO", "/OUT:C:\\a b\\ä.exe"],
        );
        check_msvc(
            r#"C:\\a\b 'x y' "" z"#,
            &["C:\\\\a\\b", "'x", "y'", "", "z"],
        );
        check_msvc(
            r#""/DEF:\"q\"" "a\\" \\\"b"#,
            &["/DEF:\"q\"", "a\\", "\\\"b"],
        );
    }

    /// As rustc 1.95 writes it for `x86_64-pc-windows-msvc`.
    #[test]
    fn a_file_of_rustc_for_msvc_is_expanded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("linker-arguments");
        let text = "\"/NOLOGO\"\n\"C:\\t\\symbols.o\"\n\"C:\\t\\libdep-1.rlib\"\n\
                    \"/OUT:C:\\my app\\app.exe\"\n\"/PDBALTPATH:%_PDB%\"\n";
        std::fs::write(&path, utf_16(text)).unwrap();
        let args = expand([OsString::from(format!("@{}", path.display()))]).unwrap();
        assert_eq!(
            args,
            [
                "/NOLOGO",
                "C:\\t\\symbols.o",
                "C:\\t\\libdep-1.rlib",
                "/OUT:C:\\my app\\app.exe",
                "/PDBALTPATH:%_PDB%",
            ]
        );
        assert_eq!(Quoting::of_link_line(&args), Quoting::Msvc);
        assert_eq!(Quoting::Msvc.format(&args), utf_16(text));
    }

    #[test]
    fn refuses_what_is_no_utf_16() {
        assert_eq!(
            Quoting::Msvc.parse(b"\xff\xfea"),
            Err("ends inside of a character")
        );
        assert_eq!(Quoting::Msvc.parse(b"\xff\xfe\0\xd8"), Err("is no UTF-16"));
        assert_eq!(
            Quoting::Msvc.parse(&utf_16("\"a")),
            Err("ends inside of quotes")
        );
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
        check(&["-flavor", "link", "/NOLOGO", "/OUT:C:\\a b"], 2);
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
        fn msvc_format_then_parse_gives_the_same(
            args in prop::collection::vec(r#"[a\\" \n\u{e4}]{0,8}"#, 0..6),
        ) {
            let args: Vec<_> = args.into_iter().map(OsString::from).collect();
            prop_assert_eq!(Quoting::Msvc.parse(&Quoting::Msvc.format(&args)).unwrap(), args);
        }

        #[test]
        fn any_bytes_are_parsed_or_refused(text: Vec<u8>) {
            for quoting in [Quoting::Gnu, Quoting::Msvc] {
                let _ = quoting.parse(&text);
            }
        }
    }
}
