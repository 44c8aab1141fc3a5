//! What is registered in three crates: linkme, inventory and ctor.

use std::sync::atomic::Ordering::SeqCst;

use awkward_registry::{Entry, NAMES, STARTED, names};
use linkme::distributed_slice;

#[distributed_slice(NAMES)]
static NAME: &str = "program";

inventory::submit!(Entry("program"));

#[ctor::ctor(unsafe)]
fn start() {
    STARTED.fetch_add(100, SeqCst);
}

fn main() {
    awkward_plugin::touch();
    println!("{:?} {}", names(), STARTED.load(SeqCst));
}
