//! Binding by address: a program does the same with fewer look-ups, and never runs with a group
//! that has another layout than the one against which it was linked.

mod programs;
mod workshop;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use link_engine::executable::{CannotLoad, why_not_loadable};
use link_engine::for_tests::bind::{bind, referred_to_by_distance};
use link_engine::for_tests::layout;
use link_engine::for_tests::{Wanted, write_stub};
use link_engine::group::{GroupJob, Library};
use link_engine::record::GroupFiles;
use link_engine::record::GroupManifest;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader as _, SectionHeader as _};
use object::{Endianness, Object as _, ObjectSymbol as _};
use programs::rust_programs;
use workshop::{Workshop, run, soname, with_each_linker};

/// Functions, variables, a variable that refers to others, and names of C.
const BELOW: &str = "
    use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
    pub static COUNT: AtomicI32 = AtomicI32::new(1);
    #[inline(never)] pub fn next() -> i32 { COUNT.fetch_add(1, Relaxed) }
    #[inline(never)] pub fn twice(value: i32) -> i32 { value * 2 }
    pub static TABLE: [fn(i32) -> i32; 1] = [twice];
    pub static REFERENCES: [&AtomicI32; 2] = [&COUNT, &COUNT];
    #[no_mangle] pub extern \"C\" fn plain() -> i32 { 5 }
    #[no_mangle] pub static plain_count: AtomicI32 = AtomicI32::new(5);
    pub static PLAIN_REFERENCE: &AtomicI32 = &plain_count;
";

const ABOVE: &str = "
    pub static OWN: core::sync::atomic::AtomicI32 = core::sync::atomic::AtomicI32::new(7);
    pub static OWN_REFERENCE: &core::sync::atomic::AtomicI32 = &OWN;
    #[inline(never)] pub fn above() -> i32 { below::next() + below::twice(10) }
    #[inline(never)] pub fn address() -> *const i32 { below::COUNT.as_ptr() }
";

/// `main` of C, since these programs are without std.
const PROGRAM: &str = r#"
    #![no_std]
    #![no_main]
    use core::sync::atomic::Ordering::Relaxed;
    unsafe extern "C" { fn printf(format: *const u8, ...) -> i32; }
    #[unsafe(no_mangle)]
    extern "C" fn main() -> i32 {
        let sums = [above::above(), below::next(), below::TABLE[0](3), below::plain()];
        let same = above::address() == below::COUNT.as_ptr()
            && core::ptr::eq(below::REFERENCES[1], &below::COUNT)
            && core::ptr::eq(below::PLAIN_REFERENCE, &below::plain_count)
            && core::ptr::eq(above::OWN_REFERENCE, &above::OWN)
            && core::ptr::fn_addr_eq(below::TABLE[0], below::twice as fn(i32) -> i32);
        let own = above::OWN_REFERENCE.load(Relaxed);
        unsafe {
            printf(b"%d %d %d %d %d %d\n\0".as_ptr(), sums[0], sums[1], sums[2], sums[3],
                own, same as i32);
        }
        0
    }
    #[panic_handler] fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
"#;

const PRINTED: &str = "21 2 6 5 7 1\n";

/// Two groups, one above the other, and the object of a program that uses both.
struct Program {
    workshop: Workshop,
    linker: Vec<OsString>,
    jobs: [GroupJob; 2],
    manifests: [GroupManifest; 2],
    object: PathBuf,
}

impl Program {
    fn new(linker: &[OsString], below: &str) -> Program {
        let workshop = Workshop::new();
        workshop.add_link_args(linker);
        let below = workshop.library("below", below);
        let above = workshop.library_above("above", ABOVE, &[&below]);
        let object = workshop.path("program.o");
        let args = ["--crate-type=bin", "--emit=obj", "-Ccodegen-units=1"];
        workshop.rustc("program", PROGRAM, &[&above, &below], &args, &object);
        let job = |group: &str, library: Library| GroupJob {
            group: group.to_owned(),
            files: GroupFiles::new(workshop.directory.path(), format!("dynamic-deps-{group}-1")),
            ..workshop.job(vec![library])
        };
        let below = job("frozen", below);
        let (below_manifest, _) = run(&below);
        let mut above = job("local", above);
        above.below.insert(0, below.files.manifest());
        let (above_manifest, _) = run(&above);
        Program {
            workshop,
            linker: linker.to_vec(),
            jobs: [above, below],
            manifests: [above_manifest, below_manifest],
            object,
        }
    }

    fn groups(&self) -> [(&str, PathBuf); 2] {
        [0, 1].map(|index| {
            let soname = soname(&self.manifests[index]);
            (soname, self.jobs[index].files.content(soname))
        })
    }

