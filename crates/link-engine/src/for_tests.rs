//! What tests and fuzz targets look at, and nobody else: readers of bytes, and single steps of a
//! job or a link. Nothing here is stable.

pub use crate::elf::{
    DynamicInfo, Names, OpenReference, definitions, has_private, layout, open_references,
    open_references_in, private_among, references_among, undefined_references, versions,
};
pub use crate::executable::rewrite::{GroupInput, Rewrite};
pub use crate::executable::unfit::{Definer, Unfit};
pub use crate::finish::{bind, constructors, rebind, runtime, seal};
pub use crate::group::line::GroupLine;
pub use crate::line::{arguments, response_file, template};
pub use crate::rlib::{
    Constructor, KnownRlib, RlibFacts, SharedState, Stamp, copy_with_protected_symbols, read_rlibs,
    undefined_among,
};
pub use crate::stub::{Wanted, bytes as stub_bytes, write_stub};
pub use crate::system::files::Patch;
