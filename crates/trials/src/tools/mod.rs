//! `cargo xtask tools`: tries programs that people use beside Cargo on dynamic executables.
//!
//! Each check builds a small generated workspace with the fork, and compares with a static build or with the guide. It
//! skips a tool that is not installed or cannot work on this machine, and says so on standard error and in the table
//! at the end, `target/tools/report.md`.

pub mod bench;
mod caches;
mod commands;
pub(crate) mod image;
mod programs;
mod sample;
mod testers;

use std::fmt;
use std::fs;

use anyhow::{Context, Result, ensure};
use clap::builder::{PossibleValue, PossibleValuesParser};

use self::bench::Bench;
use crate::fork_to_try;
use patch_stack::tree::Tree;
use workshop::fork;
use workshop::steps::{Chatter, Step, Steps};
use workshop::toolchain;

/// A tool and the check of it.
struct Tool {
    name: &'static str,
    /// The program that has to be on the `PATH`.
    program: &'static str,
    /// Where to get it.
    source: &'static str,
    /// Whether the check takes only a few seconds, so that `cargo xtask test` includes it.
    is_cheap: bool,
    check: fn(&mut Bench) -> Result<Verdict>,
}

/// qemu-user for the architecture of this machine.
const QEMU: &str = if cfg!(target_arch = "aarch64") {
    "qemu-aarch64"
} else {
    "qemu-x86_64"
};

/// The cheap ones first.
const TOOLS: &[Tool] = &[
    Tool {
        name: "check",
        program: "rustc",
        source: "the toolchain",
        is_cheap: true,
        check: commands::check,
    },
    Tool {
        name: "clippy",
        program: "cargo-clippy",
        source: "rustup component add clippy",
        is_cheap: true,
        check: commands::clippy,
    },
    Tool {
        name: "fix",
        program: "rustc",
        source: "the toolchain",
        is_cheap: true,
        check: commands::fix,
    },
    Tool {
        name: "nextest",
        program: "cargo-nextest",
        source: "cargo install --locked cargo-nextest",
        is_cheap: true,
        check: testers::nextest,
    },
    Tool {
        name: "gdb",
        program: "gdb",
        source: "Debian: gdb",
        is_cheap: true,
        check: programs::gdb,
    },
    Tool {
        name: "valgrind",
        program: "valgrind",
        source: "Debian: valgrind",
        is_cheap: true,
        check: programs::valgrind,
    },
    Tool {
        name: "container",
        program: "unshare",
        source: "Debian: util-linux",
        is_cheap: true,
        check: programs::container,
    },
    Tool {
        name: "lldb",
        program: "lldb",
        source: "Debian: lldb",
        is_cheap: false,
        check: programs::lldb,
    },
    Tool {
        name: "perf",
        program: "perf",
        source: "Debian: linux-perf",
        is_cheap: false,
        check: programs::perf,
    },
    Tool {
        name: "qemu",
        program: QEMU,
        source: "Debian: qemu-user",
        is_cheap: false,
        check: programs::qemu,
    },
    Tool {
        name: "rustup",
        program: "rustup",
        source: "https://rustup.rs",
        is_cheap: false,
        check: commands::rustup,
    },
    Tool {
        name: "sccache",
        program: "sccache",
        source: "Debian: sccache",
        is_cheap: false,
        check: caches::on_disk,
    },
    Tool {
        name: "sccache-redis",
        program: "sccache",
        source: "cargo install --locked sccache",
        is_cheap: false,
        check: caches::in_redis,
    },
    Tool {
        name: "llvm-cov",
        program: "cargo-llvm-cov",
        source: "cargo install --locked cargo-llvm-cov",
        is_cheap: false,
        check: testers::llvm_cov,
    },
    Tool {
        name: "watch",
        program: "cargo-watch",
        source: "cargo install --locked cargo-watch",
        is_cheap: false,
        check: commands::watch,
    },
];

/// The outcome of a check that found no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// The part that works.
    Passed(String),
    /// Why nothing was tried.
    Skipped(String),
}

impl Verdict {
    fn passed(what: impl Into<String>) -> Verdict {
        Verdict::Passed(what.into())
    }
}

/// A row of the table.
struct Row {
    tool: &'static str,
    /// The version that the program prints, if it is installed.
    version: String,
    result: Result<Verdict>,
}

/// The names of the tools, as values of a command line argument.
pub fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(TOOLS.iter().map(|tool| PossibleValue::new(tool.name)))
}

/// Builds the fork and tries the tools with these names, or all.
///
/// # Errors
/// When a check fails, after all were made.
pub fn run(tree: &Tree, names: &[String]) -> Result<()> {
    let mut steps = Steps::new(tree.repository().logs(), Chatter::Steps);
    let is_chosen = |tool: &&Tool| names.is_empty() || names.iter().any(|name| name == tool.name);
    steps.run("tools", |step| {
        check(tree, step, TOOLS.iter().filter(is_chosen))
    })
}

