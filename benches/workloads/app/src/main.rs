//! A program of ordinary size, for measuring and for comparing a static with a dynamic link.
//!
//! Everything it prints on stdout depends on its sources and its lock file only: not on time,
//! place, machine or network, and not on how its dependencies are linked. It speaks to 127.0.0.1
//! alone.

mod backtrace;
mod database;
mod heap;
mod identity;
mod panics;
mod run;
mod service;
mod tls;

use std::error::Error;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exercises a tree of dependencies and prints what came of it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Use every dependency once (what happens without a subcommand)
    Run,
    /// Panic below several dependencies; set RUST_BACKTRACE=1 to see them on stderr
    Backtrace,
    /// Print what must exist once in a process, and in which order it ends
    Identity,
}

fn main() -> Result<(), Box<dyn Error>> {
    match Arguments::parse().command.unwrap_or(Command::Run) {
        Command::Run => run::run(),
        Command::Backtrace => {
            backtrace::run();
            Ok(())
        }
        Command::Identity => identity::run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
