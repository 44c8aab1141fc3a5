//! Links that fail, and groups that cannot be made: Cargo links statically what needs them, and says
//! why.

use std::fs;
use std::path::PathBuf;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{project, str};

use super::{
    LAYERED_OUTPUT, STATIC, build_script_for_c, group_files, groups_of, layered_project, manifest,
    program_with_a_dead_reference, stdout, wrappers,
};

#[cargo_test]
fn a_dynamic_link_that_fails_is_replaced_by_the_static_one() {
    let p = program_with_a_dead_reference();
    p.cargo("build --dynamic-deps")
        .with_stderr_data(str![[r#"
...
[WARNING] linked the dependencies of `foo` statically, because the linker refused to link them dynamically
the refused link line is in `[ROOT]/foo/target/debug/[..]/linker/refused-link-line`
caused by: [..]missing_function[..]
...
[NOTE] `dead v1.0.0` refers to `missing_function`, which nothing defines
[HELP] keep it in the executable with `[profile.dev.package.dead] dynamic-deps = false`
[WARNING] `foo` (bin "foo") generated 1 warning
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), "5\n");

    // The help helps.
    p.cargo("build --dynamic-deps --config profile.dev.package.dead.dynamic-deps=false")
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), "5\n");
}

#[cargo_test]
fn a_library_that_cannot_be_linked_stays_in_the_executable() {
    Package::new("unfit", "1.0.0")
        .file("Cargo.toml", &manifest("unfit", ""))
        .file(
            "build.rs",
            // Code of a C library that was never meant for a shared object.
            &build_script_for_c("-fno-pic -mcmodel=small"),
        )
        .file(
            "src/native.c",
            "extern int elsewhere; int unused(void) { return elsewhere; }",
        )
        .file("src/lib.rs", "pub fn fit() -> u8 { 5 }")
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [dependencies]
                unfit = "1.0"
                "#,
            ),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", unfit::fit()); }",
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linking `unfit v1.0.0` and what depends on it statically, because the linker \
             makes no shared object with it",
        )
        .with_stderr_contains("[..]recompile with -fPIC[..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), "5\n");
}

