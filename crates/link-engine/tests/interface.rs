//! Interface stubs: an executable that is linked against one is the same as one that
//! is linked against the shared object itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use link_engine::for_tests::DynamicInfo;
use link_engine::for_tests::{
    Names, OpenReference, Wanted, definitions, open_references, references_among,
    undefined_references, write_stub,
};

const LIBRARY: &str = r#"
    extern int callback(int);
    extern int optional(void) __attribute__((weak));
    int counter = 40;
    __thread int per_thread = 1;
    int call(int value) { return callback(value) + counter + (optional ? optional() : 0); }
    int unused(void) { return 0; }
"#;

const PROGRAM: &str = r#"
    #include <stdio.h>
    extern int counter;
    extern __thread int per_thread;
    int call(int value);
    int callback(int value) { return value * 2; }
    int main(void) {
        counter += per_thread;
        printf("%d\n", call(1));
        return 0;
    }
"#;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The arguments by which a driver uses the lld that comes with rustc.
fn rust_lld() -> Vec<String> {
    let libraries = run(Command::new("rustc").args(["--print", "target-libdir"]));
    let directory = Path::new(libraries.trim())
        .with_file_name("bin")
        .join("gcc-ld");
    vec![
        format!("-B{}", directory.display()),
        "-fuse-ld=lld".to_owned(),
    ]
}

fn names<'a>(list: &[&'a str]) -> Names<'a> {
    list.iter().map(|name| name.as_bytes()).collect()
}

/// Names of dynamic symbols with what they are, sorted.
fn dynamic_symbols(file: &Path) -> Vec<String> {
    let symbols = run(Command::new("nm").arg("-D").arg(file));
    let mut symbols: Vec<String> = symbols
        .lines()
        .map(|line| {
            line.split_whitespace()
                .rev()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    symbols.sort();
    symbols
}

#[test]
fn a_program_linked_against_a_stub_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("library.c"), LIBRARY).unwrap();
    fs::write(path("program.c"), PROGRAM).unwrap();
    let library = path("library.so");
    run(Command::new("cc")
        .args([
            "-shared",
            "-fPIC",
            "-Wl,-soname,library.so",
            "-Wl,--hash-style=gnu",
            "-o",
        ])
        .arg(&library)
        .arg(path("library.c")));

    let open = open_references(&library, &[]).unwrap();
    let strong: Vec<&str> = open
        .iter()
        .filter(|open| !open.weak)
        .map(|open| open.name.as_str())
        .collect();
    assert_eq!(strong, ["callback"]);
    assert!(open.contains(&OpenReference {
        name: "optional".to_owned(),
        weak: true
    }));

    fs::create_dir(path("stub")).unwrap();
    let stub = path("stub").join("library.so");
    let wanted = names(&[
        "counter",
        "per_thread",
        "call",
        "callback",
        "main",
        "printf",
    ]);
    assert!(
        write_stub(
            &library,
            "library.so",
            Wanted::Named(&wanted).into(),
            &open,
            &stub
        )
        .unwrap()
    );
    let info = DynamicInfo::read(&stub).unwrap().unwrap();
    assert_eq!(info.soname.as_deref(), Some("library.so"));
    let defined = run(Command::new("nm").args(["-D", "--defined-only"]).arg(&stub));
    assert!(
        defined.contains(" call") && !defined.contains("unused"),
        "{defined}"
    );

    for linker in [vec!["-fuse-ld=bfd".to_owned()], rust_lld()] {
        let link = |shared: &Path, output: &str| {
            let mut cc = Command::new("cc");
            cc.args(&linker)
                .args(["-fPIC", "-pie", "-Wl,-z,nocopyreloc"])
                .arg("-Wl,--no-allow-shlib-undefined")
                .arg(path("program.c"))
                .arg(shared)
                .arg(format!("-Wl,-rpath,{}", directory.path().display()))
                .arg("-o")
                .arg(path(output));
            cc.output().unwrap()
        };
        let of_library = link(&library, "with-library");
        assert!(of_library.status.success(), "{of_library:?}");
        let of_stub = link(&stub, "with-stub");
        assert!(of_stub.status.success(), "{of_stub:?}");
        assert_eq!(
            dynamic_symbols(&path("with-library")),
            dynamic_symbols(&path("with-stub"))
        );
        assert_eq!(
            DynamicInfo::read(&path("with-library")).unwrap(),
            DynamicInfo::read(&path("with-stub")).unwrap()
        );
        assert_eq!(run(&mut Command::new(path("with-stub"))), "43\n");
    }
}

