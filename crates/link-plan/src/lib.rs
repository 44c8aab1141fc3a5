//! What is linked into which shared object, decided from values alone.
//!
//! Cargo knows units, profiles and processes; the engine knows rlibs and linkers. Between them lie
//! decisions that need neither: which libraries become members of which pool or part, where a
//! started executable finds these, which flags the linker run of a group must share with the
//! user's, and when the ordinary static link is the right answer. They live here, so that every
//! case can be tested in microseconds and no case depends on what a disk or an environment happens
//! to hold.
//!
//! In the order in which a build asks:
//!
//! | module | question |
//! |---|---|
//! | [`rustc_flags`] | what did the user tell rustc about linking? |
//! | [`support`] | can this final unit use groups at all, and if not, why? |
//! | [`graph`] | which libraries depend on which, and which final units on those? |
//! | [`image`] | which crates stay in the executable, whatever is in them? |
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
