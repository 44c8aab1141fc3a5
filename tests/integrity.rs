//! Whatever happens to a build or to its files, no file is left half made: every executable that is
//! there runs right, and the next build succeeds.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::prelude::*;
use cargo_test_support::{Project, paths, sleep_ms};

use super::{
    LAYERED_OUTPUT, LAYERS, STATIC, artifacts, group_files, groups_of, is_hidden, layered_project,
    run, stdout, unit_files,
};

#[cargo_test]
fn a_build_that_was_killed_leaves_nothing_half_made() {
    let p = layered_project().build();
    // From before the first group is linked until after the last executable is.
    for milliseconds in [50, 150, 250, 350, 450, 600] {
        p.build_dir().rm_rf();
        let mut cargo = p.cargo("build --dynamic-deps").build_command();
        let mut child = cargo.stderr(Stdio::null()).spawn().unwrap();
        sleep_ms(milliseconds);
        child.kill().unwrap();
        child.wait().unwrap();
        p.cargo("build --dynamic-deps").run();
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
        assert!(!unit_files(&p).iter().any(|path| is_hidden(path)));
    }
}

/// Numbers that look random and are the same in each run (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A program that says which `edit` it was built from.
fn edit(project: &Project, edit: usize) -> String {
    project.change_file(
        "local/src/lib.rs",
        &format!(
            "pub fn name() -> String {{ format!(\"edit {edit}, call {{}}\", frozen::count()) }}"
        ),
    );
    format!("edit {edit}, call 1 2\n")
}

/// Starts a build in a process group of its own.
fn start(project: &Project, arguments: &str) -> Child {
    let mut cargo = project.cargo(arguments).build_command();
    cargo
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    cargo.spawn().unwrap()
}

/// Whether a process of the group is left, apart from dead ones.
pub(super) fn is_alive(process_group: u32) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut states =
        processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
    states.any(|state| {
        // The name stands in brackets and may hold anything, then come state, parent
        // and process group (proc(5)).
        let after_name = state.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let mut fields = after_name.split(' ');
        let (state, group) = (fields.next(), fields.nth(1));
        state != Some("Z") && group == Some(&process_group.to_string())
    })
}

pub(super) fn kill(argument: &str) {
    let kill = Command::new("kill")
        .args(["-KILL", "--", argument])
        .status();
    assert!(kill.unwrap().success(), "{argument}");
}

#[cargo_test]
fn a_build_that_is_killed_at_any_moment() {
    const KILLS: usize = 16;
    let p = layered_project().build();
    let mut random = Random(3);

    // In turns from nothing and over a whole build.
    p.cargo("fetch").run();
    let prepare = |round: usize| {
        if round % 2 == 0 {
            p.build_dir().rm_rf();
        }
        edit(&p, round)
    };
    let durations = [0, 1].map(|round| {
        prepare(round);
        let begin = Instant::now();
        p.cargo("build --dynamic-deps").run();
        begin.elapsed()
    });

    let mut before = stdout(&p.bin("foo"));
    for round in 0..KILLS {
        let after = prepare(round + 2);
        let duration = durations[round % 2];
        let moment = (round as f64 + random.fraction()) / KILLS as f64;
        let mut cargo = start(&p, "build --dynamic-deps");
        let process_group = cargo.id();
        sleep_ms(duration.mul_f64(moment).as_millis() as u64);
        // Cargo alone, or with all that it started.
        let is_running = cargo.try_wait().unwrap().is_none();
        if is_running && round % 4 < 2 {
            kill(&format!("-{process_group}"));
        } else if is_running {
            kill(&process_group.to_string());
        }
        cargo.wait().unwrap();
        // Programs that Cargo started go on without it, and would write over the next build.
        while is_alive(process_group) {
            sleep_ms(10);
        }

        if p.bin("foo").exists() {
            let output = stdout(&p.bin("foo"));
            assert!(output == before || output == after, "{round}: {output}");
        }
        p.cargo("build --dynamic-deps").run();
        assert_eq!(groups_of(&p.bin("foo")), LAYERS, "{round}");
        assert_eq!(stdout(&p.bin("foo")), after, "{round}");
        let mut temporary = unit_files(&p);
        temporary.retain(|path| is_hidden(path));
        assert!(temporary.is_empty(), "{round}: {temporary:?}");
        before = after;
    }
}

#[cargo_test]
fn builds_at_the_same_time() {
    let p = layered_project()
        .file(
            "src/bin/other.rs",
            "fn main() { println!(\"{}\", local::name()); }",
        )
        .file(
            "tests/it.rs",
            r#"
                #[test]
                fn it() {
                    let foo = std::process::Command::new(env!("CARGO_BIN_EXE_foo"));
                    assert!({ foo }.status().unwrap().success());
                }
            "#,
        )
        .build();
    p.cargo("fetch").run();
    for round in 0..4 {
        let output = edit(&p, round);
        let builds = [
            "build --dynamic-deps --bin foo",
            "build --no-dynamic-deps --bins",
            "test --dynamic-deps",
        ]
        .map(|arguments| start(&p, arguments));
        for mut build in builds {
            assert!(build.wait().unwrap().success(), "{round}");
        }
        assert_eq!(stdout(&p.bin("foo")), output);
        for (argument, groups) in [
            ("--no-dynamic-deps", &STATIC[..]),
            ("--dynamic-deps", &LAYERS),
        ] {
            p.cargo(&format!("build --bins {argument}")).run();
            assert_eq!(groups_of(&p.bin("foo")), groups);
            assert_eq!(stdout(&p.bin("foo")), output);
            assert!(output.starts_with(stdout(&p.bin("other")).trim_end()));
        }
    }
}

