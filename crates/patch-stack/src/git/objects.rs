//! What git keeps: files, commits, the changes between them, and merges.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{DATE, Git, IDENTITY, failure};

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

impl Git {
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
}
