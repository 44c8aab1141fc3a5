//! Linking the dependencies of executables from shared objects.
//!
//! An executable copies its whole dependency tree, so that the link after an
//! edit costs what the tree costs. With `dynamic-deps`, libraries are compiled
//! to the same rlibs as ever and then linked into a few shared objects, the
//! *groups*, against which the executables are linked.
//!
//! This module is the glue between Cargo and two crates that know nothing of it:
//! `link_plan` decides which libraries share a group, `link_engine` does the work
//! at linker level. The data flows one way:
//!
//! 1. [`DynamicDepsRequest`]: what command line, profile and `-Z` flag ask for.
//! 2. [`Planner`]: where the request can be met, groups become units of the unit
//!    graph, and dependencies of the final units that use them. What earlier builds
//!    have linked is used again, as the records beside the groups tell (`known`). From
//!    here on, Cargo's own machinery does the rest.
//! 3. [`link_group`]: the job of a group, when the rlibs of its members are there, or,
//!    with `--keep-going`, when those that are missing cannot be made
//!    ([`release_groups`]). It tells the next plan what is there.
//! 4. [`add_linker_wrapper`]: a final unit is compiled as always, with the linker
//!    wrapper as its linker.
//! 5. [`enter_linker_wrapper`]: this program, called by rustc as the linker.
//!
//! What all that has left in a target directory is told by [`report`], the command
//! `cargo report dynamic-deps`. With `--measure`, it builds a program both ways and
//! compares (`measurement`).
//!
//! | Value                          | part of the metadata hash of | part of the fingerprint of |
//! |--------------------------------|------------------------------|----------------------------|
//! | `dynamic-deps` in a profile    | –                            | –                          |
//! | which libraries are in a group | group                        | group                      |
//! | which pool a group is          | group                        | group                      |
//! | what other builds put there    | –                            | –                          |
//! | which libraries are opted out  | –                            | final unit                 |
//! | link flags                     | group, final unit            | group, final unit          |
//! | content of the members         | –                            | group                      |
//! | linker, content of the sysroot | –                            | group, final unit          |
//!
//! So a library is the same unit in a static and in a dynamic build, and a final
//! unit is another one: both kinds of executable can be in a target directory,
//! and switching between them compiles nothing again. A final unit has no part in
//! the groups of its libraries (`follows`): it is built again when what it reaches
//! changes, and not when others that share a group with it do.
//!
//! Words: a *final unit* is a unit that rustc links to an executable (bin, test,
//! bench, example, doctest); it need not be a root unit. *Frozen* libraries come from a
//! registry or git, *local* ones are path packages and what depends on one. A *pool* is a
//! group of frozen libraries, which lasts from build to build; a *part* is a group of
//! local ones.

mod after_link;
mod base;
mod directories;
mod final_unit;
mod freshness;
mod group_job;
mod group_unit;
mod job_members;
mod keep_going;
mod kept;
mod known;
mod linker;
mod measurement;
mod messages;
mod planner;
mod project_report;
mod report;
mod request;
mod unit_keys;
mod units;
mod warnings;
mod wrapper_program;

pub(super) use self::final_unit::{
    add_doctest_args, add_linker_wrapper, final_inputs, group_export, report_link,
};
pub use self::freshness::Freshness;
pub(super) use self::freshness::{check_groups, follows, group_inputs};
pub(super) use self::group_job::link_group;
pub(super) use self::group_unit::{group_outputs, note_group};
pub(super) use self::keep_going::release_groups;
pub(super) use self::messages::group_contents;
pub(crate) use self::messages::logged_target;
pub(crate) use self::planner::Planner;
pub use self::project_report::{report, report_command};
pub use self::request::DynamicDepsRequest;
pub use self::wrapper_program::enter_linker_wrapper;
