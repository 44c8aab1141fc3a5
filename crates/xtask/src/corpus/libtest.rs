//! What Rust's test harness prints, read back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Result of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Ignored,
}

/// The results in the output of one or more test programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Results {
    /// By name of the test.
    pub(crate) verdicts: BTreeMap<String, Verdict>,
    /// How many tests passed, failed and were ignored, by the harness's own count.
    pub(crate) stated: [usize; 3],
}

impl Results {
    /// Reads the default format of libtest, which rustdoc and libtest-mimic print too. A line that is mixed up with
    /// what a test printed is not found; [`Results::unread`] tells.
    pub(crate) fn parse(output: &str) -> Results {
        let mut results = Results::default();
        for line in output.lines() {
            if let Some(counts) = stated(line) {
                for (sum, count) in results.stated.iter_mut().zip(counts) {
                    *sum += count;
                }
            } else if let Some((name, verdict)) = result(line) {
                results.verdicts.insert(name.to_owned(), verdict);
            }
        }
        results
    }

    /// How many results the harness counts that were not found.
    pub(crate) fn unread(&self) -> usize {
        let stated: usize = self.stated.iter().sum();
        stated.saturating_sub(self.verdicts.len())
    }
}

/// Of `test some::name ... ok` name and result. What the harness adds stays part of the name: ` - should panic`, or
/// ` - compile` for doctests.
fn result(line: &str) -> Option<(&str, Verdict)> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let verdict = match verdict.trim_end() {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        text if text.starts_with("ignored") => Verdict::Ignored,
        _ => return None,
    };
    Some((name, verdict))
}

/// The counts in `test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
fn stated(line: &str) -> Option<[usize; 3]> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut parts = counts.split("; ");
    let mut count = |what: &str| {
        let (number, unit) = parts.next()?.split_once(' ')?;
        (unit == what).then(|| number.parse().ok())?
    };
    Some([count("passed")?, count("failed")?, count("ignored")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read() {
        let output = "
running 5 tests
test a::one ... ok
noisetest a::two ... ok
test b - should panic ... FAILED
test src/lib.rs - c (line 1) ... ignored
test d ... ignored, needs a network

failures:

---- b stdout ----
test result: a line of a test

test result: FAILED. 2 passed; 1 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.00s

   Doc-tests x
test src/lib.rs - e (line 9) - compile ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
";
        let results = Results::parse(output);
        let verdicts: Vec<_> = results
            .verdicts
            .iter()
            .map(|(name, verdict)| (name.as_str(), *verdict))
            .collect();
        assert_eq!(
            verdicts,
            [
                ("a::one", Verdict::Passed),
                ("b - should panic", Verdict::Failed),
                ("d", Verdict::Ignored),
                ("src/lib.rs - c (line 1)", Verdict::Ignored),
                ("src/lib.rs - e (line 9) - compile", Verdict::Passed),
            ]
        );
        assert_eq!(results.stated, [3, 1, 2]);
        assert_eq!(results.unread(), 1);
    }
}
