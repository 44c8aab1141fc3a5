//! The results that the test programs of a project print.

use std::collections::BTreeMap;

use workshop::libtest::{self, Outcome};

/// The results in the output of one or more test programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Results {
    /// By name of the test.
    pub(crate) outcomes: BTreeMap<String, Outcome>,
    /// How many tests passed, failed and were ignored, by the harness's own count.
    pub(crate) stated: [usize; 3],
}

impl Results {
    /// Reads the default format of libtest, which rustdoc and libtest-mimic print too. It misses a line that is mixed
    /// with the output of a test; [`Results::unread`] counts these.
    pub(crate) fn parse(output: &str) -> Results {
        let mut results = Results::default();
        for line in output.lines() {
            if let Some(counts) = libtest::parse_counts(line) {
                for (sum, count) in results.stated.iter_mut().zip(counts) {
                    *sum += count;
                }
            } else if let Some((name, outcome)) = libtest::parse_outcome(line) {
                results.outcomes.insert(name.to_owned(), outcome);
            }
        }
        results
    }

    /// The number of results that the harness counts and that were not found.
    pub(crate) fn unread(&self) -> usize {
        let stated: usize = self.stated.iter().sum();
        stated.saturating_sub(self.outcomes.len())
    }
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
        let outcomes: Vec<_> = results
            .outcomes
            .iter()
            .map(|(name, outcome)| (name.as_str(), *outcome))
            .collect();
        assert_eq!(
            outcomes,
            [
                ("a::one", Outcome::Passed),
                ("b - should panic", Outcome::Failed),
                ("d", Outcome::Ignored),
                ("src/lib.rs - c (line 1)", Outcome::Ignored),
                ("src/lib.rs - e (line 9) - compile", Outcome::Passed),
            ]
        );
        assert_eq!(results.stated, [3, 1, 2]);
        assert_eq!(results.unread(), 1);
    }
}
