//! The same without the plugin, on which it depends and which it does not name.

use std::sync::atomic::Ordering::SeqCst;

use awkward_registry::{STARTED, names};

fn main() {
    println!("{:?} {}", names(), STARTED.load(SeqCst));
}
