// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! A test without the harness: it prints as the harness does.

use service_lime::score;

fn main() {
    assert_eq!(score(61), 4444);
    println!("test plain ... ok");
}
