//! Assembler and C with intrinsics, chosen at run time: BLAKE3.

use std::fmt::Write;

/// The first bytes of all numbers, `length` of them.
fn input(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

fn main() {
    // One block, one chunk, and more of them than the widest instructions take at once.
    for length in [0, 64, 1024, 100_000] {
        let input = input(length);
        let mut hasher = blake3::Hasher::new_keyed(&[7; 32]);
        let (front, back) = input.split_at(length / 3);
        hasher.update(front).update(back);
        println!("{length} {} {}", blake3::hash(&input), hasher.finalize());
    }
    let mut output = [0; 150];
    let mut reader = blake3::Hasher::new_derive_key("awkward").finalize_xof();
    reader.fill(&mut output);
    let text = output.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    println!("{text}");
}
