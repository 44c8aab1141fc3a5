//! Upstream's test suite as a judge of the fork.
//!
//! [`upstream_tests`] runs all of it three times and compares: on the unpatched tree, on the fork, and on the fork with
//! `dynamic-deps` [`forced_on`] for every Cargo that a test starts. [`steps`] runs the parts that CI has time for, and
//! [`own_tests`] runs our own in other circumstances.

mod expected;
pub mod forced_on;
pub mod own_tests;
mod record;
mod report;
pub mod steps;
mod suite;
pub mod upstream_tests;
