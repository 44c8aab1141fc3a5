//! Malformed input: the engine refuses it with the name of the file, and never panics. The tests
//! call the bodies of the fuzz targets with systematic damage, and with the fuzzer's findings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use link_engine::for_tests::DynamicInfo;
use link_engine::for_tests::bind;
use link_engine::for_tests::rebind::{Below, Obstacle, Renamed, Unbound, undo_patches};
use link_engine::for_tests::response_file;
use link_engine::for_tests::seal;
use link_engine::for_tests::versions;
use link_engine::for_tests::{KnownRlib, RlibFacts, Stamp, undefined_among};
use link_engine::for_tests::{Wanted, open_references, stub_bytes, write_stub};
use link_engine::record::{GroupManifest, read_json};
use programs::{are_missing, rust_programs};
use tempfile::TempDir;

mod programs;

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub)]
mod fuzz;

const SOURCE: &str = r#"
#ifdef ABOVE
    extern int below __asm__("_RNvCs1_1a1b");
    extern int exported(void);
    int *place = &below;
    int (*function)(void) = &exported;
    static int own;
    int *relative[] = { &own, &own };
    int call(void) { return exported(); }
#else
#ifdef SECOND
    int more[20] = { 1 };
#endif
    __attribute__((visibility("hidden"))) int hidden = 1;
    __attribute__((section("gathered"))) int element = 3;
    extern int wanted(void);
    int exported(void) { return wanted() + hidden + element; }
    int mangled __asm__("_RNvCs1_1a1b") = 4;
    int *reference = &mangled;
    int taken(void) __asm__("_RNvCs1_7___rustc5taken");
    int given(void) __asm__("_RNvCs1_7___rustc5given");
    int given(void) { return taken(); }
#endif
"#;

/// The output of `cc` for the source with these options.
fn compiled(options: &[&str]) -> Vec<u8> {
    compiled_by(&mut Command::new("cc"), options)
}

/// What a compiler makes of the source with these options.
fn compiled_by(compiler: &mut Command, options: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("source.c");
    let output = directory.path().join("output");
    fs::write(&source, SOURCE).unwrap();
    fs::write(directory.path().join("versions"), versions::SCRIPT).unwrap();
    let status = compiler
        .current_dir(directory.path())
        .args(["-fPIC", "-O1"])
        .args(options)
        .arg(&source)
        .arg("-o")
        .arg(&output)
        .status();
    assert!(status.unwrap().success());
    fs::read(output).unwrap()
}

/// Options that make a small shared object, without space between segments.
const SHARED: [&str; 6] = [
    "-shared",
    "-nostdlib",
    "-s",
    "-Wl,-z,max-page-size=32,-z,noseparate-code",
    "-Wl,--hash-style=gnu",
    "-Wl,--version-script=versions",
];

fn object() -> Vec<u8> {
    compiled(&["-c"])
}

fn shared_object() -> Vec<u8> {
    compiled(&[&SHARED[..], &["-Wl,-soname,s.so"]].concat())
}

/// A group with the soname `so.so`, and another content of it, in which all addresses differ.
fn groups() -> [Vec<u8>; 2] {
    groups_by(compiled)
}

