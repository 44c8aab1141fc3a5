//! Other runners of tests.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Verdict;
use super::bench::Bench;
use workshop::linking::Linking;
use workshop::toolchain;

/// cargo-nextest: `list`, `run`, and archives, whose tests run without the target directory.
pub(super) fn nextest(bench: &mut Bench) -> Result<Verdict> {
    let list = ["nextest", "list", "--workspace", "--locked", "--offline"];
    let of_static = {
        let mut cargo = bench.cargo(Linking::Static, &list);
        bench.step.capture(&mut cargo)?
    };
    let mut cargo = bench.cargo(Linking::Dynamic, &list);
    let of_dynamic = bench.step.capture(&mut cargo)?;
    ensure!(
        of_static == of_dynamic && of_static.contains("greets_from_inside"),
        "`nextest list` prints `{of_dynamic}` in a dynamic build and `{of_static}` in a static one"
    );
    let run = ["nextest", "run", "--workspace", "--locked", "--offline"];
    let mut cargo = bench.cargo(Linking::Dynamic, &run);
    let (printed, succeeded) = bench.step.transcript(&mut cargo)?;
    ensure!(
        succeeded && printed.contains("3 tests run: 3 passed"),
        "`nextest run` fails in a dynamic build\n{printed}"
    );

    let directory = bench.fresh("nextest")?;
    let static_archive = directory.join("static.tar.zst");
    let dynamic_archive = directory.join("dynamic.tar.zst");
    archive(bench, Linking::Static, &static_archive)?;
    archive(bench, Linking::Dynamic, &dynamic_archive)?;
    bench.without_build_directory(|bench| {
        for path in [&static_archive, &dynamic_archive] {
            let path = path.to_string_lossy();
            let mut cargo = bench.cargo(
                Linking::Dynamic,
                &["nextest", "run", "--archive-file", &path],
            );
            cargo.args(["--workspace-remap", "."]);
            let (printed, succeeded) = bench.step.transcript(&mut cargo)?;
            ensure!(
                succeeded && printed.contains("3 tests run: 3 passed"),
                "the tests of the archive `{path}` fail elsewhere\n{printed}"
            );
        }
        Ok(())
    })?;
    Ok(Verdict::passed(
        "`list` and `run` as statically; a dynamic archive has its shared objects and runs elsewhere, as a static one",
    ))
}

fn archive(bench: &mut Bench, linking: Linking, path: &Path) -> Result<()> {
    let path = path.to_string_lossy();
    let args = ["nextest", "archive", "--workspace", "--archive-file", &path];
    let mut cargo = bench.cargo(linking, &args);
    bench
        .step
        .command(&mut cargo, workshop::steps::Show::Progress)
}

/// cargo-llvm-cov: it instruments workspace members behind Cargo's back. It must report the same coverage.
pub(super) fn llvm_cov(bench: &mut Bench) -> Result<Verdict> {
    let host = toolchain::host()?;
    let tools = toolchain::sysroot()?.join(format!("lib/rustlib/{host}/bin/llvm-profdata"));
    if !tools.is_file() && std::env::var_os("LLVM_PROFDATA").is_none() {
        // Without these tools it would have rustup change the toolchain.
        return Ok(Verdict::Skipped(
            "the toolchain lacks the component `llvm-tools`".to_owned(),
        ));
    }
    let mut covered = Vec::new();
    for linking in [Linking::Static, Linking::Dynamic] {
        let mut cargo = bench.cargo(linking, &["llvm-cov", "--workspace", "--json"]);
        cargo.env("CARGO_TARGET_DIR", bench.fresh("llvm-cov")?);
        let printed = bench.step.capture(&mut cargo)?;
        let report = printed.lines().find(|line| line.starts_with('{'));
        let report: Value = serde_json::from_str(report.context("there is no report")?)
            .context("failed to read the report of cargo-llvm-cov")?;
        covered.push(report["data"][0]["totals"].clone());
    }
    ensure!(
        covered[0]["lines"]["covered"].as_u64() > Some(0) && covered[0] == covered[1],
        "a static build covers {}, and a dynamic one {}",
        covered[0],
        covered[1]
    );
    let mut cargo = bench.cargo(Linking::Dynamic, &["build", "--locked"]);
    cargo
        .env("RUSTFLAGS", "-C instrument-coverage")
        .env("CARGO_TARGET_DIR", bench.fresh("llvm-cov")?);
    let (printed, succeeded) = bench.step.transcript(&mut cargo)?;
    ensure!(
        succeeded && printed.contains("pass `--no-dynamic-deps` to coverage runs"),
        "with `-C instrument-coverage` in the flags there is no static build with a warning\n{printed}"
    );
    Ok(Verdict::passed(
        "covers the same as statically; with `-C instrument-coverage` in the flags, the build is static, with a warning",
    ))
}
