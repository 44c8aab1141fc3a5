//! Other runners of tests.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Verdict;
use super::bench::Bench;
use workshop::linking::Linking;
use workshop::toolchain;

/// The line of `.config/nextest.toml` that the guide gives.
const INCLUDE: &str =
    r#"archive.include = [{ path = "debug/deps", relative-to = "target", depth = 1 }]"#;

/// cargo-nextest: `list`, `run`, and archives that are run where the target directory is not.
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
    let bare_archive = directory.join("bare.tar.zst");
    let full_archive = directory.join("full.tar.zst");
    archive(bench, Linking::Static, &static_archive)?;
    archive(bench, Linking::Dynamic, &bare_archive)?;
    let settings = bench.sample().join(".config/nextest.toml");
    let text = format!("[profile.default]\n{INCLUDE}\n");
    fs::create_dir_all(bench.sample().join(".config"))
        .and_then(|()| fs::write(&settings, text))
        .with_context(|| format!("failed to write `{}`", settings.display()))?;
    archive(bench, Linking::Dynamic, &full_archive)?;
    bench.without_build_directory(|bench| {
        for (path, is_whole) in [
            (&static_archive, true),
            (&full_archive, true),
            (&bare_archive, false),
        ] {
            let path = path.to_string_lossy();
            let mut cargo = bench.cargo(
                Linking::Dynamic,
                &["nextest", "run", "--archive-file", &path],
            );
            cargo.args(["--workspace-remap", "."]);
            let (printed, succeeded) = bench.step.transcript(&mut cargo)?;
            let message = "error while loading shared libraries: dynamic-deps-";
            let as_expected = if is_whole {
                succeeded && printed.contains("3 tests run: 3 passed")
            } else {
                !succeeded && printed.contains(message)
            };
            ensure!(
                as_expected,
                "the tests of the archive `{path}` do what the guide does not say\n{printed}"
            );
        }
        Ok(())
    })?;
    Ok(Verdict::passed(
        "`list` and `run` as statically; run elsewhere, an archive works that is static or includes `debug/deps`, and \
         one without fails with the loader's error",
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

/// cargo-llvm-cov: it instruments workspace members behind Cargo's back, which must not change what is covered.
pub(super) fn llvm_cov(bench: &mut Bench) -> Result<Verdict> {
    let host = toolchain::host()?;
    let tools = toolchain::sysroot()?.join(format!("lib/rustlib/{host}/bin/llvm-profdata"));
    if !tools.is_file() && std::env::var_os("LLVM_PROFDATA").is_none() {
        // Without them it would have rustup change the toolchain.
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
