//! The linker wrapper: our program in the place of the linker, when rustc links an executable.
//!
//! | module | what it does |
//! |---|---|
//! | `entry` | finds out whether the process was called as a linker, and reads its task |
//! | `link` | one link, from rustc's line to the finished executable |
//! | `groups` | reads the groups that the line uses, and makes stubs of them |
//! | `inputs` | reads the other inputs on the line |
//! | `libraries` | tells which native libraries on the line the executable has to load |
//! | `fit` | checks whether the groups fit these inputs; `unfit` has all answers |
//! | `constructors` | has the executable run the constructors of group members |
//! | `rewrite` | puts the groups in the place of their members on the line |
//! | `refused` | reads the messages of a linker that refuses |
//! | `loaded` | tells, of any executable, which shared objects of groups it loads |
//!
//! [`record::wrapper`](crate::record::wrapper) describes the files that Cargo writes for the
//! wrapper and the files that the wrapper writes for Cargo.

mod constructors;
mod entry;
pub(crate) mod fit;
mod groups;
mod inputs;
mod libraries;
mod link;
mod loaded;
pub(crate) mod refused;
pub(crate) mod rewrite;
pub(crate) mod unfit;

pub use entry::{Log, run_if_called_as_linker};
pub use loaded::{CannotLoad, export_groups, why_not_loadable};
