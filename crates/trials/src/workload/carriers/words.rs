//! Carries a number in words, of which many are looked for at once.

use aho_corasick::AhoCorasick;

const WORDS: [&str; 4] = ["one", "two", "three", "four"];

/// Gives `number` back after its parts were spelled, two bits a word.
pub fn carry(number: u64) -> u64 {
    let mut text = String::new();
    for shift in (0..u64::BITS).step_by(2).rev() {
        let part = (number >> shift) & 3;
        text.push_str(
            WORDS
                .iter()
                .zip(0..)
                .find(|(_, value)| *value == part)
                .map_or("", |(word, _)| word),
        );
    }
    let finder = AhoCorasick::new(WORDS).expect("a few words");
    finder
        .find_iter(&text)
        .zip(1..)
        .fold(0, |number, (found, count)| {
            assert!(count <= u64::BITS / 2);
            (number << 2) | u64::from(found.pattern().as_u32())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_give_the_number_back() {
        assert_eq!(carry(0), 0);
        assert_eq!(carry(0xdead_beef), 0xdead_beef);
    }

    #[test]
    fn words_are_not_found_in_others() {
        let finder = AhoCorasick::new(WORDS).unwrap();
        assert!(!finder.is_match("five"));
    }
}
