//! The records of earlier builds in the target directory, for the plan of the next one.
//!
//! ```text
//! <groups>/dynamic-deps/
//!   cut.json            the packages of each part
//!   pool-<id>.json      what is in a pool; written when it is there
//!   sizes-<unit>.json   the sizes of the rlibs in a part, by package
//!   replaced            there when an executable still needs a pool of which there is no record
//! ```
//!
//! Anybody can remove these files at any time: the next build plans without them, and links the
//! groups that the plan then has otherwise. Cargo reads them before it locks the build directory.
//! If another Cargo changes them in between, the plan may not be the best one, but it is still
//! right: the job of a group looks at the files that are there.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_util::paths;
use link_engine::record::{GroupFiles, read_json, sweep, write_json};
use link_plan::graph::{SettingKey, UnitKey};
use link_plan::grouping::{Cut, Known, KnownPool, PoolId};
use serde::{Deserialize, Serialize};

use super::directories::{GROUPS, are_apart};
use crate::core::Workspace;
use crate::core::compiler::CompileKind;
use crate::util::CargoResult;
use crate::util::interning::InternedString;

/// The directory of these files, below that of the groups.
const DIRECTORY: &str = "dynamic-deps";

const POOL_PREFIX: &str = "pool-";
const SIZES_PREFIX: &str = "sizes-";
const REPLACED: &str = "replaced";

/// The record of a pool.
#[derive(Serialize, Deserialize)]
struct PoolRecord {
    /// The key of the link setting that all its users share.
    setting: u64,
    id: u64,
    generation: u64,
    /// Keys of units, with the sizes of their rlibs in bytes.
    members: Vec<(u64, u64)>,
    needs: Vec<u64>,
}

/// The records in one directory of groups.
#[derive(Clone)]
pub(super) struct Records {
    directory: PathBuf,
}

impl Records {
    /// The records beside the groups in `groups`.
    pub(super) fn beside(groups: &Path) -> Records {
        Records {
            directory: groups.join(DIRECTORY),
        }
    }

    /// The records of a build that was not prepared yet. `None` if groups have no common directory.
    pub(super) fn of_workspace(
        ws: &Workspace<'_>,
        kind: CompileKind,
        profile_directory: InternedString,
    ) -> Option<Records> {
        if are_apart(ws) {
            return None;
        }
        // As `Layout::new` has it.
        let mut root = ws.build_dir().into_path_unlocked();
        if let CompileKind::Target(target) = kind {
            root.push(target.short_name());
        }
        Some(Records::beside(&root.join(profile_directory).join(GROUPS)))
    }

