//! Carries a number in two letters a byte.

/// Gives `number` back after it was written with the letters from `0` to `f`.
pub fn carry(number: u64) -> u64 {
    let text = hex::encode(number.to_be_bytes());
    let mut bytes = [0; 8];
    hex::decode_to_slice(text, &mut bytes).expect("the text has sixteen letters");
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nibbles_give_the_number_back() {
        assert_eq!(carry(0xabcd), 0xabcd);
    }

    #[test]
    fn nibbles_come_in_pairs() {
        assert_eq!(hex::decode("abc"), Err(hex::FromHexError::OddLength));
    }
}
