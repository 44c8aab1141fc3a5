//! Carries a number as the list of its digits.

use itertools::Itertools;

/// Gives `number` back after its digits were joined and taken apart.
pub fn carry(number: u64) -> u64 {
    let text = number.to_string().chars().join(",");
    let digits = text
        .split(',')
        .filter_map(|digit| digit.parse::<u64>().ok());
    digits.fold(0, |number, digit| number * 10 + digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_give_the_number_back() {
        assert_eq!(carry(0), 0);
        assert_eq!(carry(9_070), 9_070);
    }

    #[test]
    fn digits_come_in_pairs() {
        let pairs: Vec<(i32, i32)> = [1, 2, 3].into_iter().tuple_windows().collect_vec();
        assert_eq!(pairs, [(1, 2), (2, 3)]);
    }
}
