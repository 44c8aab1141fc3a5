//! Whether a final unit can use groups, and if not, why.
//!
//! The answer is given while the build is planned, before Cargo computes hashes: a final unit that
//! turns out to be unfit only when it is linked would have been hashed, and made to wait for its
//! groups, as what it is not. So only what is known by then is asked: the platform, the profile,
//! the flags of rustc and the crates of the graph. What only the bytes of an rlib can tell is the
//! engine's to find, and keeps one crate out of a group instead of the whole final unit.
//!
//! A reason is a value, so that a caller can warn once for many final units, or make an error of it
//! when dynamic deps were asked for on the command line.
//!
//! [`CASES`] is all there is: [`check_support`] goes through it, and the table in the README is
//! written from it (`cargo xtask docs`). So no case can be missing in the documentation, and what
//! stands there is what a build says.
//!
//! Fit although it may look otherwise: `profile-use`, which changes code but brings no runtime;
//! `link-dead-code`, since a group is linked as a whole archive anyway; LTO within each crate
//! (`lto = false`), which leaves ordinary objects behind.

use thiserror::Error;

use crate::run_path::Format;
use crate::rustc_flags::CodegenFlags;

const HELP_PLATFORM: &str =
    "pass `--no-dynamic-deps` when building for this platform; Linux with glibc is supported";
const HELP_PROCESSOR: &str = "pass `--no-dynamic-deps` when building for this platform; x86_64, \
     aarch64, riscv64, arm and s390x are supported";
const HELP_GNU: &str = "build for a `linux-gnu` target triple without \
     `-C target-feature=+crt-static`, or pass `--no-dynamic-deps`";

/// Ends of target triples whose code is instrumented by default, and by what. rustc tells it in
/// the cfg `sanitize` too, but only where unstable features are allowed (rustc 1.95).
const SANITIZER_SUFFIXES: [(&str, &str); 3] = [
    ("-gnuasan", "address"),
    ("-gnumsan", "memory"),
    ("-gnutsan", "thread"),
];

/// The processors on which groups were linked and run, as `rustc --print cfg` tells them:
/// architecture, width of a pointer and order of bytes. Another mode of one of them, such as x32, has
/// relocations of its own. `processors.rs` of the engine's tests tries all of them but the first, on
/// which everything else was tried.
const PROCESSORS: [(&str, &str, &str); 5] = [
    ("x86_64", "64", "little"),
    ("aarch64", "64", "little"),
    ("riscv64", "64", "little"),
    ("arm", "32", "little"),
    ("s390x", "64", "big"),
];

/// What is known about a platform from `rustc --print cfg`, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetCfg {
    /// The target triple, or the name of a target specification file; for messages only.
    pub triple: String,
    /// `target_arch`.
    pub arch: String,
    /// `target_pointer_width`, in bits.
    pub pointer_width: String,
    /// `target_endian`: `little` or `big`.
    pub endian: String,
    /// `target_vendor`.
    pub vendor: String,
    /// `target_os`.
    pub os: String,
    /// `target_env`, empty where there is no choice of C library.
    pub env: String,
    /// Whether `target_feature="crt-static"` is set, by the platform or by flags.
    pub crt_static: bool,
    /// Whether `miri` is set: the compiler is Miri, which makes no object code.
    pub miri: bool,
    /// The sanitizers that all code for the platform is instrumented for, without a flag.
    pub sanitizers: Vec<String>,
}

/// One line of `rustc --print cfg`: a name, and a value if it has one.
pub type CfgEntry<'a> = (&'a str, Option<&'a str>);

impl TargetCfg {
    /// Picks what matters from the cfg of a platform: names alone (`unix`) or with a value
    /// (`target_os="linux"`).
    pub fn new<'a>(
        triple: impl Into<String>,
        cfg: impl IntoIterator<Item = CfgEntry<'a>>,
    ) -> TargetCfg {
        let mut target_cfg = TargetCfg {
            triple: triple.into(),
            ..TargetCfg::default()
        };
        for (suffix, sanitizer) in SANITIZER_SUFFIXES {
            if target_cfg.triple.ends_with(suffix) {
                target_cfg.sanitizers.push(sanitizer.to_owned());
            }
        }
        for entry in cfg {
            match entry {
                ("target_arch", Some(value)) => target_cfg.arch = value.to_owned(),
                ("target_pointer_width", Some(value)) => {
                    target_cfg.pointer_width = value.to_owned();
                }
                ("target_endian", Some(value)) => target_cfg.endian = value.to_owned(),
                ("target_vendor", Some(value)) => target_cfg.vendor = value.to_owned(),
                ("target_os", Some(value)) => target_cfg.os = value.to_owned(),
                ("target_env", Some(value)) => target_cfg.env = value.to_owned(),
                ("target_feature", Some("crt-static")) => target_cfg.crt_static = true,
                ("miri", None) => target_cfg.miri = true,
                ("sanitize", Some(value)) if !target_cfg.sanitizers.iter().any(|s| s == value) => {
                    target_cfg.sanitizers.push(value.to_owned());
                }
                _ => {}
            }
        }
        target_cfg
    }

    /// The format of executables that load shared objects; `None` where none do.
    pub fn format(&self) -> Option<Format> {
        if self.arch.starts_with("wasm") || self.os == "none" {
            None
        } else if self.vendor == "apple" {
            Some(Format::MachO)
        } else if matches!(self.os.as_str(), "windows" | "cygwin" | "uefi") {
            Some(Format::Pe)
        } else {
            Some(Format::Elf)
        }
    }
}

