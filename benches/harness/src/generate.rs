//! Generated parts of workloads: many tests, many examples, many dependencies, many local crates.
//!
//! The files follow from the constants here and nothing else, so every run has the same files. The seed decides the
//! values in tests and examples, which differ so that no two executables are equal. It also decides which crates of a
//! tree depend on which.

mod layers;
pub(crate) mod programs;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use crate::sources::Files;

const SEED: u64 = 5;

/// What is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generator {
    /// Integration tests of `benches/workloads/tests-150`.
    Tests(usize),
    /// Examples of `benches/workloads/doctests-200`.
    Examples(usize),
    /// A program with this many dependencies, which are vendored: to Cargo they are from crates.io.
    Tree(usize),
    /// A program over this many local crates in layers.
    Layers(usize),
    /// The six programs of `benches/workloads/selections`, which share their dependencies.
    Programs,
}

impl Generator {
    pub(crate) fn files(self) -> Files {
        let mut random = Random(SEED);
        let texts = match self {
            Generator::Tests(count) => tests(count, &mut random),
            Generator::Examples(count) => examples(count, &mut random),
            Generator::Tree(count) => tree::tree(count, &mut random),
            Generator::Layers(count) => layers::layers(count, &mut random),
            Generator::Programs => programs::programs(),
        };
        texts
            .into_iter()
            .map(|(path, text)| (PathBuf::from(path), text.into_bytes()))
            .collect()
    }
}

/// SplitMix64: numbers that look random, from a seed (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

type Texts = BTreeMap<String, String>;

fn tests(count: usize, random: &mut Random) -> Texts {
    (0..count)
        .map(|number| {
            let (left, right) = (random.below(1000), random.below(1000));
            let (day, second) = (random.below(31), random.below(86_400));
            let text = format!(
                r##"//! Made by the harness in `benches/`: test {number} of {count}.

use axum::body::{{Body, to_bytes}};
use axum::http::Request;
use tower::ServiceExt;
use workload_tests::{{Reading, numbers, router}};

#[tokio::test]
async fn sum_is_served() {{
    let request = Request::get("/sum?left={left}&right={right}")
        .body(Body::empty())
        .expect("the request is well-formed");
    let response = router()
        .oneshot(request)
        .await
        .expect("the service always answers");
    let body = to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("the answer is in memory");
    assert_eq!(body, "{sum}");
}}

#[test]
fn reading_has_a_day() {{
    let text = r#"{{"place": "hut {number}", "celsius": {left}.5, "seconds": {seconds}}}"#;
    let reading = Reading::parse(text).expect("it is a reading");
    assert_eq!(reading.day().as_deref(), Some("1970-01-{date:02}"));
}}

#[test]
fn numbers_are_found() {{
    assert_eq!(numbers("from {left} to -{right}"), [{left}, -{right}]);
}}
"##,
                sum = left + right,
                seconds = day * 86_400 + second,
                date = day + 1,
            );
            (format!("tests/test_{number:03}.rs"), text)
        })
        .collect()
}

fn examples(count: usize, random: &mut Random) -> Texts {
    let mut text = "//! Made by the harness in `benches/`: functions with examples.\n".to_owned();
    for number in 0..count {
        let (left, right) = (random.below(1000), random.below(1000));
        let (day, second) = (random.below(31), random.below(86_400));
        let function = format!(
            r##"
/// Adds {left}.
///
/// ```
/// use workload_doctests::{{examples, numbers, Reading}};
///
/// assert_eq!(examples::add_{number:03}({right}), {sum});
/// assert_eq!(numbers("from {left} to -{right}"), [{left}, -{right}]);
/// let text = r#"{{"place": "hut {number}", "celsius": {left}.5, "seconds": {seconds}}}"#;
/// let reading = Reading::parse(text).unwrap();
/// assert_eq!(reading.day().unwrap(), "1970-01-{date:02}");
/// ```
pub fn add_{number:03}(number: i64) -> i64 {{
    number.saturating_add({left})
}}
"##,
            sum = left + right,
            seconds = day * 86_400 + second,
            date = day + 1,
        );
        text.push_str(&function);
    }
    [("src/examples.rs".to_owned(), text)].into()
}

fn crate_name(prefix: &str, number: usize) -> String {
    format!("{prefix}_{number:04}")
}

fn library(prefix: &str, number: usize, below: &BTreeSet<usize>) -> String {
    let mut calls = String::new();
    for (at, dependency) in below.iter().enumerate() {
        let _ = writeln!(
            calls,
            "        {at} => {}::value(key / {}),",
            crate_name(prefix, *dependency),
            below.len()
        );
    }
    let calls = match below.len() {
        0 => "    let more = key;\n".to_owned(),
        count => {
            format!("    let more = match key % {count} {{\n{calls}        _ => key,\n    }};\n")
        }
    };
    format!(
        r##"//! Crate {number} of many.

use std::collections::BTreeMap;
use std::fmt;

/// Numbers by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {{
    rows: BTreeMap<String, Vec<u64>>,
}}

impl Table {{
    /// Adds a number.
    pub fn insert(&mut self, name: &str, number: u64) {{
        let row = self.rows.entry(name.to_owned()).or_default();
        row.push(number);
        row.sort_unstable();
    }}

    /// The largest number of each name.
    pub fn largest(&self) -> Vec<(&str, u64)> {{
        self.rows
            .iter()
            .filter_map(|(name, row)| Some((name.as_str(), *row.last()?)))
            .collect()
    }}

    /// All numbers together.
    pub fn total(&self) -> u64 {{
        let all = self.rows.values().flatten();
        all.fold(0, |sum, number| sum.wrapping_add(*number))
    }}
}}

impl fmt::Display for Table {{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
        for (name, row) in &self.rows {{
            writeln!(f, "{{name}}: {{row:?}}")?;
        }}
        Ok(())
    }}
}}

/// A number that a crate below takes part in.
pub fn value(key: u64) -> u64 {{
{calls}    let mut table = Table::default();
    for name in ["{number}", "key", "more"] {{
        table.insert(name, key ^ more);
    }}
    table.insert("text", table.to_string().len() as u64);
    table.total().wrapping_add(table.largest().len() as u64)
}}
"##
    )
}

fn program(prefix: &str, named: &BTreeSet<usize>) -> String {
    let mut sum = String::new();
    for dependency in named {
        let _ = writeln!(
            sum,
            "    sum = sum.wrapping_add({}::value(key));",
            crate_name(prefix, *dependency)
        );
    }
    format!(
        "//! Adds numbers of all crates that it names.\n\nfn main() {{\n    \
         let key = std::env::args().count() as u64;\n    let mut sum = 0_u64;\n{sum}    println!(\"{{sum}}\");\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn text(files: &Files, path: &str) -> String {
        let content = files.get(&PathBuf::from(path));
        String::from_utf8(content.cloned().unwrap_or_default()).unwrap()
    }

    #[test]
    fn each_run_has_the_same() {
        for generator in [
            Generator::Tests(3),
            Generator::Examples(3),
            Generator::Tree(30),
            Generator::Layers(30),
        ] {
            assert_eq!(generator.files(), generator.files());
        }
    }

    #[test]
    fn tests_and_examples_differ_and_are_counted() {
        let tests = Generator::Tests(150).files();
        let distinct: BTreeSet<_> = tests.values().collect();
        assert_eq!((tests.len(), distinct.len()), (150, 150));
        let examples = Generator::Examples(200).files();
        let text = text(&examples, "src/examples.rs");
        assert_eq!(text.matches("/// ```\n").count(), 400);
        assert!(text.contains("pub fn add_199("));
    }
}
