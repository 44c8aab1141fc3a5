//! The facts about an rlib that matter for linking it into a shared object.
//!
//! An rlib is an `ar` archive: object files of the crate, object files of C
//! libraries that its build script made, and the metadata. This room reads the archive members into
//! [`RlibFacts`], and `group::classify` decides by these. [`read_rlibs`] reads many rlibs by
//! several threads, and skips those that it knows from an earlier build.

mod beside;
mod constructors;
mod copies;
mod facts;
mod hash;
mod known;
mod linker_defined;
mod sections;
mod shared;
#[cfg(test)]
mod tests;

pub use constructors::Constructor;
pub(crate) use constructors::ENTRY;
pub use copies::copy_with_protected_symbols;
pub use facts::RlibFacts;
pub use known::{KnownRlib, Stamp, read_rlibs};
pub(crate) use known::{is_settled, nanoseconds};
pub(crate) use shared::{Shared, is_archive};
pub use shared::{SharedState, undefined_among};

/// End of the names of the objects that rustc made (`OutputType::Object` of a
/// codegen unit, rustc 1.95).
pub(crate) const RUST_OBJECT: &[u8] = b".rcgu.o";

/// End of the names of files with the debugging information of such an object
/// (`OutputType::DwarfObject`, rustc 1.95).
pub(crate) const DWARF_OBJECT: &str = ".rcgu.dwo";
