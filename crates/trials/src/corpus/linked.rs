//! The executables and groups of a build, and the warnings about links that are static after all.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use link_engine::record::wrapper::FALLBACK_FILE;
use link_engine::record::{Fallback, GroupManifest, read_json};
use measure::executable::is_group;
use measure::messages::Artifact;
use workshop::files::entries;

/// The manifests of a group unit, each with the size of its shared objects.
pub(super) fn groups(artifact: &Artifact) -> Result<Vec<(GroupManifest, u64)>> {
    let mut groups = Vec::new();
    for file in &artifact.filenames {
        if file.extension() == Some(OsStr::new("json")) {
            let manifest = GroupManifest::read(file)
                .with_context(|| format!("failed to read `{}`", file.display()))?;
            let objects = manifest.objects.iter();
            let bytes: u64 = objects
                .map(|object| size(&object.path(file)))
                .sum::<Result<_>>()?;
            groups.push((manifest, bytes));
        }
    }
    Ok(groups)
}

/// The warnings of the fork about executables or groups that are not linked dynamically.
pub(super) fn fallback_warnings(stderr: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut lines = stderr.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(warning) = line.strip_prefix("warning: ") else {
            continue;
        };
        if !warning.contains("statically") {
            continue;
        }
        let mut text = warning.to_owned();
        while let Some(more) = lines.next_if(|line| is_continuation(line)) {
            text.push('\n');
            text.push_str(more);
        }
        warnings.push(text);
    }
    warnings
}

/// Whether a line belongs to the message before it and is no message of its own.
fn is_continuation(line: &str) -> bool {
    let is_status = line.starts_with("   ") && line.trim_start().starts_with(char::is_uppercase);
    !line.is_empty() && !line.starts_with("warning: ") && !is_status
}

/// Why doctests were linked statically since `started`.
pub(super) fn fallback_reports(directory: &Path, started: SystemTime) -> Result<BTreeSet<String>> {
    let fingerprints = directory.join(".fingerprint");
    let describe = || format!("failed to read `{}`", fingerprints.display());
    let mut reports = BTreeSet::new();
    for unit in fs::read_dir(&fingerprints).with_context(describe)? {
        let file = unit
            .with_context(describe)?
            .path()
            .join("linker")
            .join(FALLBACK_FILE);
        let Ok(metadata) = fs::metadata(&file) else {
            continue;
        };
        if metadata.modified().with_context(describe)? >= started {
            reports.insert(match read_json(&file)? {
                Fallback::Unfit { reason, .. } => reason,
                Fallback::Engine { error } => error,
                Fallback::Refused { stderr, .. } => stderr,
            });
        }
    }
    Ok(reports)
}

/// Removes executables and groups, which are the bulk of a target directory. Keeps the compiled libraries, which other
/// projects may share.
pub(super) fn remove_linked(build_directory: &Path) -> Result<()> {
    for directory in ["debug", "debug/deps", "debug/examples"] {
        let directory = build_directory.join(directory);
        let describe = || format!("failed to remove executables in `{}`", directory.display());
        for entry in entries(&directory)? {
            let name = entry.file_name();
            let text = name.to_string_lossy();
            let is_executable = !text.contains('.');
            let is_file = entry.file_type().with_context(describe)?.is_file();
            if is_file && (is_executable || is_group(&text)) {
                fs::remove_file(entry.path()).with_context(describe)?;
            }
        }
    }
    Ok(())
}

pub(super) fn size(file: &Path) -> Result<u64> {
    let metadata =
        fs::metadata(file).with_context(|| format!("failed to read `{}`", file.display()))?;
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_about_static_links_are_found() {
        let stderr = "   Compiling a v1.0.0 (/a)\n\
            warning: linked the dependencies of `a` statically: `x` is defined by both b and c\n\
            help: write `[profile.dev] dynamic-deps = false`\n\
            warning: unused variable: `x`\n \
            --> src/lib.rs\n\n    \
            Finished `test` profile\n";
        assert_eq!(
            fallback_warnings(stderr),
            [
                "linked the dependencies of `a` statically: `x` is defined by both b and c\n\
              help: write `[profile.dev] dynamic-deps = false`"
            ]
        );
    }
}
