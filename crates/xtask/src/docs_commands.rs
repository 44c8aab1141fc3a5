//! The test step `docs`: the commands in README.md, `docs/use.md`, CONTRIBUTING.md and the guide do what they should.
//!
//! The step runs the commands of Cargo and git, on a sample and on a copy of the tree. It parses those of xtask, since
//! most take minutes and the others are steps of their own; it runs the few that are quick.
//!
//! If a line in a block of commands is none of these, the step fails. So no command gets into a document untested.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;

use crate::Cli;
use patch_stack::tree::{Tree, Unexported};
use trials::tools::bench::Bench;
use workshop::files;
use workshop::fork::{self, Profile, TOOLCHAIN};
use workshop::paths::Repository;
use workshop::steps::{Show, Step};
use workshop::toolchain;

/// The documents, relative to the repository.
const DOCUMENTS: [&str; 4] = [
    "README.md",
    "docs/use.md",
    "CONTRIBUTING.md",
    "src/doc/src/guide/faster-linking.md",
];

/// Subcommands of xtask that the step runs. Each takes less than six minutes, and leaves nothing that the next command
/// would notice.
const RUN: [&str; 3] = ["demo", "run", "tree"];

/// The path that stands for a package of the reader's.
const PLACEHOLDER_MANIFEST: &str = "/path/to/Cargo.toml";

/// One line of a block of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// Arguments of `cargo xtask`.
    Xtask(Vec<String>),
    /// Arguments of `cargo`, without a `+dynamic-deps`.
    Cargo(Vec<String>),
    /// Arguments of git after `-C target/tree`.
    Git(Vec<String>),
    /// A variable and its value.
    Export(String, String),
}

/// Tries the commands of all documents.
pub(crate) fn run(tree: &Tree, step: &mut Step) -> Result<()> {
    tree.materialise(Unexported::Refuse)?;
    let repository = tree.repository();
    let executable = fork::build(repository, step, Profile::Dev)?;
    let scratch = repository.docs();
    let copy = copy_tree(tree, step, &scratch)?;
    for document in DOCUMENTS {
        let path = repository.root().join(document);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("failed to read `{}`", path.display()))?;
        let mut count = 0;
        for block in blocks(&text) {
            let lines = parse(&block).with_context(|| format!("in `{document}`"))?;
            let mut trial = Trial {
                repository,
                bench: Bench::new(step, executable.clone(), scratch.clone()),
                copy: &copy,
                variables: BTreeMap::new(),
            };
            trial.bench.reset()?;
            for line in &lines {
                trial
                    .line(line)
                    .with_context(|| format!("a command in `{document}`: {line:?}"))?;
                count += 1;
            }
            trial.check_variables()?;
        }
        count += check_inline_commands(&text).with_context(|| format!("in `{document}`"))?;
        ensure!(count > 0, "there is no command in `{document}`");
        step.say(&format!("{document}: {count} commands"));
    }
    Ok(())
}

/// The commands of one block, which share variables.
struct Trial<'t, 'a, 'b> {
    repository: &'t Repository,
    bench: Bench<'a, 'b>,
    /// A copy of the tree, for git.
    copy: &'t Path,
    variables: BTreeMap<String, String>,
}

