//! `cargo xtask corpus`: checks that real projects do the same, linked statically and dynamically.
//!
//! Each project of `crates/trials/corpus.toml` is a package as it was published, with its own `Cargo.lock`, or a
//! workspace that we assemble of such packages. The Cargo of the toolchain builds and tests it, and so does the fork
//! with `--dynamic-deps`. We compare the result of each test, how test programs without a harness ended, and what
//! command lines print. We leave out a project that needs something that the machine lacks, and say so.
//!
//! The two Cargos choose different hashes, so each has a target directory of its own. All projects share it, so rustc
//! compiles a common dependency once. With `--static-by fork` the fork builds statically too, and both ways share the
//! compiled libraries. But then stock Cargo is no longer the measure.
//!
//! After a comparison, we remove executables and groups, and empty a target directory that has grown large.
//!
//! A file keeps the result of each project, so an interrupted run goes on after the last one.

mod comparison;
mod linked;
mod package;
mod project;
mod record;
mod report;
mod results;
mod trial;
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Instant, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::corpus::comparison::Comparison;
use crate::corpus::project::Project;
use crate::corpus::record::Record;
use crate::corpus::trial::{Interrupted, Trial};
use crate::fork_to_try;
use patch_stack::tree::{Tree, Unexported};
use workshop::files;
use workshop::fork::{self, Profile};
use workshop::linking::Linking;
use workshop::linking::is_platform_supported;
use workshop::paths::Repository;
use workshop::steps::{Chatter, Step, Steps};
use workshop::toolchain;

/// Target directories, in the directory of the corpus.
const TOOLCHAIN_BUILD: &str = "build/toolchain";
const FORK_BUILD: &str = "build/fork";

/// We empty a target directory with more bytes than this before the next project.
const LARGE: u64 = 4_000_000_000;

/// What to compare.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Only projects with one of these in their name
    filters: Vec<String>,
    /// Which Cargo makes the static builds
    #[arg(long, value_enum, default_value_t)]
    static_by: StaticBy,
    /// Compare again what was compared already
    #[arg(long)]
    again: bool,
}

/// The Cargo that makes the static builds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum StaticBy {
    /// The Cargo of the toolchain
    #[default]
    Toolchain,
    /// The fork, with `--no-dynamic-deps`: dependencies are compiled once
    Fork,
}

impl StaticBy {
    fn name(self) -> &'static str {
        match self {
            StaticBy::Toolchain => "toolchain",
            StaticBy::Fork => "fork",
        }
    }
}

/// The directory of the corpus, and the Cargos with which to try it.
struct Corpus<'a> {
    repository: &'a Repository,
    fork: PathBuf,
    /// A text that differs between builds of the fork.
    fork_id: String,
    static_by: StaticBy,
}

/// Compares the chosen projects, and prints how many results. An error when there is a difference.
pub fn run(tree: &Tree, options: &Options) -> Result<()> {
    ensure!(
        is_platform_supported(),
        "the fork links everything statically on this platform"
    );
    let repository = tree.repository();
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    let projects = project::list(repository)?;
    let chosen = project::choose(projects.clone(), &options.filters)?;
    steps.run("tree", |_| tree.materialise(Unexported::Refuse))?;
    let fork = steps.run("fork", |step| {
        fork::build(repository, step, Profile::of_last_build(repository))
    })?;
    let corpus = Corpus::new(repository, fork, options.static_by)?;

    let mut failures = Vec::new();
    let mut left_out = Vec::new();
    for project in &chosen {
        if !options.again && corpus.is_compared(project)? {
            continue;
        }
        if let Some(lacking) = project.lacking() {
            left_out.push(format!("`{}`, which needs {lacking}", project.name));
            continue;
        }
        let compared = steps.run(&format!("corpus-{}", project.name), |step| {
            let comparison = corpus.compare(step, project)?;
            step.say(&summary(&comparison));
            Ok(comparison)
        });
        if let Err(error) = compared {
            eprintln!("{error:#}");
            failures.push(project.name.as_str());
        }
        corpus.write_report(&projects)?;
    }
    if !left_out.is_empty() {
        eprintln!("left out: {}", left_out.join("; "));
    }
    let comparisons = corpus.results(&chosen)?;
    let different = comparisons
        .iter()
        .filter(|one| !one.differences.is_empty())
        .map(|one| one.project.as_str());
    failures.extend(different);
    ensure!(
        failures.is_empty(),
        "these projects differ or could not be compared: {}\nreport: `{}`",
        failures.join(", "),
        repository.display(&corpus.report_path())
    );
    let compared: usize = comparisons.iter().map(|one| one.compared).sum();
    println!(
        "{} projects, {compared} results compared, no difference\nreport: `{}`",
        comparisons.len(),
        repository.display(&corpus.report_path())
    );
    Ok(())
}

