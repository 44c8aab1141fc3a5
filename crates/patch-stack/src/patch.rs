//! Patch files and the series: text in, values out, and back without a difference.
//!
//! A patch file is a header and a diff. The header is also the message of the patch's commit in the tree:
//!
//! ```text
//! feat(profile): read `dynamic-deps` from a profile
//!
//! Why upstream has to change here.
//!
//! Forwarded: no
//! Last-Update: 2026-01-31
//!
//! diff --git a/src/cargo/core/profiles.rs b/src/cargo/core/profiles.rs
//! --- a/src/cargo/core/profiles.rs
//! +++ b/src/cargo/core/profiles.rs
//! @@ …
//! ```
//!
//! The two fields are those of Debian's DEP-3. `Forwarded` is `no`, `not-needed`, or where upstream discusses it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};

const FORWARDED: &str = "Forwarded: ";
const LAST_UPDATE: &str = "Last-Update: ";
const DIFF_START: &str = "diff --git ";

/// Beginnings of the subjects that `git commit --fixup` and its kin write.
const AUTOSQUASH: [&str; 3] = ["fixup! ", "squash! ", "amend! "];

/// Subject, reason and fields of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Without white space at the end.
    text: String,
}

impl Header {
    /// Reads the header of a patch file; all of it must be there.
    pub(crate) fn parse(text: &str) -> Result<Header> {
        let text = text.trim_end();
        let mut lines = text.lines();
        let subject = lines.next().unwrap_or_default();
        ensure!(
            !subject.trim().is_empty(),
            "the first line must be the subject"
        );
        ensure!(
            lines.next().is_none_or(|line| line.is_empty()),
            "the line after the subject `{subject}` must be blank"
        );
        ensure!(
            !text.lines().any(|line| line.starts_with(DIFF_START)),
            "a line of the header begins like a diff (`{}`)",
            DIFF_START.trim_end()
        );
        let header = Header {
            text: text.to_owned(),
        };
        let reason_end = text.len() - header.fields().len();
        let reason = &text[subject.len()..reason_end];
        ensure!(
            !reason.trim().is_empty(),
            "the header of `{subject}` does not say why the patch is needed"
        );
        let forwarded = header.field(FORWARDED);
        ensure!(
            forwarded.is_some_and(|value| {
                matches!(value, "no" | "not-needed") || value.starts_with("https://")
            }),
            "the header of `{subject}` needs a line `Forwarded: <value>`, the value `no`, `not-needed` or a URL"
        );
        ensure!(
            header.field(LAST_UPDATE).is_some_and(is_date),
            "the header of `{subject}` needs a line `Last-Update: YYYY-MM-DD`"
        );
        Ok(header)
    }

    /// Reads the message of a commit, and adds missing fields: not forwarded, last updated on the day of the commit.
    pub(crate) fn of_commit(message: &str, date: &str) -> Result<Header> {
        let text = message.trim_end();
        if let Some(prefix) = AUTOSQUASH.iter().find(|prefix| text.starts_with(**prefix)) {
            bail!(
                "it is a `{}` commit that has not been squashed yet",
                prefix.trim_end()
            );
        }
        let mut header = Header {
            text: text.to_owned(),
        };
        let mut missing = Vec::new();
        if header.field(FORWARDED).is_none() {
            missing.push(format!("{FORWARDED}no"));
        }
        if header.field(LAST_UPDATE).is_none() {
            missing.push(format!("{LAST_UPDATE}{date}"));
        }
        for field in missing {
            let separator = if header.fields().is_empty() {
                "\n\n"
            } else {
                "\n"
            };
            header.text.push_str(separator);
            header.text.push_str(&field);
        }
        Header::parse(&header.text)
    }

