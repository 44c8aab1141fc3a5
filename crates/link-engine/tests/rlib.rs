//! Reading rlibs: real object files of a C compiler in real archives.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use link_engine::for_tests::{RlibFacts, copy_with_protected_symbols, undefined_among};
use tempfile::TempDir;

/// An archive with one object, compiled from `source`. Its archive member has the
/// name `member`, by which rustc's own objects are told from others.
fn archive(source: &str, member: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let c = directory.path().join("source.c");
    let object = directory.path().join(member);
    let rlib = directory.path().join("libsample-0123.rlib");
    std::fs::write(&c, source).unwrap();
    run(Command::new("cc")
        .args(["-c", "-fPIC", "-O1"])
        .arg(&c)
        .arg("-o")
        .arg(&object));
    run(Command::new("ar").arg("crs").arg(&rlib).arg(&object));
    (directory, rlib)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn facts(rlib: &Path) -> RlibFacts {
    RlibFacts::read(rlib).unwrap().0
}

const HIDDEN: &str = r#"
    __attribute__((visibility("hidden"))) int hidden_variable = 1;
    __attribute__((visibility("hidden"))) int hidden_function(void) { return hidden_variable; }
    int visible_function(void) { return hidden_function(); }
"#;

#[test]
fn hidden_symbols_of_c_become_protected_in_a_copy() {
    let (directory, rlib) = archive(HIDDEN, "native.o");
    let facts = facts(&rlib);
    assert_eq!(facts.hidden_definitions.len(), 2);
    assert!(facts.hidden_references.is_empty());

    let before = std::fs::read(&rlib).unwrap();
    let copy = directory.path().join("copy.rlib");
    copy_with_protected_symbols(&rlib, &facts, &copy).unwrap();
    assert_eq!(std::fs::read(&rlib).unwrap(), before);

    let symbols = run(Command::new("readelf").arg("-sW").arg(&copy));
    for name in ["hidden_variable", "hidden_function"] {
        let line = symbols.lines().find(|line| line.ends_with(name)).unwrap();
        assert!(line.contains("GLOBAL PROTECTED"), "{line}");
    }
    assert!(!symbols.contains("HIDDEN"), "{symbols}");
    assert!(!RlibFacts::read(&copy).unwrap().0.has_hidden_symbols());
}

#[test]
fn hidden_references_become_ordinary_ones() {
    let (directory, rlib) = archive(
        "__attribute__((visibility(\"hidden\"))) int elsewhere(void);
         int call(void) { return elsewhere(); }",
        "native.o",
    );
    let facts = facts(&rlib);
    assert_eq!(facts.hidden_references.len(), 1);
    let copy = directory.path().join("copy.rlib");
    copy_with_protected_symbols(&rlib, &facts, &copy).unwrap();
    let symbols = run(Command::new("readelf").arg("-sW").arg(&copy));
    let line = symbols
        .lines()
        .find(|line| line.ends_with("elsewhere"))
        .unwrap();
    assert!(line.contains("GLOBAL DEFAULT  UND"), "{line}");
}

#[test]
fn definitions_that_could_clash_are_seen() {
    let (_directory, rlib) = archive(
        "int visible(void) { return 1; }
         __attribute__((visibility(\"hidden\"))) int hidden(void) { return 2; }
         static int local(void) { return 3; }
         int use(void) { return local(); }
         int mangled(void) __asm__(\"_RNvCs0_4some4name\");
         int mangled(void) { return 4; }",
        "native.o",
    );
    let names: Vec<String> = facts(&rlib).unmangled_definitions.into_iter().collect();
    assert_eq!(names, ["hidden", "use", "visible"]);
}

#[test]
fn weak_definitions_are_seen() {
    let source = "__attribute__((weak)) int hook(void) { return 1; }";
    let (_directory, rlib) = archive(source, "native.o");
    assert_eq!(facts(&rlib).weak_definition.as_deref(), Some("hook"));
    let (_directory, rlib) = archive(
        "__attribute__((weak)) int hook(void); int call(void) { return hook ? hook() : 0; }",
        "native.o",
    );
    assert_eq!(facts(&rlib).weak_definition, None);
}

#[test]
fn an_allocator_is_seen() {
    let source = "void *alloc(void) __asm__(\"_RNvCsab_7___rustc12___rust_alloc\");";
    let (_directory, rlib) = archive(
        &format!("{source} void *alloc(void) {{ return 0; }}"),
        "sample.rcgu.o",
    );
    assert!(facts(&rlib).provides_allocator);
    let (_directory, rlib) = archive(
        &format!("{source} void *call(void) {{ return alloc(); }}"),
        "sample.rcgu.o",
    );
    assert!(!facts(&rlib).provides_allocator);
}

#[test]
fn a_copy_exports_what_was_hidden() {
    let (directory, rlib) = archive(HIDDEN, "native.o");
    let copy = directory.path().join("copy.rlib");
    copy_with_protected_symbols(&rlib, &facts(&rlib), &copy).unwrap();
    let shared = directory.path().join("group.so");
    run(Command::new("cc")
        .arg("-shared")
        .arg("-o")
        .arg(&shared)
        .arg("-Wl,--whole-archive")
        .arg(&copy)
        .arg("-Wl,--no-whole-archive"));
    let exported = run(Command::new("nm").arg("-D").arg(&shared));
    assert!(exported.contains(" hidden_function"), "{exported}");
    assert!(exported.contains(" hidden_variable"), "{exported}");
}

#[test]
fn what_rustc_hides_stays_hidden() {
    let (_directory, rlib) = archive(HIDDEN, "sample.0123-cgu.0.rcgu.o");
    assert!(!facts(&rlib).has_hidden_symbols());
}

#[test]
fn constructors_are_seen() {
    let (_directory, rlib) = archive(
        "int started; __attribute__((constructor)) static void start(void) { started = 1; }",
        "sample.rcgu.o",
    );
    assert!(facts(&rlib).runs_by_itself);
    let (_directory, rlib) = archive("void plain(void) {}", "sample.rcgu.o");
    assert!(!facts(&rlib).runs_by_itself);
}

#[test]
fn gathered_sections_are_seen() {
    let (_directory, rlib) = archive(
        "__attribute__((section(\"linkme_ROUTES\"), used)) static int element;",
        "sample.rcgu.o",
    );
    assert_eq!(
        facts(&rlib).gathered_sections,
        BTreeSet::from(["linkme_ROUTES".to_owned()])
    );
}

#[test]
fn undefined_symbols_are_found_by_name() {
    let (_directory, rlib) = archive(
        "int missing(void); int other(void); int f(void) { return missing() + other(); }",
        "sample.rcgu.o",
    );
    let found = undefined_among(&rlib, &BTreeSet::from(["missing", "f"])).unwrap();
    assert_eq!(found, BTreeSet::from(["missing".to_owned()]));
}

#[test]
fn what_is_no_object_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let bitcode = directory.path().join("sample.bc");
    let rlib = directory.path().join("libsample-0123.rlib");
    std::fs::write(&bitcode, b"BC\xc0\xde and more").unwrap();
    run(Command::new("ar").arg("crs").arg(&rlib).arg(&bitcode));
    assert_eq!(facts(&rlib).foreign_member.as_deref(), Some("sample.bc"));
}

#[test]
fn a_broken_file_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libbroken-1.rlib");
    std::fs::write(&path, b"no archive").unwrap();
    let error = RlibFacts::read(&path).unwrap_err();
    assert!(error.to_string().contains("libbroken-1.rlib"), "{error}");

    let missing = directory.path().join("missing.rlib");
    let error = RlibFacts::read(&missing).unwrap_err();
    assert!(error.to_string().starts_with("failed to open"), "{error}");
}

#[test]
fn a_broken_member_is_no_concern_of_a_link_without_it() {
    let (_directory, rlib) = archive(HIDDEN, "native.o");
    let mut bytes = std::fs::read(&rlib).unwrap();
    // The section table of the only member lies outside of it.
    let object = bytes
        .windows(4)
        .position(|window| window == b"\x7fELF")
        .unwrap();
    bytes[object + 0x28..object + 0x30].copy_from_slice(&u64::MAX.to_le_bytes());
    std::fs::write(&rlib, bytes).unwrap();
    assert_eq!(facts(&rlib).foreign_member.as_deref(), Some("native.o"));
}

#[test]
fn any_change_of_the_file_changes_its_hash() {
    let (_directory, rlib) = archive("int a;", "native.o");
    let (_, before) = RlibFacts::read(&rlib).unwrap();
    let mut bytes = std::fs::read(&rlib).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&rlib, bytes).unwrap();
    let (_, after) = RlibFacts::read(&rlib).unwrap();
    assert_ne!(before, after);
}

#[test]
fn what_any_number_of_files_define_is_seen() {
    let (_directory, rlib) = archive(
        "asm(\".macro shared name, flags, type\\n\"
             \".section .any.\\\\name,\\\"\\\\flags\\\",@progbits,\\\\name,comdat\\n\"
             \".weak \\\\name\\n.type \\\\name, \\\\type\\n\\\\name: .zero 8\\n\"
             \".endm\\n\"
             \"shared visible, awG, @object\\n\"
             \"shared constant, aG, @object\\n\"
             \"shared inline_code, axG, @function\\n\"
             \"shared hidden, awG, @object\\n.hidden hidden\\n\"
             \"shared hidden_constant, aG, @object\\n.hidden hidden_constant\\n\"
             \"shared hidden_code, axG, @function\\n.hidden hidden_code\\n\"
             \"shared _ZTV5Table, awG, @object\\n.hidden _ZTV5Table\\n\"
             \"shared _ZTW5local, axG, @function\\n.hidden _ZTW5local\\n\");",
        "native.o",
    );
    let state = facts(&rlib).shared_state;
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    let hidden: BTreeSet<String> = names(&["hidden", "hidden_code", "hidden_constant"]);
    assert_eq!(state.hidden, hidden);
    let visible: BTreeSet<String> = names(&["constant", "visible"]);
    assert_eq!(state.visible, visible);
}