/// The test step `tools`: those that take a few seconds.
pub fn run_cheap(tree: &Tree, step: &mut Step) -> Result<()> {
    check(tree, step, TOOLS.iter().filter(|tool| tool.is_cheap))
}

fn check<'t>(tree: &Tree, step: &mut Step, tools: impl Iterator<Item = &'t Tool>) -> Result<()> {
    let Some(fork) = fork_to_try(tree, step)? else {
        return Ok(());
    };
    let repository = tree.repository();
    let directory = repository.tools();
    let mut bench = Bench::new(step, fork, directory.clone());
    let mut rows = Vec::new();
    for tool in tools {
        let row = try_tool(&mut bench, tool);
        bench.step.say(&row.to_string());
        rows.push(row);
    }
    caches::clean(&directory);
    let table = table(&rows);
    let report = directory.join("report.md");
    fs::write(&report, &table)
        .with_context(|| format!("failed to write `{}`", report.display()))?;
    println!("\n{table}");
    let failed: Vec<&str> = rows
        .iter()
        .filter(|row| row.result.is_err())
        .map(|row| row.tool)
        .collect();
    ensure!(
        failed.is_empty(),
        "with dynamic dependencies, these do not work as they should: {}",
        failed.join(", ")
    );
    Ok(())
}

fn try_tool(bench: &mut Bench, tool: &Tool) -> Row {
    if !fork::on_path(tool.program) {
        let reason = format!("there is no `{}` ({})", tool.program, tool.source);
        return Row {
            tool: tool.name,
            version: String::new(),
            result: Ok(Verdict::Skipped(reason)),
        };
    }
    let result = bench.reset().and_then(|()| (tool.check)(bench));
    Row {
        tool: tool.name,
        version: version(tool.program),
        result,
    }
}

/// The first line that a program prints about its version.
fn version(program: &str) -> String {
    let argument = match program {
        // It is a subcommand, and expects its own name as the first argument.
        "cargo-llvm-cov" => &["llvm-cov", "--version"][..],
        "cargo-nextest" => &["nextest", "--version"],
        "cargo-watch" => &["watch", "--version"],
        _ => &["--version"],
    };
    let printed = toolchain::run(toolchain::command(program).args(argument)).unwrap_or_default();
    let printed = String::from_utf8_lossy(&printed);
    printed.lines().next().unwrap_or_default().trim().to_owned()
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Ok(Verdict::Passed(what)) => write!(f, "{}: passed: {what}", self.tool),
            Ok(Verdict::Skipped(reason)) => write!(f, "{}: SKIPPED: {reason}", self.tool),
            Err(error) => write!(f, "{}: FAILED: {error:#}", self.tool),
        }
    }
}

/// The table of the results, in Markdown.
fn table(rows: &[Row]) -> String {
    let mut table = "| Tool | Version | Result | |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let (result, text) = match &row.result {
            Ok(Verdict::Passed(what)) => ("passed", what.clone()),
            Ok(Verdict::Skipped(reason)) => ("skipped", reason.clone()),
            Err(error) => ("**failed**", format!("{error:#}")),
        };
        let first_line = text.lines().next().unwrap_or_default().replace('|', "\\|");
        table.push_str(&format!(
            "| {} | {} | {result} | {first_line} |\n",
            row.tool, row.version
        ));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_has_a_row() {
        let row = |tool, result| Row {
            tool,
            version: "1.0".to_owned(),
            result,
        };
        let rows = [
            row("a", Ok(Verdict::passed("works"))),
            row("b", Ok(Verdict::Skipped("there is no `b`".to_owned()))),
            row("c", Err(anyhow::anyhow!("it says `x|y`\nin full"))),
        ];
        assert_eq!(
            table(&rows),
            "| Tool | Version | Result | |\n|---|---|---|---|\n\
             | a | 1.0 | passed | works |\n\
             | b | 1.0 | skipped | there is no `b` |\n\
             | c | 1.0 | **failed** | it says `x\\|y` |\n"
        );
        assert_eq!(rows[1].to_string(), "b: SKIPPED: there is no `b`");
    }

    #[test]
    fn a_tool_that_is_absent_is_skipped() {
        let directory = tempfile::tempdir().unwrap();
        let mut steps = Steps::new(directory.path().to_owned(), Chatter::None);
        let absent = Tool {
            name: "absent",
            program: "xtask-has-no-such-program",
            source: "nowhere",
            is_cheap: false,
            check: |_| anyhow::bail!("checked"),
        };
        let row = steps.run("test", |step| {
            let mut bench = Bench::new(step, "cargo".into(), directory.path().to_owned());
            Ok(try_tool(&mut bench, &absent))
        });
        assert_eq!(
            row.unwrap().to_string(),
            "absent: SKIPPED: there is no `xtask-has-no-such-program` (nowhere)"
        );
    }
}
