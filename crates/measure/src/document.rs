//! Parts of documents that programs write, between marks that people write.

use anyhow::{Context, Result};

/// The document with `content` between the first `begin` and the first `end` after it, in the place
/// of the old text.
///
/// # Errors
/// When one of the marks is missing.
pub fn with_content(document: &str, begin: &str, end: &str, content: &str) -> Result<String> {
    let (before, rest) = document
        .split_once(begin)
        .with_context(|| format!("there is no `{}`", begin.trim_end()))?;
    let (_, after) = rest
        .split_once(end)
        .with_context(|| format!("there is no `{}` after its beginning", end.trim_end()))?;
    Ok(format!("{before}{begin}{content}{end}{after}"))
}
