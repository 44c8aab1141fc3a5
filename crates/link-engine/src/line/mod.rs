//! Link lines, and the linker that reads them.
//!
//! | module | its subject |
//! |---|---|
//! | `syntax` | whether a driver or a linker reads a line, and the form of options for it |
//! | `response_file` | lines that are too long |
//! | `arguments` | the meaning of an argument |
//! | `words` | the words that the linker behind a driver gets |
//! | `inputs` | the inputs among them, and in linker scripts |
//! | `template` | the template of links, learned from a line of rustc |
//! | `search` | where linkers look for libraries |
//! | `linker` | recognising the linker |
//! | `threads` | the number of threads of the linker |
//! | `run` | running the linker |

pub mod arguments;
#[cfg(test)]
pub(crate) mod for_tests;
pub(crate) mod inputs;
pub(crate) mod linker;
pub mod response_file;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod syntax;
pub mod template;
pub(crate) mod threads;
pub(crate) mod words;
