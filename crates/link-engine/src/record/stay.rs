//! Libraries that stay in the executable.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::rlib::SharedState;

/// A library that stays in the executable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Its name for people: package and version.
    pub name: String,
    /// File name of its rlib.
    pub rlib: String,
    /// Hash of the content of its rlib, in hexadecimal digits. Empty where there is no rlib.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// Why.
    #[serde(flatten)]
    pub reason: StayReason,
    /// What it defines as any number of others may.
    #[serde(default, skip_serializing_if = "SharedState::is_empty")]
    pub shared_state: SharedState,
}

/// Why a library stays in the executable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum StayReason {
    /// It has constructors of C, destructors, or functions that choose the address of another one
    /// when the loader asks for it (`ifunc`). A static link takes an object with such code only
    /// if something refers to it; a shared object always has it.
    RunsByItself,
    /// Its thread locals are large. Each thread of a program has those of all shared objects that
    /// the program loads, and they take from the stack of the thread. A static link drops those
    /// that the program does not use.
    LargeThreadLocals,
    /// It adds to a section that the linker gathers for each output (`linkme`, `__start_…` and
    /// `__stop_…`). A shared object and an executable would each see a part.
    GatheredSection {
        /// Name of that section.
        section: String,
    },
    /// It refers to a symbol that the linker defines for each output, and means that of the
    /// program.
    LinkerDefined {
        /// Name of that symbol.
        symbol: String,
    },
    /// It holds something other than ELF objects.
    ForeignMember {
        /// Name of the archive member.
        member: String,
    },
    /// It holds a `#[global_allocator]`. A program that depends on it without naming
    /// it has the default allocator, and its shared objects must have the same.
    ProvidesAllocator,
    /// It hides symbols in code that rustc did not make. Other outputs have to see these in its
    /// shared object, and one that shows all its symbols would show them to whatever the program
    /// loads.
    HidesSymbols,
    /// It defines a symbol that the program may define in its place.
    WeakDefinition {
        /// Name of that symbol.
        symbol: String,
    },
    /// A weak reference joins it with another library, or with another part of itself. A static
    /// link takes an archive member only if something else refers to it, and otherwise leaves a
    /// weak reference open. A shared object has all members.
    WeakReference {
        /// Name of the symbol.
        symbol: String,
        /// Name of the other library.
        library: String,
    },
    /// It refers to a symbol of a library on which it does not depend. A static link takes that
    /// definition only if the program has the library; a shared object would always have it.
    UndeclaredReference {
        /// Name of the symbol.
        symbol: String,
        /// Name of the other library.
        library: String,
    },
    /// It defines a symbol that another library of the group defines too. A static link takes the
    /// definition that it needs first.
    Clash {
        /// Name of that symbol.
        symbol: String,
        /// Name of the other library.
        library: String,
    },
    /// It defines a symbol that a library of the platform defines too, and would replace it for the
    /// whole process. A static link takes its definition only if the program uses the library.
    Replaces {
        /// Name of that symbol.
        symbol: String,
    },
    /// The linker makes no shared object with it.
    LinkerRefuses {
        /// The linker's own words.
        words: String,
    },
    /// No shared object could be made of its group.
    Refused,
    /// It could not be compiled, so no executable of this build has it.
    NotCompiled,
    /// It depends on a library that stays.
    DependsOn {
        /// Name of that library.
        library: String,
    },
}

impl fmt::Display for StayReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StayReason::RunsByItself => f.write_str("it has code that runs before or after `main`"),
            StayReason::LargeThreadLocals => {
                f.write_str("its thread locals take much of the stack of each thread")
            }
            StayReason::GatheredSection { section } => {
                write!(
                    f,
                    "it adds to the section `{section}`, which the linker gathers"
                )
            }
            StayReason::LinkerDefined { symbol } => write!(
                f,
                "it asks for `{symbol}`, which the linker defines for each output"
            ),
            StayReason::ForeignMember { member } => {
                write!(f, "its archive member `{member}` is no ELF object")
            }
            StayReason::ProvidesAllocator => f.write_str("it provides the global allocator"),
            StayReason::HidesSymbols => {
                f.write_str("what the program loads would see symbols that it hides")
            }
            StayReason::WeakDefinition { symbol } => {
                write!(f, "it defines `{symbol}` unless the program does")
            }
            StayReason::WeakReference { symbol, library } => write!(
                f,
                "a weak reference to `{symbol}` joins it with `{library}`, and a static link may leave \
                 that open"
            ),
            StayReason::UndeclaredReference { symbol, library } => write!(
                f,
                "it refers to `{symbol}` of `{library}`, on which it does not depend"
            ),
            StayReason::Clash { symbol, library } => {
                write!(f, "it defines `{symbol}`, as `{library}` does")
            }
            StayReason::Replaces { symbol } => {
                write!(f, "it defines `{symbol}`, as the platform does")
            }
            StayReason::LinkerRefuses { .. } => {
                f.write_str("the linker makes no shared object with it")
            }
            StayReason::Refused => f.write_str("no shared object could be made of its group"),
            StayReason::NotCompiled => f.write_str("it could not be compiled"),
            StayReason::DependsOn { library } => {
                write!(f, "it depends on `{library}`, which stays")
            }
        }
    }
}
