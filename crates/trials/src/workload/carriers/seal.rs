//! Carries a number under a seal; the hash is written in assembler.

/// Gives `number` back after its seal was checked.
pub fn carry(number: u64) -> u64 {
    let mut text = Vec::new();
    for repetition in 0..300 {
        text.extend((number ^ repetition).to_le_bytes());
    }
    let sealed = blake3::hash(&text);
    let mut hasher = blake3::Hasher::new();
    for part in text.chunks(100) {
        hasher.update(part);
    }
    assert_eq!(hasher.finalize(), sealed);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seal_gives_the_number_back() {
        assert_eq!(carry(64), 64);
    }

    #[test]
    fn seals_differ() {
        assert_ne!(blake3::hash(b"one"), blake3::hash(b"two"));
    }
}
