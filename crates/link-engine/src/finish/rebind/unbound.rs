//! The bytes that binding has overwritten in a shared object, and the file that keeps them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::relations::{self, Relation};
use crate::finish::bind;
use crate::system::files::{self, Patch};
use crate::{Error, Result};

/// The first bytes of the file. The digit changes with the format.
const MAGIC: &[u8; 16] = b"dynamic-deps ub1";

/// The bytes that make a bound shared object unbound again, and the facts about its link that
/// [`Rebind`](super::Rebind) needs.
///
/// The file has `MAGIC`, a hash of the rest of the file and of the bound pieces of the shared
/// object (32 bytes), and then, as numbers in little-endian order, the length of the shared object
/// (8), the number of pieces that were overwritten (4), each with its offset (8), length (4) and
/// bytes, and the number of relations (4), each with symbol (4), group (4) and kind (1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbound {
    /// Hash of all the rest, and of the bytes that binding has written over the pieces.
    hash: blake3::Hash,
    /// Length of the shared object, in bytes.
    length: u64,
    /// The pieces as they were before binding.
    pub(super) overwritten: Vec<Patch>,
    pub(super) relations: BTreeSet<Relation>,
}

impl Unbound {
    /// [Binds](bind::bind) a finished shared object to these groups, all that it was linked
    /// against, in the order in which the linker was given them.
    ///
    /// # Errors
    /// When a file cannot be read or written, or is malformed.
    pub fn bind(shared_object: &Path, groups: &[(&str, &[u8])]) -> Result<Unbound> {
        let data = files::map(shared_object)?;
        let (unbound, patches) =
            Unbound::of(&data, groups).map_err(Error::object(shared_object))?;
        drop(data);
        files::patch(shared_object, &patches)?;
        Ok(unbound)
    }

    /// Like [`Unbound::bind`], from the bytes of the shared object. Also returns the patches to
    /// write to it.
    ///
    /// # Errors
    /// When a file is malformed.
    pub fn of(
        data: &[u8],
        groups: &[(&str, &[u8])],
    ) -> object::read::Result<(Unbound, Vec<Patch>)> {
        let relations = relations::of(data, groups)?;
        Unbound::related(data, groups, relations)
    }

    /// Like [`Unbound::of`], for a shared object that has these relations to the groups.
    pub(super) fn related(
        data: &[u8],
        groups: &[(&str, &[u8])],
        relations: BTreeSet<Relation>,
    ) -> object::read::Result<(Unbound, Vec<Patch>)> {
        let patches = bind::bind_patches(data, groups)?;
        let mut unbound = Unbound {
            hash: blake3::Hash::from_bytes([0; blake3::OUT_LEN]),
            length: data.len() as u64,
            overwritten: overwritten(data, &patches),
            relations,
        };
        let pieces = patches.iter().map(|patch| &*patch.bytes);
        unbound.hash = unbound.hash_with(pieces);
        Ok((unbound, patches))
    }

    fn hash_with<'a>(&self, pieces: impl Iterator<Item = &'a [u8]>) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.content());
        for piece in pieces {
            hasher.update(piece);
        }
        hasher.finalize()
    }

    /// Whether it is undamaged, and that of the shared object with these bytes.
    pub(super) fn is_of(&self, data: &[u8]) -> bool {
        let pieces = self.overwritten.iter().map(|patch| {
            let start = usize::try_from(patch.offset).ok()?;
            data.get(start..start.checked_add(patch.bytes.len())?)
        });
        let pieces: Option<Vec<&[u8]>> = pieces.collect();
        self.length == data.len() as u64
            && pieces.is_some_and(|pieces| self.hash_with(pieces.into_iter()) == self.hash)
    }

    /// Reads the file. Its users find out whether it is damaged.
    ///
    /// # Errors
    /// When it cannot be read, or is another file.
    pub fn read(path: &Path) -> Result<Unbound> {
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        Unbound::parse(&bytes).ok_or_else(|| Error::Unbound { path: path.into() })
    }

    /// Writes the file in one step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::write(path, &self.to_bytes())
    }

    /// Like [`Unbound::read`], from the bytes of the file. `None` if it is another one.
    pub fn parse(bytes: &[u8]) -> Option<Unbound> {
        let mut reader = Reader(bytes);
        if reader.array()? != MAGIC {
            return None;
        }
        let hash = blake3::Hash::from_bytes(*reader.array()?);
        let length = reader.u64()?;
        let mut overwritten = Vec::new();
        for _ in 0..reader.u32()? {
            let offset = reader.u64()?;
            let size = reader.u32()?;
            if offset.checked_add(size.into())? > length {
                return None;
            }
            let bytes = reader.bytes(size)?.to_vec();
            overwritten.push(Patch { offset, bytes });
        }
        let mut relations = BTreeSet::new();
        for _ in 0..reader.u32()? {
            relations.insert(Relation {
                symbol: reader.u32()?,
                group: reader.u32()?,
                kind: reader.array::<1>()?[0],
            });
        }
        reader.0.is_empty().then_some(Unbound {
            hash,
            length,
            overwritten,
            relations,
        })
    }

    /// The bytes that [`Unbound::write`] writes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.hash.as_bytes());
        bytes.extend(self.content());
        bytes
    }

    /// The bytes after the hash.
    fn content(&self) -> Vec<u8> {
        let mut bytes = self.length.to_le_bytes().to_vec();
        bytes.extend(count(self.overwritten.len()));
        for Patch { offset, bytes: old } in &self.overwritten {
            bytes.extend(offset.to_le_bytes());
            bytes.extend(count(old.len()));
            bytes.extend(old);
        }
        bytes.extend(count(self.relations.len()));
        for relation in &self.relations {
            bytes.extend(relation.symbol.to_le_bytes());
            bytes.extend(relation.group.to_le_bytes());
            bytes.push(relation.kind);
        }
        bytes
    }
}

/// A count in the file. If a count is too large for it, as for a table of relocations of 4 GiB, the
/// file is refused when it is read.
fn count(count: usize) -> [u8; 4] {
    (count as u32).to_le_bytes()
}

/// The bytes that these patches replace. The patches must lie within the data.
fn overwritten(data: &[u8], patches: &[Patch]) -> Vec<Patch> {
    let patches = patches.iter();
    patches
        .map(|Patch { offset, bytes }| Patch {
            offset: *offset,
            bytes: data[*offset as usize..][..bytes.len()].to_vec(),
        })
        .collect()
}

/// The rest of the bytes of a file.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    fn bytes(&mut self, size: u32) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(size.try_into().ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }
}
