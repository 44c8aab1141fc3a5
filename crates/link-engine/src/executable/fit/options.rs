//! Linker options that concern all libraries of a program.
//!
//! Most options concern the executable alone. Some change symbols or sections in all libraries, and
//! groups were linked earlier and without these options.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::executable::groups::Group;
use crate::executable::unfit::{Definer, Unfit};
use crate::finish::private::shows_symbols;
use crate::line::inputs::Inputs;
use crate::line::words::Word;

/// Checks that groups that were linked without the options on a line fit an executable with them.
///
/// # Errors
/// The option because of which they do not.
pub(crate) fn check(words: &[Word]) -> Result<(), Unfit> {
    for (index, word) in words.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| &words[index]);
        if rebinds_symbols(word) || gives_symbols(before, word) {
            let link_arg = word.link_arg();
            return Err(Unfit::Rebound { link_arg });
        }
        if brings_script(word) {
            let link_arg = word.link_arg();
            return Err(Unfit::Scripted { link_arg });
        }
    }
    Ok(())
}

/// Checks that no input is a linker script that may decide about groups too.
///
/// # Errors
/// The link arg that brings the script.
pub(crate) fn check_inputs(inputs: &Inputs) -> Result<(), Unfit> {
    match inputs.script.clone() {
        Some(link_arg) => Err(Unfit::Scripted { link_arg }),
        None => Ok(()),
    }
}

/// The functions that linkers have the loader call without an option: the first one of the program,
/// and those before and after all others (ELF gABI, "Initialization and Termination Functions"; GNU
/// ld, `-init`, `-fini`). The C library usually defines them in objects of its own.
const CALLED_BY_DEFAULT: [&str; 3] = ["_start", "_init", "_fini"];

/// Checks that no group defines a function that the linker or an option has the loader call: the
/// first one of the program, or one before or after all others. Linkers take these from the
/// executable alone, and some do not even warn if they find none.
pub(in crate::executable) fn check_called(words: &[Word], groups: &[Group]) -> Result<(), Unfit> {
    let definer = |symbol: &str| {
        let mut members = groups.iter().flat_map(|group| &group.object.members);
        let definer = members.find(|member| member.unmangled_definitions.contains(symbol))?;
        Some(Definer::Member(definer.name.clone()))
    };
    for (word, symbol) in called(words) {
        if let Some(definer) = definer(symbol) {
            return Err(Unfit::Called {
                symbol: symbol.to_owned(),
                definer,
                link_arg: word.link_arg(),
            });
        }
    }
    for symbol in CALLED_BY_DEFAULT {
        if let Some(definer) = definer(symbol) {
            let symbol = symbol.to_owned();
            return Err(Unfit::OfTheExecutable { symbol, definer });
        }
    }
    Ok(())
}

/// The options that name such a function, each with the name.
fn called(words: &[Word]) -> impl Iterator<Item = (&Word, &str)> {
    words.iter().enumerate().filter_map(|(index, word)| {
        let symbol = match word.option() {
            b"-init" | b"--init" | b"-fini" | b"--fini" | b"-e" | b"-entry" | b"--entry" => {
                value(words, index)?
            }
            _ => word.word.to_str()?.strip_prefix("-e")?,
        };
        Some((word, symbol))
    })
}

/// The value of the option at `index`: in the same word, or the next one.
fn value(words: &[Word], index: usize) -> Option<&str> {
    match words[index].word.to_str()?.split_once('=') {
        Some((_, value)) => Some(value),
        None => words.get(index + 1)?.word.to_str(),
    }
}

/// The option that shows symbols of libraries of the program to what it loads later, if there is one
/// and no other option hides those of all libraries.
pub(crate) fn showing(words: &[Word]) -> Option<String> {
    let showing = words.iter().find(|word| shows_symbols(&word.word));
    showing.filter(|_| !excludes_all(words)).map(Word::link_arg)
}

/// Whether an option hides the symbols of all libraries (ld, `--exclude-libs`).
fn excludes_all(words: &[Word]) -> bool {
    words.iter().enumerate().any(|(index, word)| {
        long_name(word) == Some(b"exclude-libs") && value(words, index) == Some("ALL")
    })
}

/// Whether an option redirects references to a symbol, in whichever library they are, or replaces
/// an input.
fn rebinds_symbols(word: &Word) -> bool {
    const OPTIONS: [&[u8]; 5] = [
        b"wrap",
        b"defsym",
        b"just-symbols",
        b"remap-inputs",
        b"remap-inputs-file",
    ];
    long_name(word).is_some_and(|name| OPTIONS.contains(&name))
}

/// The name of an option, which may be behind one dash or two.
fn long_name(word: &Word) -> Option<&[u8]> {
    let option = word.option();
    option.strip_prefix(b"--").or(option.strip_prefix(b"-"))
}

/// Whether a word is a file whose symbols the linker takes as they are: with a file, GNU ld takes
/// `-R` for `--just-symbols`, and with a directory for `-rpath`.
fn gives_symbols(before: Option<&Word>, word: &Word) -> bool {
    let bytes = word.word.as_bytes();
    let file = match before {
        Some(before) if before.word == "-R" => Some(bytes),
        _ => bytes.strip_prefix(b"-R"),
    };
    file.is_some_and(|file| Path::new(OsStr::from_bytes(file)).is_file())
}

