//! The hash of a file, by several threads.
//!
//! BLAKE3 hashes a tree, whose leaves have 1,024 bytes. So pieces of a power of two of leaves can
//! be hashed on their own.

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};
use blake3::{Hash, Hasher};

use crate::system::parallel;

/// Size of a piece, in bytes: one or two milliseconds of work.
pub(super) const PIECE: usize = 4 << 20;

/// [`blake3::hash`] of each of these contents, by so many threads.
pub(super) fn hash_all(contents: &[&[u8]], threads: usize) -> Vec<Hash> {
    let large = contents.iter().filter(|content| content.len() > PIECE);
    let small = contents.iter().filter(|content| content.len() <= PIECE);
    let pieces: Vec<(usize, &[u8])> = large
        .flat_map(|content| content.chunks(PIECE).enumerate())
        .collect();
    let small: Vec<&[u8]> = small.copied().collect();

    let subtrees = parallel::map_by(threads, &pieces, |(index, piece)| {
        let mut hasher = Hasher::new();
        hasher.set_input_offset((index * PIECE) as u64);
        hasher.update(piece).finalize_non_root()
    });
    let hashes = parallel::map_by(threads, &small, |content| blake3::hash(content));

    let mut subtrees = &subtrees[..];
    let mut hashes = hashes.into_iter();
    contents
        .iter()
        .filter_map(|content| {
            if content.len() <= PIECE {
                return hashes.next();
            }
            let (own, others) = subtrees.split_at(content.len().div_ceil(PIECE));
            subtrees = others;
            let (left, right) = children(own, content.len());
            Some(merge_subtrees_root(&left, &right, Mode::Hash))
        })
        .collect()
}

/// The two subtrees of a tree of more than one piece, given its pieces and its size in bytes.
fn children(pieces: &[ChainingValue], size: usize) -> (ChainingValue, ChainingValue) {
    let left_size = left_subtree_len(size as u64) as usize;
    let (left, right) = pieces.split_at(left_size / PIECE);
    (subtree(left, left_size), subtree(right, size - left_size))
}

fn subtree(pieces: &[ChainingValue], size: usize) -> ChainingValue {
    if let [piece] = pieces {
        return *piece;
    }
    let (left, right) = children(pieces, size);
    merge_subtrees_non_root(&left, &right, Mode::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_whole() {
        let bytes: Vec<u8> = (0..6 * PIECE + 1).map(|index| (index / 7) as u8).collect();
        let sizes = [
            0,
            1,
            PIECE - 1,
            PIECE,
            PIECE + 1,
            2 * PIECE,
            3 * PIECE,
            4 * PIECE + 1024,
            6 * PIECE + 1,
        ];
        let contents: Vec<&[u8]> = sizes.iter().map(|size| &bytes[..*size]).collect();
        let expected: Vec<Hash> = contents.iter().map(|bytes| blake3::hash(bytes)).collect();
        for threads in [1, 3] {
            assert_eq!(hash_all(&contents, threads), expected);
        }
    }
}
