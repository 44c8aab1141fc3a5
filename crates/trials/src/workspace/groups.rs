//! The groups that executables load, and the bytes of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use link_engine::record::GroupManifest;
use measure::executable::groups_needed;
use measure::messages::Artifact;

use crate::workspace::Tested;
use crate::workspace::findings::Findings;

/// Static executables have to be at least this many times as large as executables and groups.
const SAVING: u64 = 5;

/// Groups that an executable may load: those of the sysroot crates, of frozen and of local ones. A library in C that
/// only some executables use may add one. No executable here has more than two of these.
const MOST_GROUPS: usize = 5;

/// Checks the groups that executables load, and the bytes of all files.
pub(super) fn check_groups(
    findings: &mut Findings,
    static_bytes: u64,
    of_dynamic: &Tested,
) -> Result<()> {
    let mut groups = Groups::of(&of_dynamic.artifacts)?;
    let mut all = BTreeSet::new();
    let mut counts = Vec::new();
    for (executable, unit) in &of_dynamic.executables {
        let loaded = groups.loaded(executable)?;
        counts.push((loaded.len(), unit));
        all.extend(loaded);
    }
    let executable_bytes = bytes(of_dynamic.executables.keys())?;
    let group_bytes = bytes(all.iter().map(|soname| &groups.paths[soname]))?;
    let dynamic_bytes = executable_bytes + group_bytes;

    let table = &mut findings.table;
    let executables = of_dynamic.executables.len();
    let shown = |count: usize, bytes: u64| format!("{count}, {}", megabytes(bytes));
    table.row(
        "executables",
        shown(executables, static_bytes),
        shown(executables, executable_bytes),
    );
    table.row(
        "groups that they load",
        String::new(),
        shown(all.len(), group_bytes),
    );
    table.row(
        "together",
        megabytes(static_bytes),
        format!(
            "{}, {:.1} %",
            megabytes(dynamic_bytes),
            100.0 * dynamic_bytes as f64 / static_bytes as f64
        ),
    );
    let of_all = groups.paths.len();
    table.row(
        "groups, those of doctests included",
        String::new(),
        shown(of_all, bytes(groups.paths.values())?),
    );
    let (most, unit) = counts.iter().max().context("there are no executables")?;
    let sum: usize = counts.iter().map(|(count, _)| count).sum();
    table.row(
        "groups of an executable: most, mean",
        String::new(),
        format!("{most}, {:.1}", sum as f64 / counts.len() as f64),
    );
    findings.require(
        dynamic_bytes * SAVING <= static_bytes,
        format!(
            "executables and groups take {dynamic_bytes} bytes, more than a {SAVING}th of the {static_bytes} of static executables"
        ),
    );
    findings.require(
        *most <= MOST_GROUPS,
        format!("{unit} loads {most} groups, more than {MOST_GROUPS}"),
    );
    Ok(())
}

/// The shared objects of the groups of a build, by soname.
struct Groups {
    paths: BTreeMap<String, PathBuf>,
    /// The needs of the groups that we have read so far.
    needs: BTreeMap<String, Vec<String>>,
}

impl Groups {
    fn of(artifacts: &[Artifact]) -> Result<Groups> {
        let mut paths = BTreeMap::new();
        for path in artifacts.iter().filter_map(manifest_path) {
            for object in GroupManifest::read(path)?.objects {
                paths.insert(object.soname.clone(), object.path(path));
            }
        }
        Ok(Groups {
            paths,
            needs: BTreeMap::new(),
        })
    }

    /// Sonames of the groups that the loader brings in with an executable.
    fn loaded(&mut self, executable: &Path) -> Result<BTreeSet<String>> {
        let mut loaded = BTreeSet::new();
        let mut waiting = groups_needed(executable)?;
        while let Some(soname) = waiting.pop() {
            if loaded.contains(&soname) {
                continue;
            }
            if !self.needs.contains_key(&soname) {
                let path = self.paths.get(&soname).with_context(|| {
                    format!(
                        "`{}` loads `{soname}`, which the build did not make",
                        executable.display()
                    )
                })?;
                self.needs.insert(soname.clone(), groups_needed(path)?);
            }
            waiting.extend(self.needs[&soname].iter().cloned());
            loaded.insert(soname);
        }
        Ok(loaded)
    }
}

pub(super) fn manifest_path(artifact: &Artifact) -> Option<&Path> {
    let mut files = artifact.filenames.iter().filter(|_| artifact.is_group());
    files
        .find(|file| file.extension() == Some(OsStr::new("json")))
        .map(PathBuf::as_path)
}

/// Bytes of all these files.
pub(super) fn bytes<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Result<u64> {
    let mut sum = 0;
    for file in files {
        let metadata = fs::metadata(file)
            .with_context(|| format!("failed to read the size of `{}`", file.display()))?;
        sum += metadata.len();
    }
    Ok(sum)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
