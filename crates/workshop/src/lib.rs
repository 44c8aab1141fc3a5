//! The parts that the tools of this repository share.
//!
//! The tools are [`xtask`](../xtask) and the crates behind its verbs: `patch-stack`, `conformance` and `trials`. They
//! find every path in [`paths`], run the programs of the caller's [`toolchain`], report long work as [`steps`], and
//! build and call the [`fork`]. [`debian`] unpacks compilers of the distribution, [`linking`] finds
//! out how an executable is linked, [`libtest`] reads the output of test programs, [`sources`]
//! copies packages to edit, and [`files`] changes files with errors that name them.
//!
//! The tools run on Unix only: the toolchain of the fork consists of symlinks, and `cargo xtask
//! run` replaces its process.

pub mod compilers;
pub mod debian;
pub mod files;
pub mod fork;
pub mod libtest;
pub mod linking;
pub mod paths;
pub mod sources;
pub mod steps;
pub mod toolchain;
