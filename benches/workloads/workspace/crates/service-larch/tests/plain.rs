// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! A test without the harness: it prints as the harness does.

use service_larch::score;

fn main() {
    assert_eq!(score(20), 4191);
    println!("test plain ... ok");
}
