//! Dynamic linking of Rust libraries at linker level.
//!
//! rustc's own way to a shared object is the `dylib` crate type, which compiles
//! a crate a second time and fails on `no_std` crates, bundled C libraries and
//! custom allocators. This crate works one level below: it takes the rlibs that
//! a static build makes anyway and hands them to the linker, twice.
//!
//! 1. A *group job* turns the rlibs of a group into shared objects:
//!    [`group`] for libraries, [`sysroot`] for the crates that come with rustc.
//!    It reads each rlib once ([`rlib`]), decides which of them can be group
//!    members ([`classify`]) and which of these share a shared object ([`effects`]), and
//!    records all that in a [`manifest`]. A shared object of which only what lies below has
//!    changed is not linked but bound anew ([`rebind`]). What no executable needs any more is
//!    removed ([`content`], [`sweep`]).
//! 2. The [`wrapper`] stands in the place of the linker when rustc links an
//!    executable. It reads the manifests, replaces group members on rustc's own
//!    [`link_line`] by the shared objects, or by their [`interface`], and calls the
//!    real linker. What comes out is [bound](bind) to the shared objects, so that the
//!    loader has few symbols to look up.
//!
//! What all that has left in a directory is listed by [`inventory`].
//!
//! Nothing here knows Cargo: inputs are paths and names, and the caller decides
//! what is a group ([`link-plan`] holds that decision).
//!
//! [`link-plan`]: https://docs.rs/link-plan

pub mod bind;
pub mod classify;
pub mod constructors;
pub mod content;
pub mod effects;
pub mod elf;
mod error;
mod files;
pub mod group;
pub mod interface;
pub mod inventory;
pub mod layout;
pub mod link_line;
mod linker;
pub mod loaded;
pub mod making;
pub mod manifest;
pub mod options;
mod packed;
mod parallel;
pub mod pe;
pub mod private;
pub mod rebind;
pub mod response_file;
pub mod rlib;
pub mod runtime;
pub mod sweep;
mod symbol_tables;
mod syntax;
pub mod sysroot;
pub mod threads;
mod tokens;
pub mod versions;
pub mod wrapper;

pub use error::{Error, Result};
pub use files::Patch;
pub use linker::{is_executable, is_known_linker, linker_identity};
