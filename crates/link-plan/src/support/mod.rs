//! Whether a final unit can use groups, and if not, why.
//!
//! The answer is given while the build is planned, before Cargo computes hashes: a final unit that
//! turns out to be unfit only when it is linked would have been hashed, and made to wait for its
//! groups, as what it is not. So only what is known by then is asked: the platform, the compiler, the
//! profile, the flags of rustc and the crates of the graph. What only the bytes of an rlib can tell
//! is the engine's to find, and keeps one crate out of a group instead of the whole final unit.
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
/// The reason of the first of the [`CASES`] that it is.
pub fn check_support(settings: &LinkSettings<'_>) -> Result<(), FallbackReason> {
    match CASES.iter().find_map(|case| (case.find)(settings)) {
        Some(reason) => Err(reason),
        None => Ok(()),
    }
}
