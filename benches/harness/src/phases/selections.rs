//! The groups that builds link: builds of different packages of a workspace, one after the other in one target
//! directory, and builds after a dependency was added.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use measure::messages::Artifacts;

use super::objects::Tally;
use super::{Site, remove};
use crate::generate::programs;
use crate::results::{Measured, Quantity, part};
use crate::runner::{Blocked, Runner};
use crate::workloads::Addition;

/// Small crates without dependencies that none of the workloads has, to be added. Each round needs one whose group no
/// earlier round has left.
const ADDED: [(&str, &str); 6] = [
    ("levenshtein", "1.0.5"),
    ("edit-distance", "2.1.3"),
    ("roman", "0.1.6"),
    ("glob-match", "0.2.1"),
    ("wildmatch", "2.4.0"),
    ("humantime", "2.2.0"),
];

/// A dependency of the workload `selections` that some others stand on, and a later version than in its lock file.
const UPDATED: (&str, &str) = ("itoa", "1.0.17");

/// Sums over the builds of a part.
#[derive(Debug, Default)]
struct Sum {
    seconds: f64,
    group_seconds: f64,
    new: usize,
}

/// A target directory in which builds follow each other.
struct Directory {
    target: PathBuf,
    tally: Tally,
}

impl Directory {
    fn deps(&self) -> PathBuf {
        self.target.join("debug/deps")
    }
}