/// How a final unit and its dependencies are compiled and linked.
#[derive(Clone, Copy, Debug)]
pub struct LinkSettings<'a> {
    /// The platform it is built for.
    pub target_cfg: &'a TargetCfg,
    /// The flags that rustc gets for it.
    pub flags: &'a CodegenFlags,
    /// Whether its profile optimises all crates together: `lto` is `true`, `"fat"` or `"thin"`.
    pub profile_lto: bool,
    /// Whether the sysroot crates are part of the build (`-Z build-std`).
    pub builds_std: bool,
    /// Whether this program can take the place of the linker.
    pub has_linker_wrapper: bool,
    /// The name of a crate it depends on, directly or not, that is a Rust `dylib` and no rlib.
    pub rust_dylib: Option<&'a str>,
}

impl LinkSettings<'_> {
    fn triple(&self) -> String {
        self.target_cfg.triple.clone()
    }
}

/// Why a final unit is linked statically.
///
/// The text is a phrase to be put after what fell back; [`help`](FallbackReason::help) says what
/// to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Error)]
pub enum FallbackReason {
    /// Another program uses Cargo as a library.
    #[error("this program cannot take the place of the linker")]
    NoLinkerWrapper,
    /// An Apple platform.
    #[error("executables for `{triple}` are Mach-O files, and only ELF files are supported")]
    MachO {
        /// The target triple.
        triple: String,
    },
    /// A Windows platform, MSVC or GNU, or another with executables of its format.
    #[error("executables for `{triple}` are PE files, and only ELF files are supported")]
    Pe {
        /// The target triple.
        triple: String,
    },
    /// WebAssembly with any kind of host.
    #[error("`{triple}` is WebAssembly, where a program is one module without shared objects")]
    WebAssembly {
        /// The target triple.
        triple: String,
    },
    /// No operating system, so nobody who would load a shared object.
    #[error("`{triple}` is bare metal, where nothing loads shared objects")]
    BareMetal {
        /// The target triple.
        triple: String,
    },
    /// Any other operating system.
    #[error("the operating system `{os}` of `{triple}` is not supported")]
    OperatingSystem {
        /// The target triple.
        triple: String,
        /// `target_os`.
        os: String,
    },
    /// The executable has no loader that could load a group.
    #[error("executables for `{triple}` link the C library statically (`crt-static`)")]
    StaticCLibrary {
        /// The target triple.
        triple: String,
    },
    /// Linux with a C library other than glibc, linked dynamically.
    #[error("`{triple}` uses the C library `{env}`, and only glibc is supported")]
    CLibrary {
        /// The target triple.
        triple: String,
        /// `target_env`, or `unknown` where it is empty.
        env: String,
    },
    /// The MIPS loader knows hash tables that groups do not have, and lld refuses theirs.
    #[error("the loader of `{triple}` does not read the hash tables of groups (`.gnu.hash`)")]
    Mips {
        /// The target triple.
        triple: String,
    },
    /// Whether its linkers and its loader do what groups ask of them, nobody has looked.
    #[error("no group was ever tried on the processor of `{triple}` ({processor})")]
    Processor {
        /// The target triple.
        triple: String,
        /// The architecture, the width of its pointers and the order of bytes.
        processor: String,
    },
    /// Miri interprets the program; its rlibs hold no objects.
    #[error("the program runs in Miri, which makes no object code")]
    Miri,
    /// `std` depends on both panic runtimes, and rustc picks one only when it links.
    #[error("the standard library is built from source (`-Z build-std`)")]
    BuildStd,
    /// The `dylib` brings its own copy of `std` and of everything below it.
    #[error("the crate `{name}` is linked as a Rust `dylib`")]
    RustDylib {
        /// Name of the crate.
        name: String,
    },
    /// `lto` of the profile.
    #[error("the profile turns on link-time optimization (`lto`)")]
    ProfileLto,
    /// `-C lto`.
    #[error("the flag `-C lto` turns on link-time optimization")]
    Lto,
    /// `-C linker-plugin-lto`.
    #[error("the flag `-C linker-plugin-lto` leaves bitcode in place of objects")]
    LinkerPluginLto,
    /// `-C prefer-dynamic`.
    #[error("the flag `-C prefer-dynamic` links `std` as a Rust `dylib`")]
    PreferDynamic,
    /// The counters and the runtime that writes them out are hidden in each linked file.
    #[error("the code is instrumented for coverage (`-C instrument-coverage`)")]
    InstrumentCoverage,
    /// As for coverage.
    #[error("the code is instrumented for profiling (`-C profile-generate`)")]
    ProfileGenerate,
    /// The runtime of a sanitizer is only in the executable.
    #[error("the code is instrumented by a sanitizer (`{sanitizers}`)")]
    Sanitizer {
        /// As given to rustc, separated by commas.
        sanitizers: String,
    },
    /// The code is not fit for a shared object.
    #[error("the code is compiled with `-C relocation-model={model}`")]
    RelocationModel {
        /// As given to rustc.
        model: String,
    },
    /// A link arg by which the executable loads nothing, or is not position-independent.
    #[error("the link arg `{link_arg}` decides how the executable is linked")]
    LinkArg {
        /// As given to rustc.
        link_arg: String,
    },
}

