//! Tests for `dynamic-deps`.
//!
//! The strongest tests compare: the program that was linked dynamically with the one that was
//! linked statically, and the fork's command lines with those of a build that does not opt in.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod allocator;
mod archives;
mod backtraces;
mod bystanders;
mod codegen;
mod commands;
mod constructors;
mod constructors_of_c;
mod cpp;
mod cpp_identity;
mod crate_kinds;
mod cut_workspace;
mod cuts;
mod debug_info;
mod disks;
mod documents;
mod failed_links;
mod fallback;
mod fixtures;
mod freshness;
mod gathered;
mod generations;
mod identity;
mod installed;
mod integrity;
mod keep_going;
mod link_args;
mod link_lines;
mod linkers;
mod measurement;
mod messages;
mod messages_of_builds;
mod native;
mod native_libraries;
mod nightly;
mod old_executables;
mod option;
mod outcomes;
mod outputs;
mod panics;
mod parts;
mod placement;
mod plugins;
mod pool_changes;
mod pool_files;
mod pools;
mod pools_at_once;
mod profiles;
mod project_report;
mod references;
mod remade_libraries;
mod report;
mod search_paths;
mod shared_groups;
mod shared_libraries;
mod sharing;
mod shown_symbols;
mod sources;
mod static_libraries;
mod symbols;
mod target_directories;
mod tests;
mod thread_locals;
mod undeclared_references;
mod unfit;
mod untouched;
mod weak_references;
mod workspaces;

use fixtures::{
    LAYERED_OUTPUT, add_to_archive, brings_linker, build_script_for, build_script_for_c,
    compiler_is_before, layered_manifest, layered_project, manifest, program,
    program_with_a_dead_reference, publish_native, shared_library,
};
use outcomes::{
    LAYERS, STATIC, artifacts, contents, dynamic_symbols, entries, group_files, groups_of,
    is_hidden, linked_groups, members_of, objects_of, rebuilt, run, run_in, run_path,
    same_behaviour, same_output, stdout, text, unit_files, uses_groups, without_thread_ids,
    wrappers,
};
