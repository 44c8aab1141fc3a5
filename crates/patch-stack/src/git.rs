//! Git, called as a program and shielded from the user's settings.
//!
//! The same patches have to give the same commits on every machine. So we switch off global and system configuration,
//! remove `GIT_*` variables, and give settings that a repository could change on the command line, where they win.
//!
//! Developers who work inside the tree use git with their own settings, as everywhere else.

mod objects;

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result};
use workshop::toolchain;

pub(crate) use objects::{Change, File, Files, Mode, ObjectId};

/// Settings that would change what git writes into a tree, a diff or a work tree.
const SETTINGS: &[&str] = &[
    "apply.ignoreWhitespace=no",
    "apply.whitespace=nowarn",
    "commit.gpgSign=false",
    "core.attributesFile=",
    "core.autocrlf=false",
    "core.eol=lf",
    "core.excludesFile=",
    "core.fileMode=true",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.safecrlf=false",
    "core.symlinks=true",
    "core.untrackedCache=false",
    "diff.indentHeuristic=true",
    "diff.interHunkContext=0",
    "diff.mnemonicPrefix=false",
    "diff.noprefix=false",
    "diff.orderFile=/dev/null",
    "diff.relative=false",
    "diff.suppressBlankEmpty=false",
    "gc.auto=0",
    "merge.conflictStyle=merge",
    "merge.directoryRenames=true",
    "merge.renames=true",
];

/// Author and committer of every commit that xtask makes.
pub(crate) const IDENTITY: (&str, &str) = ("cargo xtask", "xtask@localhost");

/// Date of every commit that xtask makes, in git's raw form: the date that crates.io gives to files in a package.
pub(crate) const DATE: &str = "1153704088 +0000";

/// Name of the branch that the tree is on.
pub(crate) const BRANCH: &str = "refs/heads/main";

/// A git repository with its work tree.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    work_tree: PathBuf,
    index: Option<PathBuf>,
}

impl Git {
    /// The repository whose work tree is `work_tree`; it need not exist yet.
    pub(crate) fn at(work_tree: &Path) -> Git {
        Git {
            work_tree: work_tree.to_path_buf(),
            index: None,
        }
    }

    /// The same repository with `index` in the place of its index.
    pub(crate) fn with_index(&self, index: &Path) -> Git {
        Git {
            work_tree: self.work_tree.clone(),
            index: Some(index.to_path_buf()),
        }
    }

    pub(crate) fn work_tree(&self) -> &Path {
        &self.work_tree
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.work_tree.join(".git")
    }

    pub(crate) fn exists(&self) -> bool {
        self.directory().join("HEAD").is_file()
    }

    pub(crate) fn init(&self) -> Result<()> {
        std::fs::create_dir_all(&self.work_tree)
            .with_context(|| format!("failed to create `{}`", self.work_tree.display()))?;
        self.run(&["init", "--quiet", "--template=", "--object-format=sha1"])?;
        self.run(&["symbolic-ref", "HEAD", BRANCH])?;
        // For git commands that a developer types inside the tree.
        self.run(&["config", "core.autocrlf", "false"])
    }

    pub(crate) fn run(&self, args: &[&str]) -> Result<()> {
        self.bytes(args, b"").map(drop)
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Result<()> {
        self.bytes(args, input).map(drop)
    }

    /// Git's output, without white space at the end.
    pub(crate) fn text(&self, args: &[&str]) -> Result<String> {
        self.text_with_input(args, b"")
    }

    pub(crate) fn text_with_input(&self, args: &[&str], input: &[u8]) -> Result<String> {
        let bytes = self.bytes(args, input)?;
        let text = String::from_utf8(bytes)
            .with_context(|| format!("`git {}` printed text that is not UTF-8", args.join(" ")))?;
        Ok(text.trim_end().to_owned())
    }

    /// The records of git's output with `-z`, which ends each with a zero byte.
    pub(crate) fn records(&self, args: &[&str]) -> Result<Vec<String>> {
        let bytes = self.bytes(args, b"")?;
        let text = String::from_utf8(bytes).with_context(|| {
            format!("`git {}` printed a path that is not UTF-8", args.join(" "))
        })?;
        Ok(text.split_terminator('\0').map(str::to_owned).collect())
    }

    /// Git's answer to a question: exit status 0 is yes, 1 is no, anything else an error.
    pub(crate) fn test(&self, args: &[&str]) -> Result<bool> {
        let output = self.output(args, b"")?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(failure(args, &output)),
        }
    }

    pub(crate) fn bytes(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let output = self.output(args, input)?;
        if !output.status.success() {
            return Err(failure(args, &output));
        }
        Ok(output.stdout)
    }

    /// The commit that `name` stands for, if there is one.
    pub(crate) fn commit(&self, name: &str) -> Result<Option<ObjectId>> {
        let name = format!("{name}^{{commit}}");
        let output = self.output(&["rev-parse", "--quiet", "--verify", &name], b"")?;
        Ok(output.status.success().then(|| {
            String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned()
        }))
    }

    fn output(&self, args: &[&str], input: &[u8]) -> Result<Output> {
        let mut command = self.command();
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let describe = || format!("failed to run `git {}`", args.join(" "));
        let child = command
            .spawn()
            .with_context(|| format!("{}\nhelp: xtask needs git on the PATH", describe()))?;
        feed(child, input).with_context(describe)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        toolchain::remove_git_variables(&mut command);
        let (name, email) = IDENTITY;
        command
            .current_dir(&self.work_tree)
            .env("LC_ALL", "C")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            // Naming both directories also skips git's check of who owns them (`safe.directory`).
            .env("GIT_DIR", self.directory())
            .env("GIT_WORK_TREE", &self.work_tree)
            .env("GIT_AUTHOR_NAME", name)
            .env("GIT_AUTHOR_EMAIL", email)
            .env("GIT_AUTHOR_DATE", DATE)
            .env("GIT_COMMITTER_NAME", name)
            .env("GIT_COMMITTER_EMAIL", email)
            .env("GIT_COMMITTER_DATE", DATE);
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(["--no-replace-objects", "--literal-pathspecs"]);
        command
    }
}

/// Gives a program all of its input, and then waits for its output.
pub(crate) fn feed(mut child: Child, input: &[u8]) -> io::Result<Output> {
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input) {
            // The program has ended early; its exit status and message say why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            result => result?,
        }
    }
    child.wait_with_output()
}

fn failure(args: &[&str], output: &Output) -> anyhow::Error {
    anyhow::anyhow!(
        "{}",
        String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned()
    )
    .context(format!(
        "`git {}` failed ({})",
        args.join(" "),
        output.status
    ))
}
