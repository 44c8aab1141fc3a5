//! The flags for code generation and linking on rustc's command line.
//!
//! The flags come from RUSTFLAGS, config files, profiles and `cargo rustc --`, in any of the
//! spellings that rustc takes. This module reads them once into keys and values, and then answers
//! questions about their meaning. So no other place has to know that `-C prefer_dynamic`,
//! `-Cprefer-dynamic=yes` and `--codegen=prefer-dynamic=on` are the same.
//!
//! The rules are rustc's: `-` and `_` are the same in a key, the last value of a key wins, and the
//! keys that gather values (`link-arg`, `link-args`, `target-feature`, `sanitizer`) keep all of
//! them. Checked against rustc 1.95.
//!
//! Left out on purpose: `@file` arguments, since reading one is I/O; and values that rustc rejects,
//! since its message is better than ours would be.

use std::ffi::{OsStr, OsString};

/// The keys that decide which linker runs, and how.
///
/// `linker-features` was an unstable option before it became a codegen option.
const LINK_KEYS: [(Namespace, &str); 7] = [
    (Namespace::Codegen, "linker"),
    (Namespace::Codegen, "linker-flavor"),
    (Namespace::Codegen, "linker-features"),
    (Namespace::Codegen, "link-self-contained"),
    (Namespace::Codegen, "panic"),
    (Namespace::Unstable, "linker-features"),
    (Namespace::Unstable, "unstable-options"),
];

/// Beginnings of link args that choose or set up the linker, with their value in the same word.
///
/// All other link args, except [`SHOW_ALL`], decide what is in the executable, or its form. They
/// are for the executable alone: a library named there would otherwise be in each group again.
const LINKER_CHOICES: [&str; 12] = [
    "-fuse-ld=",
    "--ld-path=",
    "--target=",
    "--sysroot=",
    "--gcc-toolchain=",
    "--gcc-install-dir=",
    "--config=",
    "-specs=",
    "--specs=",
    "-B",
    "-L",
    "-m",
];

/// The same with the value in the next word (GCC, "Directory Options"; Clang, "Cross-compilation
/// using Clang").
const LINKER_CHOICES_OF_TWO_WORDS: [&str; 7] = [
    "-target",
    "--target",
    "--sysroot",
    "-gcc-toolchain",
    "--config",
    "-B",
    "-L",
];

/// Link args by which an executable or a group shows all its symbols to libraries that the program
/// loads, in the form in which a driver takes them in one word.
const SHOW_ALL: [&str; 3] = ["-rdynamic", "-Wl,--export-dynamic", "-Wl,-E"];

/// The `-C` and `-Z` flags of one rustc command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodegenFlags {
    /// In the order of the command line.
    flags: Vec<Flag>,
}

