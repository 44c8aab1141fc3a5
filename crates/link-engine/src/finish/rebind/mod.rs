//! Binding anew: a group follows those below it without another link.
//!
//! An edit may give a group another layout while the members of a group above it stay as they were.
//! Another link of the upper group would change only three things: the names of the groups below,
//! the names of their layouts, and the addresses to which its references are
//! [bound](crate::finish::bind). So [`Rebind`] takes the finished file of such a group and writes
//! back the bytes that binding has overwritten. It replaces the names, which have the same lengths,
//! and binds the file to the new groups below. The result has the bytes that another link by lld or
//! mold would give it, except for a build id, which stays. (GNU ld puts references, and the slots
//! for their addresses, in the order of a hash of name and version; [`Rebind`] keeps their old
//! order.)
//!
//! The finished file no longer has the overwritten bytes, so a second file beside it keeps them
//! ([`Unbound`]). The second file also records facts about the groups below that the linker saw and
//! that the finished file does not show. If the new groups would show the linker other facts, or if
//! a file is not as expected, there is an [`Obstacle`], and the group has to be linked.
//!
//! The layout of the group itself stays, since no symbol of it moves.

mod names;
mod relations;
mod unbound;

use std::fs;
use std::path::Path;

use object::elf::FileHeader64;
use object::{Endianness, FileKind};

pub use self::unbound::Unbound;
use crate::system::files::{self, Patch};
use crate::{Error, Result};

/// We bind only 64-bit files.
type Class = FileHeader64<Endianness>;

/// A name, and the one that takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renamed<'a> {
    /// The name in the older content.
    pub old: &'a str,
    /// The name for the new content, which has as many bytes.
    pub new: &'a str,
}

/// A group below the one that is bound anew, changed or not.
#[derive(Debug, Clone, Copy)]
pub struct Below<'a> {
    /// Its soname.
    pub soname: Renamed<'a>,
    /// The name of the version of its [layout](crate::elf::layout::of). `None` if it had and has
    /// none.
    pub layout: Option<Renamed<'a>>,
    /// The bytes of its new shared object.
    pub bytes: &'a [u8],
}

/// An older content of a group, and how to bind it to new groups below. (A *content* of a group is
/// one of its shared objects on disk.)
#[derive(Debug, Clone, Copy)]
pub struct Rebind<'a> {
    /// The older content. It is not changed.
    pub shared_object: &'a Path,
    /// The [`Unbound`] that was written when that content was bound.
    pub unbound: &'a Path,
    /// The soname of the group.
    pub soname: Renamed<'a>,
    /// All groups below, in the order in which the linker was given them, and [`Unbound::bind`]
    /// too.
    pub below: &'a [Below<'a>],
    /// Where the new content goes. An existing file is overwritten in place, so no other process
    /// may know it yet.
    pub result: &'a Path,
    /// Where the [`Unbound`] of the new content goes, in one step.
    pub result_unbound: &'a Path,
}

/// Why a group cannot be bound anew and has to be linked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// The older content, or its [`Unbound`], cannot be read, or it or a group below is malformed.
    #[error("{0}")]
    Unreadable(String),
    /// The older content is no file that can be bound.
    #[error("it is no ELF file of 64 bits")]
    NotBound,
    /// The [`Unbound`] beside the older content is that of another file.
    #[error("the file is not the one that was bound")]
    OtherFile,
    /// A name is not where we expect it, is a part of another one, or has another length than its
    /// replacement.
    #[error("the name `{0}` cannot be replaced")]
    Name(String),
    /// The groups below define or use a symbol in another way than before.
    #[error("`{0}` is defined or used in another way")]
    Symbol(String),
}

impl Rebind<'_> {
    /// Makes the new content and its [`Unbound`]. If there is an [`Obstacle`], it makes neither, or
    /// leaves `result` with bytes that nobody must use.
    ///
    /// # Errors
    /// When a result cannot be written.
    pub fn run(&self) -> Result<Result<(), Obstacle>> {
        let undone = match self.undo() {
            Ok(undone) => undone,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        fs::copy(self.shared_object, self.result).map_err(Error::io("write", self.result))?;
        files::patch(self.result, &undone.patches)?;
        let below = self.below.iter();
        let below: Vec<(&str, &[u8])> =
            below.map(|group| (group.soname.new, group.bytes)).collect();
        let data = files::map(self.result)?;
        let (unbound, patches) = match Unbound::related(&data, &below, undone.unbound.relations) {
            Ok(bound) => bound,
            Err(error) => return Ok(Err(error.into())),
        };
        drop(data);
        files::patch(self.result, &patches)?;
        unbound.write(self.result_unbound).map(Ok)
    }

    fn undo(&self) -> Result<Undone, Obstacle> {
        let unreadable = |error: Error| Obstacle::Unreadable(error.chain());
        let unbound = Unbound::read(self.unbound).map_err(unreadable)?;
        let data = files::map(self.shared_object).map_err(unreadable)?;
        let patches = undo_patches(&data, &unbound, self.soname, self.below)?;
        Ok(Undone { unbound, patches })
    }
}

/// The patches that turn an older content back into the linker's output, with new names.
struct Undone {
    unbound: Unbound,
    patches: Vec<Patch>,
}

impl From<object::read::Error> for Obstacle {
    fn from(error: object::read::Error) -> Obstacle {
        Obstacle::Unreadable(error.to_string())
    }
}

/// What [`Rebind`] writes before it binds, from the bytes of the older content.
///
/// # Errors
/// The obstacle, if these cannot be bound anew.
pub fn undo_patches(
    data: &[u8],
    unbound: &Unbound,
    soname: Renamed<'_>,
    below: &[Below<'_>],
) -> Result<Vec<Patch>, Obstacle> {
    if !matches!(FileKind::parse(data), Ok(FileKind::Elf64)) {
        return Err(Obstacle::NotBound);
    }
    if !unbound.is_of(data) {
        return Err(Obstacle::OtherFile);
    }
    let names = names::patches(data, soname, below)?;
    relations::check(data, below, &unbound.relations)?;
    let mut patches = unbound.overwritten.clone();
    patches.extend(names);
    Ok(patches)
}
