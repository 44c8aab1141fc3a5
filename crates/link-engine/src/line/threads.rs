//! The number of threads of a linker.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::syntax::{Reader, names_option};
use super::template::LinkTemplate;

/// The option that has the linker use so many threads. `None` if we do not know the option of the
/// linker, or if the line has a number of its own.
///
/// lld has it since version 11, mold 1.10 and wild too. GNU ld uses one thread, and so does
/// gold unless it is told `--threads`.
pub(crate) fn threads_option(template: &LinkTemplate, threads: usize) -> Option<OsString> {
    let takes_number = linker_name(template).is_some_and(takes_thread_count);
    (takes_number && !template.args().any(|arg| sets_threads(arg)))
        .then(|| format!("--threads={threads}").into())
}

/// The file name of the linker, if the line says which one the driver calls.
fn linker_name(template: &LinkTemplate) -> Option<&OsStr> {
    let args: Vec<OsString> = template.args().cloned().collect();
    if Reader::of(&args) == Reader::Linker {
        return template.linker.file_name();
    }
    let value = |option: &str| {
        let values = template.args().filter_map(move |arg| {
            let value = arg.as_bytes().strip_prefix(option.as_bytes())?;
            Path::new(OsStr::from_bytes(value)).file_name()
        });
        values.last()
    };
    // Clang's option for the whole path takes precedence.
    value("--ld-path=").or_else(|| value("-fuse-ld="))
}

/// Whether the line says that the linker is lld.
pub(crate) fn is_lld(template: &LinkTemplate) -> bool {
    let name = linker_name(template);
    name.is_some_and(|name| {
        let mut words = name.as_bytes().split(|byte| b".-".contains(byte));
        words.any(|word| word == b"lld")
    })
}

/// Whether a linker of this name has `--threads=<number>`: `ld.lld`, `lld-19`, `rust-lld`, …
fn takes_thread_count(linker: &OsStr) -> bool {
    let mut words = linker.as_bytes().split(|byte| b".-".contains(byte));
    words.any(|word| [&b"lld"[..], b"mold", b"wild"].contains(&word))
}

/// Whether an argument, of the driver or the linker, sets the number of threads.
fn sets_threads(arg: &OsStr) -> bool {
    const OPTIONS: [&[u8]; 3] = [b"threads", b"no-threads", b"thread-count"];
    names_option(arg, &OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::for_tests::{template, words};

    /// The option for a line of `linker` with these arguments, for three threads.
    fn option(linker: &str, args: &str) -> Option<String> {
        let template = LinkTemplate {
            linker: linker.into(),
            before: words(args),
            ..template()
        };
        Some(threads_option(&template, 3)?.into_string().unwrap())
    }

    #[test]
    fn linkers_with_a_number_of_threads_are_told() {
        const DRIVER: &str = "-m64 -Wl,--as-needed -Wl,--eh-frame-hdr ";
        for (linker, args) in [
            ("cc", format!("{DRIVER} -B/s/gcc-ld -fuse-ld=lld")),
            ("cc", format!("{DRIVER} -fuse-ld=bfd -fuse-ld=mold")),
            ("clang", format!("{DRIVER} -fuse-ld=/opt/ld.lld-19")),
            ("clang", format!("{DRIVER} -fuse-ld=bfd --ld-path=/a/wild")),
            ("/s/rust-lld", "-flavor gnu --as-needed".to_owned()),
            ("mold", "--as-needed --eh-frame-hdr".to_owned()),
        ] {
            let option = option(linker, &args);
            assert_eq!(option.as_deref(), Some("--threads=3"), "{linker} {args}");
        }
        for (linker, args) in [
            ("cc", DRIVER.to_owned()),
            ("/lld/cc", format!("{DRIVER} -B/usr/libexec/mold")),
            ("cc", format!("{DRIVER} -fuse-ld=lld -fuse-ld=gold")),
            ("cc", format!("{DRIVER} -fuse-ld=lld -Wl,-O1,--threads=1")),
            (
                "cc",
                format!("{DRIVER} -fuse-ld=mold -Xlinker --no-threads"),
            ),
            ("wild", "--as-needed --thread-count 2".to_owned()),
            ("ld", "--as-needed --eh-frame-hdr".to_owned()),
        ] {
            assert_eq!(option(linker, &args), None, "{linker} {args}");
        }
    }
}
