//! The archive: sorted entries, one time, no owner, and a checksum beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// A file of the archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_executable: bool,
}

/// Files by their paths in the archive.
pub(crate) type Files = BTreeMap<String, File>;

/// Packs files into `<directory>.tar.xz` in `output`, below one directory of that name, and writes the checksum.
pub(crate) fn write(output: &Path, directory: &str, files: Files, time: u64) -> Result<PathBuf> {
    fs::create_dir_all(output)
        .with_context(|| format!("failed to create `{}`", output.display()))?;
    let name = format!("{directory}.tar.xz");
    let packed = compress(&tar(directory, files, time)?)?;
    let path = output.join(&name);
    let checksum = output.join(format!("{name}.sha256"));
    fs::write(&path, &packed).with_context(|| format!("failed to write `{}`", path.display()))?;
    let digest: String = Sha256::digest(&packed)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fs::write(&checksum, format!("{digest}  {name}\n"))
        .with_context(|| format!("failed to write `{}`", checksum.display()))?;
    Ok(path)
}

fn tar(directory: &str, files: Files, time: u64) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, file) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(file.bytes.len() as u64);
        header.set_mode(if file.is_executable { 0o755 } else { 0o644 });
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, format!("{directory}/{path}"), &file.bytes[..])?;
    }
    Ok(builder.into_inner()?)
}

/// Compresses by xz in one thread, which gives the same bytes on any number of cores.
fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut xz = Command::new("xz")
        .args(["--compress", "--stdout", "--threads=1", "-9"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to run `xz`\nhelp: install it (Debian: xz-utils)")?;
    let mut input = xz.stdin.take().context("xz has no input")?;
    let output = std::thread::scope(|scope| {
        let writer = scope.spawn(move || input.write_all(bytes));
        let output = xz.wait_with_output();
        (writer.join(), output)
    });
    let (written, output) = output;
    let output = output.context("failed to read what xz prints")?;
    ensure!(output.status.success(), "xz failed ({})", output.status);
    written
        .map_err(|_| anyhow::anyhow!("failed to give xz its input"))?
        .context("failed to give xz its input")?;
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        let file = |text: &str, is_executable| File {
            bytes: text.as_bytes().to_vec(),
            is_executable,
        };
        [
            ("b/cargo".to_owned(), file("program", true)),
            ("a".to_owned(), file("text", false)),
        ]
        .into()
    }

    #[test]
    fn the_same_files_make_the_same_archive() {
        let one = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let path = write(one.path(), "dist-1", files(), 7).unwrap();
        let again = write(other.path(), "dist-1", files(), 7).unwrap();
        assert_eq!(fs::read(&path).unwrap(), fs::read(&again).unwrap());

        let status = Command::new("sha256sum")
            .current_dir(one.path())
            .args(["--check", "--status", "dist-1.tar.xz.sha256"])
            .status()
            .unwrap();
        assert!(status.success());
        let list = Command::new("tar")
            .arg("-tvf")
            .arg(&path)
            .env("TZ", "UTC")
            .output()
            .unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        let list: Vec<&str> = list.lines().collect();
        let [a, cargo] = list[..] else {
            panic!("{list:?}");
        };
        assert!(
            a.starts_with("-rw-r--r-- 0/0") && a.ends_with("1970-01-01 00:00 dist-1/a"),
            "{a}"
        );
        assert!(
            cargo.starts_with("-rwxr-xr-x 0/0") && cargo.ends_with(" dist-1/b/cargo"),
            "{cargo}"
        );
    }
}
