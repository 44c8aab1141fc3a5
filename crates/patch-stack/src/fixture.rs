//! A small upstream and a repository around it, for the tests of [`tree`](crate::tree), [`export`](crate::export) and
//! [`rebase`](crate::rebase).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use tempfile::TempDir;

use crate::export::{Changes, export};
use crate::git::{File, Files, Mode};
use crate::pin::Base;
use crate::tree::{Outcome, Tree, Unexported};
use workshop::paths::Repository;

/// A patch in its normal form, which changes the second line of upstream's `src/lib.rs`.
pub(crate) const HOOK: &str = "\
feat(lib): call the new module

Upstream has no such place.

Forwarded: no
Last-Update: 2026-01-31

diff --git a/src/lib.rs b/src/lib.rs
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
";
pub(crate) const HOOK_NAME: &str = "feat-lib-call-the-new-module.patch";

/// An upstream made of a few files in memory.
#[derive(Default)]
pub(crate) struct SmallBase {
    files: Files,
}

impl SmallBase {
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        let content = text.as_bytes().to_vec();
        let mode = Mode::Regular;
        self.files.insert(path.to_owned(), File { mode, content });
    }
}

impl Base for SmallBase {
    fn key(&self) -> Result<String> {
        Ok(format!("{:?}", self.files))
    }

    fn message(&self) -> Result<String> {
        Ok("upstream: small\n".to_owned())
    }

    fn files(&self) -> Result<Files> {
        Ok(self.files.clone())
    }
}

/// A repository in a temporary directory, with an upstream and no network.
pub(crate) struct Fixture {
    directory: TempDir,
    repository: Repository,
    base: SmallBase,
}

impl Fixture {
    /// Upstream has four files, the repository one patch and one overlay file.
    pub(crate) fn new() -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let mut base = SmallBase::default();
        for (path, mode, content) in [
            (".gitignore", Mode::Regular, "/target\n*.swp\n"),
            ("ci/run.sh", Mode::Executable, "#!/bin/sh\r\n"),
            (
                "src/lib.rs",
                Mode::Regular,
                "one\ntwo\nthree\nfour\nfive\nsix\n",
            ),
            ("tests/testsuite/main.rs", Mode::Regular, "mod lib;\n"),
        ] {
            let content = content.as_bytes().to_vec();
            base.files.insert(path.to_owned(), File { mode, content });
        }
        let fixture = Fixture {
            repository: Repository::at(directory.path()),
            directory,
            base,
        };
        fixture.write("patches/series", &format!("{HOOK_NAME}\n"));
        fixture.write(&format!("patches/{HOOK_NAME}"), HOOK);
        fixture.write("src/new/mod.rs", "new\n");
        fixture
    }

    /// Gives the repository another upstream.
    pub(crate) fn set_base(&mut self, base: SmallBase) {
        self.base = base;
    }

    pub(crate) fn tree(&self) -> Tree<'_> {
        Tree::on(&self.repository, &self.base)
    }

    /// The tree on another upstream.
    pub(crate) fn tree_on<'a>(&'a self, base: &'a dyn Base) -> Tree<'a> {
        Tree::on(&self.repository, base)
    }

    pub(crate) fn materialise(&self) -> Outcome {
        self.tree().materialise(Unexported::Refuse).unwrap()
    }

    /// The error of [`Tree::materialise`], as one text.
    pub(crate) fn refusal(&self) -> String {
        let error = self.tree().materialise(Unexported::Refuse).unwrap_err();
        format!("{error:#}")
    }

    pub(crate) fn export(&self) -> Result<Changes> {
        export(&self.tree())
    }

    /// Exports, and returns the paths that changed, relative to the repository.
    pub(crate) fn exported(&self) -> Vec<String> {
        let changes = self.export().unwrap();
        let paths = changes.paths().into_iter();
        paths
            .map(|path| self.repository.display(path).to_string())
            .collect()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("`{path}`: {error}"))
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// Runs git in the tree as a developer would, with settings that would disturb us.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let configuration = self.path("gitconfig");
        let ignored = self.path("ignored");
        fs::write(&ignored, "*.rs\n").unwrap();
        fs::write(
            &configuration,
            format!(
                "[user]\nname = d\nemail = d@e\n[core]\nexcludesFile = {}\n[diff]\nnoprefix = true\ncontext = 9\n[color]\nui = always\n",
                ignored.display()
            ),
        )
        .unwrap();
        git(&self.path("target/tree"), &configuration, args)
    }

    /// Every file below the repository's own directories, with content.
    pub(crate) fn snapshot(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        for directory in ["patches", "src", "tests"] {
            collect(&self.path(directory), &mut files);
        }
        files.sort();
        files
    }
}

fn git(directory: &Path, configuration: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    workshop::toolchain::remove_git_variables(&mut command);
    let output = command
        .args(args)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", configuration)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_EDITOR", "true")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

fn collect(directory: &Path, files: &mut Vec<(PathBuf, String)>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let content = fs::read_to_string(&path).unwrap();
            files.push((path, content));
        }
    }
}