impl FallbackReason {
    /// What to do about it, as a phrase for a `help:` line.
    pub fn help(&self) -> &'static str {
        match self {
            FallbackReason::NoLinkerWrapper => {
                "build with the `cargo` command, or set `dynamic-deps = false` in the profile"
            }
            FallbackReason::MachO { .. }
            | FallbackReason::Pe { .. }
            | FallbackReason::WebAssembly { .. }
            | FallbackReason::BareMetal { .. }
            | FallbackReason::OperatingSystem { .. }
            | FallbackReason::Mips { .. } => HELP_PLATFORM,
            FallbackReason::StaticCLibrary { .. } | FallbackReason::CLibrary { .. } => HELP_GNU,
            FallbackReason::Processor { .. } => HELP_PROCESSOR,
            FallbackReason::Miri => "pass `--no-dynamic-deps` to Miri runs",
            FallbackReason::BuildStd => "leave out `-Z build-std`, or pass `--no-dynamic-deps`",
            FallbackReason::RustDylib { .. } => {
                "turn off the feature that links it so (`dynamic_linking` of bevy), \
                 or pass `--no-dynamic-deps`"
            }
            FallbackReason::ProfileLto => {
                "remove `lto` from the profile, or set `dynamic-deps = false` in it"
            }
            FallbackReason::Lto => "remove `-C lto` from the flags, or pass `--no-dynamic-deps`",
            FallbackReason::LinkerPluginLto => {
                "remove `-C linker-plugin-lto` from the flags, or pass `--no-dynamic-deps`"
            }
            FallbackReason::PreferDynamic => {
                "remove `-C prefer-dynamic` from the flags: `dynamic-deps` takes its place"
            }
            FallbackReason::InstrumentCoverage => "pass `--no-dynamic-deps` to coverage runs",
            FallbackReason::ProfileGenerate => "pass `--no-dynamic-deps` to profiling runs",
            FallbackReason::Sanitizer { .. } => "pass `--no-dynamic-deps` to sanitizer runs",
            FallbackReason::RelocationModel { .. } => {
                "remove `-C relocation-model` from the flags, or pass `--no-dynamic-deps`"
            }
            FallbackReason::LinkArg { .. } => {
                "remove the link arg from the flags, or pass `--no-dynamic-deps`"
            }
        }
    }
}

/// Decides whether a final unit can use groups.
///
/// # Errors
///
/// The reason of the first of the [`CASES`] that it is.
pub fn check_support(settings: &LinkSettings<'_>) -> Result<(), FallbackReason> {
    match CASES.iter().find_map(|case| (case.find)(settings)) {
        Some(reason) => Err(reason),
        None => Ok(()),
    }
}

