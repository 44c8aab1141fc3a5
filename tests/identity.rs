//! A thing that exists once in a static program exists once in a dynamic one: a variable, a
//! function, a type, the standard library.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{LAYERS, groups_of, manifest, same_behaviour};

/// A program with `base` and `middle` from the registry and a `local` crate, each of
/// which uses those before it.
fn layered(base: &str, middle: &str, local: &str, main: &str) -> Project {
    Package::new("base", "1.0.0")
        .edition("2021")
        .file("src/lib.rs", base)
        .publish();
    Package::new("middle", "1.0.0")
        .edition("2021")
        .file("src/lib.rs", middle)
        .dep("base", "1.0")
        .publish();
    let dependencies = "[dependencies]\nbase = '1.0'\nmiddle = '1.0'\n";
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!("{dependencies}local = {{ path = 'local' }}\n"),
            ),
        )
        .file("src/main.rs", main)
        .file("local/Cargo.toml", &manifest("local", dependencies))
        .file("local/src/lib.rs", local)
        .build()
}

/// Builds and runs it both ways; returns what it prints.
#[track_caller]
fn stdout_of_both(p: &Project) -> String {
    let output = same_behaviour(p);
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    super::text(&output.stdout).to_owned()
}

#[cargo_test]
fn a_static_has_one_address() {
    // By reference, from inlined and generic code, by pointers in other statics, and
    // mutable data: whatever sort of relocation leads there.
    let uses = r#"
        pub static BY_POINTER: &u32 = &base::PLAIN;
        pub fn addresses() -> Vec<usize> {
            vec![
                &base::PLAIN as *const _ as usize,
                BY_POINTER as *const _ as usize,
                base::inlined() as *const _ as usize,
                base::generic::<u64>() as *const _ as usize,
                base::of_function() as *const _ as usize,
                base::of_generic::<u64>() as *const _ as usize,
                base::LAZY.get_or_init(|| 3) as *const _ as usize,
                &raw const base::MUTABLE as usize,
            ]
        }
    "#;
    let p = layered(
        r#"
            pub static PLAIN: u32 = 1;
            pub static LAZY: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
            pub static mut MUTABLE: [u32; 100] = [7; 100];
            static PRIVATE: u32 = 2;
            #[inline(always)] pub fn inlined() -> &'static u32 { &PRIVATE }
            pub fn generic<T>() -> &'static u32 { let _ = size_of::<T>(); &PRIVATE }
            #[inline] pub fn of_function() -> &'static u32 { static INNER: u32 = 3; &INNER }
            pub fn of_generic<T>() -> &'static std::sync::atomic::AtomicU32 {
                static INNER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
                let _ = size_of::<T>();
                INNER.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                &INNER
            }
        "#,
        uses,
        uses,
        &format!(
            r#"
                mod own {{ {uses} }}
                fn main() {{
                    let (own, middle, local) = (own::addresses(), middle::addresses(), local::addresses());
                    println!("{{}} {{}}", own == middle, own == local);
                    unsafe {{ base::MUTABLE[99] = 8 }};
                    println!("{{:?}} {{}}", base::of_generic::<u8>(), unsafe {{ base::MUTABLE[99] }});
                    println!("{{}} {{}}", middle::BY_POINTER, local::BY_POINTER);
                }}
            "#
        ),
    );
    assert_eq!(stdout_of_both(&p), "true true\n4 8\n1 1\n");
}

