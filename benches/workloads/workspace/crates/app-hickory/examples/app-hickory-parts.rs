// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! Prints the crates below this one, each as often as it is reached.

use app_hickory::Component;
use base_shape::Part;

fn print(part: &dyn Part, depth: usize) {
    println!("{:depth$}{}", "", part.name());
    for part in part.parts() {
        print(&*part, depth + 1);
    }
}

fn main() {
    print(&Component, 0);
}
