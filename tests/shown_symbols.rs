//! Symbols that a program shows to what it loads.

use crate::prelude::*;

use super::plugins::{PLUGIN, VERSION, library, program_with_plugin};
use super::{STATIC, groups_of, stdout};

#[cargo_test]
fn a_plugin_that_takes_a_function_of_the_program() {
    // As modules of interpreters do.
    let p = program_with_plugin(VERSION);
    let plugin = library(&p, "plugin", PLUGIN, "");
    let run = |argument: &str, flags: &str| {
        p.cargo(&format!("build {argument}"))
            .env("PLUGIN", &plugin)
            .env("RUSTFLAGS", flags)
            .run();
        stdout(&p.bin("foo"))
    };
    let flags = "-Clink-arg=-rdynamic";
    assert_eq!(run("--no-dynamic-deps", flags), "1 1\n");
    assert_eq!(run("--dynamic-deps", flags), "1 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);

    // The groups are linked before the link args of one program are known.
    p.change_file(
        "build.rs",
        "fn main() { println!(\"cargo::rustc-link-arg=-rdynamic\"); }",
    );
    assert_eq!(run("--no-dynamic-deps", ""), "1 1\n");
    assert_eq!(run("--dynamic-deps", ""), "1 1\n");
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    let opt_out = "--dynamic-deps --config profile.dev.package.bundled.dynamic-deps=false";
    assert_eq!(run(opt_out, ""), "1 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
}

#[cargo_test]
fn a_plugin_with_the_name_of_a_hidden_function() {
    let hidden = format!("__attribute__((visibility(\"hidden\"))) {VERSION}");
    let own = PLUGIN.replace("version(void);", "version(void) { return 2; }");
    let p = program_with_plugin(&hidden);
    let plugin = library(&p, "plugin", &own, "");
    let run = |argument: &str, flags: &str| {
        p.cargo(&format!("build {argument}"))
            .env("PLUGIN", &plugin)
            .env("RUSTFLAGS", flags)
            .with_stderr_does_not_contain("[WARNING] [..]")
            .run();
        stdout(&p.bin("foo"))
    };
    for flags in ["", "-Clink-arg=-rdynamic", "-Clink-arg=-Wl,-E"] {
        assert_eq!(run("--no-dynamic-deps", flags), "1 2\n", "{flags}");
        assert_eq!(run("--dynamic-deps", flags), "1 2\n", "{flags}");
        let groups = match flags {
            "" => &["frozen", "sysroot"][..],
            _ => &["sysroot"],
        };
        assert_eq!(groups_of(&p.bin("foo")), groups, "{flags}");
    }
}

#[cargo_test]
fn a_plugin_with_a_name_of_a_library_that_is_excluded() {
    let own = PLUGIN.replace("version(void);", "version(void) { return 2; }");
    let p = program_with_plugin(VERSION);
    let plugin = library(&p, "plugin", &own, "");
    let flags = "-Clink-arg=-rdynamic -Clink-arg=-Wl,--exclude-libs,ALL";
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {argument}"))
            .env("PLUGIN", &plugin)
            .env("RUSTFLAGS", flags)
            .run();
        assert_eq!(stdout(&p.bin("foo")), "1 2\n", "{argument}");
    }
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
}
