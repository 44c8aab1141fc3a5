//! What Cargo builds and links again, and what it leaves alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, rustc_host};
use link_engine::DynamicInfo;

use super::{
    LAYERED_OUTPUT, LAYERS, add_to_archive, artifacts, group_files, groups_of, layered_manifest,
    layered_project, linked_groups, stdout,
};

#[cargo_test]
fn nothing_to_do() {
    let p = layered_project().build();
    assert_eq!(
        linked_groups(&p, "build --dynamic-deps -v"),
        ["frozen pool 1", "local part 1", "sysroot"]
    );
    p.cargo("build --dynamic-deps -v")
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .with_stderr_does_not_contain("[DIRTY] [..]")
        .run();
}

#[cargo_test]
fn an_edit_relinks_only_its_layer() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    p.change_file(
        "local/src/lib.rs",
        "pub fn name() -> String { \"edited\".into() }",
    );
    assert_eq!(
        linked_groups(&p, "build --dynamic-deps -v"),
        ["local part 1"]
    );
    assert_eq!(stdout(&p.bin("foo")), "edited 1\n");

    p.change_file(
        "src/main.rs",
        "fn main() { println!(\"{}\", local::name()); }",
    );
    assert!(linked_groups(&p, "build --dynamic-deps -v").is_empty());
    assert_eq!(stdout(&p.bin("foo")), "edited\n");
}

#[cargo_test]
fn deleted_files_are_made_again() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let files = group_files(&p, "");
    assert_eq!(files.len(), 10, "{files:?}");
    for file in files {
        fs::remove_file(&file).unwrap();
        p.cargo("build --dynamic-deps").run();
        // The others spare the next job work, and are made when there is one.
        if matches!(file.extension().unwrap().to_str(), Some("json" | "so")) {
            assert!(file.exists(), "{}", file.display());
        }
        assert_eq!(groups_of(&p.bin("foo")), LAYERS);
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
    }
}

#[cargo_test]
fn what_is_kept_for_the_next_build_can_be_deleted() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let kept = || {
        let mut files = group_files(&p, "");
        let records = fs::read_dir(p.target_debug_dir().join("deps/dynamic-deps")).unwrap();
        files.extend(records.map(|record| record.unwrap().path()));
        files.sort();
        files
    };
    assert_eq!(kept().len(), 13, "{:?}", kept());
    for index in 0..13 {
        // An edit changes the names of the files, not their number or order: the older content of
        // `local` goes when the second edit is built.
        for edit in 0..2 {
            let files = kept();
            let file = &files[index.min(files.len() - 1)];
            fs::remove_file(file).unwrap();
            p.change_file(
                "local/src/lib.rs",
                &format!(
                    "pub fn name() -> String {{ format!(\"{edit} {{}}\", frozen::count()) }}\n\
                     // {index}"
                ),
            );
            p.cargo("build --dynamic-deps").run();
            assert_eq!(groups_of(&p.bin("foo")), LAYERS, "{file:?}");
            assert_eq!(stdout(&p.bin("foo")), format!("{edit} 1 2\n"), "{file:?}");
        }
        p.cargo("build --dynamic-deps -v")
            .with_stderr_does_not_contain("[RUNNING] [..]")
            .run();
    }
}

