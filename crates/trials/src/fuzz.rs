//! `cargo xtask fuzz`: feeds malformed input, made up by libFuzzer, to the code of link-engine that reads files.
//!
//! The targets are the executables of `crates/link-engine/fuzz`. Each starts from well-formed inputs, which compiler
//! and linker make here, and keeps its inputs for the next time.
//!
//! We use no sanitizer: it would need a nightly compiler, and look for errors that safe Rust cannot have. Overflow
//! checks and debug assertions are on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use workshop::paths::Repository;
use workshop::steps::{Chatter, Show, Step, Steps};
use workshop::toolchain;

/// A function of `crates/link-engine/fuzz/src/lib.rs`.
struct Target {
    name: &'static str,
    /// Makes inputs in a directory, besides the samples in the repository.
    seed: fn(&mut Step, &Path) -> Result<()>,
    /// Inputs are no longer than this, in bytes.
    max_length: usize,
}

const TARGETS: [Target; 6] = [
    Target {
        name: "rlib",
        seed: seed_archives,
        max_length: 16 * 1024,
    },
    Target {
        name: "object",
        seed: seed_objects,
        max_length: 16 * 1024,
    },
    Target {
        name: "response_file",
        seed: |_, directory| write(directory, "options", RESPONSE_FILE),
        max_length: 1024,
    },
    Target {
        name: "link_line",
        seed: |_, directory| write(directory, "program", LINK_LINE),
        max_length: 4 * 1024,
    },
    Target {
        name: "manifest",
        seed: |_, _| Ok(()),
        max_length: 4 * 1024,
    },
    Target {
        name: "messages",
        seed: |_, _| Ok(()),
        max_length: 1024,
    },
];

/// A C compiler makes an object of this with hidden symbols, sections of many kinds, and references that stay open.
const SOURCE: &str = r#"
__attribute__((visibility("hidden"))) int hidden = 1;
__attribute__((weak)) int replaced(void) { return 2; }
__attribute__((section("gathered"))) int element = 3;
__attribute__((constructor)) static void begin(void) { hidden = 4; }
extern int wanted(void);
int exported(void) { return wanted() + replaced() + hidden + element; }
"#;

const RESPONSE_FILE: &str = "-o 'a b' \"c\\\"d\" e\\ f\n@file \\\\ ''\t-lc\r\n";

const LINK_LINE: &str = "-m64\n/tmp/rustcAbCdEf/symbols.o\napp.rcgu.o\n-Wl,--as-needed\n-Wl,-Bstatic\n\
    /t/deps/libdep-1.rlib\n/s/lib/libstd-2.rlib\n/s/lib/libcompiler_builtins-3.rlib\n-Wl,-Bdynamic\n-lz\n-lc\n-L\n\
    /tmp/rustcAbCdEf/raw-dylibs\n-fuse-ld=lld\n-o\n/t/deps/app-4\n-pie\n-nodefaultlibs";

/// The names of the targets.
pub fn target_names() -> Vec<&'static str> {
    TARGETS.iter().map(|target| target.name).collect()
}

/// Runs the targets named in `only`, or all, each for `seconds`.
pub fn run(repository: &Repository, only: &[String], seconds: u64) -> Result<()> {
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    steps.run("fuzz-build", |step| {
        require_cargo_fuzz()?;
        step.command(&mut cargo_fuzz(repository, "build"), Show::Progress)
    })?;
    let is_chosen =
        |target: &&Target| only.is_empty() || only.iter().any(|name| name == target.name);
    for target in TARGETS.iter().filter(is_chosen) {
        steps.run(&format!("fuzz-{}", target.name), |step| {
            fuzz(repository, step, target, seconds)
        })?;
    }
    Ok(())
}

