//! Files and threads.

pub(crate) mod files;
pub(crate) mod parallel;
pub mod threads;
mod tokens;
