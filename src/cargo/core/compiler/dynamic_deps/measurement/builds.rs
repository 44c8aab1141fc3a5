//! The builds of a measurement. Each starts a Cargo of its own, as people do.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use cargo_util::paths;
use itertools::Itertools as _;
use link_engine::record::NAME_PREFIX;
use serde::Deserialize;

use super::subject::Subject;
use crate::util::command_prelude::{ArgMatches, ArgMatchesExt as _};
use crate::util::{CargoResult, GlobalContext};

/// How an executable is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Static,
    Dynamic,
}

impl Way {
    pub(super) const BOTH: [Way; 2] = [Way::Static, Way::Dynamic];

    fn option(self) -> &'static str {
        match self {
            Way::Static => "--no-dynamic-deps",
            Way::Dynamic => "--dynamic-deps",
        }
    }
}

/// Builds the program, either way in one target directory.
pub(super) struct Builder<'a> {
    pub(super) gctx: &'a GlobalContext,
    /// The user's options, which the builds get too.
    pub(super) args: &'a ArgMatches,
    pub(super) subject: &'a Subject,
    pub(super) manifest: PathBuf,
    pub(super) target_directory: PathBuf,
}

/// The outcome of a build.
pub(super) struct Build {
    pub(super) time: Duration,
    /// The program.
    pub(super) executable: PathBuf,
    /// Libraries and programs, by their first source file, and whether they were compiled.
    units: Vec<(PathBuf, bool)>,
}

impl Build {
    /// Whether the library or program with this first source file is part of the build.
    pub(super) fn has(&self, file: &Path) -> bool {
        self.units.iter().any(|(root, _)| root == file)
    }

    /// How many libraries and programs were compiled.
    pub(super) fn compiled(&self) -> usize {
        self.units
            .iter()
            .filter(|(_, is_compiled)| *is_compiled)
            .count()
    }

    /// The size of the program as it is now.
    pub(super) fn executable_bytes(&self) -> CargoResult<u64> {
        Ok(paths::metadata(&self.executable)?.len())
    }
}

/// Cargo's message about a unit.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<MessageTarget>,
    #[serde(default)]
    fresh: bool,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct MessageTarget {
    name: String,
    src_path: PathBuf,
}

impl Builder<'_> {
    /// Builds, and shows Cargo's output.
    pub(super) fn build_aloud(&self, way: Way) -> CargoResult<Build> {
        self.run(self.command(way).stderr(Stdio::inherit()))
    }

    /// Builds, and shows Cargo's output only if it fails.
    pub(super) fn build(&self, way: Way) -> CargoResult<Build> {
        self.run(self.command(way).stderr(Stdio::piped()))
    }

    fn run(&self, cargo: &mut Command) -> CargoResult<Build> {
        let start = Instant::now();
        let output = cargo
            .output()
            .with_context(|| format!("failed to run `{}`", cargo.get_program().display()))?;
        let time = start.elapsed();
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            bail!(
                "the build of `{}` failed\n{}",
                self.subject.target,
                stderr.trim_end()
            );
        }
        let mut executable = None;
        let mut units = Vec::new();
        for line in output.stdout.split(|byte| *byte == b'\n') {
            let Ok(message) = serde_json::from_slice::<Message>(line) else {
                // A program that Cargo runs may print lines of its own.
                continue;
            };
            if message.reason != "compiler-artifact" {
                continue;
            }
            let target = message
                .target
                .filter(|target| !target.name.starts_with(NAME_PREFIX));
            units.extend(target.map(|target| (target.src_path, !message.fresh)));
            executable = message.executable.or(executable);
        }
        Ok(Build {
            time,
            executable: executable.context("Cargo names no executable")?,
            units,
        })
    }

    fn command(&self, way: Way) -> Command {
        // Not the Cargo of the environment, which may be another one.
        let own = std::env::current_exe().unwrap_or_else(|_| "cargo".into());
        let mut cargo = Command::new(own);
        let kind = if self.subject.is_example {
            "--example"
        } else {
            "--bin"
        };
        let build_directory =
            toml::Value::from(self.target_directory.to_string_lossy().into_owned());
        cargo
            .current_dir(self.gctx.cwd())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .args(["build", way.option(), kind, &self.subject.target])
            .arg("--message-format=json-render-diagnostics")
            .arg("--manifest-path")
            .arg(&self.manifest)
            .arg("--target-dir")
            .arg(&self.target_directory)
            .arg("--config")
            .arg(format!("build.build-dir={build_directory}"));
        let flags = [self.gctx.offline_flag(), self.gctx.locked_flag()];
        // Both are `--frozen` if the user said so.
        cargo.args(flags.into_iter().flatten().unique());
        for features in self.args._values_of("features") {
            cargo.args(["--features", &features]);
        }
        for flag in ["all-features", "no-default-features"] {
            if self.args.flag(flag) {
                cargo.arg(format!("--{flag}"));
            }
        }
        for setting in self.args._values_of("config") {
            cargo.args(["--config", &setting]);
        }
        cargo
    }
}
