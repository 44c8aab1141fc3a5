//! Carries a number inside of an error.

use thiserror::Error;

#[derive(Debug, Error)]
enum Trouble {
    #[error("{0} is too large")]
    TooLarge(u64),
    #[error("not readable")]
    Unreadable(#[from] std::num::ParseIntError),
}

fn refuse(text: &str) -> Result<(), Trouble> {
    Err(Trouble::TooLarge(text.parse()?))
}

/// Gives `number` back after it was refused.
pub fn carry(number: u64) -> u64 {
    match refuse(&number.to_string()) {
        Err(Trouble::TooLarge(number)) => number,
        other => panic!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_gives_the_number_back() {
        assert_eq!(carry(404), 404);
    }

    #[test]
    fn trouble_tells_its_cause() {
        use std::error::Error;

        let trouble = refuse("many").unwrap_err();
        assert_eq!(trouble.to_string(), "not readable");
        assert!(trouble.source().is_some());
    }
}
