//! Groups for other processors than that of the host, with cross compilers: the same
//! program does the same whether it is linked statically, against the shared objects, or
//! against stubs. It runs in qemu.
//!
//! The objects are compiled from C, since std for these platforms need not be there.

#[path = "../programs/mod.rs"]
mod programs;
mod sources;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use link_engine::LinkTemplate;
use link_engine::for_tests::DynamicInfo;
use link_engine::for_tests::bind::bind;
use link_engine::for_tests::seal;
use link_engine::for_tests::template::dissect;
use link_engine::for_tests::versions;
use link_engine::for_tests::{GroupInput, GroupLine, Rewrite};
use link_engine::for_tests::{Names, Wanted, open_references, write_stub};
use link_engine::for_tests::{RlibFacts, copy_with_protected_symbols};
use object::{Object, ObjectSymbol, SymbolFlags, elf};
use programs::{are_missing, run, rust_programs};
use sources::{DEP, LINE, PRINTED, PROGRAM, STD, USER};
use tempfile::TempDir;

struct Processor {
    /// Prefix of its tools; its libraries are below `/usr/<prefix>`.
    prefix: &'static str,
    qemu: &'static str,
    /// An attribute that gives a function another calling convention, if there is one.
    convention: &'static str,
    /// The bits in `st_other` that say so.
    convention_bits: u8,
    /// Whether references are bound by address.
    is_bound: bool,
}

const AARCH64: Processor = Processor {
    prefix: "aarch64-linux-gnu",
    qemu: "qemu-aarch64-static",
    convention: "__attribute__((aarch64_vector_pcs))",
    // STO_AARCH64_VARIANT_PCS
    convention_bits: 0x80,
    is_bound: true,
};

const RISCV64: Processor = Processor {
    prefix: "riscv64-linux-gnu",
    qemu: "qemu-riscv64-static",
    convention: "",
    convention_bits: 0,
    is_bound: true,
};

/// 32-bit files.
const ARM: Processor = Processor {
    prefix: "arm-linux-gnueabihf",
    qemu: "qemu-arm-static",
    convention: "",
    convention_bits: 0,
    is_bound: false,
};

/// The most significant byte comes first.
const S390X: Processor = Processor {
    prefix: "s390x-linux-gnu",
    qemu: "qemu-s390x-static",
    convention: "",
    convention_bits: 0,
    is_bound: true,
};

/// A directory with the objects of one processor.
struct Workshop<'a> {
    processor: &'a Processor,
    directory: TempDir,
    /// Chooses the linker.
    lld: Vec<OsString>,
}

