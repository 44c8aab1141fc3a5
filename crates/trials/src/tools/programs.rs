//! Programs that run or look at the executable.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::bench::Bench;
use super::image::{groups_beside, in_container, namespaces};
use super::{QEMU, Verdict};
use workshop::files::copy;
use workshop::linking::Linking;
use workshop::steps::Show;
use workshop::toolchain;

/// The message of debuggers if a process may not trace another.
const NO_PTRACE: &str = "Operation not permitted";

pub(super) fn gdb(bench: &mut Bench) -> Result<Verdict> {
    let args = [
        "-batch",
        "-nx",
        "-ex",
        "set breakpoint pending on",
        "-ex",
        "break local::greet",
        "-ex",
        "run",
        "-ex",
        "bt",
    ];
    stop_in_dependency(bench, "gdb", &args, &["Breakpoint 1, local::greet (n=1)"])
}

pub(super) fn lldb(bench: &mut Bench) -> Result<Verdict> {
    let args = [
        "--no-lldbinit",
        "-b",
        "-o",
        "breakpoint set -n local::greet",
        "-o",
        "run",
        "-o",
        "bt 2",
        "-o",
        "kill",
        "-o",
        "quit",
    ];
    let expected = [
        "stop reason = breakpoint",
        "local::greet",
        "(n=1) at lib.rs:2",
    ];
    stop_in_dependency(bench, "lldb", &args, &expected)
}

fn stop_in_dependency(
    bench: &mut Bench,
    debugger: &str,
    args: &[&str],
    expected: &[&str],
) -> Result<Verdict> {
    let executable = bench.build(Linking::Dynamic)?;
    let mut command = toolchain::command(debugger);
    command.args(args).arg(executable);
    let (printed, _) = bench.step.transcript(&mut command)?;
    if printed.contains(NO_PTRACE) {
        return Ok(Verdict::Skipped(
            "processes cannot be traced here".to_owned(),
        ));
    }
    for words in expected {
        ensure!(
            printed.contains(words),
            "{debugger} does not say `{words}`\n{printed}"
        );
    }
    Ok(Verdict::passed(
        "stops at a breakpoint in a dependency, with arguments and line",
    ))
}

pub(super) fn perf(bench: &mut Bench) -> Result<Verdict> {
    let executable = bench.build(Linking::Dynamic)?;
    let data = bench.fresh("perf")?.join("perf.data");
    let mut record = toolchain::command("perf");
    record
        .args(["record", "-e", "cpu-clock", "-o"])
        .arg(&data)
        .arg(executable)
        .arg("spin");
    let (printed, succeeded) = bench.step.transcript(&mut record)?;
    if !succeeded {
        let words = printed.lines().next().unwrap_or_default();
        return Ok(Verdict::Skipped(format!("it cannot record here: {words}")));
    }
    let mut report = toolchain::command("perf");
    report
        .args(["report", "--stdio", "--sort=dso,symbol", "-i"])
        .arg(&data);
    let report = bench.step.capture(&mut report)?;
    let named = report
        .lines()
        .find(|line| line.contains("dynamic-deps-local-") && line.contains("local::spin"));
    ensure!(
        named.is_some(),
        "`perf report` does not name `local::spin` in a group\n{report}"
    );
    Ok(Verdict::passed("`perf report` names functions of groups"))
}

pub(super) fn valgrind(bench: &mut Bench) -> Result<Verdict> {
    const FINDINGS: i32 = 99;
    let output = bench.fresh("valgrind")?.join("stdout");
    let mut codes = Vec::new();
    for linking in [Linking::Static, Linking::Dynamic] {
        let executable = bench.build(linking)?;
        let mut command = toolchain::command("valgrind");
        command
            .arg(format!("--error-exitcode={FINDINGS}"))
            .arg(executable)
            .arg("fail");
        codes.push(bench.step.attempt(&mut command, &output)?.code());
    }
    ensure!(
        codes == [Some(3), Some(3)],
        "the exit codes are {codes:?}; {FINDINGS} means that memcheck found errors"
    );
    Ok(Verdict::passed(
        "memcheck finds nothing, and the exit code is that of the static program",
    ))
}

/// qemu-user as Cargo's `runner`.
pub(super) fn qemu(bench: &mut Bench) -> Result<Verdict> {
    let runner = format!("target.{}.runner=\"{QEMU}\"", toolchain::host()?);
    let args = ["run", "--locked", "--config", &runner];
    let mut cargo = bench.cargo(Linking::Dynamic, &args);
    bench.require_greeting(&mut cargo)?;
    let args = ["test", "--workspace", "--locked", "--config", &runner];
    let mut cargo = bench.cargo(Linking::Dynamic, &args);
    bench.step.command(&mut cargo, Show::Progress)?;
    Ok(Verdict::passed(
        "as `runner` of `cargo run` and `cargo test`",
    ))
}

/// A container image: only the files that were copied into it.
pub(super) fn container(bench: &mut Bench) -> Result<Verdict> {
    let image = bench.fresh("image")?;
    fs::create_dir_all(image.join("proc")).context("failed to create `proc`")?;
    if toolchain::run(namespaces(&image).arg("true")).is_err() {
        return Ok(Verdict::Skipped(
            "`unshare` may not make namespaces here".to_owned(),
        ));
    }
    let of_static = bench.build(Linking::Static)?;
    copy_platform(bench, &of_static, &image)?;
    copy(&of_static, &image.join("app/static"))?;
    bench.require_greeting(in_container(&image).arg("/app/static"))?;

    let executable = bench.build(Linking::Dynamic)?;
    copy(&executable, &image.join("app/sample"))?;
    let (printed, succeeded) = bench
        .step
        .transcript(in_container(&image).arg("/app/sample"))?;
    let error = "error while loading shared libraries: dynamic-deps-";
    ensure!(
        !succeeded
            && printed.contains(error)
            && printed.contains("cannot open shared object file: No such file or directory"),
        "an executable without its groups does not end with the loader's error\n{printed}"
    );

    for group in groups_beside(&executable)? {
        let name = group.file_name().unwrap_or_default();
        copy(&group, &image.join("app/deps").join(name))?;
    }
    bench.require_greeting(in_container(&image).arg("/app/sample"))?;
    Ok(Verdict::passed(
        "in another root, the static executable runs, the dynamic one runs with `deps` beside it, and alone it ends \
         with the loader's error of the guide",
    ))
}

/// Copies the libraries of the platform that `executable` loads, loader included.
fn copy_platform(bench: &mut Bench, executable: &Path, image: &Path) -> Result<()> {
    let mut ldd = toolchain::command("ldd");
    let printed = bench.step.capture(ldd.arg(executable))?;
    for library in printed
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        copy(Path::new(library), &image.join(&library[1..]))?;
    }
    Ok(())
}
