//! Calls through the procedure linkage table, as rustc makes them outside x86_64: we move their
//! relocations to the others when we bind a file, and the loader still finds all of them.
//!
//! The test `processors` runs such files.

mod programs;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use link_engine::for_tests::bind::bind;
use link_engine::for_tests::{Wanted, seal, versions, write_stub};
use object::elf::{self, FileHeader64, Rela64, Relr64, SectionHeader64};
use object::read::elf::{
    Dyn as _, FileHeader as _, Rela as _, RelrIterator, SectionHeader as _, SectionTable, Sym as _,
};
use object::{Endianness, SymbolIndex};
use programs::{are_missing, run, rust_programs};
use tempfile::TempDir;

const DEP: &str = r#"
    int one(void) __asm__("_RNvCs1_3dep3one");
    int one(void) { return 1; }
    int two(void) __asm__("_RNvCs1_3dep3two");
    int two(void) { return 2; }
"#;

/// A stand-in for the C library.
const C: &str = "int first(void) { return 0; } int last(void) { return 0; }";

/// It calls functions of the group between those of others, and a function of its own that is chosen
/// at the start. Its array has relative relocations.
const PROGRAM: &str = r#"
    int one(void) __asm__("_RNvCs1_3dep3one");
    int two(void) __asm__("_RNvCs1_3dep3two");
    int first(void), last(void);
    int own;
    int *places[] = {&own, &own};
    int (*variable)(void) = two;
    static int choice(void) { return 4; }
    static void *choose(void) { return choice; }
    __attribute__((visibility("hidden"), ifunc("choose"))) int chosen(void);
    int _start(void) { return first() + one() + chosen() + two() + last() + variable(); }
"#;

/// A group, and a program that is linked against it and not bound.
struct Program {
    target: &'static str,
    directory: TempDir,
}

impl Program {
    fn new(target: &'static str, options: &[&str]) -> Program {
        let directory = tempfile::tempdir().unwrap();
        let program = Program { target, directory };
        let script = program.path("versions");
        fs::write(&script, versions::SCRIPT).unwrap();
        let script = format!("--version-script={}", script.display());
        program.link("dep.so", DEP, &["-shared", "-soname=dep.so", &script]);
        let (dep, stub) = (program.path("dep.so"), program.path("stub.so"));
        seal::seal(&dep, &HashSet::new()).unwrap();
        assert!(write_stub(&dep, "dep.so", Wanted::All.into(), &[], &stub).unwrap());
        program.link("c.so", C, &["-shared", "-soname=c.so"]);
        let [stub, c] = ["stub.so", "c.so"].map(|name| program.path(name).display().to_string());
        program.link(
            "program",
            PROGRAM,
            &[&["-pie", &stub, &c], options].concat(),
        );
        program
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn link(&self, name: &str, source: &str, options: &[&str]) {
        let (c, object) = (self.path("source.c"), self.path("object.o"));
        fs::write(&c, source).unwrap();
        run(Command::new("clang")
            .arg(format!("--target={}", self.target))
            .args(["-c", "-O1", "-fPIC", "-fno-builtin", "-o"])
            .args([&object, &c]));
        run(Command::new(rust_programs().join("gcc-ld/ld.lld"))
            .arg(object)
            .args(options)
            .arg("-o")
            .arg(self.path(name)));
    }

    fn bind(&self) -> Tables {
        let group = fs::read(self.path("dep.so")).unwrap();
        bind(&self.path("program"), &[("dep.so", &group)]).unwrap();
        self.tables()
    }

    fn tables(&self) -> Tables {
        Tables::read(&self.path("program"))
    }
}

/// The relocations that the loader finds through the dynamic section.
#[derive(Debug, PartialEq, Eq)]
struct Tables {
    /// Each with its type, the place that it changes, and the name of the symbol.
    others: Vec<(u32, u64, String)>,
    slots: Vec<(u32, u64, String)>,
    /// The places that packed relocations change.
    packed: Vec<u64>,
}

impl Tables {
    /// Also checks that the section headers describe the same tables.
    fn read(path: &Path) -> Tables {
        let data = &*fs::read(path).unwrap();
        let header = FileHeader64::<Endianness>::parse(data).unwrap();
        let endian = header.endian().unwrap();
        let sections = header.sections(endian, data).unwrap();
        let (dynamic, _) = sections.dynamic(endian, data).unwrap().unwrap();
        let value = |tag| {
            let mut entries = dynamic.iter();
            let entry = entries.find(|entry| entry.tag(endian) == tag)?;
            Some(entry.val(endian))
        };
        let bytes = |name: &str, start, size| {
            let Some((start, size)) = value(start).zip(value(size)) else {
                return &[][..];
            };
            let section = section(&sections, name);
            assert_eq!(section.sh_addr(endian), start, "{name}");
            assert_eq!(section.sh_size(endian), size, "{name}");
            // Both are in the first segment, which begins with the file.
            assert_eq!(section.sh_offset(endian), start, "{name}");
            &data[start as usize..][..size as usize]
        };
        let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM).unwrap();
        let relocations = |bytes: &[u8]| {
            let count = bytes.len() / size_of::<Rela64<Endianness>>();
            let (table, _) = object::slice_from_bytes::<Rela64<_>>(bytes, count).unwrap();
            let described = table.iter().map(|relocation| {
                let index = relocation.symbol(endian, false).unwrap_or(SymbolIndex(0));
                let symbol = symbols.symbol(index);
                let name = symbol.map(|symbol| symbol.name(endian, symbols.strings()).unwrap());
                let kind = relocation.r_type(endian, false).0;
                let name = String::from_utf8(name.unwrap_or_default().to_vec()).unwrap();
                (kind, relocation.r_offset(endian), name)
            });
            described.collect()
        };
        let packed = bytes(".relr.dyn", elf::DT_RELR, elf::DT_RELRSZ);
        let (packed, _) =
            object::slice_from_bytes::<Relr64<Endianness>>(packed, packed.len() / 8).unwrap();
        Tables {
            others: relocations(bytes(".rela.dyn", elf::DT_RELA, elf::DT_RELASZ)),
            slots: relocations(bytes(".rela.plt", elf::DT_JMPREL, elf::DT_PLTRELSZ)),
            packed: RelrIterator::<FileHeader64<_>>::new(endian, packed).collect(),
        }
    }

