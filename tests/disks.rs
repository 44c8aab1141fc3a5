//! Target directories on a disk that is full, or that takes no writes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::prelude::*;
use cargo_test_support::paths;

use super::{LAYERED_OUTPUT, layered_project, stdout};

/// A file system of limited size, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this process may not mount.
    fn mount(bytes: u64) -> Option<SmallDisk> {
        let directory = paths::root().join("disk");
        fs::create_dir_all(&directory).unwrap();
        let size = format!("size={bytes}");
        is_done(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
                .arg(&directory),
        )
        .then_some(SmallDisk(directory))
    }

    fn resize(&self, bytes: u64) {
        let options = format!("remount,size={bytes}");
        assert!(is_done(
            Command::new("mount").args(["-o", &options]).arg(&self.0)
        ));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        is_done(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

/// A mount of a directory on itself that takes no writes, unmounted when dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    /// `None` where this process may not mount.
    fn mount(directory: PathBuf) -> Option<ReadOnly> {
        let is_bound = is_done(
            Command::new("mount")
                .arg("--bind")
                .args([&directory, &directory]),
        );
        let mount = is_bound.then_some(ReadOnly(directory))?;
        let mut remount = Command::new("mount");
        remount.args(["-o", "remount,bind,ro"]).arg(&mount.0);
        assert!(is_done(&mut remount));
        Some(mount)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        is_done(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn is_done(command: &mut Command) -> bool {
    let output = command.output();
    output.is_ok_and(|output| output.status.success())
}

/// Says that a test did nothing, on the terminal and not in the captured output.
fn skip(test: &str) {
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: {test}: this process may not mount"
    );
}

/// How many bytes the files in a directory take.
fn size(directory: &Path) -> u64 {
    let output = Command::new("du")
        .args(["-s", "-B1"])
        .arg(directory)
        .output()
        .unwrap();
    let number = super::text(&output.stdout)
        .split_whitespace()
        .next()
        .unwrap();
    number.parse().unwrap()
}

#[cargo_test]
fn a_full_disk() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let whole = size(&p.build_dir());
    p.build_dir().rm_rf();

    for percent in [10, 25] {
        let Some(disk) = SmallDisk::mount(whole * percent / 100) else {
            return skip("a_full_disk");
        };
        let target = disk.0.join("target");
        let build = || {
            let mut cargo = p.cargo("build --dynamic-deps");
            cargo.env("CARGO_TARGET_DIR", &target);
            cargo
        };
        // The program that meets the end of the disk says so: Cargo, rustc, or the linker. rust-lld
        // 22 dies of SIGBUS, since it maps its output.
        let output = build()
            .with_status(101)
            .with_stderr_contains("[ERROR] [..]")
            .run();
        let stderr = super::text(&output.stderr);
        let words = ["No space left on device", "signal 7 [Bus error]"];
        assert!(words.iter().any(|words| stderr.contains(words)), "{stderr}");
        disk.resize(whole * 2);
        build().run();
        // Statically, until the next edit, if the disk was full when a group was linked and had
        // room when the executable was.
        assert_eq!(
            stdout(&target.join("debug/foo")),
            LAYERED_OUTPUT,
            "{percent}"
        );
    }
}

#[cargo_test]
fn a_target_directory_that_cannot_be_written_to() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let Some(_mount) = ReadOnly::mount(p.build_dir()) else {
        return skip("a_target_directory_that_cannot_be_written_to");
    };
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
    // Cargo wants to lock the directory even if there is nothing to do.
    for argument in ["--no-dynamic-deps", "--dynamic-deps"] {
        p.cargo(&format!("build {argument}"))
            .with_status(101)
            .with_stderr_contains(
                "[ERROR] failed to open: [ROOT]/foo/target/debug/.cargo-build-lock",
            )
            .run();
    }
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}
