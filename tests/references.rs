//! How references of executables and groups to definitions in other files are bound.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use crate::prelude::*;
use cargo_test_support::registry::Package;

use super::{dynamic_symbols, group_files, manifest, program, publish_native, same_behaviour};

/// The names that rustc has mangled among those that the loader looks up for a file, except for
/// thread locals.
#[track_caller]
fn looked_up(file: &Path) -> HashSet<String> {
    let output = Command::new("readelf").arg("-rW").arg(file).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    super::text(&output.stdout)
        .lines()
        .filter(|line| {
            !["DTPMOD", "DTPOFF", "TPOFF"]
                .iter()
                .any(|kind| line.contains(kind))
        })
        .flat_map(|line| line.split([' ', '@']))
        .filter(|word| word.starts_with("_R") || word.starts_with("_ZN"))
        .map(str::to_owned)
        .collect()
}

#[cargo_test]
fn references_to_crates_are_bound_by_place() {
    Package::new("frozen", "1.0.0")
        .file("Cargo.toml", &manifest("frozen", ""))
        .file(
            "src/lib.rs",
            r#"
                use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
                pub static COUNT: AtomicUsize = AtomicUsize::new(1);
                pub static REFERENCE: &AtomicUsize = &COUNT;
                pub static CALLS: [fn() -> usize; 2] = [next, twice];
                thread_local! { pub static LOCAL: std::cell::Cell<usize> = const { std::cell::Cell::new(5) }; }
                pub fn next() -> usize { REFERENCE.fetch_add(1, SeqCst) }
                pub fn twice() -> usize { LOCAL.with(|local| local.get()) + 2 * next() }
                pub fn address() -> usize { &raw const COUNT as usize }
            "#,
        )
        .publish();
    let p = program(
        &["frozen"],
        r#"
            use frozen::{CALLS, COUNT, LOCAL, REFERENCE};
            static STARTS: [fn() -> usize; 3] = [frozen::next, frozen::twice, frozen::address];
            fn main() {
                LOCAL.set(100);
                let same = [
                    STARTS[2]() == &raw const COUNT as usize,
                    std::ptr::eq(REFERENCE, &COUNT),
                    CALLS[0] as usize == frozen::next as usize,
                    STARTS[1] as usize == CALLS[1] as usize,
                ];
                println!("{} {} {} {same:?}", STARTS[0](), CALLS[1](), COUNT.load(std::sync::atomic::Ordering::SeqCst));
            }
        "#,
    );
    let printed = same_behaviour(&p);
    let expected = "1 104 3 [true, true, true, true]\n";
    assert_eq!(super::text(&printed.stdout), expected);

    // One name for each group that is referred to. The runtime, which the program completes,
    // is looked up.
    let is_of_crates = |name: &String| !name.contains("_7___rustc");
    let of = |file: &Path| looked_up(file).into_iter().filter(is_of_crates).count();
    assert_eq!(of(&p.bin("foo")), 2);
    let [frozen] = &super::contents(&p, "frozen")[..] else {
        panic!("{:?}", super::contents(&p, "frozen"));
    };
    assert_eq!(of(frozen), 1);
    let [sysroot] = &super::contents(&p, "sysroot")[..] else {
        panic!("{:?}", super::contents(&p, "sysroot"));
    };
    assert_eq!(of(sysroot), 0);
}

#[cargo_test]
fn references_to_the_c_library_have_versions() {
    // Without, the loader takes the oldest version of a function.
    publish_native(
        "native",
        "#include <pthread.h>
         int native_lock(void) {
             static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
             return pthread_cond_signal(&condition);
         }",
        r#"
            extern "C" { fn native_lock() -> i32; fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8; }
            #[inline(always)]
            pub fn lock() -> i32 {
                let (mut to, from) = ([0_u8; 4], [1_u8; 4]);
                unsafe { memcpy(to.as_mut_ptr(), from.as_ptr(), 4); native_lock() + to[3] as i32 }
            }
        "#,
    );
    let p = program(
        &["native"],
        "fn main() { println!(\"{}\", native::lock()); }",
    );
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1\n");

    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let libraries: HashSet<&str> = maps
        .lines()
        .filter_map(|line| line.split(' ').next_back())
        .filter(|path| path.contains("/libc.so") || path.contains("/libm.so"))
        .collect();
    assert!(!libraries.is_empty(), "{maps}");
    let of_platform: HashSet<String> = libraries
        .iter()
        .flat_map(|library| dynamic_symbols(Path::new(library), "--defined-only"))
        .map(|symbol| symbol.split('@').next().unwrap().to_owned())
        .collect();
    assert!(of_platform.contains("memcpy"));

    let mut files = group_files(&p, "");
    files.retain(|file| file.extension().is_some_and(|extension| extension == "so"));
    assert!(files.len() >= 2, "{files:?}");
    files.push(p.bin("foo"));
    for file in files {
        let undefined = dynamic_symbols(&file, "--undefined-only");
        let versioned = undefined.iter().filter(|symbol| symbol.contains('@'));
        assert!(versioned.count() > 0, "{}", file.display());
        let unversioned: Vec<_> = undefined
            .iter()
            .filter(|symbol| of_platform.contains(*symbol))
            .collect();
        assert!(
            unversioned.is_empty(),
            "{}: {unversioned:?}",
            file.display()
        );
    }
}