impl Trial<'_, '_, '_> {
    fn line(&mut self, line: &Line) -> Result<()> {
        match line {
            Line::Xtask(args) => self.xtask(args),
            Line::Cargo(args) => self.cargo(args),
            Line::Git(args) => self.git(args),
            Line::Export(name, value) => {
                self.variables.insert(name.clone(), value.clone());
                Ok(())
            }
        }
    }

    fn xtask(&mut self, args: &[String]) -> Result<()> {
        let whole: Vec<&str> = ["cargo xtask"]
            .into_iter()
            .chain(args.iter().map(String::as_str))
            .collect();
        Cli::try_parse_from(whole)?;
        if !args.first().is_some_and(|verb| RUN.contains(&&**verb)) {
            return Ok(());
        }
        let own = std::env::current_exe().context("failed to find the executable of xtask")?;
        let manifest = self.bench.sample().join("Cargo.toml");
        let mut command = Command::new(own);
        for arg in args {
            match arg.as_str() {
                PLACEHOLDER_MANIFEST => command.arg(&manifest),
                arg => command.arg(arg),
            };
        }
        command
            .current_dir(self.repository.root())
            .env("CARGO_TARGET_DIR", self.bench.build_directory());
        self.bench.step.command(&mut command, Show::Progress)?;
        // It has put a fork of its own in the place of this one.
        if args.first().is_some_and(|verb| verb == "demo") {
            fork::build(self.repository, self.bench.step, Profile::Dev)?;
        }
        Ok(())
    }

    fn cargo(&mut self, args: &[String]) -> Result<()> {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        if args.first() == Some(&"nextest") && !fork::on_path("cargo-nextest") {
            self.bench
                .step
                .say("SKIPPED: a command of cargo-nextest, which is not installed");
            return Ok(());
        }
        let mut cargo = self.cargo_of_the_reader(&args);
        self.bench.step.command(&mut cargo, Show::Progress)
    }

    /// The fork in the sample, which has a target directory of its own, after the exports of the block.
    fn cargo_of_the_reader(&self, args: &[&str]) -> Command {
        let mut cargo = self.bench.plain_cargo(args);
        cargo.env_remove("CARGO_TARGET_DIR").envs(&self.variables);
        cargo
    }

    /// Runs git in the copy, on the commit of the patch that last changed the file it is asked to commit.
    fn git(&mut self, args: &[String]) -> Result<()> {
        let mut command = git_in(self.copy);
        if args.iter().any(|arg| arg.contains("<commit>")) {
            let path = args.last().map(String::as_str).unwrap_or_default();
            let log = ["log", "-1", "--format=%H", "refs/xtask/base..", "--", path];
            let commit = self.bench.step.capture(git_in(self.copy).args(log))?;
            ensure!(!commit.is_empty(), "no patch changes `{path}`");
            let file = self.copy.join(path);
            let text = self.bench.read(&file)?;
            fs::write(&file, format!("{text}\n"))
                .with_context(|| format!("failed to write `{}`", file.display()))?;
            command.args(
                args.iter()
                    .map(|arg| arg.replace("<commit>", commit.trim())),
            );
        } else {
            command.args(args);
        }
        self.bench.step.command(&mut command, Show::Progress)
    }

    /// Checks that the variables of the block decide how a build links.
    fn check_variables(&mut self) -> Result<()> {
        if self.variables.is_empty() {
            return Ok(());
        }
        let expected = self.variables.values().any(|value| value == "true");
        let mut cargo = self.cargo_of_the_reader(&["build"]);
        self.bench.step.command(&mut cargo, Show::Progress)?;
        let executable = self.bench.sample().join("target/debug/sample");
        let linking = match expected {
            true => workshop::linking::Linking::Dynamic,
            false => workshop::linking::Linking::Static,
        };
        workshop::linking::require_linked(&executable, linking)
    }
}

/// A copy of the tree's repository in `scratch`, with the commits that xtask keeps there.
fn copy_tree(tree: &Tree, step: &mut Step, scratch: &Path) -> Result<PathBuf> {
    let copy = scratch.join("tree");
    files::remove(&copy)?;
    fs::create_dir_all(scratch)
        .with_context(|| format!("failed to create `{}`", scratch.display()))?;
    let original = tree.repository().tree();
    let mut clone = git_in(scratch);
    clone.args(["clone", "--quiet", "--shared"]).arg(original);
    step.command(clone.arg(&copy), Show::Progress)?;
    let fetch = ["fetch", "--quiet", "origin", "refs/xtask/*:refs/xtask/*"];
    step.command(git_in(&copy).args(fetch), Show::Progress)?;
    Ok(copy)
}

/// Git as a developer has it, whose editor changes nothing.
fn git_in(directory: &Path) -> Command {
    let mut git = Command::new("git");
    toolchain::remove_git_variables(&mut git);
    git.arg("-C").arg(directory).env("GIT_EDITOR", "true");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "xtask")
            .env(format!("GIT_{role}_EMAIL"), "xtask@localhost");
    }
    git
}

