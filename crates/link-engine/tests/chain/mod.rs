//! Three groups, one above the other, of which the middle one has two versions.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use link_engine::for_tests::GroupLine;
use link_engine::for_tests::bind::bind;
use link_engine::for_tests::constructors::hand_over_patches;
use link_engine::for_tests::rebind::{Below, Obstacle, Rebind, Renamed, Unbound};
use link_engine::for_tests::versions;
use link_engine::for_tests::{OpenReference, Wanted, open_references, write_stub};
use link_engine::for_tests::{layout, seal};
use link_engine::group::Library;
use link_engine::record::GroupManifest;
use object::{Object as _, ObjectSymbol as _};

use crate::programs;
use crate::workshop::Workshop;

/// The lowest group, which stays.
const BASE: &str = "
    #[inline(never)] pub fn base() -> i32 { 100 }
    pub static BASE: i32 = 1000;
";

/// Functions, variables, tables of functions, names of C, and thread locals, as they are at
/// first.
pub(crate) const BELOW: &str = "
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

/// The code before that in the first version, and in the second: it moves everything else.
pub(crate) const FIRST: &str = "const SIZE: usize = 2;";
pub(crate) const SECOND: &str = "
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

pub(crate) const ABOVE: &str = "
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
pub(crate) const PRINTED: &str = "121 1011 27 8 107 103 7 2 1\n";

/// A content of a group.
pub(crate) struct Content {
    pub(crate) soname: String,
    pub(crate) file: PathBuf,
    pub(crate) layout: Option<String>,
    pub(crate) unbound: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

impl Content {
    pub(crate) fn soname_to<'a>(&'a self, new: &'a Content) -> Renamed<'a> {
        Renamed {
            old: &self.soname,
            new: &new.soname,
        }
    }

    pub(crate) fn below_to<'a>(&'a self, new: &'a Content) -> Below<'a> {
        let layouts = self.layout.as_deref().zip(new.layout.as_deref());
        Below {
            soname: self.soname_to(new),
            layout: layouts.map(|(old, new)| Renamed { old, new }),
            bytes: &new.bytes,
        }
    }
}

/// The files that binding anew has written.
pub(crate) struct Rebound {
    pub(crate) bytes: Vec<u8>,
    pub(crate) unbound: Vec<u8>,
}

/// The groups of three crates, of which the middle one has two versions.
pub(crate) struct Groups {
    workshop: Workshop,
    linker: Vec<OsString>,
    pub(crate) base: Content,
    pub(crate) old_below: Content,
    pub(crate) new_below: Content,
    above: Library,
    program: PathBuf,
}

impl Groups {
    pub(crate) fn new(linker: &[OsString], second: &str) -> Groups {
        let hide = ["plain", "plain_table", "below_local"];
        Groups::with(linker, ABOVE, (FIRST, &hide), (second, &hide))
    }

    /// In both versions of the middle group, these C names are private.
    pub(crate) fn with(
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
        // The crate above is compiled against the first one.
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
    pub(crate) fn link(&self, soname: &str, below: &Content) -> Content {
        let private = ["above_plain", "above_locals", "own_local"];
        let below = [below, &self.base];
        content(&self.workshop, soname, &self.above, &below, &private)
    }

    /// The upper group under its old name and its new one, each from a link.
    pub(crate) fn linked(&self) -> [Content; 2] {
        [
            self.link("above-0000000000000001.so", &self.old_below),
            self.link("above-0000000000000002.so", &self.new_below),
        ]
    }

    /// Binds `old`, which is above the middle group `old_below`, to `new_below`.
    pub(crate) fn rebind(
        &self,
        [old, old_below]: [&Content; 2],
        soname: &str,
        new_below: &Content,
    ) -> Result<Rebound, Obstacle> {
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

    pub(crate) fn rebind_with(
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
    pub(crate) fn obstacle(&self) -> Obstacle {
        let old = self.link("above-0000000000000001.so", &self.old_below);
        let new = "above-0000000000000002.so";
        obstacle(self.rebind([&old, &self.old_below], new, &self.new_below))
    }

    /// The output of the program with this upper group, above the second version of the middle one.
    pub(crate) fn run(&self, above: &Content) -> String {
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
        bind(&program, &groups).unwrap();
        programs::run(&mut Command::new(program))
    }
}

#[track_caller]
pub(crate) fn obstacle(rebound: Result<Rebound, Obstacle>) -> Obstacle {
    rebound.err().expect("there is an obstacle")
}

fn stub(workshop: &Workshop, content: &Content, open: &[OpenReference]) -> PathBuf {
    let stubs = workshop.path("stubs");
    fs::create_dir_all(&stubs).unwrap();
    let stub = stubs.join(&content.soname);
    assert!(
        write_stub(
            &content.file,
            &content.soname,
            Wanted::All.into(),
            open,
            &stub
        )
        .unwrap()
    );
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
    seal::seal(&file, &private.iter().copied().collect()).unwrap();
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