fn fuzz(repository: &Repository, step: &mut Step, target: &Target, seconds: u64) -> Result<()> {
    let directory = |kind: &str| {
        let directory = repository.fuzz_output().join(kind).join(target.name);
        fs::create_dir_all(&directory)
            .with_context(|| format!("failed to create `{}`", directory.display()))?;
        Ok::<_, anyhow::Error>(directory)
    };
    let (seeds, learnt, findings) = (
        directory("seeds")?,
        directory("learnt")?,
        directory("findings")?,
    );
    (target.seed)(step, &seeds)?;
    let samples = repository.fuzz().join("samples").join(target.name);
    let samples = samples.is_dir().then_some(samples);
    let mut cargo = cargo_fuzz(repository, "run");
    cargo
        .arg(target.name)
        .args([learnt, seeds])
        .args(samples)
        .args(["--", "-print_final_stats=1", "-timeout=10"])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={}", target.max_length))
        .arg(format!("-artifact_prefix={}/", findings.display()));
    step.command(&mut cargo, Show::Progress).with_context(|| {
        format!(
            "the target `{}` failed\n\
             help: the input is in `{}`; what is found becomes a test in `crates/link-engine/tests/malformed.rs`",
            target.name,
            repository.display(&findings)
        )
    })
}

fn cargo_fuzz(repository: &Repository, verb: &str) -> Command {
    let mut cargo = toolchain::cargo();
    cargo
        .current_dir(repository.root())
        .env_remove("CARGO_TARGET_DIR")
        .args(["fuzz", verb, "--sanitizer=none", "--fuzz-dir"])
        .arg(repository.fuzz())
        .arg("--target-dir")
        .arg(repository.fuzz_output().join("build"));
    cargo
}

fn require_cargo_fuzz() -> Result<()> {
    let version = toolchain::cargo().args(["fuzz", "--version"]).output();
    ensure!(
        version.is_ok_and(|output| output.status.success()),
        "there is no cargo-fuzz\nhelp: install it with `cargo install cargo-fuzz`"
    );
    Ok(())
}

fn seed_archives(step: &mut Step, directory: &Path) -> Result<()> {
    let scratch = tempfile::tempdir().context("failed to create a temporary directory")?;
    let object = compile(step, scratch.path(), "object.o", &["-c"])?;
    let of_rust = scratch.path().join("sample.0123456789abcdef.rcgu.o");
    fs::copy(&object, &of_rust).context("failed to copy an object")?;
    let mut ar = toolchain::command("ar");
    ar.arg("crs")
        .arg(directory.join("archive.rlib"))
        .args([object, of_rust]);
    step.command(&mut ar, Show::Progress)?;
    let source = scratch.path().join("sample.rs");
    write(scratch.path(), "sample.rs", "#![no_std]\npub fn f() {}\n")?;
    let mut rustc = toolchain::rustc();
    rustc
        .args([
            "--crate-type=rlib",
            "--edition=2024",
            "-Cstrip=debuginfo",
            "-o",
        ])
        .arg(directory.join("libsample.rlib"))
        .arg(source);
    step.command(&mut rustc, Show::Progress)
}

fn seed_objects(step: &mut Step, directory: &Path) -> Result<()> {
    compile(step, directory, "object.o", &["-c"])?;
    let shared = [
        "-shared",
        "-nostdlib",
        "-Wl,--hash-style=gnu",
        "-Wl,-soname,s.so",
    ];
    compile(step, directory, "shared.so", &shared).map(drop)
}

fn compile(step: &mut Step, directory: &Path, output: &str, options: &[&str]) -> Result<PathBuf> {
    let scratch = tempfile::tempdir().context("failed to create a temporary directory")?;
    write(scratch.path(), "source.c", SOURCE)?;
    let output = directory.join(output);
    let mut cc = toolchain::command("cc");
    cc.args(["-fPIC", "-O1"])
        .args(options)
        .arg(scratch.path().join("source.c"))
        .arg("-o")
        .arg(&output);
    step.command(&mut cc, Show::Progress)?;
    Ok(output)
}

fn write(directory: &Path, name: &str, contents: impl AsRef<[u8]>) -> Result<()> {
    let path = directory.join(name);
    fs::write(&path, contents).with_context(|| format!("failed to write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_has_an_executable() {
        let repository = Repository::of_this_build();
        let manifest = fs::read_to_string(repository.fuzz().join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let executables = manifest["bin"].as_array().unwrap();
        let mut names: Vec<_> = executables
            .iter()
            .map(|executable| executable["name"].as_str().unwrap())
            .collect();
        let mut expected = target_names();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}
