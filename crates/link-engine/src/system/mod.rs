//! Files and threads.

pub(crate) mod files;
pub(crate) mod parallel;
pub(crate) mod threads;
mod tokens;
