//! ELF, as far as the engine has to do with it: words of the format, and no policy.
//!
//! | module | what it reads |
//! |---|---|
//! | `class` | files of 32 and of 64 bits |
//! | `names` | what the name of a symbol tells |
//! | `symbols` | the symbols of object files, and their visibility |
//! | `symbol_tables` | object files of which nothing else is read |
//! | `relocations` | relocations, and the definitions that they can name by their places |
//! | `dynamic` | what a linked file says to the loader |
//! | `versions` | versions that symbols have, above all those that a group defines |
//! | `layout` | the version that tells at which places the symbols of a group lie |
//! | `exports` | the definitions of a shared object, by name |
//! | `definitions`, `references` | what a shared object defines and what it takes from elsewhere |

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
pub use definitions::{definitions, has_private, names, private_among};
pub use dynamic::DynamicInfo;
pub use exports::Names;
pub(crate) use exports::{Definition, Exports};
pub(crate) use names::{is_mangled_by_rustc, ties_to_runtime};
pub use references::{
    OpenReference, open_references, open_references_in, references_among, undefined_references,
};
pub(crate) use relocations::{PlaceRelocations, has_place, is_bindable, loaded_tables};
pub(crate) use symbols::{GlobalSymbol, Role, global_symbols, set_visibility};
