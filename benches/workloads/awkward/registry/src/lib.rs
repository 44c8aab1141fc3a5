//! Where others register: a distributed slice of linkme, a collection of inventory.
//!
//! ```
//! assert!(awkward_registry::names().linkme.contains(&"registry"));
//! ```

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use linkme::distributed_slice;

/// What linkme gathers.
#[distributed_slice]
pub static NAMES: [&'static str];

#[distributed_slice(NAMES)]
static OWN: &str = "registry";

/// What inventory gathers.
pub struct Entry(pub &'static str);

inventory::collect!(Entry);
inventory::submit!(Entry("registry"));

/// How often code ran before `main`.
pub static STARTED: AtomicU32 = AtomicU32::new(0);

#[ctor::ctor(unsafe)]
fn start() {
    STARTED.fetch_add(1, SeqCst);
}

/// All that is registered, sorted.
#[derive(Debug)]
pub struct Names {
    /// By linkme.
    pub linkme: Vec<&'static str>,
    /// By inventory.
    pub inventory: Vec<&'static str>,
}

/// What this process has.
pub fn names() -> Names {
    let mut linkme = NAMES.to_vec();
    linkme.sort_unstable();
    let mut inventory: Vec<_> = inventory::iter::<Entry>().map(|entry| entry.0).collect();
    inventory.sort_unstable();
    Names { linkme, inventory }
}
