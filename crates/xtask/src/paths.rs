//! Where things lie: one type that knows every path of the repository that xtask touches.

use std::path::{Path, PathBuf};

/// The repository; every path is absolute.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The repository that this executable was built in. Not searched from the current directory, since
    /// `cargo xtask run` may be called from any.
    pub(crate) fn of_this_build() -> Repository {
        let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = crate_dir.ancestors().nth(2).unwrap_or(crate_dir);
        Repository::at(root)
    }

    pub(crate) fn at(root: &Path) -> Repository {
        Repository {
            root: root.to_path_buf(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn readme(&self) -> PathBuf {
        self.root.join("README.md")
    }

    /// Cargo's target directory for our own crates.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The package that pins upstream.
    pub(crate) fn pin_manifest(&self) -> PathBuf {
        self.root.join("upstream/Cargo.toml")
    }

    /// Versions and checksums of upstream's packages.
    pub(crate) fn pin_lock(&self) -> PathBuf {
        self.root.join("upstream/Cargo.lock")
    }

    /// Tests of upstream's test suite that are expected to fail.
    pub(crate) fn expected_failures(&self) -> PathBuf {
        self.root.join("upstream/expected-failures.toml")
    }

    pub(crate) fn patches(&self) -> PathBuf {
        self.root.join("patches")
    }

    pub(crate) fn series(&self) -> PathBuf {
        self.patches().join("series")
    }

    /// Upstream with patches and overlay: a git repository of its own.
    pub(crate) fn tree(&self) -> PathBuf {
        self.root.join("target/tree")
    }

    /// Cargo's target directory for the tree.
    pub(crate) fn fork_build(&self) -> PathBuf {
        self.root.join("target/fork-build")
    }

    /// Directory of what comes out of a build of the tree.
    pub(crate) fn fork(&self) -> PathBuf {
        self.root.join("target/fork")
    }

    /// The fork's executable. Its name has to be exactly `cargo`: Cargo looks at its own file name to find itself.
    pub(crate) fn fork_executable(&self) -> PathBuf {
        self.fork().join("bin/cargo")
    }

    /// What makes a rustup toolchain of an executable.
    pub(crate) fn installer(&self) -> PathBuf {
        self.root.join("crates/dist/install.sh")
    }

    /// Upstream without patches and overlay.
    pub(crate) fn stock_tree(&self) -> PathBuf {
        self.root.join("target/stock-tree")
    }

    /// Directory of what comes out of a build of upstream without patches and overlay.
    pub(crate) fn stock(&self) -> PathBuf {
        self.root.join("target/stock")
    }

    /// Upstream's executable, unpatched. Named like the fork's, for the same reason.
    pub(crate) fn stock_executable(&self) -> PathBuf {
        self.stock().join("bin/cargo")
    }

    /// The package of the application on which the fork is tried.
    pub(crate) fn application(&self) -> PathBuf {
        self.root.join("benches/workloads/app")
    }

    /// The generated workspace.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.root.join("benches/workloads/workspace")
    }

    /// Programs that each use a crate with which dynamic linking goes wrong easily.
    pub(crate) fn awkward(&self) -> PathBuf {
        self.root.join("benches/workloads/awkward")
    }

    /// Builds of these programs.
    pub(crate) fn awkward_build(&self) -> PathBuf {
        self.root.join("target/awkward")
    }

    /// Builds of the application for the test step `app`.
    pub(crate) fn app(&self) -> PathBuf {
        self.root.join("target/app")
    }

    /// Copy and builds of the generated workspace for the test step `workspace`.
    pub(crate) fn workspace_builds(&self) -> PathBuf {
        self.root.join("target/workspace")
    }

    /// Builds of the application for the demonstration.
    pub(crate) fn demo(&self) -> PathBuf {
        self.root.join("target/demo")
    }

    /// Other releases of upstream, and the patches as far as they apply to them.
    pub(crate) fn rebase(&self) -> PathBuf {
        self.root.join("target/rebase")
    }

    /// Sample, builds and report of the checks of tools.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// Sample, builds and a copy of the tree for the commands in the documentation.
    pub(crate) fn docs(&self) -> PathBuf {
        self.root.join("target/docs")
    }

    /// What is known of the runs of upstream's test suite.
    pub(crate) fn upstream_tests(&self) -> PathBuf {
        self.root.join("target/upstream-tests")
    }

    /// The list of projects on which the fork is tried.
    pub(crate) fn corpus_list(&self) -> PathBuf {
        self.root.join("crates/xtask/corpus.toml")
    }

    /// Sources, builds and results of these projects.
    pub(crate) fn corpus(&self) -> PathBuf {
        self.root.join("target/corpus")
    }

    /// The package of the fuzz targets.
    pub(crate) fn fuzz(&self) -> PathBuf {
        self.root.join("crates/link-engine/fuzz")
    }

    /// Builds, inputs and findings of the fuzz targets.
    pub(crate) fn fuzz_output(&self) -> PathBuf {
        self.root.join("target/fuzz")
    }

    /// Logs, locks and other scratch files of xtask.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("target/xtask")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.scratch().join("log")
    }

    /// `path` as it is shown to people: relative to the repository where it lies inside.
    pub(crate) fn display<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
