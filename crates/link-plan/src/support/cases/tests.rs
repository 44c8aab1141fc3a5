//! Each platform, flag and setting, and what is said of it.

use super::*;

/// Cfg as rustc 1.95 prints it.
fn target_cfg(triple: &str) -> TargetCfg {
    let cfg = |arch, vendor, os, env, crt_static| {
        let (width, endian) = match arch {
            "arm" | "wasm32" | "mips" | "x86" => ("32", "little"),
            "s390x" => ("64", "big"),
            "powerpc64" if triple.starts_with("powerpc64-") => ("64", "big"),
            _ => ("64", "little"),
        };
        let width = if triple.ends_with("x32") { "32" } else { width };
        let mut cfg = vec![
            ("unix", None),
            ("target_arch", Some(arch)),
            ("target_pointer_width", Some(width)),
            ("target_endian", Some(endian)),
            ("target_vendor", Some(vendor)),
            ("target_os", Some(os)),
            ("target_env", Some(env)),
            ("target_feature", Some("sse2")),
        ];
        if crt_static {
            cfg.push(("target_feature", Some("crt-static")));
        }
        TargetCfg::new(triple, cfg)
    };
    match triple {
        "aarch64-apple-darwin" => cfg("aarch64", "apple", "macos", "", false),
        "x86_64-pc-windows-msvc" => cfg("x86_64", "pc", "windows", "msvc", true),
        "x86_64-unknown-uefi" => cfg("x86_64", "unknown", "uefi", "", false),
        "aarch64-unknown-linux-gnu" => cfg("aarch64", "unknown", "linux", "gnu", false),
        "riscv64gc-unknown-linux-gnu" => cfg("riscv64", "unknown", "linux", "gnu", false),
        "armv7-unknown-linux-gnueabihf" => cfg("arm", "unknown", "linux", "gnu", false),
        "s390x-unknown-linux-gnu" => cfg("s390x", "ibm", "linux", "gnu", false),
        "i686-unknown-linux-gnu" => cfg("x86", "unknown", "linux", "gnu", false),
        "powerpc64-unknown-linux-gnu" | "powerpc64le-unknown-linux-gnu" => {
            cfg("powerpc64", "unknown", "linux", "gnu", false)
        }
        "mips-unknown-linux-gnu" => cfg("mips", "unknown", "linux", "gnu", false),
        "wasm32-unknown-unknown" => cfg("wasm32", "unknown", "unknown", "", false),
        "wasm32-wasip1" => cfg("wasm32", "unknown", "wasi", "p1", true),
        "thumbv7em-none-eabi" => cfg("arm", "unknown", "none", "", false),
        "x86_64-unknown-freebsd" => cfg("x86_64", "unknown", "freebsd", "", false),
        "aarch64-linux-android" => cfg("aarch64", "unknown", "android", "", false),
        "x86_64-unknown-linux-musl" => cfg("x86_64", "unknown", "linux", "musl", true),
        "x86_64-unknown-linux-none" => cfg("x86_64", "unknown", "linux", "", false),
        "aarch64-unknown-linux-ohos" => cfg("aarch64", "unknown", "linux", "ohos", false),
        _ => cfg("x86_64", "unknown", "linux", "gnu", false),
    }
}

