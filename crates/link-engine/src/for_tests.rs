//! Items for tests and fuzz targets only: readers of bytes, and single steps of a job or a link.
//! None of them is stable.

pub use crate::elf::{
    DynamicInfo, Names, OpenReference, definitions, has_private, layout, names as dynamic_names,
    open_references, open_references_in, private_among, references_among, undefined_references,
    versions,
};
pub use crate::executable::fit::scope::definitions as definitions_for_the_loader;
pub use crate::executable::refused::undefined_symbols;
pub use crate::executable::rewrite::{GroupInput, Rewrite};
pub use crate::executable::unfit::{Definer, Unfit};
pub use crate::finish::{bind, constructors, rebind, runtime, seal};
pub use crate::group::line::GroupLine;
pub use crate::line::search::library_directories;
pub use crate::line::{arguments, response_file, template};
pub use crate::record::facts::StoredLibrary;
pub use crate::rlib::{
    Constructor, KnownRlib, RlibFacts, SharedState, Stamp, copy_with_protected_symbols, read_rlibs,
    undefined_among,
};
pub use crate::stub::{Wanted, bytes as stub_bytes, write_stub};
pub use crate::system::files::Patch;

use std::collections::HashSet;
use std::ffi::OsString;

use crate::Result;
use crate::executable::fit::options;
use crate::line::inputs::Inputs;
use crate::line::words;

/// Reads the options and inputs of the linker on a link line, as the wrapper does.
///
/// # Errors
/// When a file that they name is malformed.
pub fn read_words(args: &[OsString]) -> Result<()> {
    let words = words::words(args)?;
    let _ = options::check(&words);
    let _ = options::showing(&words);
    let _ = words::have_run_path(&words);
    let _ = options::check_inputs(&Inputs::read(&words, &HashSet::new()));
    Ok(())
}