    pub(crate) fn subject(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The message of the commit that carries this patch.
    pub(crate) fn commit_message(&self) -> String {
        format!("{}\n", self.text)
    }

    /// Name of the patch file: the subject in lower-case letters and digits, everything else a dash.
    pub(crate) fn file_name(&self) -> String {
        let mut slug = String::new();
        for character in self.subject().chars().flat_map(char::to_lowercase) {
            if character.is_alphanumeric() {
                slug.push(character);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        format!("{}.patch", slug.trim_end_matches('-'))
    }

    /// The last paragraph, if all its lines are fields; empty if not.
    fn fields(&self) -> &str {
        let Some((_, last)) = self.text.rsplit_once("\n\n") else {
            return "";
        };
        let is_field = |line: &str| {
            line.split_once(": ").is_some_and(|(name, _)| {
                name.starts_with(|first: char| first.is_ascii_uppercase())
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            })
        };
        if last.lines().all(is_field) { last } else { "" }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields()
            .lines()
            .find_map(|line| line.strip_prefix(name))
    }
}

/// A hook: why, and which lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) header: Header,
    /// Git's diff, from the first `diff --git` line on.
    pub(crate) diff: String,
}

impl Patch {
    /// Reads a patch file.
    pub(crate) fn parse(text: &str) -> Result<Patch> {
        let start = if text.starts_with(DIFF_START) {
            Some(0)
        } else {
            text.find(&format!("\n{DIFF_START}")).map(|at| at + 1)
        };
        let start = start.with_context(|| {
            format!(
                "there is no diff: no line begins with `{}`",
                DIFF_START.trim_end()
            )
        })?;
        Ok(Patch {
            header: Header::parse(&text[..start])?,
            diff: text[start..].to_owned(),
        })
    }

    /// The text of the patch file.
    pub(crate) fn format(&self) -> String {
        format!("{}\n\n{}", self.header.text, self.diff)
    }

    /// Brings git's diff into the form of patch files: without `index` lines, which name objects that only one
    /// repository has.
    pub(crate) fn normalise_diff(diff: &str) -> String {
        diff.split_inclusive('\n')
            // Lines of a file begin with a blank, a sign or a backslash, so this is a line of git's own.
            .filter(|line| !line.starts_with("index "))
            .collect()
    }
}

/// The ordered list of patches: a file name on a line, comments from `#` to the end of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Series {
    entries: Vec<SeriesEntry>,
    /// Comments after the last entry.
    tail: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SeriesEntry {
    name: String,
    /// Comments and blank lines before the entry, and the entry's own line.
    lines: String,
}

impl Series {
    pub(crate) fn parse(text: &str) -> Result<Series> {
        let mut series = Series::default();
        let mut seen = BTreeSet::new();
        let mut lines = String::new();
        for line in text.split_inclusive('\n') {
            lines.push_str(line);
            let name = line.split('#').next().unwrap_or_default().trim();
            if name.is_empty() {
                continue;
            }
            ensure!(seen.insert(name.to_owned()), "`{name}` is listed twice");
            series.entries.push(SeriesEntry {
                name: name.to_owned(),
                lines: std::mem::take(&mut lines),
            });
        }
        series.tail = lines;
        Ok(series)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Compares the list with the patch files that exist.
    pub(crate) fn check(&self, files: &BTreeSet<String>) -> Result<()> {
        if let Some(name) = self.names().find(|name| !files.contains(*name)) {
            bail!("`{name}` is listed, but there is no such file");
        }
        let listed: BTreeSet<&str> = self.names().collect();
        if let Some(name) = files.iter().find(|name| !listed.contains(name.as_str())) {
            bail!(
                "`{name}` is not listed\nhelp: add it to the series where it applies, or remove the file"
            );
        }
        Ok(())
    }

    /// The text of the file for `names`: entries that stay keep their comments, and so do the first lines up to a
    /// blank one, whatever entry follows them.
    pub(crate) fn format(&self, names: &[String]) -> String {
        let mut text = String::new();
        let (preamble, first) = self.preamble();
        text.push_str(preamble);
        for name in names {
            match self.entries.iter().position(|entry| entry.name == *name) {
                Some(0) => text.push_str(first),
                Some(at) => text.push_str(&self.entries[at].lines),
                None => text.push_str(&format!("{name}\n")),
            }
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
        text.push_str(&self.tail);
        text
    }

    /// The first entry's lines, cut behind the last blank line.
    fn preamble(&self) -> (&str, &str) {
        let Some(first) = self.entries.first() else {
            return ("", "");
        };
        let lines = first.lines.as_str();
        lines.split_at(lines.rfind("\n\n").map_or(0, |at| at + 2))
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_number = |part: &str, digits: usize, range: std::ops::RangeInclusive<u32>| {
        part.len() == digits
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse().is_ok_and(|number| range.contains(&number))
    };
    matches!(parts[..], [year, month, day]
        if is_number(year, 4, 2000..=9999) && is_number(month, 2, 1..=12) && is_number(day, 2, 1..=31))
}

#[cfg(test)]
mod tests;
