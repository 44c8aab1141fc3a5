//! Dynamic linking of Rust libraries at linker level.
//!
//! rustc's own way to a shared object is the `dylib` crate type, which compiles
//! a crate a second time and fails on `no_std` crates, bundled C libraries and
//! custom allocators. This crate works one level below: it takes the rlibs that a static build
//! makes anyway, and works on the two kinds of links:
//!
//! 1. A *group job* turns the rlibs of a group into shared objects ([`group`]).
//! 2. The *linker wrapper* stands in the place of the linker when rustc links an
//!    executable, and puts the shared objects in the place of the rlibs ([`executable`]).
//!
//! The modules of this crate are *rooms*. A room uses only the rooms above it in this table;
//! `tests/rooms.rs` checks that.
//!
//! | room | its subject |
//! |---|---|
//! | `system` | files, threads and the jobserver |
//! | `elf` | the ELF format |
//! | `rlib` | the facts about a library that its rlib shows |
//! | `line` | link lines, and the linker that reads them |
//! | `finish` | changes to files that the linker has finished |
//! | `stub` | the files that a linker reads in the place of shared objects |
//! | [`record`] | the files that stay on disk for later builds, and for people |
//! | [`group`] | how shared objects are made |
//! | [`executable`] | how an executable is linked against them |
//!
//! [`record::inventory`] lists the files that builds have left in a directory. Nothing here knows
//! Cargo: inputs are paths and names, and the caller decides which libraries form a group
//! ([`link-plan`] makes that decision).
//!
//! [`link-plan`]: https://docs.rs/link-plan

mod elf;
mod error;
pub mod executable;
mod finish;
#[doc(hidden)]
pub mod for_tests;
pub mod group;
mod line;
pub mod record;
mod rlib;
mod stub;
mod system;

pub use elf::{DynamicInfo, OpenReference};
pub use error::{Error, Result};
pub use finish::constructors::HandedOver;
pub use line::linker::{is_executable, is_known_linker, linker_identity};
pub use line::template::LinkTemplate;
pub use rlib::SharedState;
pub use system::placement::WrapperProgram;
pub use system::threads::Threads;
