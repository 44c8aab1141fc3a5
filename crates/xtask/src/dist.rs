//! `cargo xtask dist`: the archive for those who use the fork.

use std::path::PathBuf;

use anyhow::Result;
use dist::Dist;
use dist::check;
use dist::glibc::GlibcVersion;

use patch_stack::tree::{Tree, Unexported};
use workshop::toolchain;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Refuse an executable that needs a newer glibc than this, such as `2.31`
    #[arg(long, value_name = "VERSION")]
    glibc: Option<GlibcVersion>,
    /// Try the archive in this root directory of a bare system, as debootstrap makes it; needs root
    #[arg(long, value_name = "DIRECTORY")]
    check: Vec<PathBuf>,
}

/// Makes the archive, tries it, and returns a text that names its path.
pub(crate) fn run(tree: &Tree, options: &Options) -> Result<String> {
    tree.materialise(Unexported::Refuse)?;
    let repository = tree.repository();
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let dist = Dist {
        repository: repository.root().to_owned(),
        tree: repository.tree(),
        output: repository.target().join("dist"),
        host: toolchain::host()?,
        rustc: toolchain::rustc_version()?,
        cargo_home: cargo_home.unwrap_or_else(|| home.unwrap_or_default().join(".cargo")),
        glibc: options.glibc,
    };
    let archive = dist::make(&dist, toolchain::cargo)?;
    let roots = options.check.iter().map(PathBuf::as_path);
    let mut report = format!(
        "`{}`, for glibc {} or later\n",
        repository.display(&archive.path),
        archive.glibc
    );
    for line in check::in_roots(&archive, roots)? {
        report.push_str(&line);
        report.push('\n');
    }
    Ok(report)
}