    /// The records of pools of that setting, the cut, and the sizes of packages.
    pub(super) fn read(&self, setting: SettingKey) -> (Known, BTreeMap<String, u64>) {
        let cut: Vec<BTreeMap<String, u64>> = read_json(&self.cut()).unwrap_or_default();
        let mut known = Known {
            pools: Vec::new(),
            cut: Cut { parts: cut },
        };
        let mut sizes = BTreeMap::new();
        for entry in fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(POOL_PREFIX) {
                match read_json::<PoolRecord>(&entry.path()) {
                    Ok(record) if record.setting == setting.value() => {
                        known.pools.push(record.into())
                    }
                    Ok(_) => {}
                    // As long as the file is there, its pool counts as a living one.
                    Err(_) => drop(fs::remove_file(entry.path())),
                }
            } else if name.starts_with(SIZES_PREFIX)
                && let Ok(of_part) = read_json::<BTreeMap<String, u64>>(&entry.path())
            {
                // Parts of several selections can have the same package, and the files come in any
                // order.
                for (package, bytes) in of_part {
                    let size = sizes.entry(package).or_insert(bytes);
                    *size = bytes.max(*size);
                }
            }
        }
        (known, sizes)
    }

    pub(super) fn write_cut(&self, ws: &Workspace<'_>, cut: &Cut) -> CargoResult<()> {
        // As `Layout::new` does, which marks only a directory that it makes itself.
        for root in [ws.target_dir(), ws.build_dir()] {
            paths::create_dir_all_excluded_from_backups_atomic(root.as_path_unlocked())?;
        }
        self.write(&self.cut(), &cut.parts)
    }

    /// Writes the record of a pool.
    pub(super) fn write_pool(&self, setting: SettingKey, pool: &KnownPool) -> CargoResult<()> {
        let record = PoolRecord {
            setting: setting.value(),
            id: pool.id.value(),
            generation: pool.generation,
            members: pool
                .members
                .iter()
                .map(|(key, bytes)| (key.value(), *bytes))
                .collect(),
            needs: pool.needs.iter().map(|id| id.value()).collect(),
        };
        self.write(&self.pool(pool.id), &record)
    }

    /// The members of a pool; none if there is no record of it.
    pub(super) fn pool_members(&self, id: PoolId) -> BTreeSet<u64> {
        let record = read_json::<PoolRecord>(&self.pool(id));
        let members = record.map(|record| record.members).unwrap_or_default();
        members.into_iter().map(|(key, _)| key).collect()
    }

    /// Removes the record of a pool.
    pub(super) fn remove_pool(&self, id: PoolId) {
        // If it stays, the next plan looks at it again.
        let _ = fs::remove_file(self.pool(id));
    }

    /// The ids of all pools with a record.
    fn pools(&self) -> BTreeSet<u64> {
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let id = name.strip_prefix(POOL_PREFIX)?.strip_suffix(".json")?;
                u64::from_str_radix(id, 16).ok()
            })
            .collect()
    }

    pub(super) fn write_sizes(&self, part: &str, sizes: &BTreeMap<String, u64>) -> CargoResult<()> {
        let path = self.directory.join(format!("{SIZES_PREFIX}{part}.json"));
        if read_json::<BTreeMap<String, u64>>(&path).is_ok_and(|old| old == *sizes) {
            return Ok(());
        }
        self.write(&path, sizes)
    }

    /// Removes the pools in `groups` that have neither a record nor one of the stores `of_build`,
    /// except the shared objects that executables need.
    pub(super) fn sweep_pools(
        &self,
        groups: &GroupFiles,
        of_build: &HashSet<String>,
        executable_directories: &[PathBuf],
    ) -> CargoResult<()> {
        let pools = self.pools().into_iter().map(PoolId::new);
        let store = |id| groups.clone().of_pool(id).store().to_owned();
        let recorded = pools.map(store).collect();
        let mark = self.directory.join(REPLACED);
        let directory = groups.directory();
        if sweep::pools(directory, &recorded, of_build, executable_directories)? {
            paths::write(&mark, b"")
        } else {
            let _ = fs::remove_file(mark);
            Ok(())
        }
    }

    /// Whether an executable that was not built again needed a pool of which there is no record.
    pub(super) fn has_replaced_pools(&self) -> bool {
        self.directory.join(REPLACED).exists()
    }

    /// Removes the sizes of parts that are no more.
    pub(super) fn remove_sizes_without_manifest(&self) {
        for entry in fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let part = name
                .to_str()
                .and_then(|name| name.strip_prefix(SIZES_PREFIX));
            let manifest = part.and_then(|part| Some(self.directory.parent()?.join(part)));
            if manifest.is_some_and(|manifest| !manifest.exists()) {
                // If it stays, each plan reads it again.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn write<T: Serialize>(&self, path: &Path, value: &T) -> CargoResult<()> {
        paths::create_dir_all(&self.directory)?;
        Ok(write_json(path, value)?)
    }

    fn cut(&self) -> PathBuf {
        self.directory.join("cut.json")
    }

    fn pool(&self, id: PoolId) -> PathBuf {
        self.directory.join(format!("{POOL_PREFIX}{id}.json"))
    }
}

impl From<PoolRecord> for KnownPool {
    fn from(record: PoolRecord) -> KnownPool {
        let members = record.members.into_iter();
        KnownPool {
            id: PoolId::new(record.id),
            generation: record.generation,
            members: members
                .map(|(key, bytes)| (UnitKey::new(key), bytes))
                .collect(),
            needs: record.needs.into_iter().map(PoolId::new).collect(),
        }
    }
}
