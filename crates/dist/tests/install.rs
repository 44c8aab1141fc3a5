//! Tests of the installer, run by each shell of this machine, with a stand-in for rustup.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The stand-in for rustup, with the commands that the installer calls. Toolchains are directories, and a file names
/// the active one.
const RUSTUP: &str = r#"#!/bin/sh
set -eu
echo "rustup $*" >>"$RUSTUP_HOME/calls"
case "$1 $2" in
"show active-toolchain") echo "$(cat "$RUSTUP_HOME/active") (default)"; echo "active because it is the default" ;;
"run "*)
    toolchain=$2; shift 2
    exec "$RUSTUP_HOME/toolchains/$toolchain/bin/$1" $2 ${3:-} ;;
"toolchain link") rm -rf "$RUSTUP_HOME/toolchains/$3"; ln -s "$4" "$RUSTUP_HOME/toolchains/$3" ;;
"toolchain uninstall") rm "$RUSTUP_HOME/toolchains/$3" ;;
*) echo "unknown: $*" >&2; exit 2 ;;
esac
"#;

struct Home {
    directory: TempDir,
    shell: &'static str,
}

impl Home {
    /// A home with a toolchain `stable` of this release of Rust, and an archive that was unpacked.
    fn new(shell: &'static str, release: &str) -> Home {
        let home = Home {
            directory: tempfile::tempdir().unwrap(),
            shell,
        };
        home.program("bin/rustup", RUSTUP);
        home.file("rustup/active", "stable\n");
        home.toolchain("stable", release);
        home.file("the archive/install.sh", dist::contents::INSTALLER);
        home.program("the archive/bin/cargo", "#!/bin/sh\necho fork\n");
        home
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, path: &str, text: &str) {
        self.file(path, text);
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn toolchain(&self, name: &str, release: &str) {
        let sysroot = format!("rustup/toolchains/{name}");
        let rustc = format!(
            "#!/bin/sh\ncase $1 in\n-vV) echo 'rustc {release}'; echo 'release: {release}' ;;\n\
             --print) echo '{}' ;;\nesac\n",
            self.path(&sysroot).display()
        );
        self.program(&format!("{sysroot}/bin/rustc"), &rustc);
        self.program(&format!("{sysroot}/bin/cargo"), "#!/bin/sh\necho stock\n");
        self.file(&format!("{sysroot}/lib/libstd.so"), "std");
    }

    fn install(&self, arguments: &[&str]) -> Output {
        let script = self.path("the archive/install.sh");
        self.run(&script, arguments)
    }

    fn run(&self, script: &Path, arguments: &[&str]) -> Output {
        Command::new(self.shell)
            .arg(script)
            .args(arguments)
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .env("RUSTUP_HOME", self.path("rustup"))
            .env("CARGO_HOME", self.path("no-cargo-home"))
            .current_dir("/")
            .output()
            .unwrap()
    }

    /// The output of a program of a toolchain.
    fn says(&self, toolchain: &str, program: &str) -> String {
        let program = self.path(&format!("rustup/toolchains/{toolchain}/bin/{program}"));
        let output = Command::new(program).arg("-vV").output().unwrap();
        text(&output.stdout)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

#[track_caller]
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("error: ") && stderr.contains("\nhelp: "),
        "{stderr}"
    );
    stderr
}

/// Calls `check` with each shell of this machine.
fn with_each_shell(check: impl Fn(&'static str)) {
    for shell in ["sh", "dash", "bash", "busybox-sh"] {
        let is_there = Command::new(shell).args(["-c", ":"]).output().is_ok();
        if is_there {
            check(shell);
        } else {
            eprintln!("SKIPPED: there is no `{shell}`");
        }
    }
}

#[test]
fn a_toolchain_is_made_and_removed() {
    with_each_shell(|shell| {
        let home = Home::new(shell, "1.95.0");
        let printed = stdout(&home.install(&[]));
        assert!(
            printed.starts_with("The toolchain `dynamic-deps` is made in `")
                && printed.contains("\n`fork`, with all else of `stable` (Rust 1.95.0).\n"),
            "{printed}"
        );
        assert_eq!(
            printed.matches("cargo +dynamic-deps ").count(),
            3,
            "{printed}"
        );
        assert_eq!(home.says("dynamic-deps", "cargo"), "fork\n");
        assert_eq!(
            home.says("dynamic-deps", "rustc"),
            "rustc 1.95.0\nrelease: 1.95.0\n"
        );
        assert!(
            home.path("rustup/toolchains/dynamic-deps/lib/libstd.so")
                .is_file()
        );
        assert_eq!(home.says("stable", "cargo"), "stock\n");
        let record = home.path("rustup/toolchains/dynamic-deps/base-rustc");
        assert_eq!(
            fs::read_to_string(record).unwrap(),
            "rustc 1.95.0\nrelease: 1.95.0\n"
        );

        let printed = stdout(&home.install(&["--uninstall"]));
        assert!(
            printed.contains("the toolchain `dynamic-deps` is removed"),
            "{printed}"
        );
        assert!(!home.path("rustup/toolchains/dynamic-deps").exists());
        assert!(!home.path("rustup/cargo-dynamic-deps").exists());
        assert!(home.path("rustup/toolchains/stable/bin/rustc").is_file());
        assert!(
            refusal(&home.install(&["--uninstall"]))
                .contains("there is no toolchain `dynamic-deps`")
        );
    });
}

#[test]
fn what_is_stale_is_mended() {
    with_each_shell(|shell| {
        let home = Home::new(shell, "1.95.0");
        stdout(&home.install(&[]));
        // An update may bring another rustc and another program, and remove one.
        home.toolchain("stable", "1.96.0");
        home.program("rustup/toolchains/stable/bin/new", "#!/bin/sh\necho new\n");
        let bin = home.path("rustup/toolchains/dynamic-deps/bin");
        symlink("/nowhere/old", bin.join("old")).unwrap();
        // The toolchain itself may be the active one.
        home.file("rustup/active", "dynamic-deps\n");
        let printed = stdout(&home.install(&[]));
        assert!(
            printed.contains("all else of `stable` (Rust 1.96.0)"),
            "{printed}"
        );
        // The copy in the toolchain serves once the archive is gone.
        home.toolchain("stable", "1.97.0");
        fs::remove_dir_all(home.path("the archive")).unwrap();
        let copy = home.path("rustup/cargo-dynamic-deps/dynamic-deps/install.sh");
        let printed = stdout(&home.run(&copy, &[]));
        assert!(
            printed.starts_with("The toolchain `dynamic-deps` is renewed in `"),
            "{printed}"
        );
        assert!(
            printed.contains("all else of `stable` (Rust 1.97.0)"),
            "{printed}"
        );
        assert_eq!(home.says("dynamic-deps", "new"), "new\n");
        assert_eq!(home.says("dynamic-deps", "cargo"), "fork\n");
        assert!(bin.join("old").symlink_metadata().is_err());
        let record = home.path("rustup/toolchains/dynamic-deps/base-rustc");
        assert_eq!(
            fs::read_to_string(record).unwrap(),
            "rustc 1.97.0\nrelease: 1.97.0\n"
        );
    });
}

#[test]
fn over_another_toolchain_and_under_another_name() {
    let home = Home::new("sh", "1.95.0");
    home.toolchain("beta", "1.96.0-beta.1");
    let printed = stdout(&home.install(&["--base", "beta"]));
    assert!(
        printed.contains("cargo +dynamic-deps-beta build"),
        "{printed}"
    );
    assert_eq!(
        home.says("dynamic-deps-beta", "rustc").lines().next(),
        Some("rustc 1.96.0-beta.1")
    );
    stdout(&home.install(&["--name", "fast"]));
    assert_eq!(home.says("fast", "cargo"), "fork\n");
    // The copy in a toolchain works on that toolchain.
    let copy = home.path("rustup/cargo-dynamic-deps/fast/install.sh");
    assert!(stdout(&home.run(&copy, &[])).contains("`fast` is renewed"));
    let printed = stdout(&home.run(&copy, &["--uninstall"]));
    assert!(printed.contains("`fast` is removed"), "{printed}");
    assert_eq!(home.says("dynamic-deps-beta", "cargo"), "fork\n");
}

#[test]
fn the_oldest_release_is_that_of_the_plan() {
    with_each_shell(|shell| {
        let (major, minor) = link_plan::support::OLDEST_RUSTC;
        let release = |minor: u64| format!("{major}.{minor}.0");
        for minor in [minor, minor + 1, 99, 100, 123] {
            stdout(&Home::new(shell, &release(minor)).install(&[]));
        }
        for minor in [minor - 1, 80, 79, 9, 0] {
            refusal(&Home::new(shell, &release(minor)).install(&[]));
        }
    });
}

#[test]
fn what_cannot_be_done_is_refused() {
    with_each_shell(|shell| {
        let home = Home::new(shell, "1.84.1");
        let too_old = refusal(&home.install(&[]));
        assert!(
            too_old.contains("is of Rust 1.84.1, and 1.85 or later is needed"),
            "{too_old}"
        );
        let absent = refusal(&home.install(&["--base", "absent"]));
        assert!(
            absent.contains("the toolchain `absent` has no rustc"),
            "{absent}"
        );
        for name in ["a/b", "-x", "..", "a b"] {
            assert!(
                refusal(&home.install(&["--name", name])).contains("cannot be called"),
                "{name}"
            );
        }
        assert!(refusal(&home.install(&["--nmae"])).contains("there is no option `--nmae`"));
        assert!(refusal(&home.install(&["--name"])).contains("needs a value"));
        fs::remove_file(home.path("the archive/bin/cargo")).unwrap();
        assert!(refusal(&home.install(&[])).contains("there is no Cargo `"));
        fs::remove_file(home.path("bin/rustup")).unwrap();
        let no_rustup = refusal(&home.install(&[]));
        assert!(
            no_rustup.contains("there is no rustup") && no_rustup.contains("https://rustup.rs"),
            "{no_rustup}"
        );
        assert!(!home.path("rustup/toolchains/dynamic-deps").exists());
    });
}

#[test]
fn help_names_each_option() {
    let home = Home::new("sh", "1.95.0");
    let help = stdout(&home.install(&["--help"]));
    for option in ["--base", "--name", "--cargo", "--uninstall"] {
        assert!(help.contains(option), "{help}");
    }
}

/// shellcheck warns of syntax that only some shells understand.
#[test]
fn the_script_is_portable() {
    let home = Home::new("sh", "1.95.0");
    let shellcheck = Command::new("shellcheck")
        .args(["--shell=sh", "--severity=style"])
        .arg(home.path("the archive/install.sh"))
        .output();
    match shellcheck {
        Ok(output) => assert!(output.status.success(), "{}", text(&output.stdout)),
        Err(_) => eprintln!("SKIPPED: there is no `shellcheck`"),
    }
}
