//! Link lines: how they are read, and the linker that reads them.
//!
//! | module | what it knows |
//! |---|---|
//! | `syntax` | who reads a line, and how an option is said to it |
//! | `response_file` | lines that are too long |
//! | `arguments` | what an argument means to us |
//! | `words` | what the linker behind a driver gets |
//! | `template` | how rustc links on this platform |
//! | `search` | where libraries are looked for |
//! | `linker` | which linker it is |
//! | `threads` | how many threads it uses |
//! | `run` | runs it |

pub mod arguments;
#[cfg(test)]
pub(crate) mod for_tests;
pub(crate) mod linker;
pub mod response_file;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod syntax;
pub mod template;
pub(crate) mod threads;
pub(crate) mod words;
