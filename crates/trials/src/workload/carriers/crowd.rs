//! Carries a number by many hands.

use rayon::prelude::*;

/// Gives `number` back after each of its bits went to a thread of the pool, of which there is one in a process.
pub fn carry(number: u64) -> u64 {
    (0..u64::BITS)
        .into_par_iter()
        .map(|bit| number & (1 << bit))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowd_gives_the_number_back() {
        assert_eq!(carry(0b1011), 0b1011);
        assert_eq!(carry(u64::MAX), u64::MAX);
    }

    #[test]
    fn crowd_is_at_work_in_the_pool_only() {
        assert_eq!(rayon::current_thread_index(), None);
        let indices: Vec<_> = (0..8)
            .into_par_iter()
            .map(|_| rayon::current_thread_index())
            .collect();
        assert!(indices.iter().all(Option::is_some));
    }
}
