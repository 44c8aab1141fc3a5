//! Uses what its build script writes.

mod table {
    include!(concat!(env!("OUT_DIR"), "/stamps.rs"));
}

pub use table::STAMPS;

/// A number that comes from the build script.
pub fn mask() -> u64 {
    env!("STAMP_MASK").parse().expect("the mask is a number")
}

/// Gives `number` back after it was stamped.
///
/// ```
/// assert_eq!(base_stamp::carry(4), 4);
/// ```
pub fn carry(number: u64) -> u64 {
    let stamped: Vec<u64> = STAMPS
        .iter()
        .map(|stamp| number ^ mask() ^ stamp.len() as u64)
        .collect();
    stamped[0] ^ mask() ^ STAMPS[0].len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamp_gives_the_number_back() {
        assert_eq!(carry(1), 1);
    }

    #[test]
    fn stamps_were_written() {
        assert_eq!(STAMPS, ["first-class", "by-air", "registered"]);
        assert_eq!(mask(), 0x5555);
    }
}
