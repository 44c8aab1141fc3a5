//! Measures the fork beside its peers: workloads × peers × phases, in one run, in turns.
//!
//! `cargo xtask bench` builds and starts this program. `README.md` in `benches/` says what it measures and how, and
//! which code belongs here and not to xtask. Data flows through the modules in this order:
//!
//! - [`workloads`] and [`peers`] are tables; [`plan`] chooses from them.
//! - [`tools`] are the Cargos to compare, [`origin`] has the files of a workload, which [`generate`] makes or [`packages`]
//!   takes from Cargo's registry, and [`sources`] its working copy.
//! - [`bench`] goes through the plan in rounds. [`phases`] does the work of a round, with the [`runner`], which takes
//!   times, and [`link_line`], which runs links again.
//! - [`report`] knows only the [`results`].

mod bench;
mod generate;
mod link_line;
mod machine;
mod origin;
mod packages;
mod peers;
mod phases;
mod plan;
mod report;
mod results;
mod runner;
mod sources;
mod tools;
mod workloads;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::bench::Bench;
use crate::peers::{Linkers, PEERS, Peer};
use crate::plan::{Choice, Plan};
use crate::results::{Identity, Mode, Phase, Results};
use crate::tools::{Given, Tools};
use crate::workloads::{WORKLOADS, Workload};

/// Measure the fork beside static builds, other linkers and Rust's own dynamic linking
///
/// Results go to `benches/results/<date>-<machine>/`, with a report and charts. A run that was interrupted goes on when
/// it is started again on the same machine with the same versions. Workloads, peers and phases are explained in
/// `benches/README.md`.
#[derive(Parser)]
#[command(
    name = "cargo xtask bench",
    override_usage = "cargo xtask bench [OPTIONS]"
)]
struct Options {
    /// See that it works: hello world and the application, few samples, results in `target/bench/quick/`
    #[arg(long)]
    quick: bool,
    /// Measure this workload only; may be given several times
    #[arg(long, value_name = "NAME", value_parser = workload)]
    workload: Vec<&'static Workload>,
    /// Measure this peer only; may be given several times
    #[arg(long, value_name = "NAME", value_parser = peer)]
    peer: Vec<&'static Peer>,
    /// Measure this phase only; may be given several times
    #[arg(long, value_name = "NAME", value_parser = phase)]
    phase: Vec<Phase>,
    /// Print what would be measured, and how often, and end
    #[arg(long)]
    list: bool,
    /// Start a new run, though there is one that could go on
    #[arg(long)]
    fresh: bool,
    /// Measure though others use the machine; such numbers do not count, and go to `target/bench/loaded/`
    #[arg(long)]
    loaded: bool,
    /// Leave what was built; the next run needs it only if this one is interrupted
    #[arg(long)]
    keep: bool,
    /// Write the report of the results in this directory anew, and end
    #[arg(long, value_name = "DIRECTORY")]
    render: Option<PathBuf>,
    /// Write what README, `docs/` and the guide show of the newest results, and end
    #[arg(long)]
    documents: bool,
    /// Measure this executable as the fork, in the place of building it
    #[arg(long, value_name = "FILE")]
    fork: Option<PathBuf>,
    /// Measure this executable as upstream's Cargo, in the place of building it
    #[arg(long, value_name = "FILE")]
    stock: Option<PathBuf>,
    /// Measure this executable beside the others, as the fork before a change
    #[arg(long, value_name = "FILE")]
    earlier: Option<PathBuf>,
    /// The executable of xtask
    #[arg(long, value_name = "FILE", hide = true)]
    xtask: PathBuf,
}

