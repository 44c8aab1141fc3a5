//! Dynamic linking of Rust libraries at linker level.
//!
//! rustc's own way to a shared object is the `dylib` crate type, which compiles
//! a crate a second time and fails on `no_std` crates, bundled C libraries and
//! custom allocators. This crate works one level below: it takes the rlibs that
//! a static build makes anyway and hands them to the linker, twice.
//!
//! 1. A *group job* turns the rlibs of a group into shared objects:
//!    [`group`] for libraries, [`sysroot`](group::sysroot) for the crates that come with rustc.
//!    It reads each rlib once ([`rlib`]), decides which of them can be group
//!    members ([`classify`](group::classify)) and which of these share a shared object ([`effects`](group::effects)), and
//!    records all that in a [`manifest`](record::manifest). A shared object of which only what lies below has
//!    changed is not linked but bound anew ([`rebind`](finish::rebind)). What no executable needs any more is
//!    removed ([`content`](record::content), [`sweep`](record::sweep)).
//! 2. The [`wrapper`](executable::wrapper) stands in the place of the linker when rustc links an
//!    executable. It reads the manifests, replaces group members on rustc's own
//!    [`link_line`](line::link_line) by the shared objects, or by their [`interface`](stub::interface), and calls the
//!    real linker. What comes out is [bound](finish::bind) to the shared objects, so that the
//!    loader has few symbols to look up.
//!
//! Nothing here knows Cargo: inputs are paths and names, and the caller decides
//! what is a group ([`link-plan`] holds that decision).
//!
//! [`link-plan`]: https://docs.rs/link-plan

pub mod elf;
mod error;
pub mod executable;
pub mod finish;
pub mod group;
pub mod line;
pub mod record;
pub mod rlib;
pub mod stub;
pub mod system;

pub use error::{Error, Result};
pub use line::linker::{is_executable, is_known_linker, linker_identity};
pub use system::files::Patch;
