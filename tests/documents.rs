//! The statements in Cargo's documents are true.

use std::fs;
use std::path::Path;

use crate::prelude::*;
use cargo_test_support::paths;

use super::{LAYERED_OUTPUT, contents, layered_project, run, stdout, text};

/// mdman, which makes the manual pages of their source, is not published. If you change the source,
/// change three files for each command by hand.
#[cargo_test]
fn manual_pages_say_what_their_source_says() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(tree.join(path)).unwrap();
    let source = read("src/doc/man/includes/options-dynamic-deps.md");
    let source: Vec<&str> = source
        .lines()
        .filter(|line| !line.starts_with("{{"))
        .collect();
    let source = words(&without(&source.join("\n"), "](", ")").replace(['[', '`'], ""));
    assert!(source.starts_with("Link the dependencies of executables"));
    for command in ["bench", "build", "run", "rustc", "test"] {
        for page in [
            format!("src/doc/man/generated_txt/cargo-{command}.txt"),
            format!("src/doc/src/commands/cargo-{command}.md"),
            format!("src/etc/man/cargo-{command}.1"),
        ] {
            let mut text = without(&read(&page), "<", ">").replace(r"\-", "-");
            for roff in [r"\fB", r"\fI", r"\fR", "\n.sp"] {
                text = text.replace(roff, "");
            }
            assert!(words(&text).contains(&source), "{page}");
        }
    }
}

/// The page of a command of ours, whose options are those of its siblings.
#[cargo_test]
fn the_manual_page_of_the_report_says_what_its_source_says() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(tree.join(path)).unwrap();
    let source = read("src/doc/man/cargo-report-dynamic-deps.md");
    let of_json = |text: &str| {
        let object = text.split_once("\n{\n").unwrap().1;
        let object = object.split_once("\n}\n").unwrap().0;
        words(object)
    };
    let json = of_json(&source);
    let description = source.split_once("## DESCRIPTION").unwrap().1;
    let description = description.split_once("## OUTPUT").unwrap().0;
    let description = without(description, "](", ")").replace(['[', '`'], "");
    // Each kind of page has headings of its own.
    let sections = description.split("\n### ").enumerate();
    let sections: Vec<String> = sections
        .map(|(index, section)| match index {
            0 => words(section),
            _ => words(section.split_once('\n').unwrap().1),
        })
        .collect();
    for page in [
        "src/doc/man/generated_txt/cargo-report-dynamic-deps.txt",
        "src/doc/src/commands/cargo-report-dynamic-deps.md",
        "src/etc/man/cargo-report-dynamic-deps.1",
    ] {
        let mut text = read(page).replace(r"\-", "-").replace(r"\\", r"\");
        for roff in [r"\fB", r"\fI", r"\fR", "\n.sp", "`", "["] {
            text = text.replace(roff, "");
        }
        let plain = words(&without(&without(&text, "](", ")"), " <http", ">"));
        for section in &sections {
            assert!(plain.contains(section), "{page}\n{plain}\n{section}");
        }
        let text = words(&text);
        let json = words(&json.replace(['`', '['], ""));
        assert!(text.contains(&json), "{page}\n{json}");
    }
    // Each field that the command prints is described.
    let code = read("src/cargo/core/compiler/dynamic_deps/project_report/json.rs");
    for field in code.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("    ")?.split_once(": ")?;
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            .then_some(name)
    }) {
        assert!(json.contains(&format!("\"{field}\":")), "{field}");
    }
}

/// The guide lists each message, so that a user who sees one can look it up.
#[cargo_test]
fn messages_are_in_the_guide() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = tree.join("src/doc/src/guide/dynamic-deps-messages.md");
    let guide = without_values(&fs::read_to_string(guide).unwrap());
    let code = tree.join("src/cargo/core/compiler/dynamic_deps");
    let mut count = 0;
    for entry in walkdir::WalkDir::new(code) {
        let entry = entry.unwrap();
        if entry
            .path()
            .extension()
            .is_none_or(|extension| extension != "rs")
        {
            continue;
        }
        for literal in string_literals(&fs::read_to_string(entry.path()).unwrap()) {
            // By these words, messages say the cause and what to do.
            let is_message = literal.contains(r"\nhelp: ") || literal.contains(r"\ncaused by: {");
            let line = literal.split(r"\n").next().unwrap();
            if is_message && !line.is_empty() {
                count += 1;
                assert!(guide.contains(&without_values(line)), "{line}");
            }
        }
    }
    assert!(count >= 10, "{count}");
}

/// A text with `…` in the place of what is put into it and of what is quoted in it.
fn without_values(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let parts = line.split('`').enumerate();
        let parts = parts.map(|(index, part)| if index % 2 == 0 { part } else { "`…`" });
        parts.collect::<String>()
    });
    let plain = lines.collect::<Vec<_>>().join("\n");
    let mut parts = plain.split('{');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push('…');
        plain.push_str(part.split_once('}').map_or(part, |(_, after)| after));
    }
    plain
}

/// The string literals of a source file, as they are written, but in one line each.
fn string_literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let lines = source.lines().map(str::trim_start);
    let code: Vec<&str> = lines.filter(|line| !line.starts_with("//")).collect();
    let code = code.join("\n").replace("\\\n", "");
    let mut rest = code.as_str();
    while let Some((_, after)) = rest.split_once('"') {
        let mut is_escaped = false;
        let end = after.find(|c| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        });
        let end = end.unwrap();
        literals.push(after[..end].to_owned());
        rest = &after[end + 1..];
    }
    literals
}

/// Takes all that stands between `open` and `close`, and these too, out of a text.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut parts = text.split(open);
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(part.split_once(close).map_or(part, |(_, after)| after));
    }
    rest
}

fn words(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// The chapter "Faster Linking While Developing": the error of the loader, and what to copy.
#[cargo_test]
fn the_guide_to_containers() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let image = paths::root().join("image");
    fs::create_dir_all(image.join("deps")).unwrap();
    let app = image.join("app");
    fs::copy(p.bin("foo"), &app).unwrap();
    // The host of the image has no such target directory.
    let hidden = paths::root().join("hidden");
    fs::rename(p.build_dir(), &hidden).unwrap();
    let output = run(&app);
    let error = text(&output.stderr);
    assert!(
        error.contains("error while loading shared libraries: dynamic-deps-")
            && error.contains(".so: cannot open shared object file: No such file or directory"),
        "{output:?}"
    );

    fs::rename(&hidden, p.build_dir()).unwrap();
    for content in contents(&p, "") {
        let copy = image.join("deps").join(content.file_name().unwrap());
        fs::copy(&content, copy).unwrap();
    }
    fs::rename(p.build_dir(), &hidden).unwrap();
    assert_eq!(stdout(&app), LAYERED_OUTPUT);
}
