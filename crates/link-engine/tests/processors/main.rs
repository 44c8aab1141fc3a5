//! Groups for other processors than that of the host, with cross compilers: the same
//! program does the same whether it is linked statically, against the shared objects, or
//! against stubs. It runs in qemu.
//!
//! The objects are compiled from C, since std for these platforms need not be there.

mod list;
#[path = "../programs/mod.rs"]
mod programs;
mod sources;

use std::collections::{BTreeSet, HashMap};
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
use list::{AARCH64, ARM, Processor, RISCV64, S390X};
use object::{Object, ObjectSymbol, SymbolFlags, elf};
use programs::{are_missing, run, rust_programs};
use sources::{AUDIT, DEP, LINE, PRELOADED, PRINTED, PROGRAM, STD, USER};
use tempfile::TempDir;

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
            to_load: &Default::default(),
            run_paths: &["$ORIGIN".into()],
            replaced: &BTreeSet::new(),
        }
        .apply(&self.line())
        .unwrap();
        self.link(&rewritten);
    }

    fn run(&self) -> String {
        run(self.emulator().arg(self.path("app")))
    }

    fn emulator(&self) -> Command {
        let mut qemu = Command::new(self.processor.qemu);
        qemu.arg("-L")
            .arg(Path::new("/usr").join(self.processor.prefix));
        qemu
    }

    /// Runs the executable with this library in an environment variable of the loader.
    fn run_with(&self, variable: &str, source: &str) -> String {
        let (object, library) = (self.compile(source, "library.o"), self.path("library.so"));
        self.link(&[
            "-shared".into(),
            object.into(),
            "-o".into(),
            library.clone().into(),
        ]);
        let mut setting = OsString::from(format!("{variable}="));
        setting.push(library);
        let mut qemu = self.emulator();
        run(qemu.arg("-E").arg(setting).arg(self.path("app")))
    }

    /// The number of names that the loader looks up when the executable starts (LD_DEBUG in
    /// ld.so(8)).
    fn look_ups(&self) -> usize {
        let mut qemu = self.emulator();
        let qemu = qemu.args(["-E", "LD_DEBUG=statistics"]);
        let output = qemu.arg(self.path("app")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.split_once("  number of relocations: "));
        count.unwrap().1.trim().parse().unwrap()
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

/// The names that rustc has mangled among those that relocations of a file name.
fn mangled_relocations(file: &Path) -> BTreeSet<String> {
    let relocations = run(Command::new("readelf").arg("-rW").arg(file));
    let words = relocations.lines().flat_map(|line| line.split([' ', '@']));
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
    let packing = [&lld[..], &["-Wl,-z,pack-relative-relocs".into()]].concat();
    for lld in [&lld[..], &packing, &[]] {
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
        "next_local",
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
        seal::seal(&path(soname), &["unusual", "own_local"].into()).unwrap();
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
    // It refers to a private thread local of its own.
    bind(&dep_so, &[]).unwrap();
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
    let before_look_ups = workshop.look_ups();
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
    let saved = before_look_ups - workshop.look_ups();
    if workshop.processor.is_bound {
        // Three references in variables, two calls, and the call of a private function take one.
        assert_eq!(saved, 5);
        assert_eq!(workshop.run_with("LD_PRELOAD", PRELOADED), PRINTED);
    } else {
        assert_eq!(saved, 0);
    }
    if let Some(function) = workshop.processor.audit {
        let source = AUDIT.replace("PLTENTER", function);
        assert_eq!(workshop.run_with("LD_AUDIT", &source), PRINTED);
    }
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
