//! sccache in the place of rustc.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Verdict;
use super::bench::{Bench, free_port};
use super::commands::Killed;
use workshop::linking::{Linking, require_linked};
use workshop::steps::Show;
use workshop::toolchain;

/// sccache with files as its storage.
pub(super) fn on_disk(bench: &mut Bench) -> Result<Verdict> {
    let storage = bench.fresh("sccache")?;
    let server = Server {
        port: free_port()?,
        storage: ("SCCACHE_DIR", storage.to_string_lossy().into_owned()),
    };
    server.start(bench)?;
    let result = compare(bench, &server, false);
    server.stop(bench)?;
    result
}

/// sccache with Redis as its storage, by which machines share compiled crates.
pub(super) fn in_redis(bench: &mut Bench) -> Result<Verdict> {
    if !workshop::fork::on_path("redis-server") {
        return Ok(Verdict::Skipped(
            "there is no `redis-server` (Debian: redis-server)".to_owned(),
        ));
    }
    let port = free_port()?;
    let mut redis = toolchain::command("redis-server");
    redis
        .args(["--bind", "127.0.0.1", "--save", "", "--port"])
        .arg(port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let redis = redis.spawn().context("failed to run `redis-server`")?;
    let _redis = Killed(redis);
    wait_for_redis(port)?;
    let server = Server {
        port: free_port()?,
        storage: ("SCCACHE_REDIS", format!("redis://127.0.0.1:{port}")),
    };
    if let Err(error) = server.start(bench) {
        if format!("{error:#}").contains("cache type is not enabled") {
            return Ok(Verdict::Skipped(
                "this sccache was built without Redis".to_owned(),
            ));
        }
        return Err(error);
    }
    let result = compare(bench, &server, true);
    server.stop(bench)?;
    result
}

/// Fills the cache by a static build, then counts the hits of a static and of a dynamic one.
fn compare(bench: &mut Bench, server: &Server, restart: bool) -> Result<Verdict> {
    build(bench, server, Linking::Static)?;
    let mut hits = Vec::new();
    for linking in [Linking::Static, Linking::Dynamic] {
        if restart {
            server.stop(bench)?;
            server.start(bench)?;
        }
        let zero = &mut server.command("--zero-stats");
        bench.step.command(zero, Show::Progress)?;
        build(bench, server, linking)?;
        let mut show = server.command("--show-stats");
        let stats = bench.step.capture(show.arg("--stats-format=json"))?;
        let stats: Value = serde_json::from_str(&stats).context("failed to read its statistics")?;
        let count = |name: &str| stats["stats"][name]["counts"]["Rust"].as_u64();
        hits.push((count("cache_hits"), count("cache_misses")));
    }
    ensure!(
        hits[0] == (Some(2), None) && hits[0] == hits[1],
        "hits and misses are {:?} in a static build and {:?} in a dynamic one",
        hits[0],
        hits[1]
    );
    let who = if restart {
        "another sccache with the same Redis"
    } else {
        "a build after a static one"
    };
    Ok(Verdict::passed(format!(
        "{who} compiles no library, whether static or dynamic"
    )))
}

/// Builds into an empty directory.
fn build(bench: &mut Bench, server: &Server, linking: Linking) -> Result<()> {
    let directory = bench.fresh("cached")?;
    let mut cargo = bench.plain_cargo(&["build", "--locked", linking.option()]);
    cargo
        .env("CARGO_TARGET_DIR", &directory)
        .env("CARGO_INCREMENTAL", "0")
        .env("RUSTC_WRAPPER", "sccache");
    server.environment(&mut cargo);
    bench.step.command(&mut cargo, Show::Progress)?;
    require_linked(&directory.join("debug/sample"), linking)
}

/// sccache's own server.
struct Server {
    port: u16,
    /// A variable and its value.
    storage: (&'static str, String),
}

impl Server {
    fn environment(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SCCACHE_") {
                command.env_remove(name);
            }
        }
        let (name, value) = &self.storage;
        command
            .env("SCCACHE_SERVER_PORT", self.port.to_string())
            .env("SCCACHE_CONF", "/dev/null")
            .env(name, value);
    }

    fn command(&self, arg: &str) -> Command {
        let mut command = toolchain::command("sccache");
        self.environment(&mut command);
        command.arg(arg);
        command
    }

    fn start(&self, bench: &mut Bench) -> Result<()> {
        let start = &mut self.command("--start-server");
        bench.step.command(start, Show::Progress)
    }

    fn stop(&self, bench: &mut Bench) -> Result<()> {
        let stop = &mut self.command("--stop-server");
        bench.step.command(stop, Show::Progress)
    }
}

fn wait_for_redis(port: u16) -> Result<()> {
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if started.elapsed() > Duration::from_secs(20) {
            bail!("`redis-server` does not listen on port {port}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Removes the files of the builds; the statistics are in the log.
pub(super) fn clean(directory: &Path) {
    for name in ["cached", "sccache", "llvm-cov", "clippy"] {
        let _ = fs::remove_dir_all(directory.join(name));
    }
}
