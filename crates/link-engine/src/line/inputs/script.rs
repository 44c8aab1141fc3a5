//! Linker scripts among the inputs of a link.
//!
//! A linker takes a file that is neither an object nor an archive for a script (ld, "Implicit Linker
//! Scripts"). Distributions have some in the place of libraries: Debian's `libc.so` names the
//! library of that name and an archive.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// The words for which a script stands, if it only names inputs (ld, "File Commands"): files,
/// `-l<name>` and, for directories to search, `-L<directory>`. `None` if it has any other command:
/// with that, it may give another meaning to symbols and sections of all inputs. `None` too if
/// we cannot read it.
pub(super) fn named_inputs(text: &[u8]) -> Option<Vec<OsString>> {
    let mut tokens = Tokens(text);
    let mut words = Vec::new();
    while let Some(command) = tokens.next()? {
        match command {
            b";" => {}
            b"INPUT" | b"GROUP" => {
                for name in tokens.list()? {
                    words.push(OsString::from_vec(name.to_vec()));
                }
            }
            b"SEARCH_DIR" => {
                for directory in tokens.list()? {
                    words.push(OsString::from_vec([b"-L", directory].concat()));
                }
            }
            // Linkers know the format of ELF inputs by themselves.
            b"OUTPUT_FORMAT" | b"TARGET" => {
                tokens.list()?;
            }
            _ => return None,
        }
    }
    Some(words)
}

/// The rest of a script.
struct Tokens<'a>(&'a [u8]);

impl<'a> Tokens<'a> {
    /// The next word or punctuation mark, without quotes, or nothing at the end of the script.
    /// `None` if the script ends within a comment or quotes.
    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        loop {
            self.0 = self.0.trim_ascii_start();
            match self.0.strip_prefix(b"/*") {
                Some(comment) => {
                    let end = comment.windows(2).position(|bytes| bytes == b"*/")?;
                    self.0 = &comment[end + 2..];
                }
                None => break,
            }
        }
        let (token, rest) = match self.0 {
            [] => return Some(None),
            [b'"', quoted @ ..] => {
                let end = quoted.iter().position(|byte| *byte == b'"')?;
                (&quoted[..end], &quoted[end + 1..])
            }
            [b'(' | b')' | b',' | b';', ..] => self.0.split_at(1),
            text => {
                let ends_word = |byte: &u8| byte.is_ascii_whitespace() || b"(),;\"".contains(byte);
                let end = text.iter().position(ends_word);
                text.split_at(end.unwrap_or(text.len()))
            }
        };
        self.0 = rest;
        Some(Some(token))
    }

    /// The words of a list in parentheses, and of lists of `AS_NEEDED` in it.
    fn list(&mut self) -> Option<Vec<&'a [u8]>> {
        let mut words = Vec::new();
        let mut depth = 0;
        loop {
            match self.next()?? {
                b"(" => depth += 1,
                b")" => depth -= 1,
                _ if depth == 0 => return None,
                b"," | b"AS_NEEDED" => {}
                word => words.push(word),
            }
            if depth == 0 {
                return Some(words);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[&str]>) {
        let words = named_inputs(text.as_bytes());
        let words = words
            .as_ref()
            .map(|words| words.iter().map(|word| word.to_str().unwrap()).collect());
        assert_eq!(words, expected.map(<[&str]>::to_vec), "{text}");
    }

    #[test]
    fn inputs_of_a_script_are_read() {
        // Debian 12.
        check(
            "/* GNU ld script\n   Use the shared library, but some functions are only in\n   the \
             static library, so try that secondarily.  */\n\
             OUTPUT_FORMAT(elf64-x86-64)\n\
             GROUP ( /lib/x86_64-linux-gnu/libc.so.6 /usr/lib/x86_64-linux-gnu/libc_nonshared.a  \
             AS_NEEDED ( /lib64/ld-linux-x86-64.so.2 ) )\n",
            Some(&[
                "/lib/x86_64-linux-gnu/libc.so.6",
                "/usr/lib/x86_64-linux-gnu/libc_nonshared.a",
                "/lib64/ld-linux-x86-64.so.2",
            ]),
        );
        check("INPUT(-ltinfo, \"a b.o\");", Some(&["-ltinfo", "a b.o"]));
        check("SEARCH_DIR(/a/b) TARGET(x) INPUT( )", Some(&["-L/a/b"]));
        check(" /**/ ", Some(&[]));
    }

    #[test]
    fn scripts_that_do_more_are_told() {
        for text in [
            "now = fast_now;",
            "now=fast_now;",
            "INPUT(-lc) PROVIDE(now = fast_now);",
            "/* INPUT */ ASSERT(1, \"no\")",
            "VERSION { V1 { local: *; }; }",
            "SECTIONS { .a : { *(.a.*) } } INSERT AFTER .data;",
            "ENTRY(start)",
            "EXTERN(now)",
            "MEMORY { ram : ORIGIN = 0, LENGTH = 1 }",
            "PHDRS { a PT_LOAD; }",
            "INCLUDE other.ld",
            "STARTUP(a.o)",
            "INPUT -lc",
            "INPUT(-lc",
            "INPUT",
            "INPUT(\"-lc)",
            "/* INPUT(-lc)",
            "some text",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([(),;\" a]|/\\*|\\*/|INPUT|GROUP|AS_NEEDED){0,12}") {
            let _ = named_inputs(text.as_bytes());
        }
    }
}