    fn names(&self) -> HashSet<&str> {
        let all = self.others.iter().chain(&self.slots);
        all.map(|(_, _, name)| &**name).collect()
    }
}

fn section<'data>(
    sections: &SectionTable<'data, FileHeader64<Endianness>>,
    name: &str,
) -> &'data SectionHeader64<Endianness> {
    let named = sections.section_by_name(Endianness::Little, name.as_bytes());
    named.unwrap_or_else(|| panic!("no section `{name}`")).1
}

fn sorted(places: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut places: Vec<u64> = places.collect();
    places.sort_unstable();
    places
}

const NOW: [&str; 2] = ["-z", "now"];

#[test]
fn slots_are_bound_among_the_others() {
    if are_missing("slots_are_bound_among_the_others", &["clang"]) {
        return;
    }
    for target in ["aarch64-linux-gnu", "riscv64-linux-gnu"] {
        for packing in [&[][..], &["-z", "pack-relative-relocs"]] {
            let program = Program::new(target, &[&NOW[..], packing].concat());
            let before = program.tables();
            assert_eq!(before.slots.len(), 4, "{before:?}");
            assert_eq!(before.packed.is_empty(), packing.is_empty());
            assert_eq!(before.names().len(), 5, "{before:?}");

            let after = program.bind();
            assert_eq!(after.slots, []);
            assert_eq!(after.packed, before.packed);
            let all = before.others.iter().chain(&before.slots);
            assert_eq!(
                sorted(after.others.iter().map(|(_, place, _)| *place)),
                sorted(all.map(|(_, place, _)| *place))
            );
            // The base of the group takes the place of both functions.
            assert_eq!(after.names().len(), 4, "{after:?}");
            // Relocations that are not bound come behind the others, in the order that they had. So
            // the function that chooses may call functions of the group.
            let last = after.others.split_at(after.others.len() - 6).1;
            assert!(last[..3].iter().all(|(_, _, name)| name.starts_with("_R")));
            let choosing = before.others.last().unwrap();
            assert_eq!(choosing.2, "");
            let not_bound = [choosing, &before.slots[0], &before.slots[3]];
            assert_eq!(last[3..].iter().collect::<Vec<_>>(), not_bound);

            let bytes = fs::read(program.path("program")).unwrap();
            program.bind();
            assert!(fs::read(program.path("program")).unwrap() == bytes);
        }
    }
}

#[test]
fn slots_that_are_filled_at_the_first_call_stay() {
    if are_missing("slots_that_are_filled_at_the_first_call_stay", &["clang"]) {
        return;
    }
    let program = Program::new("aarch64-linux-gnu", &[]);
    let before = program.tables();
    let after = program.bind();
    assert_eq!(after.slots, before.slots);
    // The variable is bound.
    assert_eq!(after.others.len(), before.others.len());
    assert_ne!(after.others, before.others);
}

#[test]
fn slots_stay_where_rustc_calls_without_them() {
    if are_missing("slots_stay_where_rustc_calls_without_them", &["clang"]) {
        return;
    }
    let program = Program::new("x86_64-linux-gnu", &NOW);
    let before = program.tables();
    assert_eq!(before.slots.len(), 4, "{before:?}");
    assert_eq!(program.bind().slots, before.slots);
}
