//! How many threads a group job may use, of itself and of the linker.
//!
//! Cargo runs a job for each token of its jobserver, and rustc takes further ones for its
//! threads. A job has one token for itself. Where it used more threads than that, it would take
//! the processors from the compilers beside it, so each thread beyond the first takes a token
//! that is free, and gives it back.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread::available_parallelism;

use jobserver::Client;

use crate::line::syntax::{Reader, Syntax, names_option};
use crate::record::manifest::LinkTemplate;
use crate::system::tokens::{Token, Tokens};

/// From where threads are taken.
#[derive(Debug, Clone)]
pub struct Threads {
    processors: usize,
    tokens: Option<Tokens>,
}

impl Threads {
    /// Threads for which tokens of this jobserver are free, at most one for each processor.
    /// Without a jobserver, one for each processor.
    pub fn new(client: Option<Client>) -> Threads {
        let processors = available_parallelism().map_or(1, usize::from);
        Threads::with_processors(client, processors)
    }

    /// Like [`Threads::new`], for so many processors instead of those that the system has.
    pub fn with_processors(client: Option<Client>, processors: usize) -> Threads {
        Threads {
            processors,
            tokens: client.map(Tokens::of),
        }
    }

    /// Takes threads for work that so many could share, as many as are free now.
    pub fn take(&self, up_to: usize) -> Taken {
        let others = up_to.min(self.processors).saturating_sub(1);
        let mut tokens = Vec::new();
        let others = match &self.tokens {
            Some(free) => {
                tokens.extend((0..others).map_while(|_| free.take()));
                tokens.len()
            }
            None => others,
        };
        Taken {
            threads: 1 + others,
            _tokens: tokens,
        }
    }
}

/// Threads that were taken. They are given back when this is dropped.
#[derive(Debug)]
pub struct Taken {
    threads: usize,
    _tokens: Vec<Token>,
}

impl Taken {
    /// How many threads the work may use: at least one, its own.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The option that has the linker use so many threads. `None` where the linker is not known
    /// to have one, or where the line has a number of its own.
    ///
    /// lld has it since version 11, mold 1.10 and wild too. GNU ld uses one thread, and so does
    /// gold unless it is told `--threads`.
    pub fn linker_option(&self, template: &LinkTemplate) -> Option<OsString> {
        let takes_number = linker_name(template).is_some_and(takes_thread_count);
        (takes_number && !template.args().any(|arg| sets_threads(arg)))
            .then(|| format!("--threads={}", self.threads).into())
    }
}

/// The file name of the linker, as far as the line says which one the driver calls.
fn linker_name(template: &LinkTemplate) -> Option<&OsStr> {
    let args: Vec<OsString> = template.args().cloned().collect();
    if Syntax::of(&args).reader == Reader::Linker {
        return template.linker.file_name();
    }
    let value = |option: &str| {
        let values = template.args().filter_map(move |arg| {
            let value = arg.as_bytes().strip_prefix(option.as_bytes())?;
            Path::new(OsStr::from_bytes(value)).file_name()
        });
        values.last()
    };
    // Clang's option for the whole path goes before the other.
    value("--ld-path=").or_else(|| value("-fuse-ld="))
}

/// Whether the linker is lld, as far as the line says.
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

/// Whether an argument, of the driver or the linker, says how many threads to use.
fn sets_threads(arg: &OsStr) -> bool {
    const OPTIONS: [&[u8]; 3] = [b"threads", b"no-threads", b"thread-count"];
    names_option(arg, &OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(tokens: usize) -> Client {
        Client::new(tokens).unwrap()
    }

    #[test]
    fn without_a_jobserver_processors_are_the_limit() {
        let threads = Threads::with_processors(None, 4);
        for (up_to, expected) in [(0, 1), (1, 1), (3, 3), (9, 4)] {
            assert_eq!(threads.take(up_to).threads(), expected);
        }
        assert_eq!(Threads::with_processors(None, 0).take(2).threads(), 1);
        assert!(Threads::new(None).take(1000).threads() >= 1);
    }

    #[test]
    fn threads_beyond_the_first_are_tokens() {
        let client = client(3);
        let threads = Threads::with_processors(Some(client.clone()), 8);
        let first = threads.take(3);
        assert_eq!(first.threads(), 3);
        assert_eq!(client.available().unwrap(), 1);
        let second = threads.take(8);
        assert_eq!(second.threads(), 2);
        assert_eq!(threads.take(8).threads(), 1);
        drop(first);
        assert_eq!(client.available().unwrap(), 2);
        drop(second);
        assert_eq!(client.available().unwrap(), 3);
        assert_eq!(threads.take(1).threads(), 1);
        assert_eq!(
            Threads::with_processors(Some(client), 2).take(8).threads(),
            2
        );
    }

    /// The option for a line of `linker` with these arguments, for three threads.
    fn option(linker: &str, args: &str) -> Option<String> {
        let template = LinkTemplate {
            linker: linker.into(),
            before: args.split_whitespace().map(OsString::from).collect(),
            after: vec!["-lc".into()],
            builtins: Vec::new(),
            builtin_definitions: Default::default(),
            platform_libraries: Vec::new(),
            packs_relocations: false,
        };
        let taken = Threads::with_processors(None, 3).take(3);
        let option = taken.linker_option(&template)?;
        Some(option.into_string().unwrap())
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
