//! Builds the fork from the tree, runs it, and installs it as a rustup toolchain.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::paths::Repository;
use crate::steps::{Show, Step};
use crate::toolchain;

/// Name of the rustup toolchain that is made over the active one.
pub const TOOLCHAIN: &str = "dynamic-deps";

/// Our packages that run at every link of a user's program, and the packages in which they spend
/// their time. These are optimised in development builds too.
const ENGINE_PACKAGES: [&str; 5] = ["link-engine", "link-plan", "object", "memmap2", "blake3"];

/// Settings of a quick build: without debugging information and assertions, and slightly optimised in
/// our own packages and in small ones that read files at each start of Cargo. Optimising Cargo
/// itself would take minutes.
const QUICK: [&str; 16] = [
    "--bin",
    "cargo",
    "--profile",
    "quick",
    "--config=profile.quick.inherits=\"dev\"",
    "--config=profile.quick.debug=0",
    "--config=profile.quick.incremental=false",
    "--config=profile.quick.debug-assertions=false",
    "--config=profile.quick.overflow-checks=false",
    "--config=profile.quick.package.link-engine.opt-level=1",
    "--config=profile.quick.package.link-plan.opt-level=1",
    "--config=profile.quick.package.toml_parser.opt-level=1",
    "--config=profile.quick.package.serde_json.opt-level=1",
    "--config=profile.quick.package.semver.opt-level=1",
    "--config=profile.quick.package.hashbrown.opt-level=1",
    "--config=profile.quick.package.sha2.opt-level=1",
];

/// The Cargo targets of a development build. A test target, the smallest one, makes Cargo choose
/// features as for the test suite.
const DEV_TARGETS: [&str; 4] = ["--bin", "cargo", "--test", "build-std"];

/// How the fork is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build. Has the features that upstream's tests ask of dependencies (among them, that git credentials may
    /// be sent over plain HTTP), so that the test suite compiles nothing again.
    Dev,
    /// Quick to build from nothing. Each of its commands takes some tenths of a second longer than with the optimised one.
    Quick,
    /// Optimised, with upstream's own features: the one to use and to measure.
    Release,
}

impl Profile {
    /// The optimised profile, or the one for development.
    pub fn new(release: bool) -> Profile {
        if release {
            Profile::Release
        } else {
            Profile::Dev
        }
    }

    /// The Cargo targets to build of Cargo's package.
    pub fn targets(self) -> &'static [&'static str] {
        match self {
            Profile::Dev => &DEV_TARGETS,
            Profile::Quick => &QUICK,
            Profile::Release => &["--bin", "cargo", "--release"],
        }
    }

    /// Cargo's name of its directory, in the target directory.
    pub fn directory(self) -> &'static str {
        match self {
            Profile::Dev => "debug",
            Profile::Quick => "quick",
            Profile::Release => "release",
        }
    }

    /// The profile of the executable that was built last; without one, the development profile.
    pub fn of_last_build(repository: &Repository) -> Profile {
        let name = fs::read_to_string(profile_record(repository)).unwrap_or_default();
        let mut profiles = [Profile::Quick, Profile::Release].into_iter();
        let last = profiles.find(|profile| profile.directory() == name);
        last.unwrap_or(Profile::Dev)
    }
}

/// Builds the fork, and returns the path of its executable.
pub fn build(repository: &Repository, step: &mut Step, profile: Profile) -> Result<PathBuf> {
    let mut cargo = cargo_in_tree(repository, step, "build");
    step.command(cargo.args(profile.targets()), Show::Progress)?;
    let built = repository
        .fork_build()
        .join(profile.directory())
        .join("cargo");
    let executable = repository.fork_executable();
    place(&built, &executable)?;
    let record = profile_record(repository);
    fs::write(&record, profile.directory())
        .with_context(|| format!("failed to write `{}`", record.display()))?;
    Ok(executable)
}

