//! `cargo xtask docs`: writes the parts of documents that follow from the code.
//!
//! Such a part stands between `<!-- NAME -->` and `<!-- /NAME -->`. A test fails if it is not up to date, so nobody
//! can forget it.

use std::fs;

use anyhow::{Context, Result};
use link_plan::support::CASES;
use measure::document::with_content;

use workshop::paths::Repository;

/// The name of the table of cases in which an executable is linked statically.
const FALLBACKS: &str = "fallbacks";

/// Writes the parts that follow from the code into the documents, and prints the file that changed.
pub(crate) fn write(repository: &Repository) -> Result<()> {
    let path = repository.limits();
    let is = fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    let should_be = with_part(&is, FALLBACKS, &fallbacks())
        .with_context(|| format!("in `{}`", path.display()))?;
    if is == should_be {
        println!("the documentation is up to date");
        return Ok(());
    }
    fs::write(&path, should_be).with_context(|| format!("failed to write `{}`", path.display()))?;
    println!("{}", repository.display(&path));
    Ok(())
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
pub(crate) fn with_part(document: &str, name: &str, text: &str) -> Result<String> {
    let begin = format!("<!-- {name} -->\n");
    let end = format!("<!-- /{name} -->\n");
    with_content(document, &begin, &end, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_limits_is_as_the_code_says() {
        let limits = fs::read_to_string(Repository::of_this_build().limits()).unwrap();
        let should_be = with_part(&limits, FALLBACKS, &fallbacks()).unwrap();
        assert!(
            limits == should_be,
            "the table of fallbacks in `docs/limits.md` is not up to date; help: run `cargo xtask docs`\n{}",
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
