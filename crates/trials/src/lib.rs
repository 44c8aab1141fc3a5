//! The trials: programs on which we try the fork.
//!
//! Each trial builds programs statically and dynamically and compares their behaviour. The trials differ in their
//! programs: [`app`] has one application of ordinary size, [`workspace`] 50 crates with tests of all kinds, which
//! [`workload`] generates, [`awkward`] small programs with crates that are hard to link dynamically, and [`corpus`]
//! real projects from crates.io. [`cross`] tries the programs of `app` and `awkward` on other processors, and [`roots`]
//! a small one in other releases of Debian. [`tools`] tries test runners, caches and debuggers on dynamic executables,
//! and [`fuzz`] feeds malformed input to the code that reads rlibs, link lines and manifests.

pub mod app;
pub mod application;
pub mod awkward;
pub mod corpus;
pub mod cross;
pub mod fuzz;
pub mod roots;
pub mod tools;
pub mod workload;
pub mod workspace;

use std::path::PathBuf;

use anyhow::Result;
use patch_stack::tree::{Tree, Unexported};
use workshop::fork::{self, Profile};
use workshop::linking::is_platform_supported;
use workshop::steps::Step;

/// Builds the fork as it is in `tree`, for a trial on this machine. None if there is nothing to try.
fn fork_to_try(tree: &Tree, step: &mut Step) -> Result<Option<PathBuf>> {
    if !is_platform_supported() {
        step.say("left out: the fork links everything statically on this platform");
        return Ok(None);
    }
    tree.materialise(Unexported::Refuse)?;
    fork::build(tree.repository(), step, Profile::Dev).map(Some)
}
