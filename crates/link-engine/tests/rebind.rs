//! Binding anew: a group that follows those below it is what another link would give.

#![cfg(target_arch = "x86_64")]

mod programs;
#[allow(dead_code, reason = "no group job runs here")]
mod workshop;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use link_engine::constructors::hand_over_patches;
use link_engine::group::Library;
use link_engine::interface::{OpenReference, Wanted, open_references, write_stub};
use link_engine::layout;
use link_engine::link_line::GroupLine;
use link_engine::manifest::GroupManifest;
use link_engine::rebind::{Below, Obstacle, Rebind, Renamed, Unbound};
use link_engine::versions;
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, ObjectSymbolTable as _, RelocationTarget,
};
use workshop::{Workshop, with_each_linker};

/// The lowest group, which stays.
const BASE: &str = "
    #[inline(never)] pub fn base() -> i32 { 100 }
    pub static BASE: i32 = 1000;
";

/// Functions, variables, tables of functions, names of C, and thread locals, as they are at
/// first.
const BELOW: &str = "
    use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
    pub static COUNT: AtomicI32 = AtomicI32::new(1);
    #[inline(never)] pub fn next() -> i32 { COUNT.fetch_add(1, Relaxed) }
    #[inline(never)] pub fn twice(value: i32) -> i32 { value * 2 }
    #[inline(never)] pub fn thrice(value: i32) -> i32 { value * 3 + base::base() }
    pub static TABLE: [fn(i32) -> i32; 3] = [twice, thrice, twice];
    #[no_mangle] pub extern \"C\" fn plain() -> i32 { 5 }
    #[no_mangle] pub static plain_table: [i32; SIZE] = [6; SIZE];
    core::arch::global_asm!(
        \".section .tdata, \\\"awT\\\", @progbits\",
        \".globl below_local\", \".type below_local, @object\", \".size below_local, 4\",
        \"below_local: .long 7\",
        \".text\",
    );
";

/// What comes before that in the first version, and in the second: it moves all else.
const FIRST: &str = "const SIZE: usize = 2;";
const SECOND: &str = "
    const SIZE: usize = 40;
    #[inline(never)] pub fn another(value: i32) -> i32 { value * 7 + COUNT.load(Relaxed) }
    pub static ANOTHER: [i32; 100] = [9; 100];
    pub static ANOTHER_TABLE: [fn(i32) -> i32; 2] = [another, twice];
    core::arch::global_asm!(
        \".section .tdata, \\\"awT\\\", @progbits\",
        \".globl another_local\", \".type another_local, @object\", \".size another_local, 16\",
        \"another_local: .zero 16\",
        \".text\",
    );
";

const ABOVE: &str = "
    pub static OWN: core::sync::atomic::AtomicI32 = core::sync::atomic::AtomicI32::new(7);
    pub static OWN_REFERENCE: &core::sync::atomic::AtomicI32 = &OWN;
    pub static INSIDE: &fn(i32) -> i32 = &below::TABLE[1];
    pub static FUNCTIONS: [fn(i32) -> i32; 3] = [below::twice, own, below::thrice];
    #[inline(never)] pub fn own(value: i32) -> i32 { value + 1 }
    #[inline(never)] pub fn above() -> i32 { below::next() + below::twice(10) + base::base() }
    #[inline(never)] pub fn plain() -> i32 { below::plain() + below::plain_table[1] + base::BASE }
    #[inline(never)] pub fn address() -> *const i32 { below::COUNT.as_ptr() }
    extern \"C\" { fn above_locals() -> i32; fn above_open() -> i32; }
    #[inline(never)] pub fn locals() -> i32 { unsafe { above_locals() } }
    #[inline(never)] pub fn opened() -> i32 { unsafe { above_open() } }
    #[no_mangle] pub extern \"C\" fn above_plain() -> i32 { 3 }
    #[used] #[link_section = \".init_array\"]
    pub static ENTRY: extern \"C\" fn() = start;
    extern \"C\" fn start() { OWN.fetch_add(100, core::sync::atomic::Ordering::Relaxed); }
    core::arch::global_asm!(
        \".section .tdata, \\\"awT\\\", @progbits\",
        \".zero 8\",
        \".globl own_local\", \".type own_local, @object\", \".size own_local, 4\",
        \"own_local: .long 20\",
        \".text\",
        \".globl above_locals\", \".type above_locals, @function\",
        \"above_locals:\",
        \"mov below_local@gottpoff(%rip), %rax\",
        \"mov %fs:(%rax), %eax\",
        \"mov own_local@gottpoff(%rip), %rdx\",
        \"add %fs:(%rdx), %eax\",
        \"ret\",
        \".size above_locals, . - above_locals\",
        options(att_syntax)
    );
