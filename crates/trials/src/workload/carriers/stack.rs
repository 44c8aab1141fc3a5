//! Carries a number in a list that lies on the stack while it is short.

use smallvec::SmallVec;

/// Gives `number` back after its bytes were listed, first on the stack, then on the heap.
pub fn carry(number: u64) -> u64 {
    let mut bytes: SmallVec<[u8; 8]> = number.to_le_bytes().into_iter().collect();
    assert!(!bytes.spilled());
    bytes.push(0);
    assert!(bytes.spilled());
    let mut array = [0; 8];
    array.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_gives_the_number_back() {
        assert_eq!(carry(0x0102_0304_0506_0708), 0x0102_0304_0506_0708);
    }
}
