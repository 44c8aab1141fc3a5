//! Link lines.

pub mod link_line;
pub(crate) mod linker;
pub mod options;
pub mod pe;
pub mod response_file;
pub(crate) mod syntax;