/// The test step `corpus`: the smallest projects. The fork must have been built.
pub fn run_smallest(tree: &Tree, step: &mut Step) -> Result<()> {
    let Some(fork) = fork_to_try(tree, step)? else {
        return Ok(());
    };
    let repository = tree.repository();
    let corpus = Corpus::new(repository, fork, StaticBy::Toolchain)?;
    let projects = project::list(repository)?;
    for project in projects.iter().filter(|project| project.ci) {
        if let Some(lacking) = project.lacking() {
            step.say(&format!(
                "left out: `{}`, which needs {lacking}",
                project.name
            ));
            continue;
        }
        let comparison = corpus.compare(step, project)?;
        step.say(&format!("{}: {}", project.name, summary(&comparison)));
        ensure!(
            comparison.differences.is_empty(),
            "`{}` behaves differently when linked dynamically\n{}",
            project.name,
            comparison.differences.join("\n")
        );
    }
    Ok(())
}

/// Runs a test program for Cargo, and records its outcome in `directory`.
pub fn record(directory: &Path, program: &[std::ffi::OsString]) -> Result<ExitCode> {
    let (program, args) = program.split_first().context("there is nothing to run")?;
    Record::make(directory, Path::new(program), args)
}

impl Corpus<'_> {
    fn new(repository: &Repository, fork: PathBuf, static_by: StaticBy) -> Result<Corpus<'_>> {
        let fork_id = identify(&fork)?;
        Ok(Corpus {
            repository,
            fork,
            fork_id,
            static_by,
        })
    }

    /// Builds and tests one project both ways, and keeps the result.
    fn compare(&self, step: &mut Step, project: &Project) -> Result<Comparison> {
        let started = Instant::now();
        for build in [TOOLCHAIN_BUILD, FORK_BUILD] {
            remove_if_large(&self.repository.corpus().join(build))?;
        }
        let sources = self.repository.corpus().join("sources");
        fs::create_dir_all(&sources)
            .with_context(|| format!("failed to create `{}`", sources.display()))?;
        let published = package::fetch(step, project, self.repository, &sources)?;
        let mut run = |linking| {
            let unpacked = published.unpack(&sources)?;
            let fork = (linking == Linking::Dynamic || self.static_by == StaticBy::Fork)
                .then_some(self.fork.as_path());
            let build = match fork {
                None => TOOLCHAIN_BUILD,
                Some(_) => FORK_BUILD,
            };
            Trial {
                project,
                linking,
                fork,
                sources: &unpacked,
                build_directory: &self.repository.corpus().join(build),
                records: &self.scratch(&format!("records/{}/{}", project.id(), linking.name()))?,
                home: &self.scratch("home")?,
            }
            .run(step)
        };
        let of_static = run(Linking::Static)
            .with_context(|| format!("`{}` cannot be compared", project.name))?;
        let mut comparison = match run(Linking::Dynamic) {
            Ok(of_dynamic) => Comparison::of(project, &of_static, &of_dynamic)?,
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => Comparison::of_failed_build(project, &of_static, &format!("{error:#}"))?,
        };
        comparison.fork = self.fork_id.clone();
        comparison.static_by = self.static_by.name().to_owned();
        comparison.seconds = started.elapsed().as_secs();
        self.keep(project, &comparison)?;
        Ok(comparison)
    }

    /// An empty directory.
    fn scratch(&self, name: &str) -> Result<PathBuf> {
        let directory = self.repository.corpus().join(name);
        files::make_empty(&directory)?;
        Ok(directory)
    }

    fn result_path(&self, project: &Project) -> PathBuf {
        let name = format!("results/{}.json", project.id());
        self.repository.corpus().join(name)
    }

    fn report_path(&self) -> PathBuf {
        self.repository.corpus().join("report.md")
    }

    fn keep(&self, project: &Project, comparison: &Comparison) -> Result<()> {
        let text = serde_json::to_string_pretty(comparison)?;
        files::write(&self.result_path(project), text)
    }

    fn result(&self, project: &Project) -> Result<Option<Comparison>> {
        let path = self.result_path(project);
        let Some(text) = files::read(&path)? else {
            return Ok(None);
        };
        serde_json::from_slice(&text)
            .map(Some)
            .with_context(|| format!("failed to read `{}`", path.display()))
    }

    fn is_compared(&self, project: &Project) -> Result<bool> {
        let result = self.result(project)?;
        Ok(result
            .is_some_and(|one| one.fork == self.fork_id && one.static_by == self.static_by.name()))
    }

    fn results(&self, projects: &[Project]) -> Result<Vec<Comparison>> {
        let results = projects.iter().map(|project| self.result(project));
        results.filter_map(Result::transpose).collect()
    }

    fn write_report(&self, projects: &[Project]) -> Result<()> {
        let text = report::report(projects, &self.results(projects)?, &self.fork_id);
        files::write(&self.report_path(), text)
    }
}