#[cargo_test]
fn builds_at_the_same_time_with_fine_grained_locks() {
    let p = layered_project()
        .file(
            "src/bin/other.rs",
            "fn main() { println!(\"{}\", local::name()); }",
        )
        .build();
    p.cargo("fetch").run();
    for round in 0..4 {
        let output = edit(&p, round);
        let builds = ["--bin foo", "--bin other", "--bins"].map(|selection| {
            let mut cargo = p.cargo(&format!(
                "build {selection} --dynamic-deps -Zfine-grain-locking -Zbuild-dir-new-layout"
            ));
            cargo.masquerade_as_nightly_cargo(&["fine-grain-locking", "build-dir-new-layout"]);
            cargo.build_command().spawn().unwrap()
        });
        for mut build in builds {
            assert!(build.wait().unwrap().success(), "{round}");
        }
        assert_eq!(groups_of(&p.bin("foo")), LAYERS);
        assert_eq!(stdout(&p.bin("foo")), output);
        assert!(output.starts_with(stdout(&p.bin("other")).trim_end()));
    }
}

#[cargo_test]
fn clean() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    p.cargo("clean").run();
    assert!(!p.build_dir().exists());
    p.cargo("build --dynamic-deps").run();
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);

    for package in ["local", "frozen", "foo"] {
        p.cargo(&format!("clean -p {package}")).run();
        // The files of groups are whole, whatever became of those of the package.
        let mut dirty: Vec<String> = artifacts(&mut p.cargo("build --dynamic-deps"))
            .into_iter()
            .filter(|artifact| !artifact.is_group && !artifact.is_fresh)
            .map(|artifact| artifact.unit.rsplit(' ').next().unwrap().to_owned())
            .collect();
        dirty.sort();
        let expected: &[&str] = match package {
            "local" => &["foo", "local"],
            "frozen" => &["foo", "frozen", "local"],
            _ => &["foo"],
        };
        assert_eq!(dirty, expected, "clean -p {package}");
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT, "{package}");
        assert_eq!(groups_of(&p.bin("foo")), LAYERS);
        p.cargo("build --dynamic-deps -v")
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
    }
}

#[cargo_test]
fn groups_that_somebody_wrote_to() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    for manifest in group_files(&p, "")
        .iter()
        .filter(|file| file.extension().unwrap() == "json")
    {
        for content in ["", "{}", "no JSON"] {
            fs::write(manifest, content).unwrap();
            p.cargo("build --dynamic-deps").run();
            assert_eq!(groups_of(&p.bin("foo")), LAYERS, "{manifest:?}");
            assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
        }
    }
}

#[cargo_test]
fn a_separate_build_directory_is_renamed_with_the_target_directory() {
    let p = layered_project()
        .file(
            ".cargo/config.toml",
            "[build]\nbuild-dir = 'out/build'\ntarget-dir = 'out/target'\n",
        )
        .build();
    p.cargo("build --dynamic-deps").run();
    let moved = paths::root().join("moved");
    fs::rename(p.root().join("out"), &moved).unwrap();
    assert_eq!(stdout(&moved.join("target/debug/foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn a_directory_for_each_unit() {
    let test =
        "#[test] fn it() { println!(\"{}\", local::name()); assert_eq!(frozen::count(), 2); }";
    let p = layered_project()
        .file(
            "src/lib.rs",
            "//! ```\n//! assert_eq!(frozen::count(), 1);\n//! ```\n",
        )
        .file("tests/rebuilt.rs", test)
        .file("tests/not_rebuilt.rs", test)
        .build();
    let cargo = |command: &str| {
        let mut cargo = p.cargo(&format!("{command} --dynamic-deps -Zbuild-dir-new-layout"));
        cargo.masquerade_as_nightly_cargo(&["build-dir-new-layout"]);
        cargo
    };
    cargo("test").run();
    let tests = artifacts(&mut cargo("test --no-run"));
    assert!(tests.iter().all(|artifact| artifact.is_fresh), "{tests:?}");
    let executables: Vec<PathBuf> = tests
        .into_iter()
        .filter_map(|artifact| artifact.executable)
        .collect();
    assert_eq!(executables.len(), 5, "{executables:?}");

    // Those that are not built again go on running their own code.
    for round in 0..3 {
        let output = edit(&p, round);
        cargo("test --test rebuilt").run();
        assert_eq!(stdout(&p.bin("foo")), output);
        for executable in &executables {
            let output = run(executable);
            assert!(output.status.success(), "{round}: {output:?}");
        }
    }
    let moved = paths::root().join("moved");
    fs::rename(p.build_dir(), &moved).unwrap();
    assert_eq!(stdout(&moved.join("debug/foo")), "edit 2, call 1 2\n");
}
