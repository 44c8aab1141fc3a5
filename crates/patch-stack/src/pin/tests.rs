use super::*;

const LOCK: &str = r#"
version = 4
[[package]]
name = "cargo"
version = "0.98.0"
checksum = "ab"
[[package]]
name = "pin"
version = "0.0.0"
"#;

#[test]
fn lock_gives_version_and_checksum() {
    let locked = parse_locked(LOCK, "cargo").unwrap();
    assert_eq!(
        (locked.version.as_str(), locked.checksum.as_str()),
        ("0.98.0", "ab")
    );
    let error = |name| parse_locked(LOCK, name).err().unwrap().to_string();
    assert_eq!(error("pin"), "package `pin` has no checksum");
    assert_eq!(error("curl"), "package `curl` is not locked");
}

#[test]
fn the_manifest_gets_another_version() {
    let manifest = "[dependencies]\ncargo = \"=0.98.0\"\n# Both.\ncargo-util = \"=1.0.0\"\n";
    assert_eq!(
        with_version(manifest, "cargo", Some("0.99.0")),
        manifest.replace("0.98.0", "0.99.0")
    );
    assert_eq!(
        with_version(manifest, "cargo-util", None),
        "[dependencies]\ncargo = \"=0.98.0\"\n# Both.\n"
    );
}

#[test]
fn archive_lies_in_the_cache() {
    let metadata = |manifest: &str| {
        serde_json::json!({"packages": [
            {"name": "cargo", "version": "0.97.0", "manifest_path": "/old/Cargo.toml"},
            {"name": "cargo", "version": "0.98.0", "manifest_path": manifest},
        ]})
    };
    let cached = metadata("/home/me/.cargo/registry/src/index-123/cargo-0.98.0/Cargo.toml");
    assert_eq!(
        archive_path(&cached, "cargo", "0.98.0").unwrap(),
        Path::new("/home/me/.cargo/registry/cache/index-123/cargo-0.98.0.crate")
    );
    let vendored = metadata("/project/vendor/cargo/Cargo.toml");
    let error = archive_path(&vendored, "cargo", "0.98.0").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`/project/vendor/cargo/Cargo.toml`"),
        "{error}"
    );
}

#[test]
fn wrong_checksum_names_everything() {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("cargo-0.98.0.crate");
    fs::write(&archive, "edited").unwrap();
    let locked = parse_locked(LOCK, "cargo").unwrap();
    let error = read_verified(&archive, "cargo", &locked).unwrap_err();
    let expected = format!(
        "package `cargo` 0.98.0 is not the one that is pinned\nfile: `{}`\nexpected sha256: `ab`\n\
         found sha256: `{}`\nhelp: remove the file, then run the command again",
        archive.display(),
        hex(&Sha256::digest("edited")),
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn archive_is_laid_at_its_place() {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, content) in [
        ("p-1.0.0/Cargo.toml", 0o644, "[package]"),
        ("p-1.0.0/Cargo.toml.orig", 0o644, "original"),
        ("p-1.0.0/ci/run.sh", 0o755, "#!/bin/sh\r\n"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        builder
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    let mut archive = Vec::new();
    let tar = builder.into_inner().unwrap();
    flate2::bufread::GzEncoder::new(&tar[..], flate2::Compression::fast())
        .read_to_end(&mut archive)
        .unwrap();
    let package = PinnedPackage {
        name: "p",
        place: "crates/p/",
    };
    let files = unpack(&archive, &package, "1.0.0").unwrap();
    let found: Vec<_> = files
        .iter()
        .map(|(path, file)| (path.as_str(), file.mode, file.content.as_slice()))
        .collect();
    assert_eq!(
        found,
        [
            ("crates/p/Cargo.toml", Mode::Regular, &b"[package]"[..]),
            (
                "crates/p/ci/run.sh",
                Mode::Executable,
                &b"#!/bin/sh\r\n"[..]
            ),
        ]
    );
    assert!(unpack(&archive, &package, "1.0.1").is_err());
}