impl Workshop<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn tool(&self, name: &str) -> PathBuf {
        format!("{}-{name}", self.processor.prefix).into()
    }

    fn compile(&self, source: &str, object: &str) -> PathBuf {
        let (c, object) = (self.path("source.c"), self.path(object));
        fs::write(&c, source).unwrap();
        run(Command::new(self.tool("gcc"))
            .arg(format!("-DCONVENTION={}", self.processor.convention))
            .args(["-c", "-O1", "-fPIC", "-ffunction-sections", "-o"])
            .args([&object, &c]));
        object
    }

    fn rlib(&self, name: &str, source: &str) -> PathBuf {
        let object = self.compile(source, &format!("{name}.o"));
        let rlib = self.path(name);
        run(Command::new(self.tool("ar"))
            .arg("rcs")
            .args([&rlib, &object]));
        rlib
    }

    /// The recorded line in this directory.
    fn line(&self) -> Vec<OsString> {
        LINE.split_whitespace()
            .flat_map(|arg| match arg {
                "LLD" => self.lld.clone(),
                "app.rcgu.o" | "app" => vec![self.path(arg).into()],
                _ if arg.ends_with(".rlib") => vec![self.path(arg).into()],
                _ => vec![arg.into()],
            })
            .collect()
    }

    fn link(&self, args: &[OsString]) {
        run(Command::new(self.tool("gcc")).args(args));
    }

    /// Links a group of one rlib.
    fn group(&self, template: &LinkTemplate, rlib: &Path, soname: &str, below: &[PathBuf]) {
        let facts = RlibFacts::read(rlib).unwrap().0;
        let copy = self.path("copies").join(rlib.file_name().unwrap());
        copy_with_protected_symbols(rlib, &facts, &copy).unwrap();
        let line = GroupLine {
            template,
            soname,
            output: &self.path(soname),
            rlibs: &[copy],
            below,
            native_search: &[],
            native_libraries: &[],
            run_paths: &["$ORIGIN".into()],
            options: &[format!("--version-script={}", self.path("versions").display()).into()],
        };
        self.link(&line.args());
    }

    /// Links the executable against the groups or their stubs in `directory`.
    fn executable(&self, directory: &Path) {
        let group = |soname: &str, rlib: &str| GroupInput {
            shared_object: directory.join(soname),
            members: [rlib.to_owned()].into(),
        };
        let rewritten = Rewrite {
            groups: &[
                group("user.so", "libuser-1.rlib"),
                group("dep.so", "libdep-1.rlib"),
                group("std.so", "libstd-2.rlib"),
            ],
            objects: &HashMap::new(),
            constructors: &HashMap::new(),
            settled_libraries: &["gcc_s".to_owned(), "c".to_owned()].into(),
            run_paths: &["$ORIGIN".into()],
            replaced: &BTreeSet::new(),
        }
        .apply(&self.line())
        .unwrap();
        self.link(&rewritten);
    }

    fn run(&self) -> String {
        run(Command::new(self.processor.qemu)
            .arg("-L")
            .arg(Path::new("/usr").join(self.processor.prefix))
            .arg(self.path("app")))
    }
}

fn names<'a>(list: &[&'a str]) -> Names<'a> {
    list.iter().map(|name| name.as_bytes()).collect()
}

/// `st_other` of a dynamic symbol.
fn st_other(file: &Path, name: &str) -> u8 {
    let data = fs::read(file).unwrap();
    let file = object::File::parse(&*data).unwrap();
    let symbol = file
        .dynamic_symbols()
        .find(|symbol| symbol.name() == Ok(name))
        .unwrap_or_else(|| panic!("`{name}` is missing"));
    match symbol.flags() {
        SymbolFlags::Elf { st_other, .. } => st_other.0,
        flags => panic!("{flags:?}"),
    }
}

/// The names that rustc has mangled among those that relocations of a file name. That a linker
/// also makes an entry in the procedure linkage table does not count: rustc has none.
fn mangled_relocations(file: &Path) -> BTreeSet<String> {
    let relocations = run(Command::new("readelf").arg("-rW").arg(file));
    let lines = relocations
        .lines()
        .filter(|line| !line.contains("_JUMP_SLOT"));
    let words = lines.flat_map(|line| line.split([' ', '@']));
    words
        .filter(|word| word.starts_with("_R"))
        .map(str::to_owned)
        .collect()
}

fn check(test: &str, processor: &Processor) {
    let gcc = format!("{}-gcc", processor.prefix);
    if are_missing(test, &[&gcc, processor.qemu]) {
        return;
    }
    let lld = [
        format!("-B{}", rust_programs().join("gcc-ld").display()).into(),
        "-fuse-ld=lld".into(),
    ];
    for lld in [&lld[..], &[]] {
        check_with(&Workshop {
            processor,
            directory: tempfile::tempdir().unwrap(),
            lld: lld.to_vec(),
        });
    }
}

