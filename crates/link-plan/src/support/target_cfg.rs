//! The facts about a platform that `rustc --print cfg` prints.

use crate::run_path::Format;

/// Ends of target triples whose code is instrumented by default, each with the sanitizer. rustc has
/// the sanitizer in the cfg `sanitize` too, but only if unstable features are allowed (rustc 1.95).
const SANITIZER_SUFFIXES: [(&str, &str); 3] = [
    ("-gnuasan", "address"),
    ("-gnumsan", "memory"),
    ("-gnutsan", "thread"),
];

/// What `rustc --print cfg` says about a platform, as far as it matters here.
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

    /// The format of executables that load shared objects; `None` if none do.
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