fn groups_by(compiled: impl Fn(&[&str]) -> Vec<u8>) -> [Vec<u8>; 2] {
    ["-DFIRST", "-DSECOND"].map(|version| {
        let mut group = compiled(&[&SHARED[..], &["-Wl,-soname,so.so", version]].concat());
        for patch in seal::seal_patches(&group, &fuzz::private()).unwrap() {
            let start = patch.offset as usize;
            group[start..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
        }
        group
    })
}

/// A shared object with the soname `a.so` that refers to such a group.
fn above(group: &[u8]) -> Vec<u8> {
    above_by(compiled, group)
}

fn above_by(compiled: impl Fn(&[&str]) -> Vec<u8>, group: &[u8]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let stub = directory.path().join("so.so");
    let bytes = stub_bytes(group, "so.so", Wanted::All.into(), &[]).unwrap();
    fs::write(&stub, bytes.unwrap()).unwrap();
    let stub = stub.to_str().unwrap();
    compiled(
        &[
            &SHARED[..],
            &["-DABOVE", "-Wl,-soname,a.so", "-Wl,--no-as-needed", stub],
        ]
        .concat(),
    )
}

/// Calls `target` with each beginning of `data`, and with each byte changed in several ways.
fn damage(data: &[u8], target: impl Fn(&[u8])) {
    for end in 0..data.len() {
        target(&data[..end]);
    }
    let mut damaged = data.to_vec();
    for index in 0..data.len() {
        for value in [0, 0xff, data[index].wrapping_add(1), data[index] ^ 0x80] {
            damaged[index] = value;
            target(&damaged);
        }
        damaged[index] = data[index];
    }
}

#[test]
fn a_damaged_object_is_read_or_refused() {
    damage(&object(), fuzz::object);
}

#[test]
fn a_damaged_shared_object_is_read_or_refused() {
    let shared_object = shared_object();
    // There is something to damage.
    let private = fuzz::private();
    assert_eq!(
        seal::seal_patches(&shared_object, &private).unwrap().len(),
        3
    );
    assert_eq!(bind::bind_patches(&shared_object, &[]).unwrap().len(), 1);
    damage(&shared_object, fuzz::object);
}

#[test]
fn a_damaged_shared_object_is_bound_anew_or_refused() {
    let [old, new] = groups();
    let above = above(&old);
    let rebind = |data: &[u8]| fuzz::rebind(data, &old, &new);
    // There is something to damage.
    let (unbound, patches) = Unbound::of(&above, &[("so.so", &old)]).unwrap();
    assert_eq!(patches.len(), 2);
    assert_eq!(unbound, Unbound::parse(&unbound.to_bytes()).unwrap());
    damage(&above, rebind);
    damage(&new, |new| fuzz::rebind(&above, &old, new));
    damage(&unbound.to_bytes(), fuzz::unbound);
}

#[test]
fn a_damaged_shared_object_with_slots_is_bound_anew_or_refused() {
    let test = "a_damaged_shared_object_with_slots_is_bound_anew_or_refused";
    if are_missing(test, &["clang"]) {
        return;
    }
    let lld = format!("-B{}", rust_programs().join("gcc-ld").display());
    let compiled = |options: &[&str]| {
        let mut clang = Command::new("clang");
        clang.args(["--target=aarch64-linux-gnu", &lld, "-fuse-ld=lld"]);
        clang.arg("-Wl,-z,now,-z,pack-relative-relocs");
        compiled_by(&mut clang, options)
    };
    let [old, new] = groups_by(compiled);
    let above = above_by(compiled, &old);
    // There is something to damage: the need of a layout, the table, four entries of the dynamic section, and three
    // section headers.
    let (unbound, patches) = Unbound::of(&above, &[("so.so", &old)]).unwrap();
    assert_eq!(patches.len(), 9);
    assert_eq!(unbound, Unbound::parse(&unbound.to_bytes()).unwrap());
    let bound = fuzz::patched(&above, &patches);
    let same = |name| Renamed {
        old: name,
        new: name,
    };
    let below = Below {
        soname: same("so.so"),
        layout: fuzz::layout_name(&old).map(same),
        bytes: &old,
    };
    let undone = undo_patches(&bound, &unbound, same("a.so"), &[below]).unwrap();
    assert!(fuzz::patched(&bound, &undone) == above);
    damage(&above, |data| fuzz::rebind(data, &old, &new));
}

#[test]
fn what_is_damaged_beside_a_shared_object_is_told() {
    let [old, _] = groups();
    let mut above = above(&old);
    let (unbound, patches) = Unbound::of(&above, &[("so.so", &old)]).unwrap();
    for patch in patches {
        above[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
    let soname = Renamed {
        old: "a.so",
        new: "b.so",
    };
    damage(&unbound.to_bytes(), |bytes| {
        let damaged = Unbound::parse(bytes).filter(|damaged| *damaged != unbound);
        if let Some(damaged) = damaged {
            let undone = undo_patches(&above, &damaged, soname, &[]);
            assert_eq!(undone, Err(Obstacle::OtherFile));
        }
    });
}

#[test]
fn a_damaged_rlib_is_read_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let object_file = directory.path().join("object-with-a-long-name.o");
    let rlib = directory.path().join("lib.rlib");
    fs::write(&object_file, object()).unwrap();
    let status = Command::new("ar")
        .arg("crs")
        .args([&rlib, &object_file])
        .status();
    assert!(status.unwrap().success());
    damage(&fs::read(rlib).unwrap(), fuzz::rlib);
}

#[test]
fn damaged_text_is_read_or_refused() {
    damage(
        b"-o 'a b' \"c\\\"d\" e\\ f\n@file ''\t-lc\r\n",
        fuzz::response_file,
    );
    damage(
        b"app.rcgu.o\n-Wl,--as-needed\n/t/libdep-1.rlib\n-lz\n-L\n/tmp/rustcAbCdEf/raw-dylibs\n-o\n/t/app",
        fuzz::link_line,
    );
    for (_, text) in samples("messages") {
        damage(&text, fuzz::messages);
    }
}

/// Well-formed files that the fuzz target of this name starts from.
fn samples(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/samples");
    let entries = fs::read_dir(directory.join(target)).unwrap();
    let samples = entries.map(|entry| {
        let path = entry.unwrap().path();
        let text = fs::read(&path).unwrap();
        (path, text)
    });
    samples.collect()
}

#[test]
fn a_damaged_file_of_the_engine_is_read_or_refused() {
    let samples = samples("manifest");
    assert!(samples.len() > 4);
    for (path, text) in samples {
        // There is something to damage.
        assert_eq!(fuzz::files_of_this_form(&text), 1, "{}", path.display());
        damage(&text, fuzz::manifest);
    }
}

#[test]
fn damaged_facts_are_read_or_refused() {
    // They have a check, so that no file can hold them for all versions of the engine.
    let directory = tempfile::tempdir().unwrap();
    let rlib = directory.path().join("lib.rlib");
    fs::write(&rlib, "!<arch>\n").unwrap();
    let (facts, hash) = RlibFacts::read(&rlib).unwrap();
    let stamp = Some(Stamp::of_file(&rlib).unwrap());
    let known = serde_json::to_string(&KnownRlib { stamp, hash, facts }).unwrap();
    let stored = format!(
        r#"[{{"key":1,"name":"a 1.0.0","rlib":"liba-1.rlib","dependencies":[["libb-1.rlib","01"]],
        "native_search":["/o"],"native_libraries":["static=a"],"effect":"z","known":{known}}}]"#
    );
    for text in [known, stored] {
        assert_eq!(fuzz::files_of_this_form(text.as_bytes()), 1, "{text}");
        damage(text.as_bytes(), fuzz::manifest);
    }
}

