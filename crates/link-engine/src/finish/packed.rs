//! Packed relative relocations.
//!
//! Most relocations of a group are relative: the loader adds the address of the file to a word
//! in it. Each takes 24 bytes of a table that the loader reads at each start. A packed one takes
//! one bit instead (ELF gABI, SHT_RELR).
//!
//! glibc understands them since 2.36. Since then it defines the version `GLIBC_ABI_DT_RELR`, and
//! refuses a file with packed relocations that does not need this version (`_dl_check_map_versions`
//! in `elf/dl-version.c`). An older glibc refuses a file that needs it. Linkers write that need
//! only if the file needs the C library anyway (lld 22, `VersionNeedSection`), and some never do
//! (mold 1.10).

use std::path::Path;

use object::read::elf::Version;

use crate::elf::versions;
use crate::elf::{DynamicInfo, ElfClass, with_class};
use crate::system::files;
use crate::{Error, Result};

/// The C library that has to understand packed relocations.
pub(crate) const C_LIBRARY: &str = "libc.so.6";

/// Linker option that packs relative relocations. (GNU ld 2.38, lld 15, mold and wild have it. gold
/// refuses it, and other linkers that do not know it warn.)
pub(crate) const PACK: [&str; 2] = ["-z", "pack-relative-relocs"];

/// Linker option that takes back [`PACK`].
pub(crate) const UNPACK: [&str; 2] = ["-z", "nopack-relative-relocs"];

/// Size of the members of a group, in bytes, from which on we pack relocations. A smaller group has
/// tables of a few pages, and it may need nothing of the C library, so that we would have to link
/// it again.
pub(crate) const PAYS_FROM: u64 = 1 << 20;

const VERSION: &[u8] = b"GLIBC_ABI_DT_RELR";

/// Whether a C library understands packed relocations.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn are_understood_by(c_library: &Path) -> Result<bool> {
    has_version(c_library, |version| version.file().is_none())
}

/// Whether the loader takes a shared object with its packed relocations, if it has any.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn is_loadable(shared_object: &Path) -> Result<bool> {
    Ok(!are_in(shared_object)? || has_version(shared_object, |version| version.file().is_some())?)
}

/// Whether a shared object has packed relocations.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn are_in(shared_object: &Path) -> Result<bool> {
    let info = DynamicInfo::read(shared_object)?;
    Ok(info.is_some_and(|info| info.has_packed_relocations))
}

/// Whether a file has the version in a way that `is_wanted`: a version that it needs names the file
/// that defines it.
fn has_version(file: &Path, is_wanted: fn(&Version<'_>) -> bool) -> Result<bool> {
    let data = files::map(file)?;
    let has_version = with_class!(&data[..], has_version_in(&data, is_wanted));
    has_version
        .map(Option::unwrap_or_default)
        .map_err(Error::object(file))
}

fn has_version_in<Class: ElfClass>(
    data: &[u8],
    is_wanted: fn(&Version<'_>) -> bool,
) -> object::read::Result<bool> {
    let header = Class::parse(data)?;
    let endian = header.endian()?;
    let versions = header.sections(endian, data)?.versions(endian, data)?;
    let versions = versions.unwrap_or_default();
    let mut all = versions::all(&versions);
    Ok(all.any(|(_, version)| version.name() == VERSION && is_wanted(&version)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    /// A shared object with a relative relocation.
    fn shared_object(directory: &Path, name: &str, args: &[&str]) -> PathBuf {
        let source = directory.join("library.c");
        let text = "int puts(const char *); static int it; int *place = &it;\n\
                    #ifdef CALL\nvoid call(void) { puts(\"\"); }\n#endif\n";
        fs::write(&source, text).unwrap();
        let output = directory.join(name);
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-o"]).arg(&output);
        let status = command.arg(&source).args(args).status();
        assert!(status.unwrap().success());
        output
    }

    #[test]
    fn packed_relocations_are_loadable_where_the_c_library_is_asked_for_them() {
        let directory = tempfile::tempdir().unwrap();
        let make = |name, args: &[&str]| shared_object(directory.path(), name, args);
        let pack = format!("-Wl,{}", PACK.join(","));
        let plain = make("plain.so", &["-nostdlib"]);
        assert!(is_loadable(&plain).unwrap() && !are_in(&plain).unwrap());
        let alone = make("alone.so", &["-nostdlib", &pack]);
        assert!(!is_loadable(&alone).unwrap());
        let unpacked = format!("-Wl,{}", UNPACK.join(","));
        let unpacked = make("unpacked.so", &["-nostdlib", &pack, &unpacked]);
        assert!(is_loadable(&unpacked).unwrap());
        let calling = make("calling.so", &["-DCALL", &pack]);
        assert!(is_loadable(&calling).unwrap() && are_in(&calling).unwrap());
    }

    #[test]
    fn only_a_c_library_says_that_it_understands_them() {
        let directory = tempfile::tempdir().unwrap();
        let pack = format!("-Wl,{}", PACK.join(","));
        // It needs the version, and does not define it.
        let calling = shared_object(directory.path(), "calling.so", &["-DCALL", &pack]);
        assert!(!are_understood_by(&calling).unwrap());
        let script = directory.path().join("script");
        fs::write(&script, "GLIBC_ABI_DT_RELR { global: place; };").unwrap();
        let script = format!("-Wl,--version-script={}", script.display());
        let defining = shared_object(directory.path(), "defining.so", &["-nostdlib", &script]);
        assert!(are_understood_by(&defining).unwrap());
    }
}