impl Site<'_> {
    /// Downloads the packages that the rounds add and update, so that the rounds need not.
    pub(super) fn prepare_addition(&self, runner: &mut Runner) -> Result<()> {
        let addition = self.addition()?;
        self.changed(|| {
            for added in ADDED {
                let files = (addition.manifest, addition.source);
                self.copy.add_dependency(files, added)?;
            }
            runner.run(self.tools.stock(self.copy.directory()).arg("fetch"))?;
            if self.workload.origin == crate::workloads::SELECTIONS {
                self.update(runner, false)?;
                runner.run(self.tools.stock(self.copy.directory()).arg("fetch"))?;
            }
            Ok(())
        })
    }

    /// One round of the phase `addition`.
    pub(super) fn add(&self, runner: &mut Runner) -> Result<Vec<Measured>> {
        let addition = self.addition()?;
        let target = self.target();
        let deps = target.join("debug/deps");
        let new = ADDED.iter().find(|(name, _)| !has_library(&deps, name));
        let &(name, version) = new.context(
            "every dependency that can be added was added in this directory before (help: remove it)",
        )?;
        let measured = self.changed(|| {
            let files = (addition.manifest, addition.source);
            self.copy.add_dependency(files, (name, version))?;
            let mut cargo = self.unlocked("build", &target);
            cargo
                .args(self.workload.selection)
                .args(self.peer.build_options());
            let (artifacts, mut measured, group_seconds) =
                self.timed_build(runner, &mut cargo, &target)?;
            ensure!(
                artifacts.compiled().contains(&*name.replace('-', "_")),
                "`{name}` was added, but not compiled"
            );
            measured.push(Measured::fact(Quantity::GroupSeconds, group_seconds));
            let made = artifacts.groups_made() as f64;
            measured.push(Measured::fact(Quantity::GroupsMade, made));
            Ok(measured)
        })?;
        // This build makes the next round begin like this one.
        self.run(runner, &mut self.build())?;
        Ok(measured)
    }

    /// The one round of the phase `selections`.
    pub(super) fn selections(&self, runner: &mut Runner) -> Result<Vec<Measured>> {
        let addition = self.addition()?;
        let mut measured = Vec::new();
        let mut seconds = 0.0;
        let target = self.directory.join("selections");
        let all = || vec![vec!["--workspace".to_owned()]];
        let each = || -> Vec<_> {
            let names = programs::names();
            names
                .map(|name| vec!["-p".to_owned(), name.to_owned()])
                .collect()
        };

        let mut directory = self.empty(&target)?;
        for (part, selections) in [(part::EACH, each()), (part::ALL_AFTER_EACH, all())] {
            seconds += self.build_part(runner, &mut directory, part, &selections, &mut measured)?;
        }
        let mut directory = self.empty(&target)?;
        for (part, selections) in [(part::ALL, all()), (part::EACH_AFTER_ALL, each())] {
            seconds += self.build_part(runner, &mut directory, part, &selections, &mut measured)?;
        }
        self.changed(|| {
            let files = (addition.manifest, addition.source);
            self.copy.add_dependency(files, ADDED[0])?;
            let added = part::ADDED;
            seconds += self.build_part(runner, &mut directory, added, &all(), &mut measured)?;
            self.update(runner, true)?;
            let updated = part::UPDATED;
            seconds += self.build_part(runner, &mut directory, updated, &all(), &mut measured)?;
            Ok(())
        })?;
        remove(&target)?;
        measured.push(Measured::fact(Quantity::Seconds, seconds));
        Ok(measured)
    }

    fn empty(&self, target: &Path) -> Result<Directory> {
        remove(target)?;
        Ok(Directory {
            target: target.to_path_buf(),
            tally: Tally::default(),
        })
    }

    /// Builds the selections one after the other, and returns the seconds of all.
    fn build_part(
        &self,
        runner: &mut Runner,
        directory: &mut Directory,
        part: &str,
        selections: &[Vec<String>],
        measured: &mut Vec<Measured>,
    ) -> Result<f64> {
        let mut sum = Sum::default();
        let mut last = None;
        for selection in selections {
            let mut cargo = self.unlocked("build", &directory.target);
            cargo.args(selection).args(self.peer.build_options());
            let (_, time, group_seconds) =
                self.timed_build(runner, &mut cargo, &directory.target)?;
            let look = directory.tally.look(&directory.deps())?;
            sum.seconds += time.iter().map(|time| time.sample.value).sum::<f64>();
            sum.group_seconds += group_seconds;
            sum.new += look.new;
            last = Some(look);
        }
        let last = last.context("nothing was built")?;
        for (quantity, value) in [
            (Quantity::GroupSeconds, sum.group_seconds),
            (Quantity::GroupsMade, sum.new as f64),
            (Quantity::GroupBytes, last.bytes as f64),
            (Quantity::MostLinks, last.most_links as f64),
        ] {
            measured.push(Measured::fact(quantity, value).of_part(part));
        }
        Ok(sum.seconds)
    }

    /// A build with the times of its groups: its artifacts, its time, and the seconds in which groups of frozen crates
    /// were linked.
    fn timed_build(
        &self,
        runner: &mut Runner,
        cargo: &mut Command,
        target: &Path,
    ) -> Result<(Artifacts, Vec<Measured>, f64)> {
        let build = self.run(runner, cargo.arg("--timings"))?;
        for executable in build.artifacts.executables() {
            self.peer.require(executable)?;
        }
        let time: Result<Measured, Blocked> = self.time(&build.ran);
        let timings = self.take_timings(target)?;
        let frozen = timings.groups();
        let frozen = frozen.iter().filter(|(name, _)| name.starts_with("frozen"));
        let group_seconds = frozen.map(|(_, seconds)| seconds).sum();
        Ok((build.artifacts, vec![time?], group_seconds))
    }

    /// Does something with the manifest, the source and the lock file, and undoes every change of them.
    fn changed<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let Addition { manifest, source } = self.addition()?;
        let kept = self.copy.keep(&[manifest, source, "Cargo.lock"])?;
        let outcome = act();
        kept.restore()?;
        outcome
    }

    fn update(&self, runner: &mut Runner, is_offline: bool) -> Result<()> {
        let (name, version) = UPDATED;
        let mut cargo = self.tools.stock(self.copy.directory());
        cargo.args(["update", "--package", name, "--precise", version]);
        if is_offline {
            cargo.arg("--offline");
        }
        runner.run(&mut cargo).map(drop)
    }

    fn addition(&self) -> Result<Addition> {
        let addition = self.workload.addition;
        addition.context("the workload has nothing to add a dependency to")
    }
}

/// Whether the library of a package was compiled in the directory `deps`.
fn has_library(deps: &Path, package: &str) -> bool {
    let prefix = format!("lib{}-", package.replace('-', "_"));
    let entries = fs::read_dir(deps).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .any(|name| name.to_string_lossy().starts_with(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_by_package() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("libedit_distance-0f.rlib"), "").unwrap();
        assert!(has_library(directory.path(), "edit-distance"));
        assert!(!has_library(directory.path(), "edit"));
        assert!(!has_library(
            &directory.path().join("nowhere"),
            "edit-distance"
        ));
    }

    #[test]
    fn no_workload_has_what_is_added() {
        let app = include_str!("../../../workloads/app/Cargo.lock");
        let bevy = include_str!("../../../workloads/bevy/Cargo.lock");
        let selections = include_str!("../../../workloads/selections/Cargo.lock");
        for lock in [app, bevy, selections] {
            for (name, _) in ADDED {
                assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name}");
            }
        }
        let (name, version) = UPDATED;
        assert!(selections.contains(&format!("name = \"{name}\"\n")));
        assert!(!selections.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")));
    }
}
