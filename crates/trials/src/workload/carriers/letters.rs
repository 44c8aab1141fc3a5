//! Carries a number as letters that every mail program lets through.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Gives `number` back after it was written in letters.
pub fn carry(number: u64) -> u64 {
    let letters = URL_SAFE_NO_PAD.encode(number.to_le_bytes());
    let bytes = URL_SAFE_NO_PAD
        .decode(letters)
        .expect("what was encoded can be decoded");
    u64::from_le_bytes(bytes.try_into().expect("a number has eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_give_the_number_back() {
        assert_eq!(carry(u64::MAX - 1), u64::MAX - 1);
    }

    #[test]
    fn letters_have_no_padding() {
        assert_eq!(URL_SAFE_NO_PAD.encode([0xff]), "_w");
    }
}
