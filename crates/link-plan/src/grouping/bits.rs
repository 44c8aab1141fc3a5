//! Sets of small numbers.

/// A set of numbers below a bound, one bit each: a large workspace has thousands of libraries and
/// hundreds of final units, and each dependency unites two sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BitSet(Vec<u64>);

impl BitSet {
    /// The empty set, for numbers below `bound`.
    pub(super) fn empty(bound: usize) -> BitSet {
        BitSet(vec![0; bound.div_ceil(64)])
    }

    pub(super) fn insert(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub(super) fn insert_all(&mut self, other: &BitSet) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.0[number / 64] & (1 << (number % 64)) != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::BitSet;

    #[test]
    fn numbers_of_several_words_are_told_apart() {
        let mut set = BitSet::empty(130);
        assert!(set.is_empty());
        for number in [0, 63, 64, 129, 129] {
            set.insert(number);
        }
        let mut all = BitSet::empty(130);
        all.insert(1);
        all.insert_all(&set);
        let held: Vec<usize> = (0..130).filter(|number| all.contains(*number)).collect();
        assert_eq!(held, [0, 1, 63, 64, 129]);
        assert_eq!((set.len(), all.len()), (4, 5));
    }
}
