//! Paths: one type knows every path of the repository that the tools touch.

use std::path::{Path, PathBuf};

/// The repository; every path is absolute.
#[derive(Clone, Debug)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The repository that this executable was built in. The current directory does not matter,
    /// since people call `cargo xtask run` from any.
    pub fn of_this_build() -> Repository {
        let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = crate_dir.ancestors().nth(2).unwrap_or(crate_dir);
        Repository::at(root)
    }

    /// The repository at `root`.
    pub fn at(root: &Path) -> Repository {
        Repository {
            root: root.to_path_buf(),
        }
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The page with every case in which the fork links statically.
    pub fn limits(&self) -> PathBuf {
        self.root.join("docs/limits.md")
    }

    /// The page that says how to use the fork, and with which compilers.
    pub fn use_page(&self) -> PathBuf {
        self.root.join("docs/use.md")
    }

    /// Cargo's target directory for our own crates.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The package that pins upstream.
    pub fn pin_manifest(&self) -> PathBuf {
        self.root.join("upstream/Cargo.toml")
    }

    /// Versions and checksums of upstream's packages.
    pub fn pin_lock(&self) -> PathBuf {
        self.root.join("upstream/Cargo.lock")
    }

    /// Tests of upstream's test suite that are expected to fail.
    pub fn expected_failures(&self) -> PathBuf {
        self.root.join("upstream/expected-failures.toml")
    }

    /// The hooks in upstream's files.
    pub fn patches(&self) -> PathBuf {
        self.root.join("patches")
    }

    /// The order of the patches.
    pub fn series(&self) -> PathBuf {
        self.patches().join("series")
    }

    /// Upstream with patches and overlay: a git repository of its own.
    pub fn tree(&self) -> PathBuf {
        self.root.join("target/tree")
    }

    /// Cargo's target directory for the tree.
    pub fn fork_build(&self) -> PathBuf {
        self.root.join("target/fork-build")
    }

    /// Directory for the output of a build of the tree.
    pub fn fork(&self) -> PathBuf {
        self.root.join("target/fork")
    }

    /// The fork's executable. Its name has to be exactly `cargo`: Cargo looks at its own file name to find itself.
    pub fn fork_executable(&self) -> PathBuf {
        self.fork().join("bin/cargo")
    }

    /// The script that makes a rustup toolchain of an executable.
    pub fn installer(&self) -> PathBuf {
        self.root.join("crates/dist/install.sh")
    }

    /// Upstream without patches and overlay.
    pub fn stock_tree(&self) -> PathBuf {
        self.root.join("target/stock-tree")
    }

    /// Directory for the output of a build of upstream without patches and overlay.
    pub fn stock(&self) -> PathBuf {
        self.root.join("target/stock")
    }

    /// Upstream's executable, unpatched. Named like the fork's, for the same reason.
    pub fn stock_executable(&self) -> PathBuf {
        self.stock().join("bin/cargo")
    }

    /// The package of the application on which the fork is tried.
    pub fn application(&self) -> PathBuf {
        self.root.join("benches/workloads/app")
    }

    /// Workloads that are generated when they are needed.
    pub fn generated_workloads(&self) -> PathBuf {
        self.root.join("target/workloads")
    }

    /// Programs that each use a crate that is hard to link dynamically.
    pub fn awkward(&self) -> PathBuf {
        self.root.join("benches/workloads/awkward")
    }

    /// Builds of these programs.
    pub fn awkward_build(&self) -> PathBuf {
        self.root.join("target/awkward")
    }

    /// Builds for trying other compilers: the test suite, and a directory for each compiler.
    pub fn compilers(&self) -> PathBuf {
        self.root.join("target/compilers")
    }

    /// Builds of the application for the test step `app`.
    pub fn app(&self) -> PathBuf {
        self.root.join("target/app")
    }

    /// Copy and builds of the generated workspace for the test step `workspace`.
    pub fn workspace_builds(&self) -> PathBuf {
        self.root.join("target/workspace")
    }

    /// The application of the demonstration.
    pub fn demo(&self) -> PathBuf {
        self.root.join("target/demo")
    }

    /// Other releases of upstream, and the patches as far as they apply to them.
    pub fn rebase(&self) -> PathBuf {
        self.root.join("target/rebase")
    }

    /// The repository of the next release.
    pub fn next(&self) -> PathBuf {
        self.root.join("target/next")
    }

    /// Root directories of other systems.
    pub fn roots(&self) -> PathBuf {
        self.root.join("target/roots")
    }

    /// Sample, builds and report of the checks of tools.
    pub fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// Sample, builds and a copy of the tree for the commands in the documentation.
    pub fn docs(&self) -> PathBuf {
        self.root.join("target/docs")
    }

    /// Builds for other processors.
    pub fn cross(&self) -> PathBuf {
        self.root.join("target/cross")
    }

    /// Packages of Debian, unpacked.
    pub fn debian(&self) -> PathBuf {
        self.root.join("target/debian")
    }

    /// Records of the runs of upstream's test suite.
    pub fn upstream_tests(&self) -> PathBuf {
        self.root.join("target/upstream-tests")
    }

    /// The list of projects on which we try the fork.
    pub fn corpus_list(&self) -> PathBuf {
        self.root.join("crates/trials/corpus.toml")
    }

    /// The lock file of one that is a workspace.
    pub fn corpus_lock(&self, project: &str) -> PathBuf {
        self.root
            .join(format!("crates/trials/corpus/{project}.lock"))
    }

    /// Sources, builds and results of these projects.
    pub fn corpus(&self) -> PathBuf {
        self.root.join("target/corpus")
    }

    /// The package of the fuzz targets.
    pub fn fuzz(&self) -> PathBuf {
        self.root.join("crates/link-engine/fuzz")
    }

    /// Builds, inputs and findings of the fuzz targets.
    pub fn fuzz_output(&self) -> PathBuf {
        self.root.join("target/fuzz")
    }

    /// Logs, locks and other scratch files of xtask.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("target/xtask")
    }

    /// The output of the commands of each step.
    pub fn logs(&self) -> PathBuf {
        self.scratch().join("log")
    }

    /// `path` for people: relative to the repository if it lies inside.
    pub fn display<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
