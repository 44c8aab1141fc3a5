//! What is kept on disk.

pub mod content;
pub mod manifest;
pub mod sweep;
