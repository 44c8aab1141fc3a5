//! Links that were recorded in a build, and run again without it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use measure::messages::Artifacts;

use super::{Build, Prepared, Site};
use crate::link_line::{self, LinkLine};
use crate::peers::Way;
use crate::results::{Measured, Phase, Quantity, Sample};
use crate::runner::Runner;

impl Site<'_> {
    /// One round of the phase `link`.
    pub(super) fn link(&self, prepared: &Prepared, runner: &mut Runner) -> Result<Vec<Measured>> {
        let mut measured = self.relink(&prepared.link_lines, runner)?;
        if self.peer.way == Way::Groups {
            let output = self.directory.join("own-objects");
            for line in &prepared.link_lines {
                let ran = runner.run(&mut line.own_objects_command(&output)?)?;
                measured.push(Measured {
                    quantity: Quantity::OwnObjectsSeconds,
                    ..self.time(&ran)?
                });
            }
        }
        Ok(measured)
    }

    /// Runs the links once more, one after the other: the sum of their times, and the largest of their peaks.
    pub(super) fn relink(&self, lines: &[LinkLine], runner: &mut Runner) -> Result<Vec<Measured>> {
        let (mut seconds, mut peak_memory, mut foreign) = (0.0, 0, None);
        for line in lines {
            let ran = runner.run(&mut line.command())?;
            let sample = self.time(&ran)?.sample;
            seconds += sample.value;
            foreign = sample.foreign.into_iter().chain(foreign).reduce(f64::max);
            let ran = if self.peer.linker.leaves_process() {
                runner.run(&mut line.command_without_fork())?
            } else {
                ran
            };
            peak_memory = peak_memory.max(ran.peak_memory);
            self.peer.require(&line.output()?)?;
        }
        let time = Measured {
            quantity: Quantity::Seconds,
            part: None,
            sample: Sample {
                value: seconds,
                foreign,
            },
        };
        let memory = Measured::fact(Quantity::PeakMemory, peak_memory as f64);
        Ok(vec![time, memory])
    }

    /// Edits, and builds with link lines left behind.
    pub(super) fn record(
        &self,
        runner: &mut Runner,
        phase: Phase,
        mut cargo: Command,
    ) -> Result<Build> {
        self.edit(phase)?;
        link_line::record(&mut cargo, &self.link_lines())?;
        self.run(runner, &mut cargo)
    }

    /// The recorded links, one for each executable. They are run once, and have to make the same files again.
    pub(super) fn link_lines_of(&self, artifacts: &Artifacts) -> Result<Vec<LinkLine>> {
        let lines = link_line::recorded(&self.link_lines())?;
        let executables = artifacts.linked().len();
        ensure!(
            lines.len() == executables,
            "{executables} executables were built, but {} links recorded",
            lines.len()
        );
        for line in &lines {
            let output = line.output()?;
            let read = || {
                fs::read(&output).with_context(|| format!("failed to read `{}`", output.display()))
            };
            let recorded = read()?;
            let ran = line.command().output();
            let ran =
                ran.with_context(|| format!("failed to link `{}` again", output.display()))?;
            ensure!(
                ran.status.success(),
                "the link of `{}` failed when it was run again ({})\n{}",
                output.display(),
                ran.status,
                String::from_utf8_lossy(&ran.stderr).trim_end()
            );
            ensure!(
                read()? == recorded,
                "the link of `{}` makes another file when it is run again, so its time would be of no use",
                output.display()
            );
        }
        Ok(lines)
    }

    fn link_lines(&self) -> PathBuf {
        self.directory.join("link-lines")
    }
}
