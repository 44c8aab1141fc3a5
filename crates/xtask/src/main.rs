//! `cargo xtask`: all commands of this repository. CI runs nothing else.
//!
//! Each verb is a line of [`run`], which calls the module that does its work.

mod bench;
mod demo;
mod dist;
mod docs;
mod docs_commands;
mod next;
mod testing;
mod toolchains;
mod verbs;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use conformance::upstream_tests::{self, Subject};
use patch_stack::pin::Pin;
use patch_stack::rebase;
use patch_stack::tree::Tree;
use trials::workload::Workload;
use trials::{corpus, cross, fuzz, roots, tools};
use workshop::paths::Repository;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Work on Cargo with dynamic-deps")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make `target/tree` from upstream, `patches/`, `src/` and `tests/`
    Tree {
        /// Give up work in the tree that was not exported
        #[arg(long)]
        discard: bool,
    },
    /// Bring work in `target/tree` back to `patches/`, `src/` and `tests/`
    Export,
    /// Build the fork: `target/fork/bin/cargo`
    Build {
        /// Optimised, for use and for measurements
        #[arg(long)]
        release: bool,
    },
    /// Run the fork in the current directory, built like the last time
    Run {
        /// Arguments of Cargo
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Make the fork the rustup toolchain `dynamic-deps`, built like the last time
    Install {
        /// Take all but Cargo from this toolchain of rustup, and not from the active one; the new one is called
        /// `dynamic-deps-NAME`
        #[arg(long, value_name = "NAME")]
        toolchain: Option<String>,
    },
    /// Show what the fork gains: build it and an application, and measure
    ///
    /// The fork builds the application statically and dynamically, after edits of the program, of a library near the top and of
    /// the lowest one. Both executables have to print the same. Takes some minutes the first time.
    Demo(demo::Options),
    /// Pack the fork for those who use it: executable, installer, manual pages and licenses
    ///
    /// The archive and its checksum are in `target/dist`. The executable is optimised, has OpenSSL inside, and needs the glibc
    /// of this system or a newer one. Needs xz, perl and make.
    Dist(dist::Options),
    /// Write the tables in the documentation that follow from the code
    Docs,
    /// Make a workload: files that a seed decides, to be built by the fork
    Generate {
        #[arg(value_enum)]
        workload: Workload,
    },
    /// Compare real projects, linked statically and dynamically, test by test
    ///
    /// Results are kept: a run that was interrupted goes on where it was, and only another build of the fork starts anew.
    /// All projects take hours, and 15 GB of disk.
    Corpus(corpus::Options),
    /// Run a test program and record what it does, for `corpus`
    #[command(hide = true)]
    CorpusRecord {
        directory: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        program: Vec<OsString>,
    },
    /// Try the fork for other processors, with Debian's Rust and cross compilers, in QEMU
    ///
    /// Builds the application and the awkward programs for each, both ways, and compares what they do. The packages are
    /// unpacked in `target/debian`, nothing is installed; the command skips what the distribution does not have.
    Cross {
        /// Only these target triples
        #[arg(value_name = "TARGET", value_parser = clap::builder::PossibleValuesParser::new(cross::names()))]
        targets: Vec<String>,
    },
    /// Feed malformed input to what reads rlibs, link lines and manifests
    ///
    /// Needs cargo-fuzz and a C++ compiler. Inputs that make a target fail are kept in `target/fuzz/findings`.
    Fuzz {
        /// Only these targets
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(fuzz::target_names()))]
        targets: Vec<String>,
        /// Time for each target
        #[arg(long, default_value_t = 60, value_name = "N")]
        seconds: u64,
    },
    /// Measure the fork beside its peers; `--help` lists the options
    #[command(disable_help_flag = true)]
    Bench {
        /// Options of the harness
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Build upstream's Cargo without patches: `target/stock/bin/cargo`
    Stock {
        /// Optimised, for measurements
        #[arg(long)]
        release: bool,
    },
    /// Try the patches on another release of upstream
    ///
    /// Says of each patch whether it applies, whether it does where upstream moved the files, and which hunks do not.
    /// The patches as far as they apply, and what does not (`.rej`), are kept in `target/rebase/VERSION/patches`.
    Rebase {
        /// The release, as crates.io has it
        version: String,
        /// Make pin, patches and overlay those of the release, without the hunks that do not apply
        #[arg(long)]
        write: bool,
    },
    /// Build and test the port to the next release, which waits in `upstream/next` for a stable compiler that takes it
    ///
    /// The repository of that release is made in `target/next`. The step `testsuite` runs there, with the newest toolchain of
    /// rustup.
    Next(next::Options),
    /// Run everything that CI checks
    Test {
        /// Run this step only; may be given several times
        #[arg(long, value_name = "STEP", value_parser = testing::step_names())]
        only: Vec<String>,
    },
    /// Run the end-to-end tests in the new layout of the build directory
    NewLayout,
    /// Run the end-to-end tests and `awkward` with each compiler of this machine, and with Debian's
    ///
    /// Compilers are those of the toolchains of rustup, each once, and two of Debian's that are unpacked below `target`.
    /// Writes the table in `docs/use.md`. Takes about 20 minutes for each compiler.
    Toolchains {
        /// Only these, without writing the table: a toolchain of rustup, `debian` or `debian-oldest`
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Try the tools that are used beside Cargo on dynamic executables: test runners, caches, debuggers and others
    ///
    /// Those that are not installed are skipped. The table of the results is kept as `target/tools/report.md`.
    Tools {
        /// Only these
        #[arg(value_name = "NAME", value_parser = tools::names())]
        names: Vec<String>,
    },
    /// Try the fork in other releases of Debian, with an older or a newer glibc
    ///
    /// Makes a root directory for each, builds and runs a program there both ways, and runs a copy of it as in an image. Needs
    /// debootstrap and the rights of root.
    Roots(roots::Options),
    /// Run upstream's whole test suite on the unpatched tree, on the fork, and on the fork with dynamic-deps forced on
    ///
    /// Prints how the results differ, one line a test, and fails if a difference has no reason in
    /// `upstream/expected-failures.toml`. A test that fails unexpectedly is run again alone, and only then counts. What is
    /// known is kept in `target/upstream-tests`: a run that was interrupted goes on, and one of the same executables, or
    /// of the same unpatched tree with the same rustc, is not repeated. Takes about 40 minutes on two cores.
    UpstreamTests {
        /// Only tests with one of these in their name
        filter: Vec<String>,
        /// Beside the baseline run this one only; may be given several times
        #[arg(long, value_name = "RUN")]
        only: Vec<Subject>,
    },
}

fn main() -> ExitCode {
    if let Some(code) = conformance::forced_on::run_if_called_as_cargo() {
        return code;
    }
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let repository = &Repository::of_this_build();
    let pin = &Pin::new(repository);
    let tree = &Tree::new(repository, pin);
    match command {
        Command::Tree { discard } => verbs::tree(tree, discard)?,
        Command::Export => verbs::export(tree)?,
        Command::Build { release } => verbs::build(tree, release)?,
        Command::Run { args } => verbs::run(tree, &args)?,
        Command::Install { toolchain } => verbs::install(tree, toolchain.as_deref())?,
        Command::Demo(options) => demo::run(tree, &options)?,
        Command::Dist(options) => print!("{}", dist::run(tree, &options)?),
        Command::Docs => docs::write(repository)?,
        Command::Generate { workload } => {
            println!("{}", workload.generate(repository)?.display());
        }
        Command::Corpus(options) => corpus::run(tree, &options)?,
        Command::CorpusRecord { directory, program } => {
            return corpus::record(&directory, &program);
        }
        Command::Cross { targets } => cross::run(tree, &targets)?,
        Command::Fuzz { targets, seconds } => fuzz::run(repository, &targets, seconds)?,
        Command::Bench { args } => bench::exec(repository, &args)?,
        Command::Stock { release } => verbs::stock(tree, release)?,
        Command::Rebase { version, write } => {
            println!("{}", rebase::run(tree, pin, &version, write)?);
        }
        Command::Next(options) => return next::run(tree, &options),
        Command::Test { only } => testing::run(tree, &only)?,
        Command::NewLayout => toolchains::new_layout(tree)?,
        Command::Toolchains { names } => toolchains::run(tree, &names)?,
        Command::Tools { names } => tools::run(tree, &names)?,
        Command::Roots(options) => roots::run(repository, &options)?,
        Command::UpstreamTests { filter, only } => upstream_tests::run(tree, &only, filter)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the error and its causes. What each says about help comes last.
fn report(error: &anyhow::Error) {
    let mut help = Vec::new();
    for (depth, cause) in error.chain().enumerate() {
        let text = cause.to_string();
        let mut lines: Vec<&str> = text.lines().collect();
        // Looks only at the end, since the quoted output of a compiler in the middle has such lines too.
        if let Some(line) = lines.pop_if(|line| line.starts_with("help: ")) {
            help.push(line.to_owned());
        }
        match depth {
            0 => eprintln!("error: {}", lines.join("\n")),
            _ => eprintln!("\nCaused by:\n  {}", lines.join("\n  ")),
        }
    }
    for line in help {
        eprintln!("\n{line}");
    }
}