#[test]
fn an_open_reference_that_nobody_satisfies_is_an_error_of_the_linker() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(
        path("library.c"),
        "extern int gone(void); int call(void) { return gone(); }",
    )
    .unwrap();
    fs::write(
        path("program.c"),
        "int call(void); int main(void) { return call(); }",
    )
    .unwrap();
    let library = path("library.so");
    run(Command::new("cc")
        .args(["-shared", "-fPIC", "-Wl,--hash-style=gnu", "-o"])
        .arg(&library)
        .arg(path("library.c")));
    let open = open_references(&library, &[]).unwrap();
    let stub = path("stub.so");
    let call = names(&["call"]);
    write_stub(
        &library,
        "library.so",
        Wanted::Named(&call).into(),
        &open,
        &stub,
    )
    .unwrap();
    let output = Command::new("cc")
        .arg(path("program.c"))
        .arg(&stub)
        .arg("-Wl,--no-allow-shlib-undefined")
        .arg("-o")
        .arg(path("program"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("gone"), "{stderr}");
}

#[test]
fn an_open_reference_that_a_linker_passes_over_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let library = |name: &str, source: &str| {
        let c = path(&format!("{name}.c"));
        let so = path(&format!("{name}.so"));
        fs::write(&c, source).unwrap();
        run(Command::new("cc")
            .args(["-shared", "-fPIC", "-Wl,--hash-style=gnu", "-o"])
            .arg(&so)
            .arg(&c));
        so
    };
    let one = library(
        "one",
        "int from_program(void); int from_other(void); int gone(void);
         int optional(void) __attribute__((weak));
         int call(void) { return from_program() + from_other() + gone() + (optional ? 1 : 0); }",
    );
    let other = library("other", "int from_other(void) { return 1; }");
    let program = path("program.c");
    let source =
        "int call(void); int from_program(void) { return 1; } int main(void) { return call(); }";
    fs::write(&program, source).unwrap();
    let executable = path("program");
    run(Command::new("cc")
        .args([&program, &one, &other])
        .arg("-Wl,--allow-shlib-undefined")
        .arg("-o")
        .arg(&executable));
    let open = open_references(&one, &[]).unwrap();
    let [one, other] = [one, other].map(|library| fs::read(library).unwrap());
    let groups = [(&one[..], &open[..]), (&other[..], &[])];
    let undefined = undefined_references(&executable, &groups).unwrap();
    assert_eq!(undefined, ["gone"].into());
}

#[test]
fn what_a_lower_one_defines_is_not_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let library = |name: &str, source: &str| {
        let c = path(&format!("{name}.c"));
        let so = path(&format!("{name}.so"));
        fs::write(&c, source).unwrap();
        run(Command::new("cc")
            .args(["-shared", "-fPIC", "-Wl,--hash-style=gnu", "-o"])
            .arg(&so)
            .arg(&c));
        so
    };
    let below = library("below", "int base(void) { return 1; }");
    let above = library(
        "above",
        "int base(void); int open(const char *, int, ...); int missing(void);
         int use(void) { return base() + open(\"\", 0) + missing(); }",
    );
    let open = open_references(&above, &[below]).unwrap();
    let strong: Vec<&str> = open
        .iter()
        .filter(|open| !open.weak)
        .map(|open| open.name.as_str())
        .collect();
    // `open` has a version: the C library defines it.
    assert_eq!(strong, ["missing"]);
}

#[test]
fn what_a_library_defines_and_what_it_takes() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(
        path("library.c"),
        "asm(\".symver old_way, way@ONE\\n.symver new_way, other@@TWO\\n\");
         int rand(void);
         int old_way(void) { return rand(); }
         int new_way(void) { return 2; }",
    )
    .unwrap();
    fs::write(path("versions"), "ONE { }; TWO { } ONE;").unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-Wl,--hash-style=gnu", "-o"])
        .arg(path("library.so"))
        .arg(path("library.c"))
        .arg(format!(
            "-Wl,--version-script={}",
            path("versions").display()
        ));
    run(&mut cc);
    let defined = definitions(&path("library.so")).unwrap();
    assert!(defined.contains("other"), "{defined:?}");
    assert!(!defined.contains("way"), "{defined:?}");
    assert!(!defined.contains("rand"), "{defined:?}");
    let symbols = ["rand", "other", "absent"].map(str::to_owned).into();
    let taken = references_among(&fs::read(path("library.so")).unwrap(), &symbols).unwrap();
    assert_eq!(taken, BTreeSet::from(["rand".to_owned()]));
}