/// A case in which a final unit is linked statically.
#[derive(Debug)]
pub struct Case {
    example: Example,
    /// The reason, if it is this case and none of those before it.
    find: fn(&LinkSettings<'_>) -> Option<FallbackReason>,
}

/// How a user gets into a case.
#[derive(Debug)]
enum Example {
    /// By building for this platform: target triple and cfg.
    Platform(&'static str, &'static [CfgEntry<'static>]),
    /// By these flags for rustc.
    Flags(&'static str),
    /// By something else: in words, the cfg, and what it changes.
    Other(
        &'static str,
        &'static [CfgEntry<'static>],
        fn(&mut LinkSettings<'_>),
    ),
}

impl Case {
    /// What a user does to get into this case, for example; Markdown.
    pub fn example(&self) -> String {
        match self.example {
            Example::Platform(triple, _) => format!("`--target {triple}`"),
            Example::Flags(flags) => format!("`{flags}`"),
            Example::Other(words, ..) => words.to_owned(),
        }
    }

    /// What [`check_support`] says to the example: always a reason, which the tests of this module
    /// see to.
    pub fn reason(&self) -> Option<FallbackReason> {
        self.with_settings(|settings| check_support(settings).err())
    }

    /// Hands the settings of the example to `ask`.
    fn with_settings<Answer>(&self, ask: impl FnOnce(&LinkSettings<'_>) -> Answer) -> Answer {
        let (triple, cfg, flags) = match self.example {
            Example::Platform(triple, cfg) => (triple, cfg, ""),
            Example::Flags(flags) => (GNU, &LINUX_GNU[..], flags),
            Example::Other(_, cfg, _) => (GNU, cfg, ""),
        };
        let mut settings = LinkSettings {
            target_cfg: &TargetCfg::new(triple, cfg.iter().copied()),
            flags: &CodegenFlags::parse(flags.split_whitespace()),
            profile_lto: false,
            builds_std: false,
            has_linker_wrapper: true,
            rust_dylib: None,
        };
        if let Example::Other(_, _, change) = self.example {
            change(&mut settings);
        }
        ask(&settings)
    }
}

const GNU: &str = "x86_64-unknown-linux-gnu";

const LINUX_GNU: [CfgEntry<'static>; 5] = [
    ("target_arch", Some("x86_64")),
    ("target_pointer_width", Some("64")),
    ("target_endian", Some("little")),
    ("target_os", Some("linux")),
    ("target_env", Some("gnu")),
];

/// All cases in which a final unit is linked statically, in the order in which they are looked
/// for: what the user cannot change (the platform) comes before what they can (profile and flags).
///
/// The cfg of the examples is what `rustc --print cfg` says, as far as it matters (rustc 1.95).
pub static CASES: [Case; 24] = [
    Case {
        example: Example::Other(
            "another program that uses Cargo as a library",
            &LINUX_GNU,
            |s| {
                s.has_linker_wrapper = false;
            },
        ),
        find: |s| (!s.has_linker_wrapper).then_some(FallbackReason::NoLinkerWrapper),
    },
    Case {
        example: Example::Platform(
            "wasm32-unknown-unknown",
            &[
                ("target_arch", Some("wasm32")),
                ("target_os", Some("unknown")),
            ],
        ),
        find: |s| {
            let is_wasm = s.target_cfg.arch.starts_with("wasm");
            is_wasm.then(|| FallbackReason::WebAssembly { triple: s.triple() })
        },
    },
    Case {
        example: Example::Platform(
            "thumbv7em-none-eabi",
            &[("target_arch", Some("arm")), ("target_os", Some("none"))],
        ),
        find: |s| {
            let is_bare = s.target_cfg.os == "none";
            is_bare.then(|| FallbackReason::BareMetal { triple: s.triple() })
        },
    },
    Case {
        example: Example::Platform(
            "aarch64-apple-darwin",
            &[
                ("target_arch", Some("aarch64")),
                ("target_os", Some("macos")),
                ("target_vendor", Some("apple")),
            ],
        ),
        find: |s| {
            let is_mach_o = s.target_cfg.format() == Some(Format::MachO);
            is_mach_o.then(|| FallbackReason::MachO { triple: s.triple() })
        },
    },
    Case {
        example: Example::Platform(
            "x86_64-pc-windows-msvc",
            &[
                ("target_arch", Some("x86_64")),
                ("target_os", Some("windows")),
                ("target_env", Some("msvc")),
            ],
        ),
        find: |s| {
            let is_pe = s.target_cfg.format() == Some(Format::Pe);
            is_pe.then(|| FallbackReason::Pe { triple: s.triple() })
        },
    },
    Case {
        example: Example::Platform(
            "x86_64-unknown-freebsd",
            &[
                ("target_arch", Some("x86_64")),
                ("target_os", Some("freebsd")),
            ],
        ),
        find: |s| {
            let os = &s.target_cfg.os;
            (os != "linux").then(|| FallbackReason::OperatingSystem {
                triple: s.triple(),
                os: os.clone(),
            })
        },
    },
    Case {
        example: Example::Platform(
            "x86_64-unknown-linux-musl",
            &[
                ("target_arch", Some("x86_64")),
                ("target_os", Some("linux")),
                ("target_env", Some("musl")),
                ("target_feature", Some("crt-static")),
            ],
        ),
        find: |s| {
            let is_static = s.target_cfg.crt_static;
            is_static.then(|| FallbackReason::StaticCLibrary { triple: s.triple() })
        },
    },
    Case {
        // The flags of `cargo rustc --` are not in the cfg.
        example: Example::Flags("-C target-feature=+crt-static"),
        find: |s| {
            let is_static = s.flags.crt_static();
            is_static.then(|| FallbackReason::StaticCLibrary { triple: s.triple() })
        },
    },
    Case {
        example: Example::Platform(
            "aarch64-unknown-linux-ohos",
            &[
                ("target_arch", Some("aarch64")),
                ("target_os", Some("linux")),
                ("target_env", Some("ohos")),
            ],
        ),
        find: |s| {
            let env = match s.target_cfg.env.as_str() {
                "gnu" => return None,
                "" => "unknown",
                env => env,
            };
            Some(FallbackReason::CLibrary {
                triple: s.triple(),
                env: env.to_owned(),
            })
        },
    },
    Case {
        example: Example::Platform(
            "mips64el-unknown-linux-gnuabi64",
            &[
                ("target_arch", Some("mips64")),
                ("target_os", Some("linux")),
                ("target_env", Some("gnu")),
            ],
        ),
        find: |s| {
            let is_mips = s.target_cfg.arch.starts_with("mips");
            is_mips.then(|| FallbackReason::Mips { triple: s.triple() })
        },
    },
    Case {
        example: Example::Platform(
            "loongarch64-unknown-linux-gnu",
            &[
                ("target_arch", Some("loongarch64")),
                ("target_pointer_width", Some("64")),
                ("target_endian", Some("little")),
                ("target_os", Some("linux")),
                ("target_env", Some("gnu")),
            ],
        ),
        find: |s| untried_processor(s.target_cfg),
    },
    Case {
        example: Example::Platform("x86_64-unknown-linux-gnuasan", &LINUX_GNU),
        find: |s| sanitizer(&s.target_cfg.sanitizers),
    },
    Case {
        example: Example::Other(
            "`cargo miri run`",
            &[
                ("target_arch", Some("x86_64")),
                ("target_pointer_width", Some("64")),
                ("target_endian", Some("little")),
                ("target_os", Some("linux")),
                ("target_env", Some("gnu")),
                ("miri", None),
            ],
            |_| {},
        ),
        find: |s| s.target_cfg.miri.then_some(FallbackReason::Miri),
    },
    Case {
        example: Example::Other("`-Z build-std`", &LINUX_GNU, |s| s.builds_std = true),
        find: |s| s.builds_std.then_some(FallbackReason::BuildStd),
    },
    Case {
        example: Example::Other("bevy's feature `dynamic_linking`", &LINUX_GNU, |s| {
            s.rust_dylib = Some("bevy_dylib");
        }),
        find: |s| {
            let name = s.rust_dylib?.to_owned();
            Some(FallbackReason::RustDylib { name })
        },
    },
    Case {
        example: Example::Other(
            "`lto = true` or `\"thin\"` in the profile",
            &LINUX_GNU,
            |s| {
                s.profile_lto = true;
            },
        ),
        find: |s| s.profile_lto.then_some(FallbackReason::ProfileLto),
    },
    Case {
        example: Example::Flags("-C lto"),
        find: |s| s.flags.lto().then_some(FallbackReason::Lto),
    },
    Case {
        example: Example::Flags("-C linker-plugin-lto"),
        find: |s| {
            let is_on = s.flags.linker_plugin_lto();
            is_on.then_some(FallbackReason::LinkerPluginLto)
        },
    },
    Case {
        example: Example::Flags("-C prefer-dynamic"),
        find: |s| {
            let is_on = s.flags.prefer_dynamic();
            is_on.then_some(FallbackReason::PreferDynamic)
        },
    },
    Case {
        example: Example::Flags("-C instrument-coverage"),
        find: |s| {
            let is_on = s.flags.instrument_coverage();
            is_on.then_some(FallbackReason::InstrumentCoverage)
        },
    },
    Case {
        example: Example::Flags("-C profile-generate"),
        find: |s| {
            let is_on = s.flags.profile_generate();
            is_on.then_some(FallbackReason::ProfileGenerate)
        },
    },
    Case {
        example: Example::Flags("-Z sanitizer=address"),
        find: |s| sanitizer(&s.flags.sanitizers()),
    },
    Case {
        example: Example::Flags("-C relocation-model=static"),
        find: |s| match s.flags.relocation_model() {
            // Not `pie`: such code reaches thread locals by their place in the executable
            // (R_X86_64_TPOFF32), which no linker puts in a shared object.
            None | Some("pic" | "default") => None,
            Some(model) => Some(FallbackReason::RelocationModel {
                model: model.to_owned(),
            }),
        },
    },
    Case {
        example: Example::Flags("-C link-arg=-no-pie"),
        find: |s| {
            let link_arg = unfit_link_arg(s.flags)?.to_owned();
            Some(FallbackReason::LinkArg { link_arg })
        },
    },
];

fn untried_processor(target_cfg: &TargetCfg) -> Option<FallbackReason> {
    let TargetCfg {
        triple,
        arch,
        pointer_width,
        endian,
        ..
    } = target_cfg;
    let is_tried = PROCESSORS.contains(&(arch, pointer_width, endian));
    (!is_tried).then(|| FallbackReason::Processor {
        triple: triple.clone(),
        processor: format!("`{arch}`, {pointer_width} bits, {endian} endian"),
    })
}

fn sanitizer(sanitizers: &[impl AsRef<str>]) -> Option<FallbackReason> {
    let names: Vec<&str> = sanitizers.iter().map(AsRef::as_ref).collect();
    (!names.is_empty()).then(|| FallbackReason::Sanitizer {
        sanitizers: names.join(","),
    })
}

fn unfit_link_arg(flags: &CodegenFlags) -> Option<&str> {
    flags.link_args().into_iter().find(|link_arg| {
        // A driver hands the parts of `-Wl,` to the linker, which knows most of these too.
        let mut parts = link_arg.strip_prefix("-Wl,").unwrap_or(link_arg).split(',');
        parts.any(|part| {
            matches!(
                part,
                "-static" | "--static" | "-static-pie" | "-no-pie" | "--no-pie" | "-nopie"
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cfg as rustc 1.95 prints it.
    fn target_cfg(triple: &str) -> TargetCfg {
        let cfg = |arch, vendor, os, env, crt_static| {
            let (width, endian) = match arch {
                "arm" | "wasm32" | "mips" | "x86" => ("32", "little"),
                "s390x" => ("64", "big"),
                _ => ("64", "little"),
            };
            let width = if triple.ends_with("x32") { "32" } else { width };
            let mut cfg = vec![
                ("unix", None),
                ("target_arch", Some(arch)),
                ("target_pointer_width", Some(width)),
                ("target_endian", Some(endian)),
                ("target_vendor", Some(vendor)),
                ("target_os", Some(os)),
                ("target_env", Some(env)),
                ("target_feature", Some("sse2")),
            ];
            if crt_static {
                cfg.push(("target_feature", Some("crt-static")));
            }
            TargetCfg::new(triple, cfg)
        };
        match triple {
            "aarch64-apple-darwin" => cfg("aarch64", "apple", "macos", "", false),
            "x86_64-pc-windows-msvc" => cfg("x86_64", "pc", "windows", "msvc", true),
            "x86_64-unknown-uefi" => cfg("x86_64", "unknown", "uefi", "", false),
            "aarch64-unknown-linux-gnu" => cfg("aarch64", "unknown", "linux", "gnu", false),
            "riscv64gc-unknown-linux-gnu" => cfg("riscv64", "unknown", "linux", "gnu", false),
            "armv7-unknown-linux-gnueabihf" => cfg("arm", "unknown", "linux", "gnu", false),
            "s390x-unknown-linux-gnu" => cfg("s390x", "ibm", "linux", "gnu", false),
            "i686-unknown-linux-gnu" => cfg("x86", "unknown", "linux", "gnu", false),
            "powerpc64le-unknown-linux-gnu" => cfg("powerpc64", "unknown", "linux", "gnu", false),
            "mips-unknown-linux-gnu" => cfg("mips", "unknown", "linux", "gnu", false),
            "wasm32-unknown-unknown" => cfg("wasm32", "unknown", "unknown", "", false),
            "wasm32-wasip1" => cfg("wasm32", "unknown", "wasi", "p1", true),
            "thumbv7em-none-eabi" => cfg("arm", "unknown", "none", "", false),
            "x86_64-unknown-freebsd" => cfg("x86_64", "unknown", "freebsd", "", false),
            "aarch64-linux-android" => cfg("aarch64", "unknown", "android", "", false),
            "x86_64-unknown-linux-musl" => cfg("x86_64", "unknown", "linux", "musl", true),
            "x86_64-unknown-linux-none" => cfg("x86_64", "unknown", "linux", "", false),
            "aarch64-unknown-linux-ohos" => cfg("aarch64", "unknown", "linux", "ohos", false),
            _ => cfg("x86_64", "unknown", "linux", "gnu", false),
        }
    }

    fn check(triple: &str, change: impl Fn(&mut LinkSettings<'_>), flags: &str, expected: &str) {
        let target_cfg = target_cfg(triple);
        check_cfg(&target_cfg, change, flags, expected);
    }

    fn check_cfg(
        target_cfg: &TargetCfg,
        change: impl Fn(&mut LinkSettings<'_>),
        flags: &str,
        expected: &str,
    ) {
        let flags = CodegenFlags::parse(flags.split_whitespace());
        let mut settings = LinkSettings {
            target_cfg,
            flags: &flags,
            profile_lto: false,
            builds_std: false,
            has_linker_wrapper: true,
            rust_dylib: None,
        };
        change(&mut settings);
        let actual = match check_support(&settings) {
            Ok(()) => "supported".to_owned(),
            Err(reason) => {
                assert!(!reason.help().is_empty());
                reason.to_string()
            }
        };
        assert_eq!(actual, expected);
    }

    fn check_platform(triple: &str, expected: &str) {
        check(triple, |_| {}, "", expected);
    }

    fn check_flags(flags: &str, expected: &str) {
        check(GNU, |_| {}, flags, expected);
    }

    #[test]
    fn each_example_is_its_own_case() {
        for (index, case) in CASES.iter().enumerate() {
            let first = case.with_settings(|settings| {
                CASES
                    .iter()
                    .position(|case| (case.find)(settings).is_some())
            });
            assert_eq!(first, Some(index), "{}", case.example());
        }
    }

    #[test]
    fn only_linux_with_glibc_is_supported() {
        check_platform(GNU, "supported");
        check_platform("aarch64-unknown-linux-gnu", "supported");
        check_platform(
            "aarch64-apple-darwin",
            "executables for `aarch64-apple-darwin` are Mach-O files, \
             and only ELF files are supported",
        );
        for triple in ["x86_64-pc-windows-msvc", "x86_64-unknown-uefi"] {
            check_platform(
                triple,
                &format!(
                    "executables for `{triple}` are PE files, and only ELF files are supported"
                ),
            );
        }
        for triple in ["wasm32-unknown-unknown", "wasm32-wasip1"] {
            check_platform(
                triple,
                &format!(
                    "`{triple}` is WebAssembly, where a program is one module \
                     without shared objects"
                ),
            );
        }
        check_platform(
            "thumbv7em-none-eabi",
            "`thumbv7em-none-eabi` is bare metal, where nothing loads shared objects",
        );
        check_platform(
            "x86_64-unknown-freebsd",
            "the operating system `freebsd` of `x86_64-unknown-freebsd` is not supported",
        );
        check_platform(
            "aarch64-linux-android",
            "the operating system `android` of `aarch64-linux-android` is not supported",
        );
        check_platform(
            "aarch64-unknown-linux-ohos",
            "`aarch64-unknown-linux-ohos` uses the C library `ohos`, and only glibc is supported",
        );
        check_platform(
            "x86_64-unknown-linux-none",
            "`x86_64-unknown-linux-none` uses the C library `unknown`, and only glibc is supported",
        );
        check_platform(
            "mips-unknown-linux-gnu",
            "the loader of `mips-unknown-linux-gnu` does not read the hash tables of groups \
             (`.gnu.hash`)",
        );
    }

    #[test]
    fn only_processors_that_were_tried_are_supported() {
        for triple in [
            "riscv64gc-unknown-linux-gnu",
            "armv7-unknown-linux-gnueabihf",
            "s390x-unknown-linux-gnu",
        ] {
            check_platform(triple, "supported");
        }
        for (triple, processor) in [
            ("i686-unknown-linux-gnu", "`x86`, 32 bits, little endian"),
            (
                "powerpc64le-unknown-linux-gnu",
                "`powerpc64`, 64 bits, little endian",
            ),
            (
                "x86_64-unknown-linux-gnux32",
                "`x86_64`, 32 bits, little endian",
            ),
        ] {
            check_platform(
                triple,
                &format!("no group was ever tried on the processor of `{triple}` ({processor})"),
            );
        }
    }

    #[test]
    fn a_static_c_library_falls_back() {
        check_platform(
            "x86_64-unknown-linux-musl",
            "executables for `x86_64-unknown-linux-musl` link the C library statically \
             (`crt-static`)",
        );
        let gnu = "executables for `x86_64-unknown-linux-gnu` link the C library statically \
                   (`crt-static`)";
        check_flags("-C target-feature=+crt-static", gnu);
        let from_cfg = TargetCfg {
            crt_static: true,
            ..target_cfg(GNU)
        };
        check_cfg(&from_cfg, |_| {}, "", gnu);

        let dynamic_musl = TargetCfg {
            crt_static: false,
            ..target_cfg("x86_64-unknown-linux-musl")
        };
        check_cfg(
            &dynamic_musl,
            |_| {},
            "-C target-feature=-crt-static",
            "`x86_64-unknown-linux-musl` uses the C library `musl`, and only glibc is supported",
        );
    }

    #[test]
    fn crates_that_cannot_be_in_a_group_fall_back() {
        let miri = TargetCfg::new(
            GNU,
            [
                ("target_arch", Some("x86_64")),
                ("target_pointer_width", Some("64")),
                ("target_endian", Some("little")),
                ("target_os", Some("linux")),
                ("target_env", Some("gnu")),
                ("miri", None),
            ],
        );
        check_cfg(
            &miri,
            |_| {},
            "",
            "the program runs in Miri, which makes no object code",
        );
        check(
            GNU,
            |settings| settings.builds_std = true,
            "",
            "the standard library is built from source (`-Z build-std`)",
        );
        check(
            GNU,
            |settings| settings.rust_dylib = Some("bevy_dylib"),
            "",
            "the crate `bevy_dylib` is linked as a Rust `dylib`",
        );
    }

    #[test]
    fn code_for_another_kind_of_link_falls_back() {
        check(
            GNU,
            |settings| settings.profile_lto = true,
            "",
            "the profile turns on link-time optimization (`lto`)",
        );
        for (flags, expected) in [
            (
                "-C lto=thin",
                "the flag `-C lto` turns on link-time optimization",
            ),
            (
                "-Clinker-plugin-lto",
                "the flag `-C linker-plugin-lto` leaves bitcode in place of objects",
            ),
            (
                "-C prefer-dynamic",
                "the flag `-C prefer-dynamic` links `std` as a Rust `dylib`",
            ),
            (
                "-C instrument-coverage",
                "the code is instrumented for coverage (`-C instrument-coverage`)",
            ),
            (
                "-C profile-generate=/tmp/profile",
                "the code is instrumented for profiling (`-C profile-generate`)",
            ),
            (
                "-Zsanitizer=address -Zsanitizer=leak",
                "the code is instrumented by a sanitizer (`address,leak`)",
            ),
            (
                "-C relocation-model=static",
                "the code is compiled with `-C relocation-model=static`",
            ),
            (
                "-C relocation-model=pie",
                "the code is compiled with `-C relocation-model=pie`",
            ),
        ] {
            check_flags(flags, expected);
        }
    }

    #[test]
    fn a_platform_may_be_instrumented_by_default() {
        let expected = "the code is instrumented by a sanitizer (`address`)";
        check_platform("x86_64-unknown-linux-gnuasan", expected);
        // As a compiler that allows unstable features says it.
        let entries = [
            ("target_arch", Some("x86_64")),
            ("target_pointer_width", Some("64")),
            ("target_endian", Some("little")),
            ("target_os", Some("linux")),
            ("target_env", Some("gnu")),
            ("sanitize", Some("address")),
        ];
        for triple in [GNU, "x86_64-unknown-linux-gnuasan"] {
            check_cfg(&TargetCfg::new(triple, entries), |_| {}, "", expected);
        }
    }

    #[test]
    fn link_args_for_another_kind_of_executable_fall_back() {
        for link_arg in ["-static", "-static-pie", "-no-pie", "-Wl,-O1,--no-pie"] {
            check_flags(
                &format!("-C link-arg={link_arg}"),
                &format!("the link arg `{link_arg}` decides how the executable is linked"),
            );
        }
        check_flags(
            "-C link-arg=-Wl,-z,now -C link-arg=-static-libgcc -C link-arg=-fuse-ld=mold",
            "supported",
        );
    }

    #[test]
    fn a_program_that_cannot_be_the_linker_links_statically() {
        check(
            GNU,
            |settings| settings.has_linker_wrapper = false,
            "",
            "this program cannot take the place of the linker",
        );
    }

    #[test]
    fn what_only_looks_unfit_is_supported() {
        for flags in [
            "-C lto=off -C linker-plugin-lto=no -C prefer-dynamic=no -C instrument-coverage=0",
            "-C profile-use=/tmp/merged.profdata -C link-dead-code -C relocation-model=pic",
            "-C panic=abort -C linker=clang -C target-cpu=native -C target-feature=-crt-static",
        ] {
            check_flags(flags, "supported");
        }
    }
}