/// `cargo <verb>` for the package in the tree. One set of options for everything, so that nothing is compiled twice.
pub fn cargo_in_tree(repository: &Repository, step: &Step, verb: &str) -> Command {
    cargo_in(&repository.tree(), repository, step, verb)
}

/// Like [`cargo_in_tree`], for another copy of Cargo's sources. Cargo compiles common dependencies
/// once for both.
pub fn cargo_in(sources: &Path, repository: &Repository, step: &Step, verb: &str) -> Command {
    let mut cargo = toolchain::cargo();
    cargo
        // Cargo looks for its configuration from the current directory on, and upstream's tests need the tree's.
        .current_dir(sources)
        .env_remove("CARGO_TARGET_DIR")
        // Upstream's build script runs again if this variable changes. The trees share its output
        // directory, and it goes by times to find out whether the manual pages are other ones.
        .env("CFG_OMIT_GIT_HASH", sources)
        .args([verb, "--locked", "--target-dir"])
        .arg(repository.fork_build())
        .args(["--config", "profile.dev.debug=\"line-tables-only\""])
        .args(["--config", "profile.dev.split-debuginfo=\"off\""]);
    for package in ENGINE_PACKAGES {
        let option = format!("profile.dev.package.{package}.opt-level=3");
        cargo.args(["--config", &option]);
    }
    if !has_openssl() {
        step.say("no OpenSSL of the system found, building the one that Cargo brings (`vendored-openssl`)");
        cargo.args(["--features", "vendored-openssl"]);
    }
    cargo
}

/// The fork for the package or workspace at `directory`, without variables and configuration that
/// could override `verb` and its options.
pub fn command(executable: &Path, directory: &Path, build_directory: &Path, verb: &str) -> Command {
    let mut cargo = toolchain::command(executable);
    for variable in [
        "CARGO_BUILD_BUILD_DIR",
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_PROFILE_DEV_DYNAMIC_DEPS",
        "CARGO_TARGET_DIR",
    ] {
        cargo.env_remove(variable);
    }
    cargo
        .current_dir(directory)
        .args([verb, "--locked", "--target-dir"])
        .arg(build_directory);
    cargo
}

/// Replaces this process by the fork; only returns if that fails.
pub fn exec(executable: &Path, args: &[std::ffi::OsString]) -> anyhow::Error {
    let error = toolchain::command(executable).args(args).exec();
    anyhow::Error::new(error).context(format!("failed to run `{}`", executable.display()))
}

/// Makes the rustup toolchain over the one called `base`, or over the active one, and checks that it works.
pub fn install(
    repository: &Repository,
    step: &mut Step,
    executable: &Path,
    base: Option<&str>,
) -> Result<()> {
    if !on_path("rustup") {
        step.say(&format!(
            "there is no rustup on the PATH, so no toolchain was made; the executable is `{}`\n\
             help: call it in the place of `cargo`, for example by `alias cargo={0}`",
            executable.display()
        ));
        return Ok(());
    }
    // The installer of `cargo xtask dist` does it. It copies the executable, so that a build for a
    // test does not replace the fork that somebody uses every day.
    let name = toolchain_over(base);
    let mut installer = toolchain::command("sh");
    installer
        .arg(repository.installer())
        .args(["--name", &name, "--cargo"])
        .arg(executable);
    if let Some(base) = base {
        installer.args(["--base", base]);
    }
    let said = step.capture(&mut installer)?;
    verify_toolchain(step, executable, &name)?;
    step.say(said.trim_end());
    Ok(())
}

/// Name of the toolchain over `base`, the same that the installer chooses.
fn toolchain_over(base: Option<&str>) -> String {
    match base {
        Some(base) => format!("{TOOLCHAIN}-{base}"),
        None => TOOLCHAIN.to_owned(),
    }
}