/// A file with this content.
fn file(name: &str, content: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    (directory, path)
}

#[track_caller]
fn names_the_file<T>(result: link_engine::Result<T>, path: &Path) {
    let error = result.err().expect("the file is malformed").to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
}

#[test]
fn an_error_names_the_file() {
    let mut damaged = object();
    // The offset of the section headers (ELF gABI, `e_shoff`).
    damaged[40..48].fill(0xff);
    let (_directory, path) = file("object.o", &damaged);
    names_the_file(DynamicInfo::read(&path), &path);
    names_the_file(open_references(&path, &[]), &path);
    names_the_file(
        write_stub(&path, "s.so", Wanted::All.into(), &[], &path),
        &path,
    );
    names_the_file(RlibFacts::read(&path), &path);
    names_the_file(bind::bind(&path, &[]), &path);
    names_the_file(seal::seal(&path, &fuzz::private()), &path);
    names_the_file(Unbound::bind(&path, &[]), &path);
    names_the_file(Unbound::read(&path), &path);

    let mut archive = b"!<arch>\n".to_vec();
    let header = format!("{:<16}{:<32}{:<10}`\n", "object.o/", "", damaged.len());
    archive.extend(header.bytes());
    archive.extend(&damaged);
    archive.truncate(archive.len() - 1);
    let (_directory, path) = file("lib.rlib", &archive);
    names_the_file(RlibFacts::read(&path), &path);
    names_the_file(undefined_among(&path, &[].into()), &path);

    let (_directory, path) = file("group.json", b"{\"group\": 1}");
    names_the_file(GroupManifest::read(&path), &path);
    names_the_file(read_json::<Vec<String>>(&path), &path);

    let (_directory, path) = file("arguments", b"'open");
    let reference = format!("@{}", path.display());
    names_the_file(response_file::expand([reference.into()]), &path);
}
