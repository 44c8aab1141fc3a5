//! The outcome of a measurement, for people.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::builds::{Build, Builder};
use crate::core::compiler::dynamic_deps::project_report::{fallback, find_in};
use crate::util::{CargoResult, HumanBytes};

/// The whole outcome.
pub(super) struct Outcome<'a> {
    pub(super) rows: Vec<Row>,
    pub(super) sizes: Sizes,
    /// The directory of all builds.
    pub(super) directory: &'a Path,
}

/// The outcome of a case.
pub(super) struct Row {
    /// The edited thing.
    pub(super) name: String,
    /// The number of libraries and programs that rustc compiled after the edit.
    pub(super) compiled: usize,
    /// Median times, statically and dynamically.
    pub(super) times: [Duration; 2],
}

/// The disk space of the two executables.
pub(super) struct Sizes {
    statically: u64,
    dynamically: u64,
    /// The shared objects that the dynamic one loads.
    objects: u64,
}

impl Sizes {
    /// The sizes after the last dynamic build.
    ///
    /// # Errors
    /// When its executable is static after all, with the reason.
    pub(super) fn new(statically: u64, builder: &Builder<'_>, build: &Build) -> CargoResult<Sizes> {
        let directory = &builder.target_directory;
        for found in find_in(directory, directory)? {
            let mut executables = found.inventory.executables.iter().enumerate();
            let is_meant = |path| path == &build.executable;
            let Some((index, executable)) =
                executables.find(|(_, executable)| executable.paths.iter().any(is_meant))
            else {
                continue;
            };
            if !executable.is_dynamic() {
                bail!(
                    fallback(executable, found.profile_name())
                        .context("the executable loads no shared object of dependencies")?
                );
            }
            let objects = found.inventory.objects.iter();
            let loaded = objects.filter(|object| object.users.contains(&index));
            return Ok(Sizes {
                statically,
                dynamically: executable.bytes,
                objects: loaded.map(|object| object.bytes).sum(),
            });
        }
        bail!(
            "the executable `{}` is not found",
            build.executable.display()
        );
    }
}

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.rows.iter().map(|row| row.name.len());
        let width = names.max().unwrap_or(0).max("build after an edit of".len());
        writeln!(
            f,
            "{:width$}  {:>8}  {:>9}  {:>9}",
            "build after an edit of", "compiled", "static", "dynamic"
        )?;
        for row in &self.rows {
            let [statically, dynamically] = row.times.map(|time| time.as_secs_f64());
            writeln!(
                f,
                "{:width$}  {:>8}  {statically:>7.2} s  {dynamically:>7.2} s  {:.2}x",
                row.name,
                row.compiled,
                statically / dynamically
            )?;
        }
        let Sizes {
            statically,
            dynamically,
            objects,
        } = self.sizes;
        writeln!(
            f,
            "\nmedians of whole builds, in turns\n\
             static executable: {:.1}\n\
             dynamic executable: {:.1}, loads {:.1} of shared objects\n\
             `{}` has what was built for this, and can be deleted",
            HumanBytes(statically),
            HumanBytes(dynamically),
            HumanBytes(objects),
            self.directory.display()
        )?;
        write!(
            f,
            "help: `dynamic-deps = true` below `[profile.dev]` links so from now on"
        )
    }
}

/// The middle time; if there are two, their mean.
pub(super) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    match times.len() {
        0 => Duration::ZERO,
        length if length % 2 == 1 => times[length / 2],
        length => (times[length / 2 - 1] + times[length / 2]) / 2,
    }
}
