//! `cargo xtask docs`: parts of the documentation that are written from the code.
//!
//! Such a part stands between `<!-- NAME -->` and `<!-- /NAME -->`. A test compares it with what would be written, so
//! that it cannot be forgotten.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use link_plan::support::CASES;
use measure::document::with_content;

use workshop::paths::Repository;

/// The name of the table of cases in which an executable is linked statically.
const FALLBACKS: &str = "fallbacks";

/// Writes what follows from the code into the documentation; returns the files that changed.
pub(crate) fn write(repository: &Repository) -> Result<Vec<PathBuf>> {
    let path = repository.readme();
    let is = fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    let should_be = with_part(&is, FALLBACKS, &fallbacks())
        .with_context(|| format!("in `{}`", path.display()))?;
    if is == should_be {
        return Ok(Vec::new());
    }
    fs::write(&path, should_be).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok(vec![path])
}

/// The table of fallbacks, in Markdown.
fn fallbacks() -> String {
    let mut table = "| For example | Reason | Help |\n|---|---|---|\n".to_owned();
    for case in &CASES {
        if let Some(reason) = case.reason() {
            table.push_str(&format!(
                "| {} | {reason} | {} |\n",
                case.example(),
                reason.help()
            ));
        }
    }
    table
}

/// The document with `text` in the place of the part `name`, whose marks have a line each.
fn with_part(document: &str, name: &str, text: &str) -> Result<String> {
    let begin = format!("<!-- {name} -->\n");
    let end = format!("<!-- /{name} -->\n");
    with_content(document, &begin, &end, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_is_as_the_code_says() {
        let readme = fs::read_to_string(Repository::of_this_build().readme()).unwrap();
        let should_be = with_part(&readme, FALLBACKS, &fallbacks()).unwrap();
        assert!(
            readme == should_be,
            "the table of fallbacks in README.md is not up to date; help: run `cargo xtask docs`\n{}",
            fallbacks()
        );
    }

    #[test]
    fn each_case_has_a_row() {
        assert_eq!(fallbacks().lines().count(), CASES.len() + 2);
    }

    #[test]
    fn a_part_is_replaced_and_the_rest_stays() {
        let document = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        let written = with_part(document, "x", "new\n").unwrap();
        assert_eq!(written, "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n");
        assert_eq!(with_part(&written, "x", "new\n").unwrap(), written);
        let error = with_part("<!-- x -->\n", "x", "").unwrap_err();
        assert!(error.to_string().contains("<!-- /x -->"), "{error}");
        assert!(with_part(document, "y", "").is_err());
    }
}
