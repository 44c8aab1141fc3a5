// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! A test without the harness: it prints as the harness does.

use service_ivy::score;

fn main() {
    assert_eq!(score(9), 3731);
    println!("test plain ... ok");
}
