//! What is known of rlibs from build to build.
//!
//! Reading the rlibs of a program takes a second and more, and most are as they were at the
//! last build. So facts and hash are kept with the [`Stamp`] of the file, and an rlib with the
//! same stamp is not opened again.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use super::facts::{self, RlibFacts};
use super::hash::{self, PIECE};
use crate::threads::Threads;
use crate::{Error, Result, files};

/// Changes when the facts of the same rlib would be others.
const FORMAT: &str = "rlib facts 1";

/// By what a file is known again without being read.
///
/// Whoever writes a file in place gives it another time, and whoever replaces it another inode
/// too. But the inode alone proves nothing: file systems give the number of a removed file to
/// the next one. rustc 1.95 writes an archive under a temporary name and renames it, and on
/// ext4 an rlib that is compiled again and again has two numbers in turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last modification, in nanoseconds since 1970.
    pub modified: i64,
    /// Number of the inode.
    pub inode: u64,
}

impl Stamp {
    /// The stamp of the file `path`.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn of_file(path: &Path) -> Result<Stamp> {
        let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
        Ok(Stamp::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Stamp {
        let seconds = metadata.mtime().saturating_mul(NANOSECONDS);
        Stamp {
            size: metadata.len(),
            modified: seconds.saturating_add(metadata.mtime_nsec()),
            inode: metadata.ino(),
        }
    }

    /// Whether a file that had this stamp at the time `read` has another one if it was changed
    /// since.
    ///
    /// A change within the unit of the clock that the file system has gives the file the same
    /// time once more, so what was modified less than a unit before it was read may have been
    /// changed behind the reader. That unit is one or two seconds where times have no
    /// fraction (FAT has two, HFS+ and older network file systems one); else it is at most
    /// that by which the clock of the kernel goes on, 1 to 16 ms, and ten times that is on the
    /// safe side. Git meets the same with its index (`racy-git` in its technical documentation).
    fn is_settled(&self, read: SystemTime) -> bool {
        let unit = match self.modified % NANOSECONDS {
            0 => Duration::from_secs(2),
            _ => Duration::from_millis(160),
        };
        let read = read.duration_since(SystemTime::UNIX_EPOCH);
        let age = read.map(|read| read.as_nanos() as i128 - i128::from(self.modified));
        age.is_ok_and(|age| age >= unit.as_nanos() as i128)
    }
}

/// Nanoseconds in a second.
const NANOSECONDS: i64 = 1_000_000_000;

/// An rlib as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRlib {
    /// The stamp by which it is known again. `None` when it had been modified so shortly
    /// before that it may change and keep the stamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// The hash of its whole content.
    #[serde(with = "hexadecimal")]
    pub hash: blake3::Hash,
    /// What was seen in it.
    #[serde(default)]
    pub facts: RlibFacts,
}

/// A hash as hexadecimal digits.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        hash: &blake3::Hash,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hash.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<blake3::Hash, D::Error> {
        let digits = String::deserialize(deserializer)?;
        blake3::Hash::from_hex(digits).map_err(D::Error::custom)
    }
}

/// Rlibs that were read, by their file names: a file that lasts from build to build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KnownRlibs(BTreeMap<String, KnownRlib>);

impl KnownRlibs {
    /// Reads the file `path`. Nothing is known when there is none, when it is damaged, or when
    /// another version of the engine wrote it.
    pub fn read(path: &Path) -> KnownRlibs {
        let bytes = fs::read(path).unwrap_or_default();
        KnownRlibs::parse(&bytes).unwrap_or_default()
    }

