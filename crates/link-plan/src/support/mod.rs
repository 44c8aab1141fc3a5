//! Whether a final unit can use groups, and if not, why.
//!
//! Cargo needs the answer while it plans the build, before it computes hashes: the hash of a final
//! unit and the groups for which it waits depend on the answer. So the questions concern only facts
//! that are known by then: the platform, the compiler, the profile, the flags of rustc and the
//! crates of the graph. `link-engine` finds the facts that only the bytes of an rlib show. These
//! keep one crate out of a group, and not the whole final unit.
//!
//! A reason is a value, so a caller can warn once for many final units, or report an error if the
//! command line asked for dynamic deps.
//!
//! [`CASES`] has all cases. [`check_support`] goes through it, and `cargo xtask docs` writes the
//! table in `docs/limits.md` from it. So the documentation lacks no case, and has the words of a
//! build.
//!
//! Some settings may look like cases and are none: `profile-use`, which changes code but brings no
//! runtime; `link-dead-code`, since groups are linked from whole archives anyway; LTO within each
//! crate (`lto = false`), which leaves ordinary objects behind.

mod cases;
mod reason;
mod target_cfg;

pub use self::cases::{CASES, Case, OLDEST_RUSTC};
pub use self::reason::FallbackReason;
pub use self::target_cfg::{CfgEntry, TargetCfg};
use crate::rustc_flags::CodegenFlags;

/// How a final unit and its dependencies are compiled and linked.
#[derive(Clone, Copy, Debug)]
pub struct LinkSettings<'a> {
    /// The release of rustc: its first two numbers.
    pub rustc: (u64, u64),
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

/// Decides whether a final unit can use groups.
///
/// # Errors
///
/// The reason of the first of the [`CASES`] that applies.
pub fn check_support(settings: &LinkSettings<'_>) -> Result<(), FallbackReason> {
    match CASES.iter().find_map(|case| (case.find)(settings)) {
        Some(reason) => Err(reason),
        None => Ok(()),
    }
}
