//! A process has one allocator, whichever crate provides it.

use crate::prelude::*;
use cargo_test_support::project;
use cargo_test_support::registry::Package;

use super::{manifest, same_behaviour};

/// An allocator that counts, and says how often it was called.
const COUNTING: &str = r#"
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    pub struct Counting;
    pub static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
    pub static FREED: AtomicUsize = AtomicUsize::new(0);

    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            ALLOCATED.fetch_add(1, Relaxed);
            unsafe { System.alloc(layout) }
        }
        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            FREED.fetch_add(1, Relaxed);
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    /// How many allocations and frees `work` does.
    pub fn count<T>(work: impl FnOnce() -> T) -> (usize, usize) {
        let (allocated, freed) = (ALLOCATED.load(Relaxed), FREED.load(Relaxed));
        drop(work());
        (ALLOCATED.load(Relaxed) - allocated, FREED.load(Relaxed) - freed)
    }
"#;

/// Allocates in the standard library, in a dependency and in the program, and lets
/// each free what another one made.
const WORK: &str = r#"
    fn main() {
        println!("{:?}", count(|| std::env::current_dir().unwrap()));
        println!("{:?}", count(|| std::fs::read_to_string("/proc/self/comm").unwrap().len()));
        println!("{:?}", count(|| worker::make(100)));
        println!("{:?}", count(|| worker::free(vec![String::from("here")])));
        println!("{:?}", count(|| vec![1u8; 10]));
    }
"#;

fn publish_worker() {
    Package::new("worker", "1.0.0")
        .file(
            "src/lib.rs",
            "pub fn make(n: usize) -> Vec<String> { (0..n).map(|n| n.to_string()).collect() }
             pub fn free(strings: Vec<String>) -> usize { strings.len() }",
        )
        .publish();
}

#[cargo_test]
fn in_the_program() {
    publish_worker();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nworker = '1.0'\n"),
        )
        .file("src/counting.rs", COUNTING)
        .file(
            "src/main.rs",
            &format!(
                "mod counting; use counting::*;
                 #[global_allocator] static GLOBAL: Counting = Counting;
                 {WORK}"
            ),
        )
        .build();
    let output = same_behaviour(&p);
    assert!(counts(&output.stdout, 2) > 100);
}

#[cargo_test]
fn in_a_dependency() {
    publish_worker();
    Package::new("counting", "1.0.0")
        .file(
            "src/lib.rs",
            &format!("{COUNTING}\n#[global_allocator] static GLOBAL: Counting = Counting;"),
        )
        .publish();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nworker = '1.0'\ncounting = '1.0'\n"),
        )
        .file("src/main.rs", &format!("use counting::count;\n{WORK}"))
        .build();
    let output = same_behaviour(&p);
    assert!(counts(&output.stdout, 2) > 100);
}

#[cargo_test]
fn in_a_dependency_that_only_one_program_names() {
    // An allocator that is not compatible with the default one: it hands out pointers
    // into the middle of what it allocates.
    Package::new("offset", "1.0.0")
        .file(
            "src/lib.rs",
            r#"
                use std::alloc::{GlobalAlloc, Layout, System};
                pub struct Offset;
                fn larger(layout: Layout) -> Layout {
                    Layout::from_size_align(layout.size() + 64, 64).unwrap()
                }
                unsafe impl GlobalAlloc for Offset {
                    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
                        unsafe { System.alloc(larger(layout)).add(64) }
                    }
                    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
                        unsafe { System.dealloc(pointer.sub(64), larger(layout)) }
                    }
                }
                #[global_allocator] static GLOBAL: Offset = Offset;
            "#,
        )
        .publish();
    publish_worker();
    let work = "fn main() { println!(\"{}\", worker::free(worker::make(1000))); }";
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nworker = '1.0'\noffset = '1.0'\n"),
        )
        .file("src/main.rs", work)
        .file("src/bin/names.rs", &format!("use offset as _; {work}"))
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_eq!(worker::make(10).len(), 10); }",
        )
        .build();
    p.cargo("test --dynamic-deps").run();
    p.cargo("build --dynamic-deps").run();
    for bin in ["foo", "names"] {
        assert_eq!(super::stdout(&p.bin(bin)), "1000\n");
        assert!(!super::groups_of(&p.bin(bin)).is_empty());
    }
}

#[cargo_test]
fn in_a_test_harness() {
    publish_worker();
    let counted = r#"
        use counting::*;
        #[global_allocator] static GLOBAL: Counting = Counting;

        #[test]
        fn counted() {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let is_dynamic = maps.contains("/dynamic-deps-");
            assert_eq!(is_dynamic, std::env::var_os("DYNAMIC").is_some());

            let by_std = count(|| std::env::current_dir().unwrap());
            let by_dependency = count(|| worker::make(100));
            let freed_there = count(|| worker::free(vec![String::from("here")]));
            assert!(by_std.0 > 0 && by_std.1 > 0, "{by_std:?}");
            assert!(by_dependency.0 > 100 && by_dependency.1 > 100, "{by_dependency:?}");
            assert!(freed_there.1 > 1, "{freed_there:?}");
        }
    "#;
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nworker = '1.0'\n"),
        )
        .file("src/counting.rs", COUNTING)
        .file(
            "src/lib.rs",
            &format!("#[cfg(test)] mod counting;\n#[cfg(test)] mod tests {{ use super::counting; {counted} }}"),
        )
        .file(
            "tests/it.rs",
            &format!("#[path = \"../src/counting.rs\"] mod counting;\n{counted}"),
        )
        .build();
    let passed = |arguments: &str, variable: &str| {
        let output = p.cargo(arguments).env(variable, "1").run();
        super::text(&output.stdout)
            .matches("counted ... ok")
            .count()
    };
    assert_eq!(passed("test --no-dynamic-deps", "STATIC"), 2);
    assert_eq!(passed("test --dynamic-deps", "DYNAMIC"), 2);
}

#[cargo_test]
fn none() {
    publish_worker();
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nworker = '1.0'\n"),
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", worker::free(worker::make(1000))); }",
        )
        .build();
    assert_eq!(super::text(&same_behaviour(&p).stdout), "1000\n");
}

/// The first number on a line of the output.
fn counts(stdout: &[u8], line: usize) -> usize {
    let line = super::text(stdout).lines().nth(line).unwrap();
    let number = line.trim_start_matches('(').split(',').next().unwrap();
    number.parse().unwrap()
}
