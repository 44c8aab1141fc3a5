//! The assumptions of the rules about platforms agree with the compiler.

use std::process::Command;

use link_plan::rustc_flags::CodegenFlags;
use link_plan::support::{
    CASES, FallbackReason, LinkSettings, OLDEST_RUSTC, TargetCfg, check_support,
};

/// The answer of [`check_support`] for a platform as `rustc --print cfg` describes it.
fn reason(triple: &str) -> Option<FallbackReason> {
    let output = Command::new("rustc")
        .args(["--print", "cfg", "--target", triple])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let cfg = String::from_utf8(output.stdout).unwrap();
    let entries = cfg.lines().map(|line| match line.split_once('=') {
        Some((name, value)) => (name, Some(value.trim_matches('"'))),
        None => (line, None),
    });
    let settings = LinkSettings {
        rustc: OLDEST_RUSTC,
        target_cfg: &TargetCfg::new(triple, entries),
        flags: &CodegenFlags::default(),
        profile_lto: false,
        builds_std: false,
        has_linker_wrapper: true,
        rust_dylib: None,
    };
    check_support(&settings).err()
}

#[test]
fn the_examples_are_as_the_compiler_says() {
    let mut count = 0;
    for case in &CASES {
        let example = case.example();
        let Some(triple) = example.strip_prefix("`--target ") else {
            continue;
        };
        assert_eq!(
            reason(triple.trim_end_matches('`')),
            case.reason(),
            "{example}"
        );
        count += 1;
    }
    assert!(count >= 9, "{count}");
}

#[test]
fn linux_with_glibc_is_supported_on_other_processors() {
    for triple in [
        "x86_64-unknown-linux-gnu",
        "aarch64-unknown-linux-gnu",
        "i686-unknown-linux-gnu",
        "powerpc64le-unknown-linux-gnu",
        "riscv64gc-unknown-linux-gnu",
        "s390x-unknown-linux-gnu",
        "armv7-unknown-linux-gnueabihf",
    ] {
        assert_eq!(reason(triple), None, "{triple}");
    }
}
