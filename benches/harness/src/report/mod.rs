//! The report of a run: a page and charts, made from its results alone.

mod charts;
mod documents;
mod page;
mod summary;
mod targets;
mod view;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

pub(crate) use crate::report::documents::write as write_documents;
pub(crate) use crate::report::summary::summary;
use crate::report::view::View;
use crate::results::Results;

/// Name of the page.
pub(crate) const FILE: &str = "README.md";

/// Notes that people write, and that become part of the page: what they tried for targets that the run misses, and what
/// stands in the way.
const NOTES: &str = "NOTES.md";

/// Writes the page and its charts to `directory`. Charts of an earlier report that this one does not have are removed.
pub(crate) fn write(results: &Results, directory: &Path) -> Result<()> {
    let view = View(results);
    let charts = charts::all(&view)?;
    let notes = read_notes(directory)?;
    let page = page::render(&view, &charts, &notes);
    fs::create_dir_all(directory)
        .with_context(|| format!("failed to create `{}`", directory.display()))?;
    for entry in fs::read_dir(directory)
        .with_context(|| format!("failed to read `{}`", directory.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(&path)
                .with_context(|| format!("failed to remove `{}`", path.display()))?;
        }
    }
    let mut files = vec![(FILE.to_owned(), page)];
    files.extend(charts.into_iter().map(|chart| (chart.file, chart.svg)));
    for (name, content) in files {
        let path = directory.join(name);
        fs::write(&path, content)
            .with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}

fn read_notes(directory: &Path) -> Result<String> {
    let path = directory.join(NOTES);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        text => text.with_context(|| format!("failed to read `{}`", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Phase;
    use crate::results::tests::{results, seconds};

    #[test]
    fn page_and_charts_are_written_anew_from_the_results() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let mut results = results();
        results.record("app", Phase::Link, "static-lld", seconds(0.5));
        results.record("app", Phase::Link, "ours-lld", seconds(0.1));
        results.write(directory.path()).unwrap();
        fs::write(path("stale.svg"), "").unwrap();
        fs::write(path(NOTES), "Tried: everything.\n").unwrap();

        let read = Results::read(directory.path()).unwrap().unwrap();
        write(&read, directory.path()).unwrap();
        let page = fs::read_to_string(path(FILE)).unwrap();
        assert!(page.contains("(link.svg)"), "{page}");
        assert!(page.contains("Tried: everything."), "{page}");
        let chart = fs::read_to_string(path("link.svg")).unwrap();
        assert!(chart.starts_with("<svg"), "{chart}");
        assert!(!path("stale.svg").exists());

        write(&read, directory.path()).unwrap();
        assert_eq!(fs::read_to_string(path(FILE)).unwrap(), page);
        assert_eq!(fs::read_to_string(path("link.svg")).unwrap(), chart);
    }
}
