//! The engine's access to the system.
//!
//! | module | what it does |
//! |---|---|
//! | `files` | maps files for reading, and writes them so that no process sees half of one |
//! | `placement` | puts the linker wrapper where rustc calls it |
//! | `parallel` | shares work of a few milliseconds among threads |
//! | `threads`, `tokens` | take threads from Cargo's jobserver |

pub(crate) mod files;
pub(crate) mod parallel;
pub(crate) mod placement;
pub(crate) mod threads;
mod tokens;
