//! Binding anew: a group follows those below it without another link.
//!
//! When an edit gives a group another layout, the groups above it whose members are as they
//! were would come out of their links as they are, but for three things: the names of the groups
//! below, the names of their layouts, and what the references to these are
//! [bound](crate::finish::bind) to. So [`Rebind`] takes the finished file of such a group, writes back
//! what binding has overwritten, replaces the names, which have the same lengths, and binds the file
//! to the new groups below. What comes out has the bytes that another link would give it, except
//! for a build id, which stays. (By lld and mold. GNU ld puts references, and the slots for their
//! addresses, in the order of a hash of name and version; here they keep the order that they have.)
//!
//! What has been overwritten is not in the finished file, so it is kept beside it
//! ([`Unbound`]). That file tells too what else the linker saw of the groups below and does not
//! show in the file. If the new groups would show the linker something else, or if a file is
//! not as expected, there is an [`Obstacle`], and the group has to be linked.
//!
//! The layout of the group itself stays, since no place of a symbol moves.

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

/// Only files of 64 bits are bound.
type Class = FileHeader64<Endianness>;

/// A name, and the one that takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renamed<'a> {
    /// What the older content has.
    pub old: &'a str,
    /// What the new content is to have: as many bytes.
    pub new: &'a str,
}

/// A group below the one that is bound anew, changed or not.
#[derive(Debug, Clone, Copy)]
pub struct Below<'a> {
    /// Its soname.
    pub soname: Renamed<'a>,
    /// The name of the version that tells of its [layout](crate::elf::layout::of). `None` if it had
    /// and has none.
    pub layout: Option<Renamed<'a>>,
    /// The bytes of its new shared object.
    pub bytes: &'a [u8],
}

/// An older content of a group to be bound to new groups below.
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
    /// Where the new content goes. What is there is overwritten in place, so nobody else may
    /// know the file yet.
    pub result: &'a Path,
    /// Where the [`Unbound`] of the new content goes, in one step.
    pub result_unbound: &'a Path,
}

/// Why a group cannot be bound anew and has to be linked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// The older content, or what is kept beside it, cannot be read, or it or a group below is
    /// malformed.
    #[error("{0}")]
    Unreadable(String),
    /// The older content is no file that can be bound.
    #[error("it is no ELF file of 64 bits")]
    NotBound,
    /// What is kept beside the older content is about another file.
    #[error("the file is not the one that was bound")]
    OtherFile,
    /// A name is not where it is expected, is a part of another one, or has another length than
    /// what is to take its place.
    #[error("the name `{0}` cannot be replaced")]
    Name(String),
    /// The groups below define or use a symbol in another way than before.
    #[error("`{0}` is defined or used in another way")]
    Symbol(String),
}

impl Rebind<'_> {
    /// Makes the new content and its [`Unbound`]. With an [`Obstacle`], neither is made, or
    /// `result` is left with bytes that nobody must use.
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

/// What takes an older content back to what the linker has made, with new names.
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
/// When these cannot be bound anew.
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
