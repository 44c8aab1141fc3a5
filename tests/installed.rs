//! The fork's warning about the toolchain over which it was installed (`crates/dist/install.sh`).

use std::fs;
use std::path::PathBuf;

use crate::prelude::*;
use crate::utils::cargo_exe;
use cargo_test_support::{Execs, Project, execs, paths, process, rustc_host, str};

use super::layered_project;

/// A toolchain directory with the fork in it, and with what the installer writes about rustc.
fn toolchain(base_rustc: &str) -> PathBuf {
    let directory = paths::root().join("toolchain");
    fs::create_dir_all(directory.join("bin")).unwrap();
    let cargo = directory.join("bin/cargo");
    if !cargo.exists() && fs::hard_link(cargo_exe(), &cargo).is_err() {
        fs::copy(cargo_exe(), &cargo).unwrap();
    }
    fs::write(directory.join("base-rustc"), base_rustc).unwrap();
    cargo
}

/// `cargo build --dynamic-deps` by a fork that was installed over this rustc.
fn build(project: &Project, base_rustc: &str, arguments: &str) -> Execs {
    let mut cargo = process(toolchain(base_rustc));
    cargo
        .arg("build")
        .args(&arguments.split_whitespace().collect::<Vec<_>>())
        .cwd(project.root());
    execs().with_process_builder(cargo)
}

#[cargo_test]
fn a_base_that_has_changed_is_told() {
    let p = layered_project().build();
    p.cargo("build --dynamic-deps").run();
    let rustc = std::process::Command::new("rustc").arg("-vV").output();
    let version = String::from_utf8(rustc.unwrap().stdout).unwrap();
    assert!(version.contains(rustc_host()));
    build(&p, &version, "--dynamic-deps")
        .with_stderr_data(str![[r#"
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
    let other = "rustc 1.2.3 (0123456 2020-01-01)\nrelease: 1.2.3\n";
    build(&p, other, "--dynamic-deps")
        .with_stderr_data(str![[r#"
[WARNING] this Cargo was installed over `rustc 1.2.3 (0123456 2020-01-01)`, and now runs `rustc [..]`
[HELP] run `sh '[ROOT]/toolchain/install.sh'` to renew its toolchain
[FINISHED] `dev` profile [unoptimized + debuginfo] target(s) in [ELAPSED]s

"#]])
        .run();
    // Nobody asked for it.
    build(&p, other, "--no-dynamic-deps")
        .with_stderr_does_not_contain("[WARNING] [..]")
        .run();
}
