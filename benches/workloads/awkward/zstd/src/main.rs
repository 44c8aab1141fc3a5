//! C with hidden symbols, and assembler: zstd.

use std::io::{Read, Write};

fn main() -> std::io::Result<()> {
    println!("{}", zstd::zstd_safe::version_string());
    let text: String = (0..5000).map(|n| format!("line {n}\n")).collect();
    for level in [1, 3, 19] {
        let compressed = zstd::encode_all(text.as_bytes(), level)?;
        let back = zstd::decode_all(&*compressed)?;
        println!("{level} {} {}", compressed.len(), back == text.as_bytes());
    }
    let dictionary =
        zstd::dict::from_continuous(text.as_bytes(), &vec![text.len() / 100; 100], 1024);
    println!(
        "{:?}",
        dictionary
            .map(|dictionary| dictionary.len())
            .map_err(|error| error.to_string())
    );
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3)?;
    encoder.write_all(text.as_bytes())?;
    let compressed = encoder.finish()?;
    let mut part = [0; 20];
    zstd::stream::read::Decoder::new(&*compressed)?.read_exact(&mut part)?;
    println!("{:?}", String::from_utf8_lossy(&part));
    println!(
        "{:?}",
        zstd::decode_all(&b"no zstd"[..]).map_err(|error| error.to_string())
    );
    Ok(())
}
