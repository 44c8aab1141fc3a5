//! The files on disk for other jobs, for later builds and for people.
//!
//! | module | its files |
//! |---|---|
//! | `content` | shared objects, under names with a hash of their inputs |
//! | `manifest` | the description of a group, for links against it |
//! | `native` | the native libraries in it, by which a later build sees that they changed |
//! | `making` | when something was linked, and how long that took |
//! | `stay` | which libraries stay in the executables, and why |
//! | `facts` | the facts about libraries |
//! | `wrapper` | the task of a linker wrapper, and its reports |
//! | `fallback` | why it linked an executable statically |
//! | [`inventory`] | lists all of these |
//! | [`sweep`] | removes files that nothing needs any more |

mod content;
pub(crate) mod facts;
mod fallback;
pub mod inventory;
mod json;
mod making;
mod manifest;
mod native;
mod stay;
pub mod sweep;
pub mod wrapper;

pub use content::{ContentKey, GroupFiles, NAME_PREFIX};
pub(crate) use content::{file_names, remove, remove_unneeded_in};
pub use fallback::{DanglingReference, Fallback};
pub use json::{read_json, write_json};
pub use making::Making;
pub use manifest::{Binding, Effect, GroupManifest, Member, Refusal, SharedObject};
pub use native::{NativeFile, NativeLibrary};
pub use stay::{Stay, StayReason};
