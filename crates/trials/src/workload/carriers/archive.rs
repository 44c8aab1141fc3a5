//! Carries a number in a compressed file.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Gives `number` back after it was compressed.
pub fn carry(number: u64) -> u64 {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(&number.to_le_bytes())
        .expect("memory can be written to");
    let packed = encoder.finish().expect("memory can be written to");
    let mut bytes = [0; 8];
    GzDecoder::new(packed.as_slice())
        .read_exact(&mut bytes)
        .expect("what was packed can be unpacked");
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_gives_the_number_back() {
        assert_eq!(carry(1 << 40), 1 << 40);
    }

    #[test]
    fn archive_knows_its_kind() {
        let mut text = String::new();
        let result = GzDecoder::new(&b"plain"[..]).read_to_string(&mut text);
        assert!(result.is_err());
    }
}