";

const PROGRAM: &str = r#"
    #![no_std]
    #![no_main]
    use core::sync::atomic::Ordering::Relaxed;
    unsafe extern "C" { fn printf(format: *const u8, ...) -> i32; }
    #[unsafe(no_mangle)] extern "C" fn above_open() -> i32 { 8 }
    #[unsafe(no_mangle)]
    extern "C" fn main() -> i32 {
        let [twice, own, thrice] = above::FUNCTIONS;
        let same = above::address() == below::COUNT.as_ptr()
            && core::ptr::eq(above::INSIDE, &below::TABLE[1])
            && core::ptr::eq(above::OWN_REFERENCE, &above::OWN)
            && core::ptr::fn_addr_eq(twice, below::twice as fn(i32) -> i32);
        unsafe {
            printf(b"%d %d %d %d %d %d %d %d %d\n\0".as_ptr(), above::above(), above::plain(),
                above::locals(), above::opened(), twice(1) + own(1) + thrice(1),
                (above::INSIDE)(1), above::OWN.load(Relaxed), below::next(), same as i32);
        }
        0
    }
    #[panic_handler] fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
"#;

/// The constructor does not run: the program does not take it over.
const PRINTED: &str = "121 1011 27 8 107 103 7 2 1\n";

/// A content of a group.
struct Content {
    soname: String,
    file: PathBuf,
    layout: Option<String>,
    unbound: PathBuf,
    bytes: Vec<u8>,
}

impl Content {
    fn soname_to<'a>(&'a self, new: &'a Content) -> Renamed<'a> {
        Renamed {
            old: &self.soname,
            new: &new.soname,
        }
    }

    fn below_to<'a>(&'a self, new: &'a Content) -> Below<'a> {
        let layouts = self.layout.as_deref().zip(new.layout.as_deref());
        Below {
            soname: self.soname_to(new),
            layout: layouts.map(|(old, new)| Renamed { old, new }),
            bytes: &new.bytes,
        }
    }
}

/// What binding anew has written.
struct Rebound {
    bytes: Vec<u8>,
    unbound: Vec<u8>,
}

/// What a test makes of three crates, of which the middle one has two versions.
struct Groups {
    workshop: Workshop,
    linker: Vec<OsString>,
    base: Content,
    old_below: Content,
    new_below: Content,
    above: Library,
    program: PathBuf,
}

impl Groups {
    fn new(linker: &[OsString], second: &str) -> Groups {
        let hide = ["plain", "plain_table", "below_local"];
        Groups::with(linker, ABOVE, (FIRST, &hide), (second, &hide))
    }

    /// The two versions of the middle group have these names of C private.
    fn with(
        linker: &[OsString],
        above: &str,
        first: (&str, &[&str]),
        second: (&str, &[&str]),
    ) -> Groups {
        let workshop = Workshop::new();
        workshop.add_link_args(linker);
        let base_library = workshop.library("base", BASE);
        let base = content(
            &workshop,
            "base-0000000000000001.so",
            &base_library,
            &[],
            &[],
        );
        let version = |soname, (source, private): (&str, &[&str])| {
            let source = match source.contains("fn twice") {
                true => source.to_owned(),
                false => format!("{source}{BELOW}"),
            };
            let library = workshop.library_above("below", &source, &[&base_library]);
            let content = content(&workshop, soname, &library, &[&base], private);
            (library, content)
        };
        let (_, new_below) = version("below-0000000000000002.so", second);
        // What lies above is compiled against the first one.
        let (library, old_below) = version("below-0000000000000001.so", first);
        let below = [&library, &base_library];
        let above = workshop.library_above("above", above, &below);
        let program = workshop.path("program.o");
        let args = ["--crate-type=bin", "--emit=obj", "-Ccodegen-units=1"];
        workshop.rustc(
            "program",
            PROGRAM,
            &[&above, &library, &base_library],
            &args,
            &program,
        );
        Groups {
            workshop,
            linker: linker.to_vec(),
            base,
            old_below,
            new_below,
            above,
            program,
        }
    }

