//! Registers in another crate.

use std::sync::atomic::Ordering::SeqCst;

use awkward_registry::{Entry, NAMES, STARTED};
use linkme::distributed_slice;

#[distributed_slice(NAMES)]
static NAME: &str = "plugin";

inventory::submit!(Entry("plugin"));

#[ctor::ctor(unsafe)]
fn start() {
    STARTED.fetch_add(10, SeqCst);
}

/// Makes rustc link this crate.
pub fn touch() {}
