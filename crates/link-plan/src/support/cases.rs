//! All cases, in the order in which they are looked for.

use super::{CfgEntry, FallbackReason, LinkSettings, TargetCfg, check_support};
use crate::run_path::Format;
use crate::rustc_flags::CodegenFlags;

/// The processors on which we ran Rust programs with groups, in the words of `rustc --print cfg`:
/// architecture, width of a pointer and order of bytes. Another mode of one of them, such as x32, has
/// relocations of its own. `cargo xtask cross` runs programs on all of them but the first, on which
/// everything else is tried.
const PROCESSORS: [(&str, &str, &str); 7] = [
    ("x86_64", "64", "little"),
    ("aarch64", "64", "little"),
    ("x86", "32", "little"),
    ("arm", "32", "little"),
    ("powerpc64", "64", "little"),
    ("riscv64", "64", "little"),
    ("s390x", "64", "big"),
];

/// The oldest rustc in the table of `docs/use.md`, which says what passed with it. With one before
/// 1.80, Cargo itself compiles nothing (`--check-cfg`).
pub const OLDEST_RUSTC: (u64, u64) = (1, 85);

/// A case in which a final unit is linked statically.
#[derive(Debug)]
pub struct Case {
    example: Example,
    /// The reason, if it is this case and none of those before it.
    pub(super) find: fn(&LinkSettings<'_>) -> Option<FallbackReason>,
}

/// How a user meets a case.
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
    /// An example of how a user meets this case, in Markdown.
    pub fn example(&self) -> String {
        match self.example {
            Example::Platform(triple, _) => format!("`--target {triple}`"),
            Example::Flags(flags) => format!("`{flags}`"),
            Example::Other(words, ..) => words.to_owned(),
        }
    }

    /// The answer of [`check_support`] to the example. The tests of this module check that it is
    /// always a reason.
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
            rustc: OLDEST_RUSTC,
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
/// for: what the user cannot change (the platform, often the compiler) comes before what they can (profile
/// and flags).
///
/// The cfg of the examples is what `rustc --print cfg` says, as far as it matters (rustc 1.95).
pub static CASES: [Case; 25] = [
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
        example: Example::Other("rustc 1.84", &LINUX_GNU, |s| s.rustc = (1, 84)),
        find: |s| {
            let (major, minor) = s.rustc;
            (s.rustc < OLDEST_RUSTC).then(|| FallbackReason::Compiler {
                release: format!("{major}.{minor}"),
            })
        },
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
mod tests;
