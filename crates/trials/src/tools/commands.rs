//! Commands of Cargo, and programs that run Cargo for their users.

use std::fs::File;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Verdict;
use super::bench::{self, Bench};
use super::sample::{self, GREETING, LOCAL};
use workshop::fork::TOOLCHAIN;
use workshop::linking::{Linking, require_linked};
use workshop::paths::Repository;
use workshop::steps::Show;
use workshop::toolchain;

/// How long an edit may take to be seen, compiled and run.
const PATIENCE: Duration = Duration::from_secs(60);

/// `cargo fix` mends the sources, and links nothing.
pub(super) fn fix(bench: &mut Bench) -> Result<Verdict> {
    const WRONG: &str = "let mut unchanged = 3;\n    unchanged";
    const RIGHT: &str = "let unchanged = 3;\n    unchanged";
    bench.edit("    3\n", &format!("    {WRONG}\n"))?;
    let args = ["fix", "--workspace", "--allow-no-vcs", "--locked"];
    let mut cargo = bench.cargo(Linking::Dynamic, &args);
    let artifacts = bench.artifacts(&mut cargo)?;
    require_no_groups(&artifacts)?;
    let mended = bench.read(&bench.sample().join(LOCAL))?;
    ensure!(
        mended.contains(RIGHT),
        "`cargo fix` left `{WRONG}` in `{LOCAL}`"
    );
    let executable = bench.build(Linking::Dynamic)?;
    bench.require_greeting(&mut toolchain::command(executable))?;
    Ok(Verdict::passed(
        "mends a path dependency; links no group; the program builds and runs",
    ))
}

/// Clippy is a `cargo check`: it must link no group, and warn of the same.
pub(super) fn clippy(bench: &mut Bench) -> Result<Verdict> {
    bench.edit("    3\n", "    return 3;\n")?;
    let mut said = Vec::new();
    for linking in [Linking::Static, Linking::Dynamic] {
        let args = ["clippy", "--workspace", "--all-targets", "--locked"];
        let mut cargo = bench.cargo(linking, &args);
        // An empty directory makes it look at the sources each time.
        cargo.env("CARGO_TARGET_DIR", bench.fresh("clippy")?);
        let printed = bench.step.capture(cargo.arg("--message-format=json"))?;
        require_no_groups(&measure::messages::artifacts(&printed)?)?;
        said.push(printed.matches("clippy::needless_return").count());
    }
    ensure!(
        said[0] > 0 && said[0] == said[1],
        "clippy finds `needless_return` {} times in a static build and {} times in a dynamic one",
        said[0],
        said[1]
    );
    Ok(Verdict::passed("same lints as statically; links no group"))
}

/// The command that rust-analyzer runs at each change. It must link nothing, and not compile again what a build of the
/// other kind compiled.
pub(super) fn check(bench: &mut Bench) -> Result<Verdict> {
    let args = ["check", "--workspace", "--all-targets", "--locked"];
    bench.build(Linking::Dynamic)?;
    let mut cargo = bench.cargo(Linking::Dynamic, &args);
    let checked = bench.artifacts(&mut cargo)?;
    require_no_groups(&checked)?;
    for linking in [Linking::Static, Linking::Dynamic] {
        let mut cargo = bench.cargo(linking, &args);
        require_fresh(&bench.artifacts(&mut cargo)?)
            .with_context(|| format!("in `cargo check` for a build with `{}`", linking.option()))?;
    }
    let mut cargo = bench.cargo(Linking::Dynamic, &["build", "--locked"]);
    require_fresh(&bench.artifacts(&mut cargo)?).context("in `cargo build` after `cargo check`")?;
    Ok(Verdict::passed(
        "`cargo check --workspace --all-targets --message-format=json` links no group, and neither it nor `cargo build` \
         compiles anything again after the other",
    ))
}

/// An edit must lead to one more run, of the edited program.
pub(super) fn watch(bench: &mut Bench) -> Result<Verdict> {
    let printed = bench.fresh("watch")?.join("stdout");
    let file = File::create(&printed)
        .with_context(|| format!("failed to create `{}`", printed.display()))?;
    // cargo-watch sees nothing below a directory `target`, in which the sample lies.
    let elsewhere = tempfile::tempdir().context("failed to create a temporary directory")?;
    sample::sources().write(elsewhere.path())?;
    let args = ["watch", "--quiet", "-x", "run --quiet"];
    let mut cargo = bench.cargo(Linking::Dynamic, &args);
    cargo.current_dir(elsewhere.path());
    bench
        .step
        .note(&format!("$ {}", toolchain::display(&cargo)))?;
    let watcher = cargo
        .stdout(file)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .with_context(|| format!("failed to run `{}`", toolchain::display(&cargo)))?;
    let _watcher = Killed(watcher);
    wait_for(bench, &printed, GREETING)?;
    bench::edit(elsewhere.path(), "hello", "hallo")?;
    wait_for(bench, &printed, &format!("{GREETING}hallo 1\n"))?;
    Ok(Verdict::passed(
        "an edit of a path dependency leads to a build and one run",
    ))
}

/// rustup's `cargo +dynamic-deps`, as the installer makes it, with a rustup directory of its own.
pub(super) fn rustup(bench: &mut Bench) -> Result<Verdict> {
    const BASE: &str = "base";
    let home = bench.fresh("rustup")?;
    let in_home = |program: &str| {
        let mut command = toolchain::command(program);
        command
            .env("RUSTUP_HOME", &home)
            .env_remove("RUSTUP_TOOLCHAIN");
        command
    };
    let mut link = in_home("rustup");
    link.args(["toolchain", "link", BASE])
        .arg(toolchain::sysroot()?);
    bench.step.command(&mut link, Show::Progress)?;
    let installer = Repository::of_this_build().installer();
    let mut install = in_home("sh");
    install
        .arg(&installer)
        .args(["--base", BASE, "--name", TOOLCHAIN, "--cargo"])
        .arg(&bench.fork);
    bench.step.command(&mut install, Show::Progress)?;
    let mut run = in_home("cargo");
    run.arg(format!("+{TOOLCHAIN}"))
        .args(["run", "--quiet", "--locked", "--dynamic-deps"])
        .current_dir(bench.sample())
        .env("CARGO_TARGET_DIR", bench.build_directory());
    bench.require_greeting(&mut run)?;
    require_linked(
        &bench.build_directory().join("debug/sample"),
        Linking::Dynamic,
    )?;
    Ok(Verdict::passed(format!(
        "the installer makes `{TOOLCHAIN}`, and `cargo +{TOOLCHAIN} run --dynamic-deps` links dynamically and runs"
    )))
}

fn require_no_groups(artifacts: &[measure::messages::Artifact]) -> Result<()> {
    match artifacts.iter().find(|artifact| artifact.is_group()) {
        Some(group) => bail!("the group `{}` is linked for nothing", group.target.name),
        None => Ok(()),
    }
}

fn require_fresh(artifacts: &[measure::messages::Artifact]) -> Result<()> {
    match artifacts.iter().find(|artifact| !artifact.fresh) {
        Some(stale) => bail!("`{}` is made again for nothing", stale.target.name),
        None => Ok(()),
    }
}

fn wait_for(bench: &Bench, file: &Path, expected: &str) -> Result<()> {
    let started = Instant::now();
    loop {
        let text = bench.read(file)?;
        if text == expected {
            return Ok(());
        }
        if started.elapsed() > PATIENCE || !expected.starts_with(&text) {
            bail!("the runs printed `{text}` in the place of `{expected}`");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A process that ends with this value.
pub(super) struct Killed(pub(super) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
