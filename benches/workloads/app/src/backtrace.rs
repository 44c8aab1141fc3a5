//! The subcommand `backtrace`: the same panics with std's own hook, which prints the backtrace.
//!
//! With RUST_BACKTRACE=1 each has frames of dependencies on stderr, with names and lines; stdout
//! holds the payloads.

use crate::panics::{call_from_sqlite, catch, index_in_rayon, parse_bad_reading};

pub(crate) fn run() {
    println!("serde_json, serde, regex: {}", catch(parse_bad_reading));
    println!("rayon: {}", catch(index_in_rayon));
    println!("SQLite: {}", call_from_sqlite());
}
