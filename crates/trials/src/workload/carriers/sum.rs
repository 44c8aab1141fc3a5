//! Carries a number together with a sum that a C library makes.

// The functions of a C library are unsafe to call.
#![allow(unsafe_code)]

fn adler(bytes: &[u8]) -> u64 {
    let length = bytes.len().try_into().expect("a few bytes");
    // SAFETY: pointer and length are those of one slice.
    unsafe { libz_sys::adler32(1, bytes.as_ptr(), length) }
}

/// Gives `number` back if its sum is its own.
pub fn carry(number: u64) -> u64 {
    let bytes = number.to_le_bytes();
    assert_eq!(adler(&bytes), adler(&bytes.to_vec()));
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_gives_the_number_back() {
        assert_eq!(carry(11), 11);
    }

    #[test]
    fn sums_are_those_of_the_standard() {
        assert_eq!(adler(b""), 1);
        assert_eq!(adler(b"Wikipedia"), 0x11e6_0398);
    }
}
