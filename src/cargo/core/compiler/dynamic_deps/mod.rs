//! Linking the dependencies of executables from shared objects.
//!
//! By default, the linker copies the whole dependency tree into each executable, so the link after
//! an edit takes longer the larger the tree is. With `dynamic-deps`, rustc compiles libraries to
//! the same rlibs as before. Cargo links these into a few shared objects, the *groups*, and links
//! executables against them.
//!
//! This module is the glue between Cargo and two crates that know nothing of it:
//! `link_plan` decides which libraries share a group, `link_engine` does the work
//! at linker level. The data flows one way:
//!
//! 1. [`DynamicDepsRequest`]: the request of command line, profile and `-Z` flag.
//! 2. [`Planner`]: if the request can be met, it adds groups to the unit graph, as units on which
//!    the final units that use them depend. By the records beside the groups (`known`), it uses the
//!    groups of earlier builds again. From here on, Cargo's own machinery does the rest.
//! 3. [`link_group`]: the job of a group. It runs when the rlibs of its members are there or, with
//!    `--keep-going`, when the missing ones cannot be made ([`release_groups`]). It writes the
//!    records for the next plan.
//! 4. [`add_linker_wrapper`]: rustc compiles a final unit as always, but gets the linker wrapper as
//!    its linker.
//! 5. [`enter_linker_wrapper`]: this program, called by rustc as the linker.
//!
//! [`report`], the command `cargo report dynamic-deps`, lists the files that builds have left in a
//! target directory. With `--measure`, it builds a program both ways and compares (`measurement`).
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
//! So a library is the same unit in a static and in a dynamic build, and a final unit is another
//! one. Both kinds of executable can be in a target directory, and switching between them compiles
//! nothing again. A final unit does not follow the groups of its libraries (`follows`): Cargo
//! builds it again when a library that it reaches changes, and not when another library of a group
//! does.
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
    add_doctest_args, add_linker_wrapper, group_export, report_link,
};
pub use self::freshness::Freshness;
pub(super) use self::freshness::{
    changed_inputs, check_groups, final_inputs, follows, group_inputs,
};
pub(super) use self::group_job::link_group;
pub(super) use self::group_unit::{group_outputs, note_group};
pub(super) use self::keep_going::release_groups;
pub(super) use self::messages::group_contents;
pub(crate) use self::messages::logged_target;
pub(crate) use self::planner::Planner;
pub use self::project_report::{report, report_command};
pub use self::request::DynamicDepsRequest;
pub use self::wrapper_program::enter_linker_wrapper;