/// Copies the executable to the path by which users call it, if another one is there. That one may
/// be running, so we never write it in place.
pub fn place(built: &Path, executable: &Path) -> Result<()> {
    let describe = || {
        format!(
            "failed to copy `{}` to `{}`",
            built.display(),
            executable.display()
        )
    };
    let new = fs::metadata(built).with_context(describe)?;
    let modified = new.modified().with_context(describe)?;
    if let Ok(old) = fs::metadata(executable)
        && old.len() == new.len()
        && old.modified().with_context(describe)? == modified
    {
        return Ok(());
    }
    let directory = executable.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).with_context(describe)?;
    let temporary = tempfile::Builder::new()
        .prefix(".cargo-")
        .tempfile_in(directory)
        .with_context(describe)?
        .into_temp_path();
    fs::copy(built, &temporary).with_context(describe)?;
    fs::File::options()
        .append(true)
        .open(&temporary)
        .and_then(|file| file.set_modified(modified))
        .with_context(describe)?;
    temporary.persist(executable).with_context(describe)
}

/// Checks that rustup finds the fork, and that it builds a program with the toolchain's rustc.
fn verify_toolchain(step: &mut Step, executable: &Path, name: &str) -> Result<()> {
    let plus = format!("+{name}");
    let proxy = |name: &str| {
        let mut command = toolchain::command(name);
        // The toolchain that runs xtask must not decide which one rustup takes.
        command.env_remove("RUSTUP_TOOLCHAIN").arg(&plus);
        command
    };
    let expected = step.capture(toolchain::command(executable).arg("-V"))?;
    let found = step.capture(proxy("cargo").arg("-V"))?;
    ensure!(
        found == expected,
        "`cargo {plus} -V` gives `{}`, but the fork gives `{}`",
        found.trim_end(),
        expected.trim_end()
    );
    let sysroot = step.capture(proxy("rustc").args(["--print", "sysroot"]))?;
    ensure!(
        Path::new(sysroot.trim_end()).join("lib/rustlib").is_dir(),
        "`rustc {plus} --print sysroot` gives `{}`, which has no libraries",
        sysroot.trim_end()
    );
    let scratch = tempfile::tempdir().context("failed to create a temporary directory")?;
    let package = scratch.path().join("hello");
    step.command(
        proxy("cargo")
            .args(["new", "--quiet", "--vcs=none"])
            .arg(&package),
        Show::Progress,
    )?;
    let printed = step.capture(
        proxy("cargo")
            .args(["run", "--quiet", "--offline"])
            .env_remove("CARGO_TARGET_DIR")
            .current_dir(&package),
    )?;
    if printed != "Hello, world!\n" {
        bail!(
            "a new program, run by `cargo {plus}`, printed `{}`",
            printed.trim_end()
        );
    }
    Ok(())
}

/// Whether openssl-sys will find OpenSSL. It needs none on macOS, where Cargo uses the system's own TLS.
fn has_openssl() -> bool {
    cfg!(target_os = "macos")
        || std::env::var_os("OPENSSL_DIR").is_some()
        || Command::new("pkg-config")
            .args(["--exists", "openssl"])
            .status()
            .is_ok_and(|status| status.success())
}

/// Whether a program of this name is on the `PATH`.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    })
}

fn profile_record(repository: &Repository) -> PathBuf {
    repository.fork().join("profile")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_is_replaced_only_when_changed() {
        use std::os::unix::fs::MetadataExt;
        let directory = tempfile::tempdir().unwrap();
        let built = directory.path().join("built");
        let executable = directory.path().join("bin/cargo");
        let inode = || fs::metadata(&executable).unwrap().ino();
        fs::write(&built, "1").unwrap();
        place(&built, &executable).unwrap();
        let first = inode();
        place(&built, &executable).unwrap();
        assert_eq!(inode(), first);
        let running = fs::File::open(&executable).unwrap();
        fs::write(&built, "22").unwrap();
        place(&built, &executable).unwrap();
        assert_ne!(inode(), running.metadata().unwrap().ino());
        assert_eq!(fs::read_to_string(&executable).unwrap(), "22");
        assert_eq!(
            fs::read_dir(directory.path().join("bin")).unwrap().count(),
            1
        );
    }
}
