//! Dynamic linking of Rust libraries at linker level.
//!
//! rustc's own way to a shared object is the `dylib` crate type, which compiles
//! a crate a second time and fails on `no_std` crates, bundled C libraries and
//! custom allocators. This crate works one level below: it takes the rlibs that
//! a static build makes anyway and hands them to the linker, twice.
//!
//! 1. A *group job* turns the rlibs of a group into shared objects ([`group`]).
//! 2. The *linker wrapper* stands in the place of the linker when rustc links an
//!    executable, and puts the shared objects in the place of the rlibs ([`executable`]).
//!
//! Its rooms, each of which knows only those above it:
//!
//! | room | what it knows |
//! |---|---|
//! | `system` | files, threads and the jobserver |
//! | `elf` | words of the format |
//! | `rlib` | what a library holds |
//! | `line` | link lines, and the linker that reads them |
//! | `finish` | what is done to a file when the linker has finished it |
//! | `stub` | what a linker reads in the place of a shared object |
//! | [`record`] | what is kept on disk |
//! | [`group`] | how shared objects are made |
//! | [`executable`] | how an executable is linked against them |
//!
//! What all that has left in a directory is listed by [`record::inventory`].
//! `tests/rooms.rs` sees to that. Nothing here knows Cargo: inputs are paths and names, and the
//! caller decides what is a group ([`link-plan`] holds that decision).
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
