//! Carries a number in a buffer of bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

fn pack(number: u64) -> Bytes {
    let mut buffer = BytesMut::with_capacity(16);
    buffer.put_u16(0xcafe);
    buffer.put_u64(number);
    buffer.freeze()
}

/// Gives `number` back after it was packed.
pub fn carry(number: u64) -> u64 {
    let mut bytes = pack(number);
    assert_eq!(bytes.get_u16(), 0xcafe);
    bytes.get_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_gives_the_number_back() {
        assert_eq!(carry(5), 5);
    }

    #[test]
    #[should_panic(expected = "advance out of bounds")]
    fn buffer_ends() {
        let mut bytes = pack(1);
        bytes.advance(3);
        bytes.get_u64();
    }
}
