//! The smallest program that prints.

fn main() {
    println!("Hello, world!");
}
