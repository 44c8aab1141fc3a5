//! Interface stubs.

pub mod interface;
