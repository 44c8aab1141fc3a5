//! Carries a number as letters, as programs of yesterday write it.

use base64_old::Engine;
use base64_old::engine::general_purpose::STANDARD;

/// Gives `number` back after it was written in letters.
pub fn carry(number: u64) -> u64 {
    let letters = STANDARD.encode(number.to_le_bytes());
    let bytes = STANDARD
        .decode(letters)
        .expect("what was encoded can be decoded");
    u64::from_le_bytes(bytes.try_into().expect("a number has eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_gives_the_number_back() {
        assert_eq!(carry(u64::MAX - 1), u64::MAX - 1);
    }

    #[test]
    fn mail_has_padding() {
        assert_eq!(STANDARD.encode([0xff]), "/w==");
    }
}
