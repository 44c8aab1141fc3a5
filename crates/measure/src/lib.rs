//! Reads the output of builds and the facts in files and machines, for the trials and for the
//! harness in `benches/`.
//!
//! Nothing here runs a build or takes a time. Each module reads one kind of thing: the [`messages`]
//! that Cargo prints, its report of [`timings`], an [`executable`], the [`machine`]. A
//! [`rustc_wrapper`] sees the calls of rustc that Cargo does not show, and [`document`] writes
//! findings between marks.

pub mod document;
pub mod executable;
pub mod machine;
pub mod messages;
pub mod rustc_wrapper;
pub mod statistics;
pub mod timings;
