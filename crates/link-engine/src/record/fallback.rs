//! The report that the linker wrapper leaves when it falls back to the static link.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Why an executable was linked statically after all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Fallback {
    /// The groups do not fit this program.
    Unfit {
        /// Why, as a phrase.
        reason: String,
        /// The group members at fault, by their names for people.
        libraries: Vec<String>,
    },
    /// The wrapper itself failed.
    Engine {
        /// The error with its causes, one a line.
        error: String,
    },
    /// The linker refused to link against the groups, and did not refuse the
    /// static link.
    Refused {
        /// The linker's own words.
        stderr: String,
        /// Response file with the link line that failed. The files it names stay until the next
        /// link of the executable, and for a doctest only if the task says so.
        link_line: PathBuf,
        /// Group members that refer to a symbol which nothing defines.
        dangling: Vec<DanglingReference>,
    },
}

/// A reference to a symbol that nothing defines, in code that a static link leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DanglingReference {
    /// The symbol.
    pub symbol: String,
    /// The group member with the reference, by its name for people.
    pub library: String,
}
