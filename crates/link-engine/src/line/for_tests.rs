//! A link line for tests, and the template of links with only the C library.

use std::ffi::OsString;

use super::template::LinkTemplate;

/// As rustc 1.95 writes it for a program that uses one crate, less the crates
/// behind std.
pub(crate) const LINE: &str = "-m64 /tmp/rustcAbCdEf/symbols.o app.rcgu.o -Wl,--as-needed -Wl,-Bstatic \
    /t/deps/libdep-1.rlib /s/lib/libstd-2.rlib /s/lib/libcompiler_builtins-3.rlib \
    -Wl,-Bdynamic -lgcc_s -lc -L /tmp/rustcAbCdEf/raw-dylibs -B/s/gcc-ld -fuse-ld=lld \
    -Wl,--eh-frame-hdr -L /s/lib -o /t/deps/app-4 -Wl,--gc-sections -pie -nodefaultlibs";

pub(crate) fn template() -> LinkTemplate {
    LinkTemplate {
        linker: "cc".into(),
        before: Vec::new(),
        after: vec!["-lc".into()],
        builtins: Vec::new(),
        builtin_definitions: Default::default(),
        platform_libraries: Vec::new(),
        packs_relocations: false,
    }
}

pub(crate) fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

pub(crate) fn text(args: &[OsString]) -> String {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    words.join(" ")
}