fn check_with(workshop: &Workshop<'_>) {
    let path = |name: &str| workshop.path(name);
    for directory in ["copies", "stubs"] {
        fs::create_dir(path(directory)).unwrap();
    }
    fs::write(path("versions"), versions::SCRIPT).unwrap();
    workshop.compile(PROGRAM, "app.rcgu.o");
    let user = workshop.rlib("libuser-1.rlib", USER);
    let dep = workshop.rlib("libdep-1.rlib", DEP);
    let std = workshop.rlib("libstd-2.rlib", STD);
    workshop.link(&workshop.line());
    assert_eq!(workshop.run(), PRINTED);

    let facts = RlibFacts::read(&dep).unwrap().0;
    assert_eq!(facts.hidden_definitions.len(), 2);
    assert!(!facts.runs_by_itself && facts.gathered_sections.is_empty());
    assert_eq!(facts.foreign_member, None);

    let (template, rlibs) = dissect(&workshop.tool("gcc"), &workshop.line()).unwrap();
    assert_eq!(rlibs, [user.clone(), dep.clone(), std.clone()]);
    let (std_so, dep_so) = (path("std.so"), path("dep.so"));
    workshop.group(&template, &std, "std.so", &[]);
    let below_dep = vec![std_so.clone()];
    let below_user = vec![dep_so.clone(), std_so];
    workshop.group(&template, &dep, "dep.so", &below_dep);
    workshop.group(&template, &user, "user.so", &below_user);
    let info = DynamicInfo::read(&path("user.so")).unwrap().unwrap();
    assert_eq!(info.soname.as_deref(), Some("user.so"));
    assert_eq!(info.run_path, ["$ORIGIN"]);
    assert!(info.needed.starts_with(&["dep.so".into(), "std.so".into()]));
    assert_eq!(
        st_other(&dep_so, "hidden_function") & elf::STV_MASK,
        elf::STV_PROTECTED.0
    );

    workshop.executable(workshop.directory.path());
    assert_eq!(workshop.run(), PRINTED);
    let with_groups = DynamicInfo::read(&path("app")).unwrap().unwrap();
    assert!(
        with_groups
            .needed
            .starts_with(&["user.so", "dep.so", "std.so"].map(String::from)),
        "{with_groups:?}"
    );

    let wanted = names(&[
        "counter",
        "per_thread",
        "hidden_function",
        "user",
        "counter_address",
        "function_address",
        "unusual",
        "_RNvCs1_3dep4data",
        "_RNvCs1_3dep6placed",
        "_RNvCs1_3dep7address",
        "callback",
        "main",
        "printf",
    ]);
    let groups = [
        ("user.so", below_user),
        ("dep.so", below_dep),
        ("std.so", vec![]),
    ];
    for (soname, below) in groups {
        seal::seal(&path(soname), &HashSet::new()).unwrap();
        let open = open_references(&path(soname), &below).unwrap();
        let stub = path("stubs").join(soname);
        assert!(
            write_stub(
                &path(soname),
                soname,
                Wanted::Named(&wanted).into(),
                &open,
                &stub
            )
            .unwrap()
        );
    }
    for file in [dep_so, path("stubs").join("dep.so")] {
        let bits = st_other(&file, "unusual") & !elf::STV_MASK;
        assert_eq!(bits, workshop.processor.convention_bits, "{file:?}");
    }
    workshop.executable(&path("stubs"));
    assert_eq!(workshop.run(), PRINTED);
    assert_eq!(
        DynamicInfo::read(&path("app")).unwrap().unwrap(),
        with_groups
    );

    let before = mangled_relocations(&path("app"));
    let groups =
        ["user.so", "dep.so", "std.so"].map(|soname| (soname, fs::read(path(soname)).unwrap()));
    let groups = groups.each_ref();
    bind(
        &path("app"),
        &groups.map(|(soname, bytes)| (*soname, &bytes[..])),
    )
    .unwrap();
    assert_eq!(workshop.run(), PRINTED);
    let after = mangled_relocations(&path("app"));
    assert_eq!(before.len(), 3, "{before:?}");
    let expected = if workshop.processor.is_bound { 1 } else { 3 };
    assert_eq!(after.len(), expected, "{after:?}");
}

#[test]
fn aarch64() {
    check("aarch64", &AARCH64);
}

#[test]
fn riscv64() {
    check("riscv64", &RISCV64);
}

#[test]
fn arm() {
    check("arm", &ARM);
}

#[test]
fn s390x() {
    check("s390x", &S390X);
}
