//! What the engine asks of the system.
//!
//! | module | what it does |
//! |---|---|
//! | `files` | reads files by maps, and writes them so that nobody sees half of one |
//! | `placement` | puts the linker wrapper where rustc finds it |
//! | `parallel` | shares work of a few milliseconds among threads |
//! | `threads`, `tokens` | take threads from Cargo's jobserver |

pub(crate) mod files;
pub(crate) mod parallel;
pub(crate) mod placement;
pub(crate) mod threads;
mod tokens;