fn check(triple: &str, change: impl Fn(&mut LinkSettings<'_>), flags: &str, expected: &str) {
    let target_cfg = target_cfg(triple);
    check_cfg(&target_cfg, change, flags, expected);
}

fn check_cfg(
    target_cfg: &TargetCfg,
    change: impl Fn(&mut LinkSettings<'_>),
    flags: &str,
    expected: &str,
) {
    let flags = CodegenFlags::parse(flags.split_whitespace());
    let mut settings = LinkSettings {
        rustc: (1, 95),
        target_cfg,
        flags: &flags,
        profile_lto: false,
        builds_std: false,
        has_linker_wrapper: true,
        rust_dylib: None,
    };
    change(&mut settings);
    let actual = match check_support(&settings) {
        Ok(()) => "supported".to_owned(),
        Err(reason) => {
            assert!(!reason.help().is_empty());
            reason.to_string()
        }
    };
    assert_eq!(actual, expected);
}

fn check_platform(triple: &str, expected: &str) {
    check(triple, |_| {}, "", expected);
}

fn check_flags(flags: &str, expected: &str) {
    check(GNU, |_| {}, flags, expected);
}

#[test]
fn each_example_is_its_own_case() {
    for (index, case) in CASES.iter().enumerate() {
        let first = case.with_settings(|settings| {
            CASES
                .iter()
                .position(|case| (case.find)(settings).is_some())
        });
        assert_eq!(first, Some(index), "{}", case.example());
    }
}

#[test]
fn only_linux_with_glibc_is_supported() {
    check_platform(GNU, "supported");
    check_platform("aarch64-unknown-linux-gnu", "supported");
    check_platform(
        "aarch64-apple-darwin",
        "executables for `aarch64-apple-darwin` are Mach-O files, \
         and only ELF files are supported",
    );
    for triple in ["x86_64-pc-windows-msvc", "x86_64-unknown-uefi"] {
        check_platform(
            triple,
            &format!("executables for `{triple}` are PE files, and only ELF files are supported"),
        );
    }
    for triple in ["wasm32-unknown-unknown", "wasm32-wasip1"] {
        check_platform(
            triple,
            &format!(
                "`{triple}` is WebAssembly, where a program is one module \
                 without shared objects"
            ),
        );
    }
    check_platform(
        "thumbv7em-none-eabi",
        "`thumbv7em-none-eabi` is bare metal, where nothing loads shared objects",
    );
    check_platform(
        "x86_64-unknown-freebsd",
        "the operating system `freebsd` of `x86_64-unknown-freebsd` is not supported",
    );
    check_platform(
        "aarch64-linux-android",
        "the operating system `android` of `aarch64-linux-android` is not supported",
    );
    check_platform(
        "aarch64-unknown-linux-ohos",
        "`aarch64-unknown-linux-ohos` uses the C library `ohos`, and only glibc is supported",
    );
    check_platform(
        "x86_64-unknown-linux-none",
        "`x86_64-unknown-linux-none` uses the C library `unknown`, and only glibc is supported",
    );
    check_platform(
        "mips-unknown-linux-gnu",
        "the loader of `mips-unknown-linux-gnu` does not read the hash tables of groups \
         (`.gnu.hash`)",
    );
}

#[test]
fn only_compilers_that_were_tried_are_supported() {
    for (rustc, expected) in [
        ((1, 84), "no group was ever linked with rustc `1.84`"),
        ((1, 9), "no group was ever linked with rustc `1.9`"),
        ((1, 85), "supported"),
        ((1, 100), "supported"),
        ((2, 0), "supported"),
    ] {
        check(GNU, |settings| settings.rustc = rustc, "", expected);
    }
}

#[test]
fn only_processors_that_were_tried_are_supported() {
    for triple in [
        "aarch64-unknown-linux-gnu",
        "armv7-unknown-linux-gnueabihf",
        "i686-unknown-linux-gnu",
        "powerpc64le-unknown-linux-gnu",
        "riscv64gc-unknown-linux-gnu",
        "s390x-unknown-linux-gnu",
    ] {
        check_platform(triple, "supported");
    }
    for (triple, processor) in [
        (
            "powerpc64-unknown-linux-gnu",
            "`powerpc64`, 64 bits, big endian",
        ),
        (
            "x86_64-unknown-linux-gnux32",
            "`x86_64`, 32 bits, little endian",
        ),
    ] {
        check_platform(
            triple,
            &format!(
                "no Rust program with groups was ever run on the processor of `{triple}` ({processor})"
            ),
        );
    }
}

#[test]
fn a_static_c_library_falls_back() {
    check_platform(
        "x86_64-unknown-linux-musl",
        "executables for `x86_64-unknown-linux-musl` link the C library statically \
         (`crt-static`)",
    );
    let gnu = "executables for `x86_64-unknown-linux-gnu` link the C library statically \
               (`crt-static`)";
    check_flags("-C target-feature=+crt-static", gnu);
    let from_cfg = TargetCfg {
        crt_static: true,
        ..target_cfg(GNU)
    };
    check_cfg(&from_cfg, |_| {}, "", gnu);

    let dynamic_musl = TargetCfg {
        crt_static: false,
        ..target_cfg("x86_64-unknown-linux-musl")
    };
    check_cfg(
        &dynamic_musl,
        |_| {},
        "-C target-feature=-crt-static",
        "`x86_64-unknown-linux-musl` uses the C library `musl`, and only glibc is supported",
    );
}

#[test]
fn crates_that_cannot_be_in_a_group_fall_back() {
    let miri = TargetCfg::new(
        GNU,
        [
            ("target_arch", Some("x86_64")),
            ("target_pointer_width", Some("64")),
            ("target_endian", Some("little")),
            ("target_os", Some("linux")),
            ("target_env", Some("gnu")),
            ("miri", None),
        ],
    );
    check_cfg(
        &miri,
        |_| {},
        "",
        "the program runs in Miri, which makes no object code",
    );
    check(
        GNU,
        |settings| settings.builds_std = true,
        "",
        "the standard library is built from source (`-Z build-std`)",
    );
    check(
        GNU,
        |settings| settings.rust_dylib = Some("bevy_dylib"),
        "",
        "the crate `bevy_dylib` is linked as a Rust `dylib`",
    );
}

#[test]
fn code_for_another_kind_of_link_falls_back() {
    check(
        GNU,
        |settings| settings.profile_lto = true,
        "",
        "the profile turns on link-time optimization (`lto`)",
    );
    for (flags, expected) in [
        (
            "-C lto=thin",
            "the flag `-C lto` turns on link-time optimization",
        ),
        (
            "-Clinker-plugin-lto",
            "the flag `-C linker-plugin-lto` leaves bitcode in place of objects",
        ),
        (
            "-C prefer-dynamic",
            "the flag `-C prefer-dynamic` links `std` as a Rust `dylib`",
        ),
        (
            "-C instrument-coverage",
            "the code is instrumented for coverage (`-C instrument-coverage`)",
        ),
        (
            "-C profile-generate=/tmp/profile",
            "the code is instrumented for profiling (`-C profile-generate`)",
        ),
        (
            "-Zsanitizer=address -Zsanitizer=leak",
            "the code is instrumented by a sanitizer (`address,leak`)",
        ),
        (
            "-C relocation-model=static",
            "the code is compiled with `-C relocation-model=static`",
        ),
        (
            "-C relocation-model=pie",
            "the code is compiled with `-C relocation-model=pie`",
        ),
    ] {
        check_flags(flags, expected);
    }
}

#[test]
fn a_platform_may_be_instrumented_by_default() {
    let expected = "the code is instrumented by a sanitizer (`address`)";
    check_platform("x86_64-unknown-linux-gnuasan", expected);
    // As a compiler that allows unstable features says it.
    let entries = [
        ("target_arch", Some("x86_64")),
        ("target_pointer_width", Some("64")),
        ("target_endian", Some("little")),
        ("target_os", Some("linux")),
        ("target_env", Some("gnu")),
        ("sanitize", Some("address")),
    ];
    for triple in [GNU, "x86_64-unknown-linux-gnuasan"] {
        check_cfg(&TargetCfg::new(triple, entries), |_| {}, "", expected);
    }
}

#[test]
fn link_args_for_another_kind_of_executable_fall_back() {
    for link_arg in ["-static", "-static-pie", "-no-pie", "-Wl,-O1,--no-pie"] {
        check_flags(
            &format!("-C link-arg={link_arg}"),
            &format!("the link arg `{link_arg}` decides how the executable is linked"),
        );
    }
    check_flags(
        "-C link-arg=-Wl,-z,now -C link-arg=-static-libgcc -C link-arg=-fuse-ld=mold",
        "supported",
    );
}

#[test]
fn a_program_that_cannot_be_the_linker_links_statically() {
    check(
        GNU,
        |settings| settings.has_linker_wrapper = false,
        "",
        "this program cannot take the place of the linker",
    );
}

#[test]
fn what_only_looks_unfit_is_supported() {
    for flags in [
        "-C lto=off -C linker-plugin-lto=no -C prefer-dynamic=no -C instrument-coverage=0",
        "-C profile-use=/tmp/merged.profdata -C link-dead-code -C relocation-model=pic",
        "-C panic=abort -C linker=clang -C target-cpu=native -C target-feature=-crt-static",
    ] {
        check_flags(flags, "supported");
    }
}