    /// Like [`KnownRlibs::read`], from the bytes of the file. `None` when they are damaged or of
    /// another version.
    pub fn parse(bytes: &[u8]) -> Option<KnownRlibs> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (first, rest) = bytes.split_at(end + 1);
        if first != first_line(rest).as_bytes() {
            return None;
        }
        serde_json::from_slice(rest).ok()
    }

    /// Writes the file `path` in one step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_vec(self).map_err(|source| Error::Json {
            path: path.to_owned(),
            source,
        })?;
        let mut bytes = first_line(&json).into_bytes();
        bytes.extend(json);
        files::write(path, &bytes)
    }

    /// What is known under the file name of `rlib`.
    pub fn get(&self, rlib: &Path) -> Option<KnownRlib> {
        self.0.get(file_name(rlib)?).cloned()
    }

    /// Notes what is known of `rlib`. One whose name is not UTF-8 will be read again.
    pub fn insert(&mut self, rlib: &Path, known: KnownRlib) {
        if let Some(name) = file_name(rlib) {
            self.0.insert(name.to_owned(), known);
        }
    }
}

/// The first line of a file with this content, which tells who wrote it and whether it is whole:
/// a wrong offset in the facts would damage the copy of an rlib.
fn first_line(json: &[u8]) -> String {
    format!("{FORMAT} {}\n", blake3::hash(json))
}

fn file_name(rlib: &Path) -> Option<&str> {
    rlib.file_name()?.to_str()
}

/// Facts and hash of each of `rlibs`, in their order.
///
/// An rlib that is `known` by its stamp is not opened, and one whose content is known is only
/// hashed. The others are read by as many of `threads` as are free. What comes out does not
/// depend on their number.
///
/// # Errors
/// When a file cannot be read or is no archive.
pub fn read_rlibs(
    rlibs: &[&Path],
    known: impl Fn(&Path) -> Option<KnownRlib>,
    threads: &Threads,
) -> Result<Vec<KnownRlib>> {
    let mut results = Vec::new();
    let mut opened = Vec::new();
    let mut earlier = Vec::new();
    for rlib in rlibs {
        let known = known(rlib);
        let is_current = match known.as_ref().and_then(|known| known.stamp) {
            Some(stamp) => stamp == Stamp::of_file(rlib)?,
            None => false,
        };
        if is_current {
            results.push(known);
        } else {
            results.push(None);
            opened.push(OpenRlib::open(rlib)?);
            earlier.push(known);
        }
    }

    let contents: Vec<&[u8]> = opened.iter().map(|rlib| &rlib.content[..]).collect();
    let size: usize = contents.iter().map(|content| content.len()).sum();
    let taken = threads.take(size.div_ceil(PIECE));
    let hashes = hash::hash_all(&contents, taken.threads());
    let known = earlier.into_iter().zip(&hashes).map(|(earlier, hash)| {
        let same = earlier.filter(|earlier| earlier.hash == *hash);
        same.map(|earlier| earlier.facts)
    });
    let known: Vec<Option<RlibFacts>> = known.collect();
    let new = contents.iter().zip(&known);
    let new: Vec<&[u8]> = new
        .filter_map(|(content, known)| known.is_none().then_some(*content))
        .collect();
    let mut new = facts::parse_all(&new, taken.threads()).into_iter();
    drop(taken);

    let mut read = opened.iter().zip(hashes).zip(known);
    let result = |known: Option<KnownRlib>| {
        let read = || {
            let ((rlib, hash), known) = read.next()?;
            let facts = match known {
                Some(facts) => Ok(facts),
                None => new.next()?.map_err(facts::parse_error(rlib.path)),
            };
            Some(facts.map(|facts| KnownRlib {
                stamp: rlib.stamp,
                hash,
                facts,
            }))
        };
        known.map(Ok).or_else(read)
    };
    results.into_iter().filter_map(result).collect()
}

/// An rlib to be read.
struct OpenRlib<'a> {
    path: &'a Path,
    /// Its stamp before it was read, if that tells of any later change.
    stamp: Option<Stamp>,
    content: Mmap,
}

impl OpenRlib<'_> {
    fn open(path: &Path) -> Result<OpenRlib<'_>> {
        let (content, metadata) = files::map_with_metadata(path)?;
        let stamp = Stamp::of(&metadata);
        Ok(OpenRlib {
            path,
            stamp: stamp.is_settled(SystemTime::now()).then_some(stamp),
            content,
        })
    }
}
