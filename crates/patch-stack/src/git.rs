//! Git, called as a program and shielded from the user's settings.
//!
//! The same patches have to give the same commits on every machine. So we switch off global and system configuration,
//! remove `GIT_*` variables, and give settings that a repository could change on the command line, where they win.
//!
//! Developers who work inside the tree use git with their own settings, as everywhere else.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use workshop::toolchain;

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

/// Name of an object: hexadecimal digits, as git prints them.
pub(crate) type ObjectId = String;

/// One change between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Git's letter: `A` added, `M` modified, `D` deleted, `T` type changed.
    pub(crate) kind: char,
    pub(crate) path: String,
}

/// One entry of a commit's file list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) mode: Mode,
    pub(crate) id: ObjectId,
}

/// What kind of file an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Regular,
    Executable,
    Symlink,
}

impl Mode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Mode::Regular => "100644",
            Mode::Executable => "100755",
            Mode::Symlink => "120000",
        }
    }

    fn parse(text: &str) -> Result<Mode> {
        [Mode::Regular, Mode::Executable, Mode::Symlink]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .with_context(|| format!("git mode `{text}` is neither a file nor a symlink"))
    }
}

/// A file without its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) mode: Mode,
    /// Content, or where a symlink points to.
    pub(crate) content: Vec<u8>,
}

/// Files by their path: relative to the root of the tree, parts separated by `/`.
pub(crate) type Files = BTreeMap<String, File>;

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

    /// All files of `commit`, or those under `under`.
    pub(crate) fn files(&self, commit: &str, under: &[&str]) -> Result<Vec<Entry>> {
        let mut args = vec!["ls-tree", "-r", "-z", "--full-tree", commit, "--"];
        args.extend(under);
        self.records(&args)?
            .iter()
            .map(|record| {
                let entry = record.split_once('\t').and_then(|(meta, path)| {
                    let mut meta = meta.split(' ');
                    let mode = meta.next()?;
                    let id = meta.nth(1)?;
                    Some((mode, id, path))
                });
                let (mode, id, path) =
                    entry.with_context(|| format!("cannot read `git ls-tree` line `{record}`"))?;
                Ok(Entry {
                    path: path.to_owned(),
                    mode: Mode::parse(mode).with_context(|| format!("in `{path}`"))?,
                    id: id.to_owned(),
                })
            })
            .collect()
    }

    /// The changes between two commits; a rename is a deletion and an addition.
    pub(crate) fn changes(&self, from: &str, to: &str) -> Result<Vec<Change>> {
        let records = self.records(&[
            "diff-tree",
            "-r",
            "-z",
            "--no-renames",
            "--name-status",
            from,
            to,
        ])?;
        records
            .chunks(2)
            .map(|pair| match pair {
                [kind, path] if kind.len() == 1 => Ok(Change {
                    kind: kind.chars().next().unwrap_or('M'),
                    path: path.clone(),
                }),
                _ => bail!("cannot read `git diff-tree` output `{}`", pair.join(" ")),
            })
            .collect()
    }

    /// Whether this git can [`merge`](Git::merge): `merge-tree` takes options of the merge since git 2.43, and Debian 12 has 2.39.
    pub(crate) fn can_merge() -> Result<bool> {
        let output = Command::new("git").arg("version").output();
        let output = output.context("failed to run `git version`")?;
        let version = String::from_utf8_lossy(&output.stdout);
        let version = version.split(' ').nth(2).unwrap_or_default();
        let mut numbers = version
            .split('.')
            .map(|number| number.parse::<u32>().unwrap_or(0));
        Ok((numbers.next(), numbers.next()) >= (Some(2), Some(43)))
    }

    /// Merges the changes from `base` to `theirs` into `ours`, by git's own merge and outside of any work tree. Returns
    /// the merged tree and the files with conflicts, which have conflict markers in that tree.
    pub(crate) fn merge(
        &self,
        base: &str,
        ours: &str,
        theirs: &str,
        options: &[&str],
    ) -> Result<(ObjectId, Vec<String>)> {
        let base = format!("--merge-base={base}");
        let mut args = vec!["merge-tree", "--write-tree", "-z", "--name-only"];
        args.extend(["--no-messages", &base]);
        args.extend(options);
        args.extend([ours, theirs]);
        let output = self.output(&args, b"")?;
        if !matches!(output.status.code(), Some(0 | 1)) {
            return Err(failure(&args, &output));
        }
        let text =
            String::from_utf8(output.stdout).context("git printed a path that is not UTF-8")?;
        let mut records = text.split_terminator('\0').map(str::to_owned);
        let tree = records.next().context("`git merge-tree` names no tree")?;
        Ok((tree, records.collect()))
    }

    /// Makes a commit that has exactly `files` on top of those of `parent`, byte for byte as given.
    pub(crate) fn import(
        &self,
        parent: Option<&str>,
        message: &str,
        files: &Files,
    ) -> Result<ObjectId> {
        const REFERENCE: &str = "refs/xtask/import";
        let (name, email) = IDENTITY;
        let mut stream = format!("reset {REFERENCE}\n");
        if let Some(parent) = parent {
            stream.push_str(&format!("from {parent}\n"));
        }
        stream.push_str(&format!(
            "\ncommit {REFERENCE}\ncommitter {name} <{email}> {DATE}\ndata {}\n{message}\n",
            message.len()
        ));
        let mut stream = stream.into_bytes();
        for (path, file) in files {
            if path.starts_with('"') || path.contains('\n') {
                bail!("cannot commit a file of the name `{}`", path.escape_debug());
            }
            let head = format!(
                "M {} inline {path}\ndata {}\n",
                file.mode.as_str(),
                file.content.len()
            );
            stream.extend(head.as_bytes());
            stream.extend(&file.content);
            stream.push(b'\n');
        }
        stream.extend(b"done\n");
        self.run_with_input(
            &[
                "fast-import",
                "--quiet",
                "--done",
                "--force",
                "--date-format=raw",
            ],
            &stream,
        )?;
        let commit = self.text(&["rev-parse", "--verify", REFERENCE])?;
        self.run(&["update-ref", "-d", REFERENCE])?;
        Ok(commit)
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
