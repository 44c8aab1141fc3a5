//! Tests of the flags of rustc that concern linking.

use super::*;

/// Arguments are separated by single spaces; `~` stands for a space inside one.
fn args(line: &str) -> Vec<String> {
    line.split(' ')
        .filter(|arg| !arg.is_empty())
        .map(|arg| arg.replace('~', " "))
        .collect()
}

fn parse(line: &str) -> CodegenFlags {
    CodegenFlags::parse(args(line))
}

fn check_link_flags(line: &str, expected: &str) {
    let expected: Vec<OsString> = args(expected).into_iter().map(OsString::from).collect();
    assert_eq!(link_flags(args(line)), expected, "{line}");
}

#[test]
fn all_spellings_are_the_same_flag() {
    for line in [
        "-C linker-flavor=gcc",
        "-Clinker-flavor=gcc",
        "-C linker_flavor=gcc",
        "--codegen linker-flavor=gcc",
        "--codegen=linker_flavor=gcc",
    ] {
        assert_eq!(
            parse(line).codegen_value("linker-flavor"),
            Some("gcc"),
            "{line}"
        );
    }
    for line in [
        "-L linker-flavor=gcc",
        "--codegen-units linker-flavor=gcc",
        "-C",
        "",
    ] {
        assert_eq!(parse(line).codegen_value("linker-flavor"), None, "{line}");
    }
}

#[test]
fn the_last_linker_wins_and_keeps_its_equals_signs() {
    let flags = parse("-C linker=cc -O -Clinker=/opt/a=b/clang --cfg x");
    assert_eq!(flags.linker(), Some(OsStr::new("/opt/a=b/clang")));
    // An unstable option of the same name is another option.
    assert_eq!(parse("-Z linker=cc").linker(), None);
}

#[test]
fn link_args_accumulate_in_order() {
    let flags = parse("-C link-arg=-fuse-ld=mold -C link_args=-Wl,-O1~~'a~b' -Clink-arg=a~b");
    assert_eq!(
        flags.link_args(),
        ["-fuse-ld=mold", "-Wl,-O1", "'a", "b'", "a b"]
    );
}

#[test]
fn switches_know_the_words_of_rustc() {
    for word in ["", "=y", "=yes", "=on", "=true", "=fat", "=thin"] {
        assert!(parse(&format!("-C lto{word}")).lto(), "{word}");
    }
    for word in ["n", "no", "off", "false"] {
        assert!(!parse(&format!("-C lto={word}")).lto(), "{word}");
        assert!(!parse(&format!("-C prefer-dynamic={word}")).prefer_dynamic());
        assert!(!parse(&format!("-C instrument-coverage={word}")).instrument_coverage());
    }
    assert!(!parse("-C lto -C lto=off").lto());
    assert!(parse("-Csave-temps").save_temps());
    assert!(!parse("-C save_temps=no").save_temps());
    assert!(!parse("").lto());
    assert!(parse("-C instrument-coverage").instrument_coverage());
    assert!(!parse("-C instrument-coverage=0").instrument_coverage());
    assert!(parse("-C linker-plugin-lto=/usr/lib/plugin.so").linker_plugin_lto());
    // The value is a directory, not a word.
    assert!(parse("-C profile-generate=off").profile_generate());
}

#[test]
fn gathering_keys_keep_all_values() {
    let flags = parse("-Zsanitizer=address,leak -Z sanitizer=cfi");
    assert_eq!(flags.sanitizers(), ["address", "leak", "cfi"]);
    assert!(parse("-C target-feature=+sse3,+crt-static -C target-feature=+avx").crt_static());
    assert!(parse("-C target-feature=+crt-static,-crt-static").crt_static());
    assert!(!parse("-C target-feature=-crt-static").crt_static());
}

#[test]
fn link_flags_are_normalised_and_the_rest_is_dropped() {
    check_link_flags(
        "--crate-name app -C opt-level=3 -Clinker=clang -C link_args=-a~-B/x -Zunstable-options \
         --codegen=link-self-contained=+linker -C link-self-contained -Zlinker_features=-lld \
         --codegen linker_flavor=gnu-lld-cc -Z threads=8 -Clink-arg=-fuse-ld=mold -C lto \
         -C linker-features=-lld -C panic=abort --cfg linker=cc",
        "-C linker=clang -Z unstable-options \
         -C link-self-contained=+linker -C link-self-contained -Z linker-features=-lld \
         -C linker-flavor=gnu-lld-cc -C linker-features=-lld -C panic=abort \
         -C link-arg=-B/x -C link-arg=-fuse-ld=mold",
    );
    check_link_flags(
        "-C link-arg=-Wl,-Map=x.map -C link-arg=-lk -C link-arg=x.o -C link-arg=-Wl,-z,defs \
         -C link-arg=-B -C link-arg=-m64",
        "-C link-arg=-m64",
    );
    check_link_flags(
        "-C link-arg=-rdynamic -C link-args=-Wl,-E~-Xlinker~--export-dynamic",
        "-C link-arg=-rdynamic -C link-arg=-Wl,-E",
    );
    check_link_flags(
        "-C link-arg=-rdynamic -C link-arg=-Wl,--exclude-libs,ALL",
        "",
    );
    check_link_flags(
        "-C link-args=-target~x-y~--gcc-toolchain=/g~-specs=s~-o~x -C link-arg=-B -C link-arg=/b",
        "-C link-arg=-target -C link-arg=x-y -C link-arg=--gcc-toolchain=/g \
         -C link-arg=-specs=s -C link-arg=-B -C link-arg=/b",
    );
    check_link_flags("-C debuginfo=2 -g", "");
    check_link_flags(
        "-L /a -Lnative=/b -C link-arg=-L/c -O -L all=/d -L dependency=/e -Lcrate=/f -L",
        "-C link-arg=-L/c -L /a -L native=/b -L all=/d",
    );
}

#[cfg(unix)]
#[test]
fn what_is_not_unicode_is_passed_over() {
    use std::os::unix::ffi::OsStrExt;

    let bytes: [&[u8]; 4] = [b"-C", b"linker=\xff", b"-Clinker=\xff", b"-Clinker=cc"];
    let flags = CodegenFlags::parse(bytes.map(OsStr::from_bytes));
    assert_eq!(flags.linker(), Some(OsStr::new("cc")));
}