#[cargo_test]
fn a_type_has_one_id() {
    let uses = r#"
        use std::any::{Any, TypeId, type_name};
        pub fn ids() -> Vec<(TypeId, &'static str)> {
            fn id<T: Any>() -> (TypeId, &'static str) { (TypeId::of::<T>(), type_name::<T>()) }
            vec![
                id::<base::Thing>(),
                id::<Vec<base::Thing>>(),
                id::<Option<Box<dyn base::Named>>>(),
                id::<fn(base::Thing) -> String>(),
                id::<base::Generic<std::collections::HashMap<u8, base::Thing>>>(),
            ]
        }
        pub fn make() -> Vec<Box<dyn Any + Send>> {
            vec![
                Box::new(base::Thing(1)),
                Box::new(base::Generic(vec![base::Thing(2)])),
                Box::new(String::from("text")),
            ]
        }
        pub fn take(things: Vec<Box<dyn Any + Send>>) -> Vec<bool> {
            vec![
                things[0].is::<base::Thing>(),
                things[1].is::<base::Generic<Vec<base::Thing>>>(),
                things[2].is::<String>(),
            ]
        }
        pub fn fail() -> Box<dyn std::error::Error> { Box::new(base::Thing(5)) }
    "#;
    let p = layered(
        r#"
            #[derive(Debug)] pub struct Thing(pub u32);
            #[derive(Debug)] pub struct Generic<T>(pub T);
            pub trait Named { fn name(&self) -> String; }
            impl Named for Thing { fn name(&self) -> String { format!("thing {}", self.0) } }
            impl<T> Named for Generic<T> {
                fn name(&self) -> String { std::any::type_name::<T>().to_owned() }
            }
            impl std::fmt::Display for Thing {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
            }
            impl std::error::Error for Thing {}
        "#,
        uses,
        uses,
        &format!(
            r#"
                mod own {{ {uses} }}
                use base::Named;
                fn main() {{
                    println!("{{}} {{}}", own::ids() == middle::ids(), own::ids() == local::ids());
                    println!("{{:?}} {{:?}}", own::take(local::make()), middle::take(own::make()));
                    println!("{{:?}} {{:?}}", local::take(middle::make()), middle::take(local::make()));
                    let error = middle::fail().downcast::<base::Thing>().unwrap();
                    let names: [Box<dyn Named>; 2] = [error, Box::new(base::Generic(local::make()))];
                    println!("{{:?}}", names.map(|named| named.name()));
                }}
            "#
        ),
    );
    let stdout = stdout_of_both(&p);
    assert!(stdout.starts_with("true true\n"), "{stdout}");
    assert!(!stdout.contains("false"), "{stdout}");
}

#[cargo_test]
fn a_function_has_one_address() {
    // rustc does not promise it, but `Waker::will_wake` and C libraries count on it.
    let uses = r#"
        pub fn addresses() -> Vec<usize> {
            vec![
                base::function as fn() -> u32 as usize,
                base::exported as extern "C" fn() -> u32 as usize,
                base::TABLE.0 as usize,
                base::TABLE as *const _ as usize,
                std::process::abort as fn() -> ! as usize,
                base::of_c(),
            ]
        }
    "#;
    let p = layered(
        r#"
            pub struct Table(pub fn() -> u32);
            pub static TABLE: &Table = &Table(function);
            pub fn function() -> u32 { 1 }
            #[no_mangle] pub extern "C" fn exported() -> u32 { 2 }
            extern "C" { fn strlen(text: *const std::ffi::c_char) -> usize; }
            #[inline(always)] pub fn of_c() -> usize { strlen as *const () as usize }
        "#,
        uses,
        uses,
        &format!(
            r#"
                mod own {{ {uses} }}
                extern "C" {{ fn exported() -> u32; }}
                fn main() {{
                    let (own, middle, local) = (own::addresses(), middle::addresses(), local::addresses());
                    println!("{{}} {{}}", own == middle, own == local);
                    println!("{{}} {{}}", own[0] == own[2], own[1] == exported as *const () as usize);
                    println!("{{}} {{}}", (base::TABLE.0)(), unsafe {{ exported() }});
                }}
            "#
        ),
    );
    assert_eq!(stdout_of_both(&p), "true true\ntrue true\n1 2\n");
}

#[cargo_test]
fn the_standard_library_has_one_state() {
    let p = layered(
        r#"
            pub fn arguments() -> Vec<String> { std::env::args().skip(1).collect() }
            pub fn set_variable() { unsafe { std::env::set_var("SET_BY_BASE", "yes") } }
            pub fn thread() -> (Option<String>, std::thread::ThreadId) {
                let thread = std::thread::current();
                (thread.name().map(str::to_owned), thread.id())
            }
            pub fn print_without_end() { print!("begun by base") }
            pub fn is_panicking() -> bool { std::thread::panicking() }
        "#,
        "pub use base::thread;",
        r#"
            pub fn unpark(thread: &std::thread::Thread) { thread.unpark() }
            pub struct Guard;
            impl Drop for Guard {
                fn drop(&mut self) { println!(" {}", base::is_panicking()); }
            }
        "#,
        r#"
            use std::io::Write;

            fn main() {
                println!("{:?}", base::arguments());
                base::set_variable();
                println!("{:?}", std::env::var("SET_BY_BASE"));
                println!("{}", middle::thread().1 == std::thread::current().id());
                println!("{:?}", middle::thread().0);
                let main = std::thread::current();
                let thread = std::thread::spawn(move || local::unpark(&main));
                std::thread::park();
                thread.join().unwrap();
                base::print_without_end();
                std::io::stdout().write_all(b", ended by foo").unwrap();
                let _ = std::panic::catch_unwind(|| { let _guard = local::Guard; panic!() });
                base::print_without_end();
            }
        "#,
    );
    assert_eq!(
        stdout_of_both(&p),
        "[]\nOk(\"yes\")\ntrue\nSome(\"main\")\nbegun by base, ended by foo true\nbegun by base"
    );
}

#[cargo_test]
fn a_stack_overflow_is_told() {
    let p = layered(
        r#"
            #[inline(never)]
            pub fn recurse(depth: u64) -> u64 {
                let mut page = [depth; 512];
                std::hint::black_box(&mut page);
                if depth == u64::MAX { 0 } else { recurse(depth + 1) + page[1] }
            }
        "#,
        "pub use base::recurse;",
        "pub fn start() { println!(\"{}\", middle::recurse(0)); }",
        r#"
            fn main() {
                let thread = std::thread::Builder::new().name("deep".to_owned());
                thread.spawn(local::start).unwrap().join().unwrap();
                println!("{} {}", middle::recurse(1), base::recurse(2));
            }
        "#,
    );
    let output = same_behaviour(&p);
    assert!(!output.status.success());
    let stderr = super::text(&output.stderr);
    assert!(stderr.contains("thread 'deep'"), "{stderr}");
    assert!(stderr.contains("has overflowed its stack"), "{stderr}");
}
