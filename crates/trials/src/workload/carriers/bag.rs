//! Carries a number in a bag.

use std::hash::RandomState;

type HashSet<T> = hashbrown::HashSet<T, RandomState>;

/// Gives `number` back after it was found in a bag.
pub fn carry(number: u64) -> u64 {
    let mut bag: HashSet<u64> = (0..32).map(|other| number.wrapping_add(other)).collect();
    bag.retain(|candidate| *candidate == number);
    bag.into_iter().next().expect("the number is in the bag")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bag_gives_the_number_back() {
        assert_eq!(carry(13), 13);
    }

    #[test]
    fn bag_has_everything_once() {
        let bag: HashSet<&str> = ["a", "b", "a"].into_iter().collect();
        assert_eq!(bag.len(), 2);
    }
}
