//! Cargo as a series of patches on a published release.
//!
//! This repository holds no source of upstream. [`pin`] fetches and checks a release, [`tree`] makes a git repository of
//! it in which each [`patch`] is a commit and the [`overlay`] is the last one, and [`export`] takes work done there back
//! into the repository. [`rebase`] tries the patches on another release, [`next`] keeps a port to it, and [`stock`] builds
//! upstream without them.

pub mod export;
#[cfg(test)]
mod fixture;
mod git;
pub mod next;
pub mod overlay;
mod patch;
pub mod pin;
pub mod rebase;
pub mod stock;
pub mod tree;
