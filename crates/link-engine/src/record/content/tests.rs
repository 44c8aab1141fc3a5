//! Tests: which contents are removed, and which are kept.

use super::*;

fn key(text: &str) -> ContentKey {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    ContentKey::new(&hasher)
}

#[test]
fn what_nobody_needs_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let files = GroupFiles::new(directory.path(), "dynamic-deps-local-1");
    let current = files.soname(&key("new"));
    let older = files.soname(&key("old"));
    let foreign = GroupFiles::new(directory.path(), "dynamic-deps-local-12").soname(&key("old"));
    for name in [
        &current,
        &older,
        &foreign,
        "dynamic-deps-local-1.json",
        "dynamic-deps-local-1_x.so",
    ] {
        fs::write(directory.path().join(name), b"").unwrap();
    }
    files
        .remove_unneeded(&[&*current].into(), &[directory.path().to_owned()])
        .unwrap();
    let mut left: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let mut expected = vec![
        current,
        foreign,
        "dynamic-deps-local-1.json".to_owned(),
        "dynamic-deps-local-1_x.so".to_owned(),
    ];
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn what_a_killed_job_left_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let files = GroupFiles::new(directory.path(), "dynamic-deps-local-1");
    let leftover = directory
        .path()
        .join(format!(".{}.AbCdEf", files.soname(&key("new"))));
    let foreign = directory.path().join(".dynamic-deps-frozen-1.so.AbCdEf");
    fs::write(&leftover, b"").unwrap();
    fs::write(&foreign, b"").unwrap();
    fs::write(files.manifest(), b"").unwrap();
    files.remove_leftovers().unwrap();
    assert!(!leftover.exists());
    assert!(foreign.exists() && files.manifest().exists());
}

#[test]
fn what_an_executable_needs_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let files = GroupFiles::new(directory.path(), "dynamic-deps-local-1");
    let older = files.soname(&key("old"));
    fs::write(files.content(&older), b"").unwrap();
    let executables = tempfile::tempdir().unwrap();
    let source = executables.path().join("a.c");
    fs::write(&source, "int main(void) { return 0; }").unwrap();
    let needed = executables.path().join(&older);
    let cc = |args: &[&OsStr]| {
        let status = std::process::Command::new("cc")
            .args(args)
            .status()
            .unwrap();
        assert!(status.success());
    };
    let soname = format!("-Wl,-soname,{older}");
    cc(&[
        "-shared".as_ref(),
        "-o".as_ref(),
        needed.as_ref(),
        soname.as_ref(),
    ]);
    cc(&[
        "-o".as_ref(),
        executables.path().join("app").as_ref(),
        source.as_ref(),
        "-Wl,--no-as-needed".as_ref(),
        needed.as_ref(),
    ]);
    let directories = [executables.path().to_owned()];
    files
        .remove_unneeded(&HashSet::new(), &directories)
        .unwrap();
    assert!(files.content(&older).exists());

    fs::remove_file(executables.path().join("app")).unwrap();
    files
        .remove_unneeded(&HashSet::new(), &directories)
        .unwrap();
    assert!(!files.content(&older).exists());
}
