//! Why groups do not fit a program, and what Cargo is told about the static link.

use std::fmt;

use crate::Error;
use crate::record::Fallback;

/// The definer of a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definer {
    /// A group member, by its name for people.
    Member(String),
    /// A library that is linked into the executable, by its name for people.
    Outside(String),
    /// The objects of the program.
    Program,
}

impl fmt::Display for Definer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Definer::Member(name) | Definer::Outside(name) => write!(f, "`{name}`"),
            Definer::Program => f.write_str("the program"),
        }
    }
}

/// Why the groups do not fit a link line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// rustc changed an rlib before linking it.
    #[error("rustc links a changed copy of `{rlib}`")]
    ChangedRlib {
        /// File name of the rlib.
        rlib: String,
    },
    /// The line names none of the rlibs in the groups.
    #[error("the program links none of the libraries in the groups")]
    NoMember,
    /// The process would have a symbol twice, each with a state of its own.
    #[error("`{symbol}` is defined by both {one} and {other}")]
    Clash {
        /// The symbol.
        symbol: String,
        /// Who defines it.
        one: Definer,
        /// Who defines it too.
        other: Definer,
    },
    /// A link arg gives a symbol another meaning in all libraries, and the groups were linked
    /// without it.
    #[error("the link arg `{link_arg}` is for all libraries, and groups are linked without it")]
    Rebound {
        /// The link arg.
        link_arg: String,
    },
    /// A link arg brings a linker script, which decides on the sections of all libraries.
    #[error("the link arg `{link_arg}` brings a linker script, which may gather what is in groups")]
    Scripted {
        /// The link arg.
        link_arg: String,
    },
    /// A link arg shows the symbols of the program to libraries that it loads later.
    #[error(
        "the link arg `{link_arg}` shows symbols to what the program loads, and groups are \
         linked without it"
    )]
    Shown {
        /// The link arg.
        link_arg: String,
    },
    /// A library runs code before `main`, and the line does not say whether a static link
    /// takes it.
    #[error(
        "{definer} has code to be run before `main` that rustc does not mark as used (`{symbol}`)"
    )]
    Unmarked {
        /// The symbol of the entry in the list of such code.
        symbol: String,
        /// The library.
        definer: Definer,
    },
    /// The executable refers to a symbol of a shared object in a way that gives it another
    /// address, or none.
    #[error("the program refers to `{symbol}` by the distance from its code (assembler?)")]
    ByDistance {
        /// The symbol.
        symbol: String,
    },
    /// A user of a symbol does not see its definition in a group.
    #[error("`{symbol}` is defined by {definer}, and {user} uses it without depending on it")]
    Unseen {
        /// The symbol.
        symbol: String,
        /// Who defines it.
        definer: Definer,
        /// The group or shared library that uses it, for people.
        user: String,
    },
    /// A link arg names a function for the loader to call, and the linker looks for it in the
    /// executable alone.
    #[error(
        "`{symbol}` is defined by {definer}, and the link arg `{link_arg}` has the loader call it"
    )]
    Called {
        /// The function.
        symbol: String,
        /// Who defines it.
        definer: Definer,
        /// The link arg.
        link_arg: String,
    },
    /// The linker looks for a function in the executable alone, to have the loader call it.
    #[error("`{symbol}` is defined by {definer}, and a program takes it from its executable alone")]
    OfTheExecutable {
        /// The function.
        symbol: String,
        /// Who defines it.
        definer: Definer,
    },
    /// A weak reference, which a static link may leave open.
    #[error(
        "`{symbol}` is defined by {definer}, and {user} refers to it weakly, which a static link may \
         leave open"
    )]
    WeakReference {
        /// The symbol.
        symbol: String,
        /// Who defines it.
        definer: Definer,
        /// Who refers to it.
        user: Definer,
    },
    /// A group refers to a symbol without a version, and the loader would not take the definition
    /// that a linker takes.
    #[error(
        "`{library}` has versions of `{symbol}`, and no build script asks for that library, so that \
         a group would get an older version"
    )]
    OlderVersion {
        /// The symbol.
        symbol: String,
        /// File name of the library that defines it.
        library: String,
        /// The group members that refer to it, by their names for people.
        users: Vec<String>,
    },
    /// The user gave the executable a run path, which the loader does not use for a library that a
    /// group opens.
    #[error(
        "the executable has a run path, by which `{}` would not find libraries to open",
        users.join("` and `")
    )]
    OpensLibraries {
        /// The group members that open libraries, by their names for people.
        users: Vec<String>,
    },
    /// The line has another standard library or panic runtime than the groups.
    #[error("rustc links `{rlib}`, and the groups another one")]
    OtherSysroot {
        /// File name of the rlib.
        rlib: String,
    },
    /// The line lacks the standard library, while the groups use it.
    #[error("the program does not link the standard library")]
    NoStd,
}

impl Unfit {
    /// The libraries at fault, by their names for people.
    fn libraries(&self) -> Vec<String> {
        let definers = match self {
            Unfit::Clash { one, other, .. } => vec![one, other],
            Unfit::Unseen { definer, .. }
            | Unfit::Unmarked { definer, .. }
            | Unfit::Called { definer, .. }
            | Unfit::OfTheExecutable { definer, .. }
            | Unfit::WeakReference { definer, .. } => vec![definer],
            Unfit::OlderVersion { users, .. } | Unfit::OpensLibraries { users } => {
                return users.clone();
            }
            _ => return Vec::new(),
        };
        definers
            .into_iter()
            .filter_map(|definer| match definer {
                // The sysroot crates have no version, and no profile can keep them.
                Definer::Member(name) if name.contains(' ') => Some(name.clone()),
                Definer::Member(_) | Definer::Outside(_) | Definer::Program => None,
            })
            .collect()
    }
}

impl From<Unfit> for Fallback {
    fn from(unfit: Unfit) -> Self {
        Fallback::Unfit {
            libraries: unfit.libraries(),
            reason: unfit.to_string(),
        }
    }
}

impl From<Error> for Fallback {
    fn from(error: Error) -> Self {
        Fallback::Engine {
            error: error.chain(),
        }
    }
}