fn remove_if_large(directory: &Path) -> Result<()> {
    match bytes_in(directory)? > LARGE {
        true => files::remove(directory),
        false => Ok(()),
    }
}

/// The size of all files in a directory, which may be missing.
fn bytes_in(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in files::entries(directory)? {
        let path = entry.path();
        let metadata = entry
            .metadata()
            .with_context(|| format!("failed to read `{}`", path.display()))?;
        bytes += match metadata.is_dir() {
            true => bytes_in(&path)?,
            false => metadata.len(),
        };
    }
    Ok(bytes)
}

/// Version of the fork, and the time when its executable was built.
fn identify(fork: &Path) -> Result<String> {
    let version = toolchain::run(Command::new(fork).arg("-V"))?;
    let built = fs::metadata(fork)
        .and_then(|metadata| metadata.modified())
        .with_context(|| format!("failed to read `{}`", fork.display()))?;
    let seconds = built
        .duration_since(UNIX_EPOCH)
        .context("the fork was built before 1970")?
        .as_secs();
    let version = String::from_utf8_lossy(&version);
    Ok(format!("{}, built at {seconds}", version.trim_end()))
}

fn summary(comparison: &Comparison) -> String {
    let dynamic = comparison.executables.iter().filter(|one| one.groups > 0);
    format!(
        "{} results compared, {} different; {} of {} executables linked dynamically",
        comparison.compared,
        comparison.differences.len(),
        dynamic.count(),
        comparison.executables.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_that_of_all_files_below() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");
        assert_eq!(bytes_in(&missing).unwrap(), 0);
        fs::create_dir_all(directory.path().join("a/b")).unwrap();
        fs::write(directory.path().join("a/b/file"), [0; 10]).unwrap();
        fs::write(directory.path().join("file"), [0; 5]).unwrap();
        assert_eq!(bytes_in(directory.path()).unwrap(), 15);
    }
}
