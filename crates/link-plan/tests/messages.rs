//! The guide lists each reason for a static link, in its own words.

use std::fs;
use std::path::Path;

use link_plan::support::CASES;

#[test]
fn each_reason_is_in_the_guide() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../src/doc/src/guide/dynamic-deps-messages.md");
    let guide = without_values(&fs::read_to_string(path).unwrap());
    for case in &CASES {
        let row = without_values(&case.reason().unwrap().to_string());
        assert!(guide.contains(&format!("| {row} |")), "{row}");
    }
}

/// A text with `…` in the place of what is quoted in it.
fn without_values(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let parts = line.split('`').enumerate();
        let parts = parts.map(|(index, part)| if index % 2 == 0 { part } else { "`…`" });
        parts.collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}
