//! ELF, as far as the engine needs it: the format, and no policy.
//!
//! | module | what it reads |
//! |---|---|
//! | `class` | files of 32 and of 64 bits |
//! | `names` | the names of symbols: rustc's, and those of its runtime |
//! | `symbols` | the symbols of object files, and their visibility |
//! | `symbol_tables` | only the symbol tables of object files, to save time |
//! | `relocations` | relocations, and the definitions to which we bind them by address |
//! | `dynamic` | the dynamic section of a linked file |
//! | `versions` | versions of symbols, above all those that a group defines |
//! | `layout` | the version whose name holds a hash of the addresses of a group's symbols |
//! | `exports` | the definitions of a shared object, by name |
//! | `definitions`, `references` | the symbols that a shared object defines, and those that it takes from elsewhere |

mod class;
mod definitions;
mod dynamic;
mod exports;
pub mod layout;
mod names;
mod references;
mod relocations;
pub(crate) mod symbol_tables;
mod symbols;
pub mod versions;

pub(crate) use class::{ElfClass, with_class};
pub(crate) use definitions::interface_hash;
pub use definitions::{definitions, has_private, names, private_among};
pub use dynamic::DynamicInfo;
pub(crate) use dynamic::DynamicTable;
pub use exports::Names;
pub(crate) use exports::{Definition, Exports};
pub(crate) use names::{is_mangled_by_rustc, ties_to_runtime};
pub use references::{
    OpenReference, open_references, open_references_in, references_among, undefined_references,
};
pub(crate) use relocations::{PlaceRelocations, has_place, is_bindable, loaded_tables};
pub(crate) use symbols::{GlobalSymbol, Role, global_symbols, set_visibility};
