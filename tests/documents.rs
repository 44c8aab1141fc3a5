//! Cargo's documents say what holds.

use std::fs;
use std::path::Path;

use crate::prelude::*;
use cargo_test_support::paths;

use super::{LAYERED_OUTPUT, contents, layered_project, run, stdout, text};

/// mdman, which makes the manual pages of their source, is not published: whoever changes the
/// source changes three files for each command by hand.
#[cargo_test]
fn manual_pages_say_what_their_source_says() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(tree.join("src").join(path)).unwrap();
    let source = read("doc/man/includes/options-dynamic-deps.md");
    let source: Vec<&str> = source
        .lines()
        .filter(|line| !line.starts_with("{{"))
        .collect();
    let source = words(&without(&source.join("\n"), "](", ")").replace(['[', '`'], ""));
    assert!(source.starts_with("Link the dependencies of executables"));
    for command in ["bench", "build", "run", "rustc", "test"] {
        for page in [
            format!("doc/man/generated_txt/cargo-{command}.txt"),
            format!("doc/src/commands/cargo-{command}.md"),
            format!("etc/man/cargo-{command}.1"),
        ] {
            let mut text = without(&read(&page), "<", ">").replace(r"\-", "-");
            for roff in [r"\fB", r"\fI", r"\fR", "\n.sp"] {
                text = text.replace(roff, "");
            }
            assert!(words(&text).contains(&source), "{page}");
        }
    }
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
