//! A C library of the system, found by pkg-config: zlib.

use std::ffi::CStr;
use std::io::{Read, Write};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

fn main() -> std::io::Result<()> {
    // SAFETY: zlib returns a string that it never changes.
    let version = unsafe { CStr::from_ptr(libz_sys::zlibVersion()) };
    println!("{version:?}");
    let text: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    let compressed = encoder.finish()?;
    let mut back = String::new();
    GzDecoder::new(&*compressed).read_to_string(&mut back)?;
    println!("{} {} {}", text.len(), compressed.len(), back == text);
    let mut crc = Crc::new();
    crc.update(&compressed);
    println!("{:08x}", crc.sum());
    println!(
        "{:?}",
        GzDecoder::new(&b"no gzip"[..])
            .read_to_string(&mut back)
            .map_err(|error| error.kind())
    );
    Ok(())
}