#[cargo_test]
fn a_library_that_cannot_be_linked_is_told_of_as_long_as_it_lasts() {
    let p = layered_project()
        .file(
            "local/build.rs",
            &build_script_for_c("-fno-pic -mcmodel=small"),
        )
        .file(
            "local/src/native.c",
            "extern int elsewhere; int unused(void) { return elsewhere; }",
        )
        .build();
    for _ in 0..2 {
        p.cargo("build --dynamic-deps")
            .with_stderr_contains(
                "[WARNING] linking `local v1.0.0` and what depends on it statically, because the \
                 linker makes no shared object with it",
            )
            .run();
    }
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_link_that_fails_either_way_shows_the_linkers_own_words() {
    let p = project()
        .file(
            "src/main.rs",
            r#"
                extern "C" { fn missing_function() -> i32; }
                fn main() { println!("{}", unsafe { missing_function() }); }
            "#,
        )
        .build();
    p.cargo("build --dynamic-deps")
        .with_status(101)
        .with_stderr_contains("[ERROR] linking with `[..]` failed: [EXIT_STATUS]: 1")
        .with_stderr_contains("[..]undefined[..]missing_function[..]")
        .with_stderr_does_not_contain("[WARNING] linked [..]")
        .run();
}

#[cargo_test]
fn a_linker_that_does_not_exist_is_named_by_rustc() {
    let p = layered_project().build();
    let host = cargo_test_support::rustc_host_env();
    let stderr = |arguments: &[&str]| {
        let mut cargo = p.cargo("build");
        cargo
            .args(arguments)
            .with_status(101)
            .with_stderr_contains("[ERROR] linker `nonexistent-linker` not found");
        cargo.env(&format!("CARGO_TARGET_{host}_LINKER"), "nonexistent-linker");
        super::text(&cargo.run().stderr).to_owned()
    };
    stderr(&["--no-dynamic-deps"]);
    let of_static = stderr(&["--no-dynamic-deps"]);
    assert_eq!(stderr(&["--dynamic-deps"]), of_static);

    p.cargo("build --dynamic-deps")
        .args(&[
            "--config",
            "target.'cfg(unix)'.linker = 'nonexistent-linker'",
        ])
        .with_status(101)
        .with_stderr_contains("[ERROR] linker `nonexistent-linker` not found")
        .run();
}

#[cargo_test]
fn a_compiler_that_does_not_say_how_it_links() {
    // Without `test` and `proc_macro`, as in a standard library that somebody built.
    let rustc = project()
        .at("rustc")
        .executable(
            "partial",
            "#!/bin/sh
            case \"$*\" in *--crate-name\\ probe*) echo 'error: no such crate' >&2; exit 1;; esac
            exec rustc \"$@\"",
        )
        .build();
    let p = layered_project().build();
    let build = || {
        p.cargo("build -v --dynamic-deps")
            .env("RUSTC", rustc.root().join("partial"))
            .with_stderr_contains(
                "[WARNING] linking all dependencies statically, because no shared object could \
                 be made of the standard library",
            )
            .with_stderr_contains("[ERROR] no such crate")
            .run()
    };
    build();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    // It will say the same, so nothing is built again for that.
    let output = build();
    let stderr = super::text(&output.stderr);
    assert!(!stderr.contains("Running"), "{stderr}");
}

#[cargo_test]
fn a_linker_that_makes_no_shared_objects() {
    let p = layered_project()
        .executable(
            "linker",
            "#!/bin/sh
            case \"$*\" in *-shared*) echo 'no shared objects here' >&2; exit 1;; esac
            exec cc \"$@\"",
        )
        .file(
            ".cargo/config.toml",
            &format!(
                "[target.{}]\nlinker = './linker'\n",
                cargo_test_support::rustc_host()
            ),
        )
        .build();
    for _ in 0..2 {
        let output = p
            .cargo("build --dynamic-deps")
            .with_stderr_contains(
                "[WARNING] linking all dependencies statically, because no shared object could \
                 be made of the standard library",
            )
            .with_stderr_contains("caused by: no shared objects here")
            .with_stderr_contains("[HELP] write `[profile.dev] dynamic-deps = false`")
            .run();
        let stderr = super::text(&output.stderr);
        assert_eq!(stderr.matches("warning: linking").count(), 1, "{stderr}");
    }
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
    p.cargo("build --dynamic-deps --release")
        .with_stderr_contains("[HELP] write `[profile.release] dynamic-deps = false`")
        .run();
}

#[cargo_test]
fn a_linker_that_refuses_a_group() {
    let names: Vec<String> = (1..10).map(|number| format!("local{number}")).collect();
    let dependencies = names
        .iter()
        .map(|name| format!("{name} = {{ path = '{name}' }}\n"));
    let dependencies = format!("[dependencies]\n{}", dependencies.collect::<String>());
    let mut p = project()
        .file("Cargo.toml", &manifest("foo", &dependencies))
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", local1::name()); }",
        )
        .file(
            ".cargo/config.toml",
            &format!(
                "[target.{}]\nlinker = './linker'\n",
                cargo_test_support::rustc_host()
            ),
        );
    for name in &names {
        p = p.file(format!("{name}/Cargo.toml"), &manifest(name, ""));
        let library = format!("pub fn name() -> &'static str {{ \"{name}\" }}");
        p = p.file(format!("{name}/src/lib.rs"), &library);
    }
    // By the words of the linker: the last names more libraries than can be taken out one by one.
    let opt_out =
        |name: &String| format!("`[profile.release.package.{name}] dynamic-deps = false`");
    let opt_outs: Vec<String> = names.iter().map(opt_out).collect();
    let cases = [
        ("echo no", "write `[profile.release] dynamic-deps = false`"),
        (
            "printf '%s\\n' \"$@\"",
            "keep it in the executable with [..]",
        ),
    ];
    let p = p.executable("linker", "").build();
    for (words, help) in cases {
        let script = format!(
            "#!/bin/sh
            case \"$*\" in *-shared*dynamic-deps-local*) {words} >&2; exit 1;; esac
            exec cc \"$@\""
        );
        p.change_file("linker", &script);
        let output = p
            .cargo("build --dynamic-deps --release")
            .with_stderr_contains(
                "[WARNING] linking the dependencies in the local part 1 statically, because no \
                 shared object could be made of them",
            )
            .with_stderr_contains(format!("[HELP] {help}"))
            .run();
        let stderr = super::text(&output.stderr);
        let is_named = |opt_out: &&String| stderr.contains(*opt_out);
        let named = opt_outs.iter().filter(is_named).count();
        assert_eq!(named, if words == "echo no" { 0 } else { 9 }, "{stderr}");
        assert_eq!(stdout(&p.release_bin("foo")), "local1\n");
    }
}

#[cargo_test]
fn a_group_that_cannot_be_made_is_linked_statically() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    // Nobody can write facts where a directory lies.
    let is_facts = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "facts")
    };
    let mut files = group_files(&p, "local-").into_iter();
    let facts = files.find(is_facts).unwrap();
    fs::remove_file(&facts).unwrap();
    fs::create_dir_all(facts.join("inside")).unwrap();
    p.change_file(
        "local/src/lib.rs",
        "pub fn name() -> String { \"edited\".into() }",
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linking the dependencies in the local part 1 statically, because no shared \
             object could be made of them",
        )
        .with_stderr_contains("caused by: failed to rename a temporary file to `[..].facts`")
        .run();
    assert_eq!(stdout(&p.bin("foo")), "edited 1\n");
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);

    // It is tried again, and the reason is told.
    fs::remove_dir_all(&facts).unwrap();
    p.cargo("build --dynamic-deps -v")
        .with_stderr_contains(
            "[DIRTY] [..]: the group local part 1 could not be linked the last time",
        )
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
}

#[cargo_test]
fn a_wrapper_that_cannot_be_put_in_place_is_done_without() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let wrapper = wrappers(&p).remove(0);
    fs::remove_dir_all(&wrapper).unwrap();
    fs::write(&wrapper, "").unwrap();
    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{}\", local::name()); }",
    );
    p.cargo("build --dynamic-deps")
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically, because they could not be \
             linked dynamically",
        )
        .with_stderr_contains("caused by: failed to remove `[..]/linker`[..]")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}