/// The blocks of commands of a document: fenced, in no language or in that of a console.
fn blocks(document: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    let mut in_other = false;
    // Blocks may be indented, as part of a list.
    for line in document.lines().map(str::trim_start) {
        match (line.strip_prefix("```"), &mut block) {
            (Some(_), Some(_)) => blocks.extend(block.take()),
            (Some(_), None) if in_other => in_other = false,
            (Some("" | "console" | "sh" | "bash"), None) => block = Some(String::new()),
            (Some(_), None) => in_other = true,
            (None, Some(block)) => block.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    blocks
}

/// The lines of a block.
fn parse(block: &str) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for line in block.lines() {
        let line = line.strip_prefix("$ ").unwrap_or(line);
        let command = match line.split_once('#') {
            Some((command, _)) => command.trim(),
            None => line.trim(),
        };
        if command.is_empty() {
            continue;
        }
        let words: Vec<&str> = command.split_whitespace().collect();
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let toolchain = format!("+{TOOLCHAIN}");
        lines.push(match words.as_slice() {
            ["cargo", "xtask", args @ ..] => Line::Xtask(owned(args)),
            ["cargo", plus, args @ ..] if *plus == toolchain => Line::Cargo(owned(args)),
            ["cargo", args @ ..] => Line::Cargo(owned(args)),
            ["git", "-C", "target/tree", args @ ..] => Line::Git(owned(args)),
            ["export", assignment] => match assignment.split_once('=') {
                Some((name, value)) => Line::Export(name.to_owned(), value.to_owned()),
                None => bail!("`{command}` gives no value"),
            },
            _ => bail!(
                "nothing is known of the command `{command}`\n\
                 help: make it one that is tested, in `crates/xtask/src/docs_commands.rs`"
            ),
        });
    }
    Ok(lines)
}

/// Checks that xtask takes the commands inside of sentences, and counts them.
fn check_inline_commands(document: &str) -> Result<usize> {
    let commands = inline_commands(document);
    for args in &commands {
        Cli::try_parse_from(args).with_context(|| format!("`{}`", args.join(" ")))?;
    }
    Ok(commands.len())
}

/// The commands of xtask inside of sentences, without those that leave something open.
fn inline_commands(document: &str) -> Vec<Vec<String>> {
    let mut in_block = false;
    let mut commands = Vec::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            let code = line.split('`').skip(1).step_by(2);
            let commands_of_xtask = code
                .filter(|code| code.starts_with("cargo xtask "))
                .filter(|code| !code.contains('<') && !code.contains('…'));
            commands.extend(commands_of_xtask.map(|code| {
                let args = code.split_whitespace().skip(2).map(str::to_owned);
                ["cargo xtask".to_owned()].into_iter().chain(args).collect()
            }));
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn blocks_of_commands_are_found() {
        let document = "a\n```toml\nx = 1\n```\n```\ncargo xtask tree\n```\n- b\n  ```console\n  $ cargo test\n  ```\n";
        assert_eq!(blocks(document), ["cargo xtask tree\n", "$ cargo test\n"]);
    }

    #[test]
    fn lines_are_known_or_a_failure() {
        let block = "cargo xtask tree   # makes it\n                   # and more\ncargo +dynamic-deps build\n\
                     $ export A=true\ngit -C target/tree log\n";
        assert_eq!(
            parse(block).unwrap(),
            [
                Line::Xtask(words("tree")),
                Line::Cargo(words("build")),
                Line::Export("A".to_owned(), "true".to_owned()),
                Line::Git(words("log")),
            ]
        );
        let error = parse("make install\n").unwrap_err().to_string();
        assert!(
            error.starts_with("nothing is known of the command `make install`\n"),
            "{error}"
        );
    }

    /// The step runs at the end of CI. This test finds within seconds a command that is spelled wrong.
    #[test]
    fn xtask_takes_the_commands_of_the_documents() {
        for document in DOCUMENTS {
            let path = Repository::of_this_build().root().join(document);
            let text = fs::read_to_string(path).unwrap();
            check_inline_commands(&text).expect(document);
            let blocks = blocks(&text);
            for line in blocks
                .iter()
                .flat_map(|block| parse(block).expect(document))
            {
                if let Line::Xtask(args) = line {
                    let command = ["cargo xtask".to_owned()].into_iter().chain(args);
                    Cli::try_parse_from(command).expect(document);
                }
            }
        }
    }

    #[test]
    fn commands_in_sentences_are_found() {
        let document = "Run `cargo xtask docs`, `cargo xtask <command> --help` or `cargo test`.\n```\n`cargo xtask x`\n```\n";
        assert_eq!(inline_commands(document), [["cargo xtask", "docs"]]);
    }
}