/// The flags with which a group is linked as the user links an executable. They decide which linker
/// runs and how, where it looks for native libraries, and which panic runtime is linked. They come
/// in their order, each as the two arguments `-C`, `key=value` (or `-Z`; or `-L`, and a directory).
pub fn link_flags(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Vec<OsString> {
    let args: Vec<OsString> = args
        .into_iter()
        .map(|arg| arg.as_ref().to_owned())
        .collect();
    let flags = CodegenFlags::parse(&args);
    let link_args = linker_choices(flags.link_args());
    flags
        .flags
        .iter()
        .filter(|flag| LINK_KEYS.contains(&(flag.namespace, flag.key.as_str())))
        .flat_map(Flag::to_args)
        .chain(
            link_args
                .into_iter()
                .flat_map(|arg| ["-C".into(), format!("link-arg={arg}").into()]),
        )
        .chain(native_search_paths(&args).flat_map(|path| ["-L".into(), path.into()]))
        .collect()
}

/// Those of these link args that choose or set up the linker, or show symbols. With
/// `--exclude-libs`, an executable shows no symbols of its libraries (GNU ld).
fn linker_choices(link_args: Vec<&str>) -> Vec<&str> {
    let shows = !link_args.iter().any(|arg| arg.contains("-exclude-libs"));
    let mut chosen = Vec::new();
    let mut args = link_args.into_iter().peekable();
    while let Some(arg) = args.next() {
        let mut choices = LINKER_CHOICES.iter();
        let has_value = choices.any(|choice| arg.len() > choice.len() && arg.starts_with(choice));
        if has_value || shows && SHOW_ALL.contains(&arg) {
            chosen.push(arg);
        } else if LINKER_CHOICES_OF_TWO_WORDS.contains(&arg)
            && let Some(value) = args.next_if(|value| !value.starts_with('-'))
        {
            chosen.extend([arg, value]);
        }
    }
    chosen
}

/// The values of `-L` in which the linker looks for native libraries.
fn native_search_paths(args: &[OsString]) -> impl Iterator<Item = &str> {
    let mut args = args.iter();
    let values = std::iter::from_fn(move || {
        loop {
            let arg = args.next()?.to_str().unwrap_or_default();
            match arg.strip_prefix("-L") {
                Some("") => return args.next()?.to_str(),
                Some(value) => return Some(value),
                None => {}
            }
        }
    });
    values.filter(|value| {
        let kind = value.split_once('=').map(|(kind, _)| kind);
        !matches!(kind, Some("crate" | "dependency" | "framework"))
    })
}

impl CodegenFlags {
    /// Reads a command line, and passes over arguments that are neither `-C` nor `-Z` flags.
    ///
    /// It also passes over arguments that are not Unicode, since rustc accepts none.
    pub fn parse(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> CodegenFlags {
        let mut flags = Vec::new();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let Some((namespace, text)) = arg.as_ref().to_str().and_then(split_option) else {
                continue;
            };
            if !text.is_empty() {
                flags.push(Flag::parse(namespace, text));
            } else if let Some(text) = args.next().as_ref().and_then(|arg| arg.as_ref().to_str()) {
                flags.push(Flag::parse(namespace, text));
            }
        }
        CodegenFlags { flags }
    }

    /// The linker that the user chose: a path, or a name to be looked up in `PATH`.
    pub fn linker(&self) -> Option<&OsStr> {
        self.codegen_value("linker").map(OsStr::new)
    }

    /// The link args given by the user, in order; `link-args` is split at white space.
    pub fn link_args(&self) -> Vec<&str> {
        let mut link_args = Vec::new();
        for flag in self.in_namespace(Namespace::Codegen) {
            match (flag.key.as_str(), &flag.value) {
                ("link-arg", Some(value)) => link_args.push(value.as_str()),
                ("link-args", Some(value)) => link_args.extend(value.split_whitespace()),
                _ => {}
            }
        }
        link_args
    }

    /// Whether the crates of a link are optimised together (`-C lto`, fat or thin).
    pub fn lto(&self) -> bool {
        self.is_on("lto")
    }

    /// Whether the linker does the link-time optimisation (`-C linker-plugin-lto`).
    pub fn linker_plugin_lto(&self) -> bool {
        self.is_on("linker-plugin-lto")
    }

    /// Whether rustc is to take the `dylib` form of a crate where both forms exist.
    pub fn prefer_dynamic(&self) -> bool {
        self.is_on("prefer-dynamic")
    }

    /// Whether the files of a link are to stay (`-C save-temps`).
    pub fn save_temps(&self) -> bool {
        self.is_on("save-temps")
    }

    /// Whether the code counts for coverage reports (`-C instrument-coverage`).
    pub fn instrument_coverage(&self) -> bool {
        // The only switch whose "no" may also be written `0`.
        self.is_on("instrument-coverage") && self.codegen_value("instrument-coverage") != Some("0")
    }

    /// Whether the code gathers a profile (`-C profile-generate`, whose value is a directory).
    pub fn profile_generate(&self) -> bool {
        self.last("profile-generate").is_some()
    }

    /// The sanitizers that the code is instrumented for, as given.
    pub fn sanitizers(&self) -> Vec<&str> {
        // `-Z` while unstable; a stable spelling would move to `-C`, as options do.
        self.flags
            .iter()
            .filter(|flag| flag.key == "sanitizer")
            .filter_map(|flag| flag.value.as_deref())
            .flat_map(|value| value.split(','))
            .collect()
    }

    /// The panic strategy, if one is chosen.
    pub fn panic(&self) -> Option<&str> {
        self.codegen_value("panic")
    }

    /// The relocation model, if one is chosen.
    pub fn relocation_model(&self) -> Option<&str> {
        self.codegen_value("relocation-model")
    }

    /// Whether the flags ask for a static C library (`-C target-feature=+crt-static`).
    ///
    /// `-crt-static` does not take it back: rustc looks for the plus form first, wherever it
    /// stands.
    pub fn crt_static(&self) -> bool {
        self.in_namespace(Namespace::Codegen)
            .filter(|flag| flag.key == "target-feature")
            .filter_map(|flag| flag.value.as_deref())
            .flat_map(|value| value.split(','))
            .any(|feature| feature == "+crt-static")
    }

    fn in_namespace(&self, namespace: Namespace) -> impl DoubleEndedIterator<Item = &Flag> {
        self.flags
            .iter()
            .filter(move |flag| flag.namespace == namespace)
    }

    fn last(&self, key: &str) -> Option<&Flag> {
        self.in_namespace(Namespace::Codegen)
            .rfind(|flag| flag.key == key)
    }

    fn codegen_value(&self, key: &str) -> Option<&str> {
        self.last(key)?.value.as_deref()
    }

    /// A switch is on unless its value is one of rustc's words for "no".
    fn is_on(&self, key: &str) -> bool {
        self.last(key).is_some_and(|flag| {
            !matches!(flag.value.as_deref(), Some("n" | "no" | "off" | "false"))
        })
    }
}

/// Which list of options a key belongs to; the two share some keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Namespace {
    /// `-C`, `--codegen`.
    Codegen,
    /// `-Z`.
    Unstable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Flag {
    namespace: Namespace,
    /// With `-`, never `_`.
    key: String,
    value: Option<String>,
}

impl Flag {
    fn parse(namespace: Namespace, text: &str) -> Flag {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        Flag {
            namespace,
            key: key.replace('_', "-"),
            value,
        }
    }

    fn to_args(&self) -> [OsString; 2] {
        let option = match self.namespace {
            Namespace::Codegen => "-C",
            Namespace::Unstable => "-Z",
        };
        let text = match &self.value {
            Some(value) => format!("{}={value}", self.key),
            None => self.key.clone(),
        };
        [option.into(), text.into()]
    }
}

/// Splits `-Ckey` or `--codegen=key` after the option; the rest is empty when the key is in the
/// next argument.
fn split_option(arg: &str) -> Option<(Namespace, &str)> {
    if let Some(text) = arg.strip_prefix("-C") {
        Some((Namespace::Codegen, text))
    } else if let Some(text) = arg.strip_prefix("-Z") {
        Some((Namespace::Unstable, text))
    } else if arg == "--codegen" {
        Some((Namespace::Codegen, ""))
    } else {
        let text = arg.strip_prefix("--codegen=")?;
        Some((Namespace::Codegen, text))
    }
}

#[cfg(test)]
mod tests;
