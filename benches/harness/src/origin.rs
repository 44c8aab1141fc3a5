//! The files of a workload, from wherever they come.

use std::path::Path;

use anyhow::Result;

use crate::packages;
use crate::runner::Runner;
use crate::sources::{self, Files};
use crate::tools::Tools;
use crate::workloads::{Origin, Workload};

/// Reads or makes them. `work` is the workload's own directory, for what has to be downloaded.
pub(crate) fn files(
    workload: &Workload,
    repository: &Path,
    work: &Path,
    tools: &Tools,
    runner: &mut Runner,
) -> Result<Files> {
    let mut files = match workload.origin {
        Origin::Directory(path) | Origin::Completed(path, _) | Origin::Copied(path) => {
            sources::read(&repository.join(path))?
        }
        Origin::Upstream => sources::read(&repository.join("target/stock-tree"))?,
        Origin::ByXtask(name) => sources::read(&tools.generate(name)?)?,
        Origin::Generated(_) => Files::new(),
    };
    if let Origin::Completed(_, generator) | Origin::Generated(generator) = workload.origin {
        files.extend(generator.files());
    }
    if let Origin::Copied(_) = workload.origin {
        let scratch = work.join("packages");
        files.extend(packages::copied(&files, &scratch, tools, runner)?);
    }
    Ok(files)
}
