//! Carries a number past errors that say where they come from.

use anyhow::{Context, Result, ensure};

fn read(text: &str) -> Result<u64> {
    ensure!(!text.is_empty(), "there is no text");
    text.parse()
        .with_context(|| format!("`{text}` is no number"))
}

/// Gives `number` back after an attempt that failed.
pub fn carry(number: u64) -> u64 {
    let refused = read(&format!("{number}x")).unwrap_err();
    assert_eq!(refused.chain().count(), 2);
    read(&number.to_string()).expect("the text is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_gives_the_number_back() {
        assert_eq!(carry(12), 12);
    }

    #[test]
    fn fault_has_its_own_type_below() {
        let error = read("one").unwrap_err();
        assert!(error.is::<std::num::ParseIntError>());
        assert_eq!(read("").unwrap_err().to_string(), "there is no text");
    }
}
