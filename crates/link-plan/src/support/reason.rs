//! Why a final unit is linked statically, and what to do about it.

use thiserror::Error;

const HELP_PLATFORM: &str =
    "pass `--no-dynamic-deps` when building for this platform; Linux with glibc is supported";
const HELP_PROCESSOR: &str = "pass `--no-dynamic-deps` when building for this platform; x86_64, \
     aarch64, i686, armv7, powerpc64le, riscv64 and s390x are supported";
const HELP_COMPILER: &str = "use Rust 1.85 or later, or pass `--no-dynamic-deps`";
const HELP_GNU: &str = "build for a `linux-gnu` target triple without \
     `-C target-feature=+crt-static`, or pass `--no-dynamic-deps`";

/// Why a final unit is linked statically.
///
/// The text is a phrase that a message puts after the name of the final unit or of the build;
/// [`help`](FallbackReason::help) says what to do about it.
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
    /// No operating system, so nothing loads a shared object.
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
    /// Nobody has checked whether its linkers and its loader do what groups ask of them.
    #[error(
        "no Rust program with groups was ever run on the processor of `{triple}` ({processor})"
    )]
    Processor {
        /// The target triple.
        triple: String,
        /// The architecture, the width of its pointers and the order of bytes.
        processor: String,
    },
    /// Nobody has checked whether its rlibs and link lines are as groups need them.
    #[error("no group was ever linked with rustc `{release}`")]
    Compiler {
        /// Its release, without the patch level.
        release: String,
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
            FallbackReason::Compiler { .. } => HELP_COMPILER,
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