    /// Links the program against stubs, without binding it.
    fn link(&self) -> PathBuf {
        let mut args = self.linker.clone();
        args.push("-Wl,-z,nocopyreloc,-z,now".into());
        args.push(self.object.clone().into());
        let stubs = self.workshop.path("stubs");
        fs::create_dir_all(&stubs).unwrap();
        for (soname, file) in self.groups() {
            let stub = stubs.join(soname);
            assert!(write_stub(&file, soname, Wanted::All.into(), &[], &stub).unwrap());
            args.push(stub.into());
        }
        let mut run_path = OsString::from("-Wl,-rpath,");
        run_path.push(self.workshop.directory.path());
        args.push(run_path);
        let program = self.workshop.path("program");
        programs::run(Command::new("cc").args(args).arg("-o").arg(&program));
        program
    }

    fn bind(&self, program: &Path) {
        let groups = self.groups();
        let groups = groups.map(|(soname, path)| (soname, fs::read(path).unwrap()));
        let groups = groups.each_ref();
        bind(
            program,
            &groups.map(|(soname, bytes)| (*soname, &bytes[..])),
        )
        .unwrap();
    }
}

/// The symbols of crates that relocations of a file name.
fn named_by_relocations(file: &Path) -> BTreeSet<String> {
    let data = fs::read(file).unwrap();
    let header = FileHeader64::<Endianness>::parse(&*data).unwrap();
    let endian = header.endian().unwrap();
    let sections = header.sections(endian, &*data).unwrap();
    let symbols = sections.symbols(endian, &*data, elf::SHT_DYNSYM).unwrap();
    let mut names = BTreeSet::new();
    for section in sections.iter() {
        let is_loaded = section.sh_flags(endian).contains(elf::SHF_ALLOC);
        let table = section.rela(endian, &*data).unwrap();
        let Some((table, _)) = table.filter(|_| is_loaded) else {
            continue;
        };
        for relocation in table {
            let index = object::SymbolIndex(relocation.r_sym(endian, false) as usize);
            let Ok(symbol) = symbols.symbol(index) else {
                continue;
            };
            let name = symbols.symbol_name(endian, symbol).unwrap();
            names.insert(String::from_utf8(name.to_vec()).unwrap());
        }
    }
    names.retain(|name| {
        ["_R", "_ZN", "plain"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    });
    names
}

#[track_caller]
fn check(linker: &[OsString]) {
    let program = Program::new(linker, BELOW);
    let executable = program.link();
    assert_eq!(programs::run(&mut Command::new(&executable)), PRINTED);
    let before = named_by_relocations(&executable);
    assert!(before.len() > 4, "{before:?}");

    program.bind(&executable);
    assert_eq!(programs::run(&mut Command::new(&executable)), PRINTED);
    let after = named_by_relocations(&executable);
    assert!(after.len() == 2 && after.is_subset(&before), "{after:?}");
    // The group above was bound when it was made, and refers to itself without a name.
    let [(_, above), (_, below)] = program.groups();
    assert_eq!(named_by_relocations(&above).len(), 1);
    assert_eq!(named_by_relocations(&below).len(), 0);

    // A bound file is not bound again.
    let bound = fs::read(&executable).unwrap();
    program.bind(&executable);
    assert!(fs::read(&executable).unwrap() == bound);
}

#[test]
fn a_bound_program_does_the_same() {
    with_each_linker("a_bound_program_does_the_same", check);
}

#[test]
fn what_else_defines_a_bound_symbol_is_passed_over() {
    let program = Program::new(&[], BELOW);
    let executable = program.link();
    program.bind(&executable);
    // This library stands for a C library with the same crates, made by the same compiler.
    let functions: String = named_by_relocations(&executable)
        .iter()
        .enumerate()
        .map(|(index, name)| {
            format!(
                "int other{index}(void) __asm__(\"{name}\");
                 int other{index}(void) {{ puts(\"other\"); return 99; }}\n"
            )
        })
        .collect();
    let source = format!("#include <stdio.h>\n{functions}");
    let preloaded = program
        .workshop
        .cc("preloaded.so", &source, &["-shared".into()]);
    let printed = programs::run(Command::new(&executable).env("LD_PRELOAD", preloaded));
    assert_eq!(printed, PRINTED);
}

#[test]
fn what_is_loaded_beside_groups_does_not_see_their_crates() {
    let program = Program::new(&[], BELOW);
    let executable = program.link();
    program.bind(&executable);
    let names = named_by_relocations(&executable);
    let name = names.first().unwrap();
    let source = format!(
        "#include <stdio.h>
         extern int crate(void) __asm__(\"{name}\") __attribute__((weak));
         __attribute__((constructor)) static void start(void) {{ puts(crate ? \"seen\" : \"unseen\"); }}"
    );
    let preloaded = program
        .workshop
        .cc("preloaded.so", &source, &["-shared".into()]);
    let printed = programs::run(Command::new(&executable).env("LD_PRELOAD", preloaded));
    assert_eq!(printed, format!("unseen\n{PRINTED}"));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_function_with_an_address_in_the_program_is_told() {
    let mut directory = OsString::from("-B");
    directory.push(rust_programs().join("gcc-ld"));
    let lld = [directory, "-fuse-ld=lld".into()];
    let program = Program::new(&lld, BELOW);
    let executable = program.link();
    assert_eq!(referred_to_by_distance(&executable).unwrap(), None);
    let mut args = lld.to_vec();
    let stubs = program.workshop.path("stubs");
    let groups = program.groups();
    args.extend(groups.iter().map(|(soname, _)| stubs.join(soname).into()));
    let names = named_by_relocations(&executable);
    let of_a_crate = names.iter().find(|name| name.contains("next")).unwrap();
    for function in [of_a_crate, "plain"] {
        let source = format!(
            "int main(void) {{ void *address; asm(\"lea {function}(%%rip), %0\" : \"=r\"(address)); return !address; }}"
        );
        let other = program.workshop.cc("other", &source, &args);
        assert_eq!(
            referred_to_by_distance(&other).unwrap().as_deref(),
            Some(function)
        );
    }
}

#[test]
fn names_of_the_platform_are_looked_up_and_those_of_a_program_are_its_own() {
    let program = Program::new(&[], BELOW);
    let executable = program.link();
    program.bind(&executable);
    let own = "int plain(void) { return 99; } int plain_count = 99;";
    let printf = "
        #include <stdarg.h>
        #include <stdio.h>
        int printf(const char *format, ...) {
            va_list args;
            va_start(args, format);
            fputs(\"mine \", stdout);
            return vprintf(format, args);
        }";
    // A library that refers to nothing has no versions, and glibc takes its symbols for any
    // version.
    let sources = [
        ("without-versions.so", own.to_owned(), PRINTED.to_owned()),
        (
            "with-versions.so",
            format!("{printf}\n{own}"),
            format!("mine {PRINTED}"),
        ),
    ];
    for (name, source, expected) in sources {
        let args = ["-shared".into(), "-fno-builtin".into()];
        let preloaded = program.workshop.cc(name, &source, &args);
        let mut command = Command::new(&executable);
        let printed = programs::run(command.env("LD_PRELOAD", preloaded));
        assert_eq!(printed, expected, "{name}");
    }
}

#[test]
fn a_group_with_another_layout_is_refused_by_the_loader() {
    let program = Program::new(&[], BELOW);
    let executable = program.link();
    program.bind(&executable);
    let larger = format!("#[inline(never)] pub fn more() -> i32 {{ 1 }}{BELOW}");
    let other = Program::new(&[], &larger);
    let [_, (soname, file)] = program.groups();
    let [_, (_, other_file)] = other.groups();
    let layout = layout::of(&file).unwrap().unwrap();
    assert_ne!(layout::of(&other_file).unwrap().unwrap(), layout);

    assert_eq!(why_not_loadable(&executable).unwrap(), None);

    // As if another linker had made the group from the same libraries.
    fs::remove_file(&file).unwrap();
    fs::copy(other_file, &file).unwrap();
    let other_layout = CannotLoad::OtherLayout {
        path: file,
        layout: layout.clone(),
    };
    assert_eq!(why_not_loadable(&executable).unwrap(), Some(other_layout));
    let output = Command::new(&executable).output().unwrap();
    assert!(!output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains(&format!("{soname}: version `{layout}' not found")),
        "{stderr}"
    );
}

#[test]
fn what_lies_above_is_made_anew_for_another_layout() {
    let program = Program::new(&[], BELOW);
    let [above, below] = &program.jobs;
    let [above_manifest, below_manifest] = &program.manifests;
    let (manifest, links) = run(above);
    assert_eq!((soname(&manifest), links), (soname(above_manifest), 0));
    let other = Program::new(&[], &format!("pub static MORE: i32 = 1;{BELOW}"));
    let content = below.files.content(soname(below_manifest));
    fs::remove_file(&content).unwrap();
    fs::copy(&other.groups()[1].1, &content).unwrap();
    let (manifest, links) = run(above);
    assert_ne!(soname(&manifest), soname(above_manifest));
    assert_eq!(links, 0, "it is bound anew");
}

#[test]
fn the_same_layout_has_the_same_version() {
    let layouts = [BELOW, BELOW].map(|below| {
        let program = Program::new(&[], below);
        let [_, (_, below)] = program.groups();
        layout::of(&below).unwrap().unwrap()
    });
    assert_eq!(layouts[0], layouts[1]);
    assert!(layouts[0].starts_with("DYNAMIC_DEPS_LAYOUT_"));
    assert!(!layouts[0].ends_with("_0000000000000000"));
}

#[test]
fn a_group_of_a_program_that_shows_its_symbols_is_looked_up_by_name() {
    let program = Program::new(&["-rdynamic".into()], BELOW);
    let [_, (_, below)] = program.groups();
    assert_eq!(layout::of(&below).unwrap(), None);
    let executable = program.link();
    let before = fs::read(&executable).unwrap();
    program.bind(&executable);
    assert!(fs::read(&executable).unwrap() == before);
    assert_eq!(programs::run(&mut Command::new(&executable)), PRINTED);
    let file = object::File::parse(&*before).unwrap();
    assert!(file.dynamic_symbols().any(|symbol| symbol.is_undefined()));
}