/// Whether an option brings a linker script.
///
/// A script decides about the sections of all inputs, by any names, so it might gather sections
/// that are in groups. It may also define symbols.
fn brings_script(word: &Word) -> bool {
    /// Options that set addresses of sections or segments in the executable, which do not matter to
    /// groups.
    const ADDRESSES: [&[u8]; 6] = [
        b"-Ttext",
        b"-Tdata",
        b"-Tbss",
        b"-Ttext-segment",
        b"-Trodata-segment",
        b"-Tldata-segment",
    ];
    const OPTIONS: [&[u8]; 6] = [
        b"script",
        b"dT",
        b"default-script",
        b"c",
        b"mri-script",
        // GNU ld reads the file as a script. With gold, it only orders sections.
        b"section-ordering-file",
    ];
    let option = word.option();
    let is_short = option.starts_with(b"-T") && !ADDRESSES.contains(&option);
    is_short || long_name(word).is_some_and(|name| OPTIONS.contains(&name))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::line::words::words;

    fn line(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[track_caller]
    fn check_line(args: &[&str], expected: Option<&str>) {
        let refused = check(&words(&line(args)).unwrap());
        let expected = expected.map(str::to_owned);
        assert_eq!(refused.err().map(|reason| reason.to_string()), expected);
    }

    #[test]
    fn words_are_read_wherever_they_stand() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("inner"), "--wrap=getenv '-z' \"a b\"").unwrap();
        std::fs::write(path("outer"), format!("-O1 @{}", path("inner"))).unwrap();
        let outer = format!("-Wl,--as-needed,@{}", path("outer"));
        let inner = format!("@{}", path("inner"));
        let args = line(&["-rdynamic", &outer, "-Xlinker", &inner, "-Wl,@no-such-file"]);
        let words = words(&args).unwrap();
        let text: Vec<_> = words
            .iter()
            .map(|word| word.word.to_str().unwrap())
            .collect();
        let expected =
            "-rdynamic|--as-needed|-O1|--wrap=getenv|-z|a b|--wrap=getenv|-z|a b|@no-such-file";
        assert_eq!(text.join("|"), expected);
        let link_arg = format!("--wrap=getenv ({outer})");
        assert_eq!(check(&words), Err(Unfit::Rebound { link_arg }));
        assert_eq!(showing(&words).as_deref(), Some("-rdynamic"));
    }

    #[test]
    fn an_option_that_hides_all_libraries_counts() {
        for (args, expected) in [
            (&["-rdynamic", "-Wl,--exclude-libs,libgcc.a"][..], true),
            (&["-rdynamic", "-Wl,--exclude-libs,ALL"], false),
            (&["-Wl,--exclude-libs=ALL,-E"], false),
            (
                &["-Xlinker", "--exclude-libs", "-Xlinker", "ALL", "-rdynamic"],
                false,
            ),
        ] {
            let words = words(&line(args)).unwrap();
            assert_eq!(showing(&words).is_some(), expected, "{args:?}");
        }
    }

    #[test]
    fn functions_that_the_loader_calls_are_told() {
        let args = line(&[
            "-Wl,-init=one",
            "-Wl,--fini,two",
            "-e",
            "three",
            "-Wl,-efour",
            "-Wl,--entry=five",
            "-Wl,--eh-frame-hdr",
            "-o",
            "out",
        ]);
        let words = words(&args).unwrap();
        let called: Vec<&str> = called(&words).map(|(_, symbol)| symbol).collect();
        assert_eq!(called, ["one", "two", "three", "four", "five"]);
    }

    #[test]
    fn what_changes_all_libraries_is_refused() {
        let file = std::env::current_exe().unwrap();
        let file = file.display();
        for arg in [
            "-Wl,--wrap=malloc",
            "-Wl,-O1,--wrap,malloc",
            "-Wl,--defsym=a=b",
            "--wrap=malloc",
            "-Wl,--just-symbols=a.out",
            "-Wl,--remap-inputs=a.o=b.o",
            "-Wl,--remap-inputs-file,replaced",
            &format!("-Wl,-R,{file}"),
            &format!("-R{file}"),
        ] {
            let expected = format!(
                "the link arg `{arg}` is for all libraries, and groups are linked without it"
            );
            check_line(&["-o", "out", arg], Some(&expected));
        }
        for arg in [
            "-wrapper",
            "-Wl,--warn-once",
            "-Wl,-rpath,/--wrap/x",
            "-Wl,-R,/",
        ] {
            check_line(&[arg], None);
        }
    }

    #[test]
    fn scripts_are_told_from_addresses() {
        for args in [
            &["-T", "x.ld"][..],
            &["-Tx.ld"],
            &["-Wl,-T,x.ld"],
            &["-Xlinker", "--script=x.ld"],
            &["-Wl,-dT,x.ld"],
            &["-Wl,-c,x.mri"],
            &["-Wl,--mri-script=x.mri"],
            &["-Wl,--section-ordering-file,order"],
        ] {
            let refused = check(&words(&line(args)).unwrap());
            assert!(matches!(refused, Err(Unfit::Scripted { .. })), "{args:?}");
        }
        for args in [
            &["-Ttext-segment=0x1000000"][..],
            &["-Wl,-Tbss,0x1000"],
            &["-Wl,-call_shared"],
            &["no-such-file", "-t", "--trace"],
        ] {
            assert_eq!(check(&words(&line(args)).unwrap()), Ok(()), "{args:?}");
        }
    }
}
