//! Weather readings as stations send them: the path crate of the workload.
//!
//! It stands for the part of a program that its own team edits, below the executable and above the
//! crates from the registry. [`identity`] is the other side of the comparisons that the executable
//! makes.

pub mod identity;
mod reading;

pub use reading::{Celsius, Reading, parse_readings};
