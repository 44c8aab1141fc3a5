//! The facts about rlibs from build to build.
//!
//! Reading the rlibs of a program takes a second and more, and most have not changed since the last
//! build. So we keep facts and hash with the [`Stamp`] of the file, and do not open an rlib with
//! the same stamp again.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use super::facts::{self, RlibFacts};
use super::hash::{self, PIECE};
use crate::system::files;
use crate::system::threads::Threads;
use crate::{Error, Result};

/// The format of facts. It changes when the same rlib would have other facts.
const FORMAT: &str = "rlib facts 6";

/// The properties by which we recognise a file without reading it.
///
/// A program that writes a file in place changes its time, and one that replaces it also changes
/// its inode. But the inode alone proves nothing, since file systems give the number of a removed
/// file to the next one. For example, rustc 1.95 writes an archive under a temporary name and
/// renames it, and on ext4 an rlib that is compiled again and again has two numbers in turns.
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

    /// The stamp of a file with these metadata.
    pub(crate) fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            size: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
        }
    }

    /// Whether a file with this stamp can be a copy of one with the stamp `other`. Who restores a
    /// directory gives its files other inodes, and many archives keep times in whole seconds.
    pub(crate) fn may_be_copy(&self, other: &Stamp) -> bool {
        let times = [self.modified, other.modified];
        let is_whole = times.iter().any(|time| time % NANOSECONDS == 0);
        let seconds = times.map(|time| time.div_euclid(NANOSECONDS));
        self.size == other.size && (times[0] == times[1] || is_whole && seconds[0] == seconds[1])
    }
}

/// Nanoseconds in a second.
const NANOSECONDS: i64 = 1_000_000_000;

/// A time in nanoseconds.
pub(crate) fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(NANOSECONDS).saturating_add(rest)
}

/// Whether any change of a file after the time `read` gives it another time than `changed`, which
/// it had then.
///
/// Two changes within one unit of the file system's clock give the file the same time. So a file
/// that was changed less than a unit before we read it may have changed after we read it. If times
/// have no fraction, the unit is one or two seconds (FAT has two, HFS+ and older network file
/// systems one). Otherwise it is at most the tick of the kernel's clock, 1 to 16 ms, and ten times
/// that is on the safe side. Git has the same problem with its index (`racy-git` in its technical
/// documentation).
pub(crate) fn is_settled(changed: i64, read: SystemTime) -> bool {
    let unit = match changed % NANOSECONDS {
        0 => Duration::from_secs(2),
        _ => Duration::from_millis(160),
    };
    let read = read.duration_since(SystemTime::UNIX_EPOCH);
    let age = read.map(|read| read.as_nanos() as i128 - i128::from(changed));
    age.is_ok_and(|age| age >= unit.as_nanos() as i128)
}

/// An rlib as it was when it was read.
///
/// On disk, it has a check, so that we refuse a damaged record and one that another version of the
/// engine wrote: a wrong offset would damage the copy of an rlib, and a missing fact would let a
/// library into a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "KeptRlib", try_from = "KeptRlib")]
pub struct KnownRlib {
    /// The stamp by which we recognise it. `None` if it had been modified so shortly before that it
    /// may change and keep the stamp.
    pub stamp: Option<Stamp>,
    /// The hash of its whole content.
    pub hash: blake3::Hash,
    /// The facts about it.
    pub facts: RlibFacts,
}

/// [`KnownRlib`] in its form on disk.
#[derive(Serialize, Deserialize)]
struct KeptRlib {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stamp: Option<Stamp>,
    /// In hexadecimal digits.
    hash: String,
    facts: RlibFacts,
    check: String,
}

impl KnownRlib {
    /// A hash that differs for other values, and for other versions of the engine.
    fn check(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let values = (FORMAT, self.stamp, self.hash.as_bytes(), &self.facts);
        // All of these values have a form in JSON, and hashing never fails.
        let _ = serde_json::to_writer(&mut hasher, &values);
        hasher.finalize().to_hex()[..CHECK_DIGITS].to_owned()
    }
}

/// Hexadecimal digits of a check.
const CHECK_DIGITS: usize = 16;

impl From<KnownRlib> for KeptRlib {
    fn from(known: KnownRlib) -> KeptRlib {
        KeptRlib {
            check: known.check(),
            stamp: known.stamp,
            hash: known.hash.to_hex().to_string(),
            facts: known.facts,
        }
    }
}

impl TryFrom<KeptRlib> for KnownRlib {
    type Error = &'static str;

    fn try_from(kept: KeptRlib) -> Result<KnownRlib, &'static str> {
        let known = KnownRlib {
            stamp: kept.stamp,
            hash: blake3::Hash::from_hex(kept.hash).map_err(|_| "no hash")?,
            facts: kept.facts,
        };
        if known.check() != kept.check {
            return Err("facts of an rlib that are damaged, or of another version");
        }
        Ok(known)
    }
}

/// Facts and hash of each of `rlibs`, in their order.
///
/// An rlib that is `known` by its stamp is not opened, and one whose content is known is only
/// hashed. As many of `threads` as are free read the others. The result does not depend on their
/// number.
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
    /// Its stamp before it was read, if any later change will show in it.
    stamp: Option<Stamp>,
    content: Mmap,
}

impl OpenRlib<'_> {
    fn open(path: &Path) -> Result<OpenRlib<'_>> {
        let (content, metadata) = files::map_with_metadata(path)?;
        let stamp = Stamp::of(&metadata);
        Ok(OpenRlib {
            path,
            stamp: is_settled(stamp.modified, SystemTime::now()).then_some(stamp),
            content,
        })
    }
}