fn main() -> ExitCode {
    if let Some(code) = link_line::WRAPPER.run_if_called() {
        return code;
    }
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<()> {
    if let Some(directory) = &options.render {
        let results = Results::read(directory)?
            .with_context(|| format!("there are no results in `{}`", directory.display()))?;
        return report::write(&results, directory);
    }
    let repository = repository();
    if options.documents {
        return report::write_documents(&repository);
    }
    let work = repository.join("target/bench");
    let mode = if options.quick {
        Mode::Quick
    } else {
        Mode::Full
    };
    let choice = Choice {
        workloads: options.workload,
        peers: options.peer,
        phases: options.phase,
    };
    let given = Given {
        fork: options.fork,
        stock: options.stock,
        earlier: options.earlier,
    };
    let linkers = Linkers::find(&tools::programs()?, work.join("linkers"));
    let plan = Plan::new(
        mode,
        &choice,
        &linkers,
        given.earlier.is_some(),
        plan::has_system_library,
    );
    if options.list {
        print!("{}", plan.list());
        return Ok(());
    }

    let tools = Tools::find(&options.xtask, given)?;
    let identity = Identity {
        mode,
        machine: machine::describe(),
        versions: tools.versions()?,
    };
    // Numbers that do not count stay apart from those that do, and no later run goes on with them.
    let counts = mode == Mode::Full && !options.loaded;
    let parent = match mode {
        Mode::Quick => work.join("quick"),
        Mode::Full if options.loaded => work.join("loaded"),
        Mode::Full => repository.join("benches/results"),
    };
    let (directory, results) = open_run(&parent, identity, &machine::now(), options.fresh)?;
    let mut bench = Bench {
        repository: &repository,
        tools: &tools,
        linkers: &linkers,
        work: work.join("work"),
        directory,
        results,
        command: command_line(),
        tolerates_load: options.loaded || options.quick,
        keeps_builds: options.keep || options.quick,
    };
    bench.run(&plan)?;
    report::write(&bench.results, &bench.directory)?;
    if counts {
        report::write_documents(&repository)?;
    }
    if mode == Mode::Quick {
        println!("{}", report::summary(&bench.results));
    }
    println!("{}", bench.directory.join(report::FILE).display());
    Ok(())
}

/// The run that goes on, or a new one.
fn open_run(
    parent: &Path,
    identity: Identity,
    now: &str,
    fresh: bool,
) -> Result<(PathBuf, Results)> {
    if !fresh
        && let Some(directory) = results::find_run(parent, &identity)?
        && let Some(results) = Results::read(&directory)?
    {
        eprintln!("going on with `{}`", directory.display());
        return Ok((directory, results));
    }
    let date = now.split(' ').next().unwrap_or(now);
    let directory = results::new_run(parent, date, &identity.machine);
    Ok((directory, Results::new(identity, date.to_owned())))
}

/// The repository that this executable was built in.
fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_path_buf()
}

/// The command that the user typed, without the arguments that xtask adds.
fn command_line() -> String {
    let mut words = vec!["cargo xtask bench".to_owned()];
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match &*arg {
            "--xtask" => drop(args.next()),
            _ => words.push(arg),
        }
    }
    words.join(" ")
}

fn workload(name: &str) -> Result<&'static Workload, String> {
    let names = WORKLOADS.map(|workload| workload.name);
    Workload::by_name(name).ok_or_else(|| one_of(&names))
}

fn peer(name: &str) -> Result<&'static Peer, String> {
    let names = PEERS.map(|peer| peer.name);
    Peer::by_name(name).ok_or_else(|| one_of(&names))
}

fn phase(name: &str) -> Result<Phase, String> {
    let names = Phase::ALL.map(Phase::name);
    let mut phases = Phase::ALL.into_iter();
    phases
        .find(|phase| phase.name() == name)
        .ok_or_else(|| one_of(&names))
}

fn one_of(names: &[&str]) -> String {
    format!("it is one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn names_are_looked_up() {
        assert_eq!(workload("app").unwrap().name, "app");
        assert_eq!(peer("ours-lld").unwrap().name, "ours-lld");
        assert_eq!(phase("no-op"), Ok(Phase::NoOp));
        let error = phase("noop").unwrap_err();
        assert!(
            error.starts_with("it is one of cold, size, no-op"),
            "{error}"
        );
    }

    #[test]
    fn a_run_goes_on_unless_a_new_one_is_wanted() {
        let parent = tempfile::tempdir().unwrap();
        let identity = || results::tests::identity(Mode::Full);
        let open = |fresh| open_run(parent.path(), identity(), "2026-11-22 15:46", fresh).unwrap();
        let (first, results) = open(false);
        results.write(&first).unwrap();
        assert_eq!(open(false).0, first);
        assert_ne!(open(true).0, first);
    }
}