#[cargo_test]
fn another_linker_links_anew() {
    let p = layered_project().build();
    let script = p.root().join("my-cc");
    let write = |comment: &str| {
        fs::write(&script, format!("#!/bin/sh\n# {comment}\nexec cc \"$@\"\n")).unwrap();
        let mut permissions = fs::metadata(&script).unwrap().permissions();
        permissions.set_mode(0o755);
        fs::set_permissions(&script, permissions).unwrap();
    };
    write("one");
    let variable = format!(
        "CARGO_TARGET_{}_LINKER",
        cargo_test_support::rustc_host()
            .to_uppercase()
            .replace('-', "_")
    );
    let linked = |arguments| {
        let output = p.cargo(arguments).env(&variable, &script).run();
        super::text(&output.stderr).matches("Linking ").count()
    };
    p.cargo("build --dynamic-deps").run();
    assert_eq!(linked("build --dynamic-deps -v"), 3);
    assert_eq!(linked("build --dynamic-deps -v"), 0);
    write("another one");
    assert_eq!(linked("build --dynamic-deps -v"), 3);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn another_way_to_the_same_linker_links_nothing() {
    let p = layered_project().file("ways/.keep", "").build();
    let path = std::env::var_os("PATH").unwrap();
    let cc = std::env::split_paths(&path).map(|directory| directory.join("cc"));
    let cc = cc.into_iter().find(|cc| cc.is_file()).unwrap();
    std::os::unix::fs::symlink(cc, p.root().join("ways/cc")).unwrap();
    let ways = [p.root().join("ways")];
    let ways = std::env::join_paths(ways.into_iter().chain(std::env::split_paths(&path))).unwrap();
    p.cargo("build --dynamic-deps").run();
    p.cargo("build --dynamic-deps -v")
        .env("PATH", ways)
        .with_stderr_does_not_contain("[RUNNING] [..]")
        .with_stderr_does_not_contain("[LINKING] [..]")
        .with_stderr_does_not_contain("[..]Linking[..]")
        .run();
}

#[cargo_test]
fn a_relative_linker_starts_from_the_workspace() {
    let p = layered_project()
        .executable("tools/my-cc", "#!/bin/sh\nexec cc \"$@\"\n")
        .build();
    p.cargo("build --dynamic-deps")
        .cwd("src")
        .env("RUSTFLAGS", "-C linker=tools/my-cc")
        .run();
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

/// The units that a build with other settings makes anew.
#[derive(Debug, PartialEq)]
struct Anew {
    /// The names of libraries and programs.
    compiled: Vec<String>,
    /// The names of groups.
    linked: Vec<String>,
}

/// Builds statically and dynamically, each in a target directory of its own; checks
/// that both compile the same anew and that the program runs.
#[track_caller]
fn built_anew(project: &Project, arguments: &str, flags: &str) -> Anew {
    let build = |linkage: &str, directory: &str| {
        let command = format!("build {linkage} --target-dir {directory} {arguments}");
        let mut anew = Anew {
            compiled: Vec::new(),
            linked: Vec::new(),
        };
        for artifact in artifacts(project.cargo(&command).env("RUSTFLAGS", flags)) {
            let name = artifact.unit.rsplit(' ').next().unwrap();
            match name.strip_prefix("dynamic-deps-") {
                _ if artifact.is_fresh => {}
                Some(group) => anew.linked.push(group.to_owned()),
                None => anew.compiled.push(name.to_owned()),
            }
        }
        anew.compiled.sort();
        anew.linked.sort();
        anew
    };
    let of_static = build("--no-dynamic-deps", "static");
    let of_dynamic = build("--dynamic-deps", "dynamic");
    assert_eq!(
        of_static.compiled, of_dynamic.compiled,
        "{arguments} {flags}"
    );
    let executable = project.root().join("dynamic/debug/foo");
    assert_eq!(groups_of(&executable), LAYERS);
    assert_eq!(stdout(&executable), LAYERED_OUTPUT);
    of_dynamic
}

#[cargo_test]
fn other_settings_build_what_they_must() {
    let p = layered_project().build();
    let all = ["foo", "frozen", "local"];
    let anew = |compiled: &[&str], linked: &[&str]| Anew {
        compiled: compiled.iter().map(|name| (*name).to_owned()).collect(),
        linked: linked.iter().map(|name| (*name).to_owned()).collect(),
    };
    let every_group = ["frozen", "local", "sysroot"];
    assert_eq!(built_anew(&p, "", ""), anew(&all, &every_group));

    let cases: [(&str, &str, &[&str], &[&str]); 6] = [
        // Code of all libraries, but not of the sysroot.
        (
            "--config profile.dev.opt-level=1",
            "",
            &all,
            &["frozen", "local"],
        ),
        // Only the program is another one.
        (
            "--config profile.dev.package.foo.debug=0",
            "",
            &["foo"],
            &[],
        ),
        (
            "--config profile.dev.package.local.debug=0",
            "",
            &["foo", "local"],
            &["local"],
        ),
        ("--config profile.dev.strip=true", "", &all, &every_group),
        ("", "--cfg extra", &all, &["frozen", "local"]),
        // For the executable alone, but Cargo builds all anew for other flags.
        ("", "-C link-arg=-Wl,-z,now", &all, &["frozen", "local"]),
    ];
    for (arguments, flags, compiled, linked) in cases {
        assert_eq!(
            built_anew(&p, arguments, flags),
            anew(compiled, linked),
            "{arguments} {flags}"
        );
        // Both are there from now on.
        assert_eq!(
            built_anew(&p, arguments, flags),
            anew(&[], &[]),
            "{arguments} {flags}"
        );
        assert_eq!(
            built_anew(&p, "", ""),
            anew(&[], &[]),
            "{arguments} {flags}"
        );
    }
}

#[cargo_test]
fn another_feature_builds_what_it_must() {
    Package::new("optional", "1.0.0")
        .feature("extra", &[])
        .file(
            "src/lib.rs",
            "pub fn has_extra() -> bool { cfg!(feature = \"extra\") }",
        )
        .publish();
    let p = layered_project()
        .file(
            "Cargo.toml",
            &layered_manifest("optional = '1.0'\n[features]\nextra = ['optional/extra']\n"),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", optional::has_extra()); }",
        )
        .build();
    for (arguments, linked, output) in [
        (
            "",
            &["frozen pool 1", "local part 1", "sysroot"][..],
            "false\n",
        ),
        // The other `optional` is in a pool of its own.
        (
            "--features extra",
            &["frozen pool 1", "frozen pool 2", "local part 1"],
            "true\n",
        ),
        ("", &[], "false\n"),
        ("--features extra", &[], "true\n"),
    ] {
        let command = format!("build --dynamic-deps -v {arguments}");
        assert_eq!(linked_groups(&p, &command), linked);
        assert_eq!(stdout(&p.bin("foo")), output);
    }
}

#[cargo_test]
fn libraries_to_keep_are_named_when_they_change() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    for (kept, change) in [
        (&["local"][..], "none => local v1.0.0"),
        (
            &["frozen", "local"],
            "local v1.0.0 => frozen v1.0.0, local v1.0.0",
        ),
        (&[], "frozen v1.0.0, local v1.0.0 => none"),
    ] {
        let options = kept
            .iter()
            .map(|name| format!(" --config profile.dev.package.{name}.dynamic-deps=false"));
        let command = format!("build --dynamic-deps -v{}", options.collect::<String>());
        p.cargo(&command)
            .with_stderr_contains(format!(
                "[DIRTY] foo v1.0.0 ([ROOT]/foo): the libraries to keep in the executable changed \
                 ({change})"
            ))
            .with_stderr_does_not_contain("[NOTE] [..]")
            .run();
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
        p.cargo(&command)
            .with_stderr_does_not_contain("[DIRTY] [..]")
            .run();
    }
}

#[cargo_test]
fn another_toolchain_of_the_same_version_links_anew() {
    // A sysroot of symbolic links, in which one library is replaced, as an update of a
    // nightly toolchain or of a distribution's does.
    let p = layered_project().build();
    let host = rustc_host();
    let libraries = format!("sysroot/lib/rustlib/{host}/lib");
    let output = Command::new("rustc")
        .args(["--print", "target-libdir"])
        .output()
        .unwrap();
    let installed = super::text(&output.stdout).trim_end();
    fs::create_dir_all(p.root().join(&libraries)).unwrap();
    for entry in fs::read_dir(installed).unwrap() {
        let entry = entry.unwrap();
        p.symlink(entry.path(), Path::new(&libraries).join(entry.file_name()));
    }
    let sysroot = p.root().join("sysroot");
    let rustc = p.root().join("rustc.sh");
    let script = format!(
        "#!/bin/sh\nexec rustc --sysroot '{}' \"$@\"\n",
        sysroot.display()
    );
    fs::write(&rustc, script).unwrap();
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
    let linked = || {
        let output = p
            .cargo("build --dynamic-deps -v")
            .env("RUSTC", &rustc)
            .run();
        assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
        super::text(&output.stderr).matches("Linking ").count()
    };
    assert_eq!(linked(), 3);
    assert_eq!(linked(), 0);
    let needed = || DynamicInfo::read(&p.bin("foo")).unwrap().unwrap().needed;
    let before = needed();

    let getopts = p
        .glob(format!("{libraries}/libgetopts-*.rlib"))
        .next()
        .unwrap()
        .unwrap();
    let replaced = p.root().join("replaced.rlib");
    fs::copy(&getopts, &replaced).unwrap();
    add_to_archive(
        &replaced,
        "added",
        "int added_by_an_update(void) { return 1; }",
    );
    fs::rename(&replaced, &getopts).unwrap();

    assert_eq!(linked(), 3);
    assert_ne!(needed(), before);
    assert_eq!(linked(), 0);
}