    /// Links the upper group against a content of the middle one.
    fn link(&self, soname: &str, below: &Content) -> Content {
        let private = ["above_plain", "above_locals", "own_local"];
        let below = [below, &self.base];
        content(&self.workshop, soname, &self.above, &below, &private)
    }

    /// The upper group under its old name and its new one, each from a link.
    fn linked(&self) -> [Content; 2] {
        [
            self.link("above-0000000000000001.so", &self.old_below),
            self.link("above-0000000000000002.so", &self.new_below),
        ]
    }

    /// Binds `old`, which is above the middle group `old_below`, to `new_below`.
    fn rebind(
        &self,
        [old, old_below]: [&Content; 2],
        [soname, new_below]: [&str; 2],
    ) -> Result<Rebound, Obstacle> {
        let new_below = match new_below == self.new_below.soname {
            true => &self.new_below,
            false => &self.old_below,
        };
        let below = [
            old_below.below_to(new_below),
            self.base.below_to(&self.base),
        ];
        let soname = Renamed {
            old: &old.soname,
            new: soname,
        };
        self.rebind_with(old, soname, &below)
    }

    fn rebind_with(
        &self,
        old: &Content,
        soname: Renamed<'_>,
        below: &[Below<'_>],
    ) -> Result<Rebound, Obstacle> {
        let result = self.workshop.path("result.so");
        let result_unbound = self.workshop.path("result.unbound");
        let before = fs::read(&old.file).ok();
        let rebind = Rebind {
            shared_object: &old.file,
            unbound: &old.unbound,
            soname,
            below,
            result: &result,
            result_unbound: &result_unbound,
        };
        rebind.run().unwrap()?;
        assert!(fs::read(&old.file).ok() == before);
        Ok(Rebound {
            bytes: fs::read(result).unwrap(),
            unbound: fs::read(result_unbound).unwrap(),
        })
    }

    /// The obstacle to binding the upper group to the second version of the middle one.
    #[track_caller]
    fn obstacle(&self) -> Obstacle {
        let old = self.link("above-0000000000000001.so", &self.old_below);
        let new = ["above-0000000000000002.so", &self.new_below.soname];
        obstacle(self.rebind([&old, &self.old_below], new))
    }

    /// What the program prints with this upper group, above the second version of the middle one.
    fn run(&self, above: &Content) -> String {
        let mut args = self.linker.clone();
        args.push("-Wl,-z,nocopyreloc,-z,now".into());
        args.push(self.program.clone().into());
        let groups = [above, &self.new_below, &self.base];
        for content in groups {
            let below = [&self.new_below, &self.base].map(|below| below.file.clone());
            let open = open_references(&content.file, &below).unwrap();
            args.push(stub(&self.workshop, content, &open).into());
        }
        let mut run_path = OsString::from("-Wl,-rpath,");
        run_path.push(self.workshop.directory.path());
        args.push(run_path);
        let program = self.workshop.path("program");
        programs::run(Command::new("cc").args(args).arg("-o").arg(&program));
        let groups = groups.map(|content| (&*content.soname, &content.bytes[..]));
        link_engine::bind::bind(&program, &groups).unwrap();
        programs::run(&mut Command::new(program))
    }
}

#[track_caller]
fn obstacle(rebound: Result<Rebound, Obstacle>) -> Obstacle {
    rebound.err().expect("there is an obstacle")
}

fn stub(workshop: &Workshop, content: &Content, open: &[OpenReference]) -> PathBuf {
    let stubs = workshop.path("stubs");
    fs::create_dir_all(&stubs).unwrap();
    let stub = stubs.join(&content.soname);
    assert!(write_stub(&content.file, &content.soname, Wanted::All, open, &stub).unwrap());
    stub
}

/// Does what a group job does with its rlibs.
fn content(
    workshop: &Workshop,
    soname: &str,
    library: &Library,
    below: &[&Content],
    private: &[&str],
) -> Content {
    let template = GroupManifest::read(&workshop.sysroot()).unwrap().template;
    let script = workshop.path("versions");
    fs::write(&script, versions::SCRIPT).unwrap();
    let mut option = OsString::from("--version-script=");
    option.push(script);
    let stubs: Vec<PathBuf> = below
        .iter()
        .map(|content| stub(workshop, content, &[]))
        .collect();
    let file = workshop.path(soname);
    let line = GroupLine {
        template: &template.unwrap(),
        soname,
        output: &file,
        rlibs: std::slice::from_ref(&library.rlib),
        below: &stubs,
        native_search: &[],
        native_libraries: &[],
        run_paths: &["$ORIGIN".into()],
        options: &[option],
    };
    programs::run(Command::new("cc").args(line.args()));
    layout::seal(&file, &private.iter().copied().collect()).unwrap();
    let groups: Vec<(&str, &[u8])> = below
        .iter()
        .map(|content| (&*content.soname, &content.bytes[..]))
        .collect();
    let unbound = workshop.path(&format!("{soname}.unbound"));
    let bound = Unbound::bind(&file, &groups).unwrap();
    bound.write(&unbound).unwrap();
    hand_over_constructors(&file);
    Content {
        soname: soname.to_owned(),
        layout: layout::of(&file).unwrap(),
        bytes: fs::read(&file).unwrap(),
        file,
        unbound,
    }
}

/// As `constructors::hand_over` does.
fn hand_over_constructors(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let object = object::File::parse(&*bytes).unwrap();
    let entries = object.dynamic_symbols();
    let entries: Vec<String> = entries
        .filter_map(|symbol| Some(symbol.name().ok()?.to_owned()))
        .filter(|name| name.contains("ENTRY"))
        .collect();
    if entries.is_empty() {
        return;
    }
    let entries: HashSet<&str> = entries.iter().map(String::as_str).collect();
    for patch in hand_over_patches(&bytes, &entries).unwrap().unwrap() {
        bytes[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
    fs::write(file, bytes).unwrap();
}

/// The bytes of a shared object but for its build id, which says what it was linked from.
fn without_build_id(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let object = object::File::parse(&*bytes).unwrap();
    let section = object.section_by_name(".note.gnu.build-id");
    if let Some((start, size)) = section.and_then(|section| section.file_range()) {
        bytes[start as usize..][..size as usize].fill(0);
    }
    bytes
}

/// What the relocations of a shared object come to, wherever they are: their type, and the name of a
/// symbol or the soname of a group, with a distance from it.
fn resolved(bytes: &[u8], groups: &[&Content]) -> Vec<(String, String, i64)> {
    let mut places = HashMap::new();
    for group in groups {
        let object = object::File::parse(&*group.bytes).unwrap();
        for symbol in object
            .dynamic_symbols()
            .filter(|symbol| symbol.is_definition())
        {
            let place = (group.soname.clone(), symbol.address() as i64);
            places.insert(symbol.name().unwrap().to_owned(), place);
        }
    }
    let object = object::File::parse(bytes).unwrap();
    let symbols = object.dynamic_symbol_table().unwrap();
    let relocations = object.dynamic_relocations().unwrap();
    let resolved = relocations.map(|(_, relocation)| {
        let kind = format!("{:?}", relocation.flags());
        let name = match relocation.target() {
            RelocationTarget::Symbol(index) => {
                let symbol = symbols.symbol_by_index(index).unwrap();
                symbol.name().unwrap().to_owned()
            }
            _ => String::new(),
        };
        let (base, distance) = places.get(&name).cloned().unwrap_or((name, 0));
        (kind, base, distance + relocation.addend())
    });
    let mut resolved: Vec<_> = resolved.collect();
    resolved.sort();
    resolved
}

/// Panics with the place of the first difference.
#[track_caller]
fn check_same(what: &str, bytes: &[u8], expected: &[u8]) {
    let [one, other] = [bytes, expected].map(without_build_id);
    let difference = one.iter().zip(&other).position(|(one, other)| one != other);
    let object = object::File::parse(expected).unwrap();
    let section = difference.and_then(|place| {
        let mut sections = object.sections();
        sections.find(|section| {
            let range = section.file_range();
            range.is_some_and(|(start, size)| (start..start + size).contains(&(place as u64)))
        })
    });
    assert_eq!(
        (difference, section.map(|section| section.name().unwrap())),
        (None, None),
        "{what}"
    );
    assert_eq!(bytes.len(), expected.len());
}

/// The arguments by which a compiler driver uses the lld of rustc.
fn lld() -> Vec<OsString> {
    let mut directory = OsString::from("-B");
    directory.push(programs::rust_programs().join("gcc-ld"));
    vec![directory, "-fuse-ld=lld".into()]
}

#[track_caller]
fn check(linker: &[OsString]) {
    let groups = Groups::new(linker, SECOND);
    let [old, new] = groups.linked();
    let (old_below, new_below) = (&groups.old_below, &groups.new_below);
    // There is something to do: places differ, and references are bound to them.
    assert_ne!(old_below.layout, new_below.layout);
    assert_eq!(old.layout, new.layout);
    assert!(old.bytes != new.bytes);

    let rebound = groups.rebind([&old, old_below], [&new.soname, &new_below.soname]);
    let Rebound { bytes, unbound } = rebound.unwrap();
    let what = format!("{linker:?}");
    if linker.contains(&"-fuse-ld=bfd".into()) {
        // It puts references, and slots for their addresses, in the order of a hash of name and
        // version.
        let below = [new_below, &groups.base];
        assert_eq!(resolved(&bytes, &below), resolved(&new.bytes, &below));
    } else {
        check_same(&what, &bytes, &new.bytes);
        assert!(unbound == fs::read(&new.unbound).unwrap());
    }

    // The new content can be bound anew as well: to the old group, and it is as it was.
    fs::write(&new.file, &bytes).unwrap();
    fs::write(&new.unbound, &unbound).unwrap();
    assert_eq!(groups.run(&new), PRINTED);
    let rebound = groups.rebind([&new, new_below], [&old.soname, &old_below.soname]);
    let Rebound { bytes, unbound } = rebound.unwrap();
    assert!(bytes == old.bytes);
    assert!(unbound == fs::read(&old.unbound).unwrap());
}

#[test]
fn what_is_bound_anew_is_what_is_linked_anew() {
    with_each_linker("what_is_bound_anew_is_what_is_linked_anew", check);
}

#[test]
fn packed_relocations_stay_as_they_are() {
    let mut linker = lld();
    linker.push("-Wl,-z,pack-relative-relocs".into());
    check(&linker);
}

#[test]
fn a_symbol_that_is_not_defined_as_before_is_an_obstacle() {
    let name = |obstacle| match obstacle {
        Obstacle::Symbol(name) => name,
        other => panic!("{other:?}"),
    };
    let hide = ["plain", "plain_table", "below_local"];
    let show = ["plain_table", "below_local"];
    let second = format!("{SECOND}{BELOW}");

    let gone = second
        .replace("fn twice", "fn double")
        .replace("twice", "double");
    let groups = Groups::with(
        &[],
        ABOVE,
        (FIRST, &hide),
        (&format!("fn twice() {{}}{gone}"), &hide),
    );
    assert!(name(groups.obstacle()).contains("twice"));

    // A name of C that is shown now, or no longer.
    let groups = Groups::with(&[], ABOVE, (FIRST, &hide), (SECOND, &show));
    assert_eq!(name(groups.obstacle()), "plain");
    let groups = Groups::with(&[], ABOVE, (FIRST, &show), (SECOND, &hide));
    assert_eq!(name(groups.obstacle()), "plain");

    // A variable where there was a function.
    let variable = second.replace(
        "pub extern \"C\" fn plain() -> i32 { 5 }",
        "pub static plain: i32 = 5;",
    );
    let groups = Groups::with(&[], ABOVE, (FIRST, &hide), (&variable, &hide));
    assert_eq!(name(groups.obstacle()), "plain");

    // What nobody defined.
    let defining = format!("{SECOND}#[no_mangle] pub extern \"C\" fn above_open() -> i32 {{ 9 }}");
    let groups = Groups::new(&[], &defining);
    assert_eq!(name(groups.obstacle()), "above_open");

    // What nobody below referred to.
    let referring = format!(
        "{SECOND}extern \"C\" {{ fn above_plain() -> i32; }}
         pub fn refers() -> i32 {{ unsafe {{ above_plain() }} }}"
    );
    let groups = Groups::new(&[], &referring);
    assert_eq!(name(groups.obstacle()), "above_plain");
}

#[test]
fn a_symbol_that_is_public_before_and_after_is_none() {
    let show = ["plain_table", "below_local"];
    let groups = Groups::with(&lld(), ABOVE, (FIRST, &show), (SECOND, &show));
    let [old, new] = groups.linked();
    let below = [&new.soname, &*groups.new_below.soname];
    let rebound = groups.rebind([&old, &groups.old_below], below).unwrap();
    check_same("public", &rebound.bytes, &new.bytes);
}

#[test]
fn a_name_that_cannot_be_replaced_is_an_obstacle() {
    let groups = Groups::new(&[], SECOND);
    let [old, new] = groups.linked();
    let below = groups.old_below.below_to(&groups.new_below);
    let base = groups.base.below_to(&groups.base);
    let soname = old.soname_to(&new);
    let check = |soname: Renamed<'_>, below: Below<'_>, name: &str| {
        let rebound = groups.rebind_with(&old, soname, &[below, base]);
        assert_eq!(obstacle(rebound), Obstacle::Name(name.to_owned()));
    };
    let longer = "above-00000000000000002.so";
    let renamed = Renamed {
        new: longer,
        ..soname
    };
    check(renamed, below, longer);
    let foreign = "other-0000000000000001.so";
    let renamed = Renamed {
        old: foreign,
        ..soname
    };
    check(renamed, below, foreign);
    let renamed = Renamed {
        old: foreign,
        ..below.soname
    };
    let other = Below {
        soname: renamed,
        ..below
    };
    check(soname, other, foreign);
    let layout = below.layout.unwrap();
    let renamed = Renamed {
        old: layout.new,
        ..layout
    };
    let other = Below {
        layout: Some(renamed),
        ..below
    };
    check(soname, other, layout.old);
    // The bytes are those of another layout than is said.
    let renamed = Renamed {
        new: layout.old,
        ..layout
    };
    let other = Below {
        layout: Some(renamed),
        ..below
    };
    check(soname, other, layout.old);
    // Not all groups are told.
    let rebound = groups.rebind_with(&old, soname, &[base]);
    assert_eq!(obstacle(rebound), Obstacle::Name(layout.old.to_owned()));
}

/// GNU ld lets a string be the end of a longer one.
#[test]
fn a_name_that_is_a_part_of_another_string_is_an_obstacle() {
    let prefixed = "_below-0000000000000001.so";
    for (symbol, old) in [
        (prefixed, "below-0000000000000001.so"),
        ("ve-0000000000000001.so", "above-0000000000000001.so"),
        ("below-0000000000000001.so", "below-0000000000000001.so"),
    ] {
        let above = format!("{ABOVE}#[export_name = \"{symbol}\"] pub static STRING: i32 = 1;");
        let hide = ["plain", "plain_table", "below_local"];
        let linker = ["-fuse-ld=bfd".into()];
        let groups = Groups::with(&linker, &above, (FIRST, &hide), (SECOND, &hide));
        println!("{symbol}");
        assert_eq!(groups.obstacle(), Obstacle::Name(old.to_owned()));
    }
}

#[test]
fn what_is_kept_of_another_file_is_an_obstacle() {
    let groups = Groups::new(&[], SECOND);
    let [old, new] = groups.linked();
    let check = |expected: fn(&Obstacle) -> bool| {
        let new = [&new.soname, &*groups.new_below.soname];
        let obstacle = obstacle(groups.rebind([&old, &groups.old_below], new));
        assert!(expected(&obstacle), "{obstacle:?}");
    };
    let is_of_another = |obstacle: &Obstacle| *obstacle == Obstacle::OtherFile;
    let is_unreadable = |obstacle: &Obstacle| matches!(obstacle, Obstacle::Unreadable(_));
    let kept = fs::read(&old.unbound).unwrap();
    fs::copy(&new.unbound, &old.unbound).unwrap();
    check(is_of_another);
    let mut damaged = kept.clone();
    let last = damaged.len() - 1;
    // The offset of the first piece.
    damaged[60] ^= 1;
    fs::write(&old.unbound, &damaged).unwrap();
    check(is_of_another);
    fs::write(&old.unbound, &kept[..last]).unwrap();
    check(is_unreadable);
    fs::remove_file(&old.unbound).unwrap();
    check(is_unreadable);
    fs::write(&old.unbound, &kept).unwrap();
    let linked = fs::read(&old.file).unwrap();
    fs::write(&old.file, &linked[..linked.len() - 1]).unwrap();
    check(is_of_another);
    fs::write(&old.file, "no object").unwrap();
    check(|obstacle| *obstacle == Obstacle::NotBound);
    fs::remove_file(&old.file).unwrap();
    check(is_unreadable);
}
