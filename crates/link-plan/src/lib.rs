//! Decides from values alone which libraries are linked into which shared object.
//!
//! Cargo knows units, profiles and processes; `link-engine` knows rlibs and linkers. Some decisions
//! need neither: which libraries become members of which pool or part, where an executable finds
//! its groups when it starts, which flags of the user a group must be linked with, and when the
//! ordinary static link is the right answer. They live here, so that tests can check every case in
//! microseconds, and no case depends on a disk or an environment.
//!
//! In the order in which a build asks:
//!
//! | module | question |
//! |---|---|
//! | [`rustc_flags`] | which flags for linking did the user give to rustc? |
//! | [`support`] | can this final unit use groups at all, and if not, why? |
//! | [`graph`] | which libraries depend on which, and which final units on those? |
//! | [`image`] | which crates stay in the executable because of their name? |
//! | [`grouping`] | which libraries form a group, given those of earlier builds, and which group needs which? |
//! | [`run_path`] | where does the loader look for the groups? |
//!
//! Left out on purpose: files, processes, the environment, and every type of Cargo.

pub mod graph;
pub mod grouping;
pub mod image;
pub mod run_path;
pub mod rustc_flags;
pub mod support;
