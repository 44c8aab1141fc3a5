//! Carries a number through a regular expression.

use std::sync::LazyLock;

use regex::Regex;

static BETWEEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<(?<number>\d+)>").expect("the pattern is one"));

/// Gives `number` back after it was found in a text.
pub fn carry(number: u64) -> u64 {
    let text = format!("from <{number}> to <0>");
    let captures = BETWEEN.captures(&text).expect("the text has a number");
    captures["number"].parse().expect("digits are a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_gives_the_number_back() {
        assert_eq!(carry(1), 1);
        assert_eq!(carry(u64::MAX), u64::MAX);
    }

    #[test]
    fn pattern_is_needed() {
        assert!(!BETWEEN.is_match("<>"));
        assert!(Regex::new("(").is_err());
    }
}
